"""The canonical crop of the lower face: where it lies, how it is cut out, and how a painted one goes back.

A similarity transform from landmarks that speech does not move (eye corners, nose bridge, temples) maps every
picture to one still square round mouth and chin. Pictures stay planar I420 all the way: the crop is a luma square
and two chroma squares of half its side, and pasting touches only the patch's own planes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.face.track import FaceTrack
from avatar_engine.media.picture import planes

STABLE = (33, 133, 362, 263, 6, 168, 197, 195, 127, 356, 162, 389)
"""Landmarks that hold still while one speaks: eye corners, nose bridge, temples."""

SIZES = (128, 160, 192, 224, 256, 320, 384)
"""Sides of a crop in pixels."""

LEFT_SIDE, RIGHT_SIDE, CHIN, NOSE_TIP = 234, 454, 152, 4
LEFT_CHEEK, RIGHT_CHEEK = (234, 93, 132), (454, 323, 361)  # the face's edge from the ear down to the mouth
SPAN = 0.86  # side of the crop as a share of the face's width: mouth, chin and cheeks, with a rim of true picture
SMOOTH = 1.6  # pictures; the head moves slower than this, the landmarker's jitter is faster


def face_width(track: FaceTrack) -> float:
    """The face's usual width in pixels, ear to ear."""
    points = track.points[track.found] if track.found.any() else track.points
    return float(np.median(np.linalg.norm(points[:, LEFT_SIDE, :2] - points[:, RIGHT_SIDE, :2], axis=1)))


def crop_size(track: FaceTrack) -> int:
    """The side of the crop in pixels that keeps the footage's own detail (one of `SIZES`)."""
    side = SPAN * face_width(track)
    return next((size for size in SIZES if size >= side * 0.97), SIZES[-1])


def takes(track: FaceTrack) -> list[tuple[int, int]]:
    """The stretches of pictures that were filmed in one go, as (start, stop).

    A joint between takes shows as a jump of the still landmarks that is far above their usual motion.
    """
    stable = track.points[:, STABLE, :2]
    step = np.median(np.linalg.norm(np.diff(stable, axis=0), axis=2), axis=1)
    limit = max(0.012 * face_width(track), 8 * float(np.median(step))) if len(step) else 0.0
    joints = [0, *(np.flatnonzero(step > limit) + 1).tolist(), len(track)]
    return [(a, b) for a, b in pairwise(joints) if b > a]


def transforms(track: FaceTrack, size: int) -> FloatArray:
    """The similarity from every picture to its canonical crop, smoothed with zero phase inside each take.

    Returns:
        float32 (n, 2, 3): crop pixel = matrix @ (x, y, 1) of a picture's luma pixel.
    """
    from scipy.ndimage import gaussian_filter1d  # a show needs none of it, and it takes a second to load

    reference = _reference(track) * size
    raw = np.stack([_similarity(points, reference) for points in track.points[:, STABLE, :2]])
    # A similarity is linear in (a, b, tx, ty), but tx and ty swing with the angle at the picture's corner:
    # smooth where the crop's own middle lies in the picture instead.
    middle = np.array([size / 2, size / 2])
    inverse = np.stack([cv2.invertAffineTransform(matrix) for matrix in raw])
    parts = np.concatenate(
        [inverse[:, 0, 0:1], inverse[:, 1, 0:1], inverse[:, :, :2] @ middle + inverse[:, :, 2]], 1
    )
    for start, stop in takes(track):
        parts[start:stop] = gaussian_filter1d(parts[start:stop], SMOOTH, axis=0, mode="nearest")
    a, b = parts[:, 0], parts[:, 1]
    back = np.stack([np.stack([a, -b], 1), np.stack([b, a], 1)], 1)
    shift = parts[:, 2:] - back @ middle
    matrices = np.concatenate([back, shift[:, :, None]], 2)
    return np.stack([cv2.invertAffineTransform(matrix) for matrix in matrices]).astype(np.float32)


def to_crop(points: npt.NDArray[np.floating], matrices: FloatArray) -> FloatArray:
    """Points (n, k, 2 or 3) of pictures as float32 (n, k, 2) in their crops, in pixels."""
    moved = np.einsum("nij,nkj->nki", matrices[:, :, :2], points[:, :, :2]) + matrices[:, None, :, 2]
    return np.asarray(moved, np.float32)


