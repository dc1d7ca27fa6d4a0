"""One thing on the picture: where it stands, how it comes, changes and goes.

What it shows is drawn beside the show, in a thread. What every frame costs is one pass over the pixels under it, in
arrays that are there beforehand; how far it has come is counted in frames.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Hashable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

from avatar_engine.media.picture import Planes
from avatar_engine.stage.framing import Part
from avatar_engine.stage.sheet import Blender, Sheet

log = logging.getLogger(__name__)

STEPS = 8
"""Frames in which something comes or goes, where nothing else is said."""

KEPT = 4
"""Drawings that are kept."""

NICENESS = 10
"""Of the thread that draws: the painter must not wait for it."""

WAYS = ("fade", "slide", "cut")
"""How something may come and go: out of nothing, from beside its place, at once."""

Box = tuple[float, float, float, float]
"""Left, top, width and height in pixels."""

Content = Hashable
"""What an overlay shows; equal where nothing changed."""


class Draws(Protocol):
    """Draws what an overlay shows, always in one size."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what it draws, both even."""
        ...

    def draw(self, content: Any, /) -> Sheet:
        """The drawing.

        Raises:
            ValueError: It can't be drawn.
        """
        ...


@dataclass(frozen=True, slots=True)
class Manner:
    """How an overlay comes and goes.

    Attributes:
        enter: One of `WAYS`.
        leave: One of `WAYS`.
        frames: How many that takes.
        slide: Pixels right and down from its place to where it comes from, even.
    """

    enter: str = "slide"
    leave: str = "slide"
    frames: int = STEPS
    slide: tuple[int, int] = (0, 0)


class Overlay:
    """Something on the pictures of one show.

    Args:
        draws: Draws it.
        place: Left and top of where it stands, even.
        manner: How it comes and goes.
        easel: Where it is drawn.
        patient: Wait for a drawing that is not there yet; without it, it comes as soon as it is.
        follows: Whether the second of two contents takes the first one's place; others go first and come then.

    Attributes:
        spots: Rows and columns of all that it may touch, in each plane.
    """

    def __init__(
        self,
        draws: Draws,
        place: tuple[int, int],
        manner: Manner,
        easel: Executor,
        patient: bool = False,
        follows: Callable[[Any, Any], bool] = lambda old, new: True,
    ) -> None:
        self._draws, self._place, self._manner, self._easel = draws, place, manner, easel
        self._patient, self._follows = patient, follows
        self._steps = {
            way: 1 if way == "cut" else max(1, manner.frames) for way in (manner.enter, manner.leave)
        }
        self._blender = Blender(draws.size)
        self.spots = Part(*self.reach).planes()
        self._made: dict[Content, Future[Sheet | None]] = {}
        self._wanted: Content | None = None
        self._shown: tuple[Content, Sheet] | None = None
        self._under: Sheet | None = None  # what `_shown` takes the place of
        self._share = 0.0  # how far it is there, before easing
        self._way = manner.enter

    @property
    def reach(self) -> tuple[int, int, int, int]:
        """Left, top, width and height of all that it may touch."""
        (left, top), (width, height), (right, down) = self._place, self._draws.size, self._slides
        return left + min(0, right), top + min(0, down), width + abs(right), height + abs(down)

    @property
    def visible(self) -> bool:
        """Whether something of it was in the last picture."""
        return self._shown is not None

    @property
    def _slides(self) -> tuple[int, int]:
        return self._manner.slide if "slide" in (self._manner.enter, self._manner.leave) else (0, 0)

    def expect(self, content: Content | None) -> None:
        """This is wanted soon: begin to draw it."""
        if content is None or content in self._made:
            return
        while len(self._made) >= KEPT:
            self._made.pop(next(iter(self._made)))
        self._made[content] = self._easel.submit(self._draw, content)

    def settle(self) -> None:
        """Wait for what is being drawn."""
        for made in list(self._made.values()):
            made.result()

    def show(self, content: Content | None, frames: int = 1) -> None:
        """From the next picture on this is wanted; None for nothing. It is ``frames`` after the last one."""
        if content != self._wanted:
            self.expect(content)
            self._wanted = content
        for _ in range(min(frames, 2 * self._manner.frames + 2)):
            self._move_on()

    def draw(self, picture: Planes) -> None:
        """Blend what is to be seen into ``picture``, in place."""
        if self._shown is None:
            return
        sheet = self._shown[1]
        if self._under is not None:
            self._blender.blend(picture, self._place, sheet, _eased(self._share), self._under)
            return
        share = _eased(self._share)
        (left, top), (right, down) = self._place, self._slides if self._way == "slide" else (0, 0)
        away = left + round(right * (1 - share) / 2) * 2, top + round(down * (1 - share) / 2) * 2
        self._blender.blend(picture, away, sheet, share)

    def _move_on(self) -> None:
        """One frame further: towards what is wanted, by way of nothing unless it takes the other's place."""
        shown, wanted = self._shown, self._wanted
        if wanted is not None and self._failed(wanted):
            wanted = None  # rather nothing than an old price
        enter, leave = (1 / self._steps[way] for way in (self._manner.enter, self._manner.leave))
        if shown is not None and shown[0] == wanted:
            self._share = min(1.0, self._share + enter)
            if self._share > 1 - 1e-6:
                self._share, self._under, self._way = 1.0, None, self._manner.leave
        elif shown is not None and wanted is not None and self._follows(shown[0], wanted):
            if self._share == 1.0 and (sheet := self._sheet(wanted)):
                self._under, self._shown, self._share = shown[1], (wanted, sheet), enter
            else:
                self._share = min(1.0, self._share + enter)
        elif shown is not None and self._share > leave + 1e-6:
            self._share = (1.0 if self._under else self._share) - leave
            self._under = None
        else:
            sheet = self._sheet(wanted) if wanted is not None else None
            self._shown = (wanted, sheet) if sheet is not None and wanted is not None else None
            self._share, self._way = enter, self._manner.enter

    def _failed(self, content: Content) -> bool:
        """Whether it can't be drawn."""
        made = self._made.get(content)
        return made is not None and made.done() and made.result() is None

    def _sheet(self, content: Content) -> Sheet | None:
        """What was drawn; None while it is not, and for what can't be."""
        self.expect(content)
        made = self._made[content]
        return made.result() if self._patient or made.done() else None

    def _draw(self, content: Content) -> Sheet | None:
        began = time.perf_counter()
        try:
            sheet = self._draws.draw(content)
        except Exception:
            log.exception("%s can't be drawn", _named(content))
            return None
        log.info("%s was drawn in %.0f ms", _named(content), 1e3 * (time.perf_counter() - began))
        return sheet


def easel() -> ThreadPoolExecutor:
    """A thread that draws and yields to all others."""
    return ThreadPoolExecutor(1, "easel", _yield_to_others)


def _named(content: Content) -> str:
    product = getattr(content, "product", "")
    return f"the card of {product}" if product else repr(content)[:80]


def _eased(share: float) -> float:
    return share * share * (3 - 2 * share)


def _yield_to_others() -> None:
    """This thread alone."""
    if sys.platform == "linux":  # where every thread has its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
