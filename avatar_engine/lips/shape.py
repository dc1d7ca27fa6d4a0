"""One person's mouth shapes: a small basis of lip, inner-lip and jaw landmarks in the canonical crop.

The part of the shape that comes from slow turns of the head is taken out before the basis is made: sound knows
nothing of it, and the painter sees the head's turn in the true pixels round the mouth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import ByteArray, FloatArray

OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
JAW = (58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288)
LANDMARKS = OUTER + INNER + JAW
"""Landmarks of a shape: the outer lip line, the inner lip line, the jaw from side to side."""

UPPER_LIP, LOWER_LIP, LEFT_CORNER, RIGHT_CORNER = (
    len(OUTER) + INNER.index(14),
    len(OUTER) + INNER.index(13),
    0,
    10,
)
LOWER_MIDDLE = [len(OUTER) + i for i in (4, 5, 6)]
UPPER_MIDDLE = [len(OUTER) + i for i in (16, 15, 14)]
COEFFICIENTS = 12
SUB_PIXEL = 4  # bits of fraction for drawing
JAW_WEIGHT = 0.5  # jaw landmarks slide along the jaw; they must not crowd the lips out of the basis


@dataclass(frozen=True, slots=True)
class ShapeBasis:
    """A linear basis of mouth shapes.

    Attributes:
        mean: float32 (landmarks, 2), the mean shape as a share of the crop's side.
        axes: float32 (coefficients, landmarks, 2); a coefficient of 1 is one standard deviation.
    """

    mean: FloatArray
    axes: FloatArray

    @property
    def coefficients(self) -> int:
        return len(self.axes)

    def shape(self, coefficients: FloatArray) -> FloatArray:
        """Coefficients (n, k or more) to shapes float32 (n, landmarks, 2), as a share of the crop's side.

        What stands behind the shape's own coefficients is texture (`avatar_engine.lips.texture`), and is not looked at.
        """
        own = coefficients[:, : self.coefficients]
        return np.asarray(self.mean + np.tensordot(own, self.axes, 1), np.float32)

    def project(self, shapes: FloatArray) -> FloatArray:
        """Shapes (n, landmarks, 2) to the coefficients float32 (n, k) that fit them best."""
        weight = _weights()[:, None]
        flat = (self.axes * weight).reshape(len(self.axes), -1)
        difference = ((shapes - self.mean) * weight).reshape(len(shapes), -1)
        return np.linalg.lstsq(flat.T, difference.T, rcond=None)[0].T.astype(np.float32)

    def opening(self, coefficients: FloatArray) -> FloatArray:
        """The gap between the inner lips float32 (n,) as a share of the crop's side."""
        return opening(self.shape(coefficients))


def opening(shapes: FloatArray) -> FloatArray:
    """The gap between the inner lips of shapes (n, landmarks, 2): their mean distance over the middle."""
    apart = shapes[:, LOWER_MIDDLE] - shapes[:, UPPER_MIDDLE]
    return np.asarray(np.linalg.norm(apart, axis=2).mean(1), np.float32)


def gap(shapes: FloatArray) -> FloatArray:
    """The same down the crop alone: less than nothing where the lips cross, and linear in the shape, so that the
    gap of a basis' axes (n, landmarks, 2) is what each coefficient adds to it."""
    return np.asarray((shapes[:, LOWER_MIDDLE, 1] - shapes[:, UPPER_MIDDLE, 1]).mean(1), np.float32)


def width(shapes: FloatArray) -> FloatArray:
    """The distance of the mouth's corners of shapes (n, landmarks, 2)."""
    return np.asarray(np.linalg.norm(shapes[:, LEFT_CORNER] - shapes[:, RIGHT_CORNER], axis=1), np.float32)


def without_jitter(shapes: FloatArray, takes: list[tuple[int, int]]) -> FloatArray:
    """Shapes with the landmarker's jitter taken off but closures and openings kept (Savitzky-Golay, 5, 2)."""
    from scipy.signal import savgol_filter  # a show needs none of it, and it takes seconds to load

    smooth = shapes.copy()
    for start, stop in takes:
        if stop - start >= 5:
            smooth[start:stop] = savgol_filter(shapes[start:stop], 5, 2, axis=0)
    return smooth


