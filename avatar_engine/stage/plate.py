"""The clean plate: the background of a fixed camera without the presenter, and how much each of its pixels flickers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.media.picture import joined, planes

SEEN = 6
"""Pictures in which a pixel must lie free at least, for the plate to know it."""

QUIET = 1.0
"""Least noise of a pixel in levels: no camera and no encoder has less, and differences are measured in it."""

STRIP = 32
"""Rows of all pictures that are looked at together: this bounds the memory."""

FAR, CLOSE = 0.05, 0.012
"""How far off the coarse mask a picture is surely free of the person, and how far but for stray hairs, in heights."""

ROUGH = 0.03
"""How far round a pixel the background is compared with itself to tell how varied it is, in heights."""

ALIKE = 4.0
"""Mean difference in levels up to which two pictures show the same background."""

COARSE = 8
"""Pixels of a picture to one of the grid on which backgrounds are compared."""

GRID = 4
"""Pixels of a picture to one of the grid on which its light is measured."""

ENOUGH = 3000
"""Pixels by which a light is measured."""

KEEP = 20.0
"""How much a change of colours must be seen to be believed, in levels squared: a plain wall shows one colour alone."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Plate:
    """A background without the presenter.

    Attributes:
        colours: float32 (height, width, 3), luma, Cb and Cr in levels.
        noise: float32 (height, width, 3), standard deviation of each over time.
        known: bool (height, width), whether it was ever seen; what was not is filled from around.
    """

    colours: FloatArray
    noise: FloatArray
    known: Mask


def colours(picture: ByteArray) -> ByteArray:
    """An I420 picture as uint8 (height, width, 3): luma, Cb and Cr of every pixel."""
    luma, blue, red = planes(picture)
    size = luma.shape[1], luma.shape[0]
    wide = [cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in (blue, red)]
    return np.asarray(cv2.merge([luma, *wide]), np.uint8)


def i420(pixels: ByteArray) -> ByteArray:
    """`colours` as an I420 picture again; both sides must be even."""
    luma, blue, red = (np.asarray(plane, np.uint8) for plane in cv2.split(pixels))
    size = luma.shape[1] // 2, luma.shape[0] // 2
    small = [
        np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.uint8) for plane in (blue, red)
    ]
    return joined(luma, small[0], small[1])


def rounded(pixels: FloatArray) -> ByteArray:
    """Levels as bytes."""
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Light:
    """How the colours of one picture follow from those of another: white balance and exposure waver, and takes differ.

    Attributes:
        turn: float32 (3, 3), by which colours as rows are multiplied.
        shift: float32 (3,), what is added.
    """

    turn: FloatArray
    shift: FloatArray

    @classmethod
    def between(cls, one: FloatArray, other: FloatArray) -> Light:
        """From the colours ``one`` of some pixels to ``other``, both float32 (n, 3); some may be something else's."""
        every = max(1, len(one) // ENOUGH)
        one, other = one[::every], other[::every]
        use = np.arange(len(one))
        turn, shift = np.eye(3, dtype=np.float32), np.zeros(3, np.float32)
        for _ in range(3):
            if len(use) < 16:
                break
            first, second = one[use].mean(0), other[use].mean(0)
            left, right = one[use] - first, other[use] - second
            calm = KEEP * np.eye(3, dtype=np.float32)
            turn = np.linalg.solve(left.T @ left / len(use) + calm, left.T @ right / len(use) + calm)
            shift = second - first @ turn
            wrong = np.abs(one @ turn + shift - other).sum(1)
            use = np.flatnonzero(wrong <= 2.5 * max(1.0, float(np.median(wrong))))
        return cls(turn.astype(np.float32), shift.astype(np.float32))

    def of(self, pixels: FloatArray | ByteArray) -> FloatArray:
        """Colours float32 (..., 3) in this light."""
        return np.asarray(pixels @ self.turn + self.shift, np.float32)


def plates(pictures: Sequence[ByteArray], coarse: Sequence[FloatArray]) -> list[Plate]:
    """The backgrounds that show in ``pictures`` (I420) where their ``coarse`` masks, float32 of any size, are empty.

    One for every place that was filmed: takes differ in light and framing. The most usual comes first.
    """
    height, width = pictures[0].shape[0] * 2 // 3, pictures[0].shape[1]
    far = [free(mask, (width, height), FAR) for mask in coarse]
    near = [free(mask, (width, height), CLOSE) for mask in coarse]
    found = []
    for place in _places(pictures, far):
        lit = _in_one_light([pictures[one] for one in place], [far[one] for one in place])
        found.append(_plate(lit, [far[one] for one in place], [near[one] for one in place]))
    return found


def free(coarse: FloatArray, size: tuple[int, int], away: float) -> Mask:
    """Where a picture of ``size`` (width, height) is free of the person, ``away`` heights off the coarse mask."""
    rows, columns = coarse.shape
    across, down = max(1, round(away * size[1] / size[0] * columns)), max(1, round(away * rows))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * across + 1, 2 * down + 1))
    taken = cv2.dilate((coarse > 0.2).astype(np.uint8), disc)
    taken = np.asarray(cv2.resize(taken, size, interpolation=cv2.INTER_NEAREST), np.uint8)
    return np.asarray(taken == 0, np.bool_)


