"""What does a picture cost the user of another lip-sync network, on the same device, in the same run, at the same crop?

    python benchmarks/peers.py [--device cuda] [--batch 1] [--precision fp16] [--seconds 5] [--json peers.json]

The networks are rebuilt from their papers and configurations, with random weights: a layer's cost does not depend on
what it has learnt. No code or weight of theirs is here.

- Wav2Lip (Prajwal et al. 2020): the generator at 96 pixels as published, and at 256 pixels with one more level of the
  encoder and decoder, as its users build it. Its discriminators and face detector cost nothing here.
- MuseTalk (Zhang et al. 2024): Stable Diffusion 1.x's U-Net in one step on latents of 32x32 with eight channels in (the
  masked picture and a reference), audio features of Whisper tiny (50 of 384) as its cross attention, and the decoder of
  the autoencoder to 256 pixels (Rombach et al. 2022). The encoder is a line of its own: a presenter's latents can be
  made beforehand, so the ratio is without it.
- Ours: the painter at 256 pixels. Cutting, drawing and pasting are in nobody's line.

Every line is computed by PyTorch in the same type, layout and batch; beside it ours by ONNX Runtime, as shows on
processors run it. Operations are counted by PyTorch's own counter.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import onnxruntime as ort
import render_fps
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
import typer
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from avatar_engine import device as devices
from avatar_engine import inference
from avatar_engine.engine import painting, weights
from avatar_engine.engine.torch_backend import KINDS

app = typer.Typer(add_completion=False)
console = Console(width=120)

SIZE = 256


@dataclass(frozen=True)
class Row:
    """One line of the table, of one picture."""

    network: str
    milliseconds: float
    fps: float
    gigaflop: float
    megabytes: float
    times_ours: float


@app.command()
def main(
    device: Annotated[str, typer.Option()] = "auto",
    batch: Annotated[int, typer.Option(help="pictures at once")] = 1,
    precision: Annotated[str, typer.Option(help="fp16, bf16 or fp32; fp16 on a card, else bf16")] = "",
    threads: Annotated[int | None, typer.Option(help="of processors; the idle cores")] = None,
    seconds: Annotated[float, typer.Option(help="measure each line so long, once at least")] = 5.0,
    musetalk: Annotated[bool, typer.Option(help="MuseTalk needs 2 to 4 GB")] = True,
    output: Annotated[Path | None, typer.Option("--json")] = None,
) -> None:
    """Measure the networks beside one another."""
    chosen = devices.choose(device)
    card = devices.torch_device(chosen)
    torch.set_num_threads(threads or chosen.threads)
    kind = precision or ("fp16" if card == "cuda" else "bf16" if chosen.bf16 else "fp32")
    place = Place(torch.device(card), KINDS[kind], batch, seconds)
    rows = _rows(place, musetalk)
    facts = {
        "device": chosen.name, "threads": torch.get_num_threads(), "precision": kind, "batch": batch,
        "torch": torch.__version__, "onnxruntime": ort.__version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"), "ours_onnx_ms": _ours_onnx(chosen, batch, seconds),
    }  # fmt: skip
    show(facts, rows)
    if output:
        output.write_text(json.dumps(facts | {"rows": [asdict(row) for row in rows]}, indent=1))


@dataclass(frozen=True)
class Place:
    """Where and how networks run."""

    device: torch.device
    kind: torch.dtype
    batch: int
    seconds: float

    def on(self, network: nn.Module) -> nn.Module:
        """The network there, in the layout that suits convolutions."""
        moved: nn.Module = network.to(self.device, self.kind).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return moved

    def noise(self, *shape: int) -> Tensor:
        made = torch.rand(self.batch, *shape, device=self.device, dtype=self.kind)
        return made.contiguous(memory_format=torch.channels_last) if made.dim() == 4 else made


def _rows(place: Place, musetalk: bool) -> list[Row]:
    ours = _row("ours, 256 px", lambda: _painter(place), place, None)
    rows = [
        ours,
        *(_row(f"Wav2Lip, {size} px", partial(_wav2lip, place, size), place, ours) for size in (96, SIZE)),
    ]
    if musetalk:
        unet = _row("MuseTalk's U-Net", lambda: _unet(place), place, ours)
        decoder = _row("MuseTalk's decoder, 256 px", lambda: _decoder(place), place, ours)
        encoder = _row("MuseTalk's encoder, 256 px", lambda: _encoder(place), place, ours)
        spent = unet.milliseconds + decoder.milliseconds
        whole = Row(
            "MuseTalk, U-Net and decoder", spent, 1e3 / spent, unet.gigaflop + decoder.gigaflop,
            unet.megabytes + decoder.megabytes, spent / ours.milliseconds,
        )  # fmt: skip
        rows += [unet, decoder, whole, encoder]
    return rows


def _row(
    name: str, make: Callable[[], tuple[Callable[[], object], float]], place: Place, ours: Row | None
) -> Row:
    """Measure what ``make`` gives (the work, and its weights in bytes); it is let go again."""
    work, size = make()
    with torch.inference_mode():
        with FlopCounterMode(display=False) as counter:
            work()
        spent = fastest(work, place) / place.batch
    row = Row(
        name, 1e3 * spent, 1 / spent, counter.get_total_flops() / place.batch / 1e9, size / 1e6,
        1.0 if ours is None else 1e3 * spent / ours.milliseconds,
    )  # fmt: skip
    console.print(f"{name}: {row.milliseconds:.2f} ms, {row.gigaflop:.1f} GFLOP", highlight=False)
    return row


def fastest(work: Callable[[], object], place: Place) -> float:
    """The fastest fifth's seconds of one run, after a first one; on a card as a CUDA graph, launches not counted."""
    if place.device.type == "cuda":
        work = _graph(work)
    times: list[float] = []
    began = time.perf_counter()
    while not times or time.perf_counter() - began < place.seconds:
        at = time.perf_counter()
        work()
        if place.device.type == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - at)
    return sorted(times)[len(times) // 5]


def _graph(work: Callable[[], object]) -> Callable[[], object]:
    stream: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    with torch.cuda.stream(stream):
        for _ in range(3):
            work()
        stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=stream):
            work()
    replay: Callable[[], object] = graph.replay
    return replay


