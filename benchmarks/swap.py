"""Another background while the show is on air: does the receiver see it, and does a picture come late for it?

    python benchmarks/swap.py marie.avatar --json swap.json --sheet swap.png --write docs/measurements-stage.md

`avatar-engine live` runs a talking show into nginx with its RTMP module on this machine, and a technician's orders
(`avatar-engine control … background`) change what is behind the presenter: colours, a picture, a blur, the room itself.
What nginx recorded is looked at, a corner of every picture: when each ground is there whole, and over how many pictures
it came. The recording's times tell of pictures that are missing or late, the show's own status of pictures that its
broadcast did without. The clone needs its matte (`avatar-engine matte`).
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import cv2
import document
import numpy as np
import numpy.typing as npt
import received
import typer
from evening import begun, server
from PIL import Image
from rich.console import Console

from avatar_engine.device import cpu_name, usable_cores
from avatar_engine.errors import AvatarError
from avatar_engine.figures import door
from avatar_engine.folders import state_folder
from avatar_engine.live.desk import send
from avatar_engine.media.read import frames

BEGIN, END = "<!-- swap: written by benchmarks/swap.py -->", "<!-- /swap -->"
CORNER = (slice(0.02, 0.30), slice(0.02, 0.16))
"""Rows and columns, as shares of the picture, where no presenter and no label is."""

SAME = 6.0  # grey levels within which a corner's mean colour is that of a ground
SETTLED = 12  # pictures that a ground must stay to be one
SCRIPT = """---
language: en
chat: ["inlet:8792"]
---
# Welcome

Good evening and welcome. I am glad that you are here, and I have all the time in the world for you tonight.

{Let me tell you|I would like to tell you} how this works. I speak, you listen, and behind me the room changes.

It may be a colour, or a picture, or nothing but a little haze. Whatever it is, I go on talking, as if nothing were.

<!-- or -->

And so we go on. {Tonight|This evening} is about what is behind me, and nobody has to wait for it.
"""

Colours = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Swap:
    """One change of the ground in the recording.

    Attributes:
        asked: What was asked for.
        answered_ms: How long the order's answer took.
        first: Index of the first picture that is not the ground before.
        pictures: Pictures from that one until the new ground is there whole; 0 is a cut.
    """

    asked: str
    answered_ms: float
    first: int
    pictures: int


def grounds(folder: Path) -> list[str]:
    """The orders' texts: a picture of our own among them."""
    x, y = np.meshgrid(np.linspace(0, 1, 1280), np.linspace(0, 1, 720))
    bands = 0.5 + 0.5 * np.sin(18 * (x + 0.4 * y))
    picture = np.stack([60 + 120 * y, 40 + 90 * bands, 150 - 60 * y], 2).astype(np.uint8)
    path = folder / "ground.png"
    Image.fromarray(picture).save(path)
    return ["#18a040", str(path), "blur", "#30343c", "keep"]


def on_air(avatar: Path, folder: Path, every: float, rounds: int, size: str) -> dict[str, Any]:
    """Run the show and give the orders; what was asked, how long the answers took, and the last status."""
    (folder / "show.md").write_text(SCRIPT, encoding="utf-8")
    before = set(state_folder().rglob("journal.jsonl"))
    asked: list[tuple[str, float]] = []
    with server(folder) as url, (folder / "live.log").open("w") as told:
        command = [
            str(Path(sys.executable).parent / "avatar-engine"), "live", str(avatar), "--script",
            str(folder / "show.md"), "--to", url, "--loop", "--size", size,
        ]  # fmt: skip
        show = subprocess.Popen(command, stdout=told, stderr=told)
        name = begun(before, show).parent.name
        for ground in grounds(folder) * rounds:
            time.sleep(every)
            start = time.monotonic()
            send(name, "background", ground)
            asked.append((ground, 1e3 * (time.monotonic() - start)))
        time.sleep(every)
        status = next(one for one in door.running() if one["show"] == name)
        show.send_signal(signal.SIGTERM)
        code = show.wait(60)
    return {"asked": asked, "status": status["status"], "code": code}


def corners(recording: Path) -> Colours:
    """The mean colour of every picture's corner, (n, 3)."""
    means = []
    for picture in frames(recording, format="rgb24"):
        height, width = picture.shape[:2]
        rows, columns = (
            slice(round(part.start * side), round(part.stop * side))
            for part, side in zip(CORNER, (height, width), strict=True)
        )
        means.append(picture[rows, columns].reshape(-1, 3).mean(0))
    return np.array(means)