def _reference(track: FaceTrack) -> npt.NDArray[np.float64]:
    """Where this person's still landmarks belong in a crop of side 1: float64 (k, 2)."""
    points = track.points[track.found].astype(np.float64)[:, :, :2]
    if not len(points):
        raise AvatarError("There is no face to crop.", "Film the presenter from the front.")
    points = points[:: max(1, len(points) // 400)]
    mean = points[0, list(STABLE)]
    for _ in range(3):  # generalised Procrustes: align all to the mean, take the mean anew
        aligned = np.stack([_apply(_similarity(p[list(STABLE)], mean), p) for p in points])
        mean = np.median(aligned[:, STABLE], axis=0)
    face = np.median(aligned, axis=0)
    across = face[263] - face[33]
    turn = np.array([[across[0], across[1]], [-across[1], across[0]]]) / np.linalg.norm(across)
    aligned, face = aligned @ turn.T, face @ turn.T
    side = SPAN * np.linalg.norm(face[LEFT_SIDE] - face[RIGHT_SIDE])
    bottom = np.percentile(aligned[:, CHIN, 1], 98) + 0.10 * side
    left = (face[LEFT_SIDE, 0] + face[RIGHT_SIDE, 0]) / 4 + face[CHIN, 0] / 2 - side / 2
    return np.asarray((face[list(STABLE)] - np.array([left, bottom - side])) / side)


def _similarity(
    source: npt.NDArray[np.floating], target: npt.NDArray[np.floating]
) -> npt.NDArray[np.float64]:
    """Least-squares similarity (Umeyama 1991) from points (k, 2) to points (k, 2), as (2, 3)."""
    source, target = np.asarray(source, np.float64), np.asarray(target, np.float64)
    m, n = source.mean(0), target.mean(0)
    x, y = source - m, target - n
    power = (x * x).sum()
    a = (x * y).sum() / power
    b = (x[:, 0] * y[:, 1] - x[:, 1] * y[:, 0]).sum() / power
    turn = np.array([[a, -b], [b, a]])
    return np.concatenate([turn, (n - turn @ m)[:, None]], 1)


def _apply(matrix: npt.NDArray[np.float64], points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2])


def chroma_matrix(matrix: FloatArray) -> FloatArray:
    """The same similarity between the half-size chroma planes (samples in the middle of their four pixels)."""
    half = matrix.astype(np.float64)
    shift = (half[:, :2] @ np.array([0.5, 0.5]) + half[:, 2] - 0.5) / 2
    return np.concatenate([half[:, :2], shift[:, None]], 1).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Crop:
    """One canonical crop in I420 parts: luma uint8 (size, size), chroma uint8 (2, size // 2, size // 2)."""

    luma: ByteArray
    chroma: ByteArray

    @classmethod
    def empty(cls, size: int) -> Crop:
        return cls(np.empty((size, size), np.uint8), np.empty((2, size // 2, size // 2), np.uint8))


def extract(picture: ByteArray, matrix: FloatArray, out: Crop) -> Crop:
    """Cut the canonical crop out of an I420 picture into ``out`` (cubic for luma, linear for chroma)."""
    size = out.luma.shape[0]
    luma, *chroma = planes(picture)
    edge = cv2.BORDER_REPLICATE
    cv2.warpAffine(luma, matrix, (size, size), dst=out.luma, flags=cv2.INTER_CUBIC, borderMode=edge)
    half = chroma_matrix(matrix)
    for plane, target in zip(chroma, out.chroma, strict=True):
        cv2.warpAffine(
            plane, half, (size // 2, size // 2), dst=target, flags=cv2.INTER_LINEAR, borderMode=edge
        )
    return out


def mouth_mask(points: FloatArray, size: int) -> FloatArray:
    """What is painted: mouth, chin and lower cheeks, as far as this person's mouth and chin ever go.

    Args:
        points: float32 (n, 478, 2) landmarks in the crop, in pixels.
        size: Side of the crop.

    Returns:
        float32 (size, size) in [0, 1]: 1 inside, a soft edge, exactly 0 outside.
    """
    left, right = np.percentile(points[:, 61, 0], 2), np.percentile(points[:, 291, 0], 98)
    nose = float(np.median(points[:, 2, 1]))  # where the nose meets the lip
    chin = float(np.percentile(points[:, CHIN, 1], 99))
    middle, half = (left + right) / 2, max((right - left) * 0.98, 0.27 * size)
    top, bottom = nose - 0.01 * size, min(chin + 0.055 * size, size * 0.97)
    y, x = np.mgrid[:size, :size].astype(np.float64)
    u = (x - middle) / min(half, middle - 2, size - 3 - middle)
    v = (y - (top + bottom) / 2) / ((bottom - top) / 2)
    distance = (np.abs(u) ** 3 + np.abs(v) ** 3) ** (1 / 3)  # a rounded box
    soft = np.clip((1 - distance) / 0.22, 0, 1)
    return np.asarray(soft * soft * (3 - 2 * soft), np.float32)


def skin_mask(points: FloatArray, mask: FloatArray) -> FloatArray:
    """Cheeks and nose that are not painted, where the light on the face can be read.

    Args:
        points: float32 (n, 478, 2) landmarks in the crop, in pixels.
        mask: float32 (size, size), what is painted, from `mouth_mask`.

    Returns:
        float32 (size, size), 1 on such skin and 0 elsewhere; never empty.
    """
    size = len(mask)
    face, inset = np.median(points, axis=0), np.array([0.05 * size, 0.0])
    left, right = face[list(LEFT_CHEEK)] + inset, face[list(RIGHT_CHEEK)] - inset
    top = np.array([[left[0, 0], 0.0], [right[0, 0], 0.0]])
    corners = np.concatenate([top[:1], left, right[::-1], top[1:]])
    skin = np.zeros((size, size), np.uint8)
    cv2.fillPoly(skin, [np.clip(np.round(corners), 0, size - 1).astype(np.int32)], 1)
    skin[mask > 0] = 0
    if skin.sum() < 0.02 * size * size:  # a face turned far: all that is above the mouth will have to do
        skin = ((mask <= 0) & (np.arange(size)[:, None] < size // 2)).astype(np.uint8)
    return skin.astype(np.float32)


def blend_weights(alpha: FloatArray) -> tuple[ByteArray, ByteArray]:
    """How much of a painted crop is seen, of luma (size, size) and of chroma (half of it): uint8, 0 to 128, with which
    the blend fits 16 bits; ``alpha`` float32 (size, size) is in [0, 1]."""
    whole = np.round(alpha * 128).astype(np.uint8)
    half = cv2.resize(whole, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return whole, np.asarray(half, np.uint8)


class Paster:
    """Blends painted crops back into I420 pictures, in place, touching only the mask's rectangle.

    Args:
        alpha: float32 (size, size) in [0, 1] from `mouth_mask`.

    All buffers are made once and grow only when the face comes closer to the camera than ever before.
    """

    def __init__(self, alpha: FloatArray) -> None:
        self._weights = blend_weights(alpha)
        weight = self._weights[0]
        rows, columns = np.flatnonzero(weight.any(1)), np.flatnonzero(weight.any(0))
        x0, x1, y0, y1 = columns[0] - 1, columns[-1] + 2, rows[0] - 1, rows[-1] + 2
        self._corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float64)
        self._patch = np.empty(0, np.uint8)
        self._alpha = np.empty(0, np.uint8)
        self._wide = np.empty(0, np.int16)

    def paste(self, picture: ByteArray, crop: Crop, matrix: FloatArray) -> None:
        """Blend ``crop`` into an I420 picture where ``matrix`` (picture to crop) says that it belongs."""
        luma, *chroma = planes(picture)
        back = cv2.invertAffineTransform(matrix)
        corners = self._corners @ back[:, :2].T + back[:, 2]
        self._blend(luma, crop.luma, self._weights[0], back, corners, cv2.INTER_CUBIC)
        back = cv2.invertAffineTransform(chroma_matrix(matrix))
        corners = (corners - 0.5) / 2
        for plane, patch in zip(chroma, crop.chroma, strict=True):
            self._blend(plane, patch, self._weights[1], back, corners, cv2.INTER_LINEAR)

    def _blend(
        self,
        plane: ByteArray,
        patch: npt.NDArray[Any],
        weight: npt.NDArray[Any],
        back: npt.NDArray[Any],
        corners: npt.NDArray[np.float64],
        interpolation: int,
    ) -> None:
        low = np.maximum(np.floor(corners.min(0)).astype(int), 0)
        high = np.minimum(np.ceil(corners.max(0)).astype(int) + 1, plane.shape[::-1])
        width, height = int(high[0] - low[0]), int(high[1] - low[1])
        if width <= 0 or height <= 0:
            return
        area = width * height
        if area > self._patch.size:
            self._patch, self._alpha = np.empty(area, np.uint8), np.empty(area, np.uint8)
            self._wide = np.empty(area, np.int16)
        shape = (height, width)
        painted, alpha = self._patch[:area].reshape(shape), self._alpha[:area].reshape(shape)
        shifted = back.copy()
        shifted[:, 2] -= low
        cv2.warpAffine(
            patch, shifted, (width, height), dst=painted, flags=interpolation, borderMode=cv2.BORDER_REPLICATE
        )
        cv2.warpAffine(weight, shifted, (width, height), dst=alpha, flags=cv2.INTER_LINEAR)
        target = plane[low[1] : high[1], low[0] : high[0]]
        # target + (painted - target) * alpha / 128, rounded, in 16 bits.
        change = self._wide[:area].reshape(shape)
        np.subtract(painted, target, out=change, dtype=np.int16)
        np.multiply(change, alpha, out=change, dtype=np.int16)
        np.add(change, 64, out=change)
        np.right_shift(change, 7, out=change)
        np.add(change, target, out=change, dtype=np.int16)
        np.copyto(target, change, casting="unsafe")
