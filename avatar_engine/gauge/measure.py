"""What this machine carries, measured step by step, so that a stop loses only the step that it is in."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from avatar_engine.bundle import Bundle
from avatar_engine.capacity import machine, record, seats
from avatar_engine.capacity.admission import POOLS, fitting, on_card, shortest
from avatar_engine.capacity.model import STAGES, Capacity, Cost, Encoding, Limits, Measured, Size, Trial
from avatar_engine.contracts import Progress, silent
from avatar_engine.errors import AvatarError
from avatar_engine.folders import state_folder
from avatar_engine.gauge import encoding, onair, script
from avatar_engine.live.seat import crop_of, footage_of

log = logging.getLogger(__name__)

SIZES: tuple[Size, ...] = ((1280, 720),)

FULL = 0.9
"""Share of the cores that shows may fill, before it was tried: the rest is the system's, and what comes in bursts."""

SPARE = 0.9
"""Share of the free memory that shows may fill."""

ALONE, TOGETHER = 25.0, 45.0
"""Seconds for which one show, and several, are watched."""

MOST = 12
"""Shows that are tried at once at most."""

NOISE = 0.002
"""Share of frames lost up to which a trial is made once more: something else on the machine may have been it."""

STARVED = 0.1
"""Share of the time without speech in hand from which on a voice does not keep up."""

YOUNG = 3600.0
"""Seconds for which the steps of a measuring that was stopped are gone on with."""

ADVICE = "Clone a presenter (avatar-engine clone --help), or name a clone: avatar-engine capacity NAME.avatar"


@dataclass
class _Steps:
    """Steps that are done, on disk, by what they were made of."""

    path: Path
    key: str
    done: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, avatar: Path) -> _Steps:
        shared = bool(onair.helpers())
        facts = [
            machine.fingerprint().model_dump_json(),
            str(avatar.resolve()),
            avatar.stat().st_mtime_ns,
            shared,
        ]
        key = hashlib.sha256(repr(facts).encode()).hexdigest()
        steps = cls(state_folder() / "capacity.partial.json", key)
        with suppress(OSError, ValueError, KeyError, TypeError):
            told = json.loads(steps.path.read_text(encoding="utf-8"))
            if told["key"] == key and 0 <= time.time() - told["at"] < YOUNG:
                steps.done = dict(told["done"])
        return steps

    def __call__(self, name: str, make: Callable[[], Any]) -> Any:
        """What a step gave, as JSON; made now where it is not there yet."""
        if name not in self.done:
            self.done[name] = make()
            with suppress(OSError):
                self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                told = {"key": self.key, "at": time.time(), "done": self.done}
                self.path.write_text(json.dumps(told), encoding="utf-8")
        return self.done[name]

    def forget(self) -> None:
        """All is done."""
        self.path.unlink(missing_ok=True)


def find(here: Path | None = None) -> Path:
    """The newest clone of the studio, the current folder, or those in it.

    Raises:
        AvatarError: There is none.
    """
    here = here or Path()
    places = [here.glob("*.avatar"), (state_folder() / "studio" / "clones").glob("*/*.avatar")]
    found = [path for place in places for path in place if path.is_file()]
    if not found:
        raise AvatarError(
            "A clone is needed to measure with, and none was found here or in the studio.", ADVICE
        )
    return max(found, key=lambda path: path.stat().st_mtime)


def measure(
    avatar: Path,
    sizes: Sequence[Size] = SIZES,
    *,
    quick: bool = False,
    force: bool = False,
    progress: Progress = silent,
) -> Capacity:
    """Measure this machine with a clone, and keep the result.

    Args:
        avatar: The clone.
        sizes: Of the picture; each costs about two minutes.
        quick: Only reckon how many shows there are room for, by the cost of one, and try none of it.
        force: Even while shows are on air, which then may lose frames.
        progress: Told how far every step is.

    Raises:
        AvatarError: Shows are on air, or the clone is no good.
    """
    if (running := seats.taken()) and not force:
        names = ", ".join(seat.show or "a show" for seat in running)
        raise AvatarError(
            f"On air now: {names}. Measuring fills the machine, and they would lose frames.",
            "End them first, or measure all the same with --force.",
        )
    bundle = Bundle.open(avatar)
    steps = _Steps.of(avatar)
    told = steps(f"encoders at {sorted(sizes)}", lambda: _encoders(avatar, sizes, progress))
    encodings = [Encoding(**one) for one in told["encodings"]]
    free = machine.memory_free() / 1e6
    state_folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    said = state_folder() / "capacity.md"
    script.write(said, bundle)
    found, limits = [], Limits(cores=0.0, memory_mb=SPARE * free, sessions=told["sessions"])
    quota = machine.fingerprint().quota
    cores = FULL * (quota or machine.fingerprint().cores)
    try:
        for size in sizes:
            gauge = _Gauge(avatar, said, size, encodings, steps, progress)
            found.append(gauge.measured(limits.model_copy(update={"cores": cores}), quick))
    finally:
        said.unlink(missing_ok=True)
    trials = [trial for one in found for trial in one.trials]
    capacity = Capacity(
        machine=machine.fingerprint(),
        measured=datetime.now(UTC).isoformat(timespec="seconds"),
        avatar=bundle.name,
        footage=footage_of(bundle),
        crop=crop_of(bundle),
        limits=limits.model_copy(update={"cores": round(settled(cores, found), 3)}),
        sizes=tuple(found),
        encodings=tuple(encodings),
        others=round(sum(trial.others for trial in trials) / max(1, len(trials)), 3),
        shared=bool(onair.helpers()),
    )
    record.keep(capacity)
    steps.forget()
    return capacity


