"""The harmonic source: from a pitch the spectrum of nine sines, which the generator shapes into a voice.

The neural source filter of Wang et al. (2019) as the network's graph has it, without noise: everything in it is
determined by the pitch. Phases are counted in turns and in float64, for a sentence has thousands of them.
"""

from __future__ import annotations

import numpy as np
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from avatar_engine.contracts import SAMPLE_RATE
from avatar_engine.voice import network
from avatar_engine.voice.network import SAMPLES_PER_FEATURE

_HARMONICS = 9
_LEVEL = 0.1
_VOICED = 10.0  # Hz above which there are sines at all
_POINTS, _HOP = 20, 5
_MIX = "/decoder/decoder/generator/m_source/l_linear/MatMul"
_BIAS = "decoder.decoder.generator.m_source.l_linear.bias"


class Source(nn.Module):
    """Pitch (rows, n) at 80 per second to magnitudes and phases float32 (rows, 22, 60 n + 1)."""

    def __init__(self) -> None:
        super().__init__()
        graph = network.whole().graph
        stored = {tensor.name: tensor for tensor in graph.initializer}
        (mix,) = (node.input[1] for node in graph.node if node.name == _MIX)
        for name, tensor in (("mix", stored[mix]), ("bias", stored[_BIAS])):
            value = torch.from_numpy(np.array(numpy_helper.to_array(tensor), np.float32))
            self.register_buffer(name, value.reshape(-1))
        self.register_buffer("window", torch.hann_window(_POINTS))
        harmonics = torch.arange(1, _HARMONICS + 1, dtype=torch.float64)
        self.register_buffer("harmonics", harmonics[None, :, None])

    def forward(self, pitch: Tensor) -> Tensor:
        a_sample = (pitch.double()[:, None] * self.get_buffer("harmonics") / SAMPLE_RATE).frac()
        turns = functional.interpolate(
            a_sample.cumsum(2) * SAMPLES_PER_FEATURE, scale_factor=float(SAMPLES_PER_FEATURE), mode="linear"
        )
        sines = torch.sin((2 * torch.pi * turns.frac()).float()) * _LEVEL
        voiced = (pitch > _VOICED).float().repeat_interleave(SAMPLES_PER_FEATURE, 1)[:, None]
        mix, bias = self.get_buffer("mix"), self.get_buffer("bias")
        wave = torch.tanh((sines * voiced * mix[:, None]).sum(1) + bias)
        spectrum = torch.stft(wave, _POINTS, _HOP, window=self.get_buffer("window"), return_complex=True)
        return torch.cat([spectrum.abs(), torch.angle(spectrum)], 1)
