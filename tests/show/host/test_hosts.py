"""The embedded host steps in at once where the language model fails, and hands back."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

from avatar_engine.show.host.hosts import MOST_REST, REST, Hosts
from avatar_engine.show.host.reply import Ready, Reply, Request

REQUEST = Request("answer", "Q?", "en")


class Embedded:
    def reply(self, request: Request) -> Reply | None:
        return Ready(["Embedded."], "embedded") if request.text == "Q?" else None


class Slow(Ready):
    """Has its sentence after so many asks; None never."""

    def __init__(self, after: int | None) -> None:
        super().__init__(["Model."], "model")
        self._after = after
        self.dropped = False

    def poll(self) -> str | None:
        if self._after is None or self._after > 0:
            self._after = None if self._after is None else self._after - 1
            return None
        return super().poll()

    def drop(self) -> None:
        self.dropped = True
        super().drop()


class Model:
    settings = SimpleNamespace(first_sentence=2.0)

    def __init__(self) -> None:
        self.after: int | None = 0
        self.asked = 0
        self.last: Any = None

    def reply(self, request: Request) -> Any:
        self.asked += 1
        self.last = Slow(self.after)
        return self.last


def test_without_a_model_the_embedded_host_answers_and_nobody_is_an_end() -> None:
    hosts = Hosts(None, Embedded())
    assert hosts.reply(REQUEST).poll() == "Embedded."
    assert hosts.reply(Request("answer", "Other?", "en")).ended


def test_a_model_in_time_speaks_for_itself() -> None:
    now, model = [0.0], Model()
    model.after = 3
    reply = Hosts(model, Embedded(), lambda: now[0]).reply(REQUEST)  # type: ignore[arg-type]
    said = [reply.poll() for _ in range(4)]
    assert said == [None, None, None, "Model."] and reply.by == "model" and reply.ended


def test_a_model_that_is_late_is_dropped_rests_longer_each_time_and_is_asked_again() -> None:
    now, model = [0.0], Model()
    model.after = None
    hosts = Hosts(model, Embedded(), lambda: now[0])  # type: ignore[arg-type]
    rest = REST
    for turn in range(1, 7):
        reply = hosts.reply(REQUEST)
        assert reply.poll() is None and not reply.ended
        now[0] += 2.1
        assert reply.poll() == "Embedded." and model.last.dropped and hosts.handed_over == turn
        now[0] += rest - 1.0
        assert hosts.reply(REQUEST).by == "embedded" and model.asked == turn, "it rests"
        now[0] += 1.1
        rest = min(MOST_REST, 2 * rest)
    model.after = 0
    assert hosts.reply(REQUEST).poll() == "Model." and hosts.handed_over == 6


def test_a_model_that_ends_without_a_word_is_taken_over_from_at_once() -> None:
    model = Model()
    hosts = Hosts(model, Embedded(), time.monotonic)  # type: ignore[arg-type]
    reply = hosts.reply(REQUEST)
    model.last.drop()
    assert reply.poll() == "Embedded." and reply.by == "embedded"
