"""What a clip's sound is like: speech, noise, room, overdrive, band.

Nothing here needs a picture; levels are in dB relative to full scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

from avatar_engine.clone.check.finding import Bools
from avatar_engine.clone.speech import WINDOW_SECONDS
from avatar_engine.contracts import SAMPLE_RATE, FloatArray

NO_PAUSE = 99.0
"""Distance of speech from the noise where there is no pause to hear the noise in, in dB."""

_WINDOW = round(WINDOW_SECONDS * SAMPLE_RATE)
_HOP = SAMPLE_RATE // 100
_BANDS = ((300, 800), (800, 2000), (2000, 5000))
_LEAST_FALL = 12.0
_STRAIGHT = -0.97
_FEWEST_FALLS = 40
_FLOOR_MARGIN = 6.0
_LEVELS = np.arange(0.3, 1.2001, 0.05)
_KNOCKS = 10
_BAND_EDGE_DB = -58.0


@dataclass(frozen=True, slots=True)
class Hearing:
    """What was heard, without the words.

    Attributes:
        seconds: Length of the sound.
        peak: Largest absolute sample, of 1.
        speaking: bool (w,), whether somebody speaks in each window of 32 ms.
        levels: float32 (w,), level of each window in dB.
        above_noise: Level of speech over that of the pauses in dB; `NO_PAUSE` when there are none.
        overdriven: Share of samples that were cut off at the top, see `overdriven`.
        cut_off: bool (w,), the windows where that is.
        decay: Seconds in which the room's sound would fall by 60 dB, see `decay`; None when it can't be told.
        highest: Hz up to which there is sound while somebody speaks.
    """

    seconds: float
    peak: float
    speaking: Bools
    levels: FloatArray
    above_noise: float
    overdriven: float
    cut_off: Bools
    decay: float | None
    highest: float

    @property
    def speech_seconds(self) -> float:
        """Seconds of speech."""
        return float(self.speaking.sum() * WINDOW_SECONDS)

    @property
    def speech_level(self) -> float:
        """Usual level of speech in dB."""
        return float(np.median(self.levels[self.speaking])) if self.speaking.any() else -120.0


def hear(samples: FloatArray, speaking: Bools) -> Hearing:
    """Measure a sound.

    Args:
        samples: float32 (n,), mono at `SAMPLE_RATE`.
        speaking: bool (w,), of `avatar_engine.clone.speech.speech_windows`.
    """
    power = powers(samples)
    count = min(len(power), len(speaking))
    power, speaking = power[:count], speaking[:count]
    share, cut_off = overdriven(samples)
    return Hearing(
        seconds=len(samples) / SAMPLE_RATE,
        peak=float(np.abs(samples).max(initial=0.0)),
        speaking=speaking,
        levels=(10 * np.log10(power + 1e-12)).astype(np.float32),
        above_noise=above_noise(power, speaking),
        overdriven=share,
        cut_off=cut_off[:count],
        decay=decay(samples),
        highest=highest(samples, np.repeat(speaking, _WINDOW)),
    )


def powers(samples: FloatArray) -> FloatArray:
    """Mean power of each whole window of 32 ms, float32 (w,)."""
    count = len(samples) // _WINDOW
    return cast(FloatArray, np.mean(samples[: count * _WINDOW].reshape(count, _WINDOW) ** 2, axis=1))


def above_noise(power: FloatArray, speaking: Bools) -> float:
    """Level of speech over that of the pauses in dB; `NO_PAUSE` when there are none."""
    if speaking.all() or not speaking.any():
        return NO_PAUSE
    return float(10 * np.log10((power[speaking].mean() + 1e-12) / (np.median(power[~speaking]) + 1e-12)))


def overdriven(samples: FloatArray) -> tuple[float, Bools]:
    """Share of samples that were cut off at the top, and the windows of 32 ms where they are.

    The louder, the rarer: that is so of every undamaged speech (of six recordings, at every level). Waves that were cut
    off pile up at one level, also after a codec has rounded them and whatever they were turned down to afterwards; by
    how much more samples lie there than at the rarest level under it is the share.
    """
    count = len(samples) // _WINDOW
    if count < _KNOCKS:
        return 0.0, np.zeros(count, np.bool_)
    loud = np.abs(samples[: count * _WINDOW]).reshape(count, _WINDOW)
    # a knock at the microphone is not the top
    top = max(float(np.partition(loud.max(axis=1), -_KNOCKS)[-_KNOCKS]), 1e-6)
    shares = np.histogram(loud, bins=_LEVELS * top)[0] / loud.size
    rises = shares - np.minimum.accumulate(shares)
    flat = int(rises.argmax())
    cut_off = (loud >= _LEVELS[flat] * top).mean(axis=1) > 0.02
    return float(rises[flat]), cast(Bools, cut_off if rises[flat] > 0 else np.zeros(count, np.bool_))


def decay(samples: FloatArray) -> float | None:
    """Seconds in which the room's sound falls by 60 dB, heard where speech breaks off.

    Method: in three bands, every fall of the level by `_LEAST_FALL` dB and more that is straight in dB after its start;
    the median of their slopes (free decays, after Ratnam et al. 2003). Speech itself falls at 0.18 to 0.27 s; of rooms
    of 0.3, 0.6 and 1.0 s that were laid over three voices 0.32 to 0.36, 0.53 to 0.59 and 0.63 to 0.85 were heard.

    Returns:
        None when noise or the lack of pauses leaves too few decays.
    """
    if len(samples) < SAMPLE_RATE:
        return None
    slopes: list[float] = []
    for band in _BANDS:
        heard = sosfilt(butter(4, band, "band", fs=SAMPLE_RATE, output="sos"), samples)
        slopes += _falls(_smooth_level(heard))
    return float(-60 / np.median(slopes)) if len(slopes) >= _FEWEST_FALLS else None


def _smooth_level(band: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Level in dB, 100 a second."""
    count = len(band) // _HOP
    power = np.mean(band[: count * _HOP].reshape(count, _HOP).astype(np.float64) ** 2, axis=1)
    power = np.convolve(power, (0.5, 0.5), "same")
    return np.convolve(10 * np.log10(power + 1e-12), np.ones(3) / 3, "same")


