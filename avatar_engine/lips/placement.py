"""Where the mouth sits in a picture: what its shape owes to the head's turn, posture and expression, not to speech.

Sound can't know that the head is turned a little or that the person sits differently in this take; the rest of the
face does. The offset from the shape that the sound asks for to the one that is seen is regressed on the eyes, brows,
nose and temples, slowly varying; never on lips, cheeks or jaw, so that the words that the body's own footage
speaks can't leak into the show. It leaves the opening of the lips alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from avatar_engine.contracts import FloatArray
from avatar_engine.face import crop
from avatar_engine.face.track import FaceTrack
from avatar_engine.lips.shape import ShapeBasis

EYES = (33, 133, 362, 263, 159, 386, 145, 374)
NOSE = (168, 6, 197, 195, 5, 4, 1, 2, 98, 327)
RIM = (9, 8, 55, 285, 70, 300, 10, 151, 127, 356, 234, 454)
ANCHORS = EYES + NOSE + RIM
"""Landmarks that speech hardly moves: eyes, nose, brows and temples."""

PLACEMENT_PART = "lips/placement.safetensors"
"""The bundle's part with the offsets of every picture of its body, float32 (pictures, coefficients)."""

SLOW = 3.0
"""Pictures (standard deviation of a Gaussian) over which the anchors are smoothed."""

RIDGE = 0.02
SEAM = 4.0
"""Pictures over which offsets are smoothed where a baked body joins two stretches."""


@dataclass(frozen=True, slots=True)
class Placement:
    """A linear map from anchors to an offset of the mouth's coefficients.

    Attributes:
        mean: float32 (anchors * 3,), the anchors' mean place in the crop, as a share of its side.
        weights: float32 (anchors * 3 + 1, coefficients); the last row is the constant part.
    """

    mean: FloatArray
    weights: FloatArray

    @classmethod
    def none(cls, coefficients: int) -> Placement:
        """No offset at all."""
        width = len(ANCHORS) * 3
        return cls(np.zeros(width, np.float32), np.zeros((width + 1, coefficients), np.float32))

    def offsets(self, track: FaceTrack, matrices: FloatArray, size: int) -> FloatArray:
        """The offset of every picture.

        Args:
            track: The face in each picture.
            matrices: float32 (n, 2, 3), picture to crop.
            size: Side of the crop in pixels.

        Returns:
            float32 (n, coefficients).
        """
        return np.asarray(
            (_anchors(track, matrices, size) - self.mean) @ self.weights[:-1] + self.weights[-1], np.float32
        )

    def of_body(self, offsets: FloatArray, source: npt.NDArray[np.int32]) -> FloatArray:
        """Offsets for a baked, endless body whose picture ``i`` is source picture ``source[i]``, joints smoothed."""
        return np.asarray(gaussian_filter1d(offsets[source], SEAM, axis=0, mode="wrap"), np.float32)


def fit_placement(
    track: FaceTrack,
    matrices: FloatArray,
    size: int,
    seen: FloatArray,
    heard: FloatArray,
    usable: npt.NDArray[np.bool_],
    basis: ShapeBasis,
) -> Placement:
    """The ridge regression of what is seen, less what is heard, on the anchors.

    Args:
        track: The face in each picture.
        matrices: float32 (n, 2, 3), picture to crop.
        size: Side of the crop in pixels.
        seen: float32 (n, coefficients), the real shapes.
        heard: float32 (n, coefficients), the shapes that the sound asks for.
        usable: bool (n,), pictures to learn from.
        basis: The shapes' basis, to leave the opening alone.
    """
    anchors = _anchors(track, matrices, size)
    mean = anchors[usable].mean(0)
    spread = anchors[usable].std(0) + 1e-6
    columns = np.concatenate([(anchors - mean) / spread, np.ones((len(anchors), 1))], 1)[usable]
    penalty = RIDGE * len(columns) * np.eye(columns.shape[1])
    penalty[-1, -1] = 0.0
    target = _without_opening(seen - heard, basis)[usable]
    weights = np.linalg.solve(columns.T @ columns + penalty, columns.T @ target)
    weights[:-1] /= spread[:, None]
    return Placement(mean.astype(np.float32), weights.astype(np.float32))


def _anchors(track: FaceTrack, matrices: FloatArray, size: int) -> npt.NDArray[np.float64]:
    """Slow places of the anchors in the crop and their depth, (n, anchors * 3), as shares of the crop's side."""
    points = track.points[:, ANCHORS]
    flat = crop.to_crop(points[..., :2], matrices)
    depth = points[..., 2:] * np.hypot(matrices[:, 0, 0], matrices[:, 1, 0])[:, None, None]
    whole = (np.concatenate([flat, depth], 2) / size).reshape(len(points), -1).astype(np.float64)
    for start, stop in crop.takes(track):
        whole[start:stop] = gaussian_filter1d(whole[start:stop], SLOW, axis=0, mode="nearest")
    return whole


def _without_opening(offsets: FloatArray, basis: ShapeBasis) -> npt.NDArray[np.float64]:
    """Offsets (n, k) with what would part or close the lips taken out."""
    step = np.eye(basis.coefficients, dtype=np.float32)
    direction = (basis.opening(step) - basis.opening(-step)).astype(np.float64) / 2
    along = offsets @ direction / max(float(direction @ direction), 1e-12)
    return np.asarray(offsets - np.outer(along, direction))
