"""The minute's own sentences in other voices: the same mouth, heard from somebody else.

A show's lips are driven by a synthetic voice, never by the recording that they were fitted on. Where the phones of both
are known, each picture of the synthetic sound has a place in the recording, and the shape that was seen there is what
the lips should do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import (
    FRAME_RATE,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    SILENCE,
    FloatArray,
    Phone,
    Speech,
)

REST = 0.6
"""Seconds of silence before and after what is said."""

Seconds = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Said:
    """One stretch of the recording, said by another voice.

    Attributes:
        speech: The other voice's sound and its phones.
        real: When each of those phones is said in the recording, in seconds; as many, in the same order.
    """

    speech: Speech
    real: tuple[Phone, ...]


@dataclass(frozen=True, slots=True)
class Echo:
    """The minute in another voice.

    Attributes:
        samples: float32 (n * 960,), the sound at 24 kHz.
        pictures: float64 (n,), the place in the minute, in pictures, whose shape belongs to each picture.
    """

    samples: FloatArray
    pictures: Seconds


def echo(said: Sequence[Said], pictures: int) -> Echo:
    """All stretches in a row, each between two rests.

    In a rest, time runs in the recording as in the echo, but not beyond the middle between two stretches.

    Args:
        said: The stretches, in order, all of them within the minute.
        pictures: Pictures of the minute.
    """
    rest = np.zeros(round(REST * SAMPLE_RATE), np.float32)
    middles = [(a.real[-1].end + b.real[0].start) / 2 for a, b in pairwise(said)]
    bounds = [0.0, *middles, pictures / FRAME_RATE]
    sounds, places = [], []
    for index, piece in enumerate(said):
        sound = np.concatenate([rest, piece.speech.samples, rest])
        count = len(sound) // SAMPLES_PER_FRAME
        middle = (np.arange(count) + 0.5) / FRAME_RATE - REST
        there = np.clip(real_time(piece, middle), bounds[index], bounds[index + 1])
        sounds.append(sound[: count * SAMPLES_PER_FRAME])
        places.append(np.clip(there * FRAME_RATE - 0.5, 0, pictures - 1))
    return Echo(np.concatenate(sounds), np.concatenate(places))


def own_time(said: Said, seconds: Seconds) -> Seconds:
    """Times in the recording as times in the other voice's speech: evenly within a phone, as they run outside."""
    real, own = _joints(said)
    return _carried(seconds, real, own)


def real_time(said: Said, seconds: Seconds) -> Seconds:
    """Times in the other voice's speech as times in the recording; the other way round."""
    real, own = _joints(said)
    return _carried(seconds, own, real)


def _joints(said: Said) -> tuple[Seconds, Seconds]:
    """Where phones begin and end in the recording and in the speech, rising."""
    # silence at both ends is as long as it is: squeezed into the real one, the mouth would snap shut
    inner = [n for n, phone in enumerate(said.speech.phones) if phone.symbol != SILENCE]
    first, last = inner[0], inner[-1] + 1
    sides = []
    for phones in (said.real, said.speech.phones):
        times = np.array([phones[first].start, *(phone.end for phone in phones[first:last])])
        # a phone may be squeezed to nothing
        sides.append(np.maximum.accumulate(times + np.arange(len(times)) * 1e-6))
    return sides[0], sides[1]


def _carried(seconds: Seconds, here: Seconds, there: Seconds) -> Seconds:
    inside = np.asarray(np.interp(seconds, here, there), np.float64)
    outside = np.minimum(seconds - here[0], 0) + np.maximum(seconds - here[-1], 0)
    return np.asarray(inside + outside, np.float64)
