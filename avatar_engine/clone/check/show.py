"""What was found out about a clip, for the terminal, as JSON and as one HTML page."""

from __future__ import annotations

import json

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from avatar_engine.clone import plots
from avatar_engine.clone.check.finding import Finding, Span, Verdict
from avatar_engine.clone.check.judge_sound import CLOSED
from avatar_engine.clone.check.looks import Still
from avatar_engine.clone.check.run import Checked
from avatar_engine.clone.sync import mouth_opening
from avatar_engine.contracts import FRAME_RATE
from avatar_engine.pages import page as pages

COLOURS = {Verdict.GOOD: "green", Verdict.COULD_BE_BETTER: "yellow", Verdict.WILL_FAIL: "bold red"}

MOST_PICTURES = 3
"""Pictures a finding."""


def table(checked: Checked) -> RenderableType:
    """A line a finding with its verdict, then the verdict on the whole."""
    rows = Table("", "what", "measured", "what to do", title=Text(str(checked.video)), title_justify="left")
    for finding in checked.findings:
        words = Text(finding.verdict.words, style=COLOURS[finding.verdict])
        faults = Text(finding.said)
        if finding.advice:
            faults.append(("\n" if finding.said else "") + finding.advice, style="dim")
        rows.add_row(words, Text(finding.topic), Text(finding.value), faults)
    return Group(rows, Text(checked.summary(), style=COLOURS[checked.verdict]))


def as_json(checked: Checked) -> str:
    """All figures and findings."""
    return json.dumps(checked.figures(), indent=2, ensure_ascii=False)


def as_html(checked: Checked) -> str:
    """One page that needs no other file, with pictures of the worst moments."""
    looks, hearing = checked.looks, checked.hearing
    opening = mouth_opening(looks.track.points)
    return pages.page(
        "avatar_engine.clone",
        "check.html.j2",
        checked=checked,
        findings=[
            {
                "topic": finding.topic,
                "value": finding.value,
                "said": finding.said,
                "advice": finding.advice,
                "verdict": finding.verdict.words,
                "kind": ("good", "poor", "fails")[finding.verdict],
                "pictures": pictures(finding, looks.stills),
            }
            for finding in sorted(checked.findings, key=lambda finding: -finding.verdict)
        ],
        usual=_data(_usual(checked)),
        phones=sorted((checked.words.phones or {}).items(), key=lambda phone: -phone[1]),
        plots={
            "level": plots.level(hearing.levels, hearing.speaking),
            "track": plots.track(looks.track),
            "opening": plots.lips(opening, CLOSED, hearing.speaking, looks.track.found),
            "light": plots.light(looks.looked / FRAME_RATE, looks.light[:, 0], looks.sharpness),
        },
    )


def pictures(finding: Finding, stills: dict[int, Still]) -> list[dict[str, str]]:
    """The pictures kept nearest to the finding's worst moments, with their times."""
    if finding.verdict is Verdict.GOOD or not stills:
        return []
    kept = np.array(sorted(stills))
    out: dict[int, dict[str, str]] = {}
    for span in finding.spans[:MOST_PICTURES]:
        index = int(kept[np.abs(kept - (span[0] + span[1]) / 2 * FRAME_RATE).argmin()])
        still = stills[index]
        jpeg = still.whole if finding.whole or not still.face else still.face
        out[index] = {"image": _data(jpeg), "time": _clock(span, index / FRAME_RATE)}
    return list(out.values())


def _clock(span: Span, shown: float) -> str:
    start, stop = span
    return f"{shown:.1f} s" if stop - start < 0.5 else f"{start:.1f} s to {stop:.1f} s"


def _usual(checked: Checked) -> bytes:
    """The whole picture nearest to the clip's middle."""
    stills = checked.looks.stills
    middle = checked.info.frames / 2
    return stills[min(stills, key=lambda index: abs(index - middle))].whole if stills else b""


def _data(jpeg: bytes) -> str:
    return pages.picture(jpeg) if jpeg else ""
