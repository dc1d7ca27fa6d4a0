"""The machines of a fleet as the supervisor sees them: which there are, and a line to the hand on each.

A fleet of one machine needs no cluster: `Local` calls a `Hand` in this very process. `avatar_engine.fleet.on_ray` is
the same for a Ray cluster.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

from avatar_engine.fleet import facts
from avatar_engine.fleet.facts import Facts
from avatar_engine.fleet.hand import Hand
from avatar_engine.fleet.placing import Cost, Node

HERE = "here"
"""Id of this machine in a fleet of one."""


class Line(Protocol):
    """A line to the hand on one machine, for one task."""

    def ask(self, method: str, *arguments: Any) -> Future[Any]:
        """Have a method of `Hand` called; an error that comes of it is in the future."""

    def close(self) -> None:
        """Let go of it; what the hand has started goes on."""


class Machines(Protocol):
    """All machines.

    Attributes:
        lease: Seconds of a lease; infinite where the supervisor is on the same machine as all shows.
    """

    lease: float

    def nodes(self) -> Sequence[tuple[Node, Facts]]:
        """Those that there are now, and what is known of each; answers at once."""

    def reach(self, node: str, task: str, cost: Cost) -> Line:
        """A line to a machine, on which this much of it is reserved for the task."""

    def close(self) -> None:
        """Let go of all."""


class LocalLine:
    """Calls on this machine, in threads, so that none holds the supervisor up.

    Args:
        hand: Who is called.
        pool: The threads.
    """

    def __init__(self, hand: Hand, pool: ThreadPoolExecutor) -> None:
        self._hand, self._pool = hand, pool

    def ask(self, method: str, *arguments: Any) -> Future[Any]:
        return self._pool.submit(getattr(self._hand, method), *arguments)

    def close(self) -> None:
        """Nothing is held."""


class Local:
    """This machine alone."""

    lease = math.inf

    def __init__(self) -> None:
        self._hand = Hand()
        self._pool = ThreadPoolExecutor(8, "hand")
        self._facts = facts.here()

    def nodes(self) -> Sequence[tuple[Node, Facts]]:
        known = self._facts
        return [(known.node(HERE, known.name), known)]

    def reach(self, node: str, task: str, cost: Cost) -> LocalLine:
        return LocalLine(self._hand, self._pool)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


__all__ = ["HERE", "Line", "Local", "LocalLine", "Machines"]
