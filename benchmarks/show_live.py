"""How long does a viewer wait, from the comment to the first spoken sample of the answer?

    python benchmarks/show_live.py marie.avatar --minutes 5 --write docs/measurements-show.md

A hosted show of a clone runs in real time into a file, in one long gap for the chat. Questions come one after the
other at random moments of silence; each is counted from the frame on air when it came to the frame in which the
recording's sound begins to speak again.
"""

from __future__ import annotations

import json
import random
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import document
import numpy as np
import typer
from chat_made import DATA
from rich.console import Console

from avatar_engine.contracts import SAMPLE_RATE, SAMPLES_PER_FRAME
from avatar_engine.device import cpu_name, usable_cores
from avatar_engine.live import studio
from avatar_engine.live.hosted import Hosting
from avatar_engine.live.show import ShowStatus, run
from avatar_engine.media.read import sound
from avatar_engine.show.chat.message import Message
from avatar_engine.show.journal import Journal
from avatar_engine.show.producer import Studio
from avatar_engine.show.script import Script

BEGIN, END = "<!-- comment to speech: written by benchmarks/show_live.py -->", "<!-- /comment to speech -->"
LOUD = 0.01
"""Root mean square of a frame in which somebody speaks."""
QUIET = 25
"""Frames of silence after which the next question comes, at the earliest."""

SCRIPT = """---
language: en
catalogue: shop.json
chat: [replay:none.jsonl]
notice: once
---
# The mug {product=mug}

Ask me whatever you like.

<!-- chat 1h -->
"""


class Viewers:
    """Ask one question after the other, in silence, until the time is over."""

    def __init__(self, seconds: float) -> None:
        self.asked: list[float] = []
        self.taken: list[float] = []
        self.stop = threading.Event()
        self._seconds = seconds
        self._speaking, self._quiet = True, 0.0
        self._clock: Callable[[], float] = lambda: 0.0
        self._inbox: Any = None

    def furnish(self, script: Script, file: Path, journal: Journal, clock: Callable[[], float]) -> Studio:
        """The studio of the show, whose inbox is theirs."""
        room = studio.furnished(script, file, journal, clock)
        self._inbox, self._clock = room.chat, clock
        threading.Thread(target=self._ask, daemon=True).start()
        return replace(room, journal=self._told)

    def _told(self, entry: Any) -> None:
        """What was asked a while ago in other words is not answered again: only what is taken up counts."""
        if entry["event"] == "ask" and self.asked and entry["at"] - self.asked[-1] < 2.0:
            self.taken.append(self.asked[-1])

    def status(self, status: ShowStatus) -> None:
        """Takes the show's status."""
        if status.speaking or not status.frames:
            self._quiet = time.monotonic() + 1.5
        if status.on_air > self._seconds:
            self.stop.set()

    def _ask(self) -> None:
        chance = random.Random(1)
        questions = [text for texts in DATA["questions"].values() for text in texts if text.isascii()]
        chance.shuffle(questions)
        for number, text in enumerate(questions):
            time.sleep(1.0)
            while time.monotonic() < self._quiet or self._clock() < 12:
                time.sleep(0.02)
            time.sleep(chance.uniform(0, 1.0))
            self.asked.append(self._clock())
            self._inbox.put(Message("made", str(number), f"Viewer {'ABCDEFGHIJKLMNOP'[number % 16]}nn", text))
            self._quiet = time.monotonic() + 4.0


def waits(record: Path, asked: list[float]) -> list[float]:
    """Seconds from each question to the first frame of speech after it; of those that were asked in silence."""
    samples = sound(record)
    frames = samples[: len(samples) // SAMPLES_PER_FRAME * SAMPLES_PER_FRAME].reshape(-1, SAMPLES_PER_FRAME)
    loud = np.sqrt(np.square(frames, dtype=np.float64).mean(1)) > LOUD
    found = []
    for at in asked:
        begin = round(at * SAMPLE_RATE / SAMPLES_PER_FRAME)
        if loud[max(0, begin - QUIET // 2) : begin + 2].any():
            continue
        after = np.flatnonzero(loud[begin : begin + 250])
        if len(after):
            found.append(float(after[0]) * SAMPLES_PER_FRAME / SAMPLE_RATE)
    return found


def main(
    avatar: Annotated[Path, typer.Argument(help="A clone.")],
    minutes: Annotated[float, typer.Option(min=0.5, help="Minutes of the show.")] = 5.0,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    write: Annotated[Path | None, typer.Option(help="Put the figures into this document.")] = None,
) -> None:
    """Measure from comment to speech, in a show on air."""
    viewers = Viewers(60 * minutes)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "shop.json").write_text(json.dumps(DATA["catalogue"]), encoding="utf-8")
        (home / "none.jsonl").write_text("")
        (home / "show.md").write_text(SCRIPT, encoding="utf-8")
        last = run(
            avatar, home / "show.md", [str(home / "record.mp4")], size=(640, 360),
            hosting=Hosting(viewers.furnish), on_status=viewers.status, stop=viewers.stop,
        )  # fmt: skip
        found = waits(home / "record.mp4", viewers.taken)
    made = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": f"{cpu_name()}, {usable_cores()} cores",
        "questions": len(viewers.asked), "heard": len(found), "median": float(np.median(found or [0.0])),
        "p95": float(np.quantile(found or [0.0], 0.95)), "longest": max(found, default=0.0),
        "filled": last.filled, "checks": asdict(last.checks), "waits": found,
    }  # fmt: skip
    Console().print_json(json.dumps(made, default=str))
    if json_file:
        json_file.write_text(json.dumps(made, indent=1, default=str), encoding="utf-8")
    if write:
        told = (
            f"{made['date']}; {made['machine']}. {made['heard']} questions (of {made['questions']}; the others had "
            f"been answered in other words), asked in silence: median {made['median']:.2f} s, P95 {made['p95']:.2f} s, "
            f"longest {made['longest']:.2f} s (goal: median 1.5 s)."
        )
        document.put(write, BEGIN, END, told)


if __name__ == "__main__":
    typer.run(main)
