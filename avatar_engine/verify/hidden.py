"""One pass over a file for all that its pictures and sound carry: records in the stream, marks in picture and sound."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from avatar_engine.broadcast.marking import MARK_UUID
from avatar_engine.contracts import SAMPLE_RATE, ByteArray, FloatArray, Progress
from avatar_engine.media.probe import opened
from avatar_engine.media.read import SoundLine
from avatar_engine.trust.marks.carrier import Found
from avatar_engine.trust.marks.picture import PictureSearch
from avatar_engine.trust.marks.sound import SoundSearch

PART = 15.0
"""Seconds that are also judged alone: a marked piece in something longer is found, too."""

EVERY = 0.2
"""Seconds from one picture that is looked at to the next."""

NOTES = 8
"""Different records of a stream that are kept."""


@dataclass(frozen=True, slots=True)
class Note:
    """What keyframes say: words, and the record where there is one that can be read."""

    words: str
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Hidden:
    """What was found.

    Attributes:
        tags: The file's metadata.
        notes: What is in the stream, each once.
        picture: The picture's mark; None where there are no pictures.
        sound: The sound's mark; None where there is no sound.
        cut: Whether the picture's was found only after the picture was taken to be cut, enlarged or framed.
        seconds: How much was looked at.
        length: Seconds of the file; 0 where it doesn't say.
        damaged: What stopped the reading before its end; "" for nothing.
    """

    tags: dict[str, str]
    notes: tuple[Note, ...]
    picture: Found | None
    sound: Found | None
    cut: bool
    seconds: float
    length: float
    damaged: str


class _Trail:
    """The search through one stream, whole and in parts."""

    def __init__(self, kind: type[PictureSearch] | type[SoundSearch]) -> None:
        self._kind = kind
        self.whole: Any = kind()
        self.part: Any = kind()
        self.best = Found()
        self._parts = 0

    def turn(self) -> None:
        """A part is over."""
        now = self.part.found()
        self._parts += 1
        self.whole.add(self.part)
        self.part = self._kind()
        both = (self.best, now) if self._parts == 1 else (self.best, now, self.whole.found())
        self.best = min(both, key=Found.doubt)

    @property
    def found(self) -> Found:
        """The best so far, as one of so many looks."""
        return self.best.among(max(1, 2 * self._parts - 1))


def search(path: Path, seconds: float, progress: Progress) -> Hidden:
    """Look through the first ``seconds`` of a file (0: all of it), until both marks are found and read.

    Raises:
        AvatarError: It is missing, or nothing in it can be read.
    """
    with opened(path) as container:
        return _Pass(container, seconds, progress).run()


class _Pass:
    """One reading of a file."""

    def __init__(self, container: Any, seconds: float, progress: Progress) -> None:
        self._container, self._progress = container, progress
        self._video = next(iter(container.streams.video), None)
        self._audio = next(iter(container.streams.audio), None)
        self._length = (container.duration or 0) / av.time_base
        self._until = min(seconds or float("inf"), self._length or float("inf"))
        self._pictures, self._sounds = _Trail(PictureSearch), _Trail(SoundSearch)
        self._notes: dict[bytes, Note] = {}
        self._line: SoundLine | None = None
        self._start: float | None = None
        self._at = self._looked = self._turned = 0.0
        self._damaged = ""

    def run(self) -> Hidden:
        try:
            for frame in self._frames():
                if not self._time(frame):
                    break
                if isinstance(frame, av.VideoFrame):
                    self._see(frame)
                else:
                    self._hear(frame)
        except (av.FFmpegError, ValueError) as error:
            self._damaged = str(error)
        if self._at > self._turned or not self._turned:  # a still picture has no time
            self._turn()
        picture, cut = self._pictures.found, False
        if self._video is not None and not picture.there and self._pictures.whole.pictures:
            self._progress("look", 0.99, "other sizes")
            other = self._pictures.whole.found_cut()
            picture, cut = (other, True) if other.there else (picture, False)
        self._progress("look", 1.0, f"{self._at:.0f} s")
        return Hidden(
            {key.lower(): value for key, value in self._container.metadata.items()},
            tuple(self._notes.values()),
            picture if self._video is not None else None,
            self._sounds.found if self._audio is not None else None,
            cut,
            self._at,
            self._length,
            self._damaged,
        )

    def _frames(self) -> Iterator[Any]:
        chosen = [stream for stream in (self._video, self._audio) if stream is not None]
        if self._video is not None:
            self._video.thread_type = "AUTO"
        for packet in self._container.demux(chosen):
            yield from packet.decode()

    def _time(self, frame: Any) -> bool:
        """Note how far it is; whether to go on."""
        now = frame.time
        if now is not None:
            self._start = now if self._start is None else self._start
            self._at = max(self._at, now - self._start)
        if self._at >= self._turned + PART:
            self._turn()
            if self._done():
                return False
        return self._at <= self._until

    def _turn(self) -> None:
        self._turned = self._at
        for trail, there in ((self._pictures, self._video), (self._sounds, self._audio)):
            if there is not None:
                trail.turn()
        if self._until < float("inf"):
            self._progress("look", min(0.98, self._at / max(self._until, 1e-3)), f"{self._at:.0f} s")

    def _done(self) -> bool:
        trails = [
            trail
            for trail, there in ((self._pictures, self._video), (self._sounds, self._audio))
            if there is not None
        ]
        return all(trail.found.there and trail.found.number is not None for trail in trails)

    def _see(self, frame: Any) -> None:
        for side in frame.side_data or ():
            if side.type.name == "SEI_UNREGISTERED":
                self._read(bytes(side))
        if self._at >= self._looked or not self._pictures.part.pictures:
            self._looked = self._at + EVERY
            luma: ByteArray = frame.to_ndarray(format="gray")
            if min(luma.shape) >= 64:
                self._pictures.part.push(luma)

    def _hear(self, frame: av.AudioFrame) -> None:
        if self._line is None:
            self._line = SoundLine(frame.sample_rate, SAMPLE_RATE, None)
        for piece in self._line.push(frame):
            samples: FloatArray = piece
            self._sounds.part.push(samples)

    def _read(self, data: bytes) -> None:
        if data[:16] == MARK_UUID and data not in self._notes and len(self._notes) < NOTES:
            words, _, line = data[16:].decode("utf-8", "replace").partition("\n")
            self._notes[data] = Note(words.strip("\0"), _record(line.strip("\0")))


def _record(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
