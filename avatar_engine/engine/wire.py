"""What shows and the engine say to one another, and the memory that they share.

A Unix socket that keeps messages apart (SOCK_SEQPACKET): a message comes whole or not at all, so nobody has to wait
for the rest of somebody's. A show introduces itself in JSON and hands over a memory that neither side can shrink, in
which its patch lies; every picture is one small packet there and one back.
"""

from __future__ import annotations

import fcntl
import json
import math
import mmap
import os
import socket
import struct
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from avatar_engine import __version__
from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.engine.patch import Matrix
from avatar_engine.errors import AvatarError
from avatar_engine.folders import door_of

LARGEST = 1 << 16
"""Bytes of a message at most."""

LARGEST_SIDE = 2048
"""Pixels of a patch's side at most."""

CODES = 256
"""Coefficients at most."""

_REQUEST = struct.Struct("<4sQd6d")
_ANSWER = struct.Struct("<4sQ2f")
_ASK, _DONE = b"ASK1", b"DONE"


class RubbishError(Exception):
    """What came is no message of ours."""


@dataclass(frozen=True, slots=True)
class Hello:
    """How a show introduces itself.

    Attributes:
        name: What it is called in figures.
        pid: Its process.
        bundle: Path of the clone.
        look: The look that it wears.
        painter, lips: Sha256 of the parts that painting needs; the engine takes no others.
        width, height: Of its patches.
        version: Of the engine that it belongs to.
    """

    name: str
    pid: int
    bundle: str
    look: str
    painter: str
    lips: str
    width: int
    height: int
    version: str = __version__

    @property
    def person(self) -> str:
        """Who is to be painted: equal for all shows of one person's one look."""
        return f"{self.painter}{self.lips}"

    def encode(self) -> bytes:
        return json.dumps({"kind": "show", **asdict(self)}).encode()

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Hello:
        """From a message.

        Raises:
            RubbishError: It is incomplete, or of wrong types or sizes.
        """
        try:
            hello = cls(**{name: kind(told[name]) for name, kind in _FIELDS.items()})
        except (KeyError, TypeError, ValueError) as error:
            raise RubbishError(f"an incomplete introduction ({error!r})") from None
        for side in (hello.width, hello.height):
            if not 16 <= side <= LARGEST_SIDE or side % 2:
                raise RubbishError(f"patches of {hello.width}x{hello.height}")
        return hello


_FIELDS = {
    **dict.fromkeys(("name", "bundle", "look", "painter", "lips", "version"), str),
    **dict.fromkeys(("pid", "width", "height"), int),
}


