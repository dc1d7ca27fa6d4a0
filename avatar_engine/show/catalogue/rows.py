"""Tables as shops export them: a line of headings and a row a line; what can't be read is noted and left out."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator

from avatar_engine.show.catalogue.model import Gathering

MARKS = ",\t;|"
"""What may stand between two cells."""

LONGEST_HEADINGS = 20_000
"""Letters of the line of headings that are looked at before the table is read."""


def mark_of(text: str) -> str:
    """What stands between two cells of a table."""
    return max(MARKS, key=_first(text).count)


def headings_of(text: str) -> list[str]:
    """The headings of a table; none where it is no table."""
    try:
        return next(csv.reader([_first(text)], delimiter=mark_of(text)), [])
    except csv.Error:
        return []


def rows(
    text: str, heading: Callable[[str], str], gathered: Gathering
) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Where each row stands, for people, and its cells behind their headings.

    Args:
        text: The table.
        heading: Makes a heading what the shop's own documents call it.
        gathered: Counts the rows, and notes those that can't be read.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark_of(text))
    filled = (row for row in reader if any(cell.strip() for cell in row))
    try:
        headings = [heading(name) for name in next(filled, [])]
        for row in filled:
            where = f"line {reader.line_num}"
            gathered.count += 1
            if len(row) > len(headings):
                gathered.wrong(where, "more fields than headings; it is left out")
            else:
                yield where, list(zip(headings, row, strict=False))
    except csv.Error as error:
        gathered.wrong(f"line {reader.line_num}", f"{error}; what follows is left out")


def _first(text: str) -> str:
    return text.lstrip("\r\n").partition("\n")[0][:LONGEST_HEADINGS]
