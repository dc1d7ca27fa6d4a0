"""The process that owns the device: lets shows in, puts their requests in order, has them painted, answers.

One thread listens to all lines and never waits for one of them; every lane of the backend has a thread that takes the
next batch; persons are loaded by a thread beside them. A show that sends what it should not, or does not take its
answers, loses its line: nobody else notices.
"""

from __future__ import annotations

import json
import logging
import os
import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

import psutil

from avatar_engine import __version__
from avatar_engine.engine import wire
from avatar_engine.engine.backend import Backend, Job, Seat
from avatar_engine.engine.parts import model_of
from avatar_engine.engine.schedule import Request, Schedule
from avatar_engine.engine.wire import Arena, Ask, Done, Hello, RubbishError
from avatar_engine.errors import AvatarError
from avatar_engine.folders import claim, private
from avatar_engine.timing import StageTimes

log = logging.getLogger(__name__)

LINES = 2048
"""Lines at most; whoever comes then is turned away."""

INTRODUCTION = 5.0
"""Seconds in which somebody who has connected must say who it is."""

SHOWN = 350
"""Shows that the status tells of one by one: a message has an end."""

LOOK = 0.5
"""Seconds between two looks at whether the engine is to end, and at lines that nobody speaks on."""

NICENESS = 10
"""Of the thread that loads persons."""

Job_ = tuple["_Line", Ask]


class _Line:
    """One connection."""

    def __init__(self, number: int, line: socket.socket) -> None:
        self.number, self.socket, self.since = number, line, time.monotonic()
        self.hello: Hello | None = None
        self.arena: Arena | None = None
        self.seat: Seat | None = None
        self.busy = self.gone = False
        self.asked = self.late = 0
        self.worked = self.answered = self.worst = 0.0  # seconds: sums, and the longest way to an answer

    def send(self, message: bytes) -> None:
        """Without ever waiting.

        Raises:
            OSError: It has gone, or does not take what it is sent.
        """
        self.socket.send(message, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)

    def figures(self, hello: Hello) -> dict[str, Any]:
        """What the status says of a show; milliseconds."""
        count = max(1, self.asked - self.busy)
        return {
            "name": hello.name, "pid": hello.pid, "person": hello.person[:8], "asked": self.asked, "late": self.late,
            "step": round(1e3 * self.worked / count, 2), "answer": round(1e3 * self.answered / count, 2),
            "worst": round(1e3 * self.worst, 1),
        }  # fmt: skip