def _places(pictures: Sequence[ByteArray], free: Sequence[Mask]) -> list[list[int]]:
    """Which pictures show the same background, the most usual one first; strays go to the one most like them."""
    small = [colours(picture)[::COARSE, ::COARSE].astype(np.float32) for picture in pictures]
    seen = [mask[::COARSE, ::COARSE] for mask in free]

    def apart(one: int, other: int) -> float:
        both = seen[one] & seen[other]
        return float(np.abs(small[one] - small[other])[both].mean()) if both.any() else 0.0

    found: list[list[int]] = []
    for number in range(len(pictures)):
        near = min(found, key=lambda place: apart(number, place[0]), default=None)
        if near is not None and apart(number, near[0]) <= ALIKE:
            near.append(number)
        else:
            found.append([number])
    found.sort(key=len, reverse=True)
    kept = [place for place in found if len(place) >= 2 * SEEN] or found[:1]
    for place in found[len(kept) :]:
        for number in place:
            min(kept, key=lambda one: apart(number, one[0])).append(number)
    return kept


def _plate(pictures: Sequence[ByteArray], far: Sequence[Mask], near: Sequence[Mask]) -> Plate:
    """Every pixel is the median over the pictures in which it is free: ``far`` from the person where that is often
    enough the case, else ``near``, where a stray hair may lie."""
    sure, rest = _seen(pictures, far), _seen(pictures, near)
    known = sure.known | rest.known
    both = sure.known[..., None]
    found = filled(np.where(both, sure.colours, rest.colours), known)
    noise = np.maximum(filled(np.where(both, sure.noise, rest.noise), known), np.float32(QUIET))
    soft = np.asarray(cv2.GaussianBlur(found, (0, 0), ROUGH * found.shape[0]), np.float32)
    if known.any():  # what was never seen is as uncertain as the background is varied
        guess = np.sqrt(np.square(found - soft)[known].mean(0))
        noise = np.where(known[..., None], noise, np.maximum(noise, guess))
    return Plate(found, noise.astype(np.float32), known)


