"""What does a picture cost a show when the render engine paints it, alone and with others?

    python benchmarks/engine_shows.py [--sizes 128 --sizes 256] [--shows 1 --shows 2 --shows 3 --shows 4] [--seconds 15]

A render engine in a process of its own, and a driver that is N shows: each asks for a picture every 40 ms, when it is
due by the clock and not before, at an evenly spread phase; every show is another person. Step: the work on one picture
in the engine. Answer: from a show's copying its patch in to its having copied it back. Late: answers after more than
40 ms. Way there: answer less step less waiting for others, the median; it is what the sockets and copies cost beside
the same renderer in the show's own process, whose step is measured in the same run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import psutil
import typer
from render_fps import person
from rich.console import Console
from rich.table import Table

from avatar_engine import device as devices
from avatar_engine import inference
from avatar_engine.bundle import Bundle, BundleWriter
from avatar_engine.contracts import FRAME_RATE, ByteArray, FloatArray
from avatar_engine.engine import client, patch, wire
from avatar_engine.engine.client import LateError, Link
from avatar_engine.engine.parts import parts
from avatar_engine.engine.wire import Hello
from avatar_engine.lips.render import Renderer

app = typer.Typer(add_completion=False)

WARM = FRAME_RATE
"""Pictures of each show that are not counted."""


@dataclass(frozen=True)
class Row:
    """One line of the table; milliseconds."""

    size: int
    shows: int
    step_p50: float
    step_p99: float
    answer_p50: float
    answer_p99: float
    way_p50: float
    late: int
    pictures: int
    by_alone: float
    cores: float


@app.command()
def main(
    sizes: Annotated[list[int], typer.Option()] = [128, 256],  # noqa: B006 - typer copies it
    shows: Annotated[list[int], typer.Option()] = [1, 2, 3, 4],  # noqa: B006
    seconds: Annotated[float, typer.Option(help="on air, for each line")] = 15.0,
    threads: Annotated[int | None, typer.Option(help="of the engine")] = None,
    device: Annotated[str, typer.Option()] = "cpu",
    output: Annotated[Path | None, typer.Option("--json")] = None,
) -> None:
    """Measure shows of one machine."""
    cv2.setNumThreads(1)
    client.LIMIT = 1.0  # what is late is measured, and not painted elsewhere
    rows: list[Row] = []
    alone: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["AVATAR_ENGINE_HOME"] = folder
        os.environ.pop("XDG_RUNTIME_DIR", None)
        for size in sizes:
            bundles = [_bundle(Path(folder), size, number) for number in range(max(shows))]
            alone[size] = _in_process(bundles[0])
            for count in shows:
                rows.append(_measure(size, bundles[:count], seconds, threads, device, rows))
    chosen = devices.choose(device)
    facts = {
        "device": chosen.name, "cores": devices.usable_cores(), "engine": inference.computes(chosen),
        "date": datetime.now(UTC).isoformat(timespec="seconds"), "in_process_step_ms": alone,
    }  # fmt: skip
    _show(facts, rows)
    if output:
        output.write_text(json.dumps(facts | {"rows": [asdict(row) for row in rows]}, indent=1))


def _bundle(folder: Path, size: int, number: int) -> Bundle:
    """A person, another one for every number."""
    path = folder / f"{size}-{number}.avatar"
    with BundleWriter(path, f"Host {number}", {}, {}) as writer:
        person(size, number).save(writer)
    return Bundle.open(path)


def picture() -> ByteArray:
    return np.random.default_rng(0).integers(16, 235, (720 * 3 // 2, 1280)).astype(np.uint8)


def turned(size: int) -> FloatArray:
    """A crop of its own resolution in the middle of 720 lines, turned a little."""
    return np.array([[0.999, 0.02, size / 2 - 640.3], [-0.02, 0.999, size / 2 - 347.1]], np.float32)


def _in_process(bundle: Bundle) -> float:
    """Milliseconds of the same renderer in the show's own process, the median."""
    from avatar_engine.lips.model import LipsModel

    model = LipsModel.load(bundle)
    renderer, canvas, spent = Renderer(model, devices.choose("cpu"), 1), picture(), []
    for _ in range(60):
        began = time.perf_counter()
        renderer.paint(canvas, turned(model.size), model.neutral)
        spent.append(time.perf_counter() - began)
    return round(1e3 * float(np.median(spent[10:])), 2)


