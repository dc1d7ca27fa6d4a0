"""What `soak.py` found: rows against their goals, a page with plots, and a section of a document."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from flv import WRAP_MS

from avatar_engine.figures import plots
from avatar_engine.figures.report import slope
from avatar_engine.timing import clock

__all__ = ["page", "rows", "section", "slope", "write"]

BEGIN, END = "<!-- soak: written by benchmarks/soak.py -->", "<!-- /soak -->"
REAL_BEGIN, REAL_END = "<!-- real show: written by benchmarks/soak.py -->", "<!-- /real show -->"
GROWTH = 1.0
"""MB an hour that memory may gain."""
NIGHT = 15.0
"""Hours after which a longer soak is judged for itself."""


def rows(made: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Figure, value and goal."""
    hours, minutes, times = made["programme_hours"], made["wall_minutes"], made["times_real_time"]
    found = [
        ("programme", f"{hours:.2f} h in {minutes:.1f} min ({times:.1f} times real time)", ""),
        ("frames sent", f"{made['frames_sent']:,}", ""),
        ("frames and packets dropped", str(made["dropped"]), "0"),
        ("largest queue", f"{made['largest_queue']} frames", "bounded"),
    ]
    for name in ("received", "recorded"):
        if judged := made[name]:
            label = "RTMP receiver" if name == "received" else "recorded FLV"
            found += _judged(label, judged)
    found += [
        ("A/V offset by count at the RTMP receiver: P99", f"{made['offset_p99_ms']:.1f} ms", "40 ms"),
        ("A/V offset by count: slope", f"{made['offset_ms_per_hour']:+.3f} ms/h", "1 ms/h"),
    ]
    if "show" in made:
        found += _real(made["show"], made["seen"], made["frames_sent"])
    if hours > NIGHT and "show" not in made:
        found += _night(made["points"])
    for name, gain in made["rss_mb_per_hour"].items():
        now = sum(made["rss_mb"].values()) if name == "all" else made["rss_mb"].get(name, 0.0)
        goal = f"< {GROWTH:g}" if name == "all" else ""
        found.append((f"memory, {name}: MB gained an hour", f"{gain:+.2f} ({now:.0f} MB at the end)", goal))
    return found


