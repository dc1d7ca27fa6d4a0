"""Plots of figures over a show, each as one inline SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from avatar_engine.pages.plot import QUIET, REAL, RENDERED, figure_of, svg

COLOURS = (REAL, RENDERED, "#4f9d69", "#8c5aa8", "#b0413e", QUIET, "#2a9d9d", "#6b705c")

POINTS = 1200
"""Points a line at most: more than a screen shows."""


def over_time(
    seconds: Sequence[float],
    lines: Mapping[str, Sequence[float | None]],
    unit: str,
    *,
    marks: Sequence[tuple[float, str]] = (),
    steps: bool = False,
) -> str:
    """Lines over the time on air.

    Args:
        seconds: Time of every point; no more than `POINTS` of them are drawn, the outermost of each stretch.
        lines: Values by label, one a point; None where there is none.
        unit: What the values are in.
        marks: Times in seconds and names of vertical lines.
        steps: Whether a value holds until the next (counts).
    """
    figure, axes = figure_of(2.4)
    divisor, label = (3600, "hours on air") if seconds and seconds[-1] >= 7200 else (60, "minutes on air")
    times = np.array(seconds, float) / divisor
    for number, (name, values) in enumerate(lines.items()):
        numbers = np.array([np.nan if value is None else value for value in values], float)
        kept = outermost(numbers, POINTS)
        style = "steps-post" if steps else "default"
        colour = COLOURS[number % len(COLOURS)]
        axes.plot(times[kept], numbers[kept], color=colour, label=name, linewidth=1.1, drawstyle=style)
    for moment, name in marks:
        axes.axvline(moment / divisor, color=QUIET, linewidth=0.8, linestyle="--")
        axes.annotate(name, (moment / divisor, 1), xycoords=("data", "axes fraction"), fontsize=7, va="top")
    axes.set_xlabel(label)
    axes.set_ylabel(unit)
    axes.ticklabel_format(axis="y", useOffset=False)
    if len(lines) > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)
    return svg(figure)


def outermost(values: npt.NDArray[np.float64], most: int) -> npt.NDArray[np.int64]:
    """Places of at most ``most`` values that keep every peak: the least and the greatest of each stretch."""
    if len(values) <= most:
        return np.arange(len(values))
    kept: set[int] = {0, len(values) - 1}
    for stretch in np.array_split(np.arange(len(values)), most // 2 - 1):
        inside = values[stretch]
        if not np.isnan(inside).all():
            kept |= {int(stretch[np.nanargmin(inside)]), int(stretch[np.nanargmax(inside)])}
    return np.array(sorted(kept))
