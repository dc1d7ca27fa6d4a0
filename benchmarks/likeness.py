"""How like the person is a clone's face, on the part of a clip that it was not fitted on?

    python benchmarks/likeness.py VIDEO [--train 0.8] [--budget 1200] [--json likeness.json] [--html likeness.html]
    python benchmarks/likeness.py VIDEO --model NAME.avatar --html likeness.html
    python benchmarks/likeness.py VIDEO --curve --html curve.html

Fits on the first part (or takes a clone that is there), and measures the rest in rows: the real pictures, the real
shapes painted again, driven by the real sound, and driven by the clone's voice saying the same words, laid over the
real phones. With ``--curve`` it fits on the first 5, 10, 20, 40 seconds too, lips alone: so little makes no voice.
Lips and voice are fitted at the same time, as a clone is, the voice in a process of its own. The budget is counted in
processor seconds a thread, so that other work on the machine does not shorten a fit.
Footage, face track and fits are kept in the working folder; a fit is made anew when its code, clip or options change.

The similarity of faces by a recognition network (CSIM) is left out: no such network with a licence that is clean for
both its weights and the pictures that it was trained on is at hand.
"""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import likeness_page as page
import likeness_words as words
import numpy as np
import typer
from rich.console import Console
from rich.table import Table
from safetensors.numpy import load_file, save_file

import avatar_engine
from avatar_engine import device as devices
from avatar_engine.bundle import Bundle
from avatar_engine.cli.progress import Bars
from avatar_engine.clone import echoes
from avatar_engine.clone.intake import Intake, intake
from avatar_engine.clone.voice_job import VoiceJob
from avatar_engine.contracts import FRAME_RATE, SAMPLES_PER_FRAME, FloatArray, Progress
from avatar_engine.device import Device
from avatar_engine.errors import AvatarError
from avatar_engine.lips import measure
from avatar_engine.lips.drive import drives
from avatar_engine.lips.echo import Said
from avatar_engine.lips.fit import fit
from avatar_engine.lips.likeness import spoken
from avatar_engine.lips.likeness.motion import by_kind, places
from avatar_engine.lips.likeness.rows import REAL, Look, Measured
from avatar_engine.lips.likeness.rows import measure as measure_rows
from avatar_engine.lips.model import LipsModel
from avatar_engine.lips.motion import MotionStream
from avatar_engine.media.read import i420, sound
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.speak import Voice

app = typer.Typer(add_completion=False)
console = Console(width=None if Console().is_terminal else 150)

SPOKEN = "spoken"
FILMED = "filmed"
"""Driven by the sound as the clip has it, where its takes stood apart and were put in step."""

NAMES = {
    REAL: "real pictures",
    measure.PAINTED: "real shapes painted again",
    measure.DRIVEN: "driven by the real sound",
    FILMED: "the same, sound as it was filmed",
}
POINTS = (5, 10, 20, 40)
"""Seconds of the learning curve, beside the whole."""

LEAST_BUDGET = 60.0
"""Seconds that the shortest fit of a learning curve gets."""


@dataclass(frozen=True)
class Goal:
    """What a figure should reach in one row: between ``least`` and ``most``."""

    row: str
    figure: str
    least: float = -np.inf
    most: float = np.inf

    @property
    def text(self) -> str:
        if np.isfinite(self.least) and np.isfinite(self.most):
            return f"{self.least:g} to {self.most:g}"
        return f"≥ {self.least:g}" if np.isfinite(self.least) else f"≤ {self.most:g}"

    def met(self, value: float | None) -> bool | None:
        """Whether ``value`` reaches it; None where nothing was measured."""
        return None if value is None else bool(self.least <= value <= self.most)


GOALS = (
    Goal(measure.DRIVEN, "correlation", least=0.88),
    Goal(measure.DRIVEN, "spread", 0.93, 1.07),
    Goal(measure.DRIVEN, "width_correlation", least=0.75),
    Goal(measure.DRIVEN, "closures", least=0.9),
    Goal(measure.DRIVEN, "rest_opening", most=1.0),
    Goal(measure.DRIVEN, "rest_lips", most=1.0),
    Goal(measure.DRIVEN, "psnr", least=34.5),
    Goal(measure.PAINTED, "psnr", least=38.5),
    Goal(measure.DRIVEN, "sharpness", least=0.9),
    Goal(measure.DRIVEN, "flicker", most=1.1),
    Goal(measure.DRIVEN, "seam", most=1.05),
    Goal(measure.DRIVEN, "seam_plain", most=1.0),
)


@dataclass(frozen=True)
class Clip:
    """A clip taken in, its whole sound in step and as it came, and where the held-out part begins (picture index)."""

    name: str
    taken: Intake
    samples: FloatArray
    filmed: FloatArray
    edge: int

    @property
    def held_out(self) -> range:
        return range(self.edge, len(self.taken.track))


