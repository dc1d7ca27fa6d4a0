"""A show at one moment as plain JSON: what the socket, the metrics, the series and the report all read.

Keys: ``show`` (id), ``state`` (starting, on air, ended, failed), ``time`` (UTC), ``pid``, ``error``; ``status``, the
fields of `avatar_engine.live.show.ShowStatus`; ``restarts`` by part; ``stages``, milliseconds by stage and percentile;
``processes`` by part; ``cards``; ``cost``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avatar_engine.figures.cards import CardUse
    from avatar_engine.figures.cost import Cost
    from avatar_engine.figures.processes import Part
    from avatar_engine.live.show import ShowStatus

RESTARTS, PID = "_restarts", "_pid"
"""How fields of a show's status end that count a part's restarts and give its process."""


def now() -> str:
    """The time, for people and files: UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def pids(status: ShowStatus | None) -> dict[str, int | None]:
    """Processes by part, as the show names them."""
    if status is None:
        return {}
    fields = asdict(status)
    return {name.removesuffix(PID): pid for name, pid in fields.items() if name.endswith(PID)}


def snapshot(
    about: Mapping[str, Any],
    status: ShowStatus | None,
    processes: Mapping[str, Part],
    cards: Mapping[int, CardUse],
    cost: Cost,
) -> dict[str, Any]:
    """Everything that is known of a show now; ``about`` has its id, state, pid and error."""
    shown: dict[str, Any] = {**about, "time": now()}
    if status is not None:
        fields = asdict(status)
        broadcast = fields.get("broadcast") or {}
        shown["status"] = fields
        shown["restarts"] = {
            **{
                name.removesuffix(RESTARTS): count
                for name, count in fields.items()
                if name.endswith(RESTARTS)
            },
            "broadcast": broadcast.get("restarts", 0),
        }
        shown["stages"] = {**fields.get("stage_times", {}), **broadcast.get("stage_times", {})}
    shown["processes"] = {name: asdict(part) for name, part in processes.items()}
    shown["cards"] = {str(index): asdict(card) for index, card in cards.items()}
    shown["cost"] = asdict(cost)
    return shown
