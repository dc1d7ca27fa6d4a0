"""The show's process, watched by the broadcast's: when it dies or hangs, a successor goes on with the same broadcast.

The two guard one another. The show starts a broadcast that has died anew; and the broadcast, which keeps the time and
holds the connections, starts a new show when the old one is gone, and hands over the ring and a line to itself.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection

import psutil

from avatar_engine.broadcast.ring import FAILED, FrameRing, RingHandle
from avatar_engine.contracts import FRAME_RATE

log = logging.getLogger(__name__)

HUNG = 250
"""Idle frames in a row during which the show gave no sign of life, after which it counts as hung. Frames, and not
seconds: a broadcast that was suspended with the show has not watched it meanwhile."""

START_LIMIT = 180.0
"""Seconds that a successor may take to its first sign of life."""

BUDGET, PER = 5, 600.0
"""Deaths within so many seconds after which nobody is started any more and the broadcast ends."""


@dataclass(frozen=True, slots=True)
class Successor:
    """How to start a show in place of one that died.

    Attributes:
        command: The program; it reads an `Estate` as one line of JSON from its standard input.
        arguments: What the dead one was started with. They are no part of ``command``: stream keys may be among them,
            and everybody may see a command.
    """

    command: tuple[str, ...]
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Estate:
    """What a show leaves to its successor.

    Attributes:
        ring: Where its frames go.
        line: File descriptor of the pipe on which the broadcast's process reports.
        broadcast: Id of that process.
        arguments: See `Successor`.
    """

    ring: RingHandle
    line: int
    broadcast: int
    arguments: tuple[str, ...]

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Estate:
        """What `to_json` wrote.

        Raises:
            ValueError: It is something else.
        """
        try:
            told = json.loads(text)
            ring = RingHandle(**told["ring"])
            return cls(ring, int(told["line"]), int(told["broadcast"]), tuple(told["arguments"]))
        except (TypeError, KeyError) as error:
            raise ValueError(f"this is no estate: {error}") from None


class Adopted:
    """A broadcast's process that another show has started: what `multiprocessing` gives to a parent, for its heir."""

    def __init__(self, pid: int) -> None:
        self.pid, self.exitcode = pid, None
        try:
            self._process: psutil.Process | None = psutil.Process(pid)
        except psutil.NoSuchProcess:
            self._process = None

    def is_alive(self) -> bool:
        """Whether it runs; one that has ended and was not yet collected does not."""
        with suppress(psutil.Error):
            return self._process is not None and self._process.status() != psutil.STATUS_ZOMBIE
        return False

    def kill(self) -> None:
        """End it at once."""
        with suppress(psutil.Error):
            if self._process:
                self._process.kill()

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end, ``timeout`` seconds at most."""
        with suppress(psutil.Error):
            if self._process:
                self._process.wait(timeout)


class Guard:
    """Asked at every frame whether the show lives; sees to it that one does.

    Args:
        ring: Its counters tell of the show's life.
        successor: None where a show's death is the broadcast's end.
        attach: Called with the pipe to the new show.
    """

    def __init__(
        self, ring: FrameRing, successor: Successor | None, attach: Callable[[Connection], None]
    ) -> None:
        self._ring, self._successor, self._attach = ring, successor, attach
        self._show = os.getppid()
        self._process: subprocess.Popen[str] | None = None  # None while the first one lives
        self._tended, self._since = ring.tended, ring.next
        self._begun = time.monotonic()
        self._deaths: deque[float] = deque(maxlen=BUDGET)

    def __call__(self) -> bool:
        """Whether there is a show, or will be one soon."""
        reason = self._fault()
        if not reason or self._ring.closing:
            return True
        self._end()
        now = time.monotonic()
        spent = len(self._deaths) == BUDGET and now - self._deaths[0] < PER
        if self._successor is None or spent:
            log.error("the show's process %s", reason)
            return False
        self._deaths.append(now)
        self._succeed(self._successor)
        # Only now: what is logged goes to the show, and before there was nobody to read it.
        log.error("the show's process %s", reason)
        log.error("the idle face is on air until the next show goes on")
        return True

    @property
    def orphaned(self) -> bool:
        """Whether the show that made the ring is gone, so that nobody else gives its memory back."""
        return os.getppid() != self._show

    def _fault(self) -> str:
        """What is wrong with the show; "" for nothing."""
        if self._process is None and self.orphaned:
            return "has died"
        if self._process is not None and self._process.poll() is not None:
            return f"has died (exit code {self._process.returncode})"
        if self._successor is None:
            return ""  # nobody would take over from a show that may only be slow
        ring = self._ring
        if ring.tended == FAILED:
            return "has failed"
        if not ring.tended:
            late = self._process is not None and time.monotonic() - self._begun > START_LIMIT
            return f"has not begun within {START_LIMIT:.0f} s" if late else ""
        if ring.tended != self._tended or not ring.gap:
            self._tended, self._since = ring.tended, ring.next
        return f"has shown no life for {HUNG / FRAME_RATE:.0f} s" if ring.next - self._since > HUNG else ""

    def _end(self) -> None:
        """Whatever is left of it must not wake up again."""
        with suppress(OSError):
            if self._process is not None:
                self._process.kill()
                self._process.wait()
            elif not self.orphaned:
                os.kill(self._show, signal.SIGKILL)

    def _succeed(self, successor: Successor) -> None:
        """Start the successor, and hand over to it."""
        self._ring.tended, self._begun = 0, time.monotonic()
        self._ring.successions += 1
        theirs, ours = multiprocessing.Pipe(duplex=False)
        estate = Estate(self._ring.handle, theirs.fileno(), os.getpid(), successor.arguments)
        self._process = subprocess.Popen(
            successor.command, stdin=subprocess.PIPE, pass_fds=(theirs.fileno(),), text=True
        )
        theirs.close()
        assert self._process.stdin is not None  # noqa: S101 - for the type checker: it is a pipe
        with suppress(OSError), self._process.stdin as order:
            order.write(estate.to_json() + "\n")
        self._attach(ours)
