"""What listens to a technician's microphone: a process of its own, loaded before it is wanted.

It takes one source, tells every piece of its sound with the moment at which it came, and ends with it. It may hang or
die: whoever started it sees that its heart stands still.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import numpy as np

from avatar_engine.contracts import SAMPLE_RATE, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.folders import private
from avatar_engine.live.child_log import ChildLog, log_to
from avatar_engine.live.heart import Heart, Watch
from avatar_engine.media.level import LOOK, levelled
from avatar_engine.media.listen import EDGE, Address, Hearing, NotThereError, listening
from avatar_engine.media.piped import Raw, piped

log = logging.getLogger(__name__)

HUNG = 2.0
"""Seconds without a heartbeat after which the process counts as dead."""

LOADS = 60.0
"""Seconds that it may take to load on a busy machine."""

COMES = 5.0
"""Seconds within which somebody must connect, and within which more must come."""

PIPE = "-"
"""The source that is a stream of bytes into a local socket."""

FLOOD = 20.0
"""Seconds that a live sound may be ahead of the time that it took: nobody speaks faster than he speaks."""

SPEECH = 10 ** (-35 / 20)
"""Root mean square, at the show's loudness, from which somebody speaks."""

WHOLE = 800
"""Samples of a message, within what a pipe takes whole."""

ALSA = "/usr/share/alsa/alsa.conf"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a technician's voice comes from.

    Attributes:
        name: What it is called; nothing secret is in it.
        address: A file, an address or a device; None for a stream into the socket.
        raw: What the stream's samples are where it is nothing but samples.
    """

    name: str
    address: Address | None = None
    raw: Raw | None = None

    @classmethod
    def parse(cls, text: str) -> Source:
        """Read ``-``, ``-:RATE``, ``-:RATE:CHANNELS``, or what `Address.parse` reads.

        Raises:
            AvatarError: It is no source.
        """
        head, *rest = text.split(":")
        if head != PIPE:
            address = Address.parse(text)
            return cls(address.name, address)
        if len(rest) > 2 or not all(part.isascii() and part.isdigit() and len(part) < 9 for part in rest):
            raise AvatarError(f"{text!r} is no source.", "Give -, or -:48000:1 for samples alone.")
        rate, channels = (*map(int, rest), 1, 1)[:2]
        return cls("a stream", None, Raw(rate, channels) if rest else None)


class GoneError(Exception):
    """The process hangs or has died."""


class Ear:
    """The process and the line to it.

    Args:
        door: Where it listens for a stream.

    Attributes:
        process: It.
    """

    def __init__(self, door: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        told, heart = ChildLog(context), Heart()
        self._door = door
        self._beats, self._watch = heart.count, Watch(heart.count)
        self._began = time.monotonic()
        self.process: SpawnProcess = context.Process(
            target=_serve, args=(theirs, told.end, heart, door), name="avatar-microphone", daemon=True
        )
        self.process.start()
        theirs.close()
        told.listen()

    def take(self, source: Source) -> None:
        """Listen to this.

        Raises:
            GoneError: It can't any more.
        """
        try:
            self._line.send(source)
        except OSError:
            raise GoneError("its process has died") from None
        self._watch = Watch(self._beats)

    def hear(self, timeout: float) -> tuple[Any, ...] | None:
        """Its next message; None when none has come in time.

        ``("open", live, burst)`` and then ``("sound", moment, spoken, samples)``, until ``("over",)``.

        Raises:
            AvatarError: There is no sound, or it broke off.
            GoneError: The process hangs or has died.
        """
        try:
            if self._line.poll(timeout):
                message: tuple[Any, ...] = self._line.recv()
                if message[0] == "refused":
                    raise AvatarError(*message[1:])
                return message
        except (EOFError, OSError):
            raise GoneError("its process has died") from None
        loading = not self._beats() and time.monotonic() < self._began + LOADS
        if self._watch.still() > HUNG and not loading:
            raise GoneError(f"its process has shown no life for {HUNG:.0f} s")
        return None

    def stop(self) -> None:
        """End it; it holds nothing worth saving."""
        self.process.kill()
        self.process.join(5)
        self._line.close()
        with suppress(OSError):
            self._door.unlink(missing_ok=True)


def _serve(line: Connection[Any, Any], told: Connection[Any, Any], heart: Heart, door: Path) -> None:
    """What runs in the process: wait for a source, and tell its sound until it or the line ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the show ends us in order
    log_to(told)
    os.environ.setdefault("ALSA_CONFIG_PATH", ALSA)  # FFmpeg's wheel looks where it was built
    heart.start()
    try:
        source: Source = line.recv()
        with _opened(source, door) as hearing:
            _tell(line, hearing)
        line.send(("over",))
    except AvatarError as error:
        with suppress(OSError):
            line.send(("refused", error.what, error.advice))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


@contextmanager
def _opened(source: Source, door: Path) -> Iterator[Hearing]:
    if source.address:
        with listening(source.address) as hearing:
            yield hearing
        return
    with _connected(door) as stream, piped(stream, source.name, source.raw) as hearing:
        yield hearing


class _Socket:
    """A socket as a stream of bytes."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        line.settimeout(COMES)

    def read(self, most: int, /) -> bytes:
        return self._line.recv(most)


@contextmanager
def _connected(door: Path) -> Iterator[_Socket]:
    """The one who connects to the socket, which is this user's alone; nobody after him."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as ours:
        try:
            private(door)
            ours.bind(str(door))
            door.chmod(0o600)
            ours.listen(1)
        except OSError as error:
            raise AvatarError(f"No socket can be made at {door}: {error.strerror}.", "Free it.") from None
        ours.settimeout(COMES)
        try:
            line, _ = ours.accept()
        except OSError:
            raise NotThereError(
                f"Nobody has connected within {COMES:.0f} s.", "Give the order anew."
            ) from None
        finally:
            door.unlink(missing_ok=True)
    with line:
        yield _Socket(line)


def _tell(line: Connection[Any, Any], hearing: Hearing) -> None:
    """Every piece of the sound at the show's loudness, with the moment at which it came."""
    began, heard, fades = 0.0, 0, True
    for piece in levelled(hearing.pieces(), 0.0 if hearing.live else LOOK):
        now = time.monotonic()
        if fades:
            began, fades = now, False
            line.send(("open", hearing.live, hearing.burst))
            edge = min(EDGE, len(piece))
            piece[:edge] *= np.linspace(0, 1, edge, dtype=np.float32)
        heard += len(piece)
        if hearing.live and heard / SAMPLE_RATE > now - began + FLOOD + hearing.burst:
            raise AvatarError(
                f"{hearing.name} comes faster than anybody speaks.", "Give a recording by its file's name."
            )
        for at in range(0, len(piece), WHOLE):
            part = piece[at : at + WHOLE]
            line.send(("sound", now, _spoken(part), part))
    if fades:
        raise AvatarError(f"{hearing.name} holds no sound.", "Does it record?")


def _spoken(samples: FloatArray) -> bool:
    return bool(np.sqrt(np.mean(np.square(samples))) > SPEECH)
