"""A show's renderer that has its mouths painted by the engine, and paints them itself whenever the engine does not.

Its own painter is ready from the start: an engine that has died, hangs or is late costs a show nothing but the work,
and not one picture. Coming back to an engine is another thread's business.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any, Protocol

from avatar_engine.bundle import Bundle
from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.device import Device, choose
from avatar_engine.engine import patch, wire
from avatar_engine.engine.parts import parts
from avatar_engine.engine.wanted import Settled
from avatar_engine.engine.wire import Arena, Ask, Done, Hello, RubbishError
from avatar_engine.errors import AvatarError
from avatar_engine.lips.model import LipsModel
from avatar_engine.lips.render import Renderer

log = logging.getLogger(__name__)

DUE = 0.02
"""Seconds from a request to the time when its answer is wanted: the show needs the rest of a frame for other things."""

LIMIT = 0.1
"""Seconds after which a show paints a picture itself: fewer than wait in its ring when nobody speaks."""

LOST = 1.0
"""Seconds after which a late answer is not waited for any more, and the line is given up."""

START = 60.0
"""Seconds in which an engine loads a person, behind others that it loads."""

SOONEST, LATEST = 1.0, 30.0
"""Seconds between two attempts to come back, at first and in the end."""


class Painter(Protocol):
    """Mouth shape to pixels (see `avatar_engine.lips.render.Renderer`)."""

    def paint(self, picture_i420: ByteArray, matrix: FloatArray, coefficients: FloatArray, /) -> None:
        """Paint the mouth into the picture, in place."""
        ...

    def close(self) -> None:
        """No more pictures are wanted."""
        ...


class LateError(Exception):
    """The answer has not come in time."""


class Link:
    """One line to the engine, as a show that it has taken in.

    Args:
        hello: How the show introduces itself.
        size: Side of its person's crop.
        timeout: Seconds that it may take to be taken in.

    Raises:
        AvatarError: The engine does not take the show.
        OSError: There is no engine, or it breaks off.
    """

    def __init__(self, hello: Hello, size: int, timeout: float = START) -> None:
        line = wire.connect(timeout)
        if line is None:
            raise ConnectionRefusedError("no engine answers")
        self._line, self._size, self._hello = line, size, hello
        try:
            self._patch, told = _taken_in(line, hello)
        except RubbishError as error:
            line.close()
            raise AvatarError(f"The render engine answers with {error}.") from None
        except OSError:
            line.close()
            raise
        if not told.get("ready"):
            line.close()
            raise AvatarError(f"The render engine refuses the show: {told.get('refused', 'no reason given')}")
        self._number = 0
        self._asked: float | None = None  # when what is not answered yet was asked
        self.waited = self.worked = 0.0

    def paint(self, picture: ByteArray, matrix: FloatArray, coefficients: FloatArray) -> bool:
        """Have one mouth painted; whether that was possible: a patch may be too small.

        Raises:
            LateError: The answer is not there in time, or an earlier one still is not.
            OSError: The engine has gone.
        """
        if self._asked is not None:
            self._catch_up(self._asked)
        where = patch.place(matrix, self._size, picture, self._hello.width, self._hello.height)
        if where is None:
            return False
        where.take(picture, self._patch)
        now = time.monotonic()
        self._number += 1
        ask = Ask(self._number, now + DUE, where.matrix(matrix), coefficients)
        self._line.settimeout(LIMIT)
        self._line.send(ask.encode())
        self._asked = now
        self._answered(LIMIT)
        where.put(picture, self._patch)
        return True

    def close(self) -> None:
        """Leave the engine."""
        self._line.close()

    def _catch_up(self, asked: float) -> None:
        """Take the answer to what the show has painted itself meanwhile; its patch is the engine's until then."""
        try:
            self._answered(0.0)
        except LateError:
            if time.monotonic() - asked > LOST:
                raise TimeoutError("the engine hangs") from None
            raise

    def _answered(self, seconds: float) -> None:
        self._line.settimeout(seconds)
        try:
            done = Done.read(self._line.recv(wire.LARGEST))
        except (TimeoutError, BlockingIOError):
            raise LateError from None
        except RubbishError:
            raise ConnectionError("the engine has gone") from None
        if done.number != self._number:
            raise ConnectionError("the engine answers what nobody asked")
        self._asked, self.waited, self.worked = None, done.waited, done.worked


