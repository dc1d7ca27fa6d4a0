"""A recording's noise, as its pauses let it be heard; and the recording without it.

`cleaned` lowers the noise by spectral gating (the stationary method of noisereduce: Sainburg, Thielk and Gentner 2020,
"Finding, visualizing, and quantifying latent structure across diverse animal vocal repertoires"). `alike` makes more of
the same noise, so that what is made can be heard in the place where the recording was made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import SAMPLE_RATE, FloatArray

Bools = npt.NDArray[np.bool_]

QUIET = 40.0
"""dB of speech above the noise from which nothing is taken away."""

_SHARE = 0.85  # Of the noise: the last of it would take breath and hiss of the speech with it.
_FRAME = SAMPLE_RATE // 20
_LEAST = 10  # Frames of noise, half a second: fewer tell nothing of its colour.


@dataclass(frozen=True, slots=True)
class Place:
    """Where a recording was made, as far as it can be heard.

    Two recordings of a voice are alike in their noise too; a clean voice can be compared with a noisy recording only
    in the same noise.

    Attributes:
        level: dB of the speech; None where there is none.
        noise: float32 (n,), what its pauses sound like; empty where they tell nothing.
    """

    level: float | None
    noise: FloatArray

    @classmethod
    def of(cls, recording: FloatArray) -> Place:
        """The place of a recording, float32 (n,) at 24 kHz."""
        speaking = _speaking(recording)
        loud = level(recording[speaking]) if speaking.any() else None
        return cls(loud, _noise(recording, speaking))

    def hears(self, samples: FloatArray) -> FloatArray:
        """``samples`` as they would be heard there: without their own noise, as loud, in its noise."""
        clean = cleaned(samples)
        spoken = clean[_speaking(clean)]
        factor = 10 ** ((self.level - level(spoken)) / 20) if self.level is not None and len(spoken) else 1.0
        return np.asarray(clean * factor + alike(self.noise, len(clean)), np.float32)


def alike(noise: FloatArray, count: int, seed: int = 1) -> FloatArray:
    """Noise of the same level and colour: float32 (count,); zeros where ``noise`` is empty.

    White noise filtered to the mean power spectrum of ``noise`` (frames of 50 ms).
    """
    if not len(noise):
        return np.zeros(count, np.float32)
    frames = noise[: len(noise) // _FRAME * _FRAME].reshape(-1, _FRAME)
    window = np.hanning(_FRAME)
    power = np.square(np.abs(np.fft.rfft(frames * window))).mean(0) / np.square(window).sum()
    white = np.fft.rfft(np.random.default_rng(seed).normal(size=count))
    at = np.linspace(0, 1, len(white))
    colour = np.sqrt(np.interp(at, np.linspace(0, 1, len(power)), power))
    return np.asarray(np.fft.irfft(white * colour, count), np.float32)


def cleaned(samples: FloatArray) -> FloatArray:
    """``samples`` with the noise lowered that its pauses hold; themselves where they are quiet enough, or hold none.

    Args:
        samples: float32 (n,) at 24 kHz, one person speaking.
    """
    speaking = _speaking(samples)
    noise = _noise(samples, speaking)
    if not len(noise) or not speaking.any() or level(samples[speaking]) - level(noise) >= QUIET:
        return samples
    import noisereduce

    # Narrow smoothing: wide gates take speech beside them along (10 dB of signal to error, 18 with these; 15 before).
    lowered = noisereduce.reduce_noise(
        y=samples, sr=SAMPLE_RATE, y_noise=noise, stationary=True, prop_decrease=_SHARE,
        n_fft=600, hop_length=150, freq_mask_smooth_hz=150, time_mask_smooth_ms=30,
    )  # fmt: skip
    return np.asarray(lowered, np.float32)[: len(samples)]


def _speaking(samples: FloatArray) -> Bools:
    from avatar_engine.voice import align  # its libraries load slowly, and a show only makes more of a noise

    speaking = np.zeros(len(samples), np.bool_)
    for start, stop in align.speech_spans(samples, pause=0.2, margin=0.06):
        speaking[start:stop] = True
    return speaking


def _noise(samples: FloatArray, speaking: Bools) -> FloatArray:
    """The quieter half of the pauses: in the louder one somebody breathes, swallows or turns a page."""
    count = len(samples) // _FRAME
    frames = samples[: count * _FRAME].reshape(count, _FRAME)
    paused = frames[~speaking[: count * _FRAME].reshape(count, _FRAME).any(1)]
    paused = paused[np.abs(paused).max(1) > 0] if len(paused) else paused  # Digital silence is no room.
    power = np.square(paused, dtype=np.float64).mean(1)
    quiet = paused[power <= np.median(power)] if len(paused) else paused
    return np.ascontiguousarray(quiet.reshape(-1) if len(quiet) >= _LEAST else quiet[:0].reshape(-1))


def level(samples: npt.NDArray[np.floating[Any]]) -> float:
    """Mean power in dB of full scale."""
    return float(10 * np.log10(np.square(samples, dtype=np.float64).mean() + 1e-12))
