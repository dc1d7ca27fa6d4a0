"""The only sleeper: holds frame ``k`` of the programme until its moment on the monotonic clock."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable

from avatar_engine.contracts import FRAME_RATE

log = logging.getLogger(__name__)

AHEAD = 0.08
"""Seconds that a frame goes out before it is due: a slow frame eats into them, and is not late."""

LOST = 0.3
"""Seconds behind at which catching up is given up: the rest of the programme moves instead. Less than what waits
in the ring, or catching up would find it empty and put idle pictures between good ones."""

WARM_UP = 5 * FRAME_RATE
"""Frames in which caches fill and connections open; late frames are also counted without them."""

LOOK = 0.002
"""Seconds between two looks for a frame that is not there yet."""


def _there() -> bool:
    return True


class Pacer:
    """Frame ``k`` is due at ``start + k / FRAME_RATE``; the start is set by the first frame.

    Args:
        clock: Seconds that never run backwards.
        sleep: Sleeps for seconds.

    Attributes:
        late: Frames that went out after they were due.
        late_warm: Those of them after `WARM_UP`.
        given_up: Frames' worth of time given up when the show fell far behind; no frame is lost by it.
        worst: The longest delay after the due time, in seconds.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._start: float | None = None
        self.late = 0
        self.late_warm = 0
        self.given_up = 0
        self.worst = 0.0

    def due(self, index: int) -> float:
        """When frame ``index`` is due, by the clock."""
        if self._start is None:
            self._start = self._clock() + AHEAD - index / FRAME_RATE
        return self._start + index / FRAME_RATE

    def wait(self, index: int, ready: Callable[[], bool] = _there) -> float:
        """Return when frame ``index`` may go out; where it is not ``ready`` by then, when it is or is due.

        Returns:
            Seconds that it is late; 0 when it is in time.
        """
        due, now = self.due(index), self._clock()
        if now < due - AHEAD:
            self._sleep(due - AHEAD - now)
        while not ready() and (left := due - self._clock()) > 0:
            self._sleep(min(LOOK, left))
        behind = now - due
        if behind <= 0:
            return 0.0
        self._count(index, behind)
        return behind

    def _count(self, index: int, behind: float) -> None:
        self.late += 1
        self.late_warm += index >= WARM_UP
        self.worst = max(self.worst, behind)
        if behind > LOST:
            given_up = math.ceil((behind + AHEAD) * FRAME_RATE)
            self.given_up += given_up
            assert self._start is not None  # noqa: S101 - for the type checker: due() has set it
            self._start += given_up / FRAME_RATE
            log.warning(
                "the show fell %.1f s behind at frame %d: it goes on %d frames later", behind, index, given_up
            )
