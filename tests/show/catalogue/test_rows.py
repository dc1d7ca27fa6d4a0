"""Rows of shops' tables: what is wrong in one is noted with its line, and the others are read."""

from __future__ import annotations

import pytest

from avatar_engine.show.catalogue.model import Gathering
from avatar_engine.show.catalogue.rows import headings_of, mark_of, rows


@pytest.mark.parametrize("mark", [",", "\t", ";", "|"])
@pytest.mark.parametrize("before", ["", "\n", "\r\n\r\n"])
def test_a_table_is_read_whatever_stands_between_its_cells_and_before_it(mark: str, before: str) -> None:
    text = before + "Id,Title\na,Mug\n\n,\nb,Bag,more\nc\n".replace(",", mark)
    gathered, skipped = Gathering(), before.count("\n")
    assert mark_of(text) == mark and headings_of(text) == ["Id", "Title"]
    assert list(rows(text, str.lower, gathered)) == [
        (f"line {2 + skipped}", [("id", "a"), ("title", "Mug")]),
        (f"line {6 + skipped}", [("id", "c")]),
    ]
    assert gathered.mistakes == [f"line {5 + skipped}: more fields than headings; it is left out"]
    assert gathered.count == 3


def test_what_follows_a_broken_row_is_left_out() -> None:
    gathered = Gathering()
    text = f"id,title\na,Mug\nb,{'x' * 200_000}\nc,Bag\n"
    assert [cells[0][1] for _, cells in rows(text, str, gathered)] == ["a"]
    (told,) = gathered.mistakes
    assert told.startswith("line 3: ") and told.endswith("what follows is left out")


def test_nothing_is_no_table() -> None:
    assert list(rows("", str, gathered := Gathering())) == [] and not gathered.mistakes
    assert headings_of("") == []
