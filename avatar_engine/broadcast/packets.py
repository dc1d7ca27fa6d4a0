"""Encoded packets, and the bounded queue that stands between the encoder and one output."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Packet:
    """One encoded picture or piece of sound.

    Attributes:
        video: Picture, else sound.
        pts: Presentation time in ticks of 1/48000 s since frame 0 of the programme; dts is the same.
        duration: In the same ticks.
        keyframe: Decoding can begin here (every piece of sound is one).
        data: H.264 in Annex B form, or one raw AAC frame.
    """

    video: bool
    pts: int
    duration: int
    keyframe: bool
    data: bytes


class PacketQueue:
    """Packets on their way to one output: bounded in time, and whole GOPs go when it overflows.

    An output that falls behind loses the rest of the GOP first: to each of these pictures only others of them
    refer, so that what is shown stands still until the keyframe, which goes out. Pictures are always dropped up
    to a keyframe: a decoder never sees a torn GOP. Sound is a twentieth of the bytes and is kept (an interrupted
    voice is worse than a frozen picture), up to the limit.

    Args:
        limit: Ticks of programme that it holds.
        thin: Ticks that may wait before the rest of a GOP is dropped; 0 drops at the limit alone.
        open_: Whether it takes packets from the start, else from `open`.
    """

    def __init__(self, limit: int, *, thin: int = 0, open_: bool = False) -> None:
        self._limit, self._thin = limit, thin or limit
        self._thinning = False
        self._newest = 0
        self._packets: deque[Packet] = deque()
        self._changed = threading.Condition()
        self._open = open_
        self._finished = False
        self._seek_key = True
        self._start: int | None = None
        self.dropped = 0
        """Packets that were lost here, to overflow or while closed."""

    def open(self) -> None:
        """Begin to take packets, from the next keyframe on."""
        with self._changed:
            self._packets.clear()
            self._open, self._seek_key, self._start = True, True, None
            self._thinning = False

    def shut(self) -> None:
        """Take no packets; those that wait are lost."""
        with self._changed:
            self.dropped += len(self._packets)
            self._packets.clear()
            self._open = False
            self._changed.notify_all()

    def finish(self) -> None:
        """No packet follows: `get` hands out what waits, then says so."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()

    @property
    def finished(self) -> bool:
        """Whether `finish` was called and nothing waits."""
        with self._changed:
            return self._finished and not self._packets

    @property
    def finishing(self) -> bool:
        with self._changed:
            return self._finished

    @property
    def newest(self) -> int:
        """Time in ticks of the last packet that it took."""
        return self._newest

    @property
    def oldest(self) -> int | None:
        """Time in ticks of the packet that waits longest; None where none does."""
        with self._changed:
            return self._packets[0].pts if self._packets else None

    def put(self, packet: Packet, patient: bool = False) -> bool:
        """Add a packet; whether the output now wants a keyframe (it dropped pictures and waits for one).

        Never waits, unless ``patient``: then it waits until there is room, or the queue is shut.
        """
        with self._changed:
            if patient:
                self._changed.wait_for(lambda: not self._open or self._span(packet) <= self._limit)
            if not self._wanted(packet):
                self.dropped += 1
                return self._open and self._seek_key
            self._packets.append(packet)
            self._newest = packet.pts
            if self._span(packet) > self._limit:
                self._overflow(packet)
            self._changed.notify_all()
            return self._seek_key

    def get(self, timeout: float) -> Packet | None:
        """The oldest packet, or None after ``timeout`` seconds or at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._packets or self._finished, timeout)
            if not self._packets:
                return None
            packet = self._packets.popleft()
            self._changed.notify_all()
            return packet

    def _wanted(self, packet: Packet) -> bool:
        if not self._open:
            return False
        if packet.video and self._seek_key:
            if not packet.keyframe:
                return False
            self._seek_key = False
            if self._start is None:
                self._start = packet.pts
        if packet.video:
            late = self._thin < self._limit and self._span(packet) > self._thin
            self._thinning = not packet.keyframe and (self._thinning or late)
            if self._thinning:
                return False
        # Sound begins with the first keyframe, so that every connection starts in step.
        return self._start is not None and packet.pts >= self._start

    def _span(self, newest: Packet) -> int:
        return newest.pts - self._packets[0].pts if self._packets else 0

    def _overflow(self, newest: Packet) -> None:
        """Drop the pictures before the next keyframe that waits, or all and seek one; and sound that is too old."""
        keys = [p.pts for p in self._packets if p.video and p.keyframe]
        first_video = next((p for p in self._packets if p.video), None)
        if first_video is not None and first_video.keyframe:
            keys = keys[1:]
        horizon = keys[0] if keys else None
        if horizon is None and first_video is not None:
            self._seek_key = True
        oldest_sound = newest.pts - self._limit
        kept = [
            p
            for p in self._packets
            if (horizon is not None and p.pts >= horizon if p.video else p.pts >= oldest_sound)
        ]
        self.dropped += len(self._packets) - len(kept)
        self._packets = deque(kept)
