"""Which encoder a show gets: the card's where it has room, else the processor's where that has, else none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from avatar_engine.capacity.admission import Verdict, cost_of, on_card, room
from avatar_engine.capacity.model import Capacity, Cost, Demand
from avatar_engine.capacity.seats import Seat


@dataclass(frozen=True, slots=True)
class Choice:
    """An encoder for a show.

    Attributes:
        encoder: FFmpeg's name.
        cost: What the show takes with it.
        verdict: Whether it has room.
        passed: Why encoders before it were not taken, in words.
    """

    encoder: str
    cost: Cost
    verdict: Verdict
    passed: tuple[str, ...] = ()


def choose(capacity: Capacity, seats: Sequence[Seat], demand: Demand, usable: Sequence[str]) -> Choice:
    """The first encoder with which a show has room.

    Args:
        capacity: What was measured.
        seats: Shows that run.
        demand: The show.
        usable: FFmpeg's names of the encoders that can be opened here now, the best first: those of the card can be
            full even where few shows run, because other programs use them.

    Returns:
        The choice; where the show has no room with any of them, the verdict is that of the last one, which runs on the
        processor.
    """
    if not usable:
        raise ValueError("no encoder can be opened")
    passed: list[str] = []
    choices = []
    for name in usable:
        cost = cost_of(capacity, demand, name)
        verdict = room(capacity, seats, cost)
        choices.append(Choice(name, cost, verdict, tuple(passed)))
        if verdict.fits:
            return choices[-1]
        what = "the card's encoders are full" if verdict.pool in ("sessions", "nvenc") else verdict.why
        passed.append(f"{name}: {what}" if on_card(name) else verdict.why)
    return choices[-1]
