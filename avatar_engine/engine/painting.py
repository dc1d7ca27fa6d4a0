"""The painter for many persons at once: one graph, each picture with the weights of its own person.

A convolution with another kernel for every picture can be computed in several ways; which is fastest is a question to
the card (`avatar_engine.engine.torch_backend` asks it): one grouped convolution over all pictures (what ``torch.vmap``
makes of it), products of unfolded pictures in one batch, or picture by picture on several streams.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Literal

import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor

from avatar_engine.engine.weights import BLOCKS
from avatar_engine.lips.painter import terms, tints

Way = Literal["grouped", "products", "each"]
WAYS: tuple[Way, ...] = ("grouped", "products", "each")

STREAMS = 4
"""Streams on which pictures are painted side by side, one by one."""

Persons = Mapping[str, Tensor]
"""Weights by name, stacked: (persons, …); see `avatar_engine.engine.weights.Weights`."""


FINE = ("skin", "usual")
"""Weights that stay float32: means of whole crops. ``linear`` stays so, too, where the type is bf16."""


def type_of(name: str, kind: torch.dtype) -> torch.dtype:
    """The type of a weight where ``kind`` is computed in."""
    return torch.float32 if name in FINE or (name == "linear" and kind == torch.bfloat16) else kind


def paint(
    persons: Persons, rows: Tensor, way: Way, luma: Tensor, chroma: Tensor, shapes: Tensor, codes: Tensor
) -> tuple[Tensor, Tensor]:
    """Paint a batch.

    Args:
        persons: Stacked weights, of the type to compute in.
        rows: int64 (n,), the row of each picture's person.
        way: How.
        luma: float32 (n, 1, size, size), 0 to 255.
        chroma: float32 (n, 2, size // 2, size // 2), the same.
        shapes: float32 (n, 3, size, size), the same: drawn lips, inner mouth, jaw.
        codes: float32 (n, k).

    Returns:
        Painted luma and chroma, float32 of whole numbers, 0 to 255, in the same layout.
    """
    own = {name: value.index_select(0, rows) for name, value in persons.items()}
    if way != "each":
        return painted(own, luma, chroma, shapes, codes, grouped if way == "grouped" else products)
    inputs: Inputs = (luma, chroma, shapes, codes)
    made = _side_by_side(own, inputs) if luma.is_cuda else [_alone(own, inputs, i) for i in range(len(luma))]
    return torch.cat([y for y, _ in made]), torch.cat([c for _, c in made])


def painted(
    own: Persons, luma: Tensor, chroma: Tensor, shapes: Tensor, codes: Tensor, conv: Convolution
) -> tuple[Tensor, Tensor]:
    """Paint pictures, each with its own weights (n, …); what `avatar_engine.lips.painter.Painter` computes."""
    kept = own["kept"]
    fold, kind = luma.shape[-1] // kept.shape[-1], own["stem.weight"].dtype
    true = _folded(luma, chroma, fold) / 128 - 1
    seen = torch.bmm(true.flatten(1)[:, None], own["skin"].float())[:, 0]
    usual = own["usual"].float()
    tint = tints_of(seen, usual)
    known = torch.cat([terms(codes), tint], 1)
    linear = own["linear"]
    base = torch.bmm(known[:, None].to(linear.dtype), linear).float().reshape(true.shape)
    drawn = F.pixel_unshuffle(shapes, fold) / 128 - 1
    seen_skin = (true - base) * kept.float() * 2

    def layer(x: Tensor, name: str, stride: int = 1) -> Tensor:
        return conv(x, own[f"{name}.weight"], own[f"{name}.bias"], stride)

    def product(x: Tensor, name: str) -> Tensor:
        return torch.baddbmm(own[f"{name}.bias"][:, None], x[:, None], own[f"{name}.weight"].transpose(1, 2))[
            :, 0
        ]

    code = F.relu(product(F.relu(product(codes.to(kind), "code.0")), "code.2"))

    def block(x: Tensor, name: str) -> Tensor:
        scale, shift = product(code, f"{name}.film")[:, :, None, None].chunk(2, 1)
        hidden = F.relu(layer(x, f"{name}.enter") * (1 + scale) + shift)
        return F.relu(x + layer(hidden, f"{name}.leave"))

    in_b, in_c, in_d, out_c, out_b = BLOCKS
    at_a = F.relu(layer(torch.cat([seen_skin, drawn, base], 1).to(kind), "stem") + own["canvas"])
    at_b = block(F.relu(layer(at_a, "down_b", 2)), in_b)
    at_c = block(F.relu(layer(at_b, "down_c", 2)), in_c)
    at_d = block(F.relu(layer(at_c, "down_d", 2)), in_d)
    up_c = block(F.relu(_double(layer(at_d, "up_c")) + at_c), out_c)
    up_b = block(F.relu(_double(layer(up_c, "up_b")) + at_b), out_b)
    up_a = F.relu(_double(layer(up_b, "up_a")) + at_a)
    up_a = F.relu(layer(up_a, "out_a"))
    made = (layer(up_a, "paint").float() * 0.5 + base + 1) * 128
    y, c = made[:, : fold * fold], made[:, fold * fold :]
    half = fold // 2
    parts = F.pixel_shuffle(y, fold), F.pixel_shuffle(c, half) if half > 1 else c
    whole = [torch.floor((part + 0.5).clamp(0, 255)) for part in parts]
    return whole[0], whole[1]


Convolution = Callable[[Tensor, Tensor, Tensor, int], Tensor]
"""Pictures (n, c, h, w), kernels (n, d, c, k, k), biases (n, d) and a stride to (n, d, h / stride, w / stride)."""


def grouped(x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
    """All pictures as groups of channels of one picture."""
    n, c, h, w = x.shape
    d, k = weight.shape[1], weight.shape[-1]
    y = F.conv2d(
        x.reshape(1, n * c, h, w), weight.reshape(n * d, c, k, k), bias.reshape(-1), stride, k // 2, groups=n
    )
    return y.reshape(n, d, y.shape[2], y.shape[3])


def products(x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
    """Unfolded pictures times flat kernels."""
    n, _, h, w = x.shape
    d, k = weight.shape[1], weight.shape[-1]
    if k > 1:  # PyTorch's own unfolding is a kernel a picture on a card; this is one for all
        wide = F.pad(x, (k // 2,) * 4)
        x = torch.stack(
            [wide[:, :, i : i + h : stride, j : j + w : stride] for i in range(k) for j in range(k)], 2
        )
    y = torch.baddbmm(bias[:, :, None], weight.reshape(n, d, -1), x.reshape(n, weight[0, 0].numel(), -1))
    return y.reshape(n, d, h // stride, w // stride)


def plain(x: Tensor, weight: Tensor, bias: Tensor, stride: int) -> Tensor:
    """One picture of one person."""
    return F.conv2d(x, weight[0], bias[0], stride, weight.shape[-1] // 2)


def tints_of(seen: Tensor, usual: Tensor) -> Tensor:
    """See `avatar_engine.lips.painter.tints`; ``usual`` (n, 2, 3) is each picture's own."""
    return tints(seen, usual.transpose(0, 1))


Inputs = tuple[Tensor, Tensor, Tensor, Tensor]
"""Luma, chroma, shapes and codes."""


def _alone(own: Persons, inputs: Inputs, i: int) -> tuple[Tensor, Tensor]:
    """One picture of a batch."""
    luma, chroma, shapes, codes = (part[i : i + 1] for part in inputs)
    return painted(
        {name: value[i : i + 1] for name, value in own.items()}, luma, chroma, shapes, codes, plain
    )


def _side_by_side(own: Persons, inputs: Inputs) -> list[tuple[Tensor, Tensor]]:
    """Picture by picture, on several streams of the card that begin and end with the present one."""
    here = torch.cuda.current_stream()
    streams = _beside(here)[: len(inputs[0])]
    made = []
    for stream in streams:
        stream.wait_stream(here)
    for i in range(len(inputs[0])):
        with torch.cuda.stream(streams[i % len(streams)]):
            made.append(_alone(own, inputs, i))
    for stream in streams:
        here.wait_stream(stream)
    return made


@cache
def _beside(stream: Any) -> Sequence[Any]:
    """The streams that belong to one, always the same: PyTorch has a few and gives them out round and round, so that
    new ones would soon be those that others compute on."""
    del stream
    return [torch.cuda.Stream() for _ in range(STREAMS)]  # type: ignore[no-untyped-call]


def _folded(luma: Tensor, chroma: Tensor, fold: int) -> Tensor:
    """Luma and chroma side by side at the trunk's resolution."""
    half = fold // 2
    parts = F.pixel_unshuffle(luma, fold), F.pixel_unshuffle(chroma, half) if half > 1 else chroma
    return torch.cat(parts, 1)


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
