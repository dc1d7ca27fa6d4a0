"""What goes out now: the frame of this index, or the idle face in its place. A live broadcast's one clock."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from avatar_engine.broadcast.pacer import Pacer
from avatar_engine.broadcast.ring import FrameRing, Waiting
from avatar_engine.contracts import SAMPLES_PER_FRAME, ByteArray, FloatArray

log = logging.getLogger(__name__)

PREROLL = 3
"""Frames that wait before the first one goes out."""

EDGE = 120
"""Samples (5 ms) over which the step at a seam of the sound falls to nothing, so that nothing clicks."""

WORTH_SAYING = 5
"""Idle frames in a row from which on it is logged."""

BLACK, GREY = 16, 128


class Filler(Protocol):
    """Idle pictures (see `avatar_engine.stage.idle.IdleFootage`)."""

    def has(self, index: int, /) -> bool:
        """Whether there is a picture of this number yet."""
        ...

    def picture(self, index: int, /) -> ByteArray:
        """Picture ``index`` of the endless idle presenter, uint8 I420 of the programme's size; it may be negative.

        Raises:
            Exception: There is none; the last picture is held then.
        """
        ...


FillerMaker = Callable[[], Filler]
"""Makes the filler in the broadcast process: a module's function or a `functools.partial` of one or of a class."""

Finish = Callable[[int, FloatArray], None]
"""Takes every frame's sound last of all, by its index, and may change it in place: what is heard is this."""

FinishMaker = Callable[[], Finish]
"""Makes it in the broadcast process: a module's function or a `functools.partial` of one or of a class."""

Send = Callable[[int, ByteArray, FloatArray], None]
"""Takes what goes out: index, picture and sound, which are valid during the call alone."""


@dataclass(frozen=True, slots=True)
class OnAir:
    """A live broadcast's clock at one moment.

    Attributes:
        frames: Frames that went out.
        filled: Those of them that were idle because nothing else was there.
        longest_gap: The most of these in a row.
        dropped: Frames that were made and came too late.
        late, late_warm, worst_delay: See `Pacer`; seconds.
        given_up: Frames' worth of time by which the programme moved because the broadcast itself was held up.
        first_spoken: One more than the index at which somebody first spoke; 0 before.
        speaking: Whether somebody speaks.
    """

    frames: int = 0
    filled: int = 0
    longest_gap: int = 0
    dropped: int = 0
    late: int = 0
    late_warm: int = 0
    worst_delay: float = 0.0
    given_up: int = 0
    first_spoken: int = 0
    speaking: bool = False

    @classmethod
    def of(cls, ring: FrameRing) -> OnAir:
        """What the ring's counters say."""
        return cls(
            ring.next, ring.filled, ring.longest_gap, ring.dropped, ring.late, ring.late_warm, ring.worst_us / 1e6,
            ring.given_up, ring.first_spoken, bool(ring.speaking),
        )  # fmt: skip


