"""How good is a fitted voice, and how soon does it speak?

    python benchmarks/voice.py likeness MEDIA/grid_s1_60s.mp4 --train 48 --stranger MEDIA/lj_60s.wav …
    python benchmarks/voice.py latency --threads 2

``likeness`` fits on the first seconds of a recording and measures against the rest: two speaker encoders, of which
only the first was in the loss, and Whisper's read-back of ten sentences that are not in the recording.
"""

from __future__ import annotations

import json
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from avatar_engine import device
from avatar_engine.contracts import SAMPLE_RATE, FloatArray, Utterance
from avatar_engine.media.read import sound
from avatar_engine.voice import measure
from avatar_engine.voice.fit import fit
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.speak import Voice

app = typer.Typer(help=__doc__)
console = Console()


@dataclass
class Follow:
    """Prints what the fit reports, with the CPU seconds so far."""

    started: float

    def __call__(self, stage: str, done: float, note: str = "") -> None:
        console.print(f"{time.process_time() - self.started:7.1f} s  {done:4.0%}  {stage}: {note}")


@app.command()
def likeness(
    recording: Path,
    train: Annotated[float, typer.Option(help="Seconds to fit on; the rest is held out.")] = 48.0,
    stranger: Annotated[
        list[Path] | None, typer.Option(help="Recording of somebody else, or a folder of their takes.")
    ] = None,
    language: str = "en",
    budget: Annotated[float, typer.Option(help="CPU seconds.")] = 330.0,
    work: Path = Path("build/voice"),
    pack: Annotated[Path | None, typer.Option(help="Measure this voice instead of fitting one.")] = None,
    output: Path = Path("build/voice.json"),
) -> None:
    """Fit on the first part of RECORDING, measure on the rest."""
    samples, cut = sound(recording), int(train * SAMPLE_RATE)
    begun = time.process_time()
    if pack:
        fitted = VoicePack.from_file(pack)
    else:
        fitted = fit(
            samples[:cut], language=language, device=device.choose("cpu"), budget=budget, work=work,
            progress=Follow(begun),
        )  # fmt: skip
        fitted.to_file(work / "voice.safetensors")
    spent = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    voices = {
        f"stock {fitted.base}": VoicePack.stock(fitted.base),
        "fitted": fitted,
    }
    strangers = [recording_of(path) for path in stranger or []]
    table = Table("voice", "encoder", "judge", "share", "judge's share", "word errors")
    results = {}
    for name, chosen in voices.items():
        voice = Voice(chosen, language)
        scores = measure.score(voice, samples[:cut], samples[cut:], strangers, language)
        voice.close()
        results[name] = scores.as_json()
        table.add_row(
            name, *_row(scores.likeness, scores.share, scores.judge_share), f"{scores.word_errors:.1%}"
        )
    table.add_row("same person", *_row(scores.own, 1.0, 1.0), "")
    if scores.strangers:
        table.add_row("strangers", *_row(scores.strangers, 0.0, 0.0), "")
    console.print(table, f"fit: {spent:.0f} CPU s, peak memory {peak:.2f} GB")
    output.parent.mkdir(parents=True, exist_ok=True)
    report = {"fit_cpu_seconds": spent, "peak_gb": peak, "meta": dict(fitted.meta), "voices": results}
    output.write_text(json.dumps(report, indent=1), encoding="utf-8")


def recording_of(path: Path) -> FloatArray:
    """One person's speech: a recording, or all takes of a folder."""
    takes = sorted(path.iterdir()) if path.is_dir() else [path]
    return np.concatenate([sound(take) for take in takes])


def _row(like: measure.Likeness, share: float | None, judge: float | None) -> list[str]:
    cells = [f"{like.encoder:.3f}", "–" if like.judge is None else f"{like.judge:.3f}"]
    return cells + ["–" if value is None else f"{value:.0%}" for value in (share, judge)]


@app.command()
def latency(
    threads: int = 1,
    voice: str = "af_heart",
    language: str = "en",
    output: Path = Path("build/voice_latency.json"),
) -> None:
    """Seconds from text to first sound, and sound made per second, for short and long sentences."""
    speaker = Voice(VoicePack.stock(voice), language, threads)
    list(speaker.speak(Utterance("Ready.", language)))
    table = Table("words", "sound s", "first sound s", "first sound CPU s", "real-time factor", "CPU factor")
    rows = []
    for sentence in (
        "Hello!",
        *measure.SENTENCES[language][:4],
        " and ".join(measure.SENTENCES[language][5:8]),
    ):
        wall, cpu = time.perf_counter(), time.process_time()
        first, seconds = (0.0, 0.0), 0.0
        for piece in speaker.speak(Utterance(sentence, language)):
            if not seconds:
                first = (time.perf_counter() - wall, time.process_time() - cpu)
            seconds += piece.seconds
        factors = (time.perf_counter() - wall) / seconds, (time.process_time() - cpu) / seconds
        rows.append((len(sentence.split()), seconds, *first, *factors))
        table.add_row(str(rows[-1][0]), *(f"{value:.2f}" for value in rows[-1][1:]))
    console.print(table)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps({"threads": threads, "rows": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    app()
