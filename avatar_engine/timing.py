"""Times: as people read them, and how long the stages of a frame take, in memory that never grows."""

from __future__ import annotations

import math
from array import array

from avatar_engine.contracts import FRAME_RATE

TURN = 60 * FRAME_RATE
"""Measurements after which the older half of what is remembered is forgotten: a minute."""

_LEAST = 1e-5
_STEP = math.log(1.05)
_BINS = math.ceil(math.log(1e6) / _STEP)  # to ten seconds


def clock(seconds: float) -> str:
    """Hours, minutes and seconds, such as 1:02:03."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


class StageTimes:
    """A histogram a stage, from 10 µs to 10 s in steps of 5 %, over the last one to two minutes of measurements.

    Args:
        stages: Their names.
    """

    def __init__(self, *stages: str) -> None:
        self._now = {stage: array("I", bytes(4 * _BINS)) for stage in stages}
        self._before = {stage: array("I", bytes(4 * _BINS)) for stage in stages}
        self._count = dict.fromkeys(stages, 0)

    def add(self, stage: str, seconds: float) -> None:
        """Count one measurement; nothing is allocated that stays."""
        place = int(math.log(max(seconds, _LEAST) / _LEAST) / _STEP)
        self._now[stage][min(place, _BINS - 1)] += 1
        self._count[stage] += 1
        if self._count[stage] == TURN:
            self._turn(stage)

    def _turn(self, stage: str) -> None:
        older = self._before[stage]
        for place in range(_BINS):
            older[place] = 0
        self._now[stage], self._before[stage] = older, self._now[stage]
        self._count[stage] = 0

    def lately(self) -> dict[str, dict[str, float]]:
        """Milliseconds by stage: ``p50``, ``p95``, ``p99`` and ``max``, each within 5 %; stages that ran only."""
        found = {}
        for stage, now in self._now.items():
            counts = [a + b for a, b in zip(now, self._before[stage], strict=True)]
            if any(counts):
                quantiles = {f"p{share}": _quantile(counts, share / 100) for share in (50, 95, 99)}
                found[stage] = {**quantiles, "max": _quantile(counts, 1.0)}
        return found


def _quantile(counts: list[int], share: float) -> float:
    """The upper edge, in milliseconds, of the bin that ``share`` of all measurements reach."""
    wanted, seen = math.ceil(share * sum(counts)), 0
    for place, count in enumerate(counts):
        seen += count
        if count and seen >= wanted:
            return round(1e3 * _LEAST * math.exp(_STEP * (place + 1)), 3)
    return 0.0