def _encoders(avatar: Path, sizes: Sequence[Size], progress: Progress) -> dict[str, Any]:
    progress("encoders", 0.0)
    encodings, sessions = encoding.measured(avatar, sizes)
    progress("encoders", 1.0, ", ".join(dict.fromkeys(one.encoder for one in encodings)))
    return {"encodings": [one.model_dump() for one in encodings], "sessions": sessions}


class _Gauge:
    """Measures shows of one size."""

    def __init__(
        self,
        avatar: Path,
        said: Path,
        size: Size,
        encodings: Sequence[Encoding],
        steps: _Steps,
        progress: Progress,
    ) -> None:
        self._avatar, self._said, self._size = avatar, said, size
        self._encodings, self._steps, self._progress = encodings, steps, progress
        self._trials: list[Trial] = []
        self._encoders: dict[int, str] = {}  # that shows got, by how many they were

    def measured(self, limits: Limits, quick: bool) -> Measured:
        """One show alone, then as many as there seem to be room for, and one more."""
        alone = self._try(1)
        cost = self._cost(alone)
        predicted = min(fitting(limits, cost), MOST) if whole(alone) else 0
        if quick or not whole(alone):
            held, broke = (None, None) if whole(alone) else (0, 1)
        else:
            held, broke = self._search(max(1, predicted))
            cost = self._cost(self._tried(held))
        pool, stage = shortest(limits, cost)
        if broke is not None:
            pool, stage = _broken(self._tried(broke), cost, predicted) or (pool, stage)
        return Measured(
            size=self._size, cost=cost, predicted=predicted, held=held, broke=broke, limit=stage,
            why=reason(pool, stage, cost, limits), trials=tuple(self._trials),
        )  # fmt: skip

    def _search(self, predicted: int) -> tuple[int, int | None]:
        """The most shows that lose nothing, and the fewest that do, from the predicted number on up or down."""
        held, hosts, broke = 1, max(2, predicted), None
        while hosts <= MOST:
            if whole(self._try(hosts)):
                held = hosts
                if broke is not None:
                    break
                hosts += 1
            else:
                broke = hosts
                if hosts - 1 <= held:
                    break
                hosts -= 1
        return held, broke

    def _try(self, hosts: int) -> Trial:
        """A trial of so many shows; once more where only a frame or two were lost."""
        seconds = ALONE if hosts == 1 else TOGETHER
        width, height = self._size
        known = next((one for one in self._encodings if one.size == self._size), None)
        name = f"{width}x{height}, {hosts} show{'s' * (hosts > 1)}"

        def make() -> dict[str, Any]:
            trial, looks = onair.on_air(
                self._avatar, self._said, self._size, hosts, seconds,
                encode_cores=self._encode_cores(), progress=self._progress, stage=name,
            )  # fmt: skip
            return {"trial": trial.model_dump(), "encoder": looks[0].encoder}

        told = self._steps(f"{name} of {known}", make)
        trial = Trial(**told["trial"])
        if 0 < trial.lost <= NOISE * trial.seconds * 25 * hosts:
            more = self._steps(f"{name} once more", make)
            again = Trial(**more["trial"])
            if again.lost < trial.lost:
                told, trial = more, again
        self._encoders[hosts] = told["encoder"]
        self._trials.append(trial)
        return trial

    def _tried(self, hosts: int) -> Trial:
        """The trial of so many shows."""
        return next(trial for trial in self._trials if trial.hosts == hosts)

    def _encode_cores(self) -> float:
        """What the encoder that shows get here takes by itself."""
        mine = [one for one in self._encodings if one.size == self._size]
        return next((one.cores for one in mine if one.encoder.startswith(("h264", "libx264"))), 0.0)

    def _cost(self, trial: Trial) -> Cost:
        encoder = self._encoders[trial.hosts]
        mine = (one for one in self._encodings if one.encoder == encoder and one.size == self._size)
        known = next(mine, None)
        return Cost(
            stages=trial.stages,
            memory_mb=trial.memory_mb,
            encoder=encoder,
            sessions=int(on_card(encoder)),
            nvenc=known.share if known else 0.0,
        )


def whole(trial: Trial) -> bool:
    """Whether nothing was lost, and the voice kept up."""
    return trial.lost == 0 and trial.starved <= STARVED


def _broken(trial: Trial, cost: Cost, predicted: int) -> tuple[str, str] | None:
    """What was short in a trial that failed, and the stage that broke down; None where it is what was reckoned."""
    if not trial.lost and trial.starved > STARVED:
        return "processor", "voice"
    # for so many there was memory and card enough
    return ("processor", cost.largest) if trial.hosts <= predicted else None


def settled(cores: float, found: Sequence[Measured]) -> float:
    """The cores that shows may fill, after all that was tried: what held is within, what lost frames is without.

    Args:
        cores: What was reckoned before.
        found: What was tried of every size.
    """
    least = max((one.held * one.cost.cores for one in found if one.held), default=0.0)
    most = min((one.broke * one.cost.cores for one in found if one.broke), default=float("inf"))
    # where sizes contradict each other no show that is on air loses frames
    return min(max(cores, least), 0.999 * most)


def reason(pool: str, stage: str, cost: Cost, limits: Limits) -> str:
    """What limits shows of this cost, in a sentence."""
    if pool == "processor":
        share = cost.stages.get(stage, 0.0) / max(1e-9, cost.cores)
        return (
            f"The processor: a show takes {cost.cores:.2f} of {limits.cores:.2f} cores that shows may fill, and "
            f"{share:.0%} of that is {STAGES.get(stage, stage)}."
        )
    return f"The {pool}: {POOLS[pool]} run out first."
