"""The looks of the presenter in the renderer: which one is worn, and which is made ready to be worn next.

Footage is opened and its first pictures are decoded, lips are loaded and have painted once, and the stage has it
fitted into its layout, all in a thread beside the show, before a look is put on: so no frame waits for it.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from avatar_engine.contracts import FloatArray, Outlook
from avatar_engine.engine.client import Painter
from avatar_engine.errors import AvatarError
from avatar_engine.stage.body import BodyFrame
from avatar_engine.stage.compose import Filmed, Fitted
from avatar_engine.stage.nods import Bend

log = logging.getLogger(__name__)

NICENESS = 10
"""Of the thread that makes a look ready: the painter must not wait for it."""


_NOWHERE = np.eye(2, 3, dtype=np.float32)


class Footage(Protocol):
    """Body pictures in order (see `avatar_engine.stage.body.Body`).

    Attributes:
        cut_out: Whether pictures are wanted cut out.
    """

    cut_out: bool

    def frame(self, index: int, /) -> BodyFrame:
        """Picture ``index``, ours to paint on, its crop's matrix, and its place in the body."""
        ...

    def begin(self, index: int, home: int, /) -> None:
        """Picture ``index`` comes next, and is the idle presenter's picture ``home``."""
        ...

    def go_round(self) -> None:
        """From picture 0 on the body only runs forwards."""
        ...

    def home(self, place: int, /) -> int:
        """The idle presenter's picture that belongs to a place."""
        ...

    def foresee(self, at: int, outlook: Outlook, /) -> None:
        """What is known of the pictures from ``at`` on."""
        ...

    def close(self) -> None:
        """No more pictures are wanted."""
        ...


class Reel(Footage, Protocol):
    """Footage that may take other footage's place."""

    def enter(self, index: int, /) -> None:
        """What is ready comes from picture ``index`` on."""
        ...

    def nearest(self, matrix: FloatArray, /) -> int:
        """The idle presenter's picture that follows best one with this crop."""
        ...

    def away(self, place: int, matrix: FloatArray, /) -> float:
        """How far the head jumps from a picture with this crop to that one of the idle presenter's."""
        ...


@dataclass(frozen=True, slots=True)
class Attire:
    """A look, opened.

    Attributes:
        name: Of the look.
        painter: Paints its mouths.
        body: Its pictures.
        placement: float32 (places of the body, coefficients), where the mouth sits in each.
        length: Pictures after which the idle presenter begins anew.
        still: Places of the body that belong to no action.
        filmed: What the stage has to know of it.
        cut_out: Whether its first pictures come cut out.
        bend: Bends its pictures where the presenter nods; None where they don't.
    """

    name: str
    painter: Painter
    body: Reel
    placement: FloatArray
    length: int
    still: int
    filmed: Filmed
    cut_out: bool = False
    bend: Bend | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """A look that may be put on.

    Attributes:
        attire: The look; its body is begun.
        fitted: The stage has it so.
        place: The idle presenter's picture with which it begins.
        away: How far the head jumps, as a share of the crop's side.
    """

    attire: Attire
    fitted: Fitted
    place: int
    away: float = 0.0


