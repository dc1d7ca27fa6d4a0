"""What does a product's card on the picture cost a frame, and how long does it take to draw one?

    python benchmarks/card.py --write docs/measurements-show.md

Measured in CPU time of one thread, OpenCV held to it, so that a busy machine changes little; the drawing in CPU time
of the whole process.
"""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import cv2
import document
import numpy as np
import typer
from PIL import Image

from avatar_engine.contracts import Card
from avatar_engine.device import cpu_name, usable_cores
from avatar_engine.media.picture import blank
from avatar_engine.stage.card import Draughtsman, Look
from avatar_engine.stage.label import Label
from avatar_engine.stage.overlay import STEPS, Overlay

BEGIN, END = "<!-- card: written by benchmarks/card.py -->", "<!-- /card -->"
SIZES = ((1280, 720), (1920, 1080), (1080, 1920), (1080, 1080))
FRAMES, TIMES = 500, 10


def card(picture: Path) -> Card:
    """One with everything on it."""
    return Card("m", "Insulated steel mug with a lid", "€12.50", "€19", "€6.50", 3, picture=str(picture))


def row(size: tuple[int, int], shown: Card) -> str:
    """The figures of one size as a line of a table."""
    overlay = Overlay.of(Look(), size, Label("en", "top-right", size).box, None, patient=True)
    picture = blank(*size)
    overlay.show(shown)
    moving, still = [], []
    for frame in range(FRAMES):
        if frame % 50 == 0:
            overlay.show(None if frame % 100 else shown)
        began = time.thread_time_ns()
        overlay.draw(picture)
        spent = (time.thread_time_ns() - began) / 1e6
        if frame % 50 < STEPS:
            moving.append(spent)
        elif frame % 100 < 50:
            still.append(spent)
    overlay.close()
    drawer, drawn = Draughtsman(Look(), size), []
    for _ in range(TIMES):
        began = time.process_time_ns()
        drawer.draw(shown)
        drawn.append((time.process_time_ns() - began) / 1e6)
    times = [np.median(still), np.percentile(still, 99), np.median(moving), np.percentile(moving, 99)]
    figures = " | ".join(f"{each:.2f}" for each in times)
    wide, tall = drawer.size
    return f"| {size[0]}x{size[1]} | {wide}x{tall} | {figures} | {np.median(drawn):.0f} |"


def main(
    write: Annotated[Path | None, typer.Option(help="Put the figures into this page, too.")] = None,
) -> None:
    """Measure, print, and write down."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "mug.jpg"
        noise = np.random.default_rng(1).integers(0, 255, (90, 120, 3), np.uint8)
        Image.fromarray(noise).resize((1600, 1200)).save(picture)
        rows = [row(size, card(picture)) for size in SIZES]
    told = "\n".join(
        [
            f"{datetime.now(UTC):%Y-%m-%d}; {cpu_name()}, {usable_cores()} cores.",
            "",
            "| picture | card | ms a frame | P99 | ms while it comes or goes | P99 | ms to draw it, once |",
            "|---|---|---|---|---|---|---|",
            *rows,
        ]
    )
    print(told)
    if write:
        document.put(write, BEGIN, END, told)


if __name__ == "__main__":
    typer.run(main)
