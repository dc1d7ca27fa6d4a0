"""Where the head ends in the pictures of a body, so that it can nod while what is behind it stays where it is.

Coarse is enough: a nod moves the head by a few pixels, and what is close around the outline gives way. Outlines are
kept as the head is seen, so they change little from picture to picture, in cells of the region that a nod's bend
reaches (`avatar_engine.stage.nods`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from avatar_engine.bundle import Bundle
from avatar_engine.contracts import ByteArray, FloatArray, Progress, silent
from avatar_engine.errors import AvatarError
from avatar_engine.face.person import Segmenter
from avatar_engine.media.read import frames
from avatar_engine.stage.nods import BOTTOM, LEFT, RIGHT, STEP, TOP, upright

PART = "body/outline.safetensors"

CELLS = 20
"""Cells to a side of the crop."""

ROWS, COLUMNS = round(CELLS * (BOTTOM[1] - TOP[0])), round(CELLS * (RIGHT[1] - LEFT[0]))

AROUND, SAMPLES = BOTTOM[1] - TOP[0], 255
"""Sides of the crop that a network is shown, and pixels of that: head and shoulders, as it has learnt them."""

ASIDE = (LEFT[0] + RIGHT[1] - AROUND) / 2
"""Sides of the crop from its left border to that of what a network is shown, which is broader than the region."""

MARGIN, GIVES = 0.03, 0.08
"""Sides of the crop around a mask that still go with the head, for hair that it misses; and over which the bend dies
away: a nod is at most 0.035 deep, so nothing folds over."""

FACE = (0.08, 0.92), (0.0, 0.85)
"""Columns and lines of the crop that are the face, whatever a mask says."""


def bake(
    reels: Sequence[Path],
    transforms: FloatArray,
    crop: int,
    segmenter: Segmenter,
    progress: Progress = silent,
) -> ByteArray:
    """The outlines of every `STEP`-th picture, uint8 (n, rows, columns).

    Args:
        reels: The baked body's films, one after the other.
        transforms: float32 (pictures, 2, 3), from every picture to its crop.
        crop: Side of the crops, in pixels.
        segmenter: Says where the person is.
        progress: Told how far it is.
    """
    made: list[ByteArray] = []
    place = 0
    for reel in reels:
        for picture in frames(reel, format="yuv420p"):
            if place % STEP == 0 and place < len(transforms):
                made.append(outline(picture, transforms[place], crop, segmenter))
                progress("body", place / len(transforms), "where the head ends")
            place += 1
    return _calmed(np.stack(made))


def outline(picture: ByteArray, matrix: FloatArray, crop: int, segmenter: Segmenter) -> ByteArray:
    """How far each cell goes with the head, uint8 (rows, columns): 255 in the head, 0 off it.

    Args:
        picture: uint8 I420.
        matrix: float32 (2, 3), from it to its crop.
        crop: Side of the crop, in pixels.
        segmenter: Says where the person is.
    """
    x, y, side = upright(matrix, crop)
    scale = SAMPLES / (AROUND * side)
    shown = cv2.cvtColor(picture, cv2.COLOR_YUV2RGB_I420)
    shown = cv2.resize(shown, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    corner = np.array([[1, 0, -scale * (x + ASIDE * side)], [0, 1, -scale * (y + TOP[0] * side)]])
    shown = cv2.warpAffine(shown, corner, (SAMPLES, SAMPLES), borderMode=cv2.BORDER_REPLICATE)
    mask = cv2.resize(segmenter.mask(np.asarray(shown, np.uint8)), (SAMPLES, SAMPLES))
    person = (mask > 0.5).astype(np.uint8)
    columns, rows = (
        slice(*(round(SAMPLES * (edge - begin) / AROUND) for edge in edges))
        for edges, begin in zip(FACE, (ASIDE, TOP[0]), strict=True)
    )
    person[rows, columns] = 1
    off = cv2.distanceTransform(1 - person, cv2.DIST_L2, 5) * (AROUND / SAMPLES)
    share = np.clip(1 - (off - MARGIN) / GIVES, 0, 1)
    goes = (255 * share * share * (3 - 2 * share)).astype(np.float32)
    beside = round(SAMPLES * (LEFT[0] - ASIDE) / AROUND)
    cells = cv2.resize(goes[:, beside : SAMPLES - beside], (COLUMNS, ROWS), interpolation=cv2.INTER_AREA)
    return np.asarray(np.rint(cells), np.uint8)


def load(bundle: Bundle) -> ByteArray | None:
    """The outlines of a bundle's body; None where it has none.

    Raises:
        AvatarError: They are damaged.
    """
    if PART not in bundle.parts:
        return None
    outlines = bundle.tensors(PART).get("outlines")
    if (
        outlines is None
        or outlines.dtype != np.uint8
        or outlines.shape[1:] != (ROWS, COLUMNS)
        or not len(outlines)
    ):
        raise AvatarError(f"The bundle's {PART} is damaged.", "Clone again.")
    return np.asarray(outlines, np.uint8)


def _calmed(outlines: ByteArray) -> ByteArray:
    """Each one with its neighbours: a network's mask flickers."""
    wide = np.concatenate([outlines[:1], outlines, outlines[-1:]]).astype(np.float32)
    return np.rint((wide[:-2] + 2 * wide[1:-1] + wide[2:]) / 4).astype(np.uint8)
