"""Where a melody lies and how wide it is, and how one is brought to another.

Both are told by ranks: where a tracker slips by an octave, in creak for one, a mean and a deviation follow the slips.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from avatar_engine.contracts import FloatArray

SPREADS = (0.4, 1.6)
"""Factors between which a network's melody is narrowed or widened: within them it is heard as speech."""

_FURTHEST = 0.6
"""Most that the network's own pitch is shifted, as a logarithm: ten semitones."""

_NORMAL = 2.563
"""Distance from the tenth to the ninetieth percentile of a normal distribution, in deviations."""


@dataclass(frozen=True, slots=True)
class Melody:
    """How somebody's pitch is distributed.

    Attributes:
        middle: Median in Hz.
        spread: Width in semitones: the deviation of a normal distribution as wide from the 10th to the 90th percentile.
    """

    middle: float
    spread: float


def melody(pitch: FloatArray) -> Melody | None:
    """The melody of a ``pitch`` (n,) in Hz, 0 where there is no voice; None where there is none anywhere."""
    voiced = pitch[pitch > 0]
    if len(voiced) < 2:
        return None
    low, middle, high = np.quantile(np.log2(voiced), (0.1, 0.5, 0.9))
    return Melody(float(2**middle), float(12 * (high - low) / _NORMAL))


def towards(now: tuple[float, float], own: Melody, other: Melody) -> tuple[float, float]:
    """The register (shift of the log pitch, factor of its spread) that brings ``own``, heard with ``now``, to
    ``other``."""
    shift = now[0] + math.log(other.middle / own.middle)
    spread = now[1] * other.spread / max(own.spread, 0.1)
    return float(np.clip(shift, -_FURTHEST, _FURTHEST)), float(np.clip(spread, *SPREADS))
