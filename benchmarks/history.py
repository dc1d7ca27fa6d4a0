"""The plot of how fast the engine has become, drawn from the table of `docs/measurements.md` itself.

    python benchmarks/history.py [docs/measurements.md] [-o docs/speed.png]

The table stands between two marks; a row is added by hand when a figure was measured, and the plot is drawn anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from avatar_engine.pages.plot import QUIET, RENDERED

BEGIN, END = "<!-- history -->", "<!-- history: end -->"
COLUMNS = ("step at 128 px, ms", "step at 256 px, ms", "cores of one show")

app = typer.Typer(add_completion=False)


class Row(NamedTuple):
    """One line of the table; what was not measured is None."""

    label: str
    figures: tuple[float | None, ...]


def rows(text: str) -> list[Row]:
    """The table's rows, from the first to the last.

    Raises:
        typer.BadParameter: There is no table between the marks, or a cell is neither a number nor empty.
    """
    inside = text.partition(BEGIN)[2].partition(END)[0]
    lines = [line.strip() for line in inside.splitlines() if line.strip().startswith("|")][2:]
    if not lines:
        raise typer.BadParameter(f"there is no table between {BEGIN} and {END}")
    found = []
    for line in lines:
        date, machine, by, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        try:
            figures = tuple(float(cell) if cell else None for cell in cells)
        except ValueError as error:
            raise typer.BadParameter(f"{line!r}: {error}") from None
        if len(figures) != len(COLUMNS):
            raise typer.BadParameter(f"{line!r} has {len(figures)} figures, not {len(COLUMNS)}")
        found.append(Row(f"{date}, {machine}, {by}", figures))
    return found


def drawn(found: list[Row]) -> Figure:
    """A column of bars for every figure, the oldest row on top, the last one in another colour."""
    figure = Figure(figsize=(13, 1 + 0.35 * len(found)), layout="constrained")
    FigureCanvasAgg(figure)
    for number, (axes, name) in enumerate(
        zip(figure.subplots(1, len(COLUMNS), sharey=True), COLUMNS, strict=True)
    ):
        _bars(axes, [row.figures[number] for row in found])
        axes.set_title(name, fontsize=10)
    figure.axes[0].set_yticks(range(len(found)), [row.label for row in found], fontsize=8)
    figure.axes[0].invert_yaxis()
    return figure


def _bars(axes: Axes, values: list[float | None]) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    for at, value in enumerate(values):
        if value is not None:
            axes.barh(at, value, color=RENDERED if at == len(values) - 1 else QUIET)
            axes.text(value, at, f" {value:g}", va="center", fontsize=8)
    axes.margins(x=0.15)


@app.command()
def main(
    document: Annotated[Path, typer.Argument(exists=True, dir_okay=False)] = Path("docs/measurements.md"),
    output: Annotated[Path, typer.Option("-o", "--output", help="the plot")] = Path("docs/speed.png"),
) -> None:
    """Draw the plot of the history."""
    drawn(rows(document.read_text(encoding="utf-8"))).savefig(output, dpi=100)
    typer.echo(output)


if __name__ == "__main__":
    app()
