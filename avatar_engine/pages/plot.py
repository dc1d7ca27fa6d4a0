"""Plots as inline SVG, all in one look."""

from __future__ import annotations

import io
import warnings
from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

REAL, RENDERED, QUIET = "#3b6fb6", "#d9822b", "#9aa5b4"
"""Colours: the real or expected, ours, and what stays in the background."""


def figure_of(height: float) -> tuple[Figure, Axes]:
    """An empty plot, ten inches wide and ``height`` high."""
    figure = Figure(figsize=(10, height), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def svg(figure: Figure) -> str:
    """The figure as an SVG element."""
    text = io.StringIO()
    # text as text keeps the page small; no date keeps the same report the same bytes
    with mpl.rc_context({"svg.fonttype": "none", "font.family": "sans-serif"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # whoever looks at the page has the letters
        figure.savefig(text, format="svg", metadata={"Date": None})
    whole = text.getvalue()
    return whole[whole.index("<svg") :]


def figures_of(height: float, shares: Sequence[float]) -> tuple[Figure, list[Axes]]:
    """Empty plots above one another over the same time, with these shares of the height."""
    figure = Figure(figsize=(10, height), layout="constrained")
    FigureCanvasSVG(figure)
    rows = figure.subplots(len(shares), 1, sharex=True, height_ratios=list(shares))
    for axes in rows:
        axes.spines[["top", "right"]].set_visible(False)
    return figure, list(rows)
