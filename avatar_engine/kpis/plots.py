"""Plots of a night's key figures, each as one inline SVG."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from avatar_engine.kpis.compare import Compared
from avatar_engine.kpis.night import Night
from avatar_engine.pages.plot import QUIET, REAL, RENDERED, figure_of, figures_of, svg

COLOURS = (REAL, RENDERED, "#4f9d69", "#8c5aa8", "#b0413e", "#2a9d9d", "#6b705c", "#c9a227")

POINTS = 600
"""Points of a line, and bars, at most."""

MOST_STAYS = 1500
"""Stays that are drawn at most; what is shorter than the rest goes first."""

_SHOWN = 24


def viewers(night: Night) -> str:
    """Viewers over time, with the segments beneath."""
    figure, (above, beneath) = figures_of(3.2, (6, 1))
    divisor, label = _scale(night)
    steps = night.viewers
    if len(steps.times):
        kept = _greatest(steps.values, POINTS)
        times = np.append(steps.times[kept], night.end) / divisor
        values = np.append(steps.values[kept], steps.values[-1])
        above.fill_between(times, values, step="post", color=REAL, alpha=0.18, linewidth=0)
        above.plot(times, values, color=REAL, drawstyle="steps-post", linewidth=1.2)
    above.set_ylim(bottom=0)
    above.set_ylabel("viewers")
    names = list(dict.fromkeys(stay.segment for stay in night.stays))
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}
    longest = sorted(night.stays, key=lambda stay: stay.start - stay.end)[:MOST_STAYS]
    for stay in longest:
        width = (stay.end - stay.start) / divisor
        beneath.barh(
            0, width, 1.0, stay.start / divisor, color=colours[stay.segment], edgecolor="white", linewidth=0.4
        )
        if stay.end - stay.start > 0.012 * len(stay.segment[:_SHOWN]) * night.seconds:
            middle = (stay.start + stay.end) / 2 / divisor
            beneath.text(middle, 0, _named(stay.segment), ha="center", va="center", fontsize=7, color="white")
    for name in names[: len(COLOURS)]:
        beneath.barh(0, 0, color=colours[name], label=_named(name))
    beneath.set_yticks([])
    beneath.spines[["left"]].set_visible(False)
    beneath.set_xlabel(label)
    above.set_xlim(night.start / divisor, max(night.end, night.start + 1) / divisor)
    if len(names) > 1:
        beneath.legend(loc="upper left", bbox_to_anchor=(0, -0.9), ncols=4, frameon=False, fontsize=7)
    return svg(figure)


def chat(night: Night) -> str:
    """Messages and questions a minute."""
    _, axes = figure_of(2.2)
    edges = _edges(night)
    for name, sums, colour in (("messages", night.messages, REAL), ("questions", night.asking, RENDERED)):
        counts = [sums.gained(a, b) for a, b in pairwise(edges)]
        _rates(axes, night, edges, np.array(counts), name, colour)
    return _finished(axes, night, "a minute")


def bought(night: Night) -> str:
    """Clicks and sales a minute."""
    _, axes = figure_of(2.2)
    edges = _edges(night)
    for name, colour in (("clicks", REAL), ("sales", RENDERED)):
        rows = [one for one in night.bought if one.figure == name]
        counts, _ = np.histogram([one.at for one in rows], edges, weights=[one.count for one in rows])
        _rates(axes, night, edges, counts, name, colour)
    return _finished(axes, night, "a minute")


def responses(seconds: Sequence[float]) -> str:
    """How long questions waited for the first sample of their answer."""
    figure, axes = figure_of(2.2)
    values = np.array(seconds, float)
    axes.hist(values, bins=min(40, max(5, round(len(values) ** 0.5) * 2)), color=REAL, alpha=0.8)
    for share, style in ((50, "-"), (95, "--")):
        at = float(np.percentile(values, share))
        axes.axvline(at, color=RENDERED, linestyle=style, label=f"{share} % within {at:.1f} s")
    axes.set_xlabel("seconds from the question to its answer's first sample")
    axes.set_ylabel("questions")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)
    return svg(figure)


def wordings(compared: Compared, unit: str) -> str:
    """The rate of every wording with its interval."""
    rates = compared.rates
    figure, axes = figure_of(0.9 + 0.32 * len(rates))
    for number, rate in enumerate(reversed(rates)):
        colour = COLOURS[(len(rates) - 1 - number) % len(COLOURS)]
        axes.plot(
            [rate.low, rate.high], [number, number], color=colour, linewidth=2.5, solid_capstyle="round"
        )
        axes.plot([rate.rate], [number], "o", color=colour)
    axes.set_yticks(
        range(len(rates)), [_label(rate.label, rate.times) for rate in reversed(rates)], fontsize=8
    )
    axes.set_ylim(-0.6, len(rates) - 0.4)
    axes.set_xlim(left=0)
    axes.set_xlabel(f"{compared.metric} for 1000 {unit}, with 95 % intervals")
    axes.grid(axis="x", color=QUIET, alpha=0.3)
    return svg(figure)


def _label(label: str, times: int) -> str:
    return _safe(f"{label if len(label) <= 48 else label[:47] + '…'}  ({times}x)")


def _named(segment: str) -> str:
    return _safe(segment if len(segment) <= _SHOWN else segment[: _SHOWN - 1] + "…") or "(start)"


def _safe(text: str) -> str:
    """Text that is not taken for a formula."""
    return text.replace("$", "\\$")


def _scale(night: Night) -> tuple[float, str]:
    return (3600.0, "hours of the show") if night.seconds >= 7200 else (60.0, "minutes of the show")


def _edges(night: Night) -> npt.NDArray[np.float64]:
    """Of stretches of ten seconds or more."""
    count = int(min(POINTS, max(4, night.seconds // 30)))
    return np.linspace(night.start, max(night.end, night.start + 1.0) + 1e-6, count + 1)


def _rates(
    axes: Axes, night: Night, edges: npt.NDArray[np.float64], counts: npt.NDArray[np.float64], name: str, colour: str
) -> None:  # fmt: skip
    divisor, _ = _scale(night)
    values = counts / np.diff(edges) * 60.0
    axes.stairs(values, edges / divisor, color=colour, fill=True, alpha=0.25)
    axes.stairs(values, edges / divisor, color=colour, label=name, linewidth=1.2)


def _finished(axes: Axes, night: Night, unit: str) -> str:
    divisor, label = _scale(night)
    axes.set_xlabel(label)
    axes.set_ylabel(unit)
    axes.set_xlim(night.start / divisor, max(night.end, night.start + 1.0) / divisor)
    axes.set_ylim(bottom=0)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)
    figure = axes.get_figure(root=True)
    assert figure is not None  # noqa: S101 - for the type checker: axes belong to one
    return svg(figure)


def _greatest(values: npt.NDArray[np.float64], most: int) -> npt.NDArray[np.int64]:
    """Places of at most ``most`` values that keep every peak."""
    if len(values) <= most:
        return np.arange(len(values))
    stretches = np.array_split(np.arange(len(values)), most - 1)
    return np.array(sorted({*(int(one[np.argmax(values[one])]) for one in stretches), len(values) - 1}))
