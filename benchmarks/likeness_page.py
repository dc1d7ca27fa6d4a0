"""The page of `likeness.py`: figures, plots and strips of pictures in one HTML file that needs no other."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import jinja2
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from avatar_engine.contracts import FRAME_RATE, ByteArray
from avatar_engine.face import crop
from avatar_engine.face.track import FaceTrack
from avatar_engine.lips.likeness.motion import CLOSING, Place
from avatar_engine.lips.likeness.pictures import area

FIGURES = (
    ("opening: correlation", "correlation", ".3f"),
    ("opening: spread over the real", "spread", ".3f"),
    ("opening at the phones: correlation", "phone_correlation", ".3f"),
    ("width: correlation", "width_correlation", ".3f"),
    ("lip landmarks: distance, px", "distance", ".2f"),
    ("lip landmarks: share of mouth width", "distance_share", ".1%"),
    ("closed lips on p b m, of the real closures", "closures", "closures"),
    ("closed where the real mouth is open", "wrongly_closed", ".1%"),
    ("silence: motion of the opening over the real", "rest_opening", ".2f"),
    ("silence: motion of the lips over the real", "rest_lips", ".2f"),
    ("silence: motion of the lips, px a picture", "rest_lips_px", ".3f"),
    ("silence: mean opening, share of the crop", "rest_open", ".2%"),
    ("PSNR, box of all that is painted, dB", "psnr", ".2f"),
    ("PSNR, tight box round the lips, dB", "lips_psnr", ".2f"),
    ("PSNR, whole face, dB", "face_psnr", ".2f"),
    ("SSIM, box of all that is painted", "ssim", ".4f"),
    ("SSIM, tight box round the lips", "lips_ssim", ".4f"),
    ("SSIM, whole face", "face_ssim", ".4f"),
    ("sharpness, tight box, over the real", "sharpness", ".3f"),
    ("sharpness, all that is painted, over the real", "sharpness_painted", ".3f"),
    ("mean absolute Laplacian, tight box", "detail", ".2f"),
    ("flicker that the real does not have", "flicker", ".3f"),
    ("flicker, plain ratio", "flicker_plain", ".3f"),
    ("seam that the real does not have", "seam", ".3f"),
    ("seam: steepest added edge, grey levels", "seam_worst", ".2f"),
    ("seam: slope across the edge over the real", "seam_plain", ".3f"),
    ("A/V offset against the real opening, ms", "offset_ms", "+.0f"),
    ("A/V offset against the loudness, ms", "sound_offset_ms", "+.0f"),
    ("pictures without a face", "unseen", "d"),
)
"""Label, name and format of every figure, in the order of the table."""

CURVE = (
    ("by sound: opening correlation", "driven", "correlation", ".3f"),
    ("spread", "driven", "spread", ".3f"),
    ("width correlation", "driven", "width_correlation", ".3f"),
    ("landmarks, px", "driven", "distance", ".2f"),
    ("PSNR, dB", "driven", "psnr", ".2f"),
    ("sharpness", "driven", "sharpness", ".3f"),
    ("flicker", "driven", "flicker", ".3f"),
    ("painted again: PSNR, dB", "painted", "psnr", ".2f"),
    ("sharpness", "painted", "sharpness", ".3f"),
)
"""Label, row, name and format of the learning curve's columns."""

COLOURS = {
    "real": "#3b6fb6",
    "painted": "#4f9d69",
    "driven": "#d9822b",
    "spoken": "#a54f9d",
    "filmed": "#b39b6b",
}
QUIET = "#9aa5b4"

EVERY, SCALE, WIDEST = 10, 3, 640
"""A strip for every tenth picture, its tiles three times as large as the face is filmed, up to so many pixels."""


def shown(values: Mapping[str, Any], figure: str, form: str) -> str:
    """A figure as text."""
    if form == "closures":
        if values["closings_real"] is None:
            return "–"
        return f"{values['closings_hit']} of {values['closings_real']} ({values['closings']} said)"
    value = values[figure]
    return "–" if value is None else format(value, form)


@dataclass(frozen=True)
class Strip:
    """The tiles of one moment side by side, as a data address, and what is written below."""

    image: str
    text: str


