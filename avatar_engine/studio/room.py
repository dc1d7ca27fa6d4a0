"""What is left of this machine, by what was measured of it (`avatar_engine.capacity`)."""

from __future__ import annotations

from typing import Any

from avatar_engine import capacity
from avatar_engine.capacity import Demand

UNKNOWN = "Nobody has measured how many shows this machine carries, so none is refused."
HOW = "Measure it while nothing is on air: avatar-engine capacity NAME.avatar"

CROWDED = "There is no room for this show"
"""How the words begin with which a show is refused that the machine does not carry."""


def left() -> dict[str, Any]:
    """How many more shows have room, by size; who sits where; and what is wrong with what was measured."""
    kept, seats = capacity.look(), capacity.taken()
    told: dict[str, Any] = {
        "measured": "", "advice": "", "sizes": [],
        "seats": [
            {
                "show": seat.show, "size": list(seat.demand.size), "encoder": seat.encoder, "forced": seat.forced,
                "cores": round(seat.cost.cores, 2) if seat.cost else None,
            }
            for seat in seats
        ],
    }  # fmt: skip
    if kept is None:
        return told | {"advice": f"{UNKNOWN} {HOW}"}
    known = kept.capacity
    sizes = [
        {
            "size": list(one.size), "carries": one.hosts, "limit": one.limit,
            "left": capacity.hosts(known, Demand(size=one.size, footage=known.footage, crop=known.crop), seats),
        }
        for one in known.sizes
    ]  # fmt: skip
    return told | {"measured": known.measured, "advice": kept.advice, "sizes": [] if kept.foreign else sizes}
