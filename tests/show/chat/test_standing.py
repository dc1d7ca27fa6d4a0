"""What is known of a source: told once, counted, and no flood gets through."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest

from avatar_engine.show.chat import standing
from avatar_engine.show.chat.message import Count, Link, Message, Put
from avatar_engine.show.chat.standing import Audience, Watched, finished, started


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_break_is_told_once_and_its_end_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    told, clock = list[Mapping[str, Any]](), Clock()
    watched = Watched("shop", lambda came: None, told.append, clock)
    assert watched.standing.state == "connecting"
    for now, link in (
        (1, Link(True)), (2, Link(True)), (10, Link(False, "refused")), (15, Link(False, "timed out")),
        (40, Link(True)), (41, Link(True)),
    ):  # fmt: skip
        clock.now = now
        watched.put(link)
    assert told == [
        {"event": "chat", "source": "shop", "state": "connected"},
        {"event": "chat", "source": "shop", "state": "away", "why": "refused"},
        {"event": "chat", "source": "shop", "state": "connected", "after": 30},
    ]
    assert watched.standing.breaks == 1 and watched.standing.why == ""
    assert caplog.text.count("is away (refused)") == 1 and "timed out" not in caplog.text
    assert caplog.text.count("again after 30 s") == 1


def test_why_it_is_away_is_kept_up_to_date_and_the_end_is_the_end() -> None:
    watched = Watched("shop", lambda came: None)
    watched.put(Link(False, "refused"))
    watched.put(Link(False, "timed out"))
    assert (watched.standing.state, watched.standing.why) == ("away", "timed out")
    watched.put(Link(False, "the broadcast has ended", final=True))
    watched.put(Link(True))
    assert (watched.standing.state, watched.standing.why) == ("ended", "the broadcast has ended")


def test_messages_and_the_worth_of_gifts_are_counted_in_bounded_memory() -> None:
    got = list[Message | Count]()
    watched = Watched("shop", got.append)
    watched.put(Count("viewers", 7))
    for amount, currency in ((5.0, "EUR"), (2.5, "EUR"), (100.0, "bits")):
        watched.put(Message("shop", "", "Ann", "", "gift", amount, currency))
    for number in range(100):
        watched.put(Message("shop", "", "Ann", "", "gift", 1.0, f"C{number}"))
    known = watched.standing
    assert (known.state, known.messages, len(got)) == ("connected", 103, 104)
    assert known.worth["EUR"] == 7.5 and known.worth["bits"] == 100.0
    assert len(known.worth) == standing.CURRENCIES


def test_a_flood_is_cut_and_counted_and_told_once(caplog: pytest.LogCaptureFixture) -> None:
    got, told, clock = list[Message | Count](), list[Mapping[str, Any]](), Clock()
    watched = Watched("shop", got.append, told.append, clock)
    one = Message("shop", "", "Ann", "a")
    for _ in range(3 * standing.BURST):
        watched.put(one)
    assert len(got) == standing.BURST and watched.standing.dropped == 2 * standing.BURST
    clock.now += 2.0
    for _ in range(2000):
        watched.put(one)
    assert len(got) == standing.BURST + 2 * standing.RATE
    assert sum(entry["state"] == "flood" for entry in told) == 1 and caplog.text.count("dropped") == 1


class Broken:
    name = "broken"

    def ready(self) -> None: ...

    def reserve(self) -> None: ...

    def run(self, put: Put, stop: threading.Event) -> None:
        raise RuntimeError("a secret in here")


class Quiet(Broken):
    name = "quiet"

    def run(self, put: Put, stop: threading.Event) -> None:
        put(Message("quiet", "", "Ann", "hello"))


def test_a_source_that_raises_or_returns_is_at_its_end_and_the_others_go_on() -> None:
    got = list[Message | Count]()
    watched = started([Broken(), Quiet()], got.append, threading.Event())
    limit = time.monotonic() + 5
    while any(one.standing.state != "ended" for one in watched) and time.monotonic() < limit:
        time.sleep(0.01)
    assert [(one.standing.state, one.standing.why) for one in watched] == [
        ("ended", "a defect: RuntimeError"),
        ("ended", "nothing more will come"),
    ]
    assert len(got) == 1


def test_viewers_of_several_platforms_are_added_up() -> None:
    got, audience = list[Message | Count](), Audience()
    one, other = (Watched(name, got.append, audience=audience) for name in ("youtube", "relay"))
    one.put(Count("viewers", 1240))
    other.put(Count("viewers", 50))
    other.put(Count("sales", 3))
    one.put(Link(False, "timed out"))
    other.put(Count("viewers", 60))
    one.put(Link(False, "the broadcast has ended", final=True))
    other.put(Count("viewers", 70))
    assert got == [
        Count("viewers", 1240), Count("viewers", 1290), Count("sales", 3), Count("viewers", 1300),
        Count("viewers", 70),
    ]  # fmt: skip


def test_a_figure_of_the_audience_does_not_make_a_chat_that_is_away_heard() -> None:
    told = list[Mapping[str, Any]]()
    watched = Watched("youtube", lambda came: None, told.append)
    for _ in range(5):
        watched.put(Count("viewers", 5))
        watched.put(Link(False, "the broadcast has no live chat now"))
    assert watched.standing.state == "away" and len(told) == 2


class Slow(Broken):
    name = "slow"

    def run(self, put: Put, stop: threading.Event) -> None:
        stop.wait()
        time.sleep(0.2)


def test_the_end_is_waited_for_a_while() -> None:
    stop = threading.Event()
    watched = started([Slow(), Slow()], lambda came: None, stop)
    assert not finished(watched, 0.05)
    stop.set()
    assert finished(watched, 5.0)