def _bytes(network: nn.Module) -> float:
    return float(sum(value.numel() * value.element_size() for value in network.parameters()))


def _painter(place: Place) -> tuple[Callable[[], object], float]:
    """Our painter, pictures of one person."""
    read = weights.read(render_fps.painter(SIZE))
    own = {}
    for name, value in read.values.items():
        one = torch.tensor(value).to(place.device, painting.type_of(name, place.kind))
        if one.dim() == 4:
            one = one.contiguous(memory_format=torch.channels_last)
        own[name] = one
    single = {n: v[None] if n in _SHARED else v[None].expand(place.batch, *v.shape) for n, v in own.items()}
    sides = ((1, SIZE, SIZE), (2, SIZE // 2, SIZE // 2), (3, SIZE, SIZE), (read.codes,))
    luma, chroma, shapes, codes = (255 * place.noise(*shape).float() for shape in sides)

    def work() -> object:
        return painting.painted(single, luma, chroma, shapes, codes / 255, painting.plain)

    return work, float(sum(value.numel() * value.element_size() for value in own.values()))


_SHARED = {
    f"{name}.{part}" for name in weights.CONVOLUTIONS for part in ("weight", "bias")
} | {"kept", "canvas"}  # fmt: skip


def _ours_onnx(device: devices.Device, batch: int, seconds: float) -> float:
    """Milliseconds of a picture as a show paints it: by ONNX Runtime, or in bf16 by OpenVINO, one by one."""
    session = render_fps.network(render_fps.painter(SIZE), device, torch.get_num_threads())
    batch = 1 if inference.in_bf16(device) else batch
    feeds: Any = render_fps.inputs(SIZE, batch)
    place = Place(torch.device("cpu"), torch.float32, batch, seconds)
    session.run(None, feeds)
    return round(1e3 * fastest(lambda: session.run(None, feeds), place) / batch, 2)


# Wav2Lip


class Conv(nn.Module):
    """A convolution with batch normalisation and ReLU; residual where it keeps the shape and is told to be."""

    def __init__(
        self, wide: int, deep: int, k: int, stride: int = 1, pad: int = 1, residual: bool = False
    ) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(wide, deep, k, stride, pad), nn.BatchNorm2d(deep))
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        y = self.body(x)
        return F.relu(y + x if self.residual else y)


class Up(nn.Module):
    """A transposed one."""

    def __init__(self, wide: int, deep: int, k: int, stride: int, pad: int, more: int = 0) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.ConvTranspose2d(wide, deep, k, stride, pad, more), nn.BatchNorm2d(deep))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x))


