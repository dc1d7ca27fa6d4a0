"""Seats are released by the kernel when their processes die, and never taken twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from avatar_engine.broadcast.memory import locked
from avatar_engine.capacity import seats
from avatar_engine.capacity.seats import Seat
from avatar_engine.errors import AvatarError
from tests.capacity.machines import demand, seat

HOLDER = """
import sys, time
from avatar_engine.capacity import seats
from tests.capacity.machines import seat
def decide(taken):
    if len(taken) >= int(sys.argv[2]):
        print("full", flush=True)
        sys.exit(3)
    return seat(sys.argv[1])
hold = seats.take(decide)
print("taken", flush=True)
sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path))
    return tmp_path


def begun(name: str, most: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, name, str(most)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip


def answer(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_seat_is_taken_told_and_let_go():
    with seats.take(lambda _: seat("marie")) as hold:
        (found,) = seats.taken()
        assert (found.show, found.pid, found.demand) == ("marie", os.getpid(), demand())
        hold.tell(hold.seat.model_copy(update={"ring": "abc", "show": "m"}))
        assert [(one.show, one.ring) for one in seats.taken()] == [("m", "abc")]
    assert seats.taken() == [] and not list(seats.folder().glob("*.seat"))


def test_a_killed_process_leaves_no_seat():
    process = begun("anna", 1)
    assert answer(process) == "taken" and [one.show for one in seats.taken()] == ["anna"]
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert seats.taken() == []


def test_of_several_that_start_at_once_only_so_many_get_a_seat_as_there_are():
    processes = [begun(f"s{number}", 2) for number in range(5)]
    answers = sorted(answer(process) for process in processes)
    assert answers == ["full"] * 3 + ["taken"] * 2
    for process in processes:
        process.communicate("\n")
    assert seats.taken() == []


def test_the_last_process_of_a_show_keeps_its_seat_and_its_heir_finds_it():
    process = begun("anna", 1)
    assert answer(process) == "taken"
    (path,) = seats.folder().glob("*.seat")
    descriptor = locked(path)  # as the broadcast's process does
    process.kill()
    process.wait()
    assert [one.show for one in seats.taken()] == ["anna"]
    assert seats.heir_of("ring") is None
    hold = seats.join(path)
    assert hold is not None
    hold.tell(hold.seat.model_copy(update={"ring": "ring"}))
    heir = seats.heir_of("ring")
    assert heir is not None and heir.seat.show == "anna"
    os.close(descriptor)
    hold.release()
    assert [one.show for one in seats.taken()] == ["anna"], "the heir still holds it"
    heir.release()
    assert seats.taken() == [] and seats.join(path) is None


def test_who_is_refused_takes_nothing():
    def decide(_: Sequence[Seat]) -> Seat:
        raise AvatarError("There is no room.", "Wait.")

    with pytest.raises(AvatarError, match="no room"):
        seats.take(decide)
    assert seats.taken() == []


def test_a_torn_seat_counts_for_nobody(home: Path):
    with seats.take(lambda _: seat()) as hold:
        hold.path.write_text("{")
        assert seats.taken() == []


def test_a_folder_that_cannot_be_written_is_told(home: Path):
    (home / "state").write_text("a file")
    with pytest.raises(AvatarError, match="No seat"):
        seats.take(lambda _: seat())
    assert seats.taken() == []
