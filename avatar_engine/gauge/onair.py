"""Real shows at once, each as `live` runs it, and what they lose and take while they are watched.

Every show is a process of its own with all the processes of a show below it, and goes to a receiver on this machine.
They are watched from the moment at which all of them have settled: idle pictures are baked, second renderers loaded,
something is being said. Where the machine's engine runs it paints and speaks for them, and what it takes is shared out.
A show that is told nothing any more ends by itself, so that nothing stays when the measuring
is stopped, however that is done.
"""

from __future__ import annotations

import logging
import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil

from avatar_engine.capacity.model import Size, Trial, add
from avatar_engine.contracts import Progress, silent
from avatar_engine.engine import wire
from avatar_engine.errors import AvatarError
from avatar_engine.figures.processes import Processes
from avatar_engine.gauge.receiver import Receiver
from avatar_engine.live.seat import FORCE

START_LIMIT = 300.0
"""Seconds in which all shows must have settled."""

SETTLE = 8.0
"""Seconds on air before a show may count as settled."""

SILENCE = 30.0
"""Seconds without a word from a show on air after which it counts as broken down."""

WEIGH = 8.0
"""Seconds between two looks at the memory, which cost more than the others."""

DRY = 0.05
"""Seconds of speech in hand below which a show starves."""

PARTS = {"voice": "voice", "sender": "send", "show": "show", "other": "show"}
"""The stage for which each part's processor time counts; renderer and broadcast are taken apart."""


@dataclass(frozen=True, slots=True)
class Look:
    """A show at one moment, as it tells it.

    Attributes:
        at: Seconds, monotonic: the same for all processes of a machine.
        on_air: Seconds on air.
        settled: Whether its start is over.
        late, filled, held, dropped: Frames so far, as in `avatar_engine.live.show.ShowStatus`; those by which the
            programme moved count as dropped.
        lead: Seconds of speech in hand.
        step_ms: 99th percentile of a picture's time lately.
        step_p50_ms: The median.
        pace: Seconds of the voice's work for a second of speech.
        renderer: CPU seconds of the renderer by stage.
        parts: CPU seconds by part of the show, as `avatar_engine.figures.processes` names them.
        memory_mb: Memory of all its processes, shared pages in proportion.
        encoder: The video encoder's name.
    """

    at: float
    on_air: float
    settled: bool
    late: int
    filled: int
    held: int
    dropped: int
    lead: float
    step_ms: float
    pace: float
    renderer: dict[str, float]
    parts: dict[str, float]
    memory_mb: float
    encoder: str = ""
    step_p50_ms: float = 0.0


@dataclass
class _Show:
    """One of the shows, seen from outside."""

    process: Any
    line: Connection[Any, Any]
    receiver: Receiver | None
    looks: list[Look] = field(default_factory=list)
    failed: tuple[str, str] | None = None
    heard: float = field(default_factory=time.monotonic)

    def listen(self) -> None:
        """Take what it has told."""
        with suppress(EOFError, OSError):
            while self.line.poll():
                told = self.line.recv()
                self.heard = time.monotonic()
                if isinstance(told, Look):
                    self.looks.append(told)
                else:
                    self.failed = told
        if self.failed is None and not self.process.is_alive():
            self.failed = ("A show that was measured broke down.", "Look at the messages above.")
        if self.failed is None and self.looks and time.monotonic() - self.heard > SILENCE:
            self.failed = (f"A show that was measured has said nothing for {SILENCE:.0f} s.", "Try again.")

    @property
    def missing(self) -> int:
        """Pictures that its receiver misses so far."""
        return self.receiver.missing if self.receiver else 0

    @property
    def settled(self) -> bool:
        """Whether its start is over."""
        return bool(self.looks) and self.looks[-1].settled