def _same(channels: int, count: int) -> list[nn.Module]:
    return [Conv(channels, channels, 3, residual=True) for _ in range(count)]


class Wav2Lip(nn.Module):
    """The generator: faces (n, 6, size, size) and mel windows (n, 1, 80, 16) to faces (n, 3, size, size)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        deep, kept = ([16, 32, 64, 128, 256, 512], [0, 2, 3, 2, 2, 1])
        if size == SIZE:
            deep, kept = [*deep, 512], [0, 2, 3, 2, 2, 2, 1]
        down: list[nn.Module] = [nn.Sequential(Conv(6, 16, 7, 1, 3))]
        for wide, width, count in zip(deep, deep[1:], kept[1:], strict=False):
            down.append(nn.Sequential(Conv(wide, width, 3, 2), *_same(width, count)))
        rest = size >> len(deep) - 1
        self.down = nn.ModuleList([*down, nn.Sequential(Conv(512, 512, rest, 1, 0), Conv(512, 512, 1, 1, 0))])
        self.sound = nn.Sequential(
            Conv(1, 32, 3), *_same(32, 2), Conv(32, 64, 3, (3, 1)), *_same(64, 2),  # type: ignore[arg-type]
            Conv(64, 128, 3, 3), *_same(128, 2), Conv(128, 256, 3, (3, 2)), *_same(256, 1),  # type: ignore[arg-type]
            Conv(256, 512, 3, 1, 0), Conv(512, 512, 1, 1, 0),
        )  # fmt: skip
        up: list[nn.Module] = [
            nn.Sequential(Conv(512, 512, 1, 1, 0)),
            nn.Sequential(Up(1024, 512, rest, 1, 0), *_same(512, 1)),
        ]
        out, wide = [512, 384, 256, 128, 64], 1024
        if size == SIZE:
            out = [512, *out]
        for skip, width in zip([*reversed(deep[:-1])], out, strict=True):
            up.append(nn.Sequential(Up(wide, width, 3, 2, 1, 1), *_same(width, 2)))
            wide = width + skip
        self.up = nn.ModuleList(up)
        self.out = nn.Sequential(Conv(wide, 32, 3), nn.Conv2d(32, 3, 1), nn.Sigmoid())

    def forward(self, mel: Tensor, face: Tensor) -> Tensor:
        x, seen = face, []
        for level in self.down:
            x = level(x)
            seen.append(x)
        x = self.sound(mel)
        for level in self.up:
            x = torch.cat([level(x), seen.pop()], 1)
        made: Tensor = self.out(x)
        return made


def _wav2lip(place: Place, size: int) -> tuple[Callable[[], object], float]:
    network = place.on(Wav2Lip(size))
    mel, face = place.noise(1, 80, 16), place.noise(6, size, size)
    return lambda: network(mel, face), _bytes(network)


# Stable Diffusion's U-Net and autoencoder


class Residual(nn.Module):
    """Two convolutions with group normalisation; the step's embedding shifts what lies between."""

    def __init__(self, wide: int, deep: int, time_: int = 0) -> None:
        super().__init__()
        self.enter = nn.Sequential(nn.GroupNorm(32, wide), nn.SiLU(), nn.Conv2d(wide, deep, 3, 1, 1))
        self.leave = nn.Sequential(nn.GroupNorm(32, deep), nn.SiLU(), nn.Conv2d(deep, deep, 3, 1, 1))
        self.shift = nn.Sequential(nn.SiLU(), nn.Linear(time_, deep)) if time_ else None
        self.skip = nn.Conv2d(wide, deep, 1) if wide != deep else nn.Identity()

    def forward(self, x: Tensor, step: Tensor | None = None) -> Tensor:
        y = self.enter(x)
        if self.shift is not None:
            y = y + self.shift(step)[:, :, None, None]
        made: Tensor = self.skip(x) + self.leave(y)
        return made


