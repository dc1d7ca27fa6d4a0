"""What the mouth hears: log-mel frames at 100 a second, and the window of them that belongs to one picture.

Picture ``k`` sees the mel frames from 160 ms before its start to 120 ms after its end, and nothing else, so
that the same samples give the same shapes however they arrive.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from avatar_engine.contracts import SAMPLE_RATE, SAMPLES_PER_FRAME, FloatArray

HOP = 240
"""Samples between mel frames (10 ms)."""

PER_PICTURE = SAMPLES_PER_FRAME // HOP
SPECTRUM_WINDOW = 720  # 30 ms, centred on the mel frame's own 10 ms
FFT = 1024
BANDS = 40
LOWEST, HIGHEST = 60.0, 7600.0  # Hz; speech encoders and many clips hold nothing above
FLOOR = 1e-7  # power; what is quieter than this is silence to the net

BEFORE = 16
"""Mel frames of context before the picture's own (160 ms)."""

AFTER = 11
"""Mel frames of context after the picture's own; with the spectrum's half window that is 120 ms."""

CONTEXT = BEFORE + PER_PICTURE + AFTER
"""Mel frames that one picture's shape is made from (31)."""

LEAD = BEFORE * HOP + (SPECTRUM_WINDOW - HOP) // 2
"""Samples before a picture's start that its window needs (4080)."""

LOOK_AHEAD = AFTER * HOP + (SPECTRUM_WINDOW - HOP) // 2
"""Samples after a picture's end that its window needs (2880, exactly 120 ms)."""


def power(samples: FloatArray) -> FloatArray:
    """Power spectra of every 10 ms: sample block (n,) to float32 ((n - 480) // 240, 513).

    Frame ``j`` covers samples ``240 j`` to ``240 j + 720``, its own 10 ms in the middle; nothing is padded.
    """
    count = max(0, (len(samples) - SPECTRUM_WINDOW) // HOP + 1)
    if not count:
        return np.zeros((0, FFT // 2 + 1), np.float32)
    blocks = np.lib.stride_tricks.sliding_window_view(samples, SPECTRUM_WINDOW)[::HOP][:count]
    spectra = np.fft.rfft(blocks * _hann(), FFT, axis=1)
    return np.asarray(((spectra.real**2 + spectra.imag**2) / _hann().sum()), np.float32)


def log_mel(power_spectra: FloatArray, warp: float = 1.0) -> FloatArray:
    """Log-mel bands float32 (m, `BANDS`) of power spectra (m, 513); ``warp`` stretches the frequency axis."""
    return np.asarray(np.log(power_spectra @ filters(warp) + FLOOR), np.float32)


@cache
def filters(warp: float = 1.0) -> FloatArray:
    """Triangular mel filters float32 (513, `BANDS`), each of sum 1 (HTK mel scale)."""
    mel = np.linspace(_mel(LOWEST), _mel(HIGHEST), BANDS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1) * warp
    bins = np.arange(FFT // 2 + 1) * SAMPLE_RATE / FFT
    rise = (bins[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    fall = (edges[2:] - bins[:, None]) / np.diff(edges)[1:]
    weights = np.clip(np.minimum(rise, fall), 0, None)
    return np.asarray((weights / np.maximum(weights.sum(0), 1e-9)), np.float32)


def windows(mel: FloatArray) -> FloatArray:
    """Every picture's window of mel frames: (m, bands) to float32 (pictures, `CONTEXT`, bands), a view.

    Mel frame 0 must be `BEFORE` frames ahead of the first picture.
    """
    view = np.lib.stride_tricks.sliding_window_view(mel, CONTEXT, axis=0)[::PER_PICTURE]
    return view.transpose(0, 2, 1)


def padded(samples: FloatArray) -> FloatArray:
    """Samples with silence before and after, so that all of its pictures have their whole window.

    The count is rounded up to whole pictures.
    """
    missing = -len(samples) % SAMPLES_PER_FRAME
    return np.concatenate(
        [np.zeros(LEAD, np.float32), samples, np.zeros(missing + LOOK_AHEAD, np.float32)]
    ).astype(np.float32)


def loudness(samples: FloatArray) -> FloatArray:
    """The level of every whole picture's samples in dB (0 is a full-scale square wave, -100 the least)."""
    blocks = samples[: len(samples) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME].reshape(-1, SAMPLES_PER_FRAME)
    centred = blocks - blocks.mean(1, keepdims=True)
    return np.asarray(10 * np.log10((centred * centred).mean(1) + 1e-10), np.float32)


def _mel(hertz: float) -> float:
    return float(2595 * np.log10(1 + hertz / 700))


@cache
def _hann() -> FloatArray:
    return np.hanning(SPECTRUM_WINDOW + 2)[1:-1].astype(np.float32)
