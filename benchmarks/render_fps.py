"""How many mouths a second does a device paint, and how far is that from what the device can do at all?

    python benchmarks/render_fps.py [--device cpu] [--sizes 192 --sizes 256 --sizes 384] [--json render_fps.json]

With ``--step`` the whole step of a show is timed instead, one 720p picture after another: cut the crop out, draw the
shape, paint, add the grain, paste it into the I420 picture.

For every crop size and batch: pictures a second of the exported painter, and the floor, which is the larger of
operations over the arithmetic ceiling and bytes over the memory ceiling. Operations and bytes are counted from the
exported graph; both ceilings are measured in the same run, with the same number of threads.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnx
import typer
from onnx import TensorProto, helper, shape_inference
from rich.console import Console
from rich.table import Table

from avatar_engine import device as devices
from avatar_engine import inference
from avatar_engine.contracts import FloatArray
from avatar_engine.lips.expression import Expressions
from avatar_engine.lips.grain import Grain
from avatar_engine.lips.model import Gate, LipsModel
from avatar_engine.lips.painter import TINTS, Appearance, Painter, export
from avatar_engine.lips.placement import Placement
from avatar_engine.lips.render import Renderer
from avatar_engine.lips.shape import COEFFICIENTS, LANDMARKS, ShapeBasis
from avatar_engine.lips.texture import COLOURS, TEXTURES, TextureBasis

app = typer.Typer(add_completion=False)

SINGLE = True
"""One thread of the CPU: processor time is counted, which other work on the machine does not stretch."""

READ = TEXTURES + COLOURS
CODE = COEFFICIENTS + READ  # numbers that a mouth is asked for by


@dataclass(frozen=True)
class Row:
    """One line of the table; milliseconds are of one batch."""

    size: int
    batch: int
    fps: float
    milliseconds: float
    gigaflop: float
    megabytes: float
    floor_milliseconds: float
    share_of_floor: float


@app.command()
def main(
    device: Annotated[str, typer.Option()] = "cpu",
    threads: Annotated[int, typer.Option()] = 1,
    sizes: Annotated[list[int], typer.Option()] = [192, 256, 384],  # noqa: B006 - typer copies it
    batches: Annotated[list[int] | None, typer.Option(help="1 in bf16 on a processor, else 1 to 32")] = None,
    seconds: Annotated[float, typer.Option(help="measure each line at least this long")] = 1.0,
    whole: Annotated[bool, typer.Option("--step", help="time a show's whole step")] = False,
    output: Annotated[Path | None, typer.Option("--json")] = None,
) -> None:
    """Measure the painter on a device."""
    chosen = devices.choose(device)
    global SINGLE
    SINGLE = chosen.kind == "cpu" and threads == 1
    if whole:
        steps = {size: step(size, chosen, threads, seconds) for size in sizes}
        for size, spent in steps.items():
            print(f"crop {size}, {threads} thread(s): whole step {spent * 1e3:.1f} ms")
        if output:
            output.write_text(json.dumps({"device": chosen.name, "threads": threads, "step_seconds": steps}))
        return
    bf16 = inference.in_bf16(chosen)
    batches = batches or ([1] if bf16 else [1, 2, 4, 8, 16, 32])
    if bf16 and batches != [1]:
        raise typer.BadParameter(
            f"In bf16 pictures are painted one by one; {inference.SWITCH}=off paints batches."
        )
    flops, bandwidth = arithmetic_ceiling(chosen, threads, seconds), memory_ceiling(seconds)
    rows = []
    for size in sizes:
        graph = painter(size)
        session = network(graph, chosen, threads)
        for batch in batches:
            feeds = inputs(size, batch)
            spent = best(partial(session.run, None, feeds), seconds)
            operations, traffic = count(graph, size, batch, 2.0 if bf16 else 4.0)
            floor = max(operations / flops, traffic / bandwidth)
            rows.append(
                Row(
                    size,
                    batch,
                    batch / spent,
                    spent * 1e3,
                    operations / 1e9,
                    traffic / 1e6,
                    floor * 1e3,
                    floor / spent,
                )
            )
    engine = inference.computes(chosen)
    show(chosen.name, engine, threads, flops, bandwidth, rows)
    if output:
        facts = {
            "device": chosen.name,
            "engine": engine,
            "threads": threads,
            "gflops": flops / 1e9,
            "gigabytes_s": bandwidth / 1e9,
        }
        output.write_text(json.dumps(facts | {"rows": [asdict(row) for row in rows]}, indent=1))


def step(size: int, device: devices.Device, threads: int, seconds: float) -> float:
    """Seconds of a show's whole step on a picture of 1280x720, the face's crop at its own resolution."""
    random = np.random.default_rng(0)
    renderer = Renderer(person(size), device, threads)
    picture = random.integers(16, 235, (720 * 3 // 2, 1280)).astype(np.uint8)
    turn = np.array([[0.999, 0.02, size / 2 - 640.3], [-0.02, 0.999, size / 2 - 347.1]], np.float32)
    shapes = random.normal(0, 1, (64, CODE)).astype(np.float32)
    place = iter(range(1 << 30))
    return best(lambda: renderer.paint(picture, turn, shapes[next(place) % len(shapes)]), seconds)


def person(size: int, seed: int = 0) -> LipsModel:
    """Somebody's lips: what a fit would have taught them does not change their speed; another seed, another person."""
    random = np.random.default_rng(seed)
    basis = ShapeBasis(
        random.uniform(0.3, 0.7, (len(LANDMARKS), 2)).astype(np.float32),
        random.normal(0, 0.01, (COEFFICIENTS, len(LANDMARKS), 2)).astype(np.float32),
    )
    grain = Grain(np.full((size, size), 2, np.float32), np.ones((size, size // 2 + 1), np.float32))
    none = TextureBasis.none(size, COEFFICIENTS)
    texture = TextureBasis(
        np.zeros((READ, *none.pixels.shape[1:]), np.float32),
        np.zeros((COLOURS, *none.colours.shape[1:]), np.float32),
        np.zeros((len(none.shapes), READ), np.float32),
    )
    return LipsModel(
        basis=basis, texture=texture, neutral=np.zeros(CODE, np.float32), size=size,
        mask=mouth(size), gate=Gate(-50, -40, -15), placement=Placement.none(CODE), expressions=Expressions.none(CODE),
        grain=grain, motion=b"", painter=painter(size), certain=np.zeros(0, np.float32), figures={},
    )  # fmt: skip


def mouth(size: int) -> FloatArray:
    """Most of the lower half of a crop."""
    mask = np.zeros((size, size), np.float32)
    mask[size // 4 : -size // 8, size // 8 : -size // 8] = 1
    return mask


@functools.cache
def painter(size: int) -> bytes:
    """The exported painter for a crop of this size; what it has learnt does not change its speed."""
    mask = mouth(size)
    terms = CODE + 7 + TINTS
    look = Appearance(
        luma=np.zeros((terms, size, size), np.float32),
        chroma=np.zeros((terms, 2, size // 2, size // 2), np.float32),
        skin=1 - mask,
        tint=np.full(TINTS, 128, np.float32),
        spread=np.ones(TINTS, np.float32),
    )
    return export(Painter(size, mask, look, CODE).eval())


def inputs(size: int, batch: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    shapes = {"luma": (1, size, size), "chroma": (2, size // 2, size // 2), "shapes": (3, size, size)}
    feeds = {
        name: random.integers(0, 256, (batch, *shape)).astype(np.uint8) for name, shape in shapes.items()
    }
    return feeds | {"coefficients": random.normal(0, 1, (batch, CODE)).astype(np.float32)}


def network(graph: bytes, device: devices.Device, threads: int) -> inference.Session:
    """As a show has it, but for batches, which no show on a processor paints."""
    if inference.in_bf16(device):
        return inference.ready(graph, device, threads)
    session: inference.Session = devices.onnx_session(graph, device, threads)
    return session


def count(graph: bytes, size: int, batch: int, width: float = 4.0) -> tuple[float, float]:
    """Floating-point operations of convolutions and matrix products, and the bytes that can't be avoided.

    Bytes: weights once, inputs and outputs once, every convolution's output written and read once. Counted for a
    batch of 8 and scaled: shape inference loses track of a batch of 1. Numbers are ``width`` bytes wide.
    """
    feeds = inputs(size, 8)
    model = onnx.load_from_string(graph)
    for entry in model.graph.input:
        for axis, length in zip(entry.type.tensor_type.shape.dim, feeds[entry.name].shape, strict=True):
            axis.dim_value = length
    model = shape_inference.infer_shapes(model, data_prop=True)
    known = {
        value.name: [axis.dim_value for axis in value.type.tensor_type.shape.dim]
        for value in [*model.graph.value_info, *model.graph.output, *model.graph.input]
    }
    weights = {value.name: list(value.dims) for value in model.graph.initializer}
    fixed = sum(width * float(np.prod(dims)) for dims in weights.values() if dims)
    operations, traffic = 0.0, 2.0 * sum(value.nbytes for value in feeds.values())
    for node in model.graph.node:
        if node.op_type not in ("Conv", "Gemm", "MatMul"):
            continue
        kernel = weights.get(node.input[1]) or known[node.input[1]]
        made = known[node.output[0]]
        depth = np.prod(kernel[1:]) if node.op_type == "Conv" else known[node.input[0]][-1]
        operations += 2.0 * float(np.prod(made)) * float(depth)
        traffic += 2 * width * float(np.prod(made))
    return operations * batch / 8, fixed + traffic * batch / 8


def arithmetic_ceiling(device: devices.Device, threads: int, seconds: float) -> float:
    """The best of a large matrix product and a friendly convolution, in operations a second, same engine."""
    best_rate = 0.0
    for op, shape, kernel, operations in (
        ("MatMul", [1024, 1024], [1024, 1024], 2.0 * 1024**3),
        ("Conv", [1, 128, 64, 64], [128, 128, 3, 3], 2.0 * 128 * 128 * 9 * 64 * 64),
    ):
        options: dict[str, Any] = {"pads": [1, 1, 1, 1]} if op == "Conv" else {}
        weight = helper.make_tensor("w", TensorProto.FLOAT, kernel, np.full(kernel, 1e-3, np.float32).ravel())
        net = helper.make_graph(
            [helper.make_node(op, ["x", "w"], ["y"], **options)],
            "ceiling",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
            [weight],
        )
        model = helper.make_model(net, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        session = network(model.SerializeToString(), device, threads)
        feeds: dict[str, Any] = {"x": np.ones(shape, np.float32)}
        best_rate = max(best_rate, operations / best(partial(session.run, None, feeds), seconds))
    return best_rate


def memory_ceiling(seconds: float) -> float:
    """Bytes a second that one core copies in main memory (read and written both counted)."""
    source, target = np.ones(1 << 26, np.uint8), np.empty(1 << 26, np.uint8)
    return 2 * source.nbytes / best(lambda: np.copyto(target, source), seconds)


def best(work: Callable[[], object], seconds: float) -> float:
    """The fastest fifth's time of one run, after a warm-up."""
    clock = time.process_time if SINGLE else time.perf_counter
    work()
    times: list[float] = []
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds or len(times) < 3:
        start = clock()
        work()
        times.append(clock() - start)
    return float(np.percentile(times, 20))  # other work on the machine only ever adds


def show(name: str, engine: str, threads: int, flops: float, bandwidth: float, rows: list[Row]) -> None:
    ceiling = f"{flops / 1e9:.0f} GFLOP/s, {bandwidth / 1e9:.1f} GB/s"
    title = f"{name}, {threads} thread(s), {engine}: {ceiling}"
    table = Table("crop", "batch", "fps", "ms", "GFLOP", "MB", "floor ms", "of floor", title=title)
    for row in rows:
        table.add_row(
            f"{row.size}", f"{row.batch}", f"{row.fps:.1f}", f"{row.milliseconds:.1f}", f"{row.gigaflop:.2f}",
            f"{row.megabytes:.1f}", f"{row.floor_milliseconds:.1f}", f"{row.share_of_floor:.0%}",
        )  # fmt: skip
    Console(width=110).print(table)


if __name__ == "__main__":
    app()
