"""Folders beside an avatar in which a stage keeps what a second call goes on from."""

from __future__ import annotations

import shutil
from pathlib import Path


def folder(path: Path, mark: str, source: str) -> Path:
    """The folder ``path``, made if it is not there; one that was left by another source is emptied.

    Args:
        path: Where it is.
        mark: Name of the file in it that tells the source.
        source: What it is of, in a line.
    """
    told = path / mark
    if path.exists() and (not told.exists() or told.read_text() != source):
        shutil.rmtree(path)
    path.mkdir(exist_ok=True)
    told.write_text(source)
    return path
