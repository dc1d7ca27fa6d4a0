"""The mark in sound: noise far under the sound itself, of the sound's own colour.

The carrier is a noise of `PERIOD` samples, parted into bands about as wide as the ear's (critical bands, E. Zwicker,
"Subdivision of the audible frequency range into critical bands", JASA 33, 1961). Every `STEP` samples each band is
set to a fixed distance under what the sound has there: far under it where speech is strong and tonal, less far in the
higher bands, where it is noise itself (a masker hides noise that lies 5 to 20 dB under it: J. D. Johnston, "Transform
coding of audio signals using perceptual noise criteria", IEEE JSAC 6, 1988). It looks at nothing that is still to
come, so a live show waits for nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import SAMPLE_RATE, SAMPLES_PER_FRAME, FloatArray
from avatar_engine.trust.marks.carrier import PUBLIC_KEY, Carrier, Found

PERIOD = 2 * SAMPLE_RATE
"""Samples after which the carrier begins anew."""

STEP = 240
"""Samples (10 ms) for which the sound's bands are measured."""

EDGES = (
    300, 400, 510, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700, 4400, 5300, 6400, 7700,
)  # fmt: skip
"""Hz between which bands lie."""

UNDER = ((1000, -34.0), (2000, -30.0), (3000, -24.5), (9000, -20.0))
"""dB from the sound to the mark in bands that begin below so many Hz."""

_QUIET = 1e-9  # of full scale squared: nothing is hidden in digital silence
_LEVEL = 3.0  # dB from one level of windows to the next
_FAR_UNDER = 15  # levels from the loudest window to one that carries no mark that a codec keeps
_WINDOW = 2 * STEP


def carrier(key: bytes = PUBLIC_KEY) -> Carrier:
    """The pattern of sounds: all modes between the lowest and the highest edge, as strong as their band is marked."""
    hertz = np.fft.rfftfreq(PERIOD, 1 / SAMPLE_RATE)
    weights = np.zeros(len(hertz))
    for low, high, level in _bands():
        weights[(hertz >= low) & (hertz < high)] = level
    return Carrier((PERIOD,), weights, key)


def _bands() -> list[tuple[int, int, float]]:
    """Low and high edge of each band, and its mark's amplitude as a part of the sound's."""
    levels = [next(level for below, level in UNDER if low < below) for low in EDGES[:-1]]
    return [
        (low, high, 10 ** (level / 20)) for low, high, level in zip(EDGES, EDGES[1:], levels, strict=False)
    ]


@dataclass(slots=True)
class SoundState:
    """Where a marked sound is: the last amplitude of each band."""

    amplitude: FloatArray = field(default_factory=lambda: np.zeros(len(EDGES) - 1, np.float32))


class _Room:
    """Where a piece of so many steps is worked on, so that a live show's clock makes no arrays.

    NumPy's transform has scratch of its own, 17 kB for a frame, which can't be given to it.
    """

    def __init__(self, steps: int) -> None:
        bands, lines = len(EDGES) - 1, STEP // 2 + 1
        # A row for each step: NumPy stretches one row over several in a buffer of its own.
        self.window = np.tile(np.hanning(STEP).astype(np.float32), (steps, 1))
        self.windowed = np.empty((steps, STEP), np.float32)
        self.spectra: npt.NDArray[Any] = np.empty((steps, lines), np.complex64)  # stubs know complex128 alone
        self.power = np.empty((steps, lines), np.float32)
        self.amplitudes = np.empty((steps, bands), np.float32)
        self.change = np.empty(bands, np.float32)
        self.noise, self.rising = np.empty(STEP, np.float32), np.empty(STEP, np.float32)