class Engine:
    """The engine; `serve` runs it.

    Args:
        backend: Paints.
        path: The socket at which shows find it.

    Raises:
        AvatarError: Another one runs, or the socket can't be made.
    """

    def __init__(self, backend: Backend, path: Path | None = None) -> None:
        if not wire.supported():
            raise AvatarError(
                "The render engine runs on Linux only.", "Shows paint by themselves: --engine off."
            )
        self._backend, self.path = backend, path or wire.path()
        self._lock = _claim(self.path)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(self.path))
        self.path.chmod(0o600)
        self._listener.listen(128)
        self._listener.setblocking(False)
        self._schedule: Schedule[Job_] = Schedule(backend.most)
        self._turn = threading.Condition()  # guards the schedule and the counts
        self._lines: dict[int, _Line] = {}
        self._loaded: set[str] = set()  # the loader's alone
        self._loader = ThreadPoolExecutor(1, "person", _yield_to_others)
        self._batches: Counter[int] = Counter()
        self._times = StageTimes("step", "answer")
        self._late = self._dropped = self._next = 0
        self._ended, self._began = False, time.monotonic()
        self._broken: BaseException | None = None
        self._selector = selectors.DefaultSelector()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def serve(self, stop: threading.Event) -> None:
        """Until ``stop`` is set.

        Raises:
            AvatarError: The device has failed.
        """
        lanes = [
            threading.Thread(target=self._lane, args=(lane,), name=f"lane {lane}", daemon=True)
            for lane in range(self._backend.lanes)
        ]
        for thread in lanes:
            thread.start()
        self._selector.register(self._listener, selectors.EVENT_READ, self._let_in)
        self._selector.register(self._bell, selectors.EVENT_READ, self._rung)
        looked = time.monotonic()
        try:
            while not stop.is_set() and self._broken is None:
                for key, _ in self._selector.select(LOOK):
                    key.data()
                if (
                    time.monotonic() - looked >= LOOK
                ):  # not after every picture: there may be two thousand lines
                    self._expire()
                    looked = time.monotonic()
        finally:
            self._close(lanes)
        if self._broken is not None:
            raise AvatarError(
                f"The device has failed: {self._broken!r}",
                "Shows go on by themselves meanwhile; start the engine again, or see: avatar-engine doctor",
            )

    def status(self) -> dict[str, Any]:
        """What `avatar-engine engine status` shows."""
        with self._turn:
            batches = sorted(self._batches.items())
        shows = [line.figures(line.hello) for line in self._lines.values() if line.seat and line.hello]
        return {
            "version": __version__,
            "pid": os.getpid(),
            "seconds": time.monotonic() - self._began,
            "persons": len({show["person"] for show in shows}),
            "batches": {str(count): times for count, times in batches},
            "times": self._times.lately(),
            "late": self._late,
            "dropped": self._dropped,
            "memory_bytes": psutil.Process().memory_info().rss,
            **self._backend.facts(),
            "shows": shows[:SHOWN],
        }

    def _let_in(self) -> None:
        try:
            accepted, _ = self._listener.accept()
        except OSError:  # it has gone again
            return
        accepted.setblocking(False)
        if len(self._lines) >= LINES:
            accepted.close()
            return
        self._next += 1
        line = _Line(self._next, accepted)
        self._lines[line.number] = line
        self._selector.register(accepted, selectors.EVENT_READ, partial(self._hear, line))

    def _hear(self, line: _Line) -> None:
        try:
            if line.hello is None:
                self._introduced(line)
                return
            message = line.socket.recv(wire.LARGEST)
            if not message:
                self._drop(line, "")
                return
            self._asked(line, Ask.read(message))
        except BlockingIOError:
            pass
        except RubbishError as error:
            self._drop(line, f"it sent {error}")
        except OSError:
            self._drop(line, "")

    def _introduced(self, line: _Line) -> None:
        message, descriptors, _, _ = socket.recv_fds(line.socket, wire.LARGEST, 4)
        try:
            if not message:
                self._drop(line, "")
                return
            told = wire.read_json(message)
            if told.get("kind") == "status":
                line.send(json.dumps(self.status()).encode())
                self._drop(line, "")
                return
            line.hello = Hello.read(told)
            if len(descriptors) != 1:
                raise RubbishError("no memory")
            line.arena = Arena.open(descriptors.pop(), line.hello.width, line.hello.height)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        self._loader.submit(self._admit, line, line.hello)

    def _asked(self, line: _Line, ask: Ask) -> None:
        if line.seat is None or line.busy:
            raise RubbishError("a second request before the first was answered")
        if len(ask.coefficients) != line.seat.codes:
            raise RubbishError(f"{len(ask.coefficients)} coefficients for {line.seat.codes}")
        now = time.monotonic()
        line.busy = True
        with self._turn:
            line.asked += 1
            self._schedule.add(Request(line.number, line.seat.key, now, ask.due, (line, ask)))
            self._turn.notify()

    def _admit(self, line: _Line, hello: Hello) -> None:
        """In the loader's thread: load the person, if nobody else is that, and give the show its seat."""
        try:
            if line.gone:
                return
            if hello.version != __version__:
                raise AvatarError(f"The engine is of version {__version__}, the show of {hello.version}.")
            if hello.person not in self._loaded:
                self._backend.load(hello.person, model_of(hello))
                self._loaded.add(hello.person)
            seat = self._backend.seat(hello.person, hello.width, hello.height)
            with self._turn:
                line.seat = seat
            line.send(b'{"ready": true}')
            log.info("the show %s (process %d) has joined", hello.name, hello.pid)
        except AvatarError as error:
            self._refuse(line, str(error))
        except OSError:
            self._close_soon(line)
        except Exception as error:
            log.exception("%s can't be loaded", hello.bundle)
            self._refuse(line, f"its painter can't be loaded: {error!r}"[:500])

    def _refuse(self, line: _Line, why: str) -> None:
        log.warning("a show is refused: %s", why)
        with suppress(OSError):
            line.send(json.dumps({"refused": why}).encode())
        self._close_soon(line)

    def _close_soon(self, line: _Line) -> None:
        """In any thread: the listening one closes it."""
        line.gone = True
        os.eventfd_write(self._bell, 1)

    def _rung(self) -> None:
        """Another thread has something for this one to see to."""
        os.eventfd_read(self._bell)
        self._expire()

    def _expire(self) -> None:
        """Close the lines that have gone without a word, and those that never said who they are."""
        now = time.monotonic()
        for line in list(self._lines.values()):
            if line.gone:
                self._drop(line, "")
            elif line.hello is None and now - line.since > INTRODUCTION:
                self._drop(line, "it never said who it is")

    def _drop(self, line: _Line, reason: str) -> None:
        """In the listening thread alone."""
        if self._lines.pop(line.number, None) is None:
            return
        if reason:
            self._dropped += 1
            log.warning("a show has lost its line (%s): %s", line.hello.name if line.hello else "?", reason)
        with self._turn:
            self._schedule.forget(line.number)
        with suppress(KeyError, ValueError):
            self._selector.unregister(line.socket)
        line.socket.close()
        line.gone = True
        if line.hello is not None:
            self._loader.submit(self._let_go, line.hello.person)

    def _let_go(self, person: str) -> None:
        """In the loader's thread: forget a person whom nobody wants painted."""
        wanted = {line.hello.person for line in list(self._lines.values()) if line.hello}
        if person in self._loaded and person not in wanted:
            self._loaded.discard(person)
            self._backend.drop(person)

    def _lane(self, lane: int) -> None:
        while True:
            with self._turn:
                while not self._ended and not (batch := self._schedule.take(time.monotonic())):
                    self._turn.wait(self._schedule.wait(time.monotonic()))
                if self._ended:
                    return
            try:
                self._paint(lane, batch)
            except Exception as error:  # a driver's, perhaps: nothing more can be expected of the device
                log.exception("painting has failed")
                self._broken = error
                os.eventfd_write(self._bell, 1)
                return

    def _paint(self, lane: int, batch: Sequence[Request[Job_]]) -> None:
        begun = time.monotonic()
        jobs = [
            Job(line.seat, line.arena.patch, ask.matrix, ask.coefficients)
            for line, ask in (request.work for request in batch)
            if line.arena is not None
        ]
        self._backend.paint(lane, jobs)
        done = time.monotonic()
        worked = done - begun
        for request in batch:
            line, ask = request.work
            line.busy = False
            try:
                line.send(Done(ask.number, begun - request.came, worked).encode())
            except OSError:
                self._close_soon(line)
        self._count(batch, worked, done)

    def _count(self, batch: Sequence[Request[Job_]], worked: float, done: float) -> None:
        with self._turn:
            self._schedule.took(batch[0].key, len(batch), worked)
            self._batches[len(batch)] += 1
            for request in batch:
                line, _ = request.work
                late = done > request.due
                self._late += late
                line.late += late
                answered = done - request.came
                line.worked, line.answered = line.worked + worked, line.answered + answered
                line.worst = max(line.worst, answered)
                self._times.add("step", worked)
                self._times.add("answer", answered)

    def _close(self, lanes: Sequence[threading.Thread]) -> None:
        with self._turn:
            self._ended = True
            self._turn.notify_all()
        for line in list(self._lines.values()):
            self._drop(line, "")
        self._listener.close()
        self._selector.close()
        self._loader.shutdown(wait=True, cancel_futures=True)
        for thread in lanes:
            thread.join(5.0)
        os.close(self._bell)
        self.path.unlink(missing_ok=True)  # while it is ours
        self._lock.close()


def _yield_to_others() -> None:
    """This thread alone: pictures of shows on air go before a person that is being loaded."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


def _claim(path: Path) -> IO[bytes]:
    """The socket's place, for as long as the file stays open.

    Raises:
        AvatarError: Somebody has it, or it can't be made.
    """
    try:
        lock = claim(path)
        if lock is None:
            raise AvatarError(
                "A render engine runs on this machine already.", "See: avatar-engine engine status"
            )
        private(path)
    except OSError as error:
        raise AvatarError(
            f"There can be no socket at {path}: {error.strerror}.",
            "Set AVATAR_ENGINE_HOME to a folder of yours.",
        ) from error
    return lock