def _night(points: Sequence[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """The same run up to its `NIGHT`'s end."""
    night = [point for point in points if point["on_air"] <= 3600 * NIGHT]
    settled = [(point["on_air"], sum(point["rss_mb"].values())) for point in night if point["on_air"] >= 3600]
    offset, label = max(abs(point["offset_ms"]) for point in night), f"its first {NIGHT:.0f} h"
    return [
        (f"{label}: frames and packets dropped", str(night[-1]["dropped"]), "0"),
        (f"{label}: largest A/V offset by count", f"{offset:.1f} ms", "0 (a millisecond's rounding)"),
        (f"{label}: memory, all: MB gained an hour", f"{slope(settled):+.2f}", f"< {GROWTH:g}"),
    ]


def _real(show: Mapping[str, Any], seen: Mapping[str, Any], sent: int) -> list[tuple[str, str, str]]:
    """The rows that only a real show has."""
    whole = 1 - (show["dropped"] + show["filled"]) / max(1, sent)
    found = [
        ("frames of the show on air, none of them idle", f"{whole:.4%}", "99.99 %"),
        ("pictures shown twice for want of time", str(show["held"]), ""),
        ("frames that went out late", f"{show['late_warm']}, worst {1000 * show['worst_delay']:.0f} ms", ""),
        ("longest wait for a picture at the receiver", f"{show['longest_gap_ms']:.0f} ms", ""),
        ("sentences said, left out", f"{show['said']}, {show['left_out']}", "0 left out"),
    ]
    if seen["clear"]:
        clear = f"{seen['clear']} of {seen['stretches']} stretches are clear"
        found += [
            ("mouth against sound, as received: P99", f"{seen['p99_ms']:.0f} ms ({clear})", "40 ms"),
            ("mouth against sound: median", f"{seen['median_ms']:+.0f} ms", ""),
        ]
    if seen["ms_per_hour"] is not None:
        slope = f"{seen['ms_per_hour']:+.1f} ms/h, standard error {seen['ms_per_hour_error']:.1f}"
        found.append(("mouth against sound: slope", slope, "1 ms/h"))
    return found


def _judged(label: str, judged: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    upper, missing = judged["extended"], judged["pictures_missing"]
    order = "in order" if judged["wrapped_well"] else "NOT in order"
    return [
        (f"{label}: pictures missing", f"{missing} of {judged['pictures'] + missing:,}", "0"),
        (f"{label}: last picture at", clock(judged["last_picture_ms"] / 1000), ""),
        (
            f"{label}: byte above 24 bits",
            f"{upper[0]} to {upper[-1]}, {order}" if upper else "none",
            "in order",
        ),
        (f"{label}: times off by more than 1 ms, or back", str(judged["time_faults"]), "0"),
        (f"{label}: A/V offset by count", f"{judged['offset_ms']:+.1f} ms", "0 (a millisecond's rounding)"),
    ]


def page(made: Mapping[str, Any]) -> str:
    """The page, which needs no other file."""
    text = Path(__file__).with_name("soak.html.j2").read_text(encoding="utf-8")
    style = files("avatar_engine.pages").joinpath("templates/style.css").read_text(encoding="utf-8")
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(text)
    return template.render(made=made, rows=rows(made), plots=_plots(made["points"]), style=style)


def _plots(points: list[dict[str, Any]]) -> list[tuple[str, str]]:
    seconds = [point["on_air"] for point in points]
    names = sorted({name for point in points for name in point["rss_mb"]})
    memory = {name: [point["rss_mb"].get(name) for point in points] for name in names}
    lines: list[tuple[str, dict[str, list[float]], str]] = [
        ("Memory of every part", memory, "MB"),
        ("Memory, all parts", {"all": [sum(point["rss_mb"].values()) for point in points]}, "MB"),
        ("A/V offset at the receiver, by count", {"offset": [point["offset_ms"] for point in points]}, "ms"),
        ("Dropped so far", {"dropped": [point["dropped"] for point in points]}, "frames, packets"),
        ("Waiting for the encoder", {"queue": [point["queue"] for point in points]}, "frames"),
    ]
    wraps = range(WRAP_MS, round(1000 * seconds[-1]), WRAP_MS) if seconds else ()
    marks = [(wrap / 1000, "24 bits") for wrap in wraps]
    return [(title, plots.over_time(seconds, drawn, unit, marks=marks)) for title, drawn, unit in lines]


def section(made: Mapping[str, Any]) -> str:
    """The figures in Markdown, between their markers."""
    begin, end = _markers(made)
    lines = [begin, "", f"{made['date']}; {made['machine']}; {made['versions']}.", ""]
    lines += ["| figure | measured | goal |", "|---|---|---|"]
    lines += [f"| {what} | {value} | {goal} |" for what, value, goal in rows(made)]
    return "\n".join([*lines, "", end])


def _markers(made: Mapping[str, Any]) -> tuple[str, str]:
    return (REAL_BEGIN, REAL_END) if "show" in made else (BEGIN, END)


def write(document: Path, made: Mapping[str, Any]) -> None:
    """Put the section in its place in a document; at its end, under a heading, where there is none yet."""
    text = document.read_text(encoding="utf-8") if document.exists() else "# Reliability\n"
    begin, end = _markers(made)
    place = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if place.search(text):
        text = place.sub(lambda _: section(made), text)
    else:
        heading = "A real show" if "show" in made else "Soak"
        text = f"{text.rstrip()}\n\n## {heading}\n\n{section(made)}\n"
    document.write_text(text, encoding="utf-8")
