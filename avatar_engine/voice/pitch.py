"""Pitch and energy of a recording, as the decoder expects them: 80 values a second."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import soxr

from avatar_engine.contracts import SAMPLE_RATE, FloatArray
from avatar_engine.voice.network import SAMPLES_PER_FEATURE
from avatar_engine.voice.speaker import mel_bank

_RATE = 8000
_HOP = _RATE * SAMPLES_PER_FEATURE // SAMPLE_RATE
_WINDOW = 400
_LOWEST, _HIGHEST = 60, 450
_UNVOICED_COST = 0.65
_JUMP_COST = 6.0
_SWITCH_COST = 0.25


def pitch(samples: FloatArray) -> FloatArray:
    """Fundamental frequency in Hz at 80 per second, 0 where there is no voice: float32 (n // 300,).

    Normalised cross-correlation (Talkin 1995) of the sound at 8 kHz, and the cheapest path through it.
    """
    low = soxr.resample(samples, SAMPLE_RATE, _RATE).astype(np.float64)
    count = len(samples) // SAMPLES_PER_FEATURE
    raw = scores = _correlation(low, count)
    lags = np.arange(_RATE // _HIGHEST, _RATE // _LOWEST + 1)
    peak = np.zeros(scores.shape, bool)
    peak[:, 1:-1] = (scores[:, 1:-1] >= scores[:, :-2]) & (scores[:, 1:-1] > scores[:, 2:])
    # Rumble correlates at every short lag; only a voice has a peak.
    scores = np.where(peak, scores, 0.0)
    # A long lag must be clearly better than a short one, or every path slides down an octave.
    cost = 1 - scores + 0.1 * np.log(lags / lags[0])
    cost[_faint(samples, count)] = 2.0
    path = _cheapest(cost, np.log(lags))
    voiced = path < len(lags)
    if voiced.any():  # A second look, within an octave of where this person speaks.
        middle = np.median(lags[path[voiced]])
        cost[:, (lags < 0.55 * middle) | (lags > 1.9 * middle)] = 2.0
        path = _cheapest(cost, np.log(lags))
    out = np.zeros(count, np.float32)
    for frame in np.flatnonzero(path < len(lags)):
        place = int(path[frame])
        shift = 0.0
        if 0 < place < len(lags) - 1:
            left, middle, right = raw[frame, place - 1 : place + 2]
            bend = left - 2 * middle + right
            shift = float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend < -1e-9 else 0.0
        out[frame] = _RATE / (lags[place] + shift)
    return out


def _faint(samples: FloatArray, count: int) -> npt.NDArray[np.bool_]:
    """Frames more than 32 dB below the loud ones: nobody's voice, whatever correlates there."""
    level = loudness(samples)[:count]
    return np.asarray(level < np.quantile(level, 0.95) - 3.7)


def _correlation(low: npt.NDArray[np.float64], count: int) -> npt.NDArray[np.float64]:
    """Normalised cross-correlation of every frame: (count, lags), low where the sound is faint."""
    first, last = _RATE // _HIGHEST, _RATE // _LOWEST
    reach = _WINDOW + last
    padded = np.pad(low, (_WINDOW // 2 + last // 2, reach))
    frames = np.lib.stride_tricks.sliding_window_view(padded, reach)[::_HOP][:count]
    head = frames[:, :_WINDOW]
    size = 1024
    product = np.fft.irfft(np.conj(np.fft.rfft(head, size)) * np.fft.rfft(frames, size), size)
    energy = np.cumsum(np.pad(frames**2, ((0, 0), (1, 0))), axis=1)
    own = energy[:, _WINDOW]
    shifted = energy[:, _WINDOW + first : reach + 1] - energy[:, first : last + 1]
    floor = (np.quantile(own, 0.95) * 1e-4) + 1e-9
    found: npt.NDArray[np.float64] = product[:, first : last + 1] / np.sqrt(
        (own[:, None] + floor) * (shifted + floor)
    )
    return found


def _cheapest(cost: npt.NDArray[np.float64], logarithms: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Viterbi over lags and one unvoiced state (the last): the state of every frame."""
    states = cost.shape[1] + 1
    jump = np.full((states, states), _SWITCH_COST)
    jump[:-1, :-1] = _JUMP_COST * np.minimum(np.abs(logarithms[:, None] - logarithms[None]), 0.3)
    jump[-1, -1] = 0
    full = np.pad(cost, ((0, 0), (0, 1)), constant_values=_UNVOICED_COST)
    back = np.zeros(full.shape, np.int64)
    total = full[0].copy() if len(full) else np.zeros(states)
    for frame in range(1, len(full)):
        arriving = total[:, None] + jump
        back[frame] = arriving.argmin(0)
        total = arriving[back[frame], np.arange(states)] + full[frame]
    path = np.zeros(len(full), np.int64)
    if len(full):
        path[-1] = total.argmin()
    for frame in range(len(full) - 1, 0, -1):
        path[frame - 1] = back[frame, path[frame]]
    return path


def mel_power(samples: FloatArray, bands: int = 80) -> FloatArray:
    """Mel power at 80 per second (50 ms windows): float32 (n // 300, bands)."""
    window = 1200
    count = len(samples) // SAMPLES_PER_FEATURE
    padded = np.pad(samples, (window // 2, window))
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::SAMPLES_PER_FEATURE][:count]
    shape = np.hanning(window + 1)[:-1].astype(np.float32)
    spectrum = np.abs(np.fft.rfft(frames * shape, 2048)[:, :1025]) ** 2
    return np.asarray(spectrum @ mel_bank(bands, 1025, SAMPLE_RATE / 2048, 12000.0).T, np.float32)


def loudness(samples: FloatArray) -> FloatArray:
    """Natural logarithm of the level over all mel bands, 80 per second: float32 (n // 300,)."""
    return np.asarray(np.log(np.sqrt(mel_power(samples).sum(1)) + 1e-5), np.float32)


def cepstra(samples: FloatArray, count: int = 16) -> FloatArray:
    """Mel cepstra of the voice's mean and spread taken away, for alignment: float32 (n // 300, 2 * count)."""
    low = mel_cepstra(samples, count)
    slope = np.gradient(low, axis=0) * 2 if len(low) > 1 else np.zeros_like(low)
    both = np.concatenate([low, slope], axis=1)
    return np.asarray((both - both.mean(0)) / (both.std(0) + 1e-3), np.float32)


def mel_cepstra(samples: FloatArray, count: int) -> FloatArray:
    """The lowest mel cepstra as they are, 80 per second: float32 (n // 300, count)."""
    from scipy.fft import dct

    return np.asarray(dct(np.log(mel_power(samples, 40) + 1e-6), axis=1, norm="ortho")[:, :count], np.float32)
