"""The tone of the room in which a presenter was recorded, heard under a whole show.

Synthetic speech ends in digital silence, which tells every ear that a machine speaks and makes a fault's gap a hole.
Film sound lays a recording of the empty room under everything instead; here it is noise with the spectrum of the
minute's own pauses (`avatar_engine.voice.clean`), made anew for every show, in a loop without a seam.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from avatar_engine.bundle import Bundle, BundleWriter
from avatar_engine.contracts import SAMPLE_RATE, SAMPLES_PER_FRAME, FloatArray
from avatar_engine.voice.clean import Place, alike, level

ROOM_PART = "voice/room.safetensors"

QUIETEST, LOUDEST = -76.0, -62.0
"""dB of full scale that a tone may have: there, and never in the way. A noisy recording makes no noisy show."""

_QUIET = -70.0  # dB of a room of which nothing is known.

LOOP = 250
"""Frames of the loop: 10 s, in which no ear finds a repeat of noise."""

_KEPT = SAMPLE_RATE // 2
_FALL = 300.0  # Hz from which a quiet room's tone falls, by 6 dB an octave


@dataclass(frozen=True, slots=True)
class RoomTone:
    """A room.

    Attributes:
        noise: float32 (n,), half a second of it.
    """

    noise: FloatArray

    @classmethod
    def of(cls, recording: FloatArray) -> RoomTone:
        """That of a recording, float32 (n,) at 24 kHz; a quiet room's where its pauses tell nothing."""
        noise = Place.of(recording).noise
        return cls(_levelled(alike(noise, _KEPT))) if len(noise) else cls.quiet()

    @classmethod
    def quiet(cls) -> RoomTone:
        """That of some quiet room."""
        white = np.fft.rfft(np.random.default_rng(0).normal(size=_KEPT))
        hertz = np.fft.rfftfreq(_KEPT, 1 / SAMPLE_RATE)
        tone = np.fft.irfft(white / np.hypot(1, hertz / _FALL), _KEPT)
        return cls(_amplified(tone, _QUIET - level(tone)))

    @classmethod
    def load(cls, bundle: Bundle) -> RoomTone:
        """A clone's; a quiet room's for a clone that was made without."""
        return cls(bundle.tensors(ROOM_PART)["noise"]) if ROOM_PART in bundle.parts else cls.quiet()

    def save(self, writer: BundleWriter) -> None:
        """Add it to a clone."""
        writer.add_tensors(ROOM_PART, {"noise": self.noise})

    def loop(self) -> FloatArray:
        """float32 (`LOOP`, 960): the tone of every frame, by its index modulo `LOOP`."""
        # Made in one piece by its spectrum, so that the end meets the beginning.
        return alike(self.noise, LOOP * SAMPLES_PER_FRAME).reshape(LOOP, SAMPLES_PER_FRAME)


def _levelled(noise: FloatArray) -> FloatArray:
    loud = level(noise)
    return _amplified(noise, min(LOUDEST, max(QUIETEST, loud)) - loud)


def _amplified(noise: npt.NDArray[np.floating[Any]], decibels: float) -> FloatArray:
    return np.asarray(noise * 10 ** (decibels / 20), np.float32)
