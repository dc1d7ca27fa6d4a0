"""Measured figures in a document: what stands between two marks is made by a command, and by nobody's hand."""

from __future__ import annotations

from pathlib import Path

import typer


def put(path: Path, begin: str, end: str, text: str) -> None:
    """Replace what stands in a document between the marks ``begin`` and ``end`` by ``text``.

    Raises:
        typer.BadParameter: A mark is not there, or they stand the wrong way round; nothing is written.
    """
    whole = path.read_text(encoding="utf-8")
    before, found, rest = whole.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise typer.BadParameter(f"{path} has no {begin} ... {end}: write both where the figures belong.")
    path.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
