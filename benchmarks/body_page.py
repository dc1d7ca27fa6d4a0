"""The page of `body.py`: the seam plot, the way through the minute, and pictures round the joins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import jinja2
import numpy as np
from matplotlib.figure import Figure

from avatar_engine.contracts import FRAME_RATE, ByteArray
from avatar_engine.media.read import frames
from avatar_engine.pages.page import jpeg
from avatar_engine.pages.plot import QUIET, REAL, RENDERED, figure_of, svg
from avatar_engine.stage.graph import Graph

SHOWN = 4
"""Joins on the sheet: those with the largest jumps."""

_PAGE = jinja2.Template(
    """<!doctype html><meta charset="utf-8"><title>{{ name }}: body</title>
<style>body { font: 15px system-ui; max-width: 70em; margin: 2em auto } td { padding: .1em 1em .1em 0 }
img, svg { width: 100%; height: auto }</style>
<h1>{{ name }}: {{ "%g" | format(minutes) }} minutes of the body</h1>
<table>{% for row in rows %}<tr><td>{{ row[0] }}<td>{{ row[1] }}{% endfor %}</table>
<h2>Change from picture to picture</h2>{{ seams }}
<h2>The way through the minute</h2>{{ way }}
<h2>The joins that change most, every third picture</h2><img src="{{ sheet }}">
""",
    autoescape=False,
)


def rows(made: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Figure and value."""
    ways, footage, joins = made["ways"], made["footage_change"], made["join_change"]
    found = [
        ("round, joins kept / refused, beats",
         f"{made['round_s']:.1f} s, {made['joins']} / {made['joins_refused']}, {made['beats']}"),
        ("joins taken; seconds between two, least / median / most",
         f"{made['joins_taken']}; {' / '.join(f'{one:.1f}' for one in made['between_joins_s'])}"),
        ("change between pictures of the footage, P50 / P95 / max",
         " / ".join(f"{footage[key][0]:.2f}" for key in ("p50", "p95", "max"))),
    ]  # fmt: skip
    if joins["max"]:
        found += [
            ("at joins, P50 / max", f"{joins['p50'][0]:.2f} / {joins['max'][0]:.2f}"),
            ("the same in the part that changes most: footage P95, joins' max",
             f"{footage['p95'][1]:.2f}, {joins['max'][1]:.2f}"),
            ("steps at joins above the footage's P95", f"{joins['above_p95']:.1%}"),
        ]  # fmt: skip
    for name, label in (("walk", "walk"), ("deaf", "walk that knows no sound"), ("loop", "forward loop")):
        one = ways[name]
        found += [
            (f"{label}: longest stretch shown twice", f"{one['longest_repeat_s']:.1f} s"),
            (f"{label}: pictures that come again in step, at the worst lag",
             f"{one['recurrence_share']:.1%} after {one['recurrence_lag_s']:.1f} s"),
            (f"{label}: beats in speech on a stressed word (within 120 ms)",
             f"{one['on_a_stressed_word']:.0%} of {one['beats_in_speech']}"),
            (f"{label}: how much the body talks, in speech / in pauses",
             f"{one['talk_in_speech']:.2f} / {one['talk_in_pauses']:.2f}"),
        ]  # fmt: skip
    nods = made["nods"]
    found += [
        ("nods that are made by bending the picture; how many of them on a stressed word; stressed words with one",
         f"{nods['nods']}, {nods['on_a_stressed_word']:.0%}; {nods['words_with_one']:.0%} of {nods['stressed_words']}"),
        ("longest stretch shown twice, nods included", f"{nods['longest_repeat_s']:.1f} s"),
        ("CPU of bending a picture, P50 / P99; would the wall show it",
         f"{nods['cpu_ms']:.2f} / {nods['cpu_p99_ms']:.2f} ms; {'yes' if nods['wall_shows_it'] else 'no'}"),
        ("the same along the head's outline, P50 / P99",
         f"{nods['outlined_cpu_ms']:.2f} / {nods['outlined_cpu_p99_ms']:.2f} ms"),
        ("CPU of choosing / of choosing and decoding a picture",
         f"{made['choosing_cpu_ms']:.3f} / {made['decoding']['cpu_ms_a_picture']:.2f} ms"),
        ("the same of the forward loop", f"{made['decoding_loop']['cpu_ms_a_picture']:.2f} ms"),
        ("waiting for a picture, P99", f"{made['decoding']['wait_p99_ms']:.1f} ms"),
        ("films; CPU of baking", f"{made['films_mb']:.1f} MB; {made['bake_cpu_s']:.0f} s"),
        ("made", f"{made['date']}, {made['machine']}, Python {made['python']}"),
    ]  # fmt: skip
    return found


def page(made: Mapping[str, Any], reels: Sequence[Path], graph: Graph, name: str) -> str:
    """The page, one HTML file."""
    whole: str = _PAGE.render(
        name=name, minutes=made["minutes"], rows=rows(made), seams=svg(seams(made)), way=_way(made),
        sheet=jpeg(np.asarray(sheet(reels, graph)[..., ::-1], np.uint8), 80),
    )  # fmt: skip
    return whole


def seams(made: Mapping[str, Any]) -> Figure:
    """Every change from picture to picture, those at joins in another colour."""
    steps, joined = np.array(made["series"]["steps"]), np.array(made["series"]["joined"])
    minutes = np.arange(len(steps)) / FRAME_RATE / 60
    at_joins = joined[:-1] | joined[1:]
    figure, axes = figure_of(4)
    axes.plot(minutes, steps, color=QUIET, linewidth=0.4, rasterized=True, label="footage")
    axes.plot(minutes[at_joins], steps[at_joins], ".", color=RENDERED, markersize=2, label="joins")
    for key, style in (("p50", ":"), ("p95", "--")):
        axes.axhline(made["footage_change"][key][0], color=REAL, linestyle=style, label=f"footage's {key}")
    axes.set(xlabel="minutes", ylabel="change of luma at half size")
    axes.legend(ncols=4, frameon=False)
    return figure


def _way(made: Mapping[str, Any]) -> str:
    places = np.array(made["series"]["places"]) / FRAME_RATE
    figure, axes = figure_of(3)
    axes.plot(np.arange(len(places))[::5] / FRAME_RATE / 60, places[::5], ".", color=REAL, markersize=1)
    axes.set(xlabel="minutes", ylabel="second of the round")
    return svg(figure)


def sheet(reels: Sequence[Path], graph: Graph, width: int = 240) -> ByteArray:
    """Every third picture round the joins with the largest jumps, a row each: BGR."""
    made = []
    for join in np.argsort(-graph.jump)[:SHOWN]:
        leave, into, length = int(graph.leave[join]), int(graph.into[join]), int(graph.length[join])
        first = int(graph.first[join]) - graph.round
        row = [
            *frames(reels[0], leave - 3, leave),
            *frames(reels[1], first, first + length),
            *frames(reels[0], into, into + 4),
        ]
        small = [
            cv2.resize(each, (width, width * each.shape[0] // each.shape[1]), interpolation=cv2.INTER_AREA)
            for each in row[::3][:8]
        ]
        small += [np.zeros_like(small[0])] * (8 - len(small))
        made.append(np.concatenate(small, 1))
    return np.concatenate(made) if made else np.zeros((8, 8, 3), np.uint8)
