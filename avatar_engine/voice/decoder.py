"""The decoder as a torch module, so that a voice can be fitted by gradient.

The weights are those of the int8 ONNX file, dequantised: ``(q - zero point) * scale``. Only what a fit needs is
here: the body (text features, pitch, energy to features at 80 per second) and the generator (features and
harmonic source to sound). Text features and the harmonic source have no free parameters and come from ONNX
Runtime. The architecture is iSTFTNet's (Kaneko et al. 2022) with adaptive instance normalisation
(Huang and Belongie 2017) and Snake activations (Ziyin et al. 2020), as in StyleTTS 2 and Kokoro-82M.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
import torch
from onnx import numpy_helper
from torch import Tensor, nn
from torch.nn import functional

from avatar_engine.contracts import FloatArray
from avatar_engine.voice import network

_HALF = 0.5**0.5


class AdaIN(nn.Module):
    """Instance normalisation whose gain and shift come from the style, or stand on their own.

    While ``free`` is None the style gives them through ``weight`` and ``bias``; a fit then makes ``free``
    (2 * channels,) a parameter. With ``mean`` and ``deviation`` set, they replace the input's own statistics.
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = nn.Parameter(bias, requires_grad=False)
        self.free: nn.Parameter | None = None
        self.mean: Tensor | None = None
        self.deviation: Tensor | None = None

    def folded(self, style: Tensor) -> Tensor:
        """Gain and shift, (2 * channels,), for ``style`` (128,)."""
        return self.weight @ style + self.bias if self.free is None else self.free

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        gain, shift = self.folded(style).chunk(2)
        if self.mean is None or self.deviation is None:
            deviation, mean = torch.var_mean(x, 2, correction=0, keepdim=True)
            factor = (1 + gain)[None, :, None] * torch.rsqrt(deviation + 1e-5)
            return x * factor + (shift[None, :, None] - factor * mean)
        factor = (1 + gain) / self.deviation
        return torch.addcmul((shift - factor * self.mean)[None, :, None], x, factor[None, :, None])


