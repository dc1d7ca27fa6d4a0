"""The renderer in a process of its own: sound in, frame by frame, pictures with their sound out into the ring.

It asks for the sound of the next frame when it has room for it, so it never runs far ahead. A frame's index is
settled when the frame is put into the ring: whatever the renderer was held up by, it goes on at the frame that is on
air next, and nothing that was to be said is lost.
"""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

import numpy as np

from avatar_engine.broadcast.ring import FrameRing, RingHandle
from avatar_engine.bundle import Bundle
from avatar_engine.contracts import (
    AS_FILMED,
    BARE,
    FRAME_RATE,
    NOTHING_KNOWN,
    Behind,
    FloatArray,
    Outlook,
    Phone,
    Scene,
)
from avatar_engine.errors import AvatarError
from avatar_engine.live.child_log import log_to
from avatar_engine.live.programme import Programme

if TYPE_CHECKING:  # only the renderer's own process pays for the painter's libraries
    from avatar_engine.engine.wanted import Settled
    from avatar_engine.live.performer import Performer
    from avatar_engine.stage.card import Look
    from avatar_engine.stage.label import Label
    from avatar_engine.stage.layout import Layout

log = logging.getLogger(__name__)

LOOK_AHEAD, IDLE_AHEAD = 12, 3
"""Frames that wait in the ring at most while somebody speaks, and while nobody does: then one that is missing is
replaced by what it would have shown, and the first word has a shorter way."""

HURRY = 2
"""Frames in the ring below which there is no time for a new picture."""

HEAD_START = 4
"""Frames from the one on air to the first of an epoch: whoever begins with none in hand stutters on a busy machine."""

SOON = 5_000_000
"""Nanoseconds before a frame is replaced in which it is too late to put it into the ring."""

NICENESS = 10
"""Of a renderer that is being loaded while another one is on air."""

LOOK = 0.004
"""Seconds between two looks for room in the ring, and between two signs of life."""

Times = dict[str, dict[str, float]]
"""See `avatar_engine.timing.StageTimes.lately`."""

PerformerMaker = Callable[[], "Performer[Any]"]
"""Makes the performer, in the renderer's own process: a module's function or a `functools.partial` of one."""


