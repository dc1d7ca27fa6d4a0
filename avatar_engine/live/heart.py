"""Signs of life between processes: a count in shared memory that goes up while its process works."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from multiprocessing.sharedctypes import RawValue

BEAT = 0.1
"""Seconds between two beats of a heart."""

LOOKED = 0.25
"""Seconds that one look counts for at most: whoever was held up himself has not watched all that time."""


class Heart:
    """Beats in a thread of the process that it is handed to; may be passed to a spawned process."""

    def __init__(self) -> None:
        self._beats = RawValue("q", 0)

    def count(self) -> int:
        """Beats so far."""
        return int(self._beats.value)

    def start(self) -> None:
        """Beat until the process ends."""
        threading.Thread(target=self._run, name="heart", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._beats.value += 1
            time.sleep(BEAT)


class Watch:
    """Watches another process's count.

    Args:
        beats: Anything that changes while the process lives.
        clock: Seconds, monotonic.
    """

    def __init__(self, beats: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self._beats, self._clock = beats, clock
        self._last, self._looked, self._still = beats(), clock(), 0.0

    def still(self) -> float:
        """Seconds for which it has not changed, as far as this was called meanwhile."""
        now, beats = self._clock(), self._beats()
        self._still = self._still + min(now - self._looked, LOOKED) if beats == self._last else 0.0
        self._looked, self._last = now, beats
        return self._still
