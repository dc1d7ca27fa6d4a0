from pathlib import Path

import document
import pytest
import typer


def test_figures_take_the_place_of_older_ones_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Before.\n<!-- a -->\nold\n<!-- /a -->\nAfter. <!-- b -->\nkept\n<!-- /b -->\n")
    for figures in ("| new |", "| newer |"):
        document.put(page, "<!-- a -->", "<!-- /a -->", figures)
    assert page.read_text() == (
        "Before.\n<!-- a -->\n\n| newer |\n\n<!-- /a -->\nAfter. <!-- b -->\nkept\n<!-- /b -->\n"
    )


@pytest.mark.parametrize("text", ["nothing", "<!-- a -->", "<!-- /a -->", "<!-- /a --> <!-- a -->"])
def test_a_document_without_its_marks_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(typer.BadParameter, match="write both"):
        document.put(page, "<!-- a -->", "<!-- /a -->", "figures")
    assert page.read_text() == text
