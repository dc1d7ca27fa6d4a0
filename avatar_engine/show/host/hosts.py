"""Two hosts as one: a language model first, and at once the embedded host where it fails or is too slow."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from avatar_engine.show.host.endpoint import Endpoint, Streamed
from avatar_engine.show.host.reply import Host, Ready, Reply, Request

log = logging.getLogger(__name__)

REST, MOST_REST = 30.0, 300.0
"""Seconds for which a language model that failed is not asked: doubled each time, up to the second."""


class Hosts:
    """Asks a language model, and hands over to the embedded host and back.

    Args:
        endpoint: The language model; None for none.
        embedded: Answers at once, from what it knows.
        clock: Seconds that go on.

    Attributes:
        handed_over: Requests that the embedded host took over from the language model.
    """

    def __init__(
        self, endpoint: Endpoint | None, embedded: Host, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.handed_over = 0
        self._endpoint, self._embedded, self._clock = endpoint, embedded, clock
        self._rest, self._until = REST, 0.0

    def reply(self, request: Request) -> Reply:
        """Sentences for a request; none where nobody has anything to say."""
        first = None
        if request.kind in (
            "greet",
            "thank",
        ):  # words that were written before: nothing to wait or to pay for
            return self.embedded(request)
        if self._endpoint and self._clock() >= self._until:
            first = self._endpoint.reply(request)
        if first is None or self._endpoint is None:
            return self.embedded(request)
        return _Either(self, first, request, self._clock() + self._endpoint.settings.first_sentence)

    def embedded(self, request: Request) -> Reply:
        """The embedded host's sentences."""
        return self._embedded.reply(request) or Ready((), "nobody")

    def failed(self) -> None:
        """The language model brought nothing in time: it rests."""
        self.handed_over += 1
        self._until = self._clock() + self._rest
        log.warning("the embedded host takes over; the language model is asked again in %.0f s", self._rest)
        self._rest = min(MOST_REST, 2 * self._rest)

    def answered(self) -> None:
        """The language model is well."""
        self._rest = REST

    def in_time(self, deadline: float) -> bool:
        """Whether there is time left until ``deadline``."""
        return self._clock() < deadline


class _Either:
    """A `Reply` of the language model that becomes the embedded host's if no sentence comes in time."""

    def __init__(self, hosts: Hosts, first: Streamed, request: Request, deadline: float) -> None:
        self._hosts, self._request, self._deadline = hosts, request, deadline
        self._reply: Reply = first
        self._begun = False

    @property
    def ended(self) -> bool:
        """See `Reply`: one that ended without a word is not over, for the other host has not spoken."""
        return self._begun and self._reply.ended

    @property
    def by(self) -> str:
        """See `Reply`."""
        return self._reply.by

    def poll(self) -> str | None:
        """See `Reply`."""
        sentence = self._reply.poll()
        if self._begun:
            return sentence
        if sentence is not None:
            self._begun = True
            self._hosts.answered()
            return sentence
        if self._reply.ended or not self._hosts.in_time(self._deadline):
            self._reply.drop()
            self._begun = True
            self._hosts.failed()
            self._reply = self._hosts.embedded(self._request)
            return self._reply.poll()
        return None

    def drop(self) -> None:
        """See `Reply`."""
        self._begun = True
        self._reply.drop()
