"""May one more show begin? Costs are summed by what is short, and compared with what was measured; pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from avatar_engine.capacity.model import STAGES, Capacity, Cost, Demand, Limits, Size, summed
from avatar_engine.capacity.seats import Seat

POOLS = {
    "processor": "cores",
    "memory": "MB of memory",
    "sessions": "encoders of the card",
    "nvenc": "of the card's encoders",
    "card": "of the card",
    "card memory": "MB of the card's memory",
}
"""What shows share, and the unit in which it is told."""

SMALLER: tuple[Size, ...] = ((1920, 1080), (1280, 720), (960, 540), (640, 360))
"""Sizes that are offered instead of one that does not fit."""

PICTURE_MS = 40.0
"""Milliseconds from one picture to the next."""

WHOLE = 1e-6
"""What rounding may add."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a show has room.

    Attributes:
        fits: Whether it has.
        pool: What is short, a name of `POOLS`; "" where it fits.
        stage: The stage of which most of that is: a name of `STAGES`, or the pool's own.
        needs: How much of it the show needs.
        left: How much is left.
        of: How much there is.
        why: In a sentence, for people.
    """

    fits: bool
    pool: str = ""
    stage: str = ""
    needs: float = 0.0
    left: float = 0.0
    of: float = 0.0
    why: str = ""


def room(capacity: Capacity, seats: Sequence[Seat], cost: Cost) -> Verdict:
    """Whether a show of this cost has room beside those that hold ``seats``.

    A seat whose cost is not known is reckoned by what was measured for its size.
    """
    taken = summed([priced(capacity, seat) for seat in seats])
    for pool in POOLS:
        of, needs, used = (
            _limit(capacity.limits, pool),
            _amount(cost, pool),
            _amount(taken, pool),
        )
        if of is not None and needs > 0 and used + needs > of + WHOLE:
            stage = cost.largest if pool == "processor" else pool
            verdict = Verdict(False, pool, stage, needs, max(0.0, of - used), of)
            return _told(verdict, cost, taken, seats)
    return Verdict(True)


def cost_of(capacity: Capacity, demand: Demand, encoder: str = "") -> Cost:
    """What a show takes of the machine that was measured.

    Args:
        capacity: What was measured.
        demand: The show.
        encoder: FFmpeg's name of its encoder; the measured shows' when empty, or one whose cost is not known.

    Returns:
        The measured cost, or one that is reckoned from the size nearest to it: stage and encoder by the picture's
        pixels, the body by those of the footage, painting by those of the crop.
    """
    near = capacity.nearest(demand.size)
    cost = near.cost
    stages = dict(cost.stages)
    scale = _area(demand.size) / _area(near.size)
    film = _ratio(_area(demand.footage), _area(capacity.footage))
    crop = _ratio(demand.crop**2, capacity.crop**2)
    estimated = any(abs(one - 1) > WHOLE for one in (scale, film, crop))
    for name, by in (("stage", scale), ("encode", scale), ("body", film), ("paint", crop)):
        if name in stages:
            stages[name] *= by
    if not demand.speaks:
        stages["voice"] = 0.0
    taken = encoder or cost.encoder
    known = capacity.encoding(taken, demand.size)
    if known and taken != cost.encoder:
        stages["encode"] = known.cores
    nvenc, sessions = (known.share if known else 0.0), int(on_card(taken))
    return cost.model_copy(
        update={
            "stages": stages, "encoder": taken, "sessions": sessions, "nvenc": nvenc, "estimated": estimated,
            "card": cost.card * crop,
        }
    )  # fmt: skip


def hosts(capacity: Capacity, demand: Demand, seats: Sequence[Seat] = (), encoder: str = "") -> int:
    """How many shows like this have room beside those that hold ``seats``."""
    cost = cost_of(capacity, demand, encoder)
    begun = list(seats)
    count = 0
    while count < MOST and room(capacity, begun, cost).fits:
        begun.append(Seat(show="", demand=demand, cost=cost))
        count += 1
    return count


MOST = 1000
"""Hosts beyond which nobody counts."""


def priced(capacity: Capacity, seat: Seat) -> Cost:
    """What a seat costs."""
    return seat.cost or cost_of(capacity, seat.demand, seat.encoder)


def on_card(encoder: str) -> bool:
    """Whether an encoder is one of the card's."""
    return encoder.endswith("_nvenc")


