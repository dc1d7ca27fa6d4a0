"""Does anything hang or die without a reason when a server answers with broken RTMP?

    python benchmarks/faults_replies.py --write docs/reliability.md

What FFmpeg's own server says to a publisher is recorded once, then said ten thousand times with random faults in it
(`tests/rtmp_fuzz.py`), each time to a sender process of a show. Every sender has to end, in time, with words for it.
"""

from __future__ import annotations

import collections
import json
import os
import re
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import av
import document
import typer
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.rtmp_fuzz import KEY, LIMIT, Trial, fuzzed

BEGIN, END = "<!-- replies: begin -->", "<!-- replies: end -->"
TOLD = 6
"""Reasons that are named, the most frequent ones."""


def figures(trials: list[Trial], codes: collections.Counter[int], minutes: float) -> dict[str, Any]:
    """What came of all connections."""
    reasons = collections.Counter(re.sub(r"\d+", "N", trial.reason) for trial in trials)
    took = reasons.pop("", 0)
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "versions": f"PyAV {av.__version__}, {os.cpu_count()} cores",
        "connections": len(trials),
        "minutes": round(minutes, 1),
        "ended": sum(codes.values()),
        "ended_by_signal": {str(code): times for code, times in codes.items() if code < 0},
        "longest_s": round(max(trial.seconds for trial in trials), 1),
        "over_limit": sum(trial.seconds > LIMIT for trial in trials),
        "took_all": took,
        "without_reason": reasons.pop("NONE", 0),
        "key_told": sum(KEY in trial.reason for trial in trials),
        "reasons": dict(reasons.most_common()),
    }


def section(made: dict[str, Any]) -> str:
    """The figures in Markdown."""
    signals = ", ".join(f"{times} by signal {-int(code)}" for code, times in made["ended_by_signal"].items())
    common = list(made["reasons"].items())[:TOLD]
    rows = [
        (
            "connections, each to another broken server",
            f"{made['connections']:,} in {made['minutes']} min",
            "",
        ),
        ("senders that ended", f"{made['ended']:,}", "all"),
        ("of these ended from without", signals or "none", ""),
        ("longest connection", f"{made['longest_s']} s", f"{LIMIT:.0f} s"),
        ("took all that it was sent, in spite of the fault", f"{made['took_all']:,}", ""),
        ("failed without a reason", str(made["without_reason"]), "0"),
        ("reasons with the stream key in them", str(made["key_told"]), "0"),
        *((f"said: {reason}", f"{times:,}", "") for reason, times in common),
    ]
    lines = [f"{made['date']}; {made['versions']}.", "", "| figure | measured | goal |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {what} | {value} | {goal} |" for what, value, goal in rows)])


def main(
    count: Annotated[int, typer.Option(min=1, help="Connections.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Of the faults.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Connections at once.")] = 4,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    write: Annotated[Path | None, typer.Option(help="Put the table into this document.")] = None,
) -> None:
    """Answer ten thousand publishers with broken RTMP."""
    began = time.monotonic()
    made = figures(*fuzzed(count, seed, workers), (time.monotonic() - began) / 60)
    Console().print_json(json.dumps(made))
    if json_file:
        json_file.write_text(json.dumps(made, indent=1), encoding="utf-8")
    if write:
        document.put(write, BEGIN, END, section(made))


if __name__ == "__main__":
    typer.run(main)