def _falls(level: npt.NDArray[np.float64]) -> list[float]:
    """Slopes in dB a second of long straight falls, from after their start down to just above the noise."""
    floor, top = np.percentile(level, (8, 95))
    slopes = []
    edges = np.flatnonzero(np.diff(level, append=np.inf) >= 0)  # where a fall ends
    start = 0
    for end in edges.tolist():
        if end - start >= 8 and level[start] - level[end] >= _LEAST_FALL and level[start] > top - 25:
            first = start + (end - start) // 5
            part = level[first : end + 1]
            part = (
                part[: np.flatnonzero(part >= floor + _FLOOR_MARGIN)[-1] + 1]
                if part[0] > floor + 6
                else part[:0]
            )
            if len(part) >= 7 and part[0] - part[-1] >= 8:
                at = np.arange(len(part)) / 100
                if np.corrcoef(at, part)[0, 1] < _STRAIGHT:
                    slopes.append(float(np.polyfit(at, part, 1)[0]))
        start = end + 1
    return slopes


def highest(samples: FloatArray, speaking: Bools) -> float:
    """Hz up to which the spectrum of speech stays within 58 dB of its strongest part; 0 without speech.

    Six recordings have -20 to -45 dB up to the end of their band and -75 dB and less above it.
    """
    size = 2048
    spoken = samples[: len(speaking)][speaking[: len(samples)]]
    if len(spoken) < size * 4:
        return 0.0
    blocks = spoken[: len(spoken) // size * size].reshape(-1, size) * np.hanning(size).astype(np.float32)
    power = np.mean(np.abs(np.fft.rfft(blocks, axis=1)) ** 2, axis=0)
    if power.max() <= 0:
        return 0.0
    smooth = np.convolve(power, np.ones(17) / 17, "same")
    level = 10 * np.log10(smooth / smooth.max() + 1e-15)
    return float(np.flatnonzero(level > _BAND_EDGE_DB)[-1] * SAMPLE_RATE / size)