def on_air(
    avatar: Path,
    script: Path,
    size: Size,
    hosts: int,
    seconds: float,
    *,
    encode_cores: float = 0.0,
    progress: Progress = silent,
    stage: str = "shows",
    address: Callable[[int], str] | None = None,
    show: Callable[..., None] | None = None,
) -> tuple[Trial, list[Look]]:
    """So many shows at once for some seconds after all have settled.

    Args:
        avatar: The clone that is on air in all of them.
        script: What they say.
        size: Of the picture.
        hosts: How many.
        seconds: How long they are watched.
        encode_cores: What the encoder alone takes; what the broadcast takes beyond it counts as sending.
        progress: Told how far it is, as ``stage``.
        address: Where show ``k`` goes; to a receiver of its own on the loopback when None.
        show: What runs in a show's process; `perform` when None.

    Returns:
        What was lost and taken, and each show's last look.

    Raises:
        AvatarError: A show can't be started, or breaks down.
    """
    with ExitStack() as stack:
        goals = [address(number) if address else "" for number in range(hosts)]
        shows: list[_Show] = []
        stack.callback(_end, shows)
        for goal in goals:
            shows.append(_begin(show or perform, (avatar, script, size), goal))  # noqa: PERF401 - those that began end
        _await(shows, progress, stage)
        first = [show.looks[-1] for show in shows]
        missing = [show.missing for show in shows]
        marks, machine, began = [len(show.looks) for show in shows], psutil.cpu_times(), time.monotonic()
        own, shared = _spent(shows), helpers()
        while (passed := time.monotonic() - began) < seconds:
            time.sleep(0.2)
            _listen(shows)
            progress(stage, 0.5 + 0.5 * passed / seconds, f"{hosts} on air")
        length, after, mine = time.monotonic() - began, psutil.cpu_times(), _spent(shows)
        helped = {name: (spent - shared.get(name, spent)) / length for name, spent in helpers().items()}
        last = [show.looks[-1] for show in shows]
        busy = (_busy(after) - _busy(machine)) / length
        # what was only late, and has come meanwhile, makes up for no other show's
        lost = sum(max(0, show.missing - before) for show, before in zip(shows, missing, strict=True))
        watched = [look for show, mark in zip(shows, marks, strict=True) for look in show.looks[mark:]]
        trial = summary(first, last, watched, encode_cores, lost)
        stages = dict(trial.stages)
        add(stages, {name: round(cores / hosts, 4) for name, cores in helped.items()})
        trial = trial.model_copy(
            update={
                "stages": stages,
                "seconds": round(length, 1),
                "busy": round(busy, 3),
                "others": round(max(0.0, busy - (mine - own) / length - sum(helped.values())), 3),
            }
        )
        progress(stage, 1.0, f"{hosts} on air: {trial.lost or 'nothing'} lost")
        return trial, last


def _begin(show: Callable[..., None], order: tuple[Path, Path, Size], address: str) -> _Show:
    receiver = None if address else Receiver()
    address = receiver.address if receiver else address
    context = multiprocessing.get_context("spawn")
    line, theirs = context.Pipe()
    process = context.Process(target=show, args=(theirs, *order, address), name="measured show")
    process.start()
    theirs.close()
    return _Show(process, line, receiver)


def _await(shows: Sequence[_Show], progress: Progress, stage: str) -> None:
    """Return when all have settled."""
    began = time.monotonic()
    while not all(show.settled for show in shows):
        time.sleep(0.2)
        _listen(shows)
        passed = time.monotonic() - began
        settled = sum(show.settled for show in shows)
        progress(stage, 0.5 * min(1.0, passed / 45), f"{settled} of {len(shows)} have settled")
        if passed > START_LIMIT:
            raise AvatarError(
                f"{len(shows)} shows have not settled within {START_LIMIT:.0f} s.",
                "Look at what else runs on this machine.",
            )


def _listen(shows: Sequence[_Show]) -> None:
    for show in shows:
        show.listen()
        if show.failed:
            raise AvatarError(*show.failed)


def summary(
    first: Sequence[Look], last: Sequence[Look], watched: Sequence[Look], encode_cores: float, missing: int
) -> Trial:
    """A trial's figures from the looks at its shows when the watching began and when it ended."""
    lost = {
        name: sum(getattr(b, name) - getattr(a, name) for a, b in zip(first, last, strict=True))
        for name in ("late", "filled", "held", "dropped")
    }
    stages: dict[str, float] = {}
    for before, after in zip(first, last, strict=True):
        add(stages, stages_of(before, after, encode_cores))
    hosts = len(first)
    starved = sum(look.lead < DRY for look in watched) / max(1, len(watched))
    return Trial(
        hosts=hosts,
        seconds=0.0,
        **lost,
        missing=missing,
        starved=round(starved, 3),
        step_ms=max(look.step_ms for look in last),
        step_p50_ms=round(sum(look.step_p50_ms for look in last) / hosts, 2),
        pace=round(max(look.pace for look in last), 3),
        stages={name: round(cores / hosts, 4) for name, cores in stages.items()},
        memory_mb=round(sum(look.memory_mb for look in last) / hosts),
    )


def stages_of(before: Look, after: Look, encode_cores: float) -> dict[str, float]:
    """Processor cores by stage of one show between two looks.

    What the renderer's process takes beyond its stages is the body: its films are decoded in a thread of their own.
    """
    length = max(1e-6, after.on_air - before.on_air)
    spent = {
        name: max(0.0, after.parts.get(name, 0.0) - before.parts.get(name, 0.0)) / length
        for name in {*before.parts, *after.parts}
    }
    rendered = {
        name: max(0.0, after.renderer.get(name, 0.0) - before.renderer.get(name, 0.0)) / length
        for name in after.renderer
    }
    stages = {
        "lips": rendered.get("motion", 0.0),
        "paint": rendered.get("paint", 0.0),
        "stage": rendered.get("stage", 0.0),
    }
    renderer, broadcast = spent.pop("renderer", 0.0), spent.pop("broadcast", 0.0)
    stages["body"] = max(rendered.get("body", 0.0), renderer - sum(stages.values()))
    stages["encode"] = min(broadcast, encode_cores) if encode_cores else broadcast
    stages["send"] = broadcast - stages["encode"]
    for part, cores in spent.items():
        add(stages, {PARTS.get(part, "show"): cores})
    return stages


