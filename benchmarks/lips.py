"""How good are lips fitted to a clip, on the part of it that they were not fitted on?

    python benchmarks/lips.py VIDEO [--train 0.8] [--budget 540] [--json lips.json] [--sheet lips.png]

Fits on the first part, renders the rest from its own sound and from its real mouth shapes, measures both with the
landmarker. VIDEO is 25 fps footage with sound. Seconds are processor seconds, so that other work on the machine
does not shorten the fit.
"""

from __future__ import annotations

import json
import resource
import time
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from avatar_engine import device as devices
from avatar_engine.face.track import FaceTrack, track
from avatar_engine.lips.fit import fit
from avatar_engine.lips.measure import LipsScores, score
from avatar_engine.media.read import sound

app = typer.Typer(add_completion=False)


@app.command()
def main(
    video: Annotated[Path, typer.Argument(help="25 fps footage of one person speaking")],
    train: Annotated[float, typer.Option(help="share of the clip to fit on")] = 0.8,
    budget: Annotated[float, typer.Option(help="processor seconds for the fit")] = 540.0,
    work: Annotated[Path, typer.Option(help="folder for checkpoints; a second run goes on")] = Path(
        "build/lips"
    ),
    device: Annotated[str, typer.Option()] = "cpu",
    output: Annotated[Path | None, typer.Option("--json", help="write the figures here")] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="write real | painted | sound-driven pictures here")
    ] = None,
) -> None:
    """Fit on the first part of VIDEO, measure on the rest."""
    chosen = devices.choose(device)
    work.mkdir(parents=True, exist_ok=True)
    begun = time.process_time()
    kept = work / f"{video.stem}.track"
    seen = FaceTrack.load(kept) if kept.exists() else track(video)
    seen.save(kept)
    tracked = time.process_time() - begun
    samples = sound(video)
    edge = round(len(seen) * train)
    model = fit(
        video,
        samples,
        seen,
        train=range(edge),
        device=chosen,
        budget=budget,
        work=work,
        clock=time.process_time,
    )
    scores = score(video, samples, seen, model, range(edge, len(seen)), device=chosen, pairs=8)
    figures = scores.figures() | model.figures | {"track_seconds": tracked, "crop": float(model.size)}
    figures["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    _print(video, scores, figures)
    if output:
        output.write_text(
            json.dumps({"video": video.name, "device": chosen.name, "figures": figures}, indent=1)
        )
    if sheet:
        rows = [np.concatenate(scores.pairs[i : i + 2], 1) for i in range(0, len(scores.pairs) - 1, 2)]
        cv2.imwrite(str(sheet), np.concatenate(rows)[:, :, ::-1])


def _print(video: Path, scores: LipsScores, figures: dict[str, float]) -> None:
    table = Table(
        "", "painted again", "driven by sound", title=f"{video.name}, {len(scores.real_opening)} pictures"
    )
    for name in ("correlation", "spread", "width_correlation", "psnr", "lips_psnr", "distance", "sharpness"):
        table.add_row(name, *(f"{getattr(way, name):.3f}" for way in (scores.painted, scores.driven)))
    console = Console()
    console.print(table)
    console.print(
        {name: round(value, 3) for name, value in figures.items() if "_" in name and "driven" not in name}
    )


if __name__ == "__main__":
    app()
