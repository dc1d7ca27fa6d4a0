"""The program beside a show: nothing of it outlives its lease, whoever dies."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from avatar_engine import birth
from avatar_engine.fleet import keeper
from avatar_engine.fleet.keeper import Task
from avatar_engine.fleet.lease import LeaseFile, clock

ROOT = Path(__file__).parents[2]
STAND_IN = (sys.executable, "-m", "tests.fleet.stand_in")


def until(true: Callable[[], object], limit: float = 20.0) -> None:
    deadline = time.monotonic() + limit
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


def lives(pid: int) -> bool:
    with suppress(psutil.Error):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


class Run:
    """A run with a keeper."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.run = folder, folder / "1"
        self.run.mkdir(parents=True)
        self.mark = f"test/{folder}/{os.getpid()}"  # no other's: the last test's second may have a look to go
        self.lease = LeaseFile(self.run / keeper.LEASE)

    def begin(self, *words: str, until: float = math.inf, hidden: tuple[str, ...] = ()) -> None:
        self.lease.write(until)
        task = Task(
            STAND_IN, json.dumps(words) + "\n", str(self.folder), str(self.run), self.mark, hidden=hidden
        )
        keeper.begin(task)

    def family(self) -> list[int]:
        path = self.folder / "family.json"
        until(path.exists)
        return list(json.loads(path.read_text()))

    def keepers(self) -> tuple[int, int]:
        told = json.loads((self.run / keeper.BEGUN).read_text())
        return told["pid"], told["second"]

    def over(self) -> dict[str, object]:
        return dict(json.loads((self.run / keeper.OVER).read_text()))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    one = Run(tmp_path / "task")
    yield one
    keeper.end(one.run, one.mark)


def test_all_of_a_show_is_killed_when_its_lease_is_over(run: Run) -> None:
    run.begin("family", until=clock() + 600)
    family = run.family()
    assert keeper.alive(run.run) and all(map(lives, family))
    run.lease.write(clock())
    until(lambda: not any(map(lives, family)), 5)
    until(lambda: not keeper.alive(run.run))
    assert run.over()["why"] == "lost the lease"


def test_nothing_is_started_when_the_lease_is_over_already(run: Run) -> None:
    run.begin("family", until=clock() - 1)
    until(lambda: (run.run / keeper.OVER).exists())
    assert not (run.folder / "family.json").exists()


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_keeper_that_dies_or_hangs_leaves_nothing_on_air(run: Run, which: int, how: signal.Signals) -> None:
    run.begin("family", until=clock() + 600)
    family = run.family()
    os.kill(run.keepers()[which], how)
    if how == signal.SIGSTOP:
        assert all(map(lives, family))
        run.lease.write(clock())
    until(lambda: not any(map(lives, family)), 10)
    with suppress(ProcessLookupError):
        os.kill(run.keepers()[which], signal.SIGKILL)


def test_a_show_whose_first_process_died_is_kept_as_long_as_another_goes_on(run: Run) -> None:
    run.begin("heir")
    first, *heirs = run.family()
    until(lambda: not lives(first))
    time.sleep(3 * keeper.LOOK)
    assert keeper.alive(run.run) and all(map(lives, heirs))
    keeper.end(run.run, run.mark)
    assert not any(map(lives, heirs)) and not keeper.alive(run.run)


def test_a_show_that_ends_by_itself_ends_its_keepers(run: Run) -> None:
    run.begin("refuse")
    until(lambda: (run.run / keeper.OVER).exists())
    pids = run.keepers()
    until(lambda: not any(map(lives, pids)))
    assert run.over() == {"code": 2, "why": ""}
    assert "The consent does not cover it." in (run.run / keeper.LOG).read_text()


def test_other_shows_keys_and_a_clusters_variables_do_not_reach_a_show(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET", "key")
    run.begin("tell", "x", hidden=("A_SECRET",))
    until((run.folder / "told.json").exists)
    assert json.loads((run.folder / "told.json").read_text()) == {"words": ["tell", "x"], "secret": None}
    monkeypatch.setenv("RAY_ADDRESS", "x")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert not {"RAY_ADDRESS", "OMP_NUM_THREADS"} & set(keeper.environment())


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[str]]:
    """A program of somebody else's, first of a session, which tells the number of a child of its in the same one."""
    environ = os.environ.get("STRANGER_ENV", "None")
    begin = f"print(subprocess.Popen(['sleep', '60'], env={environ}).pid, flush=True)"
    words = [sys.executable, "-c", f"import subprocess, time; {begin}; time.sleep(60)"]
    one = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True)
    yield one
    with suppress(ProcessLookupError):
        os.killpg(one.pid, signal.SIGKILL)
    one.wait()


def kept(run: Run, session: int, **more: float) -> None:
    """What a keeper that is gone has left."""
    told = {"pid": 0, "born": 0.0, "second": 0, "session": session, **more}
    (run.run / keeper.BEGUN).write_text(json.dumps(told))


def child_of(stranger: subprocess.Popen[str]) -> int:
    assert stranger.stdout is not None
    return int(stranger.stdout.readline())


@pytest.mark.parametrize("leader", [{}, {"leader": 0.0}, {"leader": 1e15}])
def test_a_session_whose_number_went_to_somebody_else_is_left_alone(
    run: Run, stranger: subprocess.Popen[str], leader: dict[str, float]
) -> None:
    child = child_of(stranger)
    kept(run, stranger.pid, **leader)
    assert keeper.kill(run.run, run.mark)
    assert lives(stranger.pid) and lives(child)
    kept(run, stranger.pid, leader=birth.of(stranger.pid))
    assert keeper.kill(run.run, run.mark)
    assert not lives(stranger.pid) and not lives(child)


def test_a_session_of_before_the_machines_start_is_nobodys(
    run: Run, stranger: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    child = child_of(stranger)
    kept(run, stranger.pid, leader=birth.of(stranger.pid))
    start = birth._start()
    monkeypatch.setattr(birth, "_start", lambda: start + 1)
    assert keeper.kill(run.run, run.mark) and not keeper.alive(run.run)
    assert lives(stranger.pid) and lives(child)


@pytest.mark.parametrize("environ", ["None", "{}"])
def test_without_its_first_process_a_session_is_ours_only_where_no_environment_tells(
    run: Run, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, environ: str
) -> None:
    monkeypatch.setenv("STRANGER_ENV", environ)
    stranger = request.getfixturevalue("stranger")
    child = child_of(stranger)
    kept(run, stranger.pid, leader=birth.of(stranger.pid))
    stranger.kill()
    stranger.wait()
    keeper.kill(run.run, run.mark)
    assert lives(child) == (environ == "None"), "one that has written its title over its environment"


def test_a_clock_that_is_set_costs_no_show_its_keeper(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.begin("family")
    run.family()
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: time.time() + 3600)
    monkeypatch.setattr(time, "time", lambda: 1.0)
    assert keeper.alive(run.run) and keeper.first(run.run)


def test_another_run_is_not_touched(run: Run, tmp_path: Path) -> None:
    other = Run(tmp_path / "other")
    run.begin("family")
    other.begin("family")
    ours, theirs = run.family(), other.family()
    keeper.end(run.run, run.mark)
    assert not any(map(lives, ours)) and all(map(lives, theirs)) and keeper.alive(other.run)
    keeper.end(other.run, other.mark)
    assert not any(map(lives, theirs))