class Attention(nn.Module):
    """Of tokens (n, places, channels) to others."""

    def __init__(self, channels: int, other: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.out = nn.Linear(channels, channels, False), nn.Linear(channels, channels)
        self.key, self.value = nn.Linear(other, channels, False), nn.Linear(other, channels, False)

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        n, _, channels = x.shape

        def split(y: Tensor) -> Tensor:
            return y.view(n, -1, self.heads, channels // self.heads).transpose(1, 2)

        seen = F.scaled_dot_product_attention(
            split(self.query(x)), split(self.key(other)), split(self.value(other))
        )
        made: Tensor = self.out(seen.transpose(1, 2).reshape(n, -1, channels))
        return made


class Transformer(nn.Module):
    """Self attention, cross attention and a gated layer, with 1x1 convolutions round them."""

    def __init__(self, channels: int, context: int) -> None:
        super().__init__()
        self.enter = nn.Sequential(nn.GroupNorm(32, channels), nn.Conv2d(channels, channels, 1))
        self.norms = nn.ModuleList(nn.LayerNorm(channels) for _ in range(3))
        self.itself, self.other = Attention(channels, channels, 8), Attention(channels, context, 8)
        self.wide, self.back = nn.Linear(channels, 8 * channels), nn.Linear(4 * channels, channels)
        self.leave = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        n, channels, h, w = x.shape
        tokens = self.enter(x).flatten(2).transpose(1, 2)
        normed = self.norms[0](tokens)
        tokens = tokens + self.itself(normed, normed)
        tokens = tokens + self.other(self.norms[1](tokens), context)
        wide, gate = self.wide(self.norms[2](tokens)).chunk(2, -1)
        tokens = tokens + self.back(wide * F.gelu(gate))
        made: Tensor = x + self.leave(tokens.transpose(1, 2).reshape(n, channels, h, w))
        return made


class UNet(nn.Module):
    """Stable Diffusion 1.x's: latents (n, 8, 32, 32), one step's embedding, audio features (n, 50, 384)."""

    WIDTHS = (320, 640, 1280, 1280)

    def __init__(self, context: int = 384) -> None:
        super().__init__()
        self.step = nn.Sequential(nn.Linear(320, 1280), nn.SiLU(), nn.Linear(1280, 1280))
        self.enter = nn.Conv2d(8, 320, 3, 1, 1)
        self.down, self.up, widths, wide = nn.ModuleList(), nn.ModuleList(), [320], 320
        for level, width in enumerate(self.WIDTHS):
            for _ in range(2):
                self.down.append(_pair(wide, width, context if level < 3 else 0))
                wide = width
                widths.append(width)
            if level < 3:
                self.down.append(nn.Conv2d(width, width, 3, 2, 1))
                widths.append(width)
        self.middle = nn.ModuleList([_pair(1280, 1280, context), _pair(1280, 1280, 0)])
        for level, width in reversed(list(enumerate(self.WIDTHS))):
            for _ in range(3):
                self.up.append(_pair(wide + widths.pop(), width, context if level < 3 else 0))
                wide = width
            if level:
                self.up.append(nn.Conv2d(width, width, 3, 1, 1))
        self.leave = nn.Sequential(nn.GroupNorm(32, 320), nn.SiLU(), nn.Conv2d(320, 4, 3, 1, 1))

    def forward(self, latents: Tensor, step: Tensor, context: Tensor) -> Tensor:
        step = self.step(step)
        x = self.enter(latents)
        seen = [x]
        for part in self.down:
            x = part(x) if isinstance(part, nn.Conv2d) else _through(part, x, step, context)
            seen.append(x)
        for part in self.middle:
            x = _through(part, x, step, context)
        for part in self.up:
            if isinstance(part, nn.Conv2d):
                x = part(F.interpolate(x, scale_factor=2.0, mode="nearest"))
            else:
                x = _through(part, torch.cat([x, seen.pop()], 1), step, context)
        made: Tensor = self.leave(x)
        return made


def _pair(wide: int, deep: int, context: int) -> nn.ModuleList:
    return nn.ModuleList([Residual(wide, deep, 1280), *([Transformer(deep, context)] if context else [])])


def _through(pair: nn.Module, x: Tensor, step: Tensor, context: Tensor) -> Tensor:
    first, *attention = pair.children()
    x = first(x, step)
    return attention[0](x, context) if attention else x


class Coder(nn.Module):
    """The autoencoder's encoder (n, 3, 256, 256) to (n, 8, 32, 32), or its decoder (n, 4, 32, 32) to pictures."""

    def __init__(self, decoder: bool) -> None:
        super().__init__()
        widths = [512, 512, 256, 128] if decoder else [128, 256, 512, 512]
        wide = widths[0]
        parts: list[nn.Module] = [nn.Conv2d(4 if decoder else 3, wide, 3, 1, 1)]
        if decoder:
            parts += [nn.Conv2d(wide, wide, 1), *_heart(wide)]
        for level, width in enumerate(widths):
            for _ in range(3 if decoder else 2):
                parts.append(Residual(wide, width))
                wide = width
            if level < 3:
                way = nn.Upsample(scale_factor=2.0) if decoder else nn.Identity()
                parts += [way, nn.Conv2d(width, width, 3, 1 if decoder else 2, 1)]
        if not decoder:
            parts += _heart(wide)
        parts += [nn.GroupNorm(32, wide), nn.SiLU(), nn.Conv2d(wide, 3 if decoder else 8, 3, 1, 1)]
        self.parts = nn.Sequential(*parts)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.parts(x)
        return made


class Places(nn.Module):
    """Self attention of a picture's places, one head."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, self.attention = nn.GroupNorm(32, channels), Attention(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.norm(x).flatten(2).transpose(1, 2)
        made: Tensor = x + self.attention(tokens, tokens).transpose(1, 2).reshape(x.shape)
        return made


def _heart(channels: int) -> list[nn.Module]:
    return [Residual(channels, channels), Places(channels), Residual(channels, channels)]


def _unet(place: Place) -> tuple[Callable[[], object], float]:
    torch.set_default_dtype(place.kind)  # three gigabytes of float32 need not be there first
    network = place.on(UNet())
    torch.set_default_dtype(torch.float32)
    latents, step, context = place.noise(8, 32, 32), place.noise(320), place.noise(50, 384)
    return lambda: network(latents, step, context), _bytes(network)


def _decoder(place: Place) -> tuple[Callable[[], object], float]:
    network, latents = place.on(Coder(decoder=True)), place.noise(4, 32, 32)
    return lambda: network(latents), _bytes(network)


def _encoder(place: Place) -> tuple[Callable[[], object], float]:
    network, picture = place.on(Coder(decoder=False)), place.noise(3, SIZE, SIZE)
    return lambda: network(picture), _bytes(network)


def show(facts: dict[str, Any], rows: list[Row]) -> None:
    """Print the table."""
    table = Table(
        "network", "ms a picture", "fps", "GFLOP", "MB of weights", "times ours",
        title=f"{facts['device']}, {facts['precision']}, batch {facts['batch']}, {facts['threads']} thread(s), "
        f"torch {facts['torch']}, {facts['date']}",
        caption=f"ours by ONNX Runtime {facts['onnxruntime']}, as shows on processors run it: "
        f"{facts['ours_onnx_ms']} ms",
    )  # fmt: skip
    for row in rows:
        table.add_row(
            row.network, f"{row.milliseconds:.2f}", f"{row.fps:.1f}", f"{row.gigaflop:.1f}", f"{row.megabytes:.0f}",
            f"{row.times_ours:.1f}",
        )  # fmt: skip
    console.print(table)


if __name__ == "__main__":
    app()
