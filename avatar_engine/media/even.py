"""Any clip as 25 even-timed upright pictures a second and 24 kHz mono sound, handed on as they are decoded.

Pictures are taken by nearest presentation time; sound is placed by its own time stamps against the first
picture's, so that streams which start at different times stay together. One pass, and the memory that it takes
does not grow with the clip.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import av
import numpy as np
from av.container import InputContainer

from avatar_engine.contracts import (
    FRAME_RATE,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    ByteArray,
    FloatArray,
    Progress,
    silent,
)
from avatar_engine.errors import AvatarError
from avatar_engine.media import colour
from avatar_engine.media.picture import planes
from avatar_engine.media.probe import (
    ClipInfo,
    Orientation,
    opened,
    orientation,
    picture_stream,
    probe,
    shown_size,
    sound_stream,
)
from avatar_engine.media.read import SoundLine

log = logging.getLogger(__name__)

LONGEST_SIDE = 1920
"""Larger pictures are shrunk: a mouth is a few hundred pixels wide at most in any show."""

TakePicture: TypeAlias = Callable[[int, Callable[[], av.VideoFrame]], None]
"""Gets every picture's frame index and a function that converts it; a picture nobody wants costs no conversion."""

TakeSound: TypeAlias = Callable[[FloatArray], None]
"""Gets the sound in pieces, float32 mono at `SAMPLE_RATE`."""

_LONGEST_STILL = 5.0
"""Seconds without a new picture that are refused; one second and more is a warning."""

_MOST_DAMAGE = 0.02
"""Share of undecodable packets that is refused."""


class EvenClip:
    """A clip that can be gone through once, evenly timed.

    Args:
        path: Any video that FFmpeg reads.
        longest: Seconds to take at most; the rest is left out with a warning.

    Attributes:
        info: What the file says of itself.
        size: (width, height) of the upright pictures, even, at most `LONGEST_SIDE`.

    Raises:
        AvatarError: No media file, cut off, or without picture or sound.
    """

    def __init__(self, path: Path | str, longest: float | None = None) -> None:
        self.info = probe(path)
        if not self.info.sample_rate:
            raise AvatarError(f"{path} has no sound.", "Give a clip in which the presenter is heard.")
        with opened(path) as container:
            self._shape = _Shape.of(container, path)
        self.size = self._shape.size
        self._path, self._longest = path, longest

    def run(
        self, picture: TakePicture, sound: TakeSound, progress: Progress = silent, stage: str = "footage"
    ) -> ClipInfo:
        """Decode the clip; ``picture`` is called `FRAME_RATE` times a second, ``sound`` with what lies between.

        Pictures are 8-bit I420 in the engine's colours (`avatar_engine.media.colour`). The sound may end before
        or after the pictures.

        Args:
            picture: Takes the pictures.
            sound: Takes the sound.
            progress: Told about ``stage``.
            stage: Its name.

        Returns:
            What the clip is, with its duration and pictures as counted here, the upright size, and warnings
            about what was put up with.

        Raises:
            AvatarError: Damaged, cut off, or with times that make no sense.
        """
        with opened(self._path) as container:
            work = _Pass(container, self._path, self._shape, picture, sound, self.info, self._longest)
            frames = work.run(progress, stage)
        progress(stage, 1.0, f"{frames} pictures")
        return replace(
            self.info,
            width=self.size[0],
            height=self.size[1],
            frames=frames,
            duration=frames / FRAME_RATE,
            warnings=tuple(work.warnings),
        )


