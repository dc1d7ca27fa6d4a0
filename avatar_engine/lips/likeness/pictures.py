"""Figures of painted pixels against the real ones: error, structure, fine detail, flicker, and the mask's seam."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import ByteArray, FloatArray

Area = tuple[slice, slice]
"""Rows and columns of a picture."""

Doubles = npt.NDArray[np.float64]

_SSIM_SIGMA, _SSIM_SIZE = 1.5, 11
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def psnr(one: ByteArray, other: ByteArray) -> float:
    """Peak signal-to-noise ratio of two pictures (all channels) in dB; 78 at most, for pictures that are the same."""
    difference = one.astype(np.float32) - other
    return float(10 * np.log10(255**2 / max(float((difference * difference).mean()), 1e-3)))


def ssim_map(one: ByteArray, other: ByteArray) -> FloatArray:
    """Structural similarity of two luma pictures at every pixel (Wang et al. 2004, Gaussian window of 11, 1.5)."""
    x, y = one.astype(np.float32), other.astype(np.float32)

    def mean(values: FloatArray) -> FloatArray:
        return np.asarray(cv2.GaussianBlur(values, (_SSIM_SIZE, _SSIM_SIZE), _SSIM_SIGMA), np.float32)

    mx, my = mean(x), mean(y)
    vx, vy, both = mean(x * x) - mx * mx, mean(y * y) - my * my, mean(x * y) - mx * my
    above, below = (2 * mx * my + _C1) * (2 * both + _C2), (mx * mx + my * my + _C1) * (vx + vy + _C2)
    return np.asarray(above / below, np.float32)


def detail(luma: ByteArray) -> float:
    """Strength of fine detail: the mean absolute Laplacian of a luma picture."""
    return float(np.abs(cv2.Laplacian(np.ascontiguousarray(luma), cv2.CV_32F)).mean())


def area(matrix: FloatArray, box: tuple[float, float, float, float], height: int, width: int) -> Area:
    """Where a box of the crop lies in the picture.

    Args:
        matrix: float32 (2, 3), picture to crop.
        box: Left, top, right, bottom in crop pixels.
        height: Of the picture.
        width: Of the picture.
    """
    left, top, right, bottom = box
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    back = cv2.invertAffineTransform(matrix)
    there = corners @ back[:, :2].T + back[:, 2]
    low = np.maximum(np.floor(there.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(there.max(0)).astype(int), (width, height))
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def around(*areas: Area) -> Area:
    """The smallest area that holds all of these."""
    return (
        slice(min(a[0].start for a in areas), max(a[0].stop for a in areas)),
        slice(min(a[1].start for a in areas), max(a[1].stop for a in areas)),
    )


class Flicker:
    """How restless painted pixels are, against the real ones of the same moments.

    The canonical crop takes the head's motion out. In it the second difference in time of every pixel,
    ``|I(t-1) - 2 I(t) + I(t+1)|``, is taken in three bands of scale (grain, features, light) and averaged in each cell
    of a grid over the mask, speech and silence apart. A mouth that moves evenly has little of it, one that jumps there
    and back, or whose light pulses, has much.

    The figure is the sum over the cells of the larger of painted and real, over the sum of the real, mean of the
    bands and of speech and silence. So a region without grain, or one that stands still where the real one moves,
    can't pay for another that flickers, nor missing grain for pulsing light, nor calm speech for a restless silence:
    the figure is 1 for the real pictures and never below, and what is above 1 is flicker that the real pictures do not
    have. `plain` is the mere ratio of the means, which can be fooled.

    Args:
        mask: float32 (size, size) in [0, 1], what is painted.
    """

    GRID = 6
    SEEN = 0.25
    """Grey levels below which nothing is seen, about what rounding to 8 bits makes; the least that counts as real."""

    SCALES = (1.0, 4.0)
    """Standard deviations in pixels, of a crop of 128, that part the bands."""

    def __init__(self, mask: FloatArray) -> None:
        size = mask.shape[0]
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        self._box = (slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1))
        inside = mask[self._box]
        y = np.arange(inside.shape[0]) * self.GRID // inside.shape[0]
        x = np.arange(inside.shape[1]) * self.GRID // inside.shape[1]
        cells = y[:, None] * self.GRID + x
        self._cells, self._weights = cells.reshape(-1), inside.reshape(-1)
        weight = np.bincount(self._cells, self._weights, self.GRID**2)
        counts = np.bincount(self._cells, minlength=self.GRID**2)
        self._kept = weight > 0.5 * np.maximum(counts, 1)
        self._weight = weight[self._kept]
        self._sigmas = [sigma * size / 128 for sigma in self.SCALES]
        self._sums = np.zeros((2, len(self.SCALES) + 2, self.GRID**2))
        self._past: list[FloatArray] = []
        self._counts = np.zeros(2, int)

    def push(self, luma: ByteArray, new_take: bool = False, silent: bool = False) -> None:
        """Take the next picture's crop, luma uint8 (size, size); nothing is compared across ``new_take``."""
        plane = luma[self._box].astype(np.float32)
        fine, coarse = (cv2.GaussianBlur(plane, (0, 0), sigma) for sigma in self._sigmas)
        now = np.stack([plane - fine, fine - coarse, coarse, plane])
        if new_take:
            self._past.clear()
        if len(self._past) == 2:
            second = np.abs(self._past[0] - 2 * self._past[1] + now).reshape(len(now), -1) * self._weights
            for band, values in enumerate(second):
                self._sums[int(silent), band] += np.bincount(self._cells, values, self.GRID**2)
            self._counts[int(silent)] += 1
            self._past.pop(0)
        self._past.append(now)

    def against(self, real: Flicker) -> float:
        """The figure: 1 for the real pictures themselves, above 1 what they do not have."""
        shares = []
        for part in np.flatnonzero(self._counts):
            mine, theirs = (
                np.maximum(
                    side._sums[part, :-1][:, self._kept] / self._weight / side._counts[part], self.SEEN
                )
                for side in (self, real)
            )
            shares += (np.maximum(mine, theirs).sum(1) / theirs.sum(1)).tolist()
        return float(np.mean(shares)) if shares else 1.0

    def plain(self, real: Flicker) -> float:
        """The ratio of the mean second differences over the whole mask."""
        mine, theirs = (float(side._sums[:, -1][:, self._kept].sum()) for side in (self, real))
        return mine / max(theirs, 1e-9)


