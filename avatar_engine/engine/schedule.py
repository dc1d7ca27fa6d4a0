"""Which shows' requests a device paints next, and together: pure logic, no threads, no clock of its own.

The earliest deadline goes first. A batch closes when it is full, when all shows that could join it have done so, or
when waiting any longer would miss its earliest deadline by what such batches have taken so far.
"""

from __future__ import annotations

import bisect
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import attrgetter
from typing import Generic, TypeVar

from avatar_engine.contracts import FRAME_RATE

Work = TypeVar("Work")

PERIOD = 1 / FRAME_RATE

PACE = 0.9 * PERIOD
"""Seconds that a show's requests are apart at least in the order: one that sends more takes what the others leave."""

FARTHEST = 1.0
"""Seconds from now to the latest place in the order: whoever renders a file is not put off for ever."""

ACTIVE = 3 * PERIOD
"""Seconds after its last request in which a show is waited for."""

MARGIN = 0.002
"""Seconds in which an answer goes back."""

RISE, FALL = 0.5, 0.05
"""How fast the expected time of a batch follows a longer and a shorter one: late is worse than early."""


@dataclass(frozen=True, slots=True)
class Request(Generic[Work]):
    """One picture of one show.

    Attributes:
        show: Whose.
        key: What may be painted together has the same key.
        came: When it came, in seconds of the caller's monotonic clock.
        due: When its answer is wanted, likewise.
        work: What is to be done.
    """

    show: int
    key: Hashable
    came: float
    due: float
    work: Work


@dataclass(slots=True)
class _Place(Generic[Work]):
    """A request in the order."""

    order: float
    request: Request[Work]


_order = attrgetter("order")


@dataclass(slots=True)
class _Pace:
    """How a show sends: its last place in the order, and its last request's coming and key."""

    order: float = field(default=float("-inf"))
    came: float = field(default=float("-inf"))
    key: Hashable = None


class Schedule(Generic[Work]):
    """What waits, in order.

    Args:
        most: Requests in one batch at most.
        expected: Seconds of a batch of which none was measured yet.
    """

    def __init__(self, most: int = 1, expected: float = 0.005) -> None:
        self._most, self._first = most, expected
        self._waiting: list[_Place[Work]] = []  # in order
        self._shows: dict[int, _Pace] = {}
        self._times: dict[tuple[Hashable, int], float] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, request: Request[Work]) -> None:
        """Take a request; a show has one at a time."""
        pace = self._shows.setdefault(request.show, _Pace())
        # A deadline that is over gains nothing, and neither does sending more often than pictures are shown.
        order = min(max(request.due, request.came, pace.order + PACE), request.came + FARTHEST)
        pace.order, pace.came, pace.key = order, request.came, request.key
        bisect.insort(self._waiting, _Place(order, request), key=_order)

    def forget(self, show: int) -> None:
        """A show has gone."""
        self._shows.pop(show, None)
        self._waiting = [place for place in self._waiting if place.request.show != show]

    def took(self, key: Hashable, count: int, seconds: float) -> None:
        """A batch of ``count`` requests took so long."""
        known = self._times.get((key, count))
        follow = 1.0 if known is None else RISE if seconds > known else FALL
        self._times[key, count] = (known or 0.0) + follow * (seconds - (known or 0.0))

    def expected(self, key: Hashable, count: int) -> float:
        """Seconds that a batch will take: as measured, or as the nearest larger or else smaller one."""
        known = {n: seconds for (other, n), seconds in self._times.items() if other == key}
        if not known:
            return self._first
        larger = [n for n in known if n >= count]
        return known[min(larger)] if larger else known[max(known)]

    def take(self, now: float) -> Sequence[Request[Work]]:
        """The next batch, earliest first; empty while it is better to wait (see `wait`)."""
        if not self._waiting or self.wait(now):
            return ()
        batch = self._batch()
        gone = {id(place) for place in batch}
        self._waiting = [place for place in self._waiting if id(place) not in gone]
        return [place.request for place in batch]

    def wait(self, now: float) -> float | None:
        """Seconds after which `take` gives a batch unless more comes; 0 for now, None where nothing waits."""
        if not self._waiting:
            return None
        batch = self._batch()
        key = batch[0].request.key
        if len(batch) >= self._most or len(batch) >= self._could_join(key, now):
            return 0.0
        soonest = min(place.request.due for place in batch)
        return max(0.0, soonest - MARGIN - self.expected(key, len(batch) + 1) - now)

    def _batch(self) -> list[_Place[Work]]:
        """What would go next: the first in the order, and the next of its key."""
        key = self._waiting[0].request.key
        return list(islice((place for place in self._waiting if place.request.key == key), self._most))

    def _could_join(self, key: Hashable, now: float) -> int:
        """Shows that send requests of this kind, and have lately."""
        return sum(pace.key == key and now - pace.came <= ACTIVE for pace in self._shows.values())
