"""Key figures for other programs: one JSON, and one CSV with a row for everything that was counted."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from avatar_engine.kpis.compare import Arm, Compared, Trial
from avatar_engine.kpis.count import Counted, Figures
from avatar_engine.kpis.gathered import Gathered

COLUMNS = (
    "what", "night", "name", "wording", "times", "lines", "speech_seconds", "seconds", "viewers_start", "viewers_end",
    "viewers_mean", "viewers_peak", "viewer_minutes", "messages", "questions_asked", "answered", "unanswered",
    "response_median", "response_p95", "clicks", "sales", "revenue", "clicks_per_1000_viewer_minutes",
    "sales_per_1000_viewer_minutes",
)  # fmt: skip
"""Of the CSV. A ``what`` is total, segment, product or wording; ``night`` is empty for all nights together."""


def as_json(gathered: Gathered) -> str:
    """Everything, for programs."""
    told = {
        "window": asdict(gathered.window),
        "nights": [_counted(one) for one in gathered.nights],
        "together": _counted(gathered.together),
        "wordings": [_trial(trial, compared) for trial, compared in gathered.trials],
        "notes": list(gathered.notes),
    }
    return json.dumps(told, ensure_ascii=False, indent=1)


def as_csv(gathered: Gathered) -> str:
    """A row for every night, segment, product and wording (RFC 4180)."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\r\n")
    writer.writeheader()
    nights = [(one.night.name, one) for one in gathered.nights]
    for night, one in [*nights, *([("", gathered.together)] if len(nights) > 1 else [])]:
        rows = [("total", one.night), *(("segment", part) for part in one.segments)]
        rows += [("product", part) for part in one.products]
        for what, figures in rows:
            writer.writerow(_plain({"what": what, "night": night, "name": figures.name} | _row(figures)))
    for trial, _ in gathered.trials:
        for arm in trial.arms.values():
            writer.writerow(_plain({"what": "wording", "name": trial.title} | _arm(trial, arm)))
    return text.getvalue()


def money(figures: Figures) -> str:
    """What it brought, ``25.00 EUR + 3.00 USD``; "" where it is not told."""
    return " + ".join(f"{amount:.2f} {currency}".strip() for currency, amount in figures.revenue.items())


def _row(figures: Figures) -> dict[str, Any]:
    return {
        "times": figures.times, "lines": figures.lines, "speech_seconds": _round(figures.speech, 2),
        "seconds": _round(figures.seconds, 2),
        "viewers_start": _round(figures.start), "viewers_end": _round(figures.end),
        "viewers_mean": _round(figures.mean),
        "viewers_peak": _round(figures.peak),
        "viewer_minutes": _round(figures.viewer_minutes, 2), "messages": _round(figures.messages),
        "questions_asked": _round(figures.asking), "answered": figures.answered,
        "unanswered": figures.unanswered.total(), "response_median": _round(figures.response(50), 2),
        "response_p95": _round(figures.response(95), 2), "clicks": _round(figures.clicks),
        "sales": _round(figures.sales), "revenue": money(figures),
        "clicks_per_1000_viewer_minutes": _round(figures.rate(figures.clicks), 4),
        "sales_per_1000_viewer_minutes": _round(figures.rate(figures.sales), 4),
    }  # fmt: skip


def _arm(trial: Trial, arm: Arm) -> dict[str, Any]:
    def rate(metric: str) -> float | None:
        return _round(1000 * arm.count(metric) / arm.minutes, 4) if trial.known and arm.minutes else None

    return {
        "wording": arm.label, "times": len(arm.exposures),
        "viewer_minutes": _round(arm.minutes, 2) if trial.known else None,
        "questions_asked": _round(arm.count("questions")), "clicks": _round(arm.count("clicks")),
        "sales": _round(arm.count("sales")), "clicks_per_1000_viewer_minutes": rate("clicks"),
        "sales_per_1000_viewer_minutes": rate("sales"),
    }  # fmt: skip


def _counted(counted: Counted) -> dict[str, Any]:
    return {
        "total": _told(counted.night), "greets": counted.greets, "messages_by_kind": dict(counted.sorts),
        "waiting": counted.waiting, "segments": [_told(part) for part in counted.segments],
        "products": [_told(part) for part in counted.products],
    }  # fmt: skip


def _told(figures: Figures) -> dict[str, Any]:
    reasons, revenue = dict(figures.unanswered), {k: round(v, 4) for k, v in figures.revenue.items()}
    return {"name": figures.name} | _row(figures) | {"unanswered": reasons, "revenue": revenue}


def _trial(trial: Trial, compared: Sequence[Compared]) -> dict[str, Any]:
    return {
        "title": trial.title, "kind": trial.kind, "notes": list(trial.notes), "viewers_known": trial.known,
        "arms": [_arm(trial, arm) for arm in trial.arms.values()],
        "compared": [asdict(one) for one in compared],
    }  # fmt: skip


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row in which no text can be taken for a formula by the spreadsheet that opens it."""
    return dict(_cells(row))


def _cells(row: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        formula = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
        yield name, f"'{value}" if formula else "" if value is None else value


def _round(value: float | None, digits: int = 1) -> float | None:
    return None if value is None else round(value, digits)