def _seen(pictures: Sequence[ByteArray], free: Sequence[Mask]) -> Plate:
    """What is seen often enough where the pictures are ``free``."""
    lumas, *chromas = zip(*(planes(picture) for picture in pictures), strict=True)
    small = [mask[::2, ::2] & mask[1::2, ::2] & mask[::2, 1::2] & mask[1::2, 1::2] for mask in free]
    middle, spread, counts = _median(lumas, free)
    found, scatter, known = [middle], [spread], counts >= SEEN
    for stack in chromas:
        middle, spread, counts = _median(stack, small)
        found.append(_doubled(filled(middle, counts >= SEEN)))
        scatter.append(_doubled(filled(spread, counts >= SEEN)))
    known &= np.repeat(np.repeat(counts >= SEEN, 2, 0), 2, 1)
    values, noise = (np.asarray(cv2.merge(each), np.float32) for each in (found, scatter))
    return Plate(values, noise, known)


def _doubled(plane: FloatArray) -> FloatArray:
    size = 2 * plane.shape[1], 2 * plane.shape[0]
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _in_one_light(pictures: Sequence[ByteArray], free: Sequence[Mask]) -> list[ByteArray]:
    """The pictures as the one would be whose light is nearest to that of all others."""
    small = [colours(picture)[::GRID, ::GRID].astype(np.float32) for picture in pictures]
    seen = [mask[::GRID, ::GRID] for mask in free]
    common = np.all(seen, 0)
    if not common.any():
        return list(pictures)
    means = np.stack([one[common].mean(0) for one in small])
    usual = int(np.argmin(np.abs(means[:, None] - means[None]).sum(2).sum(1)))
    result = []
    for picture, one, mask in zip(pictures, small, seen, strict=True):
        both = mask & seen[usual]
        lit = Light.between(one[both], small[usual][both]).of(colours(picture))
        result.append(i420(rounded(lit)))
    return result


def _median(
    stack: Sequence[ByteArray], free: Sequence[Mask]
) -> tuple[FloatArray, FloatArray, npt.NDArray[np.int32]]:
    """The median of every pixel where it is free, its scatter, and in how many pictures that is."""
    height, width = stack[0].shape
    middle, spread = np.zeros((height, width), np.float32), np.zeros((height, width), np.float32)
    counts = np.zeros((height, width), np.int32)
    for top in range(0, height, STRIP):
        rows = slice(top, top + STRIP)
        seen = np.stack([mask[rows] for mask in free])
        values = np.where(seen, np.stack([plane[rows] for plane in stack]), np.uint8(255))
        values.sort(0)  # what is hidden sorts to the end
        count = seen.sum(0, dtype=np.int32)
        low, mid, high = (
            np.take_along_axis(
                values, np.clip(np.rint(share * (count - 1)), 0, None).astype(np.intp)[None], 0
            )[0]
            for share in (0.16, 0.5, 0.84)
        )
        middle[rows], spread[rows], counts[rows] = mid, (high.astype(np.float32) - low) / 2, count
    return middle, spread, counts


def filled(values: FloatArray, known: Mask) -> FloatArray:
    """``values``, float32 (height, width, ...), with what is not ``known`` taken from around it, ever softer.

    Push-pull: means of what is known on ever coarser grids, and back (Gortler et al. 1996, The Lumigraph).
    """
    if known.all() or not known.any():
        return values
    weight = known.astype(np.float32)
    return _pulled(values * (weight if values.ndim == 2 else weight[..., None]), weight)


def _pulled(total: FloatArray, weight: FloatArray) -> FloatArray:
    """Means by weight, ``total`` being values times weight; where there is no weight, those of a coarser grid."""
    height, width = weight.shape
    each = weight if total.ndim == 2 else weight[..., None]
    mean = np.asarray(total / np.maximum(each, np.float32(1e-6)), np.float32)
    if min(height, width) <= 2 or weight.min() >= 1:
        return mean
    half = (width + 1) // 2, (height + 1) // 2
    coarse = _pulled(
        np.asarray(cv2.resize(total, half, interpolation=cv2.INTER_AREA), np.float32),
        np.asarray(cv2.resize(weight, half, interpolation=cv2.INTER_AREA), np.float32),
    )
    around = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    result: FloatArray = around + np.minimum(each, 1) * (mean - around)
    return result
