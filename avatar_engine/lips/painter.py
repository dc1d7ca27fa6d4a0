"""The painter: true pixels round the mouth, a drawn mouth shape and its coefficients in; the mouth's pixels out.

A small U-Net (Ronneberger et al. 2015), whose residual blocks are modulated by the
shape's coefficients (FiLM, Perez et al. 2018), on planar I420: luma is folded 2x2 beside chroma, so that no colour
is converted anywhere and the widest layers run at half the crop's side, or at a quarter for large crops. It starts
from a linear appearance model (pixels regressed on the shape's code, as in active appearance models, Cootes et al.
2001, and on the tint of the true skin round the mouth) and learns what that leaves; a learned canvas holds what is
the same in every picture of this person.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor, nn

from avatar_engine.contracts import FloatArray

SHAPE_PLANES = 3
WIDTHS = (24, 48, 96, 128)
"""Channels at the four resolutions, for small crops."""

WIDE = (40, 64, 96, 128)
"""The same for crops of 192 pixels and more, which are folded 4x4: as many operations, fewer places."""


HEARD = 0.4
"""Correlation of a texture's quick part with what sound tells of it, about, on speech that was never seen."""

RIM = 2.5
"""Standard deviations of a shape's code that the linear appearance model follows."""


TINTS = 3
"""Numbers of a tint: the mean luma and chroma of the skin that is not painted."""

TINT_RIM = 4.0
"""Standard deviations of the tint that are followed: a hand or a microphone at the cheek must not stain the mouth."""


class Block(nn.Module):
    """A residual block whose hidden features are scaled and shifted by the shape's code."""

    def __init__(self, channels: int, code: int) -> None:
        super().__init__()
        self.enter = _conv(channels, channels)
        self.leave = _conv(channels, channels)
        self.film = nn.Linear(code, 2 * channels)
        nn.init.zeros_(self.film.weight)
        nn.init.zeros_(self.film.bias)

    def forward(self, x: Tensor, code: Tensor) -> Tensor:
        scale, shift = self.film(code)[:, :, None, None].chunk(2, 1)
        hidden = F.relu(self.enter(x) * (1 + scale) + shift)
        return F.relu(x + self.leave(hidden))


@dataclass(frozen=True, slots=True)
class Appearance:
    """The linear appearance model: pixels as a linear function of `terms` of a shape's code and of the tint.

    The tint is the mean colour of the skin that is not painted. Takes of one clip differ in light and white balance,
    cameras drift, and encoders let chroma flicker from picture to picture: the painted skin has to follow.

    Attributes:
        luma: float32 (t + 3, size, size), weights of every luma pixel, 0 to 255.
        chroma: float32 (t + 3, 2, size // 2, size // 2), the same for chroma.
        skin: float32 (size, size), where the tint is taken.
        tint: float32 (3,), its mean in the footage: luma and the two chroma, 0 to 255.
        spread: float32 (3,), its standard deviation.
    """

    luma: FloatArray
    chroma: FloatArray
    skin: FloatArray
    tint: FloatArray
    spread: FloatArray


