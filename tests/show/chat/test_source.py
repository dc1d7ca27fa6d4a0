"""A source comes back by itself, later and later."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from avatar_engine.show.chat import source
from avatar_engine.show.chat.message import Link, Put
from avatar_engine.show.chat.source import AwayError, OverError, kept


class Stop(threading.Event):
    """Counts how long was waited, and ends after so many waits."""

    def __init__(self, waits: int) -> None:
        super().__init__()
        self.waits, self._most = list[float](), waits

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout or 0.0)
        if len(self.waits) >= self._most:
            self.set()
        return self.is_set()


def held(waits: int, *faults: BaseException | None) -> tuple[list[Any], Stop]:
    got, stop, left = list[Any](), Stop(waits), list(faults)

    def session(put: Put, stop: threading.Event) -> None:
        fault = left.pop(0) if left else None
        if fault:
            raise fault

    kept("shop", session, got.append, stop)
    return got, stop


def test_waits_grow_with_some_chance_in_them_and_have_an_end() -> None:
    got, stop = held(14, *[OSError("refused")] * 14)
    assert got == [Link(False, "refused")] * 14
    for n, wait in enumerate(stop.waits):
        due = min(source.MOST, source.FIRST * 1.5 ** (n + 1))
        assert 0.8 * due <= wait <= 1.2 * due
    assert len({round(wait / stop.waits[-1], 3) for wait in stop.waits[-5:]}) > 1, "chance"


def test_what_a_platform_asks_for_is_waited_at_least() -> None:
    got, stop = held(1, AwayError("the quota is used up", 900.0))
    assert got == [Link(False, "the quota is used up")] and stop.waits[0] >= 900.0


def test_a_session_that_ends_well_is_held_again_without_a_word() -> None:
    got, stop = held(3, None, None, None)
    assert got == [] and len(stop.waits) == 3


def test_the_end_is_the_end_and_a_defect_is_none(caplog: pytest.LogCaptureFixture) -> None:
    got, stop = held(9, ValueError("x"), EOFError(), OverError("the broadcast has ended"))
    assert got == [
        Link(False, "a defect: ValueError"), Link(False, "EOFError"),
        Link(False, "the broadcast has ended", final=True),
    ]  # fmt: skip
    assert len(stop.waits) == 2 and "the chat failed" in caplog.text
