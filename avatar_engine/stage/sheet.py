"""A drawing in the planes of I420, ready to be blended: what is kept of the picture, and what is added."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.media.picture import NEUTRAL, Planes


@dataclass(slots=True)
class Sheet:
    """uint8 planes of one size, both sides even; of the picture ``keep / 255`` stays and ``add`` comes to it.

    Attributes:
        keep: What stays.
        add: What comes to it.
        box: Left, top, right and bottom, all even, of what is not clear: the rest costs nothing.
    """

    keep: Planes
    add: Planes
    box: tuple[int, int, int, int]

    @classmethod
    def of(cls, drawn: FloatArray) -> Sheet:
        """Of a drawing, float32 RGBA (height, width, 4), colours multiplied by alpha: BT.601 in limited range."""
        red, green, blue, alpha = (drawn[..., channel] for channel in range(4))
        luma = 16 * alpha + 65.481 * red + 128.553 * green + 24.966 * blue
        first = NEUTRAL * alpha - 37.797 * red - 74.203 * green + 112.0 * blue
        second = NEUTRAL * alpha + 112.0 * red - 93.786 * green - 18.214 * blue
        small = _rounded(255 * (1 - _halved(alpha)))
        return cls(
            (_rounded(255 * (1 - alpha)), small, small),
            (_rounded(luma), _rounded(_halved(first)), _rounded(_halved(second))),
            _inked(alpha > 0.5 / 255),
        )

    def patch(self, other: Sheet, left: int, top: int) -> None:
        """Put a smaller sheet in the place of what is there; ``left`` and ``top`` even."""
        for mine, theirs in ((self.keep, other.keep), (self.add, other.add)):
            for shift, plane, part in zip((0, 1, 1), mine, theirs, strict=True):
                rows, columns = part.shape
                x, y = left >> shift, top >> shift
                plane[y : y + rows, x : x + columns] = part

    def part(self, left: int, top: int, width: int, height: int) -> Sheet:
        """A copy of a part; all even."""
        keep, add = (
            tuple(
                plane[top >> shift : (top + height) >> shift, left >> shift : (left + width) >> shift].copy()
                for shift, plane in zip((0, 1, 1), kind, strict=True)
            )
            for kind in (self.keep, self.add)
        )
        return Sheet(keep, add, (0, 0, width, height))  # type: ignore[arg-type]


class Blender:
    """Blends sheets of one size into pictures, in memory of its own.

    Args:
        size: Width and height of the sheets, both even.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        width, height = size
        shapes = (height, width), (height // 2, width // 2), (height // 2, width // 2)
        self._scratch = [(np.empty(shape, np.uint8), np.empty(shape, np.uint8)) for shape in shapes]

    def blend(
        self, picture: Planes, at: tuple[int, int], sheet: Sheet, share: float, under: Sheet | None = None
    ) -> None:
        """Blend a sheet into ``picture`` in place.

        Args:
            picture: Planes of the picture.
            at: Left and top of the sheet, even, within it.
            sheet: What is to be seen.
            share: How much of it, 0 to 1.
            under: What the rest shows; None for the picture itself.
        """
        box = sheet.box if under is None else _around(sheet.box, under.box)
        for number, plane in enumerate(picture):
            left, top, right, bottom = (side >> min(number, 1) for side in box)
            spot = slice(top, bottom), slice(left, right)
            x, y = (side >> min(number, 1) for side in at)
            part = plane[y + top : y + bottom, x + left : x + right]
            keep, add = sheet.keep[number][spot], sheet.add[number][spot]
            if share < 1:
                less, more = (scratch[spot] for scratch in self._scratch[number])
                if under is None:
                    cv2.convertScaleAbs(keep, dst=less, alpha=share, beta=255 * (1 - share))
                    cv2.convertScaleAbs(add, dst=more, alpha=share)
                else:
                    cv2.addWeighted(keep, share, under.keep[number][spot], 1 - share, 0, dst=less)
                    cv2.addWeighted(add, share, under.add[number][spot], 1 - share, 0, dst=more)
                keep, add = less, more
            cv2.multiply(part, keep, dst=part, scale=1 / 255)
            cv2.add(part, add, dst=part)


def _inked(set_: npt.NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """The even box of what is set; at least two pixels wide and high."""
    rows, columns = np.flatnonzero(set_.any(1)), np.flatnonzero(set_.any(0))
    if not len(rows):
        return 0, 0, 2, 2
    left, top, right, bottom = (int(at) for at in (columns[0], rows[0], columns[-1], rows[-1]))
    return left // 2 * 2, top // 2 * 2, right // 2 * 2 + 2, bottom // 2 * 2 + 2


def _around(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    """The box round both."""
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


def _halved(plane: FloatArray) -> FloatArray:
    rows, columns = plane.shape
    return np.asarray(plane.reshape(rows // 2, 2, columns // 2, 2).mean((1, 3)), np.float32)


def _rounded(plane: FloatArray) -> ByteArray:
    return np.ascontiguousarray(np.clip(np.rint(plane), 0, 255).astype(np.uint8))
