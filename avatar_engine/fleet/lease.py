"""Who may be on air: leases, by which no two machines ever publish the same show at once.

The supervisor lets one machine at a time run a show, under a *token*, a number that only grows. The machine has a
*lease*: a moment of its own clock up to which it may be on air. A program beside the show (`keeper`) kills the show
when that moment comes, whatever else has died meanwhile. So that no message can lengthen a lease by having been long
on its way, the supervisor never says "twelve more seconds": the machine says what its clock shows (a *stamp*), and the
supervisor, later, "twelve seconds from that stamp of yours". Whatever happens to that message, the lease is over at the
latest twelve seconds after the supervisor wrote it down; it waits for that, and a margin, before it starts the show
elsewhere. Clocks are never compared, only their rates are trusted, and the margin allows one to be a tenth faster.

The clock counts while the machine sleeps. A virtual machine that is stopped from outside and goes on later does not
notice it: for the rest of its lease it may send then, which is the one case in which two can be on air (a server
refuses the second publisher of a key, or throws the first one out).
"""

from __future__ import annotations

import math
import os
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MARGIN, DRIFT = 1.5, 0.1
"""Seconds, and share of the lease, that the supervisor waits longer than a lease: for the keeper's look, for the end of
the processes, and for clocks that don't run alike."""

_FORM = struct.Struct("<d")

Clock = Callable[[], float]


def clock() -> float:
    """Seconds of a clock that nobody sets and that counts while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class LeaseFile:
    """Until when a show may be on air, for the programs of one machine.

    It is written in place, eight bytes: a disk that is full keeps nobody from going on.

    Args:
        path: Its file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, until: float) -> None:
        """Lengthen it, or end it with ``-math.inf``.

        Raises:
            OSError: It can't be written.
        """
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(descriptor, _FORM.pack(until), 0)
        finally:
            os.close(descriptor)

    def until(self) -> float:
        """The moment; one that can't be read is past."""
        try:
            return float(_FORM.unpack(self._path.read_bytes())[0])
        except (OSError, struct.error):
            return -math.inf

    def lost(self, now: float | None = None) -> bool:
        """Whether it is over."""
        return (clock() if now is None else now) >= self.until()


@dataclass(slots=True)
class Granted:
    """The supervisor's side of a lease.

    Attributes:
        lease: Seconds of it; infinite on this machine, where there is nobody to lose.
        at: When the newest one was written down, before it was sent.
    """

    lease: float
    at: float

    def grant(self, stamp: float, now: float) -> float:
        """A new one: the moment of the machine's clock up to which it may go on.

        Args:
            stamp: What the machine's clock showed before ``now``.
            now: The supervisor's clock.
        """
        self.at = now
        return stamp + self.lease

    def over(self, now: float) -> bool:
        """Whether whoever held one has certainly lost it, and ended what it ran."""
        return now > self.at + self.lease * (1 + DRIFT) + MARGIN

    def left(self, now: float) -> float:
        """Seconds until then."""
        return max(0.0, self.at + self.lease * (1 + DRIFT) + MARGIN - now)
