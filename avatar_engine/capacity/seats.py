"""Seats: which shows run on this machine now, and what they take.

A seat is a small file in the state folder, locked by every process that keeps its show alive: the show's own and the
broadcast's, which goes on when the show's dies and starts another one. The lock is the kernel's: it ends with the last
of these processes, however they end, and what nobody locks is swept up. Whoever takes a seat holds a lock on the
folder while the seats are counted, so that two shows that start at once can't both take the last one.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from avatar_engine.capacity.model import Cost, Demand
from avatar_engine.errors import AvatarError
from avatar_engine.folders import state_folder

log = logging.getLogger(__name__)

_SUFFIX = ".seat"
_DOOR = ".lock"


class Seat(BaseModel):
    """What a show that runs has told of itself.

    Attributes:
        show: Its id or name.
        demand: What it asks of the machine.
        encoder: FFmpeg's name of its encoder.
        cost: What it takes; None where no capacity was measured when it began.
        forced: Whether it was let in although there was no room.
        ring: Name of the ring that its frames go through; "" before it has one.
        pid: Process id of the show.
        began: When it was taken, seconds since 1970.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
    show: str
    demand: Demand
    encoder: str = ""
    cost: Cost | None = None
    forced: bool = False
    ring: str = ""
    pid: int = 0
    began: float = 0.0


class Hold:
    """A seat that this process holds, until `release` or its end; a context.

    Attributes:
        seat: What it says.
        path: Its file, which other processes of the show hold, too (`join`).
    """

    def __init__(self, seat: Seat, path: Path, descriptor: int) -> None:
        self.seat, self.path = seat, path
        self._descriptor = descriptor

    def tell(self, seat: Seat) -> None:
        """Say something else in it."""
        self.seat = seat
        data = seat.model_dump_json().encode()
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, data, 0)
            os.ftruncate(self._descriptor, len(data))

    def release(self) -> None:
        """Let go of it; the last one takes the file away."""
        if self._descriptor < 0:
            return
        descriptor, self._descriptor = self._descriptor, -1
        try:
            with contextlib.suppress(OSError):
                # Only who is alone with it gets this lock.
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def folder() -> Path:
    """Where the seats are."""
    return state_folder() / "seats"


def taken() -> list[Seat]:
    """The seats that are taken now, the oldest first."""
    try:
        with _door():
            return [seat for _, seat in _held()]
    except OSError:
        return []


def take(decide: Callable[[Sequence[Seat]], Seat]) -> Hold:
    """Take a seat.

    Args:
        decide: Told which seats are taken, while nobody else can take one; gives the new one, or raises.

    Raises:
        AvatarError: The state folder can't be written, or ``decide`` refuses.
    """
    try:
        with _door():
            seat = decide([seat for _, seat in _held()])
            seat = seat.model_copy(update={"pid": os.getpid(), "began": time.time()})
            path = folder() / f"{secrets.token_hex(8)}{_SUFFIX}"
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            hold = Hold(seat, path, descriptor)
            hold.tell(seat)
            return hold
    except OSError as error:
        raise AvatarError(
            f"No seat can be taken in {folder()}: {error.strerror}.",
            "Make room there, or set AVATAR_ENGINE_HOME to a folder that is yours.",
        ) from error


def join(path: Path) -> Hold | None:
    """Hold a seat that another process of the same show holds, too; None where nobody does any more."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    seat = _read(descriptor)
    if seat is None or not os.fstat(descriptor).st_nlink:
        os.close(descriptor)
        return None
    return Hold(seat, path, descriptor)


def heir_of(ring: str) -> Hold | None:
    """The seat of the show that died and left this ring, for the one that takes its place; None where it is gone."""
    try:
        with _door():
            found = [path for path, seat in _held() if seat.ring == ring]
    except OSError:
        return None
    return join(found[0]) if found else None


@contextlib.contextmanager
def _door() -> Iterator[None]:
    """Nobody else counts or takes seats meanwhile."""
    folder().mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(folder() / _DOOR, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _held() -> list[tuple[Path, Seat]]:
    """The seats that somebody holds; the others are swept up."""
    found = []
    for path in folder().glob(f"*{_SUFFIX}"):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)  # nobody does
        except OSError:
            if seat := _read(descriptor):
                found.append((path, seat))
        finally:
            os.close(descriptor)
    return sorted(found, key=lambda one: one[1].began)


def _read(descriptor: int) -> Seat | None:
    try:
        return Seat.model_validate_json(os.pread(descriptor, 1 << 20, 0))
    except (OSError, ValidationError):
        log.warning("a seat can't be read")
        return None
