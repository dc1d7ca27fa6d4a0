"""How many pictures a second does one device paint for how many hosts, paste included, and what limits it?

    python benchmarks/fps_per_gpu.py --device cuda [--hosts 1 --hosts 8 --hosts 32 --hosts 128 --hosts 300]
        [--sizes 128 --sizes 256] [--backends grouped --backends products --backends each --backends onnx]
        [--seconds 5] [--json fps_per_gpu.json]

Every host is another person with a picture in every round, as a studio full of shows has every 40 ms: patches of I420
lie in memory as shows hand them in, and are painted there. A round is over when all hosts have their picture; its
time is the step. Backends: the engine's PyTorch backend in each of its ways (the whole step on the card), ``onnx`` and
``tensorrt`` (a session a person, the rest of the step on processors). Sockets are not in it: see `engine_shows.py`.

Roofline: the floor of a picture is the larger of its operations over the arithmetic ceiling and the bytes it must move
over the memory ceiling; both ceilings are measured in the same run, in the type that is computed in. Operations and
bytes are those of the painter alone, so that cutting, drawing and pasting count against the share.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import onnxruntime as ort
import psutil
import render_fps
import torch
import typer
from rich.console import Console
from rich.table import Table

from avatar_engine import device as devices
from avatar_engine.engine import start
from avatar_engine.engine.backend import Backend, Job
from avatar_engine.engine.painting import WAYS
from avatar_engine.engine.torch_backend import KINDS, TorchBackend
from avatar_engine.errors import AvatarError

app = typer.Typer(add_completion=False)
console = Console(width=132)

BUDGET = 1 / 25
"""Seconds in which every host wants a picture."""

LEAST = 5
"""Rounds at least, however long they take."""


@dataclass(frozen=True)
class Row:
    """One line of the table; milliseconds are of a round, in which every host has a picture."""

    backend: str
    size: int
    hosts: int
    fps: float
    p50: float
    p99: float
    live: bool
    roofline: float
    megabytes_a_host: float
    watts: float | None


@dataclass(frozen=True)
class Ceilings:
    """What the device can do at all, measured here: operations and bytes a second."""

    flops: float
    bandwidth: float


@app.command()
def main(
    device: Annotated[str, typer.Option()] = "auto",
    hosts: Annotated[list[int], typer.Option()] = [1, 8, 32, 128, 300],  # noqa: B006 - typer copies it
    sizes: Annotated[list[int], typer.Option()] = [128, 256],  # noqa: B006
    backends: Annotated[list[str], typer.Option()] = ["grouped", "products", "each", "onnx"],  # noqa: B006
    kind: Annotated[str, typer.Option("--precision", help="auto, fp16, bf16 or fp32")] = "auto",
    most: Annotated[int, typer.Option("--batch", help="pictures in one batch at most")] = 128,
    threads: Annotated[int | None, typer.Option(help="of sessions; one a core")] = None,
    seconds: Annotated[float, typer.Option(help="measure each line at least this long")] = 5.0,
    output: Annotated[Path | None, typer.Option("--json")] = None,
) -> None:
    """Measure the render engine's backends on a device."""
    chosen = devices.choose(device)
    if chosen.kind == "cpu":
        torch.set_num_threads(1)  # pictures side by side, as the engine has them on processors
    rows: list[Row] = []
    for name in backends:
        for size in sizes:
            try:
                rows += _measure(name, size, sorted(hosts), chosen, kind, most, threads, seconds)
            except (AvatarError, RuntimeError) as error:  # of a card without memory for so many, perhaps
                console.print(f"{name}, crop {size}: {str(error)[:200]}", highlight=False)
    facts = {
        "device": chosen.name, "kind": chosen.kind, "cores": chosen.cores, "torch": torch.__version__,
        "onnxruntime": ort.__version__, "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "ceilings": {name: asdict(found) for name, found in _CEILINGS.items()},
    }  # fmt: skip
    show(facts, rows)
    if output:
        output.write_text(json.dumps(facts | {"rows": [asdict(row) for row in rows]}, indent=1))


def _measure(
    name: str, size: int, hosts: list[int], device: devices.Device, kind: str, most: int, threads: int | None,
    seconds: float,
) -> list[Row]:  # fmt: skip
    """One backend at one size, with more hosts from line to line."""
    backend: Backend
    if name in WAYS:
        backend = TorchBackend(device, name, kind, most)
        torch_kind = backend.kind
    else:
        backend, torch_kind = start.backend(device, name, threads), "fp32"
    model, place = render_fps.person(size), _place(size)
    floor = _floor(size, _ceilings(device, torch_kind, backend.lanes, seconds), torch_kind)
    before = _memory(device)
    jobs: list[Job] = []
    rows: list[Row] = []
    for count in hosts:
        for number in range(len(jobs), count):
            backend.load(
                str(number), model
            )  # equal weights cost as much as others: each has a row, or a session
            jobs.append(_job(backend, str(number), *place, size, number, len(model.neutral)))
        taken = (_memory(device) - before) / count / 1e6
        with Watts(device) as watts:
            times = _rounds(backend, jobs, seconds)
        p50, p99 = (float(np.percentile(times, share)) for share in (50, 99))
        fps = count / float(np.mean(times))
        rows.append(
            Row(name, size, count, fps, 1e3 * p50, 1e3 * p99, p99 <= BUDGET, floor * fps, taken, watts.mean)
        )
        console.print(
            f"{name}, crop {size}, {count} hosts: {fps:.0f} fps, P99 {1e3 * p99:.1f} ms", highlight=False
        )
    return rows