class Seam:
    """Whether the mask's edge can be seen: steps of brightness across it that the real pictures don't have there.

    The edge is cut into sectors, and each of them across the edge into thin rings, from outside of the mask to where it
    is opaque. The mean luma of every cell over a take (grain and motion average out, what stays in place remains)
    gives the brightness across the edge, ring by ring; its slope is what a viewer would see as a line.

    The figure is the sum over all cells of the larger of painted and real slope, over the sum of the real. So it is 1
    for the real pictures and never below; a slope that the painter lost somewhere can't pay for an edge elsewhere; and
    what is above 1 is edge that the real pictures do not have. `plain` is the mere ratio of the slopes of single
    pixels, which a smooth painter lowers whatever its edge is like.

    Args:
        mask: float32 (size, size) in [0, 1], what is painted.
    """

    SECTORS = 24
    RING = 1.5
    """Width of a ring in pixels, of a crop of 128."""

    OUTSIDE = 3
    """Rings outside of the mask."""

    SEEN = 0.5
    """Steps in grey levels below which no edge is seen; the least that counts as real."""

    def __init__(self, mask: FloatArray) -> None:
        width = self.RING * mask.shape[0] / 128
        covered = (mask > 0.01).astype(np.uint8)
        # signed distance from where the mask begins: positive inside
        inward = cv2.distanceTransform(covered, cv2.DIST_L2, 5)
        outward = cv2.distanceTransform(1 - covered, cv2.DIST_L2, 5)
        ring = np.where(covered > 0, np.ceil(inward / width), 1 - np.ceil(outward / width)).astype(int)
        opaque = mask > 0.98
        last = (
            int(np.median(ring[opaque & ~cv2.erode(opaque.astype(np.uint8), np.ones((3, 3))).astype(bool)]))
            + 1
        )
        self._rings = last + self.OUTSIDE
        ring += self.OUTSIDE - 1
        rows, columns = np.nonzero((ring >= 0) & (ring < self._rings))
        middle_y, middle_x = (np.flatnonzero(mask.any(axis)).mean() for axis in (1, 0))
        turn = np.arctan2(rows - middle_y, columns - middle_x) / (2 * np.pi) + 0.5
        sector = np.minimum((turn * self.SECTORS).astype(int), self.SECTORS - 1)
        self._place = (rows, columns)
        self._cell = sector * self._rings + ring[rows, columns]
        self._cells = self.SECTORS * self._rings
        self._pixels = np.bincount(self._cell, minlength=self._cells)
        gy, gx = np.gradient(cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.5))
        self._band = (mask > 0.02) & (mask < 0.98) & (np.hypot(gx, gy) > 1e-4)
        length = np.hypot(gx, gy)[self._band]
        self._nx, self._ny = gx[self._band] / length, gy[self._band] / length
        self._sums: list[Doubles] = []
        self._counts: list[int] = []
        self._steps = 0.0

    def push(self, luma: ByteArray, new_take: bool = False) -> None:
        """Take the next picture's crop, luma uint8 (size, size)."""
        if new_take or not self._sums:
            self._sums.append(np.zeros(self._cells))
            self._counts.append(0)
        self._sums[-1] += np.bincount(self._cell, luma[self._place].astype(np.float64), self._cells)
        self._counts[-1] += 1
        smooth = cv2.GaussianBlur(luma.astype(np.float32), (0, 0), 1.0)
        gy, gx = np.gradient(smooth)
        self._steps += float(np.abs(gx[self._band] * self._nx + gy[self._band] * self._ny).mean())

    def against(self, real: Seam) -> float:
        """The figure: 1 for the real pictures themselves, above 1 edges that they do not have."""
        mine, theirs = (np.maximum(side._slopes(), self.SEEN) for side in (self, real))
        return float(np.maximum(mine, theirs).sum() / theirs.sum())

    def worst(self, real: Seam) -> float:
        """The steepest slope that the real pictures don't have, in grey levels a ring, mean of the takes."""
        return float((self._slopes() - real._slopes()).max((1, 2)).mean())

    def plain(self, real: Seam) -> float:
        """The ratio of the mean slopes of single pixels across the fading rim."""
        return self._steps / max(real._steps, 1e-9)

    def _slopes(self) -> Doubles:
        """Size of the step from ring to ring: (takes, sectors, rings - 1); 0 where a cell holds no pixel."""
        whole = np.stack(self._sums) / np.array(self._counts)[:, None] / np.maximum(self._pixels, 1)
        profile = whole.reshape(len(whole), self.SECTORS, self._rings)
        held = (self._pixels > 0).reshape(self.SECTORS, self._rings)
        both = held[:, 1:] & held[:, :-1]
        return np.asarray(np.abs(np.diff(profile, axis=2)) * both)
