"""What does a frame cost before another background?

    python benchmarks/background.py --write docs/measurements-stage.md

A drawn presenter whose matte is known; CPU time of the thread that makes pictures, OpenCV held to it, the label on
every picture.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Annotated

import cv2
import document
import numpy as np
import typer

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))

from portrait.figure import Face, Painter

from avatar_engine.bundle import Bundle, BundleWriter
from avatar_engine.contracts import ByteArray, Scene
from avatar_engine.device import cpu_name, usable_cores
from avatar_engine.media.write import VideoWriter
from avatar_engine.stage import cutout
from avatar_engine.stage.background import KEEP, Backcloth
from avatar_engine.stage.compose import Stage
from avatar_engine.stage.label import Label

BEGIN, END = "<!-- background: written by benchmarks/background.py -->", "<!-- /background -->"
FRAMES = 100


@cache
def presenter(size: tuple[int, int]) -> tuple[ByteArray, ByteArray]:
    """A drawn body, I420, and its alpha."""
    painter, seen = Painter(*size), []
    painter.grain = [np.full_like(painter.grain[0], 16)]
    for tone in (0, 255):
        painter.studio = np.full_like(painter.studio, tone)
        seen.append(painter.draw(Face()).astype(np.float32))
    alpha = np.clip(255 - (seen[1] - seen[0]).mean(2), 0, 255)
    picture = cv2.cvtColor(seen[0].astype(np.uint8), cv2.COLOR_RGB2YUV_I420)
    return np.asarray(picture, np.uint8), np.rint(alpha).astype(np.uint8)


def clone(folder: Path) -> Bundle:
    """A bundle that has what a backcloth looks at."""
    plate = folder / "plate.png"
    cv2.imwrite(str(plate), np.full((720, 1280, 3), 150, np.uint8))
    film = folder / "cutout.mp4"
    with VideoWriter(film, 64, 128, sound=False) as writer:
        writer.picture(np.full((192, 64), 128, np.uint8))
    with BundleWriter(folder / "a.avatar", "drawn", {}, {}) as bundle:
        cutout.Cutout(film, plate, {"light": [140.0, 128.0, 128.0], "of": []}).save(bundle)
    return Bundle.open(folder / "a.avatar")


def backgrounds(folder: Path, show: tuple[int, int]) -> dict[str, str]:
    """What is put behind, by its name in the table."""
    y, x = np.mgrid[: show[1], : show[0]]
    picture = np.stack([(x // 8) % 256, (y // 4) % 256, (x + y) // 12 % 256], -1).astype(np.uint8)
    cv2.imwrite(str(folder / "p.png"), picture)
    with VideoWriter(folder / "v.mp4", *show, sound=False, crf=20) as writer:
        for shift in range(12):
            writer.picture(np.roll(picture, 8 * shift, 1), "bgr24")
    return {
        "as filmed": KEEP,
        "a colour": "#203040",
        "a picture": str(folder / "p.png"),
        "a video": str(folder / "v.mp4"),
        "blur": "blur",
    }


def row(bundle: Bundle, body: tuple[int, int], show: tuple[int, int], name: str, what: str) -> list[float]:
    """Milliseconds of CPU a frame: median, P99."""
    picture, alpha = presenter(body)
    cloth = Backcloth(show, bundle)
    cloth.want(what)
    stage = Stage(show, Label("en", "top-right", show), backcloth=cloth)
    stage.settle()
    spent = []
    for index in range(FRAMES):
        stage.show(Scene(), index)
        began = time.thread_time_ns()
        stage.compose(picture, alpha if stage.cut_out else None)
        spent.append((time.thread_time_ns() - began) / 1e6)
        time.sleep(0.01 if name == "a video" else 0)
    stage.close()
    return [float(np.median(spent[5:])), float(np.percentile(spent[5:], 99))]


def main(
    write: Annotated[Path | None, typer.Option(help="Put the table into this document.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the figures to this JSON file.")] = None,
) -> None:
    """Measure what a background costs."""
    cv2.setNumThreads(1)
    found = {}
    lines = ["| body | show | before | ms a frame, median | P99 |", "|---|---|---|---|---|"]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        bundle = clone(folder)
        for body, show in (
            ((1280, 720), (1280, 720)),
            ((1280, 720), (1920, 1080)),
            ((1920, 1080), (1920, 1080)),
        ):
            for name, what in backgrounds(folder, show).items():
                median, most = found[f"{body} {show} {name}"] = row(bundle, body, show, name, what)
                sizes = " | ".join(f"{width}x{height}" for width, height in (body, show))
                lines.append(f"| {sizes} | {name} | {median:.2f} | {most:.2f} |")
    when = datetime.now(UTC).date().isoformat()
    text = "\n".join(
        [*lines, "", f"The whole stage, label with it. {cpu_name()}, {usable_cores()} cores, {when}."]
    )
    print(text)
    if out:
        out.write_text(json.dumps({"date": when, "cpu": cpu_name(), "ms": found}, indent=1))
    if write:
        document.put(write, BEGIN, END, text)


if __name__ == "__main__":
    typer.run(main)
