"""Any clip into footage: 25 even-timed upright 8-bit pictures a second and 24 kHz mono sound, side by side.

Pictures are taken by nearest presentation time; sound is placed by its own time stamps against the first
picture's, so that streams which start at different times stay together. One pass, and the memory that it takes
does not grow with the clip.
"""

from __future__ import annotations

import logging
import os
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

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
from avatar_engine.media.write import VideoWriter

log = logging.getLogger(__name__)

LONGEST_SIDE = 1920
"""Larger pictures are shrunk: a mouth is a few hundred pixels wide at most in any show."""

KEYFRAME_EVERY = 12

PRESET = "superfast"
"""At crf 12 as near to the source as ``veryfast`` (49.8 dB), in 0.6 of its time, for 1.4 of its bytes."""

_LONGEST_STILL = 5.0
"""Seconds without a new picture that are refused; one second and more is a warning."""

_MOST_DAMAGE = 0.02
"""Share of undecodable packets that is refused."""


def normalise(
    path: Path | str,
    footage: Path,
    sound: Path,
    progress: Progress = silent,
    *,
    longest: float | None = None,
) -> ClipInfo:
    """Write the clip's pictures to ``footage`` (MP4) and its sound to ``sound`` (WAV), equally long.

    The footage has `FRAME_RATE` pictures a second, upright, 8-bit I420 in the engine's colours
    (`avatar_engine.media.colour`), even sides of at most `LONGEST_SIDE`, H.264 at crf 12 with a keyframe every
    `KEYFRAME_EVERY`. The sound is 16-bit mono at `SAMPLE_RATE`, `SAMPLES_PER_FRAME` samples a picture.

    Args:
        path: Any video that FFmpeg reads.
        footage: Written whole or not at all.
        sound: Likewise.
        progress: Told about stage ``footage``.
        longest: Seconds to take at most; the rest is left out with a warning.

    Returns:
        What the clip is, with its duration and pictures as counted here, the upright size of the footage, and
        warnings about what was put up with.

    Raises:
        AvatarError: No media file, cut off, damaged, without picture or sound, or with times that make no sense.
    """
    info = probe(path)
    if not info.sample_rate:
        raise AvatarError(f"{path} has no sound.", "Give a clip in which the presenter is heard.")
    with opened(path) as container:
        shape = _Shape.of(container, path)
    with ExitStack() as stack:
        container = stack.enter_context(opened(path))
        writer = stack.enter_context(
            VideoWriter(footage, *shape.size, sound=False, crf=12, preset=PRESET, gop=KEYFRAME_EVERY)
        )
        wave = stack.enter_context(WaveWriter(sound))
        work = _Pass(container, path, shape, writer, wave, info, longest)
        work.run(progress)
        wave.finish(writer.frames * SAMPLES_PER_FRAME)
    progress("footage", 1.0, f"{writer.frames} pictures")
    return replace(
        info,
        width=shape.size[0],
        height=shape.size[1],
        frames=writer.frames,
        duration=writer.frames / FRAME_RATE,
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
    picture: ByteArray = np.empty(width * height * 3 // 2, np.uint8)
    stored = (height, width) if upright.turns % 2 else (width, height)
    done = 0
    for plane, part in zip(frame.planes, (1, 2, 2), strict=True):
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        view = rows[: stored[1] // part, : stored[0] // part]
        if upright.mirrored:
            view = view[:, ::-1]
        view = np.rot90(view, -upright.turns)
        picture[done : done + view.size].reshape(view.shape)[:] = view
        done += view.size
    turned = av.VideoFrame.from_ndarray(picture.reshape(height * 3 // 2, width), format="yuv420p")
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
        writer: VideoWriter,
        wave: WaveWriter,
        info: ClipInfo,
        longest: float | None,
    ) -> None:
        self._container, self._path, self._info = container, path, info
        self._video = picture_stream(container)
        self._audio = sound_stream(container)
        self._video.thread_type = "AUTO"
        self._pictures = EvenPictures(path, shape, writer, 1.0 / (info.frame_rate or FRAME_RATE))
        self._line = SoundLine(info.sample_rate, SAMPLE_RATE, shape.start)
        self._wave = wave
        self._limit = None if longest is None else round(longest * FRAME_RATE)
        self._fields = FieldWeaver(self._video) if shape.interlaced else None
        self.warnings: list[str] = []

    def run(self, progress: Progress) -> None:
        damage = _Damage(str(self._path))
        total = self._info.duration * FRAME_RATE
        if self._limit is not None:
            total = min(total or self._limit, self._limit)
        for kind, frame in _decode(self._container, [self._video, self._audio], damage):
            if kind == "video":
                self._picture(frame)
                if total and self._pictures.frames % FRAME_RATE == 0:
                    progress("footage", min(1.0, self._pictures.frames / total))
            else:
                for piece in self._line.push(frame):
                    self._wave.write(piece)
            if self._full():
                break
        if self._fields:
            for woven in self._fields.push(None):
                self._pictures.push(woven)
        self._pictures.finish(self._limit)
        self._wave.write(self._line.finish())
        damage.check(self.warnings)
        self._check_ends()

    def _picture(self, frame: av.VideoFrame) -> None:
        if self._limit is not None and self._pictures.frames >= self._limit:
            return
        for whole in self._fields.push(frame) if self._fields else (frame,):
            self._pictures.push(whole)

    def _full(self) -> bool:
        if self._limit is None:
            return False
        heard = self._wave.samples >= self._limit * SAMPLES_PER_FRAME
        return heard and self._pictures.frames >= self._limit

    def _check_ends(self) -> None:
        """Refuse a clip that ends before its header says; warn of sound that ends before the pictures.

        Raises:
            AvatarError: It was cut off.
        """
        seen, heard = self._pictures.frames / FRAME_RATE, self._wave.samples / SAMPLE_RATE
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
        shape: How a stored picture becomes one of the footage; used only for pictures that are kept.
        writer: Where they go.
        step: Seconds from picture to picture where time stamps are missing.
    """

    def __init__(self, path: Path | str, shape: _Shape, writer: VideoWriter, step: float) -> None:
        self._path, self._shape, self._writer, self._step = path, shape, writer, step
        self._converter = colour.Converter()
        self._held: av.VideoFrame | None = None
        self._held_time = 0.0
        self._ready: av.VideoFrame | None = None  # the held picture, converted
        self.warnings: list[str] = []

    @property
    def frames(self) -> int:
        return self._writer.frames

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
        """Write the held picture at every tick before ``until`` seconds."""
        while self._writer.frames / FRAME_RATE < until - 1e-6:
            if self._ready is None and self._held is not None:
                self._ready = self._shape.apply(self._held, self._converter)
            if self._ready is not None:
                self._writer.frame(self._ready)

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


class WaveWriter:
    """A 16-bit mono WAV file, written as it comes; its length is settled at the end.

    Args:
        path: Written whole or not at all.
        rate: Samples per second.
    """

    def __init__(self, path: Path, rate: int = SAMPLE_RATE) -> None:
        self._path, self._rate = path, rate
        self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        self._file = self._part.open("wb")
        self._file.write(bytes(44))
        self.samples = 0

    def write(self, samples: FloatArray) -> None:
        """Append float32 samples in [-1, 1]; louder ones are clipped."""
        self._file.write((np.clip(samples, -1.0, 1.0) * 32767).round().astype("<i2").tobytes())
        self.samples += len(samples)

    def finish(self, samples: int) -> None:
        """Cut or fill with silence to ``samples``."""
        if samples > self.samples:
            self._file.write(bytes(2 * (samples - self.samples)))
        self._file.truncate(44 + 2 * samples)
        self.samples = samples

    def _header(self) -> bytes:
        size = 2 * self.samples
        form = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + size, b"WAVE", b"fmt ", 16, 1, 1, *self._pace())
        return form + struct.pack("<4sI", b"data", size)

    def _pace(self) -> tuple[int, int, int, int]:
        return self._rate, self._rate * 2, 2, 16

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._file.seek(0)
            self._file.write(self._header())
        self._file.close()
        if kind is None:
            self._part.replace(self._path)
        else:
            self._part.unlink(missing_ok=True)
