"""What a media file is, before any of it is decoded."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from avatar_engine.errors import AvatarError
from avatar_engine.media import colour

log = logging.getLogger(__name__)

_LOOK_PACKETS = 150
"""Video packets looked at to tell a variable frame rate; six seconds of most clips."""


@dataclass(frozen=True, slots=True)
class ClipInfo:
    """What is in a clip.

    Attributes:
        duration: Seconds, as the container says (0.0 when it does not), or as counted after `normalise`.
        width: Pixels, upright: after rotation and pixel aspect were applied.
        height: Pixels, likewise.
        rotation: Degrees clockwise by which the stored picture is turned to stand upright (0, 90, 180, 270).
        mirrored: Whether the stored picture is also flipped.
        frame_rate: Pictures per second, on average.
        variable: Whether the first seconds' pictures are unevenly spaced.
        sample_rate: Samples per second of the sound; 0 when there is none.
        channels: Sound channels; 0 when there is none.
        video_codec: Name of the picture codec, such as ``h264``.
        audio_codec: Name of the sound codec; empty when there is none.
        pixel_format: Stored pixel format, such as ``yuv420p10le``.
        hdr: Whether the pictures are PQ or HLG.
        frames: Pictures; the container's word, or as counted after `normalise`; 0 when unknown.
        warnings: What was put up with, in sentences.
    """

    duration: float
    width: int
    height: int
    rotation: int
    mirrored: bool
    frame_rate: float
    variable: bool
    sample_rate: int
    channels: int
    video_codec: str
    audio_codec: str
    pixel_format: str
    hdr: bool
    frames: int = 0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a stored picture becomes upright: mirrored left to right, then turned clockwise by quarters."""

    turns: int = 0
    mirrored: bool = False


@contextmanager
def opened(path: Path | str) -> Iterator[InputContainer]:
    """A media file open for reading.

    Raises:
        AvatarError: It is not there, or no media file that FFmpeg reads, or it was cut off.
    """
    file = Path(path)
    if not file.is_file():
        raise AvatarError(f"There is no file {file}.", "Check the path.")
    try:
        container = av.open(str(file), "r")
    except PermissionError:
        raise AvatarError(f"{file} may not be read.", "Check its permissions.") from None
    except (av.FFmpegError, ValueError, UnicodeError) as error:
        raise _unreadable(file, error) from None
    with container:
        yield container


def _unreadable(file: Path, error: Exception) -> AvatarError:
    head = file.open("rb").read(12)
    if b"ftyp" in head:
        return AvatarError(
            f"{file} was cut off before its end: its index is missing "
            f"({file.stat().st_size:,} bytes are here).",
            "Copy it again from the camera, or export it again.",
        )
    return AvatarError(
        f"{file} is not a media file that can be read ({error}).",
        "Give a video such as .mp4, .mov, .mkv or .webm.",
    )


def picture_stream(container: InputContainer) -> VideoStream:
    """The file's moving picture (cover art of sound files does not count).

    Raises:
        AvatarError: There is none.
    """
    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & av.stream.Disposition.attached_pic and stream.codec_context is not None
    ]
    streams = [stream for stream in streams if stream.codec_context.width and stream.codec_context.height]
    if not streams:
        raise AvatarError(
            f"{container.name} has no picture.", "Give a video in which the presenter is seen and heard."
        )
    return max(streams, key=lambda stream: stream.codec_context.width * stream.codec_context.height)


def sound_stream(container: InputContainer) -> AudioStream | None:
    """The file's first sound that can be decoded; telephones add further ones in formats of their own."""
    for stream in container.streams.audio:
        if stream.codec_context is not None and stream.codec_context.sample_rate:
            return stream
    return None


def probe(path: Path | str) -> ClipInfo:
    """What the clip at ``path`` is; one picture and a few seconds of packets are read.

    Raises:
        AvatarError: It is missing, no media file, cut off, or has no picture.
    """
    with opened(path) as container:
        video = picture_stream(container)
        rate = float(video.average_rate or video.guessed_rate or 0)
        variable = _is_variable(container, video)
    with opened(path) as container:
        video = picture_stream(container)
        first = first_picture(container, video)
        upright = orientation(first)
        width, height = shown_size(first, video)
        audio = sound_stream(container)
        return ClipInfo(
            duration=(container.duration or 0) / av.time_base,
            width=height if upright.turns % 2 else width,
            height=width if upright.turns % 2 else height,
            rotation=upright.turns * 90,
            mirrored=upright.mirrored,
            frame_rate=rate,
            variable=variable,
            sample_rate=audio.codec_context.sample_rate if audio else 0,
            channels=audio.codec_context.channels if audio else 0,
            video_codec=video.codec_context.name,
            audio_codec=audio.codec_context.name if audio else "",
            pixel_format=first.format.name,
            hdr=colour.is_hdr(first.color_trc),
            frames=video.frames,
        )


def first_picture(container: InputContainer, video: VideoStream) -> av.VideoFrame:
    """The first picture that decodes.

    Raises:
        AvatarError: None does.
    """
    for packet in container.demux(video):
        try:
            for frame in packet.decode():
                return frame
        except av.FFmpegError as error:
            log.debug("undecodable packet at the start: %s", error)
    raise AvatarError(
        f"Not one picture of {container.name} can be decoded ({video.codec_context.name}).",
        "The file is damaged: copy or export it again.",
    )


def _is_variable(container: InputContainer, video: VideoStream) -> bool:
    times: list[int] = []
    for packet in container.demux(video):
        if packet.pts is not None:
            times.append(packet.pts)
        if len(times) >= _LOOK_PACKETS:
            break
    steps = np.array([after - before for before, after in pairwise(sorted(times))], dtype=np.float64)
    if len(steps) < 3 or video.time_base is None:
        return False
    middle = float(np.median(steps))
    # containers that count in milliseconds round every step by up to one tick
    slack = max(0.02 * middle, 1.5, 0.0015 / float(video.time_base))
    return bool(np.mean(np.abs(steps - middle) > slack) > 0.02)


def shown_size(frame: av.VideoFrame, video: VideoStream) -> tuple[int, int]:
    """Width and height of a stored picture with square pixels, before it is turned."""
    aspect = video.sample_aspect_ratio or video.codec_context.sample_aspect_ratio
    ratio = float(aspect) if aspect else 1.0
    if not 0.2 < ratio < 5.0 or abs(ratio - 1.0) < 0.01:
        return frame.width, frame.height
    return round(frame.width * ratio), frame.height


def orientation(frame: av.VideoFrame) -> Orientation:
    """How a decoded frame's display matrix says that it stands upright; angles are rounded to quarters."""
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return Orientation()
    # 3 x 3 fixed point, row vectors: (x', y') = (x, y) @ [[a, b], [c, d]], y down
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].astype(np.float64)
    mirrored = a * d - b * c < 0
    if mirrored:  # undo a left-right flip that is applied first: x -> -x negates the first row
        a, b = -a, -b
    turns = round(float(np.degrees(np.arctan2(b, a))) / 90) % 4
    return Orientation(turns, bool(mirrored))
