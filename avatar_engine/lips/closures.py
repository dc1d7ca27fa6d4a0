"""Lips that close where the voice says that they must.

A net that learns mouth shapes from sound shrinks what it is unsure of, and a closure is short: it leaves the lips
a little open on some of them. The engine's own voice knows which phone it says in which sample, and on a few phones
the lips are sure. There they get a ceiling: the person's own closed mouth in p, b, m, near it in f, v, and from there
it rises on both sides no faster than the person's own lips go. What lies lower already is left as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from avatar_engine.contracts import SAMPLE_RATE, SAMPLES_PER_FRAME, ByteArray, FloatArray, Phone
from avatar_engine.lips import sound
from avatar_engine.lips.shape import ShapeBasis, gap

FREE, NEAR, CLOSED = 0, 1, 2
"""What a phone asks of the lips."""

ASKED = dict.fromkeys("pbmɓʙ", CLOSED) | dict.fromkeys("fvɱɸβʋ", NEAR)
"""Phones of any language, by the first letter of their IPA, that ask something of the lips."""

HEIGHT = np.array([np.inf, 1.0, 0.0])
"""The ceiling in each of them, in spreads (standard deviations of the person's opening) above the closed mouth."""

FASTEST = 1.5
"""Spreads a picture: how fast lips close (the fastest 0.5 % of the pictures in two people's minutes)."""

REACH = 2
"""Pictures before and after a phone in which it is felt. At `FASTEST` that is three spreads, all that a mouth opens;
and so no more of the coming sound need be known than its shapes wait for."""


def marks(phones: Sequence[Phone], samples: int) -> ByteArray:
    """What is asked of the lips in each of so many samples: uint8 (samples,), `FREE`, `NEAR` or `CLOSED`.

    Args:
        phones: Timed from the first sample; what lies outside is left out.
        samples: How many.
    """
    out = np.zeros(samples, np.uint8)
    for phone in phones:
        if asked := ASKED.get(phone.symbol[:1]):
            start, stop = (max(0, round(time * SAMPLE_RATE)) for time in (phone.start, phone.end))
            out[start:stop] = asked
    return out


def ceilings(marked: ByteArray, pictures: int) -> FloatArray:
    """How far the lips may be open, in spreads above the closed mouth: float32 (pictures,), infinite where free.

    A phone shorter than a picture is taken for one as long as that, so that its closure falls on one whatever the
    pictures' times are.

    Args:
        marked: uint8 (n,), `marks` from `sound.LEAD` samples before the first picture on; they must reach to
            `sound.LOOK_AHEAD` after the last.
        pictures: How many.
    """
    tops = np.full(pictures, np.inf, np.float32)
    middles = sound.LEAD + (np.arange(pictures) + 0.5) * SAMPLES_PER_FRAME
    edges = np.flatnonzero(np.diff(marked, prepend=FREE, append=FREE))
    for start, stop in pairwise(edges.tolist()):
        spare = max(0.0, (SAMPLES_PER_FRAME - (stop - start)) / 2)
        outside = np.maximum(start - spare - middles, middles - (stop + spare))
        away = np.maximum(outside, 0) / SAMPLES_PER_FRAME
        top = HEIGHT[marked[start]] + FASTEST * away
        tops = np.minimum(tops, np.where(away < REACH, top, np.inf).astype(np.float32))
    return tops


class Closing:
    """Pulls one person's mouth shapes under ceilings.

    A coefficient of 1 is one standard deviation and coefficients are not correlated, so that the least change that
    closes the lips is also the way in which this person's whole mouth goes when the opening does.

    Args:
        basis: The person's mouth shapes.
        neutral: float32 (coefficients,), their closed mouth.
    """

    def __init__(self, basis: ShapeBasis, neutral: FloatArray) -> None:
        self._mean = float(gap(basis.mean[None])[0])
        self._along = np.zeros(len(neutral), np.float32)  # a texture opens nothing
        self._along[: basis.coefficients] = gap(basis.axes)
        self._spread = float(np.linalg.norm(self._along))
        self._rest = self._mean + float(neutral @ self._along)

    def under(self, coefficients: FloatArray, tops: FloatArray) -> FloatArray:
        """Shapes (n, coefficients) that open no further than ``tops`` (n,), see `ceilings`; a closed one stays so."""
        if not self._spread:
            return coefficients
        gaps = self._mean + coefficients @ self._along
        over = np.maximum(gaps - (self._rest + tops * self._spread), 0).astype(np.float32)
        return coefficients - over[:, None] * (self._along / np.float32(self._spread**2))