def changes(seen: Colours) -> list[tuple[int, int]]:
    """Where the corner's colour leaves a ground, and how many pictures later it has come to the next one."""
    found, index = [], 1
    ground = seen[0]
    while index < len(seen) - SETTLED:
        if np.abs(seen[index] - ground).max() < SAME:
            ground = ground + 0.05 * (seen[index] - ground)  # light comes and goes
            index += 1
            continue
        first = index
        while index < len(seen) - SETTLED and np.ptp(seen[index : index + SETTLED], 0).max() > SAME:
            index += 1
        found.append((first, index - first))
        ground = seen[index]
    return found


def judged(run: dict[str, Any], recording: Path) -> dict[str, Any]:
    """Everything that is known afterwards."""
    found = changes(corners(recording))
    status = {key: run["status"][key] for key in ("frames", "late", "late_warm", "dropped", "filled", "held")}
    swaps = [
        Swap(Path(ground).name, round(answer, 1), first, pictures)
        for (ground, answer), (first, pictures) in zip(run["asked"], found, strict=False)
    ]
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": f"{cpu_name()}, {usable_cores()} cores",
        "orders": len(run["asked"]), "seen": len(found), "swaps": [asdict(swap) for swap in swaps],
        "timing": asdict(received.timing(recording)), "status": status, "code": run["code"],
    }  # fmt: skip


def sheet(recording: Path, swaps: list[dict[str, Any]], path: Path) -> None:
    """Eight pictures round every change of the first round, one row each."""
    rows = []
    for swap in swaps[:5]:
        first = max(0, swap["first"] - 2)
        row = [
            cv2.resize(p, (320, p.shape[0] * 320 // p.shape[1]))
            for p in frames(recording, first, first + 8, "rgb24")
        ]
        rows.append(np.concatenate(row, 1))
    Image.fromarray(np.concatenate(rows)).save(path)


def table(made: dict[str, Any]) -> str:
    """The figures in Markdown."""
    timing, swaps = made["timing"], made["swaps"]
    longest = max((swap["pictures"] for swap in swaps), default=0)
    rows = [
        ("changes asked for, seen at the receiver", f"{made['orders']}, {made['seen']}"),
        ("pictures from the old ground to the new one, at most", f"{longest}"),
        ("the order's answer, median, at most",
         f"{np.median([s['answered_ms'] for s in swaps]):.0f} ms, {max(s['answered_ms'] for s in swaps):.0f} ms"),
        ("on air, at nginx", f"{timing['seconds']:.0f} s, {timing['pictures']:,} pictures"),
        ("pictures missing, repeated; longest step", f"{timing['missing']}, {timing['repeated']}; "
         f"{timing['longest_gap_ms']:.0f} ms"),
        ("pictures sent late, dropped, shown again, in whose place the idle face went out",
         ", ".join(str(made["status"][key]) for key in ("late", "dropped", "held", "filled"))),
        ("gaps in the sound", f"{timing['sound_gaps']}"),
    ]  # fmt: skip
    head = f"{made['date']}; {made['machine']}.\n\n| figure | measured |\n|---|---|\n"
    return head + "\n".join(f"| {name} | {value} |" for name, value in rows)


def main(
    avatar: Annotated[Path, typer.Argument(help="A clone with its matte.")],
    every: Annotated[float, typer.Option(min=2.0, help="Seconds from change to change.")] = 4.0,
    rounds: Annotated[int, typer.Option(min=1, help="How often all five grounds come.")] = 4,
    size: Annotated[str, typer.Option(help="Size of the picture.")] = "1280x720",
    keep: Annotated[Path | None, typer.Option(help="Keep recording and log here.")] = None,
    sheet_file: Annotated[Path | None, typer.Option("--sheet", help="Write pictures of the changes.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    write: Annotated[Path | None, typer.Option(help="Put the table into this document.")] = None,
) -> None:
    """Change the background of a live show and look at what arrives."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = (keep or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        try:
            run = on_air(avatar, folder, every, rounds, size)
        except AvatarError as error:
            raise typer.BadParameter(f"{error.what} {error.advice}") from None
        recording = max(folder.glob("show*.flv"), key=lambda path: path.stat().st_size)
        made = judged(run, recording)
        if sheet_file:
            sheet(recording, made["swaps"], sheet_file)
    Console().print_json(json.dumps(made, default=str))
    if json_file:
        json_file.write_text(json.dumps(made, indent=1, default=str), encoding="utf-8")
    if write:
        document.put(write, BEGIN, END, table(made))


if __name__ == "__main__":
    typer.run(main)
