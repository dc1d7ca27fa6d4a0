"""Who is speaking: the speaker encoder that a fit may listen to.

A three-layer LSTM over 40 mel bands trained with the generalised end-to-end loss (Wan et al. 2018); weights of
resemble-ai/Resemblyzer 0.1.4 (Apache-2.0), converted once by ``scripts/build_speaker_encoder.py``.
"""

from __future__ import annotations

from functools import cache
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from avatar_engine import models
from avatar_engine.contracts import SAMPLE_RATE, FloatArray

DoubleArray = npt.NDArray[np.float64]

WINDOW = 160
"""Mel frames (10 ms) of one embedding: 1.6 s."""

_FFT = 600  # 25 ms at 24 kHz: its first 201 bins are those of 400 points at 16 kHz.
_HOP = 240
_SCALE = (400 / 600) ** 2  # Power of a window grows with the square of its length.
_LEVEL = 10 ** (-30 / 20)


def mel_bank(bands: int, bins: int, hertz_per_bin: float, top: float) -> FloatArray:
    """Slaney's mel filters of equal area (Auditory Toolbox): float32 (bands, bins)."""
    logarithmic = np.log(6.4) / 27

    def to_hertz(mel: DoubleArray) -> DoubleArray:
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(logarithmic * (np.maximum(mel, 15) - 15)))

    highest = 15 + np.log(top / 1000) / logarithmic if top >= 1000 else top * 3 / 200
    edges = to_hertz(np.linspace(0, highest, bands + 2))
    at = np.arange(bins) * hertz_per_bin
    rise = (at - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - at) / np.diff(edges)[1:, None]
    area = 2 / (edges[2:] - edges[:-2])
    return (np.maximum(0, np.minimum(rise, fall)) * area[:, None]).astype(np.float32)


class SpeakerEncoder(nn.Module):
    """Sound to a unit vector of 256 that depends on who speaks more than on what is said."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(40, 256, 3, batch_first=True)
        self.linear = nn.Linear(256, 256)
        state = load_file(str(models.shipped("speaker-encoder.safetensors")))
        self.load_state_dict({name: value.float() for name, value in state.items()})
        self.requires_grad_(False)
        self.register_buffer("bank", torch.from_numpy(mel_bank(40, 201, 40.0, 8000.0)), persistent=False)
        self.register_buffer("hann", torch.hann_window(_FFT), persistent=False)

    def mel(self, samples: Tensor) -> Tensor:
        """Mel power (batch, frames, 40) of samples (batch, n) at 24 kHz, raised to -30 dBFS if quieter."""
        level = samples.detach().square().mean(1, keepdim=True).sqrt()
        samples = samples * torch.clamp(_LEVEL / (level + 1e-9), min=1.0)
        spectrum = torch.stft(
            samples, _FFT, _HOP, window=cast(Tensor, self.hann), pad_mode="constant", return_complex=True
        )
        power = torch.view_as_real(spectrum[:, :201]).square().sum(-1) * _SCALE
        return (cast(Tensor, self.bank) @ power).transpose(1, 2)

    def embed(self, mel: Tensor) -> Tensor:
        """Unit vectors (batch, 256) of mel frames (batch, frames, 40)."""
        _, (hidden, _) = self.lstm(mel)
        return nn.functional.normalize(torch.relu(self.linear(hidden[-1])), dim=1)

    @torch.no_grad()
    def voice(self, samples: FloatArray) -> FloatArray:
        """The unit vector (256,) of a whole recording at 24 kHz; silence is left out."""
        mel = self.mel(torch.from_numpy(spoken(samples))[None])
        if mel.shape[1] < WINDOW:
            mel = nn.functional.pad(mel, (0, 0, 0, WINDOW - mel.shape[1]))
        windows = mel[0].unfold(0, WINDOW, WINDOW // 2).transpose(1, 2)
        mean = self.embed(windows).mean(0)
        return np.asarray(nn.functional.normalize(mean, dim=0).numpy(), np.float32)


@cache
def encoder() -> SpeakerEncoder:
    """The one encoder of this process."""
    return SpeakerEncoder()


def spoken(samples: FloatArray) -> FloatArray:
    """``samples`` without stretches of silence longer than about 0.2 s (by level, frames of 30 ms)."""
    size = SAMPLE_RATE * 3 // 100
    count = len(samples) // size
    if not count:
        return np.asarray(samples, np.float32)
    level = np.sqrt(np.mean(samples[: count * size].reshape(count, size) ** 2, axis=1))
    loud = level > np.quantile(level, 0.95) * 0.03
    near = np.convolve(loud.astype(np.float32), np.ones(7), "same") > 0
    return np.asarray(samples[: count * size][np.repeat(near, size)], np.float32)