def load_performer(
    bundle: Bundle,
    label: Label,
    size: tuple[int, int],
    device: str,
    expression: str,
    look: Look | None = None,
    layout: Layout | None = None,
    language: str = "en",
    behind: Behind = AS_FILMED,
    engine: Settled = "off",
    nods: bool = True,
) -> Performer[Any]:
    """The presenter of a bundle: the `PerformerMaker` of every show; see `avatar_engine.live.performer.load`.

    Raises:
        AvatarError: The bundle lacks a part, or the device can't run it.
    """
    # Imported here: they are the renderer's alone.
    import cv2

    from avatar_engine import device as devices
    from avatar_engine.live import performer as performers

    cv2.setNumThreads(1)  # OpenCV's pool and the painter's thread would wait for each other
    return performers.load(
        bundle, label, size, devices.choose(device), expression, look, layout, language, behind=behind, engine=engine,
        nods=nods,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Answer:
    """The sound of one frame.

    Attributes:
        epoch: The `FrameRing.epoch` that it belongs to.
        content: How many frames of content came before it.
        ended: Whether only silence will come.
        speaking: Whether something is said in it.
        phones: What, timed from its first sample.
        sound: Its samples, float32.
        mended: The sound of the frame before, if that has changed.
        scene: What is on the picture: with every answer, so that a renderer that begins anew knows it at once.
        outlook: What is known of the frames after it.
    """

    epoch: int
    content: int
    ended: bool
    speaking: bool
    phones: Sequence[Phone]
    sound: bytes
    mended: bytes | None = None
    scene: Scene = BARE
    outlook: Outlook = NOTHING_KNOWN


class _CutError(Exception):
    """A new epoch has begun: what was heard so far is not gone on with."""


class RemoteTrack:
    """A `Track` that asks for every frame's sound at the other end of a line.

    Args:
        line: Where to ask.
        alive: Called while it waits.

    Attributes:
        ended: Whether only silence will come.
        epoch: Of the last sound.
        scene, outlook: See `Track`.
        contents: `Answer.content` of every sound since the epoch began, oldest first; take what was used.
        seconds: Sent with every question: CPU seconds by stage.
        times: Its answer is sent with a question a second: how long the stages took lately.
    """

    def __init__(self, line: Connection[Any, Any], alive: Callable[[], None]) -> None:
        self._line, self._alive = line, alive
        self._asked = False
        self._first: Answer | None = None
        self._before: FloatArray | None = None
        self.ended, self.epoch = False, -1
        self.scene, self.outlook = BARE, NOTHING_KNOWN
        self.contents: deque[int] = deque()
        self.seconds: dict[str, float] = {}
        self.times: Callable[[], Times] = dict
        self._questions = 0

    def begin(self) -> None:
        """A programme begins with what comes next."""
        self._first = self._first or self._ask()
        self.epoch = self._first.epoch
        self.contents.clear()

    def next(self) -> tuple[FloatArray, bool, Sequence[Phone]]:
        """See `Track`.

        Raises:
            EOFError: The other end has gone.
            _CutError: What comes next does not follow what came last; it is kept for the next programme.
        """
        answer, self._first = self._first or self._ask(), None
        if answer.epoch != self.epoch:
            self._first = answer
            raise _CutError
        if answer.mended is not None and self._before is not None:
            self._before[:] = np.frombuffer(answer.mended, np.float32)
        self._before = np.frombuffer(answer.sound, np.float32).copy()
        self.contents.append(answer.content)
        self.ended, self.scene, self.outlook = answer.ended, answer.scene, answer.outlook
        return self._before, answer.speaking, answer.phones

    def _ask(self) -> Answer:
        """The answer to the last question; the next one is asked at once, so that its answer is there in time."""
        if not self._asked:
            self._asked = True
            self._question()
        while not self._line.poll(0.1):
            self._alive()
        answer: Answer = self._line.recv()
        self._question()
        return answer

    def _question(self) -> None:
        self._line.send((self.seconds, self.times() if self._questions % FRAME_RATE == 0 else None))
        self._questions += 1


def serve(
    line: Connection[Any, Any],
    told: Connection[Any, Any],
    handle: RingHandle,
    make: PerformerMaker,
    gently: bool,
) -> None:
    """What runs in the renderer's process: load, wait for the order to go, then render until the line closes.

    ``told`` takes what is logged. ``gently``: Another renderer is on air meanwhile, and loading yields to it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the show ends us in order
    log_to(told)
    try:
        with ThreadPoolExecutor(1, initializer=_yield_to_others if gently else None) as loader:
            performer = loader.submit(make).result()
    except AvatarError as error:
        line.send(("refused", error.what, error.advice))
        return
    gc.collect()
    gc.freeze()  # the models live to the end: later collections need not walk them
    ring = FrameRing.open(handle)
    try:
        line.send(("ready",))
        line.recv()
        _Desk(line, ring, performer).run()
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass
    except Exception as error:  # a driver's, perhaps: the show's log has to tell why
        log.exception("the renderer has failed")
        raise SystemExit(1) from error
    finally:
        performer.close()
        ring.close()


def _yield_to_others() -> None:
    """This thread alone: a niceness can't be taken back, and whoever has loaded may be needed at once."""
    if sys.platform == "linux":  # where every thread has its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)


class _Desk:
    """Programmes, one after the other for every epoch, into the ring."""

    def __init__(self, line: Connection[Any, Any], ring: FrameRing, performer: Performer[Any]) -> None:
        self._ring, self._performer = ring, performer
        self._track = RemoteTrack(line, self._beat)
        self._track.seconds, self._track.times = performer.seconds, performer.times.lately
        self._parent = os.getppid()

    def run(self) -> None:
        """Until the line closes: what was said last may have to be said again."""
        while True:
            try:
                self._track.begin()
                self._play(self._track.epoch)
                while self._wait_for_room(False, self._track.epoch):
                    time.sleep(LOOK)
            except _CutError:
                pass
            self._performer.forget()

    def _play(self, epoch: int) -> None:
        ring = self._ring
        start = ring.next + HEAD_START if ring.next else 0
        # Where the idle face will be, and in its look; before the first frame there was none.
        self._performer.begin(start, start + ring.shift if ring.next else self._performer.home)
        programme = Programme(
            self._track,
            self._performer,
            start,
            lambda: ring.depth < HURRY <= ring.next,
        )
        before = ring.held
        for frame in programme:
            ring.held = before + programme.held
            content = self._track.contents.popleft()
            if not self._wait_for_room(frame.speaking, epoch):
                continue  # nobody wants it any more
            soonest = ring.next + (ring.due < time.monotonic_ns() + SOON)
            if frame.index < soonest and ring.next:
                frame = replace(frame, index=soonest)
                programme.index = soonest + 1
            ring.put(frame, epoch=epoch, content=content)
        if ring.epoch == epoch:
            ring.last = min(ring.last, programme.index)

    def _wait_for_room(self, speaking: bool, epoch: int) -> bool:
        """Whether the ring takes a frame of the epoch, as soon as it does or another epoch has begun."""
        room = min(self._ring.slots, LOOK_AHEAD if speaking else IDLE_AHEAD)
        self._beat()
        while self._ring.epoch == epoch and self._ring.depth >= room:
            if os.getppid() != self._parent:
                raise EOFError
            time.sleep(LOOK)
            self._beat()
        return self._ring.epoch == epoch

    def _beat(self) -> None:
        self._ring.beat = time.monotonic_ns()
