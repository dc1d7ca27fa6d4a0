"""Puts the cut-out presenter before another background, in the planes of I420, and fits its light to it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

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

BANDS = 3
"""In which a picture is worked on, each as broad as the presenter is there."""

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
        self._rests: list[ByteArray] = []
        self._half, self._shares = (np.empty((0, 0), np.uint8) for _ in range(2))
        self._there: list[Part | None] = []

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
        for number, band in enumerate(_bands(alpha, targets[0].shape)):
            self._forget(number, band)
            if band.there[0].start < band.there[0].stop:
                self._put(band, sources, alpha, targets, relight, how)
        return alpha if alpha.shape == targets[0].shape else self._shares

    def _put(
        self,
        band: _Band,
        sources: Planes,
        alpha: ByteArray,
        targets: Planes,
        relight: Relight,
        how: tuple[int, int],
    ) -> None:
        changes = (
            (relight.gain, BLACK * (1 - relight.gain)), (1.0, relight.blue), (1.0, relight.red)
        )  # fmt: skip
        whole, half = alpha[band.here], self._half[_halved(band.here)]
        cv2.resize(whole, half.shape[::-1], dst=half, interpolation=cv2.INTER_AREA)
        for number, (source, target) in enumerate(zip(sources, targets, strict=True)):
            here, there, own = band.halved() if number else (band.here, band.there, band.own)
            part = half if number else whole
            source, target = source[here], target[there]
            lit, fitted, rest = (
                self._lit[number][here], self._fitted[number][there], self._rests[number][there]
            )  # fmt: skip
            if not relight.nothing:
                cv2.convertScaleAbs(source, dst=lit, alpha=changes[number][0], beta=changes[number][1])
                source = lit
            cv2.multiply(source, part, dst=lit, scale=1 / 255)
            if lit.shape == target.shape:
                fitted = lit
                if number < 2:  # both chromas have one share
                    cv2.bitwise_not(part, dst=rest)
            else:
                size = target.shape[::-1]
                cv2.resize(lit, size, dst=fitted, interpolation=how[min(number, 1)])
                if number < 2:
                    cv2.resize(part, size, dst=rest, interpolation=cv2.INTER_LINEAR)
                    if not number:
                        np.copyto(self._shares[there][own], rest[own])
                    cv2.bitwise_not(rest, dst=rest)
            cv2.multiply(target[own], rest[own], dst=target[own], scale=1 / 255)
            cv2.add(target[own], fitted[own], dst=target[own])

    def _forget(self, number: int, band: _Band) -> None:
        """Where somebody was in a band before and may be no more, there is nobody's share."""
        if self._there[number] != band.there:
            self._there[number] = band.there
            self._shares[band.rows].fill(0)

    def _make_room(self, sources: Planes, targets: Planes) -> None:
        shapes = sources[0].shape, sources[1].shape, targets[0].shape, targets[1].shape
        if shapes == self._shapes:
            return
        self._shapes = shapes
        self._half, self._shares = np.empty(sources[1].shape, np.uint8), np.empty(targets[0].shape, np.uint8)
        self._lit = [np.empty(plane.shape, np.uint8) for plane in sources]
        self._fitted = [np.empty(plane.shape, np.uint8) for plane in targets]
        self._there = [None] * BANDS
        luma, chroma = (np.empty(plane.shape, np.uint8) for plane in targets[:2])
        self._rests = [luma, chroma, chroma]


@dataclass(frozen=True, slots=True)
class _Band:
    """Some rows of a picture, and where there is anything of the presenter in them.

    Attributes:
        here: That part of the presenter's picture, and what is around it.
        there: That part of the target.
        own: Which rows of ``there`` are the band's; the others are around it.
        rows: All its rows in the target.
    """

    here: Part
    there: Part
    own: slice
    rows: slice

    def halved(self) -> tuple[Part, Part, slice]:
        """``here``, ``there`` and ``own`` in planes of half the size."""
        own = slice(self.own.start // 2, self.own.stop // 2)
        return _halved(self.here), _halved(self.there), own


def _bands(alpha: ByteArray, shape: tuple[int, ...]) -> Iterator[_Band]:
    """The presenter in bands, for a head is narrower than shoulders: what is outside stays as it is."""
    length, target = alpha.shape[0], shape[0]
    step = 2 * length // math.gcd(length, target)
    ends = [length * number // BANDS // step * step for number in range(BANDS)] + [length]
    for begin, end in pairwise(ends):
        first, last = max(0, begin - AROUND), min(length, end + AROUND)
        left, top, width, height = cv2.boundingRect(alpha[first:last])
        across = _even_steps(left, left + width, alpha.shape[1], shape[1])
        down = _even_steps(first + top, first + top + height, length, target)
        rows = slice(begin * target // length, end * target // length)
        if not width:
            down = across = slice(0, 0), slice(0, 0)
        here, there = (down[0], across[0]), (down[1], across[1])
        own = slice(
            max(0, rows.start - there[0].start), max(0, min(rows.stop, there[0].stop) - there[0].start)
        )
        yield _Band(here, there, own, rows)


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
