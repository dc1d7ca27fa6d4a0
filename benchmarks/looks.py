"""What does a change of the look cost, at its frame and before, and how much memory does a second look take?

    python benchmarks/looks.py marie.avatar --write docs/measurements-stage.md

The presenter of a show on air, 25 pictures a second as a show asks for them, to and fro between the clone's first two
looks: each is opened beside the pictures, as when a script names it, and put on at a rest of the mouth. Milliseconds
are of CPU of the thread that makes pictures, and by the clock on the wall, which other work on the machine lengthens.
"""

from __future__ import annotations

import gc
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import cv2
import document
import numpy as np
import psutil
import typer

from avatar_engine import device as devices
from avatar_engine.bundle import Bundle
from avatar_engine.contracts import FRAME_RATE, Scene
from avatar_engine.device import cpu_name, usable_cores
from avatar_engine.live import performer as performers
from avatar_engine.live.performer import Performer
from avatar_engine.stage.compose import SOFTLY
from avatar_engine.stage.label import Label

BEGIN, END = "<!-- looks: written by benchmarks/looks.py -->", "<!-- /looks -->"
SIZE = (1280, 720)
STEADY, OPENING = 3 * FRAME_RATE, 6 * FRAME_RATE
"""Pictures between two changes, and those within which a look has to be ready."""


class Run:
    """A presenter, picture by picture at a show's pace, and what each of them took."""

    def __init__(self, bundle: Bundle) -> None:
        self.presenter: Performer[Any] = performers.load(
            bundle, Label("en", "top-right", SIZE), SIZE, devices.choose("cpu")
        )
        self.index, self._due = 0, time.perf_counter()
        self.took: dict[str, list[tuple[float, float]]] = {}

    def frame(self, kind: str, look: str, still: bool) -> None:
        """One picture of a kind, while a look is asked for."""
        presenter, scene = self.presenter, Scene(look=look)
        began, spent = time.perf_counter(), time.thread_time()
        presenter.expect(scene)
        presenter.perform(self.index, presenter.neutral, scene, still)
        took = 1e3 * (time.thread_time() - spent), 1e3 * (time.perf_counter() - began)
        self.took.setdefault(kind, []).append(took)
        self.index += 1
        self._due = max(self._due + 1 / FRAME_RATE, time.perf_counter() - 0.2)
        time.sleep(max(0.0, self._due - time.perf_counter()))

    def change(self, look: str) -> float:
        """Show steady pictures, open a look, put it on; the seconds until it was ready."""
        wardrobe = self.presenter._wardrobe
        assert wardrobe is not None
        for _ in range(STEADY):
            self.frame("steady", wardrobe.worn.name, True)
        asked, ready = time.perf_counter(), 0.0
        for _ in range(OPENING):
            self.frame("while the next look is opened" if not ready else "while it waits", look, False)
            if not ready and wardrobe._next and wardrobe._next[2].done():
                ready = time.perf_counter() - asked
        self.frame("the change itself", look, True)
        if wardrobe.worn.name != look:
            raise typer.BadParameter(f"the look {look} was not ready within {OPENING / FRAME_RATE:.0f} s")
        for _ in range(SOFTLY):
            self.frame("while it goes over", look, True)
        return ready


def memory() -> float:
    """Megabytes that the process holds."""
    gc.collect()
    return float(psutil.Process().memory_info().rss / 1e6)


def main(
    avatar: Annotated[Path, typer.Argument(help="A clone with at least two looks.")],
    times: Annotated[int, typer.Option(help="Changes there and back.")] = 5,
    write: Annotated[Path | None, typer.Option(help="Put the tables into this document.")] = None,
) -> None:
    """Measure changes of the look."""
    cv2.setNumThreads(1)
    bundle = Bundle.open(avatar)
    if len(bundle.looks) < 2:
        raise typer.BadParameter("this clone has one look; add another: avatar-engine look add")
    run = Run(bundle)
    for _ in range(STEADY):
        run.frame("warming up", bundle.look, True)
    held, ready = [memory()], []
    for number in range(2 * times):
        ready.append(run.change(bundle.looks[1 - number % 2]))
        if number == 0:
            held.append(memory())
    held.append(memory())
    run.presenter.close()
    text = _told(run, ready, held)
    print(text)
    if write:
        document.put(write, BEGIN, END, text)


def _told(run: Run, ready: list[float], held: list[float]) -> str:
    lines = [
        "| pictures | count | CPU ms, median | most | ms by the clock, median | P99 | most |",
        "|---" * 7 + "|",
    ]
    for kind, rows in run.took.items():
        if kind == "warming up":
            continue
        cpu, wall = np.array(rows).T
        figures = (np.median(cpu), cpu.max(), np.median(wall), np.percentile(wall, 99), wall.max())
        lines.append(f"| {kind} | {len(rows)} | {' | '.join(f'{figure:.1f}' for figure in figures)} |")
    when, load = datetime.now(UTC).date().isoformat(), psutil.getloadavg()[0]
    mean = partial(np.mean, ready[1:]) if len(ready) > 1 else partial(np.mean, ready)
    return "\n".join([
        *lines, "",
        f"A look is ready {ready[0]:.2f} s after it was asked for the first time, and {mean():.2f} s in the mean when "
        f"it is asked for again. The process holds {held[0]:.0f} MB with one look, {held[1]:.0f} MB once a second one "
        f"was put on, and {held[2]:.0f} MB after {len(ready)} changes. {SIZE[0]}x{SIZE[1]}, {cpu_name()}, "
        f"{usable_cores()} cores with a load of {load:.0f}, {when}.",
    ])  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
