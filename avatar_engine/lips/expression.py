"""A mouth that smiles a little, or is earnest: a bias in the person's own shape space.

The minute tells how this person's mouth looks when its corners are high and far apart, and when they are low and
near: the coefficients are regressed on that one measure among the pictures with nearly closed lips, where speech
does not move the corners much. A bias goes along that regression as far as the minute itself went, never opens the
lips, and a biased shape is held inside what the minute showed, coefficient by coefficient.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import EXPRESSIONS, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.lips.shape import LEFT_CORNER, OUTER, RIGHT_CORNER, ShapeBasis, opening, width, without

FAR = 1.0
"""Percentile of the minute's smiles (and 100 less it) that an expression goes to."""

EDGE = 0.5
"""Percentile of every coefficient (and 100 less it) that a biased shape is held inside of."""

CLOSED = 60.0  # percentile of the opening under which lips count as nearly closed
UPPER, LOWER = OUTER.index(0), OUTER.index(17)
WIDE = 0.5  # how much a wide mouth counts beside high corners


@dataclass(frozen=True, slots=True)
class Expressions:
    """What one person's mouth can be asked for.

    Attributes:
        biases: float32 (2, coefficients): happy, serious.
        lowest: float32 (coefficients,), the least that the minute showed, nearly.
        highest: float32 (coefficients,), the most.
    """

    biases: FloatArray
    lowest: FloatArray
    highest: FloatArray

    @classmethod
    def none(cls, coefficients: int) -> Expressions:
        """No expression at all."""
        zero = np.zeros(coefficients, np.float32)
        return cls(np.zeros((2, coefficients), np.float32), zero - np.inf, zero + np.inf)

    def apply(self, name: str, coefficients: FloatArray) -> FloatArray:
        """Shapes (n, coefficients) with an expression; the same array for the neutral one.

        Raises:
            AvatarError: There is no such expression.
        """
        if name not in EXPRESSIONS:
            raise AvatarError(f"There is no expression {name!r}.", f"Choose {', '.join(EXPRESSIONS)}.")
        if name == EXPRESSIONS[0]:
            return coefficients
        biased = coefficients + self.biases[EXPRESSIONS.index(name) - 1]
        # What the words themselves ask for is left alone, even beyond the edge.
        low, high = np.minimum(self.lowest, coefficients), np.maximum(self.highest, coefficients)
        return np.asarray(np.clip(biased, low, high), np.float32)


def smile(shapes: FloatArray) -> FloatArray:
    """How high and how far apart the mouth's corners are in shapes (n, landmarks, 2), as a share of the crop's side."""
    corners = (shapes[:, LEFT_CORNER, 1] + shapes[:, RIGHT_CORNER, 1]) / 2
    middle = (shapes[:, UPPER, 1] + shapes[:, LOWER, 1]) / 2
    return np.asarray(middle - corners + WIDE * width(shapes), np.float32)


def fit_expressions(
    coefficients: FloatArray, usable: npt.NDArray[np.bool_], basis: ShapeBasis
) -> Expressions:
    """Find the expressions of a person.

    Args:
        coefficients: float32 (n, k), the real shapes of all pictures.
        usable: bool (n,), which of them can be trusted.
        basis: What they mean.
    """
    rows = coefficients[usable]
    shapes = basis.shape(rows)
    gaps = opening(shapes)
    closed = gaps <= np.percentile(gaps, CLOSED)
    seen, among = smile(shapes[closed]), rows[closed]
    apart = seen - seen.mean()
    along = (apart @ (among - among.mean(0))) / max(float(apart @ apart), 1e-12)
    usual = np.median(seen)
    steps = np.array([np.percentile(seen, 100 - FAR) - usual, np.percentile(seen, FAR) - usual])
    biases = without(np.outer(steps, along), basis, (opening,)).astype(np.float32)
    low, high = np.percentile(rows, [EDGE, 100 - EDGE], axis=0).astype(np.float32)
    return Expressions(biases, low, high)