@dataclass(frozen=True)
class Words:
    """What is said in the held-out part, in which voice, and where the words come from."""

    said: list[Said]
    voice: str
    source: str


@app.command()
def main(
    video: Annotated[Path, typer.Argument(help="one person speaking, half a minute or more")],
    train: Annotated[float, typer.Option(help="share of the clip to fit on")] = 0.8,
    train_seconds: Annotated[
        float | None, typer.Option(help="seconds to fit on, in place of a share")
    ] = None,
    budget: Annotated[float, typer.Option(help="processor seconds for the fit")] = 1200.0,
    model: Annotated[
        Path | None,
        typer.Option(help="measure this clone; it must have been fitted on no more than the first part"),
    ] = None,
    curve: Annotated[bool, typer.Option("--curve", help="fit on 5, 10, 20, 40 s as well")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "cpu",
    language: Annotated[str, typer.Option(help="what is spoken, or auto")] = "auto",
    work: Annotated[
        Path | None, typer.Option(help="working folder; a second run goes on [default: build/likeness/VIDEO]")
    ] = None,
    output: Annotated[Path | None, typer.Option("--json", help="write the figures here")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="write the page here")] = None,
) -> None:
    """Measure how like the person a clone is, on the part of VIDEO that it was not fitted on."""
    try:
        if curve and model:
            raise AvatarError(
                "--curve fits clones of its own; it can't be joined with --model.", "Leave one out."
            )
        folder = work or Path("build/likeness") / video.stem
        with Bars(Console(stderr=True)) as bars:
            report, pictures = run(
                video, folder, bars, share=train, seconds=train_seconds, budget=budget, bundle=model, curve=curve,
                device=devices.choose(device), language=language, tiles=html is not None,
            )  # fmt: skip
    except AvatarError as error:
        console.print(f"[red]{error.what}[/]\n{error.advice}")
        raise typer.Exit(2) from None
    tables(report)
    if output:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(report, indent=1), encoding="utf-8")
    if html:
        html.parent.mkdir(parents=True, exist_ok=True)
        html.write_text(page.render(report, pictures), encoding="utf-8")
        console.print(f"page: {html}")


def run(
    video: Path, folder: Path, progress: Progress, *, share: float, seconds: float | None, budget: float,
    bundle: Path | None, curve: bool, device: Device, language: str, tiles: bool,
) -> tuple[dict[str, Any], list[page.Strip]]:  # fmt: skip
    """Everything but the printing: the report as JSON, and the strips for the page."""
    taken = intake(video, folder / "clip", progress)
    count = len(taken.track)
    edge = round(seconds * FRAME_RATE) if seconds else round(count * share)
    if not 0 < edge < count - FRAME_RATE:
        raise AvatarError(
            f"Fitting on {edge / FRAME_RATE:.1f} of {count / FRAME_RATE:.1f} s leaves too little to measure.",
            "Leave a second or more; --train 0.8 leaves a fifth.",
        )
    in_step, filmed = (sound(path)[: count * SAMPLES_PER_FRAME] for path in (taken.sound, taken.filmed_sound))
    clip = Clip(video.name, taken, in_step, filmed, edge)
    points, begun = [], time.process_time()
    if curve:
        for length in [n for n in POINTS if n * FRAME_RATE < edge]:
            part = max(LEAST_BUDGET, budget * length * FRAME_RATE / edge)
            lips, _ = fitted(clip, length * FRAME_RATE, part, device, None, folder, progress)
            points.append(point(clip, lips, device, length, part, folder, progress))
    pack: VoicePack | None
    if bundle:
        opened = Bundle.open(bundle)
        lips, pack = LipsModel.load(opened), VoicePack.load(opened)
    else:
        lips, pack = fitted(clip, edge, budget, device, language, folder, progress)
    spent = time.process_time() - begun
    heard = listen(video, clip, pack, language, progress)
    gallery = page.Gallery(taken.track, lips.size, clip.held_out) if tiles else None
    found = rows(clip, lips, device, heard, gallery, progress)
    report = {
        "clip": video.name,
        "engine": avatar_engine.__version__,
        "lips": bundle.name if bundle else "fitted here",
        "fit": dict(lips.figures) | {"cpu_seconds": spent},
        "budget_seconds": None if bundle else budget,
        "device": asdict(device),
        "fitted_seconds": edge / FRAME_RATE,
        "held_out_seconds": len(clip.held_out) / FRAME_RATE,
        "crop": lips.size,
        "takes_ms": [take.lag_ms for take in taken.takes],
        "words": heard.source,
        "stretches": len(heard.said),
        "csim": None,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        **as_json(found, heard),
    }
    if curve:
        points.append({"seconds": edge / FRAME_RATE, "budget": budget} | compact(found))
        report["curve"] = points
    return report, gallery.strips(found.phones) if gallery else []


