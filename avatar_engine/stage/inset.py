"""A video in the picture: decoded ahead in a thread of its own, scaled once, again and again from its start."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from avatar_engine.contracts import FRAME_RATE, ByteArray
from avatar_engine.errors import AvatarError
from avatar_engine.media import colour
from avatar_engine.media.picture import Planes, planes
from avatar_engine.media.probe import opened, picture_stream
from avatar_engine.stage.framing import Part
from avatar_engine.stage.overlay import NICENESS, Content, Manner

log = logging.getLogger(__name__)

AHEAD = 12
"""Pictures that are decoded before they are wanted."""

HELD = 64 << 20
"""Bytes: a video that needs no more in its small size is decoded once."""

PATIENCE = 10.0
"""Seconds that a show which is not on air waits for a picture."""


def pictures(path: Path, size: tuple[int, int]) -> Iterator[ByteArray]:
    """One round of a video at `FRAME_RATE`: I420 of this size, filled, what is too much cut off on both sides.

    Raises:
        AvatarError: It is missing, damaged, or has no picture.
    """
    converter, shown = colour.Converter(), 0
    with opened(path) as container:
        stream = picture_stream(container)
        stream.thread_type = "SLICE"  # frame threads would each hold pictures of the video's own size
        for frame in container.decode(stream):
            scale = max(size[0] / frame.width, size[1] / frame.height)
            wide, tall = (round(side * scale / 2) * 2 for side in (frame.width, frame.height))
            wide, tall = max(wide, size[0]), max(tall, size[1])
            small = converter.i420(frame, wide, tall)
            picture = _cut(np.asarray(small.to_ndarray(), np.uint8), size)
            until = (
                shown + 1 if frame.time is None else round((frame.time - (_start(stream))) * FRAME_RATE) + 1
            )
            while (
                shown < until
            ):  # a slower video's pictures are shown more than once, a faster one's left out
                yield picture
                shown += 1


def _start(stream: object) -> float:
    start, tick = getattr(stream, "start_time", None), getattr(stream, "time_base", None)
    return float(start * tick) if start is not None and tick is not None else 0.0


def _cut(picture: ByteArray, size: tuple[int, int]) -> ByteArray:
    """The middle of an I420 picture."""
    whole = np.empty((size[1] * 3 // 2, size[0]), np.uint8)
    for source, target in zip(planes(picture), planes(whole), strict=True):
        top, left = ((source.shape[axis] - target.shape[axis]) // 2 for axis in (0, 1))
        target[:] = source[top : top + target.shape[0], left : left + target.shape[1]]
    return whole


class Inset:
    """A video on the pictures of one show; used as an `avatar_engine.stage.overlay.Overlay`.

    Args:
        path: The video.
        size: Width and height in the picture, both even.
        place: Left and top of where it stands, even.
        manner: How it comes and goes; it does not slide.
        patient: Wait for a picture that is not decoded yet; without it, the last one stays.

    Attributes:
        spots: Rows and columns of it in each plane.
    """

    def __init__(
        self, path: Path, size: tuple[int, int], place: tuple[int, int], manner: Manner, patient: bool = False
    ) -> None:
        self._path, self._size, self._place, self._patient = path, size, place, patient
        self._step = 1.0 if "cut" in (manner.enter, manner.leave) else 1 / max(1, manner.frames)
        self._share = 0.0
        self.spots = Part(*self.reach).planes()
        self._wanted: Content | None = None
        self._scratch = planes(np.empty((size[1] * 3 // 2, size[0]), np.uint8))
        self._lock = threading.Condition()
        self._ahead: deque[ByteArray] = deque()
        self._round: list[ByteArray] = []  # all of it, once it is known to be small
        self._owed = self._at = 0
        self._now: ByteArray | None = None
        self._over = False
        self._thread = threading.Thread(target=self._decode, name="inset", daemon=True)
        self._thread.start()

    @property
    def reach(self) -> tuple[int, int, int, int]:
        """Left, top, width and height of all that it may touch."""
        return (*self._place, *self._size)

    @property
    def visible(self) -> bool:
        """Whether something of it was in the last picture."""
        return self._share > 0 and self._now is not None

    def expect(self, content: Content | None) -> None:
        """It is decoded ahead in any case."""

    def settle(self) -> None:
        """Wait for the first pictures."""
        with self._lock:
            self._lock.wait_for(lambda: self._ahead or self._round or self._over, PATIENCE)

    def show(self, content: Content | None, frames: int = 1) -> None:
        """From the next picture on it is seen, or not where ``content`` is None; ``frames`` after the last one."""
        self._wanted = content
        way = self._step if content is not None else -self._step
        self._share = min(1.0, max(0.0, self._share + way * frames))
        if self._share > 0:
            self._go_on(frames)

    def draw(self, picture: Planes) -> None:
        """Put it into ``picture``, in place."""
        if self._now is None or self._share <= 0:
            return
        share = self._share * self._share * (3 - 2 * self._share)
        shown = planes(self._now)
        for plane, spot, now, scratch in zip(picture, self.spots, shown, self._scratch, strict=True):
            part = plane[spot]
            if share < 1:
                cv2.addWeighted(now, share, part, 1 - share, 0, dst=scratch)
                now = scratch
            np.copyto(part, now)

    def close(self) -> None:
        """End the thread."""
        with self._lock:
            self._over = True
            self._lock.notify_all()

    def _go_on(self, frames: int) -> None:
        """The picture ``frames`` after the last one, or the last that is there: what is late is left out later."""
        with self._lock:
            self._owed += frames
            while self._owed and not self._round:
                if self._ahead:
                    self._now = self._ahead.popleft()
                    self._owed -= 1
                    self._at += 1
                    self._lock.notify_all()
                elif not (self._patient and self._lock.wait_for(self._there, PATIENCE)) or self._over:
                    return
            if self._round:
                self._at = (self._at + self._owed) % len(self._round)
                self._now, self._owed = self._round[self._at], 0

    def _there(self) -> bool:
        return bool(self._round or self._ahead or self._over)

    def _decode(self) -> None:
        if sys.platform == "linux":  # where every thread has its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        kept: list[ByteArray] | None = []
        try:
            while not self._over:
                count = 0
                for picture in pictures(self._path, self._size):
                    count += 1
                    if kept is not None:
                        kept.append(picture)
                        kept = kept if len(kept) * picture.nbytes <= HELD else None
                    if not self._put(picture):
                        return
                if not count:
                    raise AvatarError(f"{self._path} has no picture.", "Choose another video.")
                if kept:
                    self._hold(kept)
                    return
        except (AvatarError, OSError, ValueError) as error:
            log.error("the video %s goes no further: %s", self._path, error)
            with self._lock:
                self._over = True
                self._lock.notify_all()

    def _put(self, picture: ByteArray) -> bool:
        with self._lock:
            self._lock.wait_for(lambda: len(self._ahead) < AHEAD or self._over)
            self._ahead.append(picture)
            self._lock.notify_all()
            return not self._over

    def _hold(self, kept: list[ByteArray]) -> None:
        """From now on all of it is in memory: the next picture is the one after the last that was shown."""
        with self._lock:
            self._round, self._at = kept, (self._at - 1) % len(kept)
            self._ahead.clear()
            self._lock.notify_all()
