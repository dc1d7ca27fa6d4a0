"""A matte that does not shimmer: every share is averaged with its own in the pictures before and after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.media.picture import planes
from avatar_engine.stage.matte import Cut

WEIGHT = 0.7
"""Of a neighbouring picture's share, where the pixel is found again there."""

SAME = 5.0
"""Difference in levels of luma at which a pixel counts as found again by a third."""

Taken = tuple[ByteArray, Cut]
"""An I420 picture, and how it was cut out."""


@dataclass(frozen=True, slots=True)
class _Shot:
    """A picture in the line: ``way`` is where its pixels went in the next one, at half the size."""

    picture: ByteArray
    cut: Cut
    small: ByteArray
    way: FloatArray


def steady(taken: Iterable[Taken]) -> Iterator[Taken]:
    """The same pictures with steadier shares, one picture later.

    The pixels' ways are found by dense optical flow (DIS, Kroeger et al. 2016) at half the size; no picture leans on
    more than its two neighbours, so nothing trails behind.
    """
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    before: _Shot | None = None
    this: _Shot | None = None
    for picture, cut in taken:
        small = _half(planes(picture)[0])
        way = np.zeros((*small.shape, 2), np.float32)
        if this is not None:
            flow.calc(this.small, small, way)
            this = replace(this, way=np.asarray(cv2.blur(way, (5, 5)), np.float32))
        shot = _Shot(picture, cut, small, way)
        if this is not None:
            yield this.picture, _one(this, before, shot)
        before, this = this, shot
    if this is not None:
        yield this.picture, _one(this, before, None)


def _one(this: _Shot, before: _Shot | None, after: _Shot | None) -> Cut:
    neighbours = [shot for shot in (before, after) if shot is not None]
    partial = _partial(this.cut.alpha)
    for shot in neighbours:
        partial |= _partial(shot.cut.alpha)
    rows, columns = np.flatnonzero(partial.any(1)), np.flatnonzero(partial.any(0))
    if not neighbours or not len(rows):
        return this.cut
    top, left = int(rows[0]) // 2 * 2, int(columns[0]) // 2 * 2
    part = slice(top, int(rows[-1]) // 2 * 2 + 2), slice(left, int(columns[-1]) // 2 * 2 + 2)
    half = slice(top // 2, part[0].stop // 2), slice(left // 2, part[1].stop // 2)
    total, weights = this.cut.alpha[part].copy(), np.ones_like(this.cut.alpha[part])
    for shot in neighbours:
        # what comes next went the way known; what was before came by its own way, near enough the same backwards
        way = this.way[half] if shot is after else -shot.way[half]
        moved = _looked_up(shot.small[half], way)
        again = _doubled(WEIGHT * np.exp(-np.square((this.small[half] - moved) / np.float32(SAME))))
        total += again * _looked_up(shot.cut.alpha[part], 2 * _doubled(way))
        weights += again
    alpha = this.cut.alpha.copy()
    alpha[part] = total / weights
    return Cut(alpha, this.cut.colours)


def _partial(alpha: FloatArray) -> npt.NDArray[np.bool_]:
    return (alpha > 0) & (alpha < 1)


def _looked_up(plane: FloatArray | ByteArray, way: FloatArray) -> FloatArray:
    """``plane`` looked up ``way`` off every pixel."""
    rows, columns = plane.shape
    # Two maps of one channel: OpenCV 5.0 mistakes an empty second map for a map, and looks elsewhere.
    across = way[..., 0] + np.arange(columns, dtype=np.float32)
    down = way[..., 1] + np.arange(rows, dtype=np.float32)[:, None]
    moved = cv2.remap(plane, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def _half(luma: ByteArray) -> ByteArray:
    size = luma.shape[1] // 2, luma.shape[0] // 2
    return np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)


def _doubled(values: FloatArray) -> FloatArray:
    size = 2 * values.shape[1], 2 * values.shape[0]
    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR), np.float32)