def listen(video: Path, clip: Clip, pack: VoicePack | None, language: str, progress: Progress) -> Words:
    """The held-out words in the clone's voice, or in the stock voice nearest to the person."""
    spoken_language = pack.language if pack and language == "auto" else language
    pieces, heard, source = words.stretches(
        clip.samples, video.with_suffix(".txt"), clip.edge, spoken_language
    )
    chosen = pack or echoes.nearest(clip.samples[: clip.edge * SAMPLES_PER_FRAME], heard)[0]
    voice = Voice(chosen, heard)
    try:
        said = echoes.said(clip.samples, pieces, voice, heard, progress)
    finally:
        voice.close()
    return Words(said, "the clone's voice" if pack else f"the stock voice {chosen.base}", source)


def rows(
    clip: Clip, lips: LipsModel, device: Device, heard: Words | None, look: Look | None, progress: Progress
) -> Measured:
    """Measure every row; without words there is no row of the clone's voice, and no phones."""
    footage = clip.taken.footage
    given = drives(i420(footage), clip.samples, clip.taken.track, lips).part(clip.held_out)
    ways: dict[str, FloatArray] = {measure.PAINTED: given.painted, measure.DRIVEN: given.driven}
    phones = [phone for piece in heard.said for phone in piece.real] if heard else []
    if heard and heard.said:
        shapes = spoken.coefficients(MotionStream(lips), heard.said, lips.neutral, clip.held_out)
        ways[SPOKEN] = shapes + given.placed
    if clip.taken.takes:
        ways[FILMED] = drives(i420(footage), clip.filmed, clip.taken.track, lips).part(clip.held_out).driven
    quiet = words.silence(clip.samples, len(clip.taken.track))[clip.held_out.start :]
    return measure_rows(
        footage, clip.samples, clip.taken.track, lips, clip.held_out, ways, device=device, seen=(measure.PAINTED,),
        phones=places(phones, clip.edge, len(clip.held_out)), quiet=quiet, look=look, progress=progress,
    )  # fmt: skip


# Fits ------------------------------------------------------------------------------------------------------------


