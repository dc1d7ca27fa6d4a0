"""The report on a show: one HTML page from what its folder holds, also of a show that was killed."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avatar_engine.errors import AvatarError
from avatar_engine.figures import log as logs
from avatar_engine.figures import plots
from avatar_engine.figures.ending import ending
from avatar_engine.figures.folder import ShowFolder
from avatar_engine.figures.series import snapshots
from avatar_engine.kpis import page as kpis
from avatar_engine.kpis.gathered import gather
from avatar_engine.pages import page as pages
from avatar_engine.timing import clock

DELIVERED, OFFSET_MS, GROWTH = 0.9999, 40.0, 1.0
"""Goals: share of frames that went out; A/V offset; MB of memory an hour."""

WARM = 120.0
"""Seconds on air after which memory counts as settled."""

log = logging.getLogger(__name__)

_ABOUT = ("engine", "began", "ended", "avatar", "script", "outputs", "log")

LONGEST = 2000
"""Rows of a list at most; the rest is in the log."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a show's folder tells.

    Attributes:
        about: What the show is, how it ended.
        points: Snapshots with a status, in order.
        last: The last of them; empty when it never got on air.
        faults: Log lines of warnings and errors.
        said: Log lines of what was said and left out.
        silent: Faults and sentences that did not find room.
    """

    about: dict[str, Any]
    points: list[dict[str, Any]]
    last: dict[str, Any]
    faults: list[dict[str, Any]]
    said: list[dict[str, Any]]
    silent: int

    @property
    def seconds(self) -> list[float]:
        """Time on air of every point."""
        return [point["status"]["on_air"] for point in self.points]

    def each(self, *path: str) -> list[Any]:
        """A figure of every point, by its keys; None where it is not."""
        return [_inside(point, path) for point in self.points]


def read(folder: ShowFolder) -> Told:
    """Everything that a show's folder tells."""
    about = {**dict.fromkeys(_ABOUT, ""), "show": folder.show, **folder.about()}
    points = [point for point in snapshots(folder.series) if "status" in point]
    faults: list[dict[str, Any]] = []
    said: list[dict[str, Any]] = []
    silent = 0
    for line in logs.lines(Path(about["log"] or folder.log), folder.show):
        fault = line.get("level") not in ("INFO", "DEBUG")
        for rows in [said] * ("event" in line) + [faults] * fault:
            if len(rows) < LONGEST:
                rows.append(line)
            else:
                silent += 1
    return Told(about, points, points[-1] if points else {}, faults, said, silent)


def write(folder: ShowFolder, file: Path | None = None) -> Path:
    """Write the report beside the show's other files, or to ``file``.

    Raises:
        OSError: The file can't be written.
    """
    target = file or folder.report
    target.write_text(page(read(folder), _kpis(folder, target)), encoding="utf-8")
    return target


def _kpis(folder: ShowFolder, target: Path) -> str:
    """Write the page about what a hosted show achieved; where it is, as the report says it, "" for none."""
    if not folder.journal.exists():
        return ""
    try:
        kpis.write(gather([folder.journal]), html=folder.kpis)
    except AvatarError as error:  # nothing was on air yet, or the disk is full: the report itself stands
        log.info("no key figures: %s", error.what)
        return ""
    return folder.kpis.name if target.parent == folder.path else folder.kpis.absolute().as_uri()


def page(told: Told, kpis_at: str = "") -> str:
    """The report as one self-contained HTML page, with a link to the show's key figures."""
    status = told.last.get("status", {})
    return pages.page(
        "avatar_engine.figures",
        "show.html.j2",
        about=told.about,
        ending=ending(told.about),
        last=told.last,
        status=status,
        on_air=clock(status.get("on_air", 0.0)),
        cards=_cards(told) if told.points else [],
        plots=_plots(told) if len(told.points) > 1 else [],
        outputs=(status.get("broadcast") or {}).get("outputs", []),
        growth=growth(told.points),
        peak={name: _peak(told, name) for name in told.last.get("processes", {})},
        faults=told.faults,
        said=told.said,
        silent=told.silent,
        kpis_at=kpis_at,
    )


