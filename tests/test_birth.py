"""What tells a process from a later one of the same number."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil
import pytest

from avatar_engine import birth
from avatar_engine.studio import processes


def test_a_birth_is_the_same_for_all_and_another_for_the_next_process() -> None:
    mine = birth.of(os.getpid())
    told = subprocess.run(
        [sys.executable, "-c", f"from avatar_engine import birth; print(repr(birth.of({os.getpid()})))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert float(told.stdout) == mine and birth.lives(os.getpid(), mine) and birth.of_this_start(mine)
    assert not birth.lives(os.getpid(), mine + 1) and not birth.lives(os.getpid(), mine - 1)
    assert float(int(mine)) == mine, "no bit of it is rounded away"


def test_it_is_told_to_the_tick() -> None:
    since = int(birth.of(os.getpid())) % (1 << 33) / os.sysconf("SC_CLK_TCK")
    assert since == pytest.approx(psutil.Process().create_time() - psutil.boot_time(), abs=2)


def test_one_that_has_ended_does_not_live_and_one_that_never_was_has_none() -> None:
    process = subprocess.Popen(["true"])
    born = birth.of(process.pid)
    deadline = time.monotonic() + 10
    while birth.lives(process.pid, born):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert birth.of(process.pid) == born, "nobody has collected it"
    process.wait()
    assert birth.of(process.pid) == 0 and not birth.lives(process.pid, born)


def test_a_name_with_anything_in_it_is_no_matter() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", "open('/proc/self/comm', 'w').write(') Z 1 ('); print(flush=True); input()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        process.stdout.readline()
        born = birth.of(process.pid)
        assert born >= birth.of(os.getpid()) and birth.lives(process.pid, born)
    finally:
        process.kill()
        process.wait()


def test_after_another_start_of_the_machine_nobody_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    born = birth.of(os.getpid())
    start = birth._start()
    monkeypatch.setattr(birth, "_start", lambda: start + 1)
    assert not birth.lives(os.getpid(), born) and not birth.of_this_start(born)
    assert not birth.of_this_start(0.0)


def test_the_studio_tells_its_processes_by_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: 0.0)
    assert processes.alive(os.getpid(), birth.of(os.getpid()))
    assert not processes.alive(os.getpid(), birth.of(os.getpid()) - 1) and not processes.alive(
        os.getpid(), None
    )
