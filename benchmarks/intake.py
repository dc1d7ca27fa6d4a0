"""How well does intake measure and mend sound that is out of step with the mouth?

    python benchmarks/intake.py ../shared/media/grid_s1_60s.mp4 ../shared/media/grid_s4_72s.mp4

Takes each clip in as it is, then moves and stretches its sound by known amounts, measures it against the same face
track, mends it, and measures what is left. Prints a table and writes JSON.
"""

from __future__ import annotations

import json
import resource
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from avatar_engine.clone.check.judge_sound import CLEAR
from avatar_engine.clone.intake import intake
from avatar_engine.clone.sync import correct, measure, mouth_opening
from avatar_engine.contracts import FRAME_RATE, SAMPLE_RATE, FloatArray
from avatar_engine.media.read import sound as read_sound

DISTURBED = ((0, 0), (120, 0), (-120, 0), (0, 200), (0, -200), (120, 200), (-400, 0), (600, -300), (0, 400))
"""Offset in ms and drift in ms a minute that the sound is given."""


def disturb(samples: FloatArray, offset: float, drift: float) -> FloatArray:
    """The sound made ``offset`` ms late in its middle, and later by ``drift`` ms with every minute."""
    place = np.arange(len(samples)) / SAMPLE_RATE
    middle = len(samples) / SAMPLE_RATE / 2
    pace = 1 + drift / 60_000
    source = (place - offset / 1000 + (pace - 1) * middle) / pace
    return np.interp(source, place, samples, left=0, right=0).astype(np.float32)


def examine(video: Path, work: Path) -> dict[str, Any]:
    """Take one clip in and try every disturbance on it."""
    started, cpu = time.monotonic(), time.process_time()
    taken = intake(video, work)
    spent = {"wall_s": time.monotonic() - started, "cpu_s": time.process_time() - cpu}
    samples, opening = read_sound(taken.sound), mouth_opening(taken.track.points)
    rows = []
    for offset, drift in DISTURBED:
        wrong = disturb(samples, offset, drift)
        seen = measure(wrong, opening, taken.track.found)
        left = measure(correct(wrong, seen, len(opening)), opening, taken.track.found)
        rows.append({"offset": offset, "drift": drift, "seen": asdict(seen), "left": asdict(left)})
    strange = np.roll(samples, 7 * SAMPLE_RATE)
    return {
        "clip": video.name,
        "seconds": len(opening) / FRAME_RATE,
        "speech_seconds": taken.speech_seconds,
        "intake": spent,
        "rows": rows,
        "strange": asdict(measure(strange, opening, taken.track.found)),
    }


def main(
    videos: Annotated[list[Path], typer.Argument(help="Clips whose sound is known to be in step.")],
    output: Annotated[Path, typer.Option("-o", help="Where the JSON goes.")] = Path("intake.json"),
) -> None:
    """Measure the measurement: known offsets and drifts against what intake says."""
    results = []
    for video in videos:
        with tempfile.TemporaryDirectory() as folder:
            result = examine(video, Path(folder))
        results.append(result)
        typer.echo(
            f"\n{result['clip']}: {result['seconds']:.0f} s, {result['speech_seconds']:.0f} s of speech, intake "
            f"{result['intake']['cpu_s']:.0f} s of CPU"
        )
        typer.echo("| given ms, ms/min | measured | clarity | left after mending |\n|---|---|---|---|")
        for row in result["rows"]:
            seen, left = row["seen"], row["left"]
            typer.echo(
                f"| {row['offset']:+d}, {row['drift']:+d} | {seen['offset_ms']:+.0f}, "
                f"{seen['drift_ms_per_minute']:+.0f} | {seen['clarity']:.1f} | {left['offset_ms']:+.0f}, "
                f"{left['drift_ms_per_minute']:+.0f} |"
            )
        typer.echo(f"strange sound: clarity {result['strange']['clarity']:.1f} (believed from {CLEAR:.0f})")
    typer.echo(f"\npeak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB")
    output.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
