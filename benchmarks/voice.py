"""How good is a fitted voice, and how soon does it speak?

    python benchmarks/voice.py table MEDIA/lj_60s.wav MEDIA/librispeech_1998.wav MEDIA/librispeech_2609.wav \\
        MEDIA/grid_s1_60s.mp4 --stranger MEDIA/grid_s4_72s.mp4
    python benchmarks/voice.py latency

``table`` fits a voice on the first seconds of every recording, the others being strangers, and judges it: two speaker
encoders against the rest of the recording, Whisper's read-back of forty English and twenty French and Spanish
sentences, delivery and artefacts; it writes JSON and a page with spectrograms and players. What is done is kept in the
work folder: the same command goes on after a stop. ``latency`` measures the first sound and the real-time factor.
"""

from __future__ import annotations

import hashlib
import json
import resource
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
import voice_page
from rich.console import Console
from rich.table import Table

from avatar_engine import device
from avatar_engine.clone import voice_report
from avatar_engine.clone.voice_report import Judged
from avatar_engine.contracts import SAMPLE_RATE, FloatArray, Utterance
from avatar_engine.media.read import sound
from avatar_engine.voice import fit as fits
from avatar_engine.voice import measure
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.sentences import sentences
from avatar_engine.voice.speak import Voice

app = typer.Typer(help=__doc__)
console = Console()

PACK, FIGURES, SECTION = "voice.safetensors", "figures.json", "section.html"
WARM = "Ready."


@dataclass
class Follow:
    """Prints what long work reports, with the seconds so far and those left."""

    name: str
    started: float = field(default_factory=time.monotonic)

    def __call__(self, stage: str, done: float, note: str = "") -> None:
        spent = time.monotonic() - self.started
        left = f"{spent * (1 - done) / done:5.0f} s left" if done > 0.02 else " " * 12
        console.print(f"{self.name}  {spent:6.0f} s  {left}  {done:4.0%}  {stage}: {note}", highlight=False)


@app.command()
def table(
    recordings: list[Path],
    train: Annotated[float, typer.Option(help="Seconds to fit on; the rest is held out.")] = 48.0,
    stranger: Annotated[
        list[Path] | None, typer.Option(help="Recording of somebody else, or a folder of their takes.")
    ] = None,
    language: str = "en",
    also: Annotated[str, typer.Option(help="Further languages that it is read back in.")] = "fr es",
    count: Annotated[int, typer.Option(help="Sentences of every language, at most.")] = 40,
    budget: Annotated[float, typer.Option(help="CPU seconds of a fit.")] = 840.0,
    work: Annotated[Path, typer.Option(help="Kept: a voice that is there is not fitted again.")] = Path(
        "build/voice"
    ),
    output: Path = Path("build/voice-table.json"),
) -> None:
    """Fit a voice on the first part of every recording and judge it by the rest."""
    sounds = {path: sound(path) for path in recordings}
    others = [recording_of(path) for path in stranger or []]
    found = {}
    for path, samples in sounds.items():
        strangers = [one for name, one in sounds.items() if name != path] + others
        folder = work / path.name
        folder.mkdir(parents=True, exist_ok=True)
        cut = int(train * SAMPLE_RATE)
        pack = fitted(samples[:cut], language, budget, folder, Follow(path.name))
        found[path.name] = scored(
            pack, samples, cut, strangers, (language, *also.split()), count, folder, Follow(path.name)
        )
        told(found)
        write(found, work, output)
    console.print(f"{output}, {output.with_suffix('.html')}")


