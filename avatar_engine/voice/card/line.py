"""A show's line to the card's process, and the network that speaks over it, or by itself when the line is down."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Literal

from avatar_engine import __version__, device, folders
from avatar_engine.contracts import SAMPLE_RATE, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.voice.card import person, wire
from avatar_engine.voice.card.person import Person
from avatar_engine.voice.card.wire import Message, WireError
from avatar_engine.voice.network import (
    MARGIN,
    SAMPLES_PER_FEATURE,
    Body,
    Features,
    Folded,
    Network,
    Plan,
    Planner,
    Statistics,
)

log = logging.getLogger(__name__)

CHOICE = "AVATAR_ENGINE_VOICE"
CHOICES = ("auto", "cpu", "card")
"""What the environment's variable `CHOICE` may say: voices are made by the card's process if it runs when a show starts
(on a processor it is started only on demand), by each show itself, or by a process that the first show starts."""

ANSWER = {"cuda": 3.0, "cpu": 6.0}
"""Seconds after which a show no longer waits: it has four in hand, and where a processor stands in for the card it
would be no faster by itself."""

AGAIN = 15.0
"""Seconds after which a line that failed is tried again."""

STARTING = 60.0
"""Seconds that the card's process may take to load its libraries and the network."""

SHARE = 0.5
"""Of a window's own length, the time in which it is wanted: it is made while the one before it plays."""

Missing = Literal["sentence", "body", "generator"]


def door() -> Path:
    """The socket of this user's process that owns the card."""
    return folders.door_of("voices", "card")


def wanted() -> str:
    """Where voices are made here.

    Raises:
        AvatarError: ``AVATAR_ENGINE_VOICE`` is none of what it may be.
    """
    choice = os.environ.get(CHOICE, CHOICES[0])
    if choice not in CHOICES:
        raise AvatarError(f"{CHOICE} is {choice!r}.", f"Set it to {', '.join(CHOICES)}, or unset it.")
    return choice


def records() -> Path:
    """Where the process tells what it does."""
    return folders.state_folder() / "voices.log"


def launch(path: Path, kind: str, keep: bool = False) -> subprocess.Popen[bytes]:
    """Begin to run the process.

    Args:
        path: Its socket.
        kind: ``cuda`` or ``cpu``.
        keep: It stays when no show is there, as long as this process does.
    """
    records().parent.mkdir(parents=True, exist_ok=True)
    command = [
        sys.executable,
        "-m",
        "avatar_engine.voice.card.process",
        "--device",
        kind,
        "--door",
        str(path),
    ]
    with records().open("ab") as told:
        # in a session of its own: one that a show has started outlives it, for others may have come meanwhile
        return subprocess.Popen(
            [*command, "--until-ends", str(os.getpid())] if keep else command,
            stdin=subprocess.DEVNULL, stdout=told, stderr=told, start_new_session=True,
        )  # fmt: skip


def start(path: Path, kind: str) -> bool:
    """Have the process run and wait until it listens; one that runs already is taken."""
    if answers(path):
        return True
    process = launch(path, kind)
    until = time.monotonic() + STARTING
    while time.monotonic() < until:
        if answers(path):
            return True
        if process.poll() not in (None, 0):
            break
        time.sleep(0.2)
    log.warning("voices can't be made on the card (%s): this show makes its own", records())
    return False


def answers(path: Path) -> bool:
    """Whether a process listens at ``path``."""
    with socket.socket(socket.AF_UNIX) as trial:
        try:
            trial.connect(str(path))
        except OSError:
            return False
    return True


