"""The report's plots, each as one inline SVG."""

from __future__ import annotations

import io
from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from avatar_engine.clone.speech import WINDOW_SECONDS
from avatar_engine.contracts import FRAME_RATE, FloatArray
from avatar_engine.face.track import FaceTrack

REAL, RENDERED, QUIET = "#3b6fb6", "#d9822b", "#9aa5b4"


def opening(real: FloatArray, rendered: FloatArray, first: int) -> str:
    """Mouth opening in real and rendered frames, float32 (n,) each in crop sides, over time in the clip."""
    figure, axes = _figure(2.6)
    times = (first + np.arange(len(real))) / FRAME_RATE
    axes.plot(times, real * 100, color=REAL, label="real", linewidth=1.4)
    axes.plot(times, rendered * 100, color=RENDERED, label="rendered from sound", linewidth=1.2)
    axes.set_xlabel("time in the clip (s)")
    axes.set_ylabel("opening (% of the crop)")
    axes.legend(loc="upper right", frameon=False)
    return _svg(figure)


def track(face: FaceTrack) -> str:
    """Head pose in degrees and face width in pixels over the clip; pictures without a face shaded."""
    figure, axes = _figure(2.8)
    times = np.arange(len(face)) / FRAME_RATE
    for column, (name, colour) in enumerate((("yaw", REAL), ("pitch", RENDERED), ("roll", "#4f9d69"))):
        axes.plot(times, face.pose[:, column], color=colour, label=name, linewidth=1.1)
    _shade(axes, times, ~face.found)
    axes.set_xlabel("time in the clip (s)")
    axes.set_ylabel("degrees")
    width = axes.twinx()
    width.plot(times, np.ptp(face.points[:, :, 0], axis=1), color=QUIET, linewidth=1.0, label="face width")
    width.set_ylabel("face width (px)", color=QUIET)
    axes.legend(loc="upper left", frameon=False, ncols=3)
    return _svg(figure)


def level(levels: FloatArray, speaking: npt.NDArray[np.bool_]) -> str:
    """Level of the sound in dB, float32 (w,), over time; windows in which somebody speaks shaded."""
    figure, axes = _figure(2.4)
    times = np.arange(len(levels)) * WINDOW_SECONDS
    _shade(axes, times, speaking)
    axes.plot(times, np.maximum(levels, -96), color=REAL, linewidth=0.8)
    axes.set_xlabel("time in the clip (s)")
    axes.set_ylabel("dB of full scale")
    return _svg(figure)


def lips(
    opening: FloatArray, closed: float, speaking: npt.NDArray[np.bool_], found: npt.NDArray[np.bool_]
) -> str:
    """Opening of the lips, float32 (n,), over time, a line where they count as closed, speech shaded."""
    figure, axes = _figure(2.4)
    times = np.arange(len(opening)) / FRAME_RATE
    _shade(axes, np.arange(len(speaking)) * WINDOW_SECONDS, speaking)
    axes.plot(times, np.where(found, opening, np.nan), color=RENDERED, linewidth=1.0)
    axes.axhline(closed, color=REAL, linewidth=0.8, linestyle="--")
    axes.set_xlabel("time in the clip (s)")
    axes.set_ylabel("opening (eye distances)")
    return _svg(figure)


def light(times: npt.NDArray[np.floating], luma: FloatArray, sharpness: FloatArray) -> str:
    """Brightness of the face and its sharpness, float32 (m,) each, at ``times`` in seconds."""
    figure, axes = _figure(2.4)
    axes.plot(times, luma, color=RENDERED, linewidth=1.1)
    axes.set_ylim(0, 255)
    axes.set_xlabel("time in the clip (s)")
    axes.set_ylabel("brightness", color=RENDERED)
    sharp = axes.twinx()
    sharp.plot(times, sharpness, color=REAL, linewidth=0.8)
    sharp.set_ylim(bottom=0)
    sharp.set_ylabel("sharpness", color=REAL)
    return _svg(figure)


def similarity(rows: Mapping[str, tuple[float, float, float]]) -> str:
    """Bars of stranger, clone and the person's own for each encoder."""
    figure, axes = _figure(2.4)
    names = list(rows)
    for place, (label, colour) in enumerate(
        (("a stranger", QUIET), ("the clone", RENDERED), ("the person", REAL))
    ):
        heights = [rows[name][place] for name in names]
        bars = axes.bar(np.arange(len(names)) + (place - 1) * 0.26, heights, 0.24, color=colour, label=label)
        axes.bar_label(bars, fmt="%.2f", fontsize=8)
    axes.set_xticks(range(len(names)), names)
    axes.set_ylim(0, 1.12)
    axes.set_ylabel("cosine similarity")
    axes.legend(loc="upper left", frameon=False, ncols=3, bbox_to_anchor=(0, 1.18))
    return _svg(figure)


def time_spent(seconds: Mapping[str, float]) -> str:
    """A bar a stage, in seconds."""
    figure, axes = _figure(0.6 + 0.32 * len(seconds))
    bars = axes.barh(list(seconds), list(seconds.values()), color=REAL, height=0.6)
    axes.bar_label(bars, fmt=" %.0f s", fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlabel("seconds")
    return _svg(figure)


def _figure(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(10, height), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _shade(axes: Axes, times: npt.NDArray[np.floating], where: npt.NDArray[np.bool_]) -> None:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], where.astype(np.int8), [0]])))
    for start, stop in edges.reshape(-1, 2):
        axes.axvspan(times[start], times[stop - 1], color=QUIET, alpha=0.35, linewidth=0)


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    # text as text keeps the page small; no date keeps the same report the same bytes
    with mpl.rc_context({"svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    whole = text.getvalue()
    return whole[whole.index("<svg") :]