def _place(size: int) -> tuple[int, int]:
    """Width and height of patches of a crop at its own resolution."""
    side = -(-int((size + 8) * 1.08) // 64) * 64
    return side, side


def _job(backend: Backend, person: str, width: int, height: int, size: int, seed: int, codes: int) -> Job:
    random = np.random.default_rng(seed)
    patch = random.integers(16, 235, (height * 3 // 2, width)).astype(np.uint8)
    shift = (size - width) / 2
    matrix = np.array([[0.999, 0.02, shift - 2.3], [-0.02, 0.999, shift + 3.1]])
    mouth = random.normal(0, 1, codes).astype(np.float32)
    return Job(backend.seat(person, width, height), patch, matrix, mouth)


def _rounds(backend: Backend, jobs: list[Job], seconds: float) -> list[float]:
    """Seconds of every round."""
    batches = [jobs[i : i + backend.most] for i in range(0, len(jobs), backend.most)]
    free: list[int] = list(range(backend.lanes))
    lock = threading.Lock()

    def paint(batch: list[Job]) -> None:
        with lock:
            lane = free.pop()
        try:
            backend.paint(lane, batch)
        finally:
            free.append(lane)

    with ThreadPoolExecutor(backend.lanes) as lanes:
        times: list[float] = []
        began = time.perf_counter()
        while time.perf_counter() - began < seconds or len(times) < LEAST + 1:
            at = time.perf_counter()
            list(lanes.map(paint, batches))
            times.append(time.perf_counter() - at)
    return times[1:]


_CEILINGS: dict[str, Ceilings] = {}


def _ceilings(device: devices.Device, kind: str, lanes: int, seconds: float) -> Ceilings:
    """The best matrix product and the fastest copy of PyTorch here, in the type and on the threads that are used."""
    card = devices.torch_device(device)
    name = kind if card == "cuda" else f"{kind} x {lanes}"
    if name not in _CEILINGS:
        before = torch.get_num_threads()
        torch.set_num_threads(lanes if card == "cpu" else before)
        side = 8192 if card == "cuda" else 1024
        a, b = (torch.rand(side, side, dtype=KINDS[kind], device=card) for _ in range(2))
        spent = _fastest(lambda: a @ b, card, seconds)
        source = torch.ones(1 << (30 if card == "cuda" else 27), dtype=torch.uint8, device=card)
        target = torch.empty_like(source)
        copied = _fastest(lambda: target.copy_(source), card, seconds)
        torch.set_num_threads(before)
        _CEILINGS[name] = Ceilings(2.0 * side**3 / spent, 2.0 * source.numel() / copied)
    return _CEILINGS[name]


def _fastest(work: Callable[[], object], card: str, seconds: float) -> float:
    times: list[float] = []
    began = time.perf_counter()
    while time.perf_counter() - began < min(seconds, 2.0) or len(times) < LEAST:
        at = time.perf_counter()
        work()
        if card == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - at)
    return min(times[1:])


def _floor(size: int, ceilings: Ceilings, kind: str) -> float:
    """Seconds that a picture takes at least; its own person's weights are read for it alone."""
    operations, traffic = render_fps.count(render_fps.painter(size), size, 1)
    return max(operations / ceilings.flops, traffic * KINDS[kind].itemsize / 4 / ceilings.bandwidth)


def _memory(device: devices.Device) -> float:
    """Bytes in use: of the card by PyTorch, or of this process."""
    if devices.torch_device(device) == "cuda":
        free, whole = torch.cuda.mem_get_info()
        return float(whole - free)
    return float(psutil.Process().memory_info().rss)


class Watts:
    """Mean power of the card while it is entered, where NVML tells.

    Attributes:
        mean: Watts; None where nobody knows.
    """

    def __init__(self, device: devices.Device) -> None:
        self.mean: float | None = None
        self._found: list[float] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True) if device.kind == "cuda" else None

    def __enter__(self) -> Watts:
        if self._thread:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        if self._thread:
            self._thread.join()
        self.mean = float(np.mean(self._found)) if self._found else None

    def _watch(self) -> None:
        import pynvml

        try:
            pynvml.nvmlInit()
            card = pynvml.nvmlDeviceGetHandleByIndex(
                torch.cuda.current_device() if torch.cuda.is_available() else 0
            )
            while not self._end.wait(0.1):
                self._found.append(pynvml.nvmlDeviceGetPowerUsage(card) / 1e3)
        except pynvml.NVMLError:
            return


def show(facts: dict[str, Any], rows: list[Row]) -> None:
    """Print the table."""
    ceilings = ", ".join(
        f"{kind}: {found['flops'] / 1e12:.2f} TFLOP/s, {found['bandwidth'] / 1e9:.0f} GB/s"
        for kind, found in facts["ceilings"].items()
    )
    table = Table(
        "backend", "crop", "hosts", "fps", "round P50 ms", "P99 ms", "live at 25 fps", "of roofline", "MB a host",
        "watts",
        title=f"{facts['device']}, torch {facts['torch']}, ONNX Runtime {facts['onnxruntime']}, {facts['date']}",
        caption=f"ceilings {ceilings}",
    )  # fmt: skip
    for row in rows:
        table.add_row(
            row.backend, f"{row.size}", f"{row.hosts}", f"{row.fps:.0f}", f"{row.p50:.1f}", f"{row.p99:.1f}",
            "yes" if row.live else "no", f"{row.roofline:.0%}", f"{row.megabytes_a_host:.1f}",
            "-" if row.watts is None else f"{row.watts:.0f}",
        )  # fmt: skip
    console.print(table)


if __name__ == "__main__":
    app()
