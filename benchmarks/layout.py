"""What does everything on the picture cost a frame, and does drawing it hold a frame up?

    python benchmarks/layout.py --write docs/measurements-stage.md

CPU time of the thread that makes pictures, OpenCV held to it, so that a busy machine changes little: what an element
costs while it stands and while it comes, and what the whole stage does with everything on. For the drawing: how long
a thread that only looks at the clock was kept from it, with the drawing in a process of its own and, for comparison, in
the renderer's.
"""

from __future__ import annotations

import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import cv2
import document
import numpy as np
import resvg_py
import typer
from PIL import Image

from avatar_engine.contracts import BARE, ByteArray, Card, Comment, Scene
from avatar_engine.device import cpu_name, usable_cores
from avatar_engine.media.picture import blank, planes
from avatar_engine.media.write import VideoWriter
from avatar_engine.stage import layout_file
from avatar_engine.stage.card import Draughtsman, Look
from avatar_engine.stage.compose import DISSOLVE, Stage
from avatar_engine.stage.label import Label
from avatar_engine.stage.pen import Pen

BEGIN, END = "<!-- layout: written by benchmarks/layout.py -->", "<!-- /layout -->"
SIZE, FACE = (1920, 1080), (772.0, 135.0, 375.0, 495.0)
FRAMES = 300
ELEMENTS = {
    "product's card": 'kind = "card"',
    "logo": 'kind = "logo"\nfile = "logo.png"\nat = "top-left"',
    "lower third": 'kind = "lower-third"\nname = "June Park"\ntitle = "Your host tonight"\noffset = [4.5, 30]',
    "text": 'kind = "text"\ntext = "Free delivery until midnight, {price}"\nat = "top"',
    "QR code": 'kind = "qr"\ntext = "{link}"\nat = "right"',
    "countdown": 'kind = "countdown"\nto = "offer"\nat = "left"',
    "line of the chat": 'kind = "chat"\nat = "bottom-right"',
    "video, 30 % wide": 'kind = "video"\nfile = "clip.mp4"\nat = "top-left"\noffset = [4.5, 15]',
}


def scene(folder: Path) -> Scene:
    """One with everything on."""
    card = Card(
        "m", "Insulated steel mug with a lid", "€12.50", "€19", "€6.50", 3, picture=str(folder / "mug.jpg"),
        link="https://shop.example/products/mug", ends=4600.0,
    )  # fmt: skip
    return Scene(
        card, Comment("Maria", "Does it keep tea hot for a whole day, and is it safe?"), began=1000.0
    )


def furnish(folder: Path) -> None:
    """Make the files that the elements name."""
    noise = np.random.default_rng(1).integers(0, 255, (90, 120, 3), np.uint8)
    Image.fromarray(noise).resize((1600, 1200)).save(folder / "mug.jpg")
    Image.new("RGBA", (400, 160), (200, 20, 50, 255)).save(folder / "logo.png")
    with VideoWriter(folder / "clip.mp4", 640, 360, sound=False) as writer:
        for index in range(50):
            picture = blank(640, 360)
            planes(picture)[0][:] = 40 + 3 * index
            writer.picture(picture)


def played(folder: Path, text: str, body: ByteArray) -> tuple[list[float], list[float], list[float]]:
    """Milliseconds a frame: nothing on it, while it comes or goes, while it stands."""
    (folder / "l.toml").write_text(text, encoding="utf-8")
    label = Label("en", "top-right", SIZE, True)
    stage = Stage(SIZE, label, layout_file.load("l.toml", folder), Look(), FACE, "en", patient=True)
    stage.compose(body)
    shown, times = scene(folder), []
    for index in range(FRAMES):
        stage.show(shown if index >= 20 else BARE, index)
        began = time.thread_time_ns()
        stage.compose(body)
        times.append((time.thread_time_ns() - began) / 1e6)
    stage.close()
    return times[2:20], times[20:28], times[40:]


