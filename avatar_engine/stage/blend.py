"""A cross-fade without a ghost: both pictures are moved on to the same head before they are mixed.

The head follows its similarity transform under a soft mask, so that the background stays where it is; what still
differs (hair, shoulders, lids) is led from one picture to the other by dense optical flow (DIS, Kroeger et al. 2016).
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.media.picture import planes
from avatar_engine.stage.seams import matrices_of

REACH = 0.25
"""Flow longer than this share of the face is no motion but a mistake."""

_NO_MAP = np.empty(0, np.float32)  # remap's second map, when the first has both coordinates

Head = npt.NDArray[np.float64]
"""float64 (4,): a, b, x, y of `avatar_engine.stage.seams.heads_of`."""


def weight(step: int, length: int) -> float:
    """Share of the entered side in frame ``step`` of a blend of ``length``; smooth at both ends."""
    at = (step + 1) / (length + 1)
    return at * at * (3 - 2 * at)


def mixed_head(left: Head, entered: Head, share: float) -> Head:
    """The head between two heads, as the mean of their points."""
    return (1 - share) * left + share * entered


class Blender:
    """Blends pictures of one size.

    Args:
        width: Pixels, even.
        height: Pixels, even.
        crop: Side of the canonical crop that heads refer to.
    """

    def __init__(self, width: int, height: int, crop: int) -> None:
        self._crop = crop
        self._grid = _grid(width, height)
        # All but the last step is smooth, and reckoned at half size: for pixels between four of the picture's.
        self._half = _grid(width // 2, height // 2)
        self._between = self._half * 2 + np.float32(0.5)
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def blend(self, left: ByteArray, entered: ByteArray, heads: tuple[Head, Head], share: float) -> ByteArray:
        """Mix two I420 pictures.

        Args:
            left: The picture of the side that is left, uint8 (height * 3 // 2, width).
            entered: The picture of the side that is entered.
            heads: Their heads.
            share: Of the entered side, 0 to 1.

        Returns:
            uint8 I420, a new picture whose head is `mixed_head` of the two.
        """
        head = mixed_head(*heads, share)
        maps = [self._onto(source, head) for source in heads]
        size = self._half.shape[1::-1]
        smalls = [cv2.resize(planes(each)[0], size, interpolation=cv2.INTER_AREA) for each in (left, entered)]
        lumas = [
            _warp(np.asarray(small, np.uint8), _halved(at)) for small, at in zip(smalls, maps, strict=True)
        ]
        flow = self._residual(lumas[0], lumas[1], head)
        maps = [self._through(maps[0], -share * flow), self._through(maps[1], (1 - share) * flow)]
        wide, narrow = [self._whole(at) for at in maps], [_halved(at) for at in maps]
        mixed = np.empty_like(left)
        sides = zip(planes(left), planes(entered), planes(mixed), (wide, narrow, narrow), strict=True)
        for one, other, target, at in sides:
            cv2.addWeighted(_warp(one, at[0]), 1 - share, _warp(other, at[1]), share, 0, dst=target)
        return mixed

    def _onto(self, source: Head, head: Head) -> FloatArray:
        """Where the mixed picture's pixels lie in the picture of ``source``: float32 (height / 2, width / 2, 2)."""
        to_crop = matrices_of(head[None], self._crop)[0]
        back = cv2.invertAffineTransform(matrices_of(source[None], self._crop)[0])
        turn = back[:, :2] @ to_crop[:, :2]
        shift = back[:, :2] @ to_crop[:, 2] + back[:, 2]
        moved = self._between @ turn.T.astype(np.float32) + shift.astype(np.float32)
        onto: FloatArray = self._between + self._mask(head) * (moved - self._between)
        return onto

    def _whole(self, at: FloatArray) -> FloatArray:
        """The same for every pixel: float32 (height, width, 2)."""
        size = self._grid.shape[1::-1]
        shift = np.asarray(cv2.resize(at - self._between, size, interpolation=cv2.INTER_LINEAR), np.float32)
        shift += self._grid
        return shift

    def _mask(self, head: Head) -> FloatArray:
        """1 on the head, falling to 0 within a face's size round it: float32 (height / 2, width / 2, 1)."""
        side = float(np.hypot(head[0], head[1])) * self._crop
        up = np.array([head[1], -head[0]]) / np.hypot(head[0], head[1])
        middle = head[2:] + 0.45 * side * up  # the crop is the lower face
        away = (self._between - middle.astype(np.float32)) / np.float32(side)
        distance = np.hypot(away[..., 0], 0.8 * away[..., 1])
        fall = np.clip((1.7 - distance) / 0.9, 0, 1)
        mask: FloatArray = (fall * fall * (3 - 2 * fall))[..., None]
        return mask

    def _residual(self, one: ByteArray, other: ByteArray, head: Head) -> FloatArray:
        """Flow from ``one`` to ``other``, of half size, smoothed and bounded: float32 (height / 2, width / 2, 2)."""
        flow = np.asarray(self._flow.calc(one, other, np.zeros_like(self._half)), np.float32)
        side = float(np.hypot(head[0], head[1])) * self._crop / 2
        flow = np.asarray(cv2.GaussianBlur(flow, (0, 0), max(0.8, side / 60)), np.float32)
        length = np.linalg.norm(flow, axis=2, keepdims=True)
        bounded: FloatArray = flow * np.minimum(1, REACH * side / np.maximum(length, 1e-6))
        return bounded

    def _through(self, at: FloatArray, shift: FloatArray) -> FloatArray:
        """The map ``at``, looked up at pixels moved by ``shift`` (of the half size)."""
        looked: FloatArray = np.asarray(
            cv2.remap(at, self._half + shift, _NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
            np.float32,
        )
        return looked


def _warp(plane: ByteArray, at: FloatArray) -> ByteArray:
    moved = cv2.remap(plane, at, _NO_MAP, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def _grid(width: int, height: int) -> FloatArray:
    """Where each pixel is: float32 (height, width, 2)."""
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)


def _halved(at: FloatArray) -> FloatArray:
    """A map of places in a picture, for the same picture at half size, whose samples lie between four pixels."""
    halved: FloatArray = (at - np.float32(0.5)) / np.float32(2)
    return halved
