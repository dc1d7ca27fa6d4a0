"""Figures of how a mouth moves, from series with one value a picture: likeness, closures, rest, timing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import FRAME_RATE, FloatArray, Phone

CLOSING = frozenset("pbm")
"""Phones that can't be said without closed lips."""

CLOSED_SHARE = 0.12
"""How far up from this person's closed mouth to the widest usual one an opening still counts as closed."""

NEAR = 2
"""Pictures before and after the middle of a phone in which its closure may come."""

LARGEST_LAG = 10
"""Pictures (400 ms) up to which an offset is looked for."""

KINDS = {
    "p b m": "pbm",
    "f v": "fv",
    "round vowels, w": "wuʊoɔɒ",
    "open vowels": "aɑæɐʌ",
    "middle vowels": "eɛəɜɚ",
    "narrow vowels": "iɪyj",
    "other consonants": "tdnszlɹrkɡŋʃʒθðhɾʔçxʁɲ",
}
"""Phones by what the lips do, each named by the first letter of its symbol."""

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Place:
    """One phone in the measured stretch: its symbol and the picture in which its middle lies, from 0."""

    symbol: str
    picture: int


def places(phones: Iterable[Phone], first: int, count: int) -> tuple[Place, ...]:
    """Where the middles of phones (timed in the clip) lie in the pictures ``first`` to ``first + count``."""
    found = []
    for phone in phones:
        picture = int((phone.start + phone.end) / 2 * FRAME_RATE) - first
        if 0 <= picture < count:
            found.append(Place(phone.symbol, picture))
    return tuple(found)


def correlation(one: FloatArray, other: FloatArray) -> float:
    """Pearson's correlation; 0 where one of the two is constant."""
    if len(one) < 2 or _constant(one) or _constant(other):
        return 0.0
    return float(np.corrcoef(one, other)[0, 1])


def _constant(values: FloatArray) -> bool:
    """Whether nothing changes beyond what rounding makes of one number."""
    return float(np.ptp(values)) <= 1e-6 * float(np.abs(values).max())


def spread(one: FloatArray, real: FloatArray) -> float:
    """Standard deviation over the real one's."""
    return float(one.std() / max(float(real.std()), 1e-9))


def closed_below(openings: FloatArray) -> float:
    """The opening below which this person's mouth is closed.

    The closed mouth is the 5th percentile of the person's own openings (whole clip), the widest usual one the 95th;
    the limit is `CLOSED_SHARE` of the way up.
    """
    closed, wide = np.percentile(openings, [5, 95])
    return float(closed + CLOSED_SHARE * (wide - closed))


def closures(phones: Sequence[Place], openings: FloatArray, limit: float) -> Bools:
    """Whether the lips close on each of the `CLOSING` phones: bool (phones of that kind,).

    A hit is an opening below ``limit`` within `NEAR` pictures of the phone's middle.
    """
    centres = [phone.picture for phone in phones if phone.symbol[:1] in CLOSING]
    return np.array([openings[max(0, k - NEAR) : k + NEAR + 1].min() < limit for k in centres], np.bool_)


def wrongly_closed(openings: FloatArray, real: FloatArray, limit: float) -> float:
    """Of the pictures in which the real mouth is clearly open (twice ``limit``), the share that is closed here.

    Without it, a mouth that is shut too often would have every closure right.
    """
    clearly = real > 2 * limit
    return float((openings[clearly] < limit).mean()) if clearly.any() else 0.0


def restlessness(values: FloatArray, silent: Bools, joints: Iterable[int]) -> float:
    """Mean change from one silent picture to the next.

    Args:
        values: float32 (n,) or (n, points, 2); of points the mean length of the way is taken.
        silent: bool (n,), pictures in which nothing is said.
        joints: Pictures with which a new take begins; the jump there is nobody's motion.

    Returns:
        The mean, 0 where no two silent pictures follow one another.
    """
    steps = np.diff(values, axis=0)
    moved = np.abs(steps) if steps.ndim == 1 else np.linalg.norm(steps, axis=2).mean(1)
    counted = silent[1:] & silent[:-1]
    counted[[k - 1 for k in joints if 0 < k < len(values)]] = False
    return float(moved[counted].mean()) if counted.any() else 0.0


def offset_ms(later: FloatArray, reference: FloatArray) -> float:
    """How much later ``later`` (n,) comes than ``reference`` (n,), in ms.

    The lag of the highest peak of their correlation up to `LARGEST_LAG` pictures either way, between pictures by a
    parabola through the three highest. A correlation that still rises at the end of the range is no peak: sentences
    that follow one another evenly have another one further out. 0 where one of the two never changes.
    """
    count = len(later)
    reach = min(LARGEST_LAG, count // 3)
    lags = list(range(-reach, reach + 1))
    heights = np.array(
        [
            correlation(
                later[max(0, lag) : count + min(0, lag)], reference[max(0, -lag) : count - max(0, lag)]
            )
            for lag in lags
        ]
    )
    peaks = [k for k in range(1, len(lags) - 1) if heights[k] >= max(heights[k - 1], heights[k + 1])]
    top = max(peaks or range(len(lags)), key=lambda k: float(heights[k]))
    if heights[top] <= 0:
        return 0.0
    shift = 0.0
    if 0 < top < len(lags) - 1:
        left, middle, right = heights[top - 1 : top + 2]
        bend = left - 2 * middle + right
        shift = float((left - right) / (2 * bend)) if bend < -1e-9 else 0.0
    return float((lags[top] + shift) * 1000 / FRAME_RATE)


def kind(symbol: str) -> str | None:
    """Which of `KINDS` a phone belongs to; None for silence and unknown symbols."""
    return next((name for name, letters in KINDS.items() if symbol[:1] and symbol[0] in letters), None)


def by_kind(phones: Sequence[Place], values: FloatArray) -> dict[str, tuple[int, float]]:
    """For every kind of phone that occurs: how many there are and the mean value at their middles."""
    found: dict[str, list[float]] = {}
    for phone in phones:
        if (name := kind(phone.symbol)) is not None:
            found.setdefault(name, []).append(float(values[phone.picture]))
    return {name: (len(found[name]), float(np.mean(found[name]))) for name in KINDS if name in found}