@dataclass(frozen=True, slots=True)
class Ask:
    """One picture, whose patch lies in the memory.

    Attributes:
        number: Told in the answer.
        due: When the answer is wanted, in seconds of the system's monotonic clock.
        matrix: float64 (2, 3), patch to crop.
        coefficients: float32 (k,).
    """

    number: int
    due: float
    matrix: Matrix
    coefficients: FloatArray

    def encode(self) -> bytes:
        return (
            _REQUEST.pack(_ASK, self.number, self.due, *self.matrix.ravel().tolist())
            + np.ascontiguousarray(self.coefficients, np.float32).tobytes()
        )

    @classmethod
    def read(cls, message: bytes) -> Ask:
        """From a message.

        Raises:
            RubbishError: It is none, or its numbers can't be painted with.
        """
        codes = len(message) - _REQUEST.size
        if codes < 0 or codes % 4 or codes > 4 * CODES or message[:4] != _ASK:
            raise RubbishError(f"a message of {len(message)} bytes")
        _, number, due, *numbers = _REQUEST.unpack_from(message)
        a, b, _, d, e, _ = numbers
        coefficients = np.frombuffer(message, np.float32, codes // 4, _REQUEST.size)
        # comparisons are false of what is no number, too
        sane = (
            1e-3 < abs(a * e - b * d) < 1e3 and all(abs(one) < 1e5 for one in numbers) and math.isfinite(due)
        )
        if not sane or not bool((np.abs(coefficients) < 1e3).all()):
            raise RubbishError("numbers that nothing can be painted with")
        return cls(number, due, np.array(numbers, np.float64).reshape(2, 3), coefficients)


@dataclass(frozen=True, slots=True)
class Done:
    """A picture is painted: the ``number`` asked for, and for how many seconds it ``waited`` and was worked on."""

    number: int
    waited: float
    worked: float

    def encode(self) -> bytes:
        return _ANSWER.pack(_DONE, self.number, self.waited, self.worked)

    @classmethod
    def read(cls, message: bytes) -> Done:
        """From a message.

        Raises:
            RubbishError: It is none.
        """
        if len(message) != _ANSWER.size or message[:4] != _DONE:
            raise RubbishError(f"an answer of {len(message)} bytes")
        _, number, waited, worked = _ANSWER.unpack(message)
        return cls(number, waited, worked)


def read_json(message: bytes) -> Mapping[str, Any]:
    """A message in JSON.

    Raises:
        RubbishError: It is none.
    """
    try:
        told = json.loads(message)
    except (ValueError, RecursionError):
        raise RubbishError("a message that is not JSON") from None
    if not isinstance(told, dict):
        raise RubbishError("a message that is no object")
    return told


class Arena:
    """The memory of one show: one I420 patch, uint8 (height * 3 // 2, width).

    Attributes:
        patch: The patch.
        descriptor: To be handed over; -1 once it was.
    """

    def __init__(self, descriptor: int, width: int, height: int) -> None:
        self.descriptor = descriptor
        rows = height * 3 // 2
        memory = mmap.mmap(descriptor, rows * width)  # lives as long as the patch is referred to
        self.patch: ByteArray = np.frombuffer(memory, np.uint8).reshape(rows, width)

    @classmethod
    def make(cls, width: int, height: int) -> Arena:
        """A new one, which can't shrink or grow any more.

        Raises:
            OSError: There is no memory for it.
        """
        descriptor = os.memfd_create("avatar-patch", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(descriptor, width * height * 3 // 2)
            fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
            return cls(descriptor, width, height)
        except OSError:
            os.close(descriptor)
            raise

    @classmethod
    def open(cls, descriptor: int, width: int, height: int) -> Arena:
        """That of a show; the descriptor is closed, whatever comes of it.

        Raises:
            RubbishError: It is no such memory: it might be taken away while somebody paints in it.
        """
        try:
            seals = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS)
            if not seals & fcntl.F_SEAL_SHRINK or os.fstat(descriptor).st_size != width * height * 3 // 2:
                raise RubbishError("a memory of another size, or one that may shrink")
            return cls(descriptor, width, height)
        except (OSError, ValueError):
            raise RubbishError("what is no memory to paint in") from None
        finally:
            os.close(descriptor)

    def hand_over(self) -> None:
        """The other side has its own descriptor now."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def path() -> Path:
    """Where the engine of this user on this machine answers."""
    return door_of("engine", "render")


def supported() -> bool:
    """Whether this system has what shows and engine need to speak with one another."""
    return sys.platform == "linux"


def connect(timeout: float) -> socket.socket | None:
    """A line to the engine that runs on this machine; None where none does."""
    if not supported():
        return None
    line = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    line.settimeout(timeout)
    try:
        line.connect(str(path()))
    except OSError:
        line.close()
        return None
    return line


def runs() -> bool:
    """Whether an engine runs on this machine."""
    line = connect(1.0)
    if line is not None:
        line.close()
    return line is not None


def status(timeout: float = 10.0) -> Mapping[str, Any]:
    """What the engine says of itself.

    Raises:
        AvatarError: None runs, or it does not answer.
    """
    line = connect(timeout)
    if line is None:
        raise AvatarError("No render engine runs on this machine.", "Start one: avatar-engine engine serve")
    with line:
        try:
            line.send(b'{"kind": "status"}')
            return read_json(line.recv(LARGEST))
        except (OSError, RubbishError):
            raise AvatarError(
                "The render engine does not answer.", "Look at its terminal; end it and start it again."
            ) from None