def _taken_in(line: socket.socket, hello: Hello) -> tuple[ByteArray, Mapping[str, Any]]:
    """Introduce a show: the patch that it shares with the engine from now on, and the answer.

    Raises:
        OSError: The engine breaks off.
        RubbishError: It answers with none of ours.
    """
    arena = Arena.make(hello.width, hello.height)
    try:
        socket.send_fds(line, [hello.encode()], [arena.descriptor])
    finally:
        arena.hand_over()
    answer = line.recv(wire.LARGEST)
    if not answer:
        raise ConnectionResetError("it ended before it answered")
    return arena.patch, wire.read_json(answer)


class RemoteRenderer:
    """Paints one person's mouth shapes as `avatar_engine.lips.render.Renderer` does, by the engine where it can.

    Args:
        bundle: The clone, in the look that is painted.
        model: Its lips.
        device: What the show would compute on; its own painter is always the processor's.
        name: The show's, for the engine's figures.

    Attributes:
        by_itself: Pictures that were painted without the engine.
    """

    def __init__(self, bundle: Bundle, model: LipsModel, device: Device, name: str = "") -> None:
        self._own: Painter = Renderer(model, device if device.kind == "cpu" else choose("cpu"), 1)
        self._bundle, self._size = bundle, model.size
        self._name = name or bundle.name
        self._link: Link | None = None
        self._coming: threading.Thread | None = None
        self._begun = self._closed = False
        self._late_told = False  # of this line
        self._alone = threading.Event()  # set to end the waiting of who comes back
        self.by_itself = 0

    def paint(self, picture_i420: ByteArray, matrix: FloatArray, coefficients: FloatArray) -> None:
        """See `avatar_engine.lips.render.Renderer.paint`."""
        if not self._begun:
            self._begin(picture_i420, matrix, coefficients)
        link = self._link
        if link is not None and self._painted(link, picture_i420, matrix, coefficients):
            return
        self.by_itself += 1
        self._own.paint(picture_i420, matrix, coefficients)

    def close(self) -> None:
        """Leave the engine."""
        self._closed = True
        self._alone.set()
        if self._link is not None:
            self._link.close()

    def _begin(self, picture: ByteArray, matrix: FloatArray, coefficients: FloatArray) -> None:
        """Join an engine, and have the own painter ready."""
        self._begun = True
        self._own.paint(picture.copy(), matrix, coefficients)
        try:
            self._link = self._join(*patch.sides(matrix, self._size, picture))
        except (AvatarError, OSError) as error:
            log.warning("no render engine: %s; the show paints by itself", error)
            if not isinstance(error, AvatarError):
                self._come_back(*patch.sides(matrix, self._size, picture))

    def _join(self, width: int, height: int) -> Link:
        painter, lips = parts(self._bundle)
        hello = Hello(
            self._name, os.getpid(), str(self._bundle.path.absolute()), self._bundle.look, painter, lips, width, height
        )  # fmt: skip
        return Link(hello, self._size)

    def _painted(self, link: Link, picture: ByteArray, matrix: FloatArray, coefficients: FloatArray) -> bool:
        try:
            if link.paint(picture, matrix, coefficients):
                return True
            log.info("the face is larger than the render engine was told; the show joins anew")
        except LateError:
            if not self._late_told:
                self._late_told = True
                log.warning(
                    "the render engine is late; what it does not paint in time the show paints by itself"
                )
            return False
        except OSError as error:
            log.warning("the render engine has gone (%s); the show paints by itself until it is back", error)
        self._link = None
        link.close()
        self._come_back(*patch.sides(matrix, self._size, picture))
        return False

    def _come_back(self, width: int, height: int) -> None:
        """Join again, in a thread of its own."""
        if self._closed or (self._coming is not None and self._coming.is_alive()):
            return
        self._coming = threading.Thread(target=self._try, args=(width, height), name="engine", daemon=True)
        self._coming.start()

    def _try(self, width: int, height: int) -> None:
        pause = 0.0
        while not self._alone.wait(pause):
            try:
                link = self._join(width, height)
            except AvatarError as error:
                log.error("%s; the show paints by itself", error)
                return
            except OSError:
                pause = min(LATEST, 2 * pause or SOONEST)
                continue
            self._late_told = False
            self._link = link
            if self._closed:  # meanwhile: who closed has not seen it
                link.close()
                return
            log.info("the render engine paints")
            return


def painter_of(bundle: Bundle, model: LipsModel, device: Device, engine: Settled) -> Painter:
    """What paints a show's mouths: the engine while it is there (see `avatar_engine.engine.wanted.settled`), or a
    renderer of the show's own."""
    return RemoteRenderer(bundle, model, device) if engine == "on" else Renderer(model, device, threads=1)
