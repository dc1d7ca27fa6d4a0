"""Pictures and sound out of files.

`frames` reads footage by frame index (see `avatar_engine.media.normalise`, which makes such footage out of
any clip), `sound` reads any file's sound so that its sample 0 is heard when picture 0 is seen.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
import soxr
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from avatar_engine.contracts import FRAME_RATE, SAMPLE_RATE, ByteArray, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.media import colour
from avatar_engine.media.probe import opened, picture_stream, sound_stream

log = logging.getLogger(__name__)

PictureFormat = Literal["bgr24", "rgb24", "yuv420p"]

_MIX = {"FC": 1.0, "FL": 0.5, "FR": 0.5, "LFE": 0.0}

GAP_SECONDS = 0.03
"""Sound whose time stamps stray further than this from its sample count is moved to where they say."""


def frames(
    path: Path | str,
    start: int = 0,
    stop: int | None = None,
    format: PictureFormat = "bgr24",  # noqa: A002 - the field's word
) -> Iterator[ByteArray]:
    """The pictures ``start`` to ``stop`` (exclusive; to the end when None) of 25 fps footage, one at a time.

    Args:
        path: Footage at `FRAME_RATE`; picture ``k`` is the one shown at ``k / FRAME_RATE`` seconds.
        start: First frame index; reading begins at the keyframe before it.
        stop: As in a slice: fewer pictures come when the footage ends earlier.
        format: ``bgr24`` or ``rgb24`` gives (height, width, 3), ``yuv420p`` gives
            I420 (height * 3 // 2, width), BT.601 limited range as `avatar_engine.media.colour` says.

    Yields:
        uint8 arrays that the caller owns.

    Raises:
        AvatarError: The file is missing, damaged or has no picture.
    """
    if start < 0 or (stop is not None and stop < start):
        raise ValueError(f"frames {start} to {stop} is no range")
    with opened(path) as container:
        stream = picture_stream(container)
        tick = stream.time_base or Fraction(1, av.time_base)
        origin = (stream.start_time or 0) * tick
        if start:
            container.seek(int((origin + Fraction(start, FRAME_RATE)) / tick), stream=stream)
        converter = colour.Converter()
        for frame in _decoded(container, stream, path):
            if frame.pts is None:
                raise AvatarError(f"{path} has pictures without times.", "Normalise the clip first.")
            index = round((frame.pts * tick - origin) * FRAME_RATE)
            if stop is not None and index >= stop:
                return
            if index >= start:
                yield converter.array(frame, format)


def i420(path: Path | str, start: int = 0, stop: int | None = None) -> Iterator[ByteArray]:
    """The same as I420 (height * 3 // 2, width)."""
    return frames(path, start, stop, format="yuv420p")


def _decoded(container: InputContainer, stream: VideoStream | AudioStream, path: Path | str) -> Iterator[Any]:
    try:
        for packet in container.demux(stream):
            yield from packet.decode()
    except av.FFmpegError as error:
        raise AvatarError(
            f"{path} is damaged: {stream.type} can't be decoded ({error}).", "Copy or export it again."
        ) from None


def frame_count(path: Path | str) -> int:
    """How many pictures the file holds, counted in its packets (nothing is decoded).

    Raises:
        AvatarError: The file is missing, damaged or has no picture.
    """
    with opened(path) as container:
        stream = picture_stream(container)
        return stream.frames or sum(1 for packet in container.demux(stream) if packet.size)


def sound(path: Path | str, rate: int = SAMPLE_RATE) -> FloatArray:
    """The whole sound of a file, mixed to mono, resampled by soxr.

    Sample 0 belongs to the start of the first picture, whatever the streams' own start times; a file without
    pictures starts at its first sample.

    Returns:
        float32 (samples,) at ``rate`` per second.

    Raises:
        AvatarError: The file is missing, damaged or has no sound.
    """
    with opened(path) as container:
        stream = sound_stream(container)
        if stream is None:
            raise AvatarError(f"{path} has no sound.", "Give a file in which somebody speaks.")
        line = SoundLine(stream.codec_context.sample_rate, rate, picture_start(container))
        pieces = [piece for frame in _decoded(container, stream, path) for piece in line.push(frame)]
    pieces.append(line.finish())
    return np.concatenate(pieces)


def picture_start(container: InputContainer) -> float | None:
    """Seconds at which the first picture is shown; None when there are no pictures or no times."""
    try:
        stream = picture_stream(container)
    except AvatarError:
        return None
    if stream.start_time is None or stream.time_base is None:
        return None
    return float(stream.start_time * stream.time_base)


def mono(frame: av.AudioFrame) -> FloatArray:
    """A planar float frame mixed to one channel that can't clip: speech sits in the centre of surround sound.

    Returns:
        float32 (samples,).
    """
    planes = np.asarray(frame.to_ndarray(), np.float32)
    names = [channel.name for channel in frame.layout.channels]
    if len(planes) == 1:
        return np.ascontiguousarray(planes[0])
    weights = np.array([_MIX.get(name, 0.25) if len(names) > 2 else 1.0 for name in names], np.float32)
    return np.asarray(weights @ planes / max(float(weights.sum()), 1e-6), np.float32)


class SoundLine:
    """Decoded sound frames in, mono float32 at one rate out, each sample where its time stamp puts it.

    Args:
        source_rate: Samples per second that come in.
        rate: Samples per second that go out.
        origin: Seconds on the container's clock of output sample 0; None takes the first frame's.
    """

    def __init__(self, source_rate: int, rate: int, origin: float | None) -> None:
        self._source_rate = source_rate
        self._origin = origin
        self._count = 0  # source samples passed on so far
        self._floats = av.AudioResampler(format="fltp", rate=source_rate)
        self._resampler = soxr.ResampleStream(source_rate, rate, 1, dtype="float32", quality="VHQ")
        self.longest_gap = 0.0

    def push(self, frame: av.AudioFrame) -> Iterator[FloatArray]:
        """The output that ``frame`` makes ready; gaps before it come out as silence, overlaps are dropped."""
        time = frame.time
        if time is not None and self._origin is None:
            self._origin = time
        for planar in self._floats.resample(frame):
            samples = mono(planar)
            if time is not None and self._origin is not None:
                wanted = round((time - self._origin) * self._source_rate)
                samples, silence = self._place(samples, wanted)
                if silence:
                    yield from self._silence(silence)
            self._count += len(samples)
            if len(samples):
                yield self._resampler.resample_chunk(samples)
            time = None  # what the converter held back follows without a gap

    def _place(self, samples: FloatArray, wanted: int) -> tuple[FloatArray, int]:
        """Cut off what lies before the line's end, or say how much silence comes first."""
        gap = wanted - self._count
        slack = int(GAP_SECONDS * self._source_rate)
        if self._count == 0:
            slack = 0  # the start is placed to the sample
        if gap > slack:
            self.longest_gap = max(self.longest_gap, gap / self._source_rate if self._count else 0.0)
            return samples, gap
        if gap < -slack:
            return samples[min(-gap, len(samples)) :], 0
        return samples, 0

    def _silence(self, samples: int) -> Iterator[FloatArray]:
        self._count += samples
        while samples > 0:  # a second at a time, so that a long gap takes no memory
            piece = min(samples, self._source_rate)
            samples -= piece
            yield self._resampler.resample_chunk(np.zeros(piece, np.float32))

    def finish(self) -> FloatArray:
        """The last samples that the resampler holds."""
        tail: FloatArray = self._resampler.resample_chunk(np.zeros(0, np.float32), last=True)
        return tail