class _Snake(torch.autograd.Function):
    """x + sin²(ax) / a, keeping only x for the way back: memory, not time, is short when fitting."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor, alpha: Tensor) -> Tensor:
        ctx.save_for_backward(x, alpha)
        return x + torch.sin(alpha * x).square_() / alpha

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *grads: Tensor) -> tuple[Tensor, None]:
        x, alpha = cast("tuple[Tensor, Tensor]", ctx.saved_tensors)  # type: ignore[attr-defined]
        return grads[0] * torch.sin(2 * alpha * x).add_(1), None


def _snake(x: Tensor, alpha: Tensor) -> Tensor:
    return cast(Tensor, _Snake.apply(x, alpha))  # type: ignore[no-untyped-call]


class Residual(nn.Module):
    """Three pairs of dilated convolutions over one sum, each behind an AdaIN and a Snake."""

    def __init__(self, parts: Parts, name: str) -> None:
        super().__init__()
        self.first = nn.ModuleList(parts.adain(f"{name}.adain1.{i}") for i in range(3))
        self.second = nn.ModuleList(parts.adain(f"{name}.adain2.{i}") for i in range(3))
        self.wide = nn.ModuleList(
            parts.convolution(f"{name}.convs1.{i}", dilation=2 * i + 1) for i in range(3)
        )
        self.narrow = nn.ModuleList(parts.convolution(f"{name}.convs2.{i}") for i in range(3))
        self.alphas = nn.ParameterList(
            nn.Parameter(parts.constant(f"{name}.alpha{k}.{i}"), requires_grad=False)
            for i in range(3)
            for k in (1, 2)
        )

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        for i in range(3):
            y = _snake(self.first[i](x, style), self.alphas[2 * i])
            y = _snake(self.second[i](self.wide[i](y), style), self.alphas[2 * i + 1])
            x = x + self.narrow[i](y)
        return x


class Block(nn.Module):
    """Two convolutions behind AdaINs beside a shortcut; the last of the body doubles the rate."""

    def __init__(self, parts: Parts, name: str, doubles: bool = False) -> None:
        super().__init__()
        self.norm1, self.norm2 = parts.adain(f"{name}.norm1"), parts.adain(f"{name}.norm2")
        self.conv1, self.conv2 = parts.convolution(f"{name}.conv1"), parts.convolution(f"{name}.conv2")
        self.shortcut = parts.convolution(f"{name}.conv1x1")
        self.pool = (
            parts.transposed(f"{name}.pool", stride=2, padding=1, output_padding=1)
            if doubles
            else nn.Identity()
        )
        self.doubles = doubles

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        y = self.conv1(self.pool(functional.leaky_relu(self.norm1(x, style), 0.2)))
        y = self.conv2(functional.leaky_relu(self.norm2(y, style), 0.2))
        if self.doubles:
            x = x.repeat_interleave(2, dim=2)
        return cast(Tensor, (y + self.shortcut(x)) * _HALF)


class Decoder(nn.Module):
    """Text features, pitch and energy to sound, for one style (128,)."""

    def __init__(self) -> None:
        super().__init__()
        parts = Parts()
        self.pitch = parts.convolution("F0_conv", stride=2)
        self.energy = parts.convolution("N_conv", stride=2)
        self.skip = parts.convolution("asr_res.0")
        self.encode = Block(parts, "encode")
        self.decode = nn.ModuleList(Block(parts, f"decode.{i}", doubles=i == 3) for i in range(4))
        self.up = nn.ModuleList(
            parts.transposed(f"generator.ups.{i}", stride=stride, padding=padding)
            for i, (stride, padding) in enumerate(((10, 5), (6, 3)))
        )
        self.source = nn.ModuleList(
            (parts.convolution("generator.noise_convs.0", stride=6, padding=3),
             parts.convolution("generator.noise_convs.1"))
        )  # fmt: skip
        self.source_residual = nn.ModuleList(Residual(parts, f"generator.noise_res.{i}") for i in range(2))
        self.residual = nn.ModuleList(Residual(parts, f"generator.resblocks.{i}") for i in range(6))
        self.last = parts.convolution("generator.conv_post")
        self.adains: dict[str, AdaIN] = parts.adains
        self.register_buffer("window", torch.hann_window(20), persistent=False)

    def body(self, text: Tensor, pitch: Tensor, energy: Tensor, style: Tensor) -> Tensor:
        """Features (1, 512, 2 n) of text (1, 512, n), pitch and energy (1, 2 n)."""
        f0, loud = self.pitch(pitch[:, None]), self.energy(energy[:, None])
        x = self.encode(torch.cat([text, f0, loud], 1), style)
        skip = self.skip(text)
        for block in self.decode:
            x = block(torch.cat([x, skip, f0, loud], 1), style)
        return cast(Tensor, x)

    def generator(self, x: Tensor, source: Tensor, style: Tensor) -> Tensor:
        """Sound (1, 300 n) of features (1, 512, n) and harmonic source (1, 22, 60 n + 1)."""
        for i in range(2):
            x = self.up[i](functional.leaky_relu(x, 0.1))
            if i == 1:
                x = functional.pad(x, (1, 0), "reflect")
            x = x + self.source_residual[i](self.source[i](source), style)
            x = sum(self.residual[3 * i + j](x, style) for j in range(3)) / 3
        x = self.last(functional.leaky_relu(x, 0.01)).float()
        spectrum = torch.polar(torch.exp(x[:, :11]), torch.sin(x[:, 11:]))
        # The ONNX export does not divide by the window's squared sum (1.5 for a Hann window at this overlap).
        return 1.5 * torch.istft(spectrum, 20, 5, 20, window=cast(Tensor, self.window))

    def freeze(self, statistics: network.Statistics) -> None:
        """Normalise the generator with ``statistics`` from now on, as the show does."""
        for norm in network.norms():
            pair = torch.from_numpy(np.asarray(statistics[norm.name], np.float32))
            mean, deviation = pair.to(cast(Tensor, self.window).device)
            for name in norm.adains:
                self.adains[name].mean, self.adains[name].deviation = mean, deviation

    def release(self, style: Tensor) -> list[nn.Parameter]:
        """Cut every AdaIN loose from the style and return the gains and shifts as parameters."""
        for adain in self.adains.values():
            adain.free = nn.Parameter(adain.folded(style).detach().clone())
        return [adain.free for adain in self.adains.values() if adain.free is not None]

    def folded(self, style: Tensor) -> dict[str, FloatArray]:
        """Gains and shifts of every AdaIN as they are now: name -> float32 (2 * channels,)."""
        return {
            name: adain.folded(style).detach().cpu().numpy().astype(np.float32)
            for name, adain in self.adains.items()
        }

    def restore(self, folded: Mapping[str, FloatArray]) -> None:
        """Set the gains and shifts that `folded` gave (after `release`)."""
        with torch.no_grad():
            for name, adain in self.adains.items():
                if adain.free is not None:
                    adain.free.copy_(torch.from_numpy(folded[name]))


class Parts:
    """Dequantised layers of the ONNX graph by module name."""

    def __init__(self) -> None:
        graph = network.whole().graph
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._layers = {
            node.name: node
            for node in graph.node
            if node.op_type in ("ConvInteger", "Conv", "ConvTranspose", "MatMulInteger")
        }
        self.adains: dict[str, AdaIN] = {}

    def constant(self, name: str) -> Tensor:
        return self._tensor(f"decoder.decoder.{name}")

    def _tensor(self, name: str) -> Tensor:
        return torch.from_numpy(np.array(numpy_helper.to_array(self._constants[name]), np.float32))

    def _weight(self, module: str, kind: str) -> Tensor:
        path = f"/decoder/decoder/{network.node_path(module)}/{kind}"
        node = self._layers.get(f"{path}_quant")
        if node is None:
            return self._tensor(self._layers[path].input[1])
        stored = node.input[1]
        zero = self._tensor(node.input[3])
        scale = self._tensor(stored.removesuffix("_quantized") + "_scale")
        return (self._tensor(stored) - zero) * scale

    def _bias(self, module: str) -> Tensor | None:
        name = f"decoder.decoder.{module}.bias"
        return self._tensor(name) if name in self._constants else None

    def convolution(
        self, module: str, stride: int = 1, dilation: int = 1, padding: int | None = None
    ) -> nn.Conv1d:
        weight, bias = self._weight(_in_graph(module), "Conv"), self._bias(module)
        kernel = weight.shape[2]
        padding = (kernel - 1) * dilation // 2 if padding is None else padding
        layer = nn.Conv1d(
            weight.shape[1], weight.shape[0], kernel, stride, padding, dilation, bias=bias is not None
        )
        return cast(nn.Conv1d, _filled(layer, weight, bias))

    def transposed(
        self, module: str, stride: int, padding: int, output_padding: int = 0
    ) -> nn.ConvTranspose1d:
        weight, bias = self._weight(module, "ConvTranspose"), self._bias(module)
        groups = weight.shape[0] if weight.shape[1] == 1 else 1
        layer = nn.ConvTranspose1d(
            weight.shape[0], weight.shape[1] * groups, weight.shape[2], stride, padding, output_padding,
            groups=groups, bias=bias is not None,
        )  # fmt: skip
        return cast(nn.ConvTranspose1d, _filled(layer, weight, bias))

    def adain(self, module: str) -> AdaIN:
        weight = self._weight(f"{module}.fc", "Gemm_MatMul").T.contiguous()
        self.adains[module] = AdaIN(weight, self.constant(f"{module}.fc.bias"))
        return self.adains[module]


def _in_graph(module: str) -> str:
    return "asr_res.asr_res.0" if module == "asr_res.0" else module


def _filled(layer: nn.Module, weight: Tensor, bias: Tensor | None) -> nn.Module:
    layer.weight = nn.Parameter(weight, requires_grad=False)
    if bias is not None:
        layer.bias = nn.Parameter(bias, requires_grad=False)
    return layer
