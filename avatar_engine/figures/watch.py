"""Watches a show from the side: status for who asks, figures over time, and the report in the end."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from avatar_engine import __version__
from avatar_engine.errors import AvatarError
from avatar_engine.figures import folder as folders
from avatar_engine.figures import log as logs
from avatar_engine.figures import metrics, report
from avatar_engine.figures.cards import Cards
from avatar_engine.figures.cost import Meter, Prices
from avatar_engine.figures.door import Door
from avatar_engine.figures.processes import Processes
from avatar_engine.figures.series import Series
from avatar_engine.figures.snapshot import now, pids, snapshot

if TYPE_CHECKING:
    from avatar_engine.live.show import ShowStatus

log = logging.getLogger(__name__)

LOOK_EVERY = 2.0
"""Seconds between two looks at the machine."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What is watched and how.

    Attributes:
        name: The show's name; its id is this and when it began.
        avatar: The clone.
        script: What it says; empty for a recorded or live sound.
        outputs: Where it goes, as people may see it: without stream keys.
        log: Where log lines go; the show's own folder when None.
        metrics: Port of the metrics on the loopback; None for none, 0 for a free one.
        prices: What energy and the machine cost.
        redact: Hides secrets in a text.
    """

    name: str
    avatar: str
    script: str
    outputs: tuple[str, ...]
    log: Path | None = None
    metrics: int | None = None
    prices: Prices = field(default_factory=Prices)
    redact: Callable[[str], str] = str


class Watch:
    """A context in which a show runs; call it with every status. It never holds the show up and never ends it.

    Raises:
        AvatarError: Folder, log or port can't be had; nothing has begun then.
    """

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self.folder = folders.new(watched.name)
        self._about: dict[str, Any] = {
            "show": self.folder.show,
            "state": "starting",
            "pid": os.getpid(),
            "avatar": watched.avatar,
            "script": watched.script,
            "outputs": list(watched.outputs),
            "engine": __version__,
            "began": now(),
            "log": str((watched.log or self.folder.log).absolute()),
            "error": "",
        }
        self._status: ShowStatus | None = None
        self._processes, self._cards, self._meter = Processes(), Cards(), Meter(watched.prices)
        try:
            self._series = Series(self.folder.series)
            self.folder.tell(self._about)
        except OSError as error:
            raise AvatarError(
                f"The show's folder {self.folder.path} can't be written: {error.strerror}.",
                "Make room there, or set AVATAR_ENGINE_HOME to another folder.",
            ) from error
        self._newest: dict[str, Any] = dict(self._about)
        self._stack, self._stop = ExitStack(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="figures", daemon=True)
        self._complained = False
        self.port: int | None = None

    def __call__(self, status: ShowStatus) -> None:
        """Take the show's newest status."""
        self._status = status

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            formatter = logs.JsonLines(self.folder.show, self._watched.redact)
            stack.enter_context(logs.written(Path(self._about["log"]), formatter))
            if self._watched.metrics is not None:
                self.port = stack.enter_context(metrics.served(self._watched.metrics, self.newest))
            door = Door(self.folder.show, self.newest)
            door.open()
            stack.callback(door.close)
            self._stack = stack.pop_all()
        self._look()
        self._thread.start()
        log.info("show %s: %s", self.folder.show, ", ".join(self._watched.outputs))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(10)
        ending = getattr(self._status, "ending", "")  # whatever was told: the show's end must not fail here
        said = "" if error is None else error.what if isinstance(error, AvatarError) else repr(error)
        self._about |= {
            "state": "failed" if said else "ended",
            "error": self._watched.redact(said),
            "ending": ending,
            "ended": now(),
        }
        if said:
            log.error("the show ended: %s", said)
        self._look(last=True)
        self._stack.close()
        try:
            self.folder.tell(self._about)
            report.write(self.folder)
        except Exception as failure:  # the show itself is over, and its end must not look like a failure
            log.warning("no report: %s", failure)

    def newest(self) -> dict[str, Any]:
        """The newest snapshot."""
        return self._newest

    def _run(self) -> None:
        while not self._stop.wait(LOOK_EVERY):
            self._look()

    def _look(self, last: bool = False) -> None:
        """Make a snapshot, and write it when it is time; what goes wrong here must not touch the show."""
        try:
            status = self._status
            if status and self._about["state"] == "starting":
                self._about["state"] = "on air"
            parts = self._processes.look(pids(status))
            cards = self._cards.look([pid for part in parts.values() for pid in part.pids])
            spent = sum(part.cpu_seconds for part in parts.values())
            cost = self._meter.look(spent, cards, status.on_air if status else 0.0)
            self._newest = snapshot(self._about, status, parts, cards, cost)
            if last:
                self._series.add(self._newest)
            else:
                self._series.offer(time.monotonic(), self._newest)
        except Exception as error:
            if not self._complained:
                self._complained = True
                log.warning("figures are missing from now on: %s", error)