def fitted(samples: FloatArray, language: str, budget: float, folder: Path, follow: Follow) -> VoicePack:
    """The voice in ``folder``, fitted to ``samples`` if it is not there yet."""
    file = folder / PACK
    if file.exists():
        return VoicePack.from_file(file)
    started, cpu = time.monotonic(), time.process_time()
    pack = fits.fit(
        samples, language=language, device=device.choose("cpu"), budget=budget, work=folder, progress=follow
    )
    meta = dict(pack.meta) | {
        "fit_cpu_seconds": time.process_time() - cpu,
        "fit_wall_seconds": time.monotonic() - started,
        "fit_peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }
    replace(pack, meta=meta).to_file(file)
    return replace(pack, meta=meta)


def scored(
    pack: VoicePack, samples: FloatArray, cut: int, strangers: Sequence[FloatArray], languages: Sequence[str],
    count: int, folder: Path, follow: Follow,
) -> dict[str, Any]:  # fmt: skip
    """The voice's figures, and in ``folder`` its part of the page; kept until voice, sentences or strangers change."""
    people = sorted(round(float(np.abs(one).sum()), 3) for one in strangers)
    about = [cut, count, *languages, round(float(np.abs(samples).sum()), 3), *people]
    key = hashlib.sha256(pack.style.tobytes() + repr([*pack.folded, about]).encode())
    for value in pack.folded.values():
        key.update(value.tobytes())
    kept = folder / FIGURES
    if kept.exists():
        figures: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
        if figures["key"] == key.hexdigest():
            return figures
    started, cpu = time.monotonic(), time.process_time()
    pieces, _ = fits.transcript(samples[:cut], pack.language, folder)
    voice = Voice(pack, pack.language)
    try:
        scores = measure.score(
            voice, samples[:cut], samples[cut:], strangers, languages, transcript=pieces, count=count,
            progress=follow,
        )  # fmt: skip
        shown = voice_report.examples(samples, pieces, voice, languages)
    finally:
        voice.close()
    figures = voice_report.figures(pack.language, scores)
    (folder / SECTION).write_text(voice_report.section(figures, shown), encoding="utf-8")
    figures |= {
        "key": key.hexdigest(),
        "meta": dict(pack.meta),
        "score_cpu_seconds": time.process_time() - cpu,
        "score_wall_seconds": time.monotonic() - started,
    }
    kept.write_text(json.dumps(figures, indent=1, ensure_ascii=False), encoding="utf-8")
    return figures


def recording_of(path: Path) -> FloatArray:
    """One person's speech: a recording, or all takes of a folder."""
    takes = sorted(path.iterdir()) if path.is_dir() else [path]
    return np.concatenate([sound(take) for take in takes])


def compared(found: dict[str, dict[str, Any]]) -> list[tuple[str, str, list[Judged]]]:
    """Every figure: what it is, its goal, each recording's and the mean of all.

    The mean of what may be off in either direction is of its size; that of the errors against those before the fit
    is the one's sum over the other's.
    """
    columns = [voice_report.judged(figures) for figures in found.values()]
    own = [figures["languages"][0] for figures in found.values()]
    rows = []
    for cells in zip(*columns, strict=True):
        values = [
            abs(cell.value) if cell.kind == "near" else cell.value for cell in cells if cell.value is not None
        ]
        mean = float(np.mean(values)) if values else None
        if any(value == float("inf") for value in values) or cells[0].form.endswith("×"):
            sums = (sum(one[key] or 0.0 for one in own) for key in ("word_errors", "unfitted_errors"))
            mean = voice_report.ratio(*sums)
        rows.append((cells[0].label, cells[0].goal, [*cells, replace(cells[0], value=mean)]))
    return rows


def told(found: dict[str, dict[str, Any]]) -> None:
    """The table on the console."""
    sheet = Table("figure", "goal", *found, "mean")
    for label, goal, cells in compared(found):
        colours = ["green" if cell.met else "red" if cell.met is False else "" for cell in cells]
        marked = [
            f"[{colour}]{cell.shown}[/]" if colour else cell.shown
            for cell, colour in zip(cells, colours, strict=True)
        ]
        sheet.add_row(label, goal, *marked)
    console.print(sheet)
    for name, figures in found.items():
        for one in figures["weak"]:
            console.print(f"  {name}: {one}", highlight=False)


def write(found: dict[str, dict[str, Any]], work: Path, output: Path) -> None:
    """JSON, and beside it the page."""
    output.parent.mkdir(parents=True, exist_ok=True)
    rows = compared(found)
    summary = [
        {
            "figure": label,
            "goal": goal,
            "recordings": {name: finite(cell) for name, cell in zip(found, cells, strict=False)},
            "mean": finite(cells[-1]),
        }
        for label, goal, cells in rows
    ]
    whole = {"table": summary, "voices": found}
    output.write_text(json.dumps(whole, indent=1, ensure_ascii=False), encoding="utf-8")
    sections = {name: (work / name / SECTION).read_text(encoding="utf-8") for name in found}
    page = voice_page.render(rows, list(found), sections)
    output.with_suffix(".html").write_text(page, encoding="utf-8")


def finite(cell: Judged) -> float | None:
    """The value as JSON knows it."""
    return None if cell.value is None or np.isinf(cell.value) else cell.value


@dataclass(frozen=True)
class Spoken:
    """One sentence: words, seconds of sound, wall and CPU seconds to the first sound, and of the whole a second."""

    words: int
    seconds: float
    first: float
    first_cpu: float
    factor: float
    factor_cpu: float


@app.command()
def latency(
    threads: Annotated[list[int], typer.Option(help="Threads of the network.")] = [1, 2],  # noqa: B006
    voice: Annotated[str, typer.Option(help="A stock voice, or a fitted one's file.")] = "af_heart",
    language: str = "en",
    output: Path = Path("build/voice_latency.json"),
) -> None:
    """Seconds from text to first sound, and work for a second of sound, for short and long sentences."""
    flags = sorted(device.cpu_features() or ())
    amx = any(flag.startswith("amx") for flag in flags)
    console.print(
        f"{device.cpu_name()}, {device.usable_cores()} cores, AMX: {'yes' if amx else 'no'}; {flags}"
    )
    said = sentences(language)
    texts = ("Hello!", *said[:4], " and ".join(said[5:8]))
    pack = VoicePack.from_file(Path(voice)) if Path(voice).suffix else VoicePack.stock(voice)
    report: dict[str, Any] = {
        "cpu": device.cpu_name(),
        "amx": amx,
        "flags": flags,
        "voice": voice,
        "threads": {},
    }
    sheet = Table(
        "threads", "words", "sound s", "first sound s", "its CPU s", "real-time factor", "CPU factor"
    )
    for number in threads:
        speaker = Voice(pack, language, number)
        list(speaker.speak(Utterance(WARM, language)))
        rows = [spoken(speaker, text, language) for text in texts]
        speaker.close()
        for row in rows:
            cells = (row.seconds, row.first, row.first_cpu, row.factor, row.factor_cpu)
            sheet.add_row(str(number), str(row.words), *(f"{value:.2f}" for value in cells))
        report["threads"][number] = {
            "first": float(np.median([row.first for row in rows])),
            "factor": sum(row.factor * row.seconds for row in rows) / sum(row.seconds for row in rows),
            "rows": [asdict(row) for row in rows],
        }
    console.print(sheet)
    for number, figures in report["threads"].items():
        console.print(
            f"{number} threads: first sound {figures['first'] * 1000:.0f} ms (median; goal {300 if amx else 600}), "
            f"real-time factor {figures['factor']:.2f} (goal {0.2 if amx else 0.5})"
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=1), encoding="utf-8")


def spoken(speaker: Voice, text: str, language: str) -> Spoken:
    """One sentence by the clock."""
    wall, cpu = time.perf_counter(), time.process_time()
    first, seconds = (0.0, 0.0), 0.0
    for piece in speaker.speak(Utterance(text, language)):
        if not seconds:
            first = (time.perf_counter() - wall, time.process_time() - cpu)
        seconds += piece.seconds
    factors = (time.perf_counter() - wall) / seconds, (time.process_time() - cpu) / seconds
    return Spoken(len(text.split()), seconds, *first, *factors)


if __name__ == "__main__":
    app()