class SoundMark:
    """Marks a sound, piece by piece; used by one thread, and as long as pieces are of one length it makes no arrays.

    Args:
        number: What is written, see `avatar_engine.trust.marks.code`.
        strength: Factor of the mark; 1 is what `benchmarks/watermark.py` measured.
        key: See `Carrier`.
    """

    def __init__(self, number: int, strength: float = 1.0, key: bytes = PUBLIC_KEY) -> None:
        spectrum = np.fft.rfft(carrier(key).pattern(number))
        hertz = np.fft.rfftfreq(PERIOD, 1 / SAMPLE_RATE)
        bands = np.empty((len(EDGES) - 1, PERIOD), np.float32)
        steps = np.fft.rfftfreq(STEP, 1 / SAMPLE_RATE)
        self._power = np.zeros((len(steps), len(bands)), np.float32)
        for place, (low, high, level) in enumerate(_bands()):
            inside = (hertz >= low) & (hertz < high)
            band = np.fft.irfft(np.where(inside, spectrum, 0), PERIOD)
            bands[place] = band * (level * strength / np.sqrt(np.mean(band**2)))
            near = (steps > low - SAMPLE_RATE / STEP / 2) & (steps <= high + SAMPLE_RATE / STEP / 2)
            share = (high - low) / (SAMPLE_RATE / STEP) / np.count_nonzero(near)
            self._power[near, place] = share * 2 / STEP**2 / np.mean(np.hanning(STEP) ** 2)
        self._bands = bands
        self._rise = np.linspace(0, 1, STEP, dtype=np.float32)
        self._room = _Room(SAMPLES_PER_FRAME // STEP)

    def mark(self, state: SoundState, start: int, sound: FloatArray) -> SoundState:
        """Add the mark to ``sound``, in place.

        Args:
            state: What the piece before gave; a fresh one at the beginning. Changed in place, as the sound is.
            start: The sample of the programme with which ``sound`` begins; a multiple of `STEP`.
            sound: float32 (n,), n a multiple of `STEP`.

        Returns:
            The state to go on from.
        """
        pieces = sound.reshape(-1, STEP)
        if len(pieces) != len(self._room.windowed):
            self._room = _Room(len(pieces))
        room, before = self._room, state.amplitude
        self._listen(pieces, room)
        for place, (piece, now) in enumerate(zip(pieces, room.amplitudes, strict=True)):
            at = (start + place * STEP) % PERIOD
            noise = self._bands[:, at : at + STEP]
            np.subtract(now, before, out=room.change)
            np.matmul(before, noise, out=room.noise)
            np.matmul(room.change, noise, out=room.rising)
            room.rising *= self._rise
            room.noise += room.rising
            piece += room.noise
            before[:] = now
        return state

    def _listen(self, pieces: FloatArray, room: _Room) -> None:
        """The amplitude that the mark shall have in each band at the end of each step."""
        np.multiply(pieces, room.window, out=room.windowed)
        np.fft.rfft(room.windowed, out=room.spectra)
        np.abs(room.spectra, out=room.power)
        np.square(room.power, out=room.power)
        np.matmul(room.power, self._power, out=room.amplitudes)
        room.amplitudes -= _QUIET
        np.maximum(room.amplitudes, 0, out=room.amplitudes)
        np.sqrt(room.amplitudes, out=room.amplitudes)


class FrameMark:
    """Marks the sound of a programme frame by frame, wherever it begins.

    Args:
        number: What is written, see `avatar_engine.trust.marks.code`.
    """

    def __init__(self, number: int) -> None:
        self._mark, self._state = SoundMark(number), SoundState()

    def __call__(self, index: int, sound: FloatArray) -> None:
        """Add the mark to the sound of frame ``index``, float32 (`SAMPLES_PER_FRAME`,), in place."""
        self._state = self._mark.mark(self._state, index * SAMPLES_PER_FRAME, sound)


class SoundSearch:
    """Looks for the mark in a sound, as much as comes, in memory that doesn't grow.

    What lies far under the loudest sound carries no mark that a codec keeps, and is left out. How loud that is may be
    known only at the end, so windows are summed by level until then: what a sound begins with counts no more than what
    it ends with, and pieces of any length give the same.

    Args:
        key: See `Carrier`.
    """

    def __init__(self, key: bytes = PUBLIC_KEY) -> None:
        self.carrier = carrier(key)
        hertz = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE)
        self._band = np.clip(np.searchsorted(EDGES, hertz, side="right") - 1, 0, len(EDGES) - 2)
        self._used = ((hertz >= EDGES[0]) & (hertz < EDGES[-1])).astype(np.float32)
        self._counts = np.bincount(self._band, self._used, len(EDGES) - 1)
        self._window = np.sin(np.pi * (np.arange(_WINDOW) + 0.5) / _WINDOW).astype(np.float32)
        self._periods: dict[int, npt.NDArray[np.float64]] = {}  # by level, in steps of `_LEVEL`
        self._rest = np.zeros(0, np.float32)
        self._at = 0
        self.samples = 0

    def push(self, sound: FloatArray) -> None:
        """Take the next samples, float32 (n,), mono at 24 kHz."""
        self.samples += len(sound)
        held = np.concatenate([self._rest, sound])
        steps = (len(held) - _WINDOW) // STEP + 1
        if steps <= 0:
            self._rest = held
            return
        windows = np.lib.stride_tricks.sliding_window_view(held, _WINDOW)[::STEP][:steps]
        whitened = self._window * np.fft.irfft(self._white(np.fft.rfft(windows * self._window)), _WINDOW)
        for place, (level, window) in enumerate(zip(_levels(windows), whitened, strict=True)):
            if level is not None:
                self._sum(level, (self._at + place * STEP) % PERIOD, window)
        self._forget()
        self._at = (self._at + steps * STEP) % PERIOD
        self._rest = held[steps * STEP :]

    def _sum(self, level: int, at: int, window: npt.NDArray[np.float64]) -> None:
        """Add a window to those of its level, where it lies in the period."""
        period = self._periods.setdefault(level, np.zeros(PERIOD))
        before = min(_WINDOW, PERIOD - at)
        period[at : at + before] += window[:before]
        period[: _WINDOW - before] += window[before:]

    def _forget(self) -> None:
        """Leave out what lies far under the loudest."""
        loudest = max(self._periods, default=0)
        self._periods = {one: sums for one, sums in self._periods.items() if one >= loudest - _FAR_UNDER}

    def _white(self, spectra: npt.NDArray[np.complex128]) -> npt.NDArray[np.complex128]:
        """Every band of every window at the same level, what stands out of it held down."""
        size = np.abs(spectra) * self._used
        bands = np.stack([np.bincount(self._band, row**2, len(self._counts)) for row in size])
        level = np.sqrt(bands / self._counts + 1e-12)[:, self._band]
        return spectra * self._used / np.maximum(size, level)

    def add(self, other: SoundSearch) -> None:
        """Take all that another search has taken, as what comes next."""
        for level, period in other._periods.items():
            there = self._periods.setdefault(level, np.zeros(PERIOD))
            there += np.roll(period, self.samples % PERIOD)
        self._forget()
        self.samples += other.samples
        self._at, self._rest = self.samples % PERIOD, np.zeros(0, np.float32)

    def found(self) -> Found:
        """What all of it so far says."""
        period = np.sum(list(self._periods.values()), axis=0) if self._periods else np.zeros(PERIOD)
        return self.carrier.find(period) if self.samples >= PERIOD // 2 else Found()


def _levels(windows: FloatArray) -> list[int | None]:
    """The level of each window's power, in steps of `_LEVEL`; None for digital silence."""
    power = np.einsum("ij,ij->i", windows, windows)
    return [math.floor(10 * math.log10(one) / _LEVEL) if one > 0 else None for one in power.tolist()]