def shortest(limits: Limits, cost: Cost) -> tuple[str, str]:
    """What is short first when shows of this cost are added, and the stage of which most of it is."""
    shares = {
        pool: _amount(cost, pool) / of
        for pool in POOLS
        if (of := _limit(limits, pool)) and _amount(cost, pool) > 0
    }
    pool = max(shares, key=lambda name: shares[name], default="processor")
    return pool, cost.largest if pool == "processor" else pool


def fitting(limits: Limits, cost: Cost) -> int:
    """Shows of this cost that fit into the limits."""
    counts = [
        int((of + WHOLE) / _amount(cost, pool))
        for pool in POOLS
        if (of := _limit(limits, pool)) is not None and _amount(cost, pool) > 0
    ]
    return min([*counts, MOST])


def advice(capacity: Capacity, seats: Sequence[Seat], demand: Demand) -> str:
    """What to do where a show has no room: what smaller size has, and the other ways."""
    smaller = [size for size in SMALLER if _area(size) < _area(demand.size)]
    for size in smaller:
        less = demand.model_copy(update={"size": size})
        if room(capacity, seats, cost_of(capacity, less)).fits:
            return (
                f"{size[0]}x{size[1]} has room (--size {size[0]}x{size[1]}); or end a show, take another machine, or "
                "go on air all the same with --seat force."
            )
    return "End a show (avatar-engine stop NAME), take another machine, or go on air all the same with --seat force."


def _told(verdict: Verdict, cost: Cost, taken: Cost, seats: Sequence[Seat]) -> Verdict:
    """The verdict with its reason in words."""
    unit = POOLS[verdict.pool]
    runs = ", ".join(_named(seat) for seat in seats) or "nothing"
    mostly = ""
    if verdict.pool == "processor":
        parts = sorted(cost.stages.items(), key=lambda part: -part[1])[:3]
        mostly = " (" + ", ".join(f"{STAGES.get(name, name)} {cores:.2f}" for name, cores in parts) + ")"
        needs, left, of = (f"{value:.2f}" for value in (verdict.needs, verdict.left, verdict.of))
    elif verdict.pool in ("nvenc", "card"):
        needs, left, of = (f"{value:.0%}" for value in (verdict.needs, verdict.left, verdict.of))
    else:
        needs, left, of = (f"{value:.0f}" for value in (verdict.needs, verdict.left, verdict.of))
    short = STAGES.get(verdict.stage, f"the {verdict.pool}")
    why = (
        f"There is no room for this show: it needs {needs} {unit}{mostly}, and {left} of {of} are left. "
        f"What limits it is {short}. On air: {runs}."
    )
    return Verdict(False, verdict.pool, verdict.stage, verdict.needs, verdict.left, verdict.of, why)


def _named(seat: Seat) -> str:
    width, height = seat.demand.size
    forced = ", by force" if seat.forced else ""
    return f"{seat.show or 'a show'} ({width}x{height}{forced})"


def _limit(limits: Limits, pool: str) -> float | None:
    match pool:
        case "processor":
            return limits.cores
        case "memory":
            return limits.memory_mb
        case "sessions":
            return None if limits.sessions is None else float(limits.sessions)
        case "card memory":
            return limits.card_mb or None
    return 1.0


def _amount(cost: Cost, pool: str) -> float:
    match pool:
        case "processor":
            return cost.cores
        case "memory":
            return cost.memory_mb
        case "sessions":
            return float(cost.sessions)
        case "nvenc":
            return cost.nvenc
        case "card":
            return cost.card
    return cost.card_mb


def _area(size: Size) -> int:
    return size[0] * size[1]


def _ratio(asked: float, measured: float) -> float:
    return asked / measured if asked and measured else 1.0
