"""How long does a clone take, stage by stage, and how good is it then?

    python benchmarks/clone_time.py minute.mp4 --consent consent.toml [--device cuda] [--budget 2m] [--budget 20m]

A clip to try with: ``python scripts/synthetic_presenter.py -o minute.mp4``. One row a budget: seconds from the command
to the bundle, seconds of every stage (lips and voice are fitted at the same time), and the report's figures on the
fifth of the clip that is never fitted. Rows are added to the JSON file, so that a card's stand beside a processor's.
"""

from __future__ import annotations

import json
import platform
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import onnxruntime
import torch
import typer
from rich.console import Console
from rich.table import Table

from avatar_engine import __version__
from avatar_engine import device as devices
from avatar_engine.cli.words import seconds as parsed
from avatar_engine.clone.pipeline import CloneOptions, clone_presenter

STAGES = ("intake", "lips", "voice", "body", "measure", "matte")

console = Console(stderr=True)


@dataclass(frozen=True)
class Row:
    """One clone.

    Attributes:
        device: The processor's or card's name.
        cores: Processor cores that it might use.
        amx: Whether they have tiles for bf16.
        budget: Seconds that were given.
        whole: Seconds from the command to the bundle.
        stages: Seconds by stage; ``voice`` ran beside the others.
        clip_seconds: Length of the clip.
        opening: Correlation of the mouth's opening with the real one, driven by sound.
        spread: How far it opens, of the real spread.
        psnr_sound: dB in the mouth box, driven by sound.
        psnr_painted: dB in the mouth box, painted from the real shapes.
        likeness: Of the way from a stranger's voice to the person's own, by the encoder that no fit hears.
        word_errors: Share of the words that are read back otherwise.
        memory_mb: Peak.
        versions: Of what decides the time.
        date: When (UTC).
    """

    device: str
    cores: int
    amx: bool
    budget: float
    whole: float
    stages: dict[str, float]
    clip_seconds: float
    opening: float
    spread: float
    psnr_sound: float
    psnr_painted: float
    likeness: float
    word_errors: float
    memory_mb: float
    versions: dict[str, str | None]
    date: str


def main(
    video: Path,
    consent: Annotated[Path, typer.Option()],
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    budget: Annotated[list[str], typer.Option(help="as `clone --budget` takes it")] = ["8m"],  # noqa: B006
    output: Annotated[Path, typer.Option("--json")] = Path("clone_time.json"),
) -> None:
    rows = [Row(**row) for row in json.loads(output.read_text())] if output.exists() else []
    for given in budget:
        rows.append(_cloned(video, consent, device, parsed(given)))
        output.write_text(json.dumps([asdict(row) for row in rows], indent=2))
    show(rows)


def _cloned(video: Path, consent: Path, device: str, budget: float) -> Row:
    with tempfile.TemporaryDirectory(prefix="clone-time-") as folder:
        begun, last = time.monotonic(), ""

        def told(stage: str, done: float, note: str = "") -> None:
            nonlocal last
            if stage != last:
                console.print(f"{time.monotonic() - begun:7.1f} s  {stage} {note}", highlight=False)
                last = stage

        options = CloneOptions(budget=budget, device=device, matte=False)
        made = clone_presenter(video, Path(folder) / "timed.avatar", consent, options, told)
        return row_of(made.report, budget, time.monotonic() - begun, devices.choose(device))


def row_of(report: dict[str, Any], budget: float, whole: float, chosen: devices.Device) -> Row:
    """A clone's row from its report."""
    lips, voice = report["lips"], report["voice"]
    versions = {"avatar-engine": __version__, "python": platform.python_version(), "torch": torch.__version__,
                "cuda": torch.version.cuda, "onnxruntime": onnxruntime.__version__}  # fmt: skip
    return Row(
        device=chosen.name, cores=chosen.cores, amx=chosen.amx, budget=budget, whole=round(whole, 1),
        stages={name: round(report["seconds"].get(name, 0.0), 1) for name in STAGES},
        clip_seconds=report["clip"]["seconds"],
        opening=lips["opening_correlation"], spread=lips["spread_ratio"], psnr_sound=lips["psnr_sound"],
        psnr_painted=lips["psnr_painted"], likeness=voice["judge_share_of_way"], word_errors=voice["word_error_rate"],
        memory_mb=round(report["peak_memory_mb"]), versions=versions,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )  # fmt: skip


def show(rows: list[Row]) -> None:
    """Print the table."""
    table = Table(title="Clones")
    columns = (
        "device",
        "budget",
        "whole",
        *STAGES,
        "opening",
        "spread",
        "dB sound",
        "dB painted",
        "voice",
        "words",
    )
    for column in columns:
        table.add_column(column, justify="right" if column != "device" else "left")
    for row in rows:
        table.add_row(
            f"{row.device}, {row.cores} cores{', AMX' if row.amx else ''}", f"{row.budget:.0f} s", f"{row.whole:.0f} s",
            *(f"{row.stages[name]:.0f}" for name in STAGES),
            f"{row.opening:.2f}", f"{row.spread:.2f}", f"{row.psnr_sound:.1f}", f"{row.psnr_painted:.1f}",
            f"{row.likeness:.0%}", f"{row.word_errors:.1%}",
        )  # fmt: skip
    Console(width=170).print(table)


if __name__ == "__main__":
    typer.run(main)