class Folder:
    """The parts of a model as files of a folder, as a bundle would hold them."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def _file(self, part: str) -> Path:
        return self._path / part.replace("/", "-")

    def add_bytes(self, part: str, data: bytes) -> None:
        self._file(part).write_bytes(data)

    def add_json(self, part: str, value: Any) -> None:
        self._file(part).write_text(json.dumps(value), encoding="utf-8")

    def add_tensors(self, part: str, tensors: dict[str, Any]) -> None:
        save_file(tensors, self._file(part))

    def read(self, part: str) -> bytes:
        return self._file(part).read_bytes()

    def json(self, part: str) -> Any:
        return json.loads(self._file(part).read_text(encoding="utf-8"))

    def tensors(self, part: str) -> dict[str, Any]:
        return dict(load_file(self._file(part)))


def fitted(
    clip: Clip,
    pictures: int,
    budget: float,
    device: Device,
    language: str | None,
    work: Path,
    progress: Progress,
) -> tuple[LipsModel, VoicePack | None]:
    """Lips and voice fitted on the first ``pictures``; the same fit that was made before is taken from the folder.

    Without a ``language`` the lips alone.
    """
    folder = work / f"fit-{pictures}"
    key = {
        "code": code("lips", "face", "voice"),
        "clip": clip.name,
        "pictures": pictures,
        "budget": budget,
        "device": asdict(device),
        "language": language,
    }
    mark, done = folder / "key.json", folder / "done"
    if not mark.exists() or json.loads(mark.read_text(encoding="utf-8")) != key:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        mark.write_text(json.dumps(key), encoding="utf-8")
    kept = Folder(folder)
    if done.exists():
        return LipsModel.load(kept), VoicePack.load(kept) if language else None

    def told(stage: str, done: float, note: str = "") -> None:
        progress(f"{pictures / FRAME_RATE:g} s {stage}", done, note)

    alone = partial(
        fit, clip.taken.footage, clip.samples, clip.taken.track, train=range(pictures), device=device,
        budget=budget, work=folder, clock=clock_of(device),
    )  # fmt: skip
    pack = None
    if language:
        edge = pictures * SAMPLES_PER_FRAME
        job = VoiceJob(clip.taken.sound, edge, language, budget, device, folder / "voice")
        with job.running(told) as voice:
            lips = alone(echoes=lambda: voice.fitted().echoes, progress=voice.watched)
            pack = voice.fitted().pack
        pack.save(kept)
    else:
        lips = alone(progress=told)
    lips.save(kept)
    done.touch()
    return lips, pack


def clock_of(device: Device) -> Callable[[], float]:
    """Processor seconds a thread; wall seconds where a card does the work."""
    if device.kind != "cpu":
        return time.monotonic
    return lambda: time.process_time() / device.threads


def code(*rooms: str) -> str:
    """A hash of the code of a fit (or of the measures, in ``lips/likeness``), so that no figure is of other code."""
    engine = Path(avatar_engine.__file__).parent
    digest = hashlib.sha256()
    for file in [file for room in rooms for file in sorted((engine / room).glob("*.py"))]:
        if file.name not in ("drive.py", "measure.py"):  # they take no part in a fit
            digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def point(
    clip: Clip, lips: LipsModel, device: Device, seconds: int, budget: float, folder: Path, progress: Progress
) -> dict[str, Any]:
    """One point of the learning curve, measured once for every fit and code."""

    def told(stage: str, done: float, note: str = "") -> None:
        progress(f"{seconds} s {stage}", done, note)

    kept = folder / f"fit-{seconds * FRAME_RATE}" / "point.json"
    key = [code("lips", "face"), code("lips/likeness"), clip.edge]
    if kept.exists():
        stored = json.loads(kept.read_text(encoding="utf-8"))
        if stored["key"] == key:
            return dict(stored["point"])
    found = rows(clip, lips, device, None, None, told)
    made = {"seconds": seconds, "budget": budget} | compact(found)
    kept.write_text(json.dumps({"key": key, "point": made}), encoding="utf-8")
    return made


# Results ---------------------------------------------------------------------------------------------------------


def compact(found: Measured) -> dict[str, Any]:
    return {
        name: figures.as_json()
        for name, figures in found.figures.items()
        if name in (measure.PAINTED, measure.DRIVEN)
    }


def as_json(found: Measured, heard: Words) -> dict[str, Any]:
    """What was measured, as JSON: figures, goals, phones, and the series that the page draws."""
    figures = {name: row.as_json() for name, row in found.figures.items()}
    goals = [
        asdict(goal)
        | {"text": goal.text, "value": (value := figures[goal.row][goal.figure]), "met": goal.met(value)}
        for goal in GOALS
    ]
    for goal in goals:
        goal.update({side: None for side in ("least", "most") if not np.isfinite(goal[side])})
    kinds = {name: by_kind(found.phones, series) for name, series in found.openings.items()}
    return {
        "names": {name: NAMES.get(name, f"driven by {heard.voice}, same words") for name in figures},
        "rows": figures,
        "goals": goals,
        "closed_below": found.limit,
        "silent_pictures": int(found.silent.sum()) if found.silent is not None else None,
        "kinds": {
            name: {k: {"count": n, "opening": v} for k, (n, v) in kind.items()}
            for name, kind in kinds.items()
        },
        "series": {
            "first": found.first,
            "opening": {name: rounded(series, 5) for name, series in found.openings.items()},
            "width": {name: rounded(series, 5) for name, series in found.widths.items()},
            "lips_psnr": {name: rounded(series, 2) for name, series in found.errors.items()},
            "silent": [] if found.silent is None else [int(k) for k in np.flatnonzero(found.silent)],
            "phones": [[phone.symbol, phone.picture] for phone in found.phones],
        },
    }


def rounded(values: FloatArray, places: int) -> list[float]:
    return [round(float(value), places) for value in values]


def tables(report: dict[str, Any]) -> None:
    """The rows and the learning curve, on the terminal."""
    title = (
        f"{report['clip']}, {report['lips']}: {report['fitted_seconds']:g} s fitted, "
        f"{report['held_out_seconds']:g} s measured"
    )
    goals = {(goal["row"], goal["figure"]): goal for goal in report["goals"]}
    table = Table("", *report["names"].values(), "goal", title=title)
    for label, figure, form in page.FIGURES:
        cells, wanted = [], []
        for row, values in report["rows"].items():
            text, goal = page.shown(values, figure, form), goals.get((row, figure))
            if goal is not None and goal["met"] is not None:
                text = f"[{'green' if goal['met'] else 'red'}]{text}[/]"
            cells.append(text)
            wanted += [goal["text"]] if goal else []
        table.add_row(label, *cells, " | ".join(wanted))
    console.print(table)
    if report.get("curve"):
        table = Table("seconds", "budget", *(label for label, _, _, _ in page.CURVE), title="learning curve")
        for entry in report["curve"]:
            cells = [page.shown(entry[row], figure, form) for _, row, figure, form in page.CURVE]
            table.add_row(f"{entry['seconds']:g}", f"{entry['budget']:.0f}", *cells)
        console.print(table)


if __name__ == "__main__":
    app()
