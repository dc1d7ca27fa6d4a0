"""A machine that was measured, with round figures."""

from __future__ import annotations

from typing import Any

from avatar_engine.capacity.model import Capacity, Cost, Demand, Encoding, Limits, Machine, Measured, Size
from avatar_engine.capacity.seats import Seat

HD: Size = (1280, 720)
STAGES = {"voice": 0.4, "lips": 0.02, "body": 0.08, "paint": 0.2, "stage": 0.05, "encode": 0.2, "send": 0.03}
"""Together 0.98 of a core."""

MACHINE = Machine(cpu="A Processor", cores=2, quota=None, memory_mb=8000, card="", engine="1")


def capacity(card: bool = False, **changed: Any) -> Capacity:
    """Two cores that two shows fill; with ``card``, one whose encoders allow two sessions."""
    cost = Cost(stages=STAGES, memory_mb=1000, encoder="libx264")
    encodings = [
        Encoding(encoder="libx264", size=HD, cores=0.2, milliseconds=8),
        Encoding(encoder="libx265", size=HD, cores=0.8, milliseconds=30),
    ]
    if card:
        cost = cost.model_copy(
            update={"stages": STAGES | {"encode": 0.04}, "encoder": "h264_nvenc", "sessions": 1}
        )
        encodings.append(Encoding(encoder="h264_nvenc", size=HD, cores=0.04, share=0.1, milliseconds=4))
    limits = Limits(cores=2.0, memory_mb=6000, sessions=2 if card else 0)
    given = {
        "machine": MACHINE,
        "measured": "2027-01-05T12:00:00+00:00",
        "avatar": "marie",
        "footage": (1920, 1080),
        "crop": 192,
        "limits": limits,
        "sizes": (Measured(size=HD, cost=cost, predicted=2, held=2, broke=3, limit="voice"),),
        "encodings": tuple(encodings),
    }
    return Capacity(**(given | changed))


def demand(size: Size = HD, **changed: Any) -> Demand:
    """A show like the measured one."""
    return Demand(**({"size": size, "footage": (1920, 1080), "crop": 192} | changed))


def seat(name: str = "anna", cost: Cost | None = None, **changed: Any) -> Seat:
    """A show that runs."""
    return Seat(**({"show": name, "demand": demand(), "encoder": "libx264", "cost": cost} | changed))
