from pathlib import Path

import history
import pytest
import typer

TABLE = f"""{history.BEGIN}

| a | b | c | x | y | z |
|---|---|---|---|---|---|
| May | here | one | 4 | | 1.5 |
| June | here | two | 2 | 8.5 | |

{history.END}
| not | this | one | 9 | 9 | 9 |
"""


def test_the_plot_has_a_bar_for_every_figure_of_the_table_and_no_other() -> None:
    found = history.rows(TABLE)
    assert found == [("May, here, one", (4.0, None, 1.5)), ("June, here, two", (2.0, 8.5, None))]
    widths = [[bar.get_width() for bar in axes.patches] for axes in history.drawn(found).axes]
    assert widths == [[4.0, 2.0], [8.5], [1.5]]


@pytest.mark.parametrize(
    "text", ["nothing", TABLE.replace("8.5", "fast"), TABLE.replace("| 4 | | 1.5 |", "| 4 |")]
)
def test_a_table_that_is_none_is_told(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        history.rows(text)


def test_the_documents_own_table_can_be_drawn() -> None:
    document = Path(__file__).parents[2] / "docs" / "measurements.md"
    assert len(history.rows(document.read_text(encoding="utf-8"))) >= 6