class Air:
    """Takes every frame out of the ring at its moment.

    Args:
        ring: Where frames come from. All that must outlive this process is counted there.
        filler: The idle pictures; None to hold the last picture.
        send: Takes what goes out.
        pacer: The clock.
        room: float32 (frames, 960), what is heard under everything, over and over; None for nothing.
        finish: Changes the sound last of all; None for not at all.
    """

    def __init__(
        self,
        ring: FrameRing,
        filler: Filler | None,
        send: Send,
        pacer: Pacer | None = None,
        room: FloatArray | None = None,
        finish: Finish | None = None,
    ) -> None:
        self._finish = finish
        self._ring, self._filler, self._send = ring, filler, send
        self._pacer = pacer or Pacer()
        self._before = (ring.late, ring.late_warm, ring.given_up)  # of a process that died
        height, width = ring.handle.height, ring.handle.width
        self._room = np.zeros((1, SAMPLES_PER_FRAME), np.float32) if room is None else room
        self._held: ByteArray = np.full((height * 3 // 2, width), GREY, np.uint8)
        self._held[:height] = BLACK
        self._sound = np.zeros(SAMPLES_PER_FRAME, np.float32)
        self._fall = np.linspace(1, 0, EDGE, dtype=np.float32)
        self._level = np.float32(0)  # the last sample that went out
        self._epoch: int | None = None  # of the last frame; None after an idle one

    def play(self, wanted: Callable[[], bool]) -> None:
        """Until the programme's end, the ring's closing, or until nobody wants it any more."""
        ring = self._ring
        while not ring.next and ring.depth < PREROLL and ring.put_count < ring.last and not ring.closing:
            if not wanted():
                return
            time.sleep(0.005)  # nothing is on air yet
        while ring.next < ring.last and not ring.closing and wanted():
            self._step(ring.next)

    def _step(self, index: int) -> None:
        ring = self._ring
        ring.due = round(self._pacer.due(index) * 1e9)
        self._pacer.wait(index, lambda: self._find(index) is not None)
        frame = self._find(index)
        # Before it is encoded: a frame on which the encoder dies must not come again.
        ring.next = index + 1
        if frame is None:
            self._fill(index)
        else:
            try:
                self._pass_on(index, frame)
            finally:
                ring.release()
        late, late_warm, given_up = self._before
        ring.late, ring.late_warm = late + self._pacer.late, late_warm + self._pacer.late_warm
        ring.given_up = given_up + self._pacer.given_up
        ring.worst_us = max(ring.worst_us, round(self._pacer.worst * 1e6))

    def _find(self, index: int) -> Waiting | None:
        """The frame of this index, if it is there; stale and late ones before it are dropped."""
        ring = self._ring
        while (frame := ring.peek()) is not None and (frame.epoch < ring.epoch or frame.index < index):
            ring.dropped += frame.epoch == ring.epoch
            ring.release()
        return frame if frame and frame.index == index else None

    def _pass_on(self, index: int, frame: Waiting) -> None:
        ring = self._ring
        if ring.gap >= WORTH_SAYING:
            log.warning("the programme is back at frame %d after %d idle ones", index, ring.gap)
        ring.gap = 0
        np.copyto(self._sound, frame.sound)
        if frame.epoch != self._epoch:
            self._smooth()
        self._epoch, self._level = frame.epoch, self._sound[-1]
        if self._filler is None or not self._filler.has(frame.home):
            np.copyto(self._held, frame.picture)
        self._out(index, frame.picture)
        ring.speaking, ring.shift = frame.speaking, frame.home - index
        if frame.speaking and not ring.first_spoken:
            ring.first_spoken = index + 1
        ring.heard = frame.content + 1

    def _fill(self, index: int) -> None:
        """The idle face and the room's tone, whatever is wrong."""
        ring = self._ring
        ring.gap += 1
        if ring.gap == WORTH_SAYING:
            log.warning("nothing has come since frame %d: the idle face is on air", index - WORTH_SAYING)
        ring.filled += 1
        ring.longest_gap = max(ring.longest_gap, ring.gap)
        ring.speaking = 0
        self._sound[:] = 0
        self._smooth()
        self._epoch, self._level = None, np.float32(0)
        self._out(index, self._idle(index))

    def _out(self, index: int, picture: ByteArray) -> None:
        self._sound += self._room[index % len(self._room)]
        if self._finish is not None:
            self._finish(index, self._sound)
        self._send(index, picture, self._sound)

    def _idle(self, index: int) -> ByteArray:
        if self._filler is not None and self._filler.has(index + self._ring.shift):
            try:
                return self._filler.picture(index + self._ring.shift)
            except Exception:
                log.exception("there are no idle pictures: the last picture is held")
                self._filler = None
        return self._held

    def _smooth(self) -> None:
        """Begin where the last frame's sound ended, and fall to what follows."""
        self._sound[:EDGE] += self._fall * (self._level - self._sound[0])
