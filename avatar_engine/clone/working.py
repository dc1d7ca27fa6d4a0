"""Folders beside an avatar in which a stage keeps what a second call goes on from."""

from __future__ import annotations

import shutil
from pathlib import Path

from avatar_engine.lips import growing

LIPS = "lips"
"""Where in the working folder the lips keep what is theirs."""


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


def work_of(output: Path) -> Path:
    """The working folder of a clone: beside it."""
    return output.with_suffix(".avatar.work")


def growing_of(output: Path) -> Path:
    """What a clone's painter paints by now, beside real pictures; there while the clone is made."""
    return work_of(output) / LIPS / growing.FILE