def _spent(shows: Sequence[_Show]) -> float:
    """CPU seconds so far of the shows that run, of their receivers and of this process."""
    receivers = [show.receiver.pid for show in shows if show.receiver]
    pids = [None, *(show.process.pid for show in shows), *receivers]
    total = 0.0
    for pid in pids:
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            family = [process] if pid is None else [process, *process.children(recursive=True)]
            for one in family:
                with suppress(psutil.Error):
                    times = one.cpu_times()
                    total += times.user + times.system
    return total


def helpers() -> dict[str, float]:
    """CPU seconds so far, by stage, of the processes that work for all shows of this machine, where they run: the
    render engine paints, and what it has started makes voices."""
    spent: dict[str, float] = {}
    with suppress(AvatarError, psutil.Error):
        engine = psutil.Process(int(wire.status()["pid"]))
        for stage, process in [("paint", engine), *(("voice", child) for child in engine.children(True))]:
            with suppress(psutil.Error):
                times = process.cpu_times()
                add(spent, {stage: times.user + times.system})
    return spent


def _busy(times: Any) -> float:
    """CPU seconds of the machine that were not idle."""
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


def _end(shows: Sequence[_Show]) -> None:
    """Tell shows to end, and see to it."""
    for show in shows:
        with suppress(OSError):
            show.line.send("stop")
    for show in shows:
        show.process.join(20)
        if show.process.is_alive():
            with suppress(psutil.Error):
                for child in psutil.Process(show.process.pid).children(recursive=True):
                    with suppress(psutil.Error):
                        child.kill()
            show.process.kill()
            show.process.join(5)
        show.line.close()
        if show.receiver:
            show.receiver.close()


def perform(line: Connection[Any, Any], avatar: Path, script: Path, size: Size, address: str) -> None:
    """What runs in a show's process: the show itself, and a look at it twice a second."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who measures ends the shows in order
    logging.basicConfig(level=logging.ERROR)
    from avatar_engine.live.show import run

    stop = threading.Event()
    threading.Thread(target=_obey, args=(line, stop), daemon=True).start()
    try:
        run(
            avatar, script, [address], size=size, loop=True, seat=FORCE, render_engine="auto", on_status=_Watch(line),
            stop=stop,
        )  # fmt: skip
    except AvatarError as error:
        with suppress(OSError):
            line.send((error.what, error.advice))


def _obey(line: Connection[Any, Any], stop: threading.Event) -> None:
    """End when told to, and when nobody is there any more who could tell."""
    with suppress(EOFError, OSError):
        line.recv()
    stop.set()


class _Watch:
    """Looks at the show whose status it is called with, and tells who measures."""

    def __init__(self, line: Connection[Any, Any]) -> None:
        self._line = line
        self._processes = Processes()
        self._spoke = False
        self._memory, self._weighed = 0.0, -WEIGH

    def __call__(self, status: Any) -> None:
        pids = {name: getattr(status, f"{name}_pid") for name in ("voice", "renderer", "broadcast")}
        parts = self._processes.look(pids)
        self._spoke = self._spoke or status.speaking
        if status.on_air >= self._weighed + WEIGH:
            self._weighed = status.on_air
            self._memory = _memory([pid for part in parts.values() for pid in part.pids])
        started = status.on_air > SETTLE and status.spare_ready and not status.baking and self._spoke
        look = Look(
            at=time.monotonic(),
            on_air=status.on_air,
            settled=started,
            late=status.late,
            filled=status.filled,
            held=status.held,
            dropped=status.dropped + round(status.moved * 25),
            lead=status.speech_lead,
            step_ms=status.stage_times.get("frame", {}).get("p99", 0.0),
            pace=status.voice_pace,
            step_p50_ms=status.stage_times.get("frame", {}).get("p50", 0.0),
            renderer=dict(status.stage_seconds),
            parts={name: part.cpu_seconds for name, part in parts.items()},
            memory_mb=self._memory,
            encoder=status.broadcast.encoder if status.broadcast else "",
        )
        with suppress(OSError):
            self._line.send(look)


def _memory(pids: Sequence[int]) -> float:
    """Megabytes that processes hold, what several share in proportion where the system tells it."""
    total = 0.0
    for pid in pids:
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            try:
                total += process.memory_full_info().pss / 1e6
            except (AttributeError, psutil.AccessDenied):
                total += process.memory_info().rss / 1e6
    return total
