"""Judges an FLV stream by its bytes alone: are the times that a receiver reads steady and in step, for ever?

FLV and RTMP count milliseconds in 24 bits, which end after 4 h 39 min 37 s; the bits above are in a byte of their
own, where implementations slip.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

PICTURE_MS, PACKET_MS = 40.0, 1024 / 48
WRAP_MS = 1 << 24

_SOUND, _PICTURE = 8, 9
_CONFIGURATION = 0


@dataclass(slots=True)
class Track:
    """One kind of tag.

    Attributes:
        step: Milliseconds from one to the next.
        count: Tags with media so far.
        first: Time of the first, in milliseconds.
        last: Time of the last.
        worst: The largest difference of a time from first + count * step.
        faults: Tags whose time is more than a millisecond from there.
    """

    step: float
    count: int = 0
    first: int = -1
    last: int = 0
    worst: float = 0.0
    faults: int = 0

    def take(self, time: int) -> None:
        """The next tag's time."""
        if self.first < 0:
            self.first = time
        away = time - self.first - self.count * self.step
        self.worst = max(self.worst, abs(away))
        self.faults += abs(away) > 1
        self.count += 1
        self.last = time

    @property
    def ends(self) -> float:
        """Where the media end by count, in milliseconds."""
        return self.first + self.count * self.step


@dataclass(slots=True)
class FlvCheck:
    """A file object that takes the bytes of an FLV stream and keeps none of them.

    Attributes:
        pictures: The video tags.
        sounds: The audio tags.
        backwards: Tags that are earlier than the one before, of either kind, by more than a sound packet.
        extended: Which values the time's upper byte had, in order.
    """

    pictures: Track = field(default_factory=lambda: Track(PICTURE_MS))
    sounds: Track = field(default_factory=lambda: Track(PACKET_MS))
    backwards: int = 0
    extended: list[int] = field(default_factory=list)
    _bytes: bytearray = field(default_factory=bytearray)
    _begun: bool = False
    _newest: int = 0

    def write(self, data: bytes) -> int:
        """Take the next bytes."""
        self._bytes += data
        at = 0
        if not self._begun and len(self._bytes) >= 13:
            at, self._begun = struct.unpack(">I", self._bytes[5:9])[0] + 4, True
        while self._begun and len(self._bytes) >= at + 11:
            size = int.from_bytes(self._bytes[at + 1 : at + 4], "big")
            if len(self._bytes) < at + 11 + size + 4:
                break
            self._tag(self._bytes[at : at + 11 + min(size, 2)])
            at += 11 + size + 4
        del self._bytes[:at]
        return len(data)

    def _tag(self, tag: bytearray) -> None:
        kind = tag[0] & 0x1F
        if kind not in (_SOUND, _PICTURE) or len(tag) < 13 or tag[12] == _CONFIGURATION or tag[11] >> 4 == 5:
            return
        if kind == _PICTURE and tag[12] != 1:
            return
        upper = tag[7]
        time = int.from_bytes(tag[4:7], "big") | upper << 24
        if not self.extended or self.extended[-1] != upper:
            self.extended.append(upper)
        self.backwards += time < self._newest - PACKET_MS - 1
        self._newest = max(self._newest, time)
        (self.pictures if kind == _PICTURE else self.sounds).take(time)

    @property
    def offset_ms(self) -> float:
        """How far picture and sound have parted since they began: times against counts, 0 when nothing was lost."""
        if not (self.pictures.count and self.sounds.count):
            return 0.0
        picture = self.pictures.last - self.pictures.first - (self.pictures.count - 1) * self.pictures.step
        sound = self.sounds.last - self.sounds.first - (self.sounds.count - 1) * self.sounds.step
        return picture - sound

    @property
    def wrapped_well(self) -> bool:
        """Whether the upper byte rose one by one, as often as the time asks for, and no time went back."""
        whole = [*range(self.extended[0], self._newest // WRAP_MS + 1)] if self.extended else []
        return self.extended == whole and not self.backwards
