"""The report's plots, each as one inline SVG, and spectrograms as pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from avatar_engine.clone.speech import WINDOW_SECONDS
from avatar_engine.contracts import FRAME_RATE, SAMPLE_RATE, ByteArray, FloatArray
from avatar_engine.face.track import FaceTrack
from avatar_engine.pages.plot import QUIET, REAL, RENDERED, figure_of, svg
from avatar_engine.voice.pitch import pitch

_LEVEL = 10 ** (-23 / 20)


def opening(real: FloatArray, rendered: FloatArray, first: int) -> str:
    """Mouth opening in real and rendered frames, float32 (n,) each in crop sides, over time in the clip."""
    figure, axes = figure_of(2.6)
    times = (first + np.arange(len(real))) / FRAME_RATE
    axes.plot(times, real * 100, color=REAL, label="real", linewidth=1.4)
    axes.plot(times, rendered * 100, color=RENDERED, label="rendered from sound", linewidth=1.2)
    axes.set_xlabel("time in the clip (s)")
    axes.set_ylabel("opening (% of the crop)")
    axes.legend(loc="upper right", frameon=False)
    return svg(figure)


def track(face: FaceTrack) -> str:
    """Head pose in degrees and face width in pixels over the clip; pictures without a face shaded."""
    figure, axes = figure_of(2.8)
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
    return svg(figure)


def level(levels: FloatArray, speaking: npt.NDArray[np.bool_]) -> str:
    """Level of the sound in dB, float32 (w,), over time; windows in which somebody speaks shaded."""
    figure, axes = figure_of(2.4)
    times = np.arange(len(levels)) * WINDOW_SECONDS
    _shade(axes, times, speaking)
    axes.plot(times, np.maximum(levels, -96), color=REAL, linewidth=0.8)
    axes.set_xlabel("time in the clip (s)")
    axes.set_ylabel("dB of full scale")
    return svg(figure)


def lips(
    opening: FloatArray, closed: float, speaking: npt.NDArray[np.bool_], found: npt.NDArray[np.bool_]
) -> str:
    """Opening of the lips, float32 (n,), over time, a line where they count as closed, speech shaded."""
    figure, axes = figure_of(2.4)
    times = np.arange(len(opening)) / FRAME_RATE
    _shade(axes, np.arange(len(speaking)) * WINDOW_SECONDS, speaking)
    axes.plot(times, np.where(found, opening, np.nan), color=RENDERED, linewidth=1.0)
    axes.axhline(closed, color=REAL, linewidth=0.8, linestyle="--")
    axes.set_xlabel("time in the clip (s)")
    axes.set_ylabel("opening (eye distances)")
    return svg(figure)


def light(times: npt.NDArray[np.floating], luma: FloatArray, sharpness: FloatArray) -> str:
    """Brightness of the face and its sharpness, float32 (m,) each, at ``times`` in seconds."""
    figure, axes = figure_of(2.4)
    axes.plot(times, luma, color=RENDERED, linewidth=1.1)
    axes.set_ylim(0, 255)
    axes.set_xlabel("time in the clip (s)")
    axes.set_ylabel("brightness", color=RENDERED)
    sharp = axes.twinx()
    sharp.plot(times, sharpness, color=REAL, linewidth=0.8)
    sharp.set_ylim(bottom=0)
    sharp.set_ylabel("sharpness", color=REAL)
    return svg(figure)


def similarity(rows: Mapping[str, tuple[float, float, float]]) -> str:
    """Bars of stranger, clone and the person's own for each encoder."""
    figure, axes = figure_of(2.4)
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
    return svg(figure)


def pitches(shares: Mapping[str, Sequence[float]], lowest: float) -> str:
    """How often each pitch is heard: for every speaker the share of each semitone from ``lowest`` Hz."""
    figure, axes = figure_of(2.4)
    for (name, values), colour in zip(shares.items(), (RENDERED, REAL, QUIET), strict=False):
        hertz = lowest * 2 ** ((np.arange(len(values)) + 0.5) / 12)
        axes.plot(hertz, np.array(values) * 100, color=colour, label=name, linewidth=1.6)
        axes.fill_between(hertz, np.array(values) * 100, color=colour, alpha=0.12, linewidth=0)
    axes.set_xscale("log")
    ticks = (75, 100, 150, 200, 300, 400)
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("pitch (Hz)")
    axes.set_ylabel("% of the voiced time")
    axes.legend(loc="upper right", frameon=False)
    return svg(figure)


def paces(rows: Mapping[str, Sequence[float]]) -> str:
    """Phones a second of every sentence, a bar each, a line at the mean: one panel a speaker."""
    figure = Figure(figsize=(10, 2.2), layout="constrained")
    FigureCanvasSVG(figure)
    panels = figure.subplots(1, max(1, len(rows)), sharey=True, squeeze=False)[0]
    for axes, (name, values), colour in zip(panels, rows.items(), (RENDERED, REAL, QUIET), strict=False):
        axes.spines[["top", "right"]].set_visible(False)
        axes.bar(range(len(values)), values, color=colour, width=0.8)
        if values:
            axes.axhline(float(np.mean(values)), color="#1c2430", linewidth=0.8, linestyle="--")
        axes.set_xticks([])
        axes.set_xlabel(name)
    panels[0].set_ylabel("phones a second")
    return svg(figure)


def spectrogram(samples: FloatArray, pixels_a_second: int = 200) -> ByteArray:
    """0 to 5 kHz upwards, with the pitch in white at ten times its height: RGB (214, seconds * pixels, 3).

    Loudness is levelled, so that two recordings of one sentence can be laid beside one another.
    """
    level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if len(samples) else 1.0
    even = np.pad(samples * np.float32(_LEVEL / max(level, 1e-6)), (512, 512))
    frames = np.lib.stride_tricks.sliding_window_view(even, 1024)[:: SAMPLE_RATE // pixels_a_second]
    power = 20 * np.log10(np.abs(np.fft.rfft(frames * np.hanning(1024)))[:, :214].T + 1e-3)
    grey = np.clip((power + 40) / 70 * 255, 0, 255).astype(np.uint8)[::-1]
    sheet = cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO)
    for place, hertz in enumerate(pitch(samples)):
        if hertz > 0:
            row, column = int(213 - hertz * 10 / 5000 * 213), int(place * pixels_a_second / 80)
            sheet[max(0, row - 1) : row + 1, column : column + 2] = 255
    return np.asarray(cv2.cvtColor(sheet, cv2.COLOR_BGR2RGB), np.uint8)


def time_spent(seconds: Mapping[str, float]) -> str:
    """A bar a stage, in seconds."""
    figure, axes = figure_of(0.6 + 0.32 * len(seconds))
    bars = axes.barh(list(seconds), list(seconds.values()), color=REAL, height=0.6)
    axes.bar_label(bars, fmt=" %.0f s", fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlabel("seconds")
    return svg(figure)


def _shade(axes: Axes, times: npt.NDArray[np.floating], where: npt.NDArray[np.bool_]) -> None:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], where.astype(np.int8), [0]])))
    for start, stop in edges.reshape(-1, 2):
        axes.axvspan(times[start], times[stop - 1], color=QUIET, alpha=0.35, linewidth=0)
