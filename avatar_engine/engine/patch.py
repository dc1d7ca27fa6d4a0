"""The part of a picture that is sent to the engine: a rectangle of one size for a whole show, round the crop.

Of one size, so that requests of many shows make one batch, and nothing is allocated between two pictures. Outside of
it lies nothing that cutting out or pasting looks at, unless the picture itself ends there, where both repeat its edge.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.media.picture import planes

STEP = 64
"""Pixels by which sides of patches differ: shows of about the same framing share one."""

ROOM = 1.08
"""How much larger the face may become before a patch is too small, at least."""

RIM = 4
"""Pixels round the crop that cubic interpolation of the half-size planes looks at, too."""

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Patch:
    """Where a patch lies in a picture: its left and upper edge, width and height, all even."""

    x: int
    y: int
    width: int
    height: int

    def matrix(self, matrix: FloatArray) -> Matrix:
        """A picture's matrix to its crop as the patch's, float64 (2, 3)."""
        moved = matrix.astype(np.float64)
        moved[:, 2] += moved[:, :2] @ np.array([self.x, self.y], np.float64)
        return moved

    def take(self, picture: ByteArray, out: ByteArray) -> None:
        """Copy it out of a picture into ``out``, uint8 I420 (height * 3 // 2, width)."""
        for target, source in zip(planes(out), self._views(picture), strict=True):
            np.copyto(target, source)

    def put(self, picture: ByteArray, patch: ByteArray) -> None:
        """Copy it back."""
        for target, source in zip(self._views(picture), planes(patch), strict=True):
            np.copyto(target, source)

    def _views(self, picture: ByteArray) -> tuple[ByteArray, ByteArray, ByteArray]:
        luma, blue, red = planes(picture)
        x, y, width, height = self.x // 2, self.y // 2, self.width // 2, self.height // 2
        half = np.s_[y : y + height, x : x + width]
        return luma[self.y : self.y + self.height, self.x : self.x + self.width], blue[half], red[half]


def sides(matrix: FloatArray, size: int, picture: ByteArray) -> tuple[int, int]:
    """Width and height of the patches of a show, from one of its pictures and that one's crop of side ``size``."""
    low, high = _box(matrix, size)
    rows, width = picture.shape
    need = (high - low) * ROOM
    whole = np.ceil(need / STEP).astype(int) * STEP
    return min(int(whole[0]), width), min(int(whole[1]), rows * 2 // 3)


def place(matrix: FloatArray, size: int, picture: ByteArray, width: int, height: int) -> Patch | None:
    """Where a patch of this size has to lie; None where the crop does not fit into it."""
    rows, across = picture.shape
    down = rows * 2 // 3
    if width > across or height > down:
        return None
    low, high = _box(matrix, size)
    x, y = (
        int(np.clip((a + b - side) / 2, 0, whole - side)) // 2 * 2
        for a, b, side, whole in zip(low, high, (width, height), (across, down), strict=True)
    )
    fits = all(
        (start <= a or start == 0) and (start + side >= b or start + side >= whole - 1)
        for start, side, a, b, whole in zip((x, y), (width, height), low, high, (across, down), strict=True)
    )
    return Patch(x, y, width, height) if fits else None


def _box(matrix: FloatArray, size: int) -> tuple[Matrix, Matrix]:
    """The crop's lowest and highest corner in the picture, with what lies round it."""
    back = cv2.invertAffineTransform(np.asarray(matrix, np.float64))
    corners = np.array([[0, 0], [size, 0], [size, size], [0, size]], np.float64) @ back[:, :2].T + back[:, 2]
    return np.floor(corners.min(0)) - RIM, np.ceil(corners.max(0)) + RIM
