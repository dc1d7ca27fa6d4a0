"""I420 pictures: one uint8 array (height * 3 // 2, width) that holds luma and the two quarter-size chroma planes."""

from __future__ import annotations

import numpy as np

from avatar_engine.contracts import ByteArray

BLACK, WHITE, NEUTRAL = 16, 235, 128
"""Luma of black and white, and chroma of grey, in the limited range of video."""

Planes = tuple[ByteArray, ByteArray, ByteArray]


def planes(picture: ByteArray) -> Planes:
    """Views of the planes of ``picture``: luma (height, width), Cb and Cr (height // 2, width // 2)."""
    rows, width = picture.shape
    height = rows * 2 // 3
    flat = picture.reshape(-1)
    quarter = height * width // 4
    luma = flat[: height * width].reshape(height, width)
    blue = flat[height * width : height * width + quarter].reshape(height // 2, width // 2)
    red = flat[height * width + quarter :].reshape(height // 2, width // 2)
    return luma, blue, red


def joined(luma: ByteArray, blue: ByteArray, red: ByteArray) -> ByteArray:
    """A new picture of these planes; both sides must be even."""
    height, width = luma.shape
    picture = np.empty((height * 3 // 2, width), np.uint8)
    for target, source in zip(planes(picture), (luma, blue, red), strict=True):
        target[:] = source
    return picture


def blank(width: int, height: int) -> ByteArray:
    """A black picture; both sides must be even."""
    picture = np.full((height * 3 // 2, width), NEUTRAL, np.uint8)
    planes(picture)[0][:] = BLACK
    return picture
