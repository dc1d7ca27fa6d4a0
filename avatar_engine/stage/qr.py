"""QR codes, drawn module by module: whole even pixels, so that a phone reads them after an encoder."""

from __future__ import annotations

import numpy as np
import segno

from avatar_engine.contracts import FloatArray
from avatar_engine.stage.sheet import Sheet

QUIET = 4
"""Modules of white round a code, as ISO/IEC 18004 asks."""

LONGEST = 300
"""Bytes of a text: more makes modules that no phone reads from a screen."""

SMALLEST = 2
"""Pixels of a module at least."""


def matrix(text: str) -> FloatArray:
    """The modules of a code with its quiet zone: float32, square, 1 for white.

    Raises:
        ValueError: The text is empty or too long.
    """
    if not 0 < len(text.encode()) <= LONGEST:
        raise ValueError(f"a QR code needs 1 to {LONGEST} bytes, not {len(text.encode())}")
    code = segno.make(text, error="m", micro=False, boost_error=True)
    dark = np.array([list(row) for row in code.matrix_iter(border=QUIET)])
    return np.asarray(dark == 0, np.float32)


class Code:
    """Draws QR codes into a square.

    Args:
        side: Of the square in pixels, even.
    """

    def __init__(self, side: int) -> None:
        self.size = side, side

    def draw(self, text: str) -> Sheet:
        """The code of a text, on white.

        Raises:
            ValueError: It is empty, or too long for the square.
        """
        modules = matrix(text)
        count, side = len(modules), self.size[0]
        pixels = side // count // 2 * 2 or side // count
        if pixels < SMALLEST:
            raise ValueError(f"{count} modules of {text!r} have no room in {side} pixels")
        drawn = np.ones((side, side, 4), np.float32)
        start = (side - count * pixels) // 4 * 2
        end = start + count * pixels
        drawn[start:end, start:end, :3] = np.kron(modules, np.ones((pixels, pixels)))[..., None]
        return Sheet.of(drawn)
