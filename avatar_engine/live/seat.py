"""The seat that a show takes on this machine before it begins, and the encoder that goes with it.

A show over the measured capacity is refused; none that is on air ever gets less. Where nothing was measured nobody
is refused, and where a technician forces a seat, that is written into it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import av

from avatar_engine import capacity
from avatar_engine.broadcast.codecs import usable
from avatar_engine.broadcast.spec import ProgrammeFormat
from avatar_engine.bundle import Bundle
from avatar_engine.capacity import admission
from avatar_engine.capacity.seats import Hold, Seat, heir_of
from avatar_engine.engine import wire
from avatar_engine.errors import AvatarError
from avatar_engine.lips.model import FACTS
from avatar_engine.stage.body import reels_of

log = logging.getLogger(__name__)

AUTO, FORCE = "auto", "force"
POLICIES = (AUTO, FORCE)
"""How a seat is asked for: where there is room, or in any case."""

UNKNOWN = (
    "Nobody knows how many shows this machine carries, so none is refused. Measure it: avatar-engine capacity"
)


@dataclass(frozen=True, slots=True)
class Seated:
    """A show that may begin.

    Attributes:
        hold: Its seat.
        encoder: What its broadcast is told: a name of `avatar_engine.broadcast.codecs.ENCODERS`, or ``auto``.
    """

    hold: Hold
    encoder: str


def seated(
    show: str,
    demand: capacity.Demand,
    programme: ProgrammeFormat,
    *,
    encoder: str = AUTO,
    policy: str = AUTO,
    ring: str = "",
) -> Seated:
    """Take a seat.

    Args:
        show: The show's id or name, for people.
        demand: What it asks of the machine.
        programme: What is encoded.
        encoder: The encoder that was asked for; ``auto`` chooses by what is left of the measured capacity.
        policy: One of `POLICIES`.
        ring: Name of the ring of a show that died and whose place this one takes: it was on air, and is never refused.

    Raises:
        AvatarError: There is no room for it, the policy is unknown, or the state folder can't be written.
    """
    if policy not in POLICIES:
        raise AvatarError(f"There is no seat {policy!r}.", f"Choose one of {', '.join(POLICIES)}.")
    if ring and (hold := heir_of(ring)):  # it is on air: no encoder is tried out before it goes on
        return Seated(hold, hold.seat.encoder or encoder)
    names = [encoder] if encoder != AUTO else usable(programme)
    kept = capacity.look()
    if kept is None:
        log.warning(UNKNOWN)
    elif kept.advice:
        log.warning("%s", kept.advice)
    known = kept.capacity if kept and not kept.foreign else None
    if known and known.shared and not wire.runs():
        log.warning(
            "The capacity was measured with the render engine, which does not run now; shows take more."
        )
    told: list[capacity.Choice] = []

    def decide(taken: Sequence[Seat]) -> Seat:
        if known is None:
            return Seat(show=show, demand=demand, forced=policy == FORCE)
        choice = capacity.choose(known, taken, demand, names)
        told.append(choice)
        if not choice.verdict.fits and policy != FORCE and not ring:
            raise AvatarError(choice.verdict.why, admission.advice(known, taken, demand))
        forced = not choice.verdict.fits
        return Seat(show=show, demand=demand, encoder=choice.encoder, cost=choice.cost, forced=forced)

    hold = capacity.take(decide)
    if not told:
        return Seated(hold, encoder)
    choice = told[0]
    for reason in choice.passed:
        log.warning("another encoder is taken, %s: %s", choice.encoder, reason)
    if hold.seat.forced:
        log.warning("the show is let in by force: %s", choice.verdict.why)
    # An encoder of the card that fails later may be replaced by the processor's, as it always was.
    return Seated(hold, AUTO if encoder == AUTO and choice.encoder == names[0] else choice.encoder)


def demand_of(
    bundle: Bundle, size: tuple[int, int], codec: str = "h264", speaks: bool = True
) -> capacity.Demand:
    """What a show with this clone asks of the machine."""
    return capacity.Demand(
        size=size, codec=codec, footage=footage_of(bundle), crop=crop_of(bundle), speaks=speaks
    )


def footage_of(bundle: Bundle) -> tuple[int, int]:
    """Width and height of a clone's footage; (0, 0) where that can't be read."""
    try:
        with av.open(str(bundle.extract(reels_of(bundle)[0]))) as film:
            video = film.streams.video[0].codec_context
            return int(video.width), int(video.height)
    except (av.FFmpegError, AvatarError, OSError, IndexError):
        return 0, 0


def crop_of(bundle: Bundle) -> int:
    """Side of the crop that is painted, in pixels; 0 where that can't be read."""
    try:
        return int(bundle.json(FACTS)["size"])
    except (AvatarError, KeyError, TypeError, ValueError):
        return 0