class Gallery:
    """Keeps the face of every tenth picture of every way; a `rows.Look`."""

    def __init__(self, track: FaceTrack, size: int, frames: range) -> None:
        self._matrices = crop.transforms(track, size)
        self._size, self._frames = size, frames
        self._tiles: dict[int, list[ByteArray]] = {}

    def __call__(self, index: int, way: str, picture: ByteArray) -> None:
        if (index - self._frames.start) % EVERY:
            return
        box = (0.0, 0.0, float(self._size), float(self._size))
        tile = picture[area(self._matrices[index], box, *picture.shape[:2])]
        scale = min(float(SCALE), WIDEST / tile.shape[1])
        shown = cv2.resize(tile, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        self._tiles.setdefault(index, []).append(np.asarray(shown, np.uint8))

    def strips(self, phones: Sequence[Place]) -> list[Strip]:
        """All that was kept, in order of time, with the phone that is said there."""
        out = []
        for index, tiles in sorted(self._tiles.items()):
            here = index - self._frames.start
            near = min(phones, key=lambda phone: abs(phone.picture - here), default=None)
            said = f", near [{near.symbol}]" if near and abs(near.picture - here) <= 2 else ""
            picture = cv2.cvtColor(np.concatenate(tiles, 1), cv2.COLOR_RGB2BGR)
            _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
            image = "data:image/jpeg;base64," + base64.b64encode(coded.tobytes()).decode()
            out.append(Strip(image, f"{index / FRAME_RATE:.2f} s{said}"))
        return out


def render(report: Mapping[str, Any], strips: Sequence[Strip]) -> str:
    """The page."""
    text = Path(__file__).with_name("likeness.html.j2").read_text(encoding="utf-8")
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(text)
    plots = {"opening": openings(report), "error": errors(report), "kinds": kinds(report)}
    if "curve" in report:
        plots["curve"] = curve(report["curve"])
    goals = {(goal["row"], goal["figure"]): goal for goal in report["goals"]}
    table = [
        (
            label,
            [
                (shown(values, name, form), goals.get((row, name), {}).get("met"))
                for row, values in report["rows"].items()
            ],
            " | ".join(goal["text"] for (_, figure), goal in goals.items() if figure == name),
        )
        for label, name, form in FIGURES
    ]
    points = [
        [f"{entry['seconds']:g} s", f"{entry['budget']:.0f} s"]
        + [shown(entry[row], figure, form) for _, row, figure, form in CURVE]
        for entry in report.get("curve", [])
    ]
    return template.render(
        report=report,
        table=table,
        plots=plots,
        strips=strips,
        points=points,
        curve_head=[c[0] for c in CURVE],
    )


def openings(report: Mapping[str, Any]) -> str:
    """Opening over time, six seconds a line: real, driven and spoken, phones as ticks, silence shaded."""
    series, first = report["series"], report["series"]["first"]
    count = len(series["opening"]["real"])
    line = 6 * FRAME_RATE
    lines = max(1, -(-count // line))
    figure = Figure(figsize=(12, 2.6 * lines), layout="constrained")
    FigureCanvasSVG(figure)
    top = max(max(values) for values in series["opening"].values()) * 100
    for number in range(lines):
        axes = figure.add_subplot(lines, 1, number + 1)
        span = range(number * line, min(count, (number + 1) * line))
        times = [(first + k) / FRAME_RATE for k in span]
        for name in ("spoken", "driven", "real"):
            if name in series["opening"]:
                values = [series["opening"][name][k] * 100 for k in span]
                axes.plot(
                    times, values, color=COLOURS[name], linewidth=1.6 if name == "real" else 1.2,
                    label=report["names"][name], alpha=0.6 if name == "spoken" else 1.0,
                )  # fmt: skip
        axes.axhline(report["closed_below"] * 100, color=QUIET, linewidth=0.8, linestyle=":")
        _silence(axes, series["silent"], first, span)
        for symbol, picture in series["phones"]:
            if picture in span and symbol != "_":
                closing = symbol[:1] in CLOSING
                axes.text(
                    (first + picture) / FRAME_RATE, top * 1.06, symbol, ha="center", va="bottom", fontsize=8,
                    color="#b3261e" if closing else "#555", weight="bold" if closing else "normal",
                )  # fmt: skip
                axes.axvline(
                    (first + picture) / FRAME_RATE,
                    ymin=0.93,
                    color="#b3261e" if closing else QUIET,
                    linewidth=0.8,
                )
        axes.set_xlim((first + number * line) / FRAME_RATE, (first + (number + 1) * line) / FRAME_RATE)
        axes.set_ylim(-0.3, top * 1.06)
        _plain(axes, "time in the clip (s)" if number == lines - 1 else "", "opening (% of crop)")
        if number == 0:
            axes.legend(loc="upper left", bbox_to_anchor=(0, 1.3), frameon=False, ncols=3, fontsize=9)
    return _svg(figure)


def errors(report: Mapping[str, Any]) -> str:
    """PSNR of the tight box in every picture, and how far the opening is from the real one."""
    series, first = report["series"], report["series"]["first"]
    figure = Figure(figsize=(12, 4.4), layout="constrained")
    FigureCanvasSVG(figure)
    upper, lower = figure.subplots(2, 1, sharex=True)
    times = (first + np.arange(len(series["opening"]["real"]))) / FRAME_RATE
    real = np.array(series["opening"]["real"])
    for name in ("painted", "driven", "spoken"):
        if name in series["opening"]:
            upper.plot(
                times,
                series["lips_psnr"][name],
                color=COLOURS[name],
                linewidth=1.1,
                label=report["names"][name],
            )
            away = (np.array(series["opening"][name]) - real) * 100
            lower.plot(times, away, color=COLOURS[name], linewidth=1.1)
    for axes in (upper, lower):
        _silence(axes, series["silent"], first, range(len(real)))
    _plain(upper, "", "PSNR of the lips (dB)")
    _plain(lower, "time in the clip (s)", "opening less the real (% of crop)")
    upper.legend(loc="upper left", bbox_to_anchor=(0, 1.25), frameon=False, ncols=3, fontsize=9)
    return _svg(figure)


def kinds(report: Mapping[str, Any]) -> str:
    """Mean opening at the middle of each kind of phone, a bar a row."""
    names = list(report["kinds"]["real"])
    if not names:
        return ""
    figure = Figure(figsize=(12, 2.8), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    share = 0.8 / len(report["kinds"])
    for place, (row, values) in enumerate(report["kinds"].items()):
        heights = [values[name]["opening"] * 100 for name in names]
        offsets = np.arange(len(names)) + (place - (len(report["kinds"]) - 1) / 2) * share
        axes.bar(offsets, heights, share * 0.9, color=COLOURS[row], label=report["names"][row])
    labels = [f"{name} ({report['kinds']['real'][name]['count']})" for name in names]
    axes.set_xticks(range(len(names)), labels, fontsize=8)
    _plain(axes, "", "opening (% of crop)")
    axes.legend(loc="upper left", bbox_to_anchor=(0, 1.25), frameon=False, ncols=4, fontsize=9)
    return _svg(figure)


def curve(points: Sequence[Mapping[str, Any]]) -> str:
    """What more seconds of material bring."""
    figure = Figure(figsize=(12, 2.8), layout="constrained")
    FigureCanvasSVG(figure)
    panels = (("correlation", "opening correlation"), ("distance", "landmarks (px)"), ("psnr", "PSNR (dB)"),
              ("sharpness", "sharpness"))  # fmt: skip
    seconds = [point["seconds"] for point in points]
    for number, (name, label) in enumerate(panels):
        axes = figure.add_subplot(1, len(panels), number + 1)
        for row in ("painted", "driven"):
            values = [point[row][name] for point in points]
            axes.plot(seconds, values, "o-", color=COLOURS[row], label=row, markersize=4)
        axes.set_xscale("log")
        axes.set_xticks(seconds, [f"{s:g}" for s in seconds])
        axes.minorticks_off()
        _plain(axes, "seconds fitted", label)
        if number == 0:
            axes.legend(frameon=False, fontsize=8)
    return _svg(figure)


def _silence(axes: Axes, silent: Sequence[int], first: int, span: range) -> None:
    """Shade the silent pictures."""
    flags = np.zeros(span.stop - span.start + 2, np.int8)
    flags[[k - span.start + 1 for k in silent if k in span]] = 1
    for start, stop in np.flatnonzero(np.diff(flags)).reshape(-1, 2):
        left, right = ((first + span.start + edge) / FRAME_RATE for edge in (start, stop))
        axes.axvspan(left, right, color=QUIET, alpha=0.18, linewidth=0)


def _plain(axes: Axes, below: str, beside: str) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel(below)
    axes.set_ylabel(beside, fontsize=9)


def _svg(figure: Figure) -> str:
    text = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "font.family": "sans-serif", "svg.hashsalt": "likeness"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    whole = text.getvalue()
    return whole[whole.index("<svg") :]
