"""How often somebody may ask: a bucket of tokens for everyone, which fills up again."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MOST = 10_000
"""Callers that are remembered; who was not seen for longest is forgotten first."""


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Rate:
    """``burst`` at once and ``per_second`` in the long run, for each caller.

    Args:
        per_second: How many tokens come back.
        burst: How many there are at first.
        clock: Seconds, monotonic.
    """

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, caller: str) -> float:
        """Take a token; 0.0, or the seconds after which there is one."""
        now = self._clock()
        with self._lock:
            bucket = self._buckets.setdefault(caller, _Bucket(self._burst, now))
            self._buckets.move_to_end(caller)
            if len(self._buckets) > MOST:
                self._buckets.popitem(last=False)
            bucket.left = min(self._burst, bucket.left + (now - bucket.at) * self._per_second)
            bucket.at = now
            if bucket.left < 1:
                return (1 - bucket.left) / self._per_second
            bucket.left -= 1
            return 0.0