class Wardrobe:
    """Opens looks beside the show.

    Args:
        names: Of all looks, in the order in which the idle presenter's films are numbered.
        worn: The one that the show begins in.
        open_: Opens a look, with its first pictures cut out or as filmed.
        fit: Has the stage make it ready.
        patient: Wait for a look that is wanted; a show on air goes on in the old one until the next pause.

    Attributes:
        worn: The look that is worn.
    """

    def __init__(
        self,
        names: Sequence[str],
        worn: Attire,
        open_: Callable[[str, bool], Attire],
        fit: Callable[[Filmed], Fitted],
        patient: bool = False,
    ) -> None:
        self.worn = worn
        self._names, self._open, self._fit, self._patient = tuple(names), open_, fit, patient
        self._next: tuple[str, bool, Future[Ready | None]] | None = None
        self._unknown = ""
        self._painters = {worn.painter}  # of all looks that were opened, some of which share one
        self._opener = ThreadPoolExecutor(1, "look", _yield_to_others)

    @property
    def number(self) -> int:
        """Of the look that is worn."""
        return self._names.index(self.worn.name)

    def named(self, number: int) -> str:
        """The name of a look by its number; that which is worn where there is none."""
        return self._names[number] if 0 <= number < len(self._names) else self.worn.name

    def expect(self, look: str, cut_out: bool, matrix: FloatArray) -> None:
        """A look will be worn soon: make it ready.

        Args:
            look: Its name; "" or an unknown one for none.
            cut_out: Whether pictures come cut out now.
            matrix: float32 (2, 3), of the picture that is shown now: the head goes on from about there.
        """
        if not self._known(look) or (self._next and self._next[:2] == (look, cut_out)):
            return
        self._let_go()
        self._next = look, cut_out, self._opener.submit(self._made, look, cut_out, matrix)

    def ready(self, look: str, cut_out: bool, matrix: FloatArray) -> Ready | None:
        """A look, once it is ready; a patient show waits for it."""
        self.expect(look, cut_out, matrix)
        if self._next is None or self._next[0] != look:
            return None
        future = self._next[2]
        if not (self._patient or future.done()):
            return None
        if (made := future.result()) is None:
            self._unknown = look  # why was logged; nobody waits for it again
            return None
        body = made.attire.body
        seen = self._as_seen(matrix, made.attire)  # the head has moved since it was opened
        if self._patient and (place := body.nearest(seen)) != made.place:
            made = replace(made, place=place)
            _begin(body, place)
            self._next = look, self._next[1], _done(made)
        return replace(made, away=body.away(made.place, seen))

    def now(self, look: str) -> Ready | None:
        """A look, however long that takes."""
        self.expect(look, False, _NOWHERE)
        return self._next[2].result() if self._next and self._next[0] == look else None

    def put_on(self, ready: Ready) -> None:
        """It is worn from now on; what was worn is put away."""
        self._next = None
        self._opener.submit(self.worn.body.close)
        self.worn = ready.attire

    def close(self) -> None:
        """End what was made ready and is not worn, and all looks' painters."""
        self._let_go()
        self._opener.shutdown(wait=True)
        for painter in self._painters:
            painter.close()

    def _known(self, look: str) -> bool:
        if look in self._names and look != self._unknown:
            return look != self.worn.name
        if look and look != self._unknown:
            self._unknown = look
            log.warning("there is no look %r: what is worn stays", look)
        return False

    def _let_go(self) -> None:
        if self._next is not None:
            self._next[2].add_done_callback(_put_away)
            self._next = None

    def _made(self, look: str, cut_out: bool, matrix: FloatArray) -> Ready | None:
        began = time.perf_counter()
        try:
            attire = self._open(look, cut_out)
            self._painters.add(attire.painter)
            place = attire.body.nearest(self._as_seen(matrix, attire))
            _begin(attire.body, place)
            fitted = self._fit(attire.filmed)
        except AvatarError as error:
            log.error("the look %s can't be had: %s", look, error)
            return None
        log.info("the look %s was made ready in %.0f ms", look, 1e3 * (time.perf_counter() - began))
        return Ready(attire, fitted, place)

    def _as_seen(self, matrix: FloatArray, attire: Attire) -> FloatArray:
        """A crop's matrix from a picture of the look that is worn as one from a picture of another one's width."""
        mine, theirs = (one.filmed.picture.shape[1] for one in (self.worn, attire))
        return np.asarray(matrix * np.array([mine / theirs, mine / theirs, 1.0], np.float32), np.float32)


def _done(made: Ready) -> Future[Ready | None]:
    future: Future[Ready | None] = Future()
    future.set_result(made)
    return future


def _begin(body: Reel, place: int) -> None:
    body.begin(0, place)
    body.frame(0)  # once it is there those after it come in time


def _put_away(future: Future[Ready | None]) -> None:
    if not future.cancelled() and not future.exception() and (made := future.result()) is not None:
        made.attire.body.close()


def _yield_to_others() -> None:
    """This thread alone."""
    if sys.platform == "linux":  # where every thread has its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
