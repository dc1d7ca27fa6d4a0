"""Where the mouth sits in a picture: what its shape owes to the head's turn, posture and expression, not to speech.

Sound can't know that the head is turned a little or that the person sits differently in this take; the picture that
the mouth is painted into does. The offset from the shape that the sound asks for to the one that is seen has two
parts. A quick one is regressed on the eyes, brows, nose and temples; never on lips, cheeks or jaw, so that the words
that the body's own footage speaks can't leak into the show. What that leaves is measured on the picture's own lips,
but so slowly, over seconds, that no word is left in it. Neither part opens the lips, and the measured one does not
widen them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import FloatArray
from avatar_engine.face import crop
from avatar_engine.face.track import FaceTrack
from avatar_engine.lips.shape import ShapeBasis, opening, width, without

EYES = (33, 133, 362, 263, 159, 386, 145, 374)
NOSE = (168, 6, 197, 195, 5, 4, 1, 2, 98, 327)
RIM = (9, 8, 55, 285, 70, 300, 10, 151, 127, 356, 234, 454)
ANCHORS = EYES + NOSE + RIM
"""Landmarks that speech hardly moves: eyes, nose, brows and temples."""

PLACEMENT_PART = "lips/placement.safetensors"
"""The bundle's part with the offsets of every picture of its body, float32 (pictures, coefficients)."""

SLOW = 3.0
"""Pictures (standard deviation of a Gaussian) over which the anchors are smoothed."""

SETTLING = 25.0
"""Pictures (standard deviation) over which the rest of the offset is measured on the lips: a second."""

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

    def settled(
        self,
        track: FaceTrack,
        matrices: FloatArray,
        size: int,
        seen: FloatArray,
        heard: FloatArray,
        basis: ShapeBasis,
    ) -> FloatArray:
        """The offset of every picture, foretold and measured, for footage whose own sound is known.

        Args:
            track: The face in each picture.
            matrices: float32 (n, 2, 3), picture to crop.
            size: Side of the crop in pixels.
            seen: float32 (n, coefficients), the real shapes.
            heard: float32 (n, coefficients), the shapes that the footage's sound asks for.
            basis: The shapes' basis.

        Returns:
            float32 (n, coefficients).
        """
        foretold = self.offsets(track, matrices, size)
        rest = without(seen - heard - foretold, basis, (opening, width))
        rest[~track.found] = 0.0
        weight = track.found.astype(np.float64)[:, None]
        for start, stop in crop.takes(track):
            near = slice(start, stop)
            rest[near] = _slow(rest[near], SETTLING) / np.maximum(_slow(weight[near], SETTLING), 1e-3)
        return np.asarray(foretold + rest, np.float32)

    def of_body(self, offsets: FloatArray, source: npt.NDArray[np.int32]) -> FloatArray:
        """Offsets for a baked, endless body whose picture ``i`` is source picture ``source[i]``, joints smoothed."""
        return np.asarray(_slow(offsets[source], SEAM, "wrap"), np.float32)


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
    target = without(seen - heard, basis, (opening,))[usable]
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
        whole[start:stop] = _slow(whole[start:stop], SLOW)
    return whole


def _slow(
    values: npt.NDArray[np.floating], pictures: float, edge: str = "nearest"
) -> npt.NDArray[np.floating]:
    from scipy.ndimage import gaussian_filter1d  # a show needs none of it, and it takes a second to load

    return np.asarray(gaussian_filter1d(values, pictures, axis=0, mode=edge))
