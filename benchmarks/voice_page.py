"""The page of `voice.py`: the table, and every voice's figures, spectrograms and players."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path

import jinja2

from avatar_engine.clone.voice_report import Judged


def render(
    rows: Sequence[tuple[str, str, list[Judged]]], names: Sequence[str], sections: Mapping[str, str]
) -> str:
    """The page.

    Args:
        rows: Every figure: what it is, its goal, each recording's and the mean.
        names: The recordings.
        sections: Each one's part of the page, as `voice_report.section` made it.
    """
    text = Path(__file__).with_name("voice.html.j2").read_text(encoding="utf-8")
    style = files("avatar_engine.pages").joinpath("templates/style.css").read_text(encoding="utf-8")
    template = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined).from_string(text)
    return template.render(rows=rows, names=names, sections=sections, style=style)
