"""Does a face change while it speaks without a pause: its colour, its seam, how far it opens?

    python benchmarks/drift.py NAME.avatar SPEECH [--minutes 15] [--json drift.json]

SPEECH (any sound or video file) is said over and over and drives the lips through the same stream, body and painter as
a show, as fast as the machine can. Minute by minute: the painted skin's mean colour against the body's own picture of
that moment (so that the body's light does not count), the seam at the mask's edge, the mean and the spread of the
opening; and the slope of each over the time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from avatar_engine import device as devices
from avatar_engine.bundle import Bundle
from avatar_engine.cli.progress import Bars
from avatar_engine.contracts import FRAME_RATE, SAMPLES_PER_FRAME, FloatArray, Progress
from avatar_engine.errors import AvatarError
from avatar_engine.face.crop import Crop, extract
from avatar_engine.lips.likeness.pictures import Seam
from avatar_engine.lips.model import LipsModel
from avatar_engine.lips.motion import MotionStream
from avatar_engine.lips.placement import PLACEMENT_PART
from avatar_engine.lips.render import Renderer
from avatar_engine.lips.shape import opening
from avatar_engine.media.read import sound
from avatar_engine.stage.body import Body

app = typer.Typer(add_completion=False)
console = Console()

MINUTE = 60 * FRAME_RATE
SEAM_EVERY = 5  # pictures; its mean over a minute needs no more
FIGURES = ("luma", "blue", "red", "seam", "opening", "spread")


@dataclass(frozen=True)
class Minute:
    """One minute: painted colour less the body's own (grey levels), seam, mean and spread of the opening."""

    luma: float
    blue: float
    red: float
    seam: float
    opening: float
    spread: float


class Watch:
    """Looks at painted crops beside the body's own, a minute at a time."""

    def __init__(self, mask: FloatArray) -> None:
        self._mask = mask
        self._luma = mask > 0.98
        self._chroma = self._luma[::2, ::2]
        self._begin()

    def _begin(self) -> None:
        self._seams = Seam(self._mask), Seam(self._mask)
        self._colours: list[list[float]] = []
        self._openings: list[float] = []

    def take(self, painted: Crop, own: Crop, opened: float) -> Minute | None:
        """One picture; the figures when it ends a minute."""
        pairs = [(painted.luma, own.luma, self._luma)]
        pairs += [(a, b, self._chroma) for a, b in zip(painted.chroma, own.chroma, strict=True)]
        self._colours.append([float(a[at].mean()) - float(b[at].mean()) for a, b, at in pairs])
        if len(self._colours) % SEAM_EVERY == 0:
            for side, crop in zip(self._seams, (painted, own), strict=True):
                side.push(crop.luma)
        self._openings.append(opened)
        if len(self._colours) < MINUTE:
            return None
        seam = self._seams[0].against(self._seams[1])
        luma, blue, red = (float(value) for value in np.mean(self._colours, 0))
        minute = Minute(luma, blue, red, seam, float(np.mean(self._openings)), float(np.std(self._openings)))
        self._begin()
        return minute


def rows(motion: MotionStream, speech: FloatArray, pictures: int) -> Iterator[FloatArray]:
    """The mouth shapes of ``pictures`` pictures of speech that begins again at its end, a row at a time."""
    state, given, place = None, 0, 0
    looped = np.concatenate([speech, speech[:SAMPLES_PER_FRAME]])
    while given < pictures:
        ready, state = motion.push(state, looped[place : place + SAMPLES_PER_FRAME])
        place = (place + SAMPLES_PER_FRAME) % len(speech)
        for row in ready.coefficients[: pictures - given]:
            given += 1
            yield row


def run(avatar: Path, speech: Path, minutes: int, device: str, progress: Progress) -> list[Minute]:
    """The figures of every minute."""
    bundle = Bundle.open(avatar)
    model = LipsModel.load(bundle)
    samples = sound(speech)
    if len(samples) < 10 * SAMPLES_PER_FRAME:
        raise AvatarError(f"{speech.name} holds {len(samples) / 24000:.1f} s of sound.", "Give more speech.")
    renderer, watch, found = Renderer(model, devices.choose(device)), Watch(model.mask), []
    own, painted = Crop.empty(model.size), Crop.empty(model.size)
    body = Body.load(bundle, model.size)
    offsets = body.graph.mixed(bundle.tensors(PLACEMENT_PART)["offsets"])
    try:
        for index, row in enumerate(rows(MotionStream(model), samples, minutes * MINUTE)):
            picture, matrix, place, _ = body.frame(index)
            extract(picture, matrix, own)
            shape = np.asarray(row + offsets[place], np.float32)
            renderer.paint(picture, matrix, shape)
            extract(picture, matrix, painted)
            if minute := watch.take(painted, own, float(opening(model.basis.shape(shape[None]))[0])):
                found.append(minute)
            if index % FRAME_RATE == 0:
                progress("drift", index / (minutes * MINUTE), f"minute {index // MINUTE + 1}")
    finally:
        body.close()
    progress("drift", 1.0, f"{len(found)} minutes")
    return found


def slopes(found: list[Minute]) -> dict[str, float]:
    """How much every figure changes a minute, by least squares; 0 with fewer than two minutes."""
    if len(found) < 2:
        return dict.fromkeys(FIGURES, 0.0)
    return {
        name: float(np.polyfit(range(len(found)), [getattr(one, name) for one in found], 1)[0])
        for name in FIGURES
    }


@app.command()
def main(
    avatar: Annotated[Path, typer.Argument(help="the clone, NAME.avatar")],
    speech: Annotated[Path, typer.Argument(help="what it says, over and over")],
    minutes: Annotated[int, typer.Option(min=1, help="how long")] = 15,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "cpu",
    output: Annotated[Path | None, typer.Option("--json", help="write the figures here")] = None,
) -> None:
    """Paint a clone that speaks for MINUTES without a pause, and watch whether its face changes."""
    try:
        with Bars(Console(stderr=True)) as bars:
            found = run(avatar, speech, minutes, device, bars)
    except AvatarError as error:
        console.print(f"[red]{error.what}[/]\n{error.advice}")
        raise typer.Exit(2) from None
    table = Table("minute", *FIGURES, title=f"{avatar.name}, {minutes} minutes")
    for number, minute in enumerate(found, 1):
        table.add_row(str(number), *(f"{getattr(minute, name):.3f}" for name in FIGURES))
    change = slopes(found)
    table.add_row("a minute", *(f"{change[name]:+.4f}" for name in FIGURES))
    console.print(table)
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        series = {name: [getattr(one, name) for one in found] for name in FIGURES}
        output.write_text(json.dumps({"minutes": series, "slopes": change}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    app()
