"""Puts the cut-out presenter before another background, in the planes of I420, and fits its light to it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.media.picture import BLACK, Planes

LUMA_SHARE, CHROMA_SHARE = 0.35, 0.4
"""How much of the difference between two backgrounds a relight of 1 takes over: exponent of luma, share of chroma."""

DIMMEST, BRIGHTEST, TINT = 0.8, 1.12, 9.0
"""Bounds of the luma's factor and, in levels, of the chroma's shift at a relight of 1: skin stays skin."""


AROUND = 2
"""Pixels around the presenter that are worked on, too: so far reaches what enlarges."""

Part = tuple[slice, slice]
"""Rows and columns of a plane."""


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
        self._there: Part | None = None

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
        here, there = self._within(alpha, targets[0].shape)
        changes = (
            (relight.gain, BLACK * (1 - relight.gain)), (1.0, relight.blue), (1.0, relight.red)
        )  # fmt: skip
        whole, half = alpha[here], self._half[_halved(here)]
        cv2.resize(whole, half.shape[::-1], dst=half, interpolation=cv2.INTER_AREA)
        for number, planes in enumerate(zip(sources, targets, strict=True)):
            seen, into = (here, there) if number == 0 else (_halved(here), _halved(there))
            source, target = planes[0][seen], planes[1][into]
            lit = self._lit[number][seen]
            fitted, share, rest = (room[number][into] for room in (self._fitted, self._alphas, self._rests))
            part = whole if number == 0 else half
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
            cv2.multiply(target, rest, dst=target, scale=1 / 255)
            cv2.add(target, fitted, dst=target)
        return alpha if alpha.shape == targets[0].shape else self._alphas[0]

    def _within(self, alpha: ByteArray, shape: tuple[int, ...]) -> tuple[Part, Part]:
        """Where there is anything of the presenter, in the luma's part and in its target: what is outside stays."""
        left, top, width, height = cv2.boundingRect(alpha)
        across = _even_steps(left, left + width, alpha.shape[1], shape[1])
        down = _even_steps(top, top + height, alpha.shape[0], shape[0])
        there = down[1], across[1]
        if there != self._there:
            self._there = there
            self._alphas[0].fill(0)
        return (down[0], across[0]), there

    def _make_room(self, sources: Planes, targets: Planes) -> None:
        shapes = sources[0].shape, sources[1].shape, targets[0].shape, targets[1].shape
        if shapes == self._shapes:
            return
        self._shapes = shapes
        self._half = np.empty(sources[1].shape, np.uint8)
        self._lit = [np.empty(plane.shape, np.uint8) for plane in sources]
        self._fitted = [np.empty(plane.shape, np.uint8) for plane in targets]
        self._there = None
        luma, chroma = (np.empty(plane.shape, np.uint8) for plane in targets[:2])
        self._alphas = [luma, chroma, chroma]
        luma, chroma = (np.empty(plane.shape, np.uint8) for plane in targets[:2])
        self._rests = [luma, chroma, chroma]


def _even_steps(start: int, stop: int, length: int, target: int) -> tuple[slice, slice]:
    """A span of ``length`` pixels, widened until its ends lie on whole pixels of the chroma, too, here and where the
    whole becomes ``target`` pixels long; and the span there."""
    step = 2 * length // math.gcd(length, target)
    first = max(0, start - AROUND) // step * step
    last = min(length, -(-(stop + AROUND) // step) * step)
    return slice(first, last), slice(first * target // length, last * target // length)


def _halved(part: Part) -> Part:
    rows, columns = part
    return slice(rows.start // 2, rows.stop // 2), slice(columns.start // 2, columns.stop // 2)
