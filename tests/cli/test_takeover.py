"""What a show leaves to the one that takes its place."""

from __future__ import annotations

import io
import sys

import pytest

from avatar_engine.broadcast.guard import Estate
from avatar_engine.broadcast.ring import RingHandle
from avatar_engine.cli import main as command_line
from avatar_engine.cli import takeover


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeover, "_arguments", None)
    monkeypatch.setattr(takeover, "_estate", None)


def test_a_show_that_was_not_started_from_the_command_line_has_no_successor() -> None:
    assert takeover.successor() is None and takeover.estate() is None


def test_the_successor_goes_live_with_the_same_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("live", "marie.avatar", "--to", "rtmp://a/live/KEY")
    estate = Estate(RingHandle("x", 320, 180, 4), 7, 99, words)
    monkeypatch.setattr(sys, "stdin", io.StringIO(estate.to_json() + "\n"))
    monkeypatch.setattr(sys, "argv", ["takeover"])
    seen = []
    monkeypatch.setattr(command_line, "app", lambda: seen.append((sys.argv[1:], takeover.estate())))
    takeover.main()
    assert seen == [(list(words), estate)]
    successor = takeover.successor()
    assert successor is not None and successor.arguments == words
    assert "KEY" not in " ".join(successor.command)