def without_pose(shapes: FloatArray, pose: FloatArray, takes: list[tuple[int, int]]) -> FloatArray:
    """Shapes (n, landmarks, 2) less what goes with slow turns of the head, pose (n, 3) in degrees.

    Opening is in the regression beside the pose, since the landmarker's pitch follows the jaw a little.
    """
    from scipy.ndimage import gaussian_filter1d  # as above

    slow = pose.astype(np.float64)
    for start, stop in takes:
        slow[start:stop] = gaussian_filter1d(slow[start:stop], 6, axis=0, mode="nearest")
    slow = slow - slow.mean(0)
    gap = opening(shapes).astype(np.float64)
    gap = (gap - gap.mean()) / (gap.std() + 1e-9)
    columns = np.concatenate([slow, gap[:, None], np.ones((len(slow), 1))], 1)
    ridge = (
        np.diag([1.0, 1.0, 1.0, 0.0, 0.0]) * len(slow) * 0.25
    )  # a quarter of a degree squared: nearly still
    flat = shapes.reshape(len(shapes), -1).astype(np.float64)
    weights = np.linalg.solve(columns.T @ columns + ridge, columns.T @ flat)
    return np.asarray((flat - slow @ weights[:3]).reshape(shapes.shape), np.float32)


def without(
    offsets: FloatArray, basis: ShapeBasis, measures: tuple[Callable[[FloatArray], FloatArray], ...]
) -> npt.NDArray[np.float64]:
    """Changes of coefficients (n, k or more) less what would change these measures of the shape, like its opening."""
    step = np.eye(basis.coefficients, dtype=np.float32)
    ways = [(measure(basis.shape(step)) - measure(basis.shape(-step))) / 2 for measure in measures]
    across, _ = np.linalg.qr(np.stack(ways, 1).astype(np.float64) + 1e-12)
    left = np.array(offsets, np.float64)
    shape = left[:, : basis.coefficients]
    shape -= (shape @ across) @ across.T
    return left


def fit_basis(shapes: FloatArray, coefficients: int = COEFFICIENTS) -> ShapeBasis:
    """The principal components of shapes (n, landmarks, 2) as a `ShapeBasis`."""
    mean = shapes.mean(0)
    weight = np.repeat(_weights(), 2)
    flat = (shapes - mean).reshape(len(shapes), -1) * weight
    _, scale, directions = np.linalg.svd(flat, full_matrices=False)
    spread = scale[:coefficients] / np.sqrt(len(shapes))
    axes = directions[:coefficients] * spread[:, None] / weight
    return ShapeBasis(mean.astype(np.float32), axes.reshape(-1, *mean.shape).astype(np.float32))


def draw(shape: FloatArray, out: ByteArray) -> ByteArray:
    """Draw one shape (landmarks, 2) into planes uint8 (3, size, size): lips, inner mouth, jaw, 255 inside."""
    size = out.shape[-1]
    # Drawing counts pixel centres as whole numbers, the crop's coordinates do too.
    points = np.round(shape * (size << SUB_PIXEL)).astype(np.int32)
    out[:] = 0
    lips, inner, jaw = (
        points[: len(OUTER)],
        points[len(OUTER) : len(OUTER + INNER)],
        points[len(OUTER + INNER) :],
    )
    cv2.fillPoly(out[0], [lips], 255, cv2.LINE_AA, SUB_PIXEL)
    cv2.fillPoly(out[1], [inner], 255, cv2.LINE_AA, SUB_PIXEL)
    cv2.fillPoly(out[2], [jaw], 255, cv2.LINE_AA, SUB_PIXEL)
    return out


def _weights() -> npt.NDArray[np.float64]:
    return np.array([1.0] * len(OUTER + INNER) + [JAW_WEIGHT] * len(JAW))
