"""What a show takes of a machine, and what a machine has: plain figures that go into a file and come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

STAGES = {
    "voice": "the voice",
    "lips": "the motion of the lips",
    "body": "decoding the body",
    "paint": "painting",
    "stage": "the stage",
    "encode": "encoding",
    "send": "sending",
    "show": "the show's own work",
}
"""Stages of a show that take processor time, with their names for people."""

VERSION = 1

Size = tuple[int, int]
"""Width and height in pixels."""

Share = Annotated[float, Field(ge=0)]


class _Figures(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Demand(_Figures):
    """What is asked of a machine by one show.

    Attributes:
        size: Of its picture.
        codec: ``h264``, ``hevc`` or ``av1``.
        footage: Size of the clone's footage; (0, 0) where it is not known.
        crop: Side of the painted crop, in pixels; 0 where it is not known.
        speaks: Whether a voice is made for it; a recorded or live sound needs none.
    """

    size: Size
    codec: str = "h264"
    footage: Size = (0, 0)
    crop: int = 0
    speaks: bool = True


class Cost(_Figures):
    """What one show takes.

    Attributes:
        stages: Processor cores by stage (CPU seconds for a second of show).
        memory_mb: Memory of all its processes; what they share is counted once.
        encoder: FFmpeg's name of its video encoder.
        sessions: Encoders of the card that it holds.
        nvenc: Share of the time of the card's encoders.
        card: Share of the card's computing time.
        card_mb: Memory of the card.
        estimated: Whether it is reckoned from another size or clone than was measured.
    """

    stages: dict[str, Share] = {}
    memory_mb: Share = 0.0
    encoder: str = ""
    sessions: int = 0
    nvenc: Share = 0.0
    card: Share = 0.0
    card_mb: Share = 0.0
    estimated: bool = False

    @property
    def cores(self) -> float:
        """Processor cores of all stages."""
        return sum(self.stages.values())

    @property
    def largest(self) -> str:
        """The stage that takes most of the processor; "" where none is known."""
        return max(self.stages, key=lambda name: self.stages[name], default="")


class Limits(_Figures):
    """What a machine has for all shows together.

    Attributes:
        cores: Processor cores that shows may fill before frames come late.
        memory_mb: Memory.
        sessions: Encoders of the card that can be open at once; None for no limit that was found.
        card_mb: Memory of the card; 0 for no card.
    """

    cores: Share
    memory_mb: Share
    sessions: int | None = 0
    card_mb: Share = 0.0


class Machine(_Figures):
    """What tells one machine from another, as far as its speed is concerned.

    Attributes:
        cpu: The processor's name.
        cores: Cores that may be used.
        quota: The container's quota in cores; None for none.
        memory_mb: Memory that may be used, in MB.
        card: Name of the graphics card and its driver; "" for none.
        engine: The engine's version.
    """

    cpu: str
    cores: int
    quota: float | None
    memory_mb: int
    card: str
    engine: str


class Trial(_Figures):
    """So many real shows at once.

    Attributes:
        hosts: How many.
        seconds: How long they were watched, each from when all had settled.
        late: Frames that went out after they were due, of all shows.
        filled: Frames in whose place the idle face went out.
        held: Pictures that were shown twice for want of time.
        dropped: Frames that were made and came too late.
        missing: Pictures that never reached the receivers.
        starved: Share of the time in which a show had no speech ready.
        step_ms: 99 of 100 pictures took no longer than this from sound to picture, in the slowest show.
        step_p50_ms: Half of them did, in the mean show.
        pace: Seconds of the voice's work for a second of speech, in the slowest show.
        stages: Processor cores by stage, the mean show's.
        memory_mb: Memory of the mean show.
        busy: Cores that were busy on the whole machine.
        others: Cores that other programs took meanwhile.
    """

    hosts: int
    seconds: float
    late: int = 0
    filled: int = 0
    held: int = 0
    dropped: int = 0
    missing: int = 0
    starved: float = 0.0
    step_ms: float = 0.0
    step_p50_ms: float = 0.0
    pace: float = 0.0
    stages: dict[str, Share] = {}
    memory_mb: Share = 0.0
    busy: float = 0.0
    others: float = 0.0

    @property
    def lost(self) -> int:
        """Frames that viewers did not get as they were meant."""
        return self.late + self.filled + self.held + self.dropped + self.missing


class Measured(_Figures):
    """What was measured of shows of one size.

    Attributes:
        size: Width and height.
        cost: Of a show of this size, with the encoder that `codec` of the clone's show took.
        predicted: Hosts by the cost of one show alone.
        held: Hosts that were really on air at once with nothing lost; None where that was not tried.
        broke: The fewest that were tried and lost something; None where none did.
        limit: The stage that is short, a name of `STAGES` or of `avatar_engine.capacity.admission.POOLS`.
        why: The same in a sentence.
        trials: What was tried.
    """

    size: Size
    cost: Cost
    predicted: int
    held: int | None = None
    broke: int | None = None
    limit: str = ""
    why: str = ""
    trials: tuple[Trial, ...] = ()

    @property
    def hosts(self) -> int:
        """What the machine carries of this size: what held where that was tried, else what is predicted."""
        return self.predicted if self.held is None else self.held


class Encoding(_Figures):
    """What an encoder takes at one size.

    Attributes:
        encoder: FFmpeg's name.
        size: Width and height.
        cores: Processor cores at 25 pictures a second, the sound's encoder included.
        share: Share of the card's encoders; 0 for one on the processor.
        milliseconds: The 99th percentile of a picture's time.
    """

    encoder: str
    size: Size
    cores: Share
    share: Share = 0.0
    milliseconds: float = 0.0


class Capacity(_Figures):
    """What one machine carries, as it was measured.

    Attributes:
        machine: Which machine.
        measured: When, UTC, ISO 8601.
        avatar: Name of the clone that was on air.
        footage, crop: See `Demand`; the clone's.
        limits: What shows may fill.
        sizes: By size, the first one asked for first.
        encodings: Encoders that can be opened here.
        others: Cores that other programs took meanwhile, on average.
        shared: Whether the machine's render engine painted for the shows that were measured: they cost less with it.
    """

    version: int = VERSION
    machine: Machine
    measured: str
    avatar: str
    footage: Size = (0, 0)
    crop: int = 0
    limits: Limits
    sizes: tuple[Measured, ...]
    encodings: tuple[Encoding, ...] = ()
    others: float = 0.0
    shared: bool = False

    def nearest(self, size: Size) -> Measured:
        """What was measured of the size that has most nearly as many pixels."""
        return min(self.sizes, key=lambda one: abs(_area(one.size) - _area(size)))

    def encoding(self, encoder: str, size: Size) -> Encoding | None:
        """What the encoder takes at this size, as measured, or reckoned by pixels; None where it can't be opened."""
        known = [one for one in self.encodings if one.encoder == encoder]
        if not known:
            return None
        near = min(known, key=lambda one: abs(_area(one.size) - _area(size)))
        scale = _area(size) / _area(near.size)
        if scale == 1:
            return near
        return Encoding(
            encoder=encoder, size=size, cores=near.cores * scale, share=near.share * scale,
            milliseconds=near.milliseconds * scale,
        )  # fmt: skip


def _area(size: Size) -> int:
    return size[0] * size[1]


def summed(costs: Sequence[Cost]) -> Cost:
    """What several shows take together."""
    stages: dict[str, float] = {}
    for cost in costs:
        add(stages, cost.stages)
    return Cost(
        stages=stages,
        memory_mb=sum(cost.memory_mb for cost in costs),
        sessions=sum(cost.sessions for cost in costs),
        nvenc=sum(cost.nvenc for cost in costs),
        card=sum(cost.card for cost in costs),
        card_mb=sum(cost.card_mb for cost in costs),
        estimated=any(cost.estimated for cost in costs),
    )


def add(stages: dict[str, float], more: Mapping[str, float]) -> None:
    """Add cores by stage to ``stages``."""
    for name, cores in more.items():
        stages[name] = stages.get(name, 0.0) + cores
