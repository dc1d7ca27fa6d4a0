"""The broadcast's process guards the show's: who is dead, hung or broken down is succeeded, who is slow is not."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from avatar_engine.broadcast import guard as guards
from avatar_engine.broadcast.guard import Estate, Guard, Successor
from avatar_engine.broadcast.ring import FAILED, FrameRing, RingHandle

ESTATE = Estate(RingHandle("x", 320, 180, 4), 7, 99, ("live", "--to", "rtmp://a/live/KEY"))


class Desk:
    """A ring, a guard, and what became of both."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
        self.ring = FrameRing.make(64, 36, 4)
        self.told, self.killed = folder / "told", list[tuple[int, int]]()
        self.lines: list[Connection] = []
        self.parent, self._kill = os.getppid(), os.kill
        monkeypatch.setattr(os, "kill", lambda pid, number: self.killed.append((pid, number)))
        monkeypatch.setattr(os, "getppid", lambda: self.parent)
        command = (sys.executable, "-c", code, str(self.told))
        self.guard = Guard(self.ring, Successor(command, ("live", "KEY")), self.lines.append)

    def frames(self, count: int, *, idle: bool) -> bool:
        """So many frames go out; whether the broadcast is to go on."""
        on = True
        for _ in range(count):
            self.ring.next += 1
            self.ring.gap = self.ring.gap + 1 if idle else 0
            on = self.guard()
        return on

    def close(self) -> None:
        """End what was started, which would else be waited for: here nobody else may be killed."""
        if process := self.guard._process:
            if process.poll() is None:
                self._kill(process.pid, signal.SIGKILL)
            process.wait(10)
        self.ring.discard()

    def until_told(self) -> Estate:
        for _ in range(500):
            if self.told.exists() and self.told.read_text().endswith("\n"):
                return Estate.from_json(self.told.read_text())
            time.sleep(0.02)
        raise AssertionError("no successor has come")


READS = (
    "import pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text(sys.stdin.readline()); time.sleep(60)"
)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    made = Desk(tmp_path, monkeypatch, READS)
    yield made
    made.close()


def test_an_estate_travels_as_one_line() -> None:
    assert Estate.from_json(ESTATE.to_json()) == ESTATE
    assert "\n" not in ESTATE.to_json()
    with pytest.raises(ValueError, match="no estate"):
        Estate.from_json(json.dumps({"ring": {}}))


def test_a_dead_show_is_succeeded_and_its_key_is_in_no_command(desk: Desk) -> None:
    desk.ring.tended = 1
    assert desk.frames(10, idle=False) and not desk.lines
    desk.parent = 1
    assert desk.frames(1, idle=True)
    estate = desk.until_told()
    assert (estate.ring, estate.broadcast) == (desk.ring.handle, os.getpid())
    assert estate.arguments == ("live", "KEY")
    assert "KEY" not in Path(f"/proc/{desk.guard._process.pid}/cmdline").read_text()  # type: ignore[union-attr]
    assert len(desk.lines) == 1 and desk.ring.successions == 1 and not desk.ring.tended
    assert not desk.killed and desk.guard.orphaned


def test_a_hung_show_is_killed_first(desk: Desk) -> None:
    desk.ring.tended = 1
    assert desk.frames(guards.HUNG, idle=True) and not desk.killed
    assert desk.frames(2, idle=True)
    assert desk.killed == [(desk.parent, signal.SIGKILL)]
    assert len(desk.lines) == 1


def test_a_show_that_is_held_up_while_its_programme_goes_on_is_left_in_peace(desk: Desk) -> None:
    """A terminal that is scrolled back holds up who writes to it, but not the presenter."""
    desk.ring.tended = 1
    assert desk.frames(3 * guards.HUNG, idle=False)
    assert not desk.killed and not desk.lines


def test_a_show_that_idles_on_purpose_is_left_in_peace(desk: Desk) -> None:
    for beat in range(1, 40):
        desk.ring.tended = beat
        assert desk.frames(guards.HUNG // 4, idle=True)
    assert not desk.killed and not desk.lines


def test_a_show_that_has_broken_down_is_succeeded_at_once(desk: Desk) -> None:
    desk.ring.tended = FAILED
    assert desk.frames(1, idle=False)
    assert desk.killed == [(desk.parent, signal.SIGKILL)] and len(desk.lines) == 1


def test_a_show_that_ends_has_no_successor(desk: Desk) -> None:
    desk.ring.finish(drain=True)
    desk.parent = 1
    assert desk.frames(3, idle=True)
    assert not desk.lines


def test_successors_that_die_are_followed_by_others_and_in_the_end_by_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path, monkeypatch, "raise SystemExit(3)")
    desk.parent = 1
    deadline = time.monotonic() + 60
    while desk.frames(1, idle=True) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(desk.lines) == desk.ring.successions == guards.BUDGET
    desk.ring.discard()


def test_without_a_successor_the_broadcast_ends_with_the_show(desk: Desk) -> None:
    alone = Guard(desk.ring, None, desk.lines.append)
    desk.ring.tended = 1
    for _ in range(2 * guards.HUNG):
        desk.ring.next += 1
        desk.ring.gap += 1
        assert alone(), "it may only be slow"
    assert not desk.killed
    desk.parent = 1
    assert not alone() and not desk.lines