def _measure(
    size: int, bundles: list[Bundle], seconds: float, threads: int | None, device: str, before: list[Row]
) -> Row:
    command = [sys.executable, "-c", "from avatar_engine.cli.main import main; main()", "engine", "serve"]
    command += ["--device", device, "--no-voices", *(["--threads", str(threads)] if threads else [])]
    engine = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        while wire.connect(1.0) is None:
            time.sleep(0.1)
        driven = [_Show(bundle, size, number, len(bundles), seconds) for number, bundle in enumerate(bundles)]
        process = psutil.Process(engine.pid)
        began, start = sum(process.cpu_times()[:2]), time.monotonic() + 0.5
        threads_ = [threading.Thread(target=show.run, args=(start,)) for show in driven]
        for thread in threads_:
            thread.start()
        for thread in threads_:
            thread.join()
        cores = (sum(process.cpu_times()[:2]) - began) / (time.monotonic() - start)
    finally:
        engine.terminate()
        engine.wait(30)
    found = np.array([one for show in driven for one in show.found])
    if not len(found):
        raise SystemExit("Nothing was painted in time: the machine has no room.")
    answer, step, waited = found.T * 1e3
    p50 = float(np.percentile(step, 50))
    first = next((row.step_p50 for row in before if row.size == size and row.shows == 1), p50)
    return Row(
        size=size, shows=len(bundles), step_p50=p50, step_p99=float(np.percentile(step, 99)),
        answer_p50=float(np.percentile(answer, 50)), answer_p99=float(np.percentile(answer, 99)),
        way_p50=float(np.median(answer - step - waited)),
        late=int((answer > 40).sum()) + sum(show.missed for show in driven), pictures=len(found),
        by_alone=p50 / first, cores=cores,
    )  # fmt: skip


class _Show:
    """One show that is due every 40 ms."""

    def __init__(self, bundle: Bundle, size: int, number: int, of: int, seconds: float) -> None:
        self._picture, self._matrix, self._phase = picture(), turned(size), number / of / FRAME_RATE
        sides = patch.sides(self._matrix, size, self._picture)
        hello = Hello(bundle.name, os.getpid(), str(bundle.path), bundle.look, *parts(bundle), *sides)
        self._link = Link(hello, size)
        random = np.random.default_rng(number)
        self._codes = random.normal(0, 1, (64, 36)).astype(np.float32)
        self._count = round(seconds * FRAME_RATE)
        self.found: list[tuple[float, float, float]] = []
        self.missed = 0

    def run(self, start: float) -> None:
        for frame in range(self._count + WARM):
            due = start + self._phase + frame / FRAME_RATE
            time.sleep(max(0.0, due - time.monotonic()))
            began = time.monotonic()
            try:
                self._link.paint(self._picture, self._matrix, self._codes[frame % len(self._codes)])
            except LateError:
                self.missed += 1
                continue
            if frame >= WARM:
                self.found.append((time.monotonic() - began, self._link.worked, self._link.waited))
        self._link.close()


def _show(facts: dict[str, object], rows: list[Row]) -> None:
    title = f"{facts['device']}, {facts['cores']} cores, {facts['engine']}, {facts['date']}"
    table = Table(
        "crop", "shows", "step P50", "P99", "answer P50", "P99", "way there", "late", "of",
        "step to one's", "cores",
        title=title, caption=f"the same renderer in the show's own process, by crop: {facts['in_process_step_ms']} ms",
    )  # fmt: skip
    for row in rows:
        table.add_row(
            f"{row.size}", f"{row.shows}", f"{row.step_p50:.1f}", f"{row.step_p99:.1f}", f"{row.answer_p50:.1f}",
            f"{row.answer_p99:.1f}", f"{row.way_p50:.2f}", f"{row.late}", f"{row.pictures}", f"{row.by_alone:.2f}",
            f"{row.cores:.2f}",
        )  # fmt: skip
    Console(width=120).print(table)


if __name__ == "__main__":
    app()