class Painter(nn.Module):
    """Paints the mouth into a masked crop.

    Args:
        size: Side of the crop, a multiple of 32.
        mask: float32 (size, size): 0 where the true picture is kept.
        look: The linear appearance model.
        coefficients: Length of a shape's code.
    """

    kept: Tensor
    linear: Tensor
    skin: Tensor
    usual: Tensor

    def __init__(
        self,
        size: int,
        mask: FloatArray,
        look: Appearance,
        coefficients: int,
    ) -> None:
        super().__init__()
        self.coefficients = coefficients
        self.fold = 2 if size < 192 else 4
        trunk = size // self.fold
        a, b, c, d = WIDTHS if self.fold == 2 else WIDE
        colour = self.fold * self.fold * 3 // 2
        kept = torch.from_numpy((mask <= 0).astype(np.float32))[None, None]
        linear = self._folded(torch.from_numpy(look.luma)[:, None], torch.from_numpy(look.chroma)) / 128
        linear[0] -= 1
        self.register_buffer("skin", self._skin(look.skin))
        self.register_buffer("usual", torch.from_numpy(np.stack([look.tint / 128 - 1, look.spread / 128])))
        self.register_buffer("kept", self._folded(kept, (_half(kept) == 1).float().repeat(1, 2, 1, 1)))
        self.register_buffer("linear", linear.flatten(1).contiguous())
        self.sure = nn.Parameter(torch.zeros(64))
        self.code = nn.Sequential(nn.Linear(coefficients, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU())
        self.stem = _conv(2 * colour + SHAPE_PLANES * self.fold**2, a)
        self.canvas = nn.Parameter(torch.zeros(1, a, trunk, trunk))
        self.down_b, self.down_c, self.down_d = _conv(a, b, 2), _conv(b, c, 2), _conv(c, d, 2)
        self.in_b, self.in_c, self.in_d = Block(b, 64), Block(c, 64), Block(d, 64)
        self.up_c, self.up_b, self.up_a = nn.Conv2d(d, c, 1), nn.Conv2d(c, b, 1), nn.Conv2d(b, a, 1)
        self.out_c, self.out_b, self.out_a = Block(c, 64), Block(b, 64), _conv(a, a)
        self.paint = nn.Conv2d(a, colour, 3, padding=1)
        nn.init.zeros_(self.paint.weight)  # the first painting is the linear model's
        nn.init.zeros_(cast(Tensor, self.paint.bias))

    def forward(
        self, luma: Tensor, chroma: Tensor, shapes: Tensor, coefficients: Tensor, sure: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Paint a batch.

        Args:
            luma: (n, 1, size, size), 0 to 255, of any type; only what is outside the mask is looked at.
            chroma: (n, 2, size // 2, size // 2), the same.
            shapes: (n, 3, size, size), 0 to 255: drawn lips, inner mouth, jaw.
            coefficients: float32 (n, k).
            sure: float32 (n, 1), how well the textures' quick part is known (`Lesson`): 1 where it was read off the
                real picture; None for what sound tells, `HEARD`.

        Returns:
            Painted luma and chroma in the same layout, float32, 0 to 255 but not clipped.
        """
        true = self._folded(luma.float(), chroma.float()) / 128 - 1
        with torch.autocast(luma.device.type, enabled=False):
            tint = tints(true.flatten(1) @ self.skin, self.usual)
            base = (torch.cat([terms(coefficients), tint], 1) @ self.linear).reshape(true.shape)
        seen = (true - base) * self.kept
        drawn = F.pixel_unshuffle(shapes.float(), self.fold) / 128 - 1
        code = self._coded(coefficients, sure)
        at_a = F.relu(self.stem(torch.cat([seen * 2, drawn, base], 1)) + self.canvas)
        at_b = self.in_b(F.relu(self.down_b(at_a)), code)
        at_c = self.in_c(F.relu(self.down_c(at_b)), code)
        at_d = self.in_d(F.relu(self.down_d(at_c)), code)
        up_c = self.out_c(F.relu(_double(self.up_c(at_d)) + at_c), code)
        up_b = self.out_b(F.relu(_double(self.up_b(up_c)) + at_b), code)
        up_a = F.relu(_double(self.up_a(up_b)) + at_a)
        up_a = F.relu(self.out_a(up_a))
        painted = (self.paint(up_a).float() * 0.5 + base + 1) * 128
        return self._unfolded(painted)

    def _coded(self, coefficients: Tensor, sure: Tensor | None) -> Tensor:
        if sure is None:
            return cast(Tensor, self.code(coefficients))
        first, *rest = self.code
        code: Tensor = first(coefficients) + (sure - HEARD) * self.sure
        for layer in rest:
            code = layer(code)
        return code

    def _skin(self, skin: FloatArray) -> Tensor:
        """A weight for every folded pixel, of sum 1 in each of luma and the two chroma planes: (pixels, 3)."""
        luma = torch.from_numpy(skin)[None, None]
        chroma = _half(luma)
        parts = [self._folded(luma, torch.zeros_like(chroma).repeat(1, 2, 1, 1))]
        for plane in range(2):
            only = torch.zeros_like(chroma).repeat(1, 2, 1, 1)
            only[:, plane] = chroma[0]
            parts.append(self._folded(torch.zeros_like(luma), only))
        weights = torch.cat(parts).flatten(1)
        return (weights / weights.sum(1, keepdim=True)).T.contiguous()

    def _folded(self, luma: Tensor, chroma: Tensor) -> Tensor:
        """Luma and chroma side by side at the trunk's resolution."""
        half = self.fold // 2
        return torch.cat(
            [F.pixel_unshuffle(luma, self.fold), F.pixel_unshuffle(chroma, half) if half > 1 else chroma], 1
        )

    def _unfolded(self, folded: Tensor) -> tuple[Tensor, Tensor]:
        luma, chroma = folded[:, : self.fold**2], folded[:, self.fold**2 :]
        half = self.fold // 2
        return F.pixel_shuffle(luma, self.fold), F.pixel_shuffle(chroma, half) if half > 1 else chroma


def terms(coefficients: Tensor) -> Tensor:
    """What the linear appearance model is linear in: 1, the code (n, k), and products of its first three.

    Codes beyond what people do are held at the rim: a square goes wild where nothing was ever seen.
    """
    held = coefficients.clamp(-RIM, RIM)
    a, b, c = (held[:, i : i + 1] for i in range(3))
    one = torch.ones_like(a)
    return torch.cat([one, held, a * a, a * b, a * c, b * b, b * c, c * c], 1)


def tints(seen: Tensor, usual: Tensor) -> Tensor:
    """The tint (n, 3) in standard deviations from its mean, ``usual`` (2, 3), held at `TINT_RIM`."""
    return ((seen - usual[0]) / usual[1]).clamp(-TINT_RIM, TINT_RIM)


class Deployed(nn.Module):
    """The painter as the show runs it: bytes in, rounded and clipped bytes out."""

    def __init__(self, painter: Painter) -> None:
        super().__init__()
        self.painter = painter

    def forward(
        self, luma: Tensor, chroma: Tensor, shapes: Tensor, coefficients: Tensor
    ) -> tuple[Tensor, Tensor]:
        painted = self.painter(luma, chroma, shapes, coefficients)
        y, c = ((part + 0.5).clamp(0, 255).to(torch.uint8) for part in painted)
        return y, c


def painting_loss(
    painted: tuple[Tensor, Tensor],
    real: tuple[Tensor, Tensor],
    weight: Tensor,
    texture: float = 0.5,
    chroma: float = 1.5,
) -> Tensor:
    """How far painted crops are from real ones: L1, Laplacian pyramid (Bojanowski et al. 2018), local texture.

    The last term compares how strong fine detail is around a place, not its phase: what can't be foretold pixel
    by pixel (pores, beard, noise) then keeps its strength instead of being averaged to a blur.

    Args:
        painted: luma (n, 1, s, s) and chroma (n, 2, s / 2, s / 2), 0 to 255.
        real: The same of the real crops.
        weight: (n or 1, 1, s, s), how much each place counts.
        texture: Weight of the last term.
        chroma: Weight of the chroma's L1. One grey level of it is as visible in RGB as one of luma, and at 0.5, which
            it once had, takes that were not learnt were worse by 0.3 grey levels squared.
    """
    difference, half = (painted[0] - real[0]) / 128, _half(weight)
    norm = weight.mean()
    loss = (difference.abs() * weight).mean() + chroma * (((painted[1] - real[1]) / 128).abs() * half).mean()
    level, place = difference, weight
    for factor in (1.0, 1.0, 1.0):
        small = F.avg_pool2d(level, 2)
        fine = level - F.interpolate(small, scale_factor=2.0, mode="bilinear", align_corners=False)
        loss = loss + factor * (fine.abs() * place).mean()
        level, place = small, F.avg_pool2d(place, 2)
    if texture:
        strength = [F.avg_pool2d(_detail(part[0] / 128).abs(), 5, 2, 2) for part in (painted, real)]
        loss = loss + texture * ((strength[0] - strength[1]).abs() * _half(weight)).mean()
    return loss / norm


def export(painter: Painter) -> bytes:
    """The painter as ONNX, any batch size: luma, chroma, shapes (bytes), coefficients to luma, chroma (bytes)."""
    size = painter.canvas.shape[-1] * painter.fold
    example: tuple[Any, ...] = (
        torch.zeros(2, 1, size, size, dtype=torch.uint8),
        torch.zeros(2, 2, size // 2, size // 2, dtype=torch.uint8),
        torch.zeros(2, SHAPE_PLANES, size, size, dtype=torch.uint8),
        torch.zeros(2, painter.coefficients),
    )
    inputs, outputs = ["luma", "chroma", "shapes", "coefficients"], ["painted_luma", "painted_chroma"]
    return to_onnx(Deployed(painter).eval(), example, inputs, outputs)


def certain(painter: Painter) -> FloatArray:
    """What `believing` adds, float32 (64,), so that a painter takes textures for true and not for what sound tells."""
    return ((1 - HEARD) * painter.sure.detach()).numpy().astype(np.float32)


def believing(network: bytes, more: FloatArray) -> bytes:
    """A painter's ONNX (`export`) for textures that were read off the very pictures; ``more`` is from `certain`."""
    import onnx  # a show paints what it hears
    from onnx import numpy_helper

    model = onnx.load_from_string(network)
    known = {one.name: one for one in model.graph.initializer}
    first = next(node for node in model.graph.node if node.op_type == "Gemm")
    bias = numpy_helper.to_array(known[first.input[2]]) + more
    first.input[2] = "certain"
    model.graph.initializer.append(numpy_helper.from_array(bias.astype(np.float32), "certain"))
    return bytes(model.SerializeToString())


def to_onnx(network: nn.Module, example: tuple[Any, ...], inputs: list[str], outputs: list[str]) -> bytes:
    """A network as ONNX with a free first axis."""
    memory = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # the tracing exporter announces its own retirement
        torch.onnx.export(
            network,
            example,
            cast(Any, memory),  # a stream is taken too
            input_names=inputs,
            output_names=outputs,
            dynamic_axes={name: {0: "batch"} for name in inputs + outputs},
            opset_version=17,
            dynamo=False,
        )
    return memory.getvalue()


def _conv(wide: int, deep: int, stride: int = 1) -> nn.Sequential:
    """A convolution with batch normalisation, which ONNX Runtime folds into it: free in the show."""
    return nn.Sequential(nn.Conv2d(wide, deep, 3, stride, 1, bias=False), nn.BatchNorm2d(deep, momentum=0.02))


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def _half(x: Tensor) -> Tensor:
    return F.avg_pool2d(x, 2)


def _detail(x: Tensor) -> Tensor:
    return x - F.avg_pool2d(x, 3, 1, 1)