class Line:
    """Windows of sound from the card's process; one thread at a time.

    Args:
        path: The process's socket.
        patience: Seconds that it may take to answer; by its device when None.
        clock: Where waiting is counted.
    """

    def __init__(
        self, path: Path, patience: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path, self._patience, self._clock = path, patience, clock
        self._connection: socket.socket | None = None
        self._not_before = 0.0
        self._lock = threading.Lock()
        self._numbers = count(1)
        self.windows = self.failures = 0

    def next_sentence(self) -> int:
        """A number that no other sentence on this line has."""
        return next(self._numbers)

    def window(
        self, sentence: Sentence, sounds: Person, start: int, stop: int, margin: int
    ) -> FloatArray | None:
        """Sound float32 (300 * (stop - start),) of a sentence's columns; None when the card is away."""
        with self._lock:
            if self._clock() < self._not_before:
                return None
            seconds = SHARE * (stop - start) * SAMPLES_PER_FEATURE / SAMPLE_RATE
            facts = {"do": "window", "sentence": sentence.number, "body": sentence.person.key,
                     "generator": sounds.key, "start": start, "stop": stop, "margin": margin,
                     "seconds": seconds}  # fmt: skip
            told: dict[str, FloatArray] = {}
            try:
                for _ in range(3):  # a process that forgot, or a new one, is told everything; once is enough
                    answer = self._asked(Message(facts, told))
                    if "missing" not in answer.facts:
                        break
                    told = dict(_told(answer.facts["missing"], sentence, sounds, told))
                sound = answer.arrays.get("sound")
                if sound is None or len(sound) != (stop - start) * SAMPLES_PER_FEATURE:
                    raise WireError(str(answer.facts.get("fault", "no sound came")))
            except (WireError, OSError) as fault:
                self._lost(fault)
                return None
            self.windows += 1
            return sound

    def about(self) -> dict[str, object]:
        """What the process says of itself; empty when it is away, of which no show has to be told."""
        with self._lock:
            try:
                return dict(self._asked(Message({"do": "hello"})).facts)
            except (WireError, OSError):
                self.close()
                return {}

    def _asked(self, message: Message) -> Message:
        if self._connection is None:
            fresh = socket.socket(socket.AF_UNIX)
            fresh.settimeout(self._patience or ANSWER["cpu"])
            try:
                fresh.connect(str(self._path))
                wire.send(fresh, Message({"do": "hello"}))
                told = wire.receive(fresh).facts
                if told.get("version") != __version__:
                    raise WireError(
                        f"the process is of release {told.get('version')}, this show of {__version__}"
                    )
                fresh.settimeout(self._patience or ANSWER[str(told["device"])])
            except BaseException:
                fresh.close()
                raise
            self._connection = fresh
        wire.send(self._connection, message)
        return wire.receive(self._connection)

    def _lost(self, fault: Exception) -> None:
        """The card is not asked for a while."""
        log.warning("the card does not speak (%s): the next %.0f s are spoken here", fault, AGAIN)
        self.failures += 1
        self._not_before = self._clock() + AGAIN
        self.close()

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _told(
    missing: Sequence[Missing], sentence: Sentence, sounds: Person, already: dict[str, FloatArray]
) -> dict[str, FloatArray]:
    out = dict(already)
    if "sentence" in missing:
        plan = sentence.plan
        out |= {"text": plan.text[0], "pitch": plan.pitch[0], "energy": plan.energy[0]}
    if "body" in missing:
        out["body"] = sentence.person.row
    if "generator" in missing:
        out["generator"] = sounds.row
    return out


@dataclass(slots=True)
class Sentence:
    """A sentence that is laid out on the card; here, too, once the card was away (a `Body`).

    Attributes:
        plan: What is said.
        person: Who articulates it.
        number: How it is called on the line.
        planner: Lays it out here.
    """

    plan: Plan
    person: Person
    number: int
    planner: Planner
    _near: Features | None = field(default=None, init=False)

    @property
    def columns(self) -> int:
        return int(self.plan.pitch.shape[1])

    def near(self) -> Features:
        if self._near is None:
            self._near = self.planner.features(self.plan)
        return self._near


class _OnCard(Planner):
    """What the card makes needs no memory here until it is away."""

    _line: Line

    def _load(self) -> None:
        """Nothing."""

    @cached_property
    def _person(self) -> Person:
        return person.body(self.style[0], self.folded)

    def body(self, plan: Plan) -> Body:
        """See `Planner.body`."""
        return Sentence(plan, self._person, self._line.next_sentence(), self)


class CardPlanner(_OnCard):
    """A planner whose sentences are laid out on the card."""

    def __init__(self, style: FloatArray, folded: Folded | None, beside: Planner, line: Line) -> None:
        self._line = line
        super().__init__(style, folded, beside=beside)


class CardNetwork(_OnCard, Network):
    """The network of one voice whose sound the card makes.

    Args:
        style: As for `Network`.
        folded: As for `Network`.
        statistics: As for `Network`; a voice without them is made here.
        threads: Threads of what is computed here.
        line: Where the card is.
    """

    def __init__(
        self, style: FloatArray, folded: Folded | None, statistics: Statistics, threads: int, line: Line
    ) -> None:
        self._line, self._sounds = line, person.generator(style, folded, statistics)
        super().__init__(style, folded, statistics, threads)

    def beside(self, style: FloatArray, folded: Folded | None) -> Planner:
        return CardPlanner(style, folded, self, self._line)

    def window(self, body: Body, start: int, stop: int, margin: int = MARGIN) -> FloatArray:
        if isinstance(body, Sentence):
            sound = self._line.window(body, self._sounds, start, stop, margin)
            if sound is not None:
                return sound
        return super().window(body, start, stop, margin)


def network(
    style: FloatArray, folded: Folded | None, statistics: Statistics | None, threads: int
) -> Network | None:
    """The network whose sound the card's process makes; None where it does not run."""
    choice, path = wanted(), door()
    if statistics is None or choice == "cpu":
        return None
    if not (answers(path) if choice == "auto" else start(path, "cuda" if device.cards() else "cpu")):
        return None
    return CardNetwork(style, folded, statistics, threads, Line(path))