def swapped(folder: Path, body: ByteArray) -> list[float]:
    """Milliseconds a frame while one layout becomes another, with everything on."""
    whole = "\n".join(f"[[element]]\n{one}" for one in ELEMENTS.values())
    (folder / "a.toml").write_text(whole, encoding="utf-8")
    (folder / "b.toml").write_text(
        'background = "#102030"\n[presenter]\nscale = 0.7\n' + whole, encoding="utf-8"
    )
    label = Label("en", "top-right", SIZE, True)
    stage = Stage(SIZE, label, layout_file.load("a.toml", folder), Look(), FACE, "en", patient=True)
    stage.compose(body)
    times = []
    for index in range(200):
        there = str(folder / "b.toml") if index // 50 % 2 else ""
        one = scene(folder)
        stage.show(Scene(one.card, one.comment, there, began=one.began), index)
        began = time.thread_time_ns()
        stage.compose(body)
        if index >= 50 and index % 50 < DISSOLVE:
            times.append((time.thread_time_ns() - began) / 1e6)
    stage.close()
    return times


def held_up(pen: bool, card: Card) -> tuple[float, float]:
    """The longest that a thread which sleeps half a millisecond at a time was away, in ms: while ten cards are drawn,
    and its median over them; drawn by `Pen`, or in this process."""
    worst, over = list[float](), threading.Event()
    drawer = Draughtsman(Look(), SIZE, Pen() if pen else _Here())
    drawer.draw(card)

    def look() -> None:
        last = time.perf_counter()
        while not over.is_set():
            time.sleep(0.0005)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    gaps = list[float]()
    thread = threading.Thread(target=look)
    thread.start()
    for _ in range(10):
        gaps.clear()
        drawer.draw(card)
        worst.append(1e3 * max(gaps, default=0.0))
    over.set()
    thread.join()
    return max(worst), float(np.median(worst))


class _Here(Pen):
    """Draws in this very process, as it was before."""

    def _asked(self, order: bytes) -> tuple[bool, bytes]:
        import json

        return True, bytes(resvg_py.svg_to_bytes(skip_system_fonts=True, **json.loads(order)))


def main(
    write: Annotated[Path | None, typer.Option(help="Put the figures into this page, too.")] = None,
) -> None:
    """Measure, print, and write down."""
    cv2.setNumThreads(1)
    bodies = {"1920x1080": blank(1920, 1080), "1280x720": blank(1280, 720)}
    for one in bodies.values():
        planes(one)[0][:] = np.random.default_rng(2).integers(60, 180, planes(one)[0].shape, np.uint8)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        furnish(folder)
        body = bodies["1920x1080"]
        for what, text in ELEMENTS.items():
            idle, coming, still = played(folder, f"[[element]]\n{text}", body)
            bare = float(np.median(idle))
            rows.append(f"| {what} | {np.median(still) - bare:.2f} | {np.median(coming) - bare:.2f} |")
        whole = "\n".join(f"[[element]]\n{one}" for one in ELEMENTS.values())
        for what, one in bodies.items():
            for title, text in ((f"nothing, body {what}", ""), (f"everything, body {what}", whole)):
                _, coming, still = played(folder, text, one)
                figures = [np.median(still), np.percentile(still, 99), np.median(coming), max(coming)]
                rows.append(f"| {title} | " + " | ".join(f"{each:.2f}" for each in figures) + " |")
        turned = swapped(folder, bodies["1280x720"])
        there, here = (
            held_up(True, scene(folder).card or Card("", "", "")),
            held_up(False, scene(folder).card or Card("", "", "")),
        )
    told = "\n".join(
        [
            f"{datetime.now(UTC):%Y-%m-%d}; {cpu_name()}, {usable_cores()} cores; pictures of {SIZE[0]}x{SIZE[1]}.",
            "",
            "| element, more than without it | ms a frame | ms while it comes |",
            "|---|---|---|",
            *rows[: len(ELEMENTS)],
            "",
            "| framing, elements, label | ms a frame, median | P99 | while all of it comes, median | most |",
            "|---|---|---|---|---|",
            *rows[len(ELEMENTS) :],
            "",
            f"While one layout becomes another with everything on, body 1280x720: {np.median(turned):.2f} ms, "
            f"{max(turned):.2f} at most.",
            "",
            f"A thread that asks for half a millisecond of sleep, while a card is drawn: away for {there[1]:.0f} ms "
            f"(median of ten cards; {there[0]:.0f} at most) with the drawing in its own process, {here[1]:.0f} "
            f"({here[0]:.0f}) with it in the renderer's.",
        ]
    )
    print(told)
    if write:
        document.put(write, BEGIN, END, told)


if __name__ == "__main__":
    typer.run(main)
