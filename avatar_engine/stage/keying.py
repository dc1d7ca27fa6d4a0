"""Puts the cut-out presenter before another background, in the planes of I420, and fits its light to it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.media.picture import BLACK, Planes

LUMA_SHARE, CHROMA_SHARE = 0.35, 0.4
"""How much of the difference between two backgrounds a relight of 1 takes over: exponent of luma, share of chroma."""

DIMMEST, BRIGHTEST, TINT = 0.8, 1.12, 9.0
"""Bounds of the luma's factor and, in levels, of the chroma's shift at a relight of 1: skin stays skin."""


@dataclass(frozen=True, slots=True)
class Relight:
    """What becomes of a presenter's colours: luma times ``gain`` above black, and shifts of Cb and Cr in levels."""

    gain: float = 1.0
    blue: float = 0.0
    red: float = 0.0

    @classmethod
    def between(cls, filmed: FloatArray, shown: FloatArray, strength: float) -> Relight:
        """From the mean luma, Cb and Cr of the background that was ``filmed`` to those of the one that is ``shown``.

        A colour transfer as Reinhard, Ashikhmin, Gooch and Shirley (2001) do it, by means alone and within bounds: the
        backgrounds stand for the light that falls on the person.

        Args:
            filmed: float32 (3,).
            shown: float32 (3,).
            strength: 0 leaves the presenter as filmed, 1 goes to the bounds.
        """
        ratio = max(1.0, float(shown[0]) - BLACK) / max(1.0, float(filmed[0]) - BLACK)
        gain = min(max(ratio**LUMA_SHARE, DIMMEST), BRIGHTEST) ** strength
        shifts = np.clip(CHROMA_SHARE * (shown[1:] - filmed[1:]), -TINT, TINT) * strength
        return cls(gain, float(shifts[0]), float(shifts[1]))

    @property
    def nothing(self) -> bool:
        """Whether nothing changes that 8 bits would show."""
        return abs(self.gain - 1) < 0.002 and max(abs(self.blue), abs(self.red)) < 0.5


class Keyer:
    """Puts cut-out pictures of one size onto parts of another; it allocates nothing after the first one."""

    def __init__(self) -> None:
        self._shapes: tuple[tuple[int, ...], ...] = ()
        self._lit: list[ByteArray] = []
        self._fitted: list[ByteArray] = []
        self._alphas: list[ByteArray] = []
        self._rests: list[ByteArray] = []
        self._half = np.empty((0, 0), np.uint8)

    def put(
        self, sources: Planes, alpha: ByteArray, targets: Planes, relight: Relight, how: tuple[int, int]
    ) -> ByteArray:
        """Put a presenter onto what is there.

        Args:
            sources: The planes of the presenter's colours, or parts of them.
            alpha: The share of every pixel of the luma's part, uint8.
            targets: The planes, or parts of them, that hold the background: they are changed.
            relight: What becomes of the colours.
            how: OpenCV's interpolations for luma and chroma, where the sizes differ.

        Returns:
            The share of every pixel of the target's luma, uint8, valid until the next call.
        """
        self._make_room(sources, targets)
        changes = (
            (relight.gain, BLACK * (1 - relight.gain)), (1.0, relight.blue), (1.0, relight.red)
        )  # fmt: skip
        small = self._half
        cv2.resize(alpha, small.shape[::-1], dst=small, interpolation=cv2.INTER_AREA)
        for number, (source, target) in enumerate(zip(sources, targets, strict=True)):
            lit, fitted, share, rest = (
                room[number] for room in (self._lit, self._fitted, self._alphas, self._rests)
            )
            part = alpha if number == 0 else small
            if not relight.nothing:
                cv2.convertScaleAbs(source, dst=lit, alpha=changes[number][0], beta=changes[number][1])
                source = lit
            cv2.multiply(source, part, dst=lit, scale=1 / 255)
            if lit.shape == target.shape:
                fitted, share = lit, part
            else:
                size = target.shape[::-1]
                cv2.resize(lit, size, dst=fitted, interpolation=how[min(number, 1)])
                if number < 2:  # both chromas have one share
                    cv2.resize(part, size, dst=share, interpolation=cv2.INTER_LINEAR)
            if number < 2:
                cv2.bitwise_not(share, dst=rest)
            left, top, width, height = cv2.boundingRect(share)
            spot = slice(top, top + height), slice(left, left + width)
            cv2.multiply(target[spot], rest[spot], dst=target[spot], scale=1 / 255)
            cv2.add(target[spot], fitted[spot], dst=target[spot])
        return alpha if alpha.shape == targets[0].shape else self._alphas[0]

    def _make_room(self, sources: Planes, targets: Planes) -> None:
        shapes = sources[0].shape, sources[1].shape, targets[0].shape, targets[1].shape
        if shapes == self._shapes:
            return
        self._shapes = shapes
        self._half = np.empty(sources[1].shape, np.uint8)
        self._lit = [np.empty(plane.shape, np.uint8) for plane in sources]
        self._fitted = [np.empty(plane.shape, np.uint8) for plane in targets]
        luma, chroma = (np.empty(plane.shape, np.uint8) for plane in targets[:2])
        self._alphas = [luma, chroma, chroma]
        luma, chroma = (np.empty(plane.shape, np.uint8) for plane in targets[:2])
        self._rests = [luma, chroma, chroma]