@dataclass(frozen=True, slots=True)
class _Shape:
    """How a stored picture becomes one of the footage.

    Attributes:
        start: Seconds on the container's clock of the first picture.
        scaled: (width, height) that libswscale makes, before the picture is turned; may be odd.
        size: (width, height) of the footage, even and upright.
        upright: How it is turned.
        interlaced: Whether it is made of two fields.
    """

    start: float
    scaled: tuple[int, int]
    size: tuple[int, int]
    upright: Orientation
    interlaced: bool

    @classmethod
    def of(cls, container: InputContainer, path: Path | str) -> _Shape:
        video = picture_stream(container)
        first = next(
            (f for _, f in _decode(container, [video], _Damage(str(path))) if not f.is_corrupt), None
        )
        if first is None:
            raise AvatarError(f"Not one picture of {path} can be decoded.", "Copy or export the clip again.")
        width, height = shown_size(first, video)
        shrink = min(1.0, LONGEST_SIDE / max(width, height))
        if shrink < 1.0 or width != first.width:
            width, height = (max(2, round(side * shrink / 2) * 2) for side in (width, height))
        upright = orientation(first)
        even = (max(2, width // 2 * 2), max(2, height // 2 * 2))
        size = (even[1], even[0]) if upright.turns % 2 else even
        start = float(first.time) if first.pts is not None else 0.0
        return cls(start, (width, height), size, upright, first.interlaced_frame)

    def apply(self, frame: av.VideoFrame, converter: colour.Converter) -> av.VideoFrame:
        """The stored picture scaled, cut to even sides, turned upright, in the engine's colours."""
        fresh = converter.i420(frame, *self.scaled)
        if self.scaled == self.size and self.upright == Orientation():
            return fresh
        return _turned(fresh, self.upright, self.size)


def _turned(frame: av.VideoFrame, upright: Orientation, size: tuple[int, int]) -> av.VideoFrame:
    width, height = size
    picture: ByteArray = np.empty((height * 3 // 2, width), np.uint8)
    stored = (height, width) if upright.turns % 2 else (width, height)
    for plane, target, part in zip(frame.planes, planes(picture), (1, 2, 2), strict=True):
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        view = rows[: stored[1] // part, : stored[0] // part]
        if upright.mirrored:
            view = view[:, ::-1]
        target[:] = np.rot90(view, -upright.turns)
    turned = av.VideoFrame.from_ndarray(picture, format="yuv420p")
    colour.tag(turned)
    return turned


class _Damage:
    """Counts what can't be decoded, and remembers where it began."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.packets = {"video": 0, "audio": 0}
        self.bad = {"video": 0, "audio": 0}
        self.first: dict[str, float] = {}

    def hit(self, kind: str, time: float | None) -> None:
        self.bad[kind] += 1
        self.first.setdefault(kind, time if time is not None else 0.0)

    def check(self, warnings: list[str]) -> None:
        """Warn of little damage, refuse much.

        Raises:
            AvatarError: More than a few packets are bad.
        """
        for kind, word in (("video", "picture"), ("audio", "sound")):
            if not (bad := self.bad[kind]):
                continue
            what = f"{self._path}: the {word} is damaged from {self.first[kind]:.1f} s on ({bad} packets)."
            if bad > max(3, _MOST_DAMAGE * self.packets[kind]):
                raise AvatarError(what, "Copy it again from the camera, or export it again.")
            warnings.append(what)


def _decode(container: InputContainer, streams: list[Any], damage: _Damage) -> Iterator[tuple[str, Any]]:
    """Every frame of the streams with its kind, in the file's order; bad packets are counted and left out."""
    for packet in container.demux(streams):
        kind = packet.stream.type
        time = float(packet.pts * packet.time_base) if packet.pts is not None else None
        damage.packets[kind] += 1
        try:
            frames: list[Any] = list(packet.decode())
            for frame in frames:
                if frame.is_corrupt:
                    damage.hit(kind, frame.time)
                yield kind, frame
        except av.FFmpegError as error:
            if packet.size:  # a decoder that was given nothing has nothing to flush
                damage.hit(kind, time)
                log.debug("%s packet at %s can't be decoded: %s", kind, time, error)


class _Pass:
    """The one pass over the clip."""

    def __init__(
        self,
        container: InputContainer,
        path: Path | str,
        shape: _Shape,
        picture: TakePicture,
        sound: TakeSound,
        info: ClipInfo,
        longest: float | None,
    ) -> None:
        self._container, self._path, self._info = container, path, info
        self._video = picture_stream(container)
        self._audio = sound_stream(container)
        self._video.thread_type = "AUTO"
        self._pictures = EvenPictures(path, shape, picture, 1.0 / (info.frame_rate or FRAME_RATE))
        self._line = SoundLine(info.sample_rate, SAMPLE_RATE, shape.start)
        self._sound, self._heard = sound, 0  # samples handed on
        self._limit = None if longest is None else round(longest * FRAME_RATE)
        self._fields = FieldWeaver(self._video) if shape.interlaced else None
        self.warnings: list[str] = []

    def run(self, progress: Progress, stage: str) -> int:
        """Go through the clip; the number of pictures."""
        damage = _Damage(str(self._path))
        total = self._info.duration * FRAME_RATE
        if self._limit is not None:
            total = min(total or self._limit, self._limit)
        for kind, frame in _decode(self._container, [self._video, self._audio], damage):
            if kind == "video":
                self._picture(frame)
                if total and self._pictures.frames % FRAME_RATE == 0:
                    progress(stage, min(1.0, self._pictures.frames / total))
            else:
                for piece in self._line.push(frame):
                    self._hear(piece)
            if self._full():
                break
        if self._fields:
            for woven in self._fields.push(None):
                self._pictures.push(woven)
        self._pictures.finish(self._limit)
        self._hear(self._line.finish())
        damage.check(self.warnings)
        self._check_ends()
        return self._pictures.frames

    def _hear(self, piece: FloatArray) -> None:
        self._heard += len(piece)
        self._sound(piece)

    def _picture(self, frame: av.VideoFrame) -> None:
        if self._limit is not None and self._pictures.frames >= self._limit:
            return
        for whole in self._fields.push(frame) if self._fields else (frame,):
            self._pictures.push(whole)

    def _full(self) -> bool:
        if self._limit is None:
            return False
        heard = self._heard >= self._limit * SAMPLES_PER_FRAME
        return heard and self._pictures.frames >= self._limit

    def _check_ends(self) -> None:
        """Refuse a clip that ends before its header says; warn of sound that ends before the pictures.

        Raises:
            AvatarError: It was cut off.
        """
        seen, heard = self._pictures.frames / FRAME_RATE, self._heard / SAMPLE_RATE
        promised = self._info.duration
        if self._limit is not None and promised > (kept := self._limit / FRAME_RATE) + 1.0:
            self.warnings.append(f"Only the first {kept / 60:.1f} of {promised / 60:.1f} minutes are used.")
            promised = kept
        if max(seen, heard) < promised - max(1.0, 0.03 * promised):
            raise AvatarError(
                f"{self._path} was cut off: it should last {promised:.1f} s and ends at {max(seen, heard):.1f} s.",
                "Copy it again from the camera, or export it again.",
            )
        if heard < seen - 0.5:
            self.warnings.append(f"The sound ends at {heard:.1f} s, the picture at {seen:.1f} s.")
        if self._line.longest_gap > 0.1:
            self.warnings.append(
                f"The sound has a gap of {self._line.longest_gap:.2f} s; it was left silent."
            )
        self.warnings.extend(self._pictures.warnings)


class EvenPictures:
    """Unevenly timed pictures in, one every 1/25 s out: at each tick the picture nearest in time.

    Args:
        path: The clip, for messages.
        shape: How a stored picture becomes one of the footage; used only for pictures that are wanted.
        take: Where they go.
        step: Seconds from picture to picture where time stamps are missing.
    """

    def __init__(self, path: Path | str, shape: _Shape, take: TakePicture, step: float) -> None:
        self._path, self._shape, self._take, self._step = path, shape, take, step
        self._converter = colour.Converter()
        self._held: av.VideoFrame | None = None
        self._held_time = 0.0
        self._ready: av.VideoFrame | None = None  # the held picture, converted
        self.frames = 0
        self.warnings: list[str] = []

    def push(self, frame: av.VideoFrame) -> None:
        """Take the next picture in presentation order.

        Raises:
            AvatarError: Its time stamp jumps back, or far ahead.
        """
        time = self._time_of(frame)
        if self._held is not None:
            self._check_step(time)
            self._emit(until=(self._held_time + time) / 2)
        self._held, self._held_time, self._ready = frame, time, None

    def _time_of(self, frame: av.VideoFrame) -> float:
        if frame.pts is None or frame.time_base is None:
            return self._held_time + self._step if self._held is not None else 0.0
        return float(frame.pts * frame.time_base) - self._shape.start

    def _check_step(self, time: float) -> None:
        before = self._held_time
        if time < before - 1.0 or time > before + _LONGEST_STILL:
            raise AvatarError(
                f"{self._path}: the time stamps of the picture jump from {before:.1f} s to {time:.1f} s.",
                "Export the clip again from a video editor, or cut it before that time.",
            )
        if time > before + 1.0:
            self.warnings.append(f"The picture stands still from {before:.1f} s to {time:.1f} s.")

    def _emit(self, until: float) -> None:
        """Hand the held picture on at every tick before ``until`` seconds."""
        while self.frames / FRAME_RATE < until - 1e-6:
            self._take(self.frames, self._upright)
            self.frames += 1

    def _upright(self) -> av.VideoFrame:
        """The held picture, converted when first asked for."""
        if self._ready is None:
            if self._held is None:
                raise ValueError("no picture is held")
            self._ready = self._shape.apply(self._held, self._converter)
        return self._ready

    def finish(self, limit: int | None = None) -> None:
        """Write the last picture for half its own time, as every other was, up to ``limit`` pictures in all."""
        if self._held is None:
            return
        until = self._held_time + self._step / 2
        self._emit(until if limit is None else min(until, limit / FRAME_RATE))
        self._held = None


class FieldWeaver:
    """Interlaced pictures in, whole ones out (FFmpeg's bwdif; pictures that are whole already pass untouched)."""

    def __init__(self, video: Any) -> None:
        graph = av.filter.Graph()
        source = graph.add_buffer(template=video, time_base=video.time_base)
        weave = graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
        sink = graph.add("buffersink")
        source.link_to(weave)
        weave.link_to(sink)
        graph.configure()
        self._graph = graph

    def push(self, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        """Take a picture (None at the end) and give back those that are ready."""
        self._graph.vpush(frame)
        while True:
            try:
                yield self._graph.vpull()
            except (BlockingIOError, EOFError, av.error.BlockingIOError, av.error.EOFError):
                return