def growth(points: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """MB of memory that every part gains an hour, by least squares over what follows `WARM`; none in a short show."""
    settled = [point for point in points if point["status"]["on_air"] >= WARM]
    if len(settled) < 10:
        return {}
    return {
        name: slope([(point["status"]["on_air"], memory(point, name)) for point in settled])
        for name in settled[-1]["processes"]
    }


def memory(point: Mapping[str, Any], name: str) -> float | None:
    """MB that a part holds; None where none of its processes runs, as at the end."""
    return _inside(point, ("processes", name, "rss_mb")) or None


def slope(rows: Sequence[tuple[float, float | None]]) -> float:
    """How much a value rises an hour: least squares over (seconds, value) pairs."""
    known = [(x / 3600, y) for x, y in rows if y is not None]
    if len(known) < 2:
        return 0.0
    mean_x, mean_y = (sum(column) / len(known) for column in zip(*known, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in known)
    return sum((x - mean_x) * (y - mean_y) for x, y in known) / spread if spread else 0.0


def _peak(told: Told, name: str) -> float:
    return max((memory(point, name) or 0.0 for point in told.points), default=0.0)


def _inside(point: Mapping[str, Any], path: Sequence[str]) -> Any:
    value: Any = point
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _cards(told: Told) -> list[dict[str, Any]]:
    status, cost, gained = told.last["status"], told.last["cost"], growth(told.points)
    whole = status["frames"] + status["dropped"]
    delivered = (status["frames"] - status.get("filled", 0)) / whole if whole else 1.0
    offset = max((abs(value) for value in told.each("status", "av_offset_ms")), default=0.0)
    restarts, gains = sum(told.last["restarts"].values()), sum(gained.values())
    asked, left_out = status["said"] + status["left_out"], status["left_out"]
    rows: list[tuple[str, str, str, bool]] = [
        ("frames delivered", f"{100 * delivered:.3f} %", f"≥ {100 * DELIVERED:g} %", delivered >= DELIVERED),
        (
            "frames late",
            f"{status['late']}",
            f"worst {1e3 * status['worst_delay']:.0f} ms",
            not status["late"],
        ),
        ("largest A/V offset", f"{offset:.0f} ms", f"≤ {OFFSET_MS:.0f} ms", offset <= OFFSET_MS),
        ("restarts of parts", f"{restarts}", "0", restarts == 0),
        ("reconnects", f"{status['reconnects']}", "0", status["reconnects"] == 0),
        ("utterances left out", f"{left_out} of {asked}", "0", left_out == 0),
        ("memory gained an hour", f"{gains:.1f} MB" if gained else "–", f"< {GROWTH:.0f} MB", gains < GROWTH),
        ("energy", f"{cost['energy_wh']:.1f} Wh", "measured" if cost["measured"] else "an estimate", True),
    ]
    if cost["money"] is not None:
        rows.append(("cost", f"{cost['money']:.2f}", f"{cost['per_hour'] or 0:.3f} an hour", True))
    return [{"what": what, "value": value, "goal": goal, "good": good} for what, value, goal, good in rows]


@dataclass(frozen=True, slots=True)
class _Plot:
    """One plot: figures of a snapshot by its keys; ``*`` stands for every part, stage or card."""

    title: str
    unit: str
    caption: str
    lines: Mapping[str, tuple[str, ...]]
    steps: bool = False


_SO_FAR = "Counted since the start."
_PLOTS = (
    _Plot("Frames a second", "fps", "Sent in the seconds before.", {"fps": ("status", "fps")}),
    _Plot(
        "Frames late, lost and filled",
        "frames so far",
        _SO_FAR,
        {
            "late": ("status", "late"),
            "dropped": ("status", "dropped"),
            "filled idle": ("status", "filled"),
        },
        steps=True,
    ),
    _Plot(
        "Picture against sound",
        "ms",
        "Pictures' time less sound's at the muxer.",
        {"offset": ("status", "av_offset_ms")},
    ),
    _Plot("Waiting for the encoder", "frames", "Frames in the ring.", {"queue": ("status", "queue")}),
    _Plot("Speech in hand", "seconds", "Ready to be said.", {"lead": ("status", "speech_lead")}),
    _Plot(
        "Memory",
        "MB",
        "Resident memory of every part; what they share counts for each.",
        {"*": ("processes", "*", "rss_mb")},
    ),
    _Plot("Graphics memory", "MB", "What the show holds.", {"*": ("cards", "*", "memory_mb")}),
    _Plot(
        "Stages of a frame, 99th percentile",
        "ms",
        "A frame lasts 40 ms. Of the last one to two minutes.",
        {"*": ("stages", "*", "p99")},
    ),
    _Plot(
        "Restarts and reconnects",
        "so far",
        _SO_FAR,
        {"*": ("restarts", "*"), "reconnects": ("status", "reconnects")},
        steps=True,
    ),
)


def _plots(told: Told) -> list[tuple[str, str, str]]:
    """Title, picture and caption of every plot that has something to show."""
    drawings = []
    for plot in _PLOTS:
        lines = {name: each for name, each in _lines(told, plot.lines).items() if set(each) != {None}}
        if lines:
            drawings.append((plot.title, _over_time(told, lines, plot.unit, plot.steps), plot.caption))
    rate, lost = _of_outputs(told, "bitrate_kbps"), _of_outputs(told, "dropped")
    if rate:
        title, caption = "Bitrate", "Sent to every output in the seconds before."
        drawings.append((title, _over_time(told, rate, "kbit/s"), caption))
        title, caption = "Lost on the way", "What outputs lost, to a full queue or while they were away."
        drawings.append((title, _over_time(told, lost, "packets so far", steps=True), caption))
    return drawings


def _over_time(told: Told, lines: Mapping[str, list[Any]], unit: str, steps: bool = False) -> str:
    return plots.over_time(told.seconds, lines, unit, steps=steps)


def _lines(told: Told, wanted: Mapping[str, tuple[str, ...]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for label, path in wanted.items():
        if label != "*":
            found[label] = told.each(*path)
            continue
        where = path.index("*")
        names = {name for point in told.points for name in _inside(point, path[:where]) or ()}
        for name in sorted(names):
            each = told.each(*path[:where], name, *path[where + 1 :])
            # a part of which no process runs takes no memory: a gap in the line, not a fall to 0
            found[name] = [value or None for value in each] if path[0] == "processes" else each
    return found


def _of_outputs(told: Told, field: str) -> dict[str, list[Any]]:
    """A figure of every output, by its name in the last snapshot."""
    each = [(point["status"].get("broadcast") or {}).get("outputs", ()) for point in told.points]
    rows = itertools.zip_longest(*([one[field] for one in outputs] for outputs in each))
    return {
        f"{number}: {one['name']}": list(row)
        for number, (one, row) in enumerate(zip(each[-1], rows, strict=False), 1)
    }
