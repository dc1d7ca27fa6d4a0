"""The page about what shows achieved, and the files of their figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from avatar_engine.errors import AvatarError
from avatar_engine.kpis import plots, tables
from avatar_engine.kpis.compare import Compared, Trial
from avatar_engine.kpis.count import Figures
from avatar_engine.kpis.gathered import Gathered
from avatar_engine.kpis.night import Night
from avatar_engine.pages import page as pages
from avatar_engine.timing import clock

NIGHTS_DRAWN = 6
"""Nights whose courses are drawn; of more the first ones."""

TRIALS_SHOWN = 100
"""Comparisons on the page at most; the rest is in the JSON."""


def page(gathered: Gathered) -> str:
    """The key figures as one self-contained HTML page."""
    whole = gathered.together
    return pages.page(
        "avatar_engine.kpis",
        "kpis.html.j2",
        title=whole.night.name,
        whole=whole,
        cards=_cards(gathered),
        nights=gathered.nights if len(gathered.nights) > 1 else (),
        courses=[_course(night) for night in gathered.told[:NIGHTS_DRAWN]],
        undrawn=max(0, len(gathered.told) - NIGHTS_DRAWN),
        responses=plots.responses(whole.night.responses) if whole.night.responses else "",
        trials=[_trial(trial, compared) for trial, compared in gathered.trials[:TRIALS_SHOWN]],
        unshown=max(0, len(gathered.trials) - TRIALS_SHOWN),
        notes=gathered.notes,
        clock=clock,
        shown=_shown,
        money=tables.money,
    )


def write(
    gathered: Gathered, *, csv: Path | None = None, json: Path | None = None, html: Path | None = None
) -> None:
    """Write what is asked for.

    Raises:
        AvatarError: A file can't be written.
    """
    for file, made in ((csv, tables.as_csv), (json, tables.as_json), (html, page)):
        if file is None:
            continue
        try:
            with file.open("w", encoding="utf-8", newline="") as out:
                out.write(made(gathered))
        except OSError as error:
            raise AvatarError(
                f"{file} can't be written: {error.strerror}.", "Choose another place."
            ) from error


def _course(night: Night) -> tuple[str, list[tuple[str, str, str]]]:
    """A night's name and its plots over time: title, drawing, caption."""
    drawn = [("Viewers", plots.viewers(night), "With the segments beneath.")]
    if len(night.messages.times) > 1:
        drawn.append(("Chat", plots.chat(night), "Messages, and questions among them."))
    if night.bought:
        drawn.append(("Clicks and sales", plots.bought(night), "As the inlet tells them."))
    return night.name, drawn


def _trial(trial: Trial, compared: Sequence[Compared]) -> dict[str, object]:
    unit = "viewer-minutes" if trial.known else "minutes"
    drawn = [(one, plots.wordings(one, unit)) for one in compared]
    return {"trial": trial, "drawn": drawn, "unit": unit}


def _cards(gathered: Gathered) -> list[tuple[str, str, str]]:
    """Value, what it is, and a word on it."""
    whole = gathered.together.night
    median, late = whole.response(50), whole.response(95)
    asked = f"of {whole.chosen} taken up; {_shown(whole.asking)} messages asked"
    within = "–" if late is None else f"95 % within {late:.1f} s"
    return [
        (_shown(whole.mean), "viewers in the mean", f"{_shown(whole.peak)} at most"),
        (_shown(whole.messages), "messages", f"{_per_minute(whole, whole.messages)} a minute"),
        (str(whole.answered), "questions answered", asked),
        ("–" if median is None else f"{median:.1f} s", "response time", within),
        (_shown(whole.clicks), "clicks", _per_thousand(whole, whole.clicks)),
        (_shown(whole.sales), "sales", tables.money(whole) or _per_thousand(whole, whole.sales)),
        (clock(whole.seconds), "on air", f"{clock(whole.speech)} of speech"),
    ]


def _per_minute(figures: Figures, count: float) -> str:
    return f"{60 * count / figures.seconds:.1f}" if figures.seconds else "–"


def _per_thousand(figures: Figures, count: float) -> str:
    rate = figures.rate(count)
    return "viewers unknown" if rate is None else f"{rate:.2f} for 1000 viewer-minutes"


def _shown(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"
