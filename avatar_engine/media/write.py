"""Pictures and sound into an MP4 file: written whole or not at all."""

from __future__ import annotations

import io
import os
import wave
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, ClassVar, Self

import av
import numpy as np
import soxr
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from avatar_engine.contracts import FRAME_RATE, SAMPLE_RATE, ByteArray, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.media import colour
from avatar_engine.media.read import PictureFormat

FILE_SAMPLE_RATE = 48_000
"""Samples per second of the sound in files; the engine's 24 kHz is resampled."""

_WAVE_BLOCK = 1 << 16


class WholeFile(ABC):
    """A file that is written beside its place and appears there when the ``with`` block ends well, or never.

    Args:
        path: Where it appears; what was there before is replaced.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")

    @abstractmethod
    def close(self) -> None:
        """Finish the file and put it in its place."""

    @abstractmethod
    def discard(self) -> None:
        """Give the file up; what was at its place before stays."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self.discard()
            return
        try:
            self.close()
        except BaseException:
            self._part.unlink(missing_ok=True)
            raise


class WaveWriter(WholeFile):
    """A 16-bit mono WAV file, written as it comes; its length is settled at the end.

    Args:
        path: Written whole or not at all.
        rate: Samples per second.
    """

    def __init__(self, path: Path, rate: int = SAMPLE_RATE) -> None:
        super().__init__(path)
        self._rate = rate
        self._heard = TemporaryFile(dir=path.parent)  # noqa: SIM115 - closed with this file
        self.samples = 0

    def write(self, samples: FloatArray) -> None:
        """Append float32 samples in [-1, 1]; louder ones are clipped."""
        self._heard.write((np.clip(samples, -1.0, 1.0) * 32767).round().astype("<i2").tobytes())
        self.samples += len(samples)

    def finish(self, samples: int) -> None:
        """Cut or fill with silence to ``samples``."""
        self._heard.truncate(2 * samples)
        self._heard.seek(2 * samples)
        self.samples = samples

    def close(self) -> None:
        """Write the file: only now is its length known, and a WAV file says it first."""
        self._heard.seek(0)
        with wave.open(str(self._part), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(self._rate)
            while block := self._heard.read(_WAVE_BLOCK):
                file.writeframesraw(block)
        self._heard.close()
        self._part.replace(self.path)

    def discard(self) -> None:
        """Give the file up; what was at its place before stays."""
        self._heard.close()
        self._part.unlink(missing_ok=True)


def mp3(samples: FloatArray, bit_rate: int = 64_000) -> bytes:
    """Mono float32 (n,) at 24 kHz as an MP3 file, which every browser plays."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=SAMPLE_RATE, layout="mono", format="fltp")
        stream.codec_context.bit_rate = bit_rate
        sound = np.ascontiguousarray(np.clip(samples, -1.0, 1.0), np.float32)[None]
        frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = SAMPLE_RATE, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def _prefixed(packet: Any, data: bytes) -> Any:
    """The same packet with ``data`` before its own."""
    copy = av.Packet(data + bytes(packet))
    copy.pts, copy.dts, copy.duration = packet.pts, packet.dts, packet.duration
    copy.time_base, copy.stream, copy.is_keyframe = packet.time_base, packet.stream, packet.is_keyframe
    return copy


class VideoWriter(WholeFile):
    """Writes H.264 and AAC at 25 pictures a second; nothing appears at ``path`` until all went well.

    Args:
        path: The MP4 file; its folder must exist. A file already there is replaced at the end.
        width: Pixels, even.
        height: Pixels, even.
        sound: Whether the file has sound.
        crf: x264's constant quality: 12 looks untouched, 18 very good, 23 small.
        preset: x264's preset.
        gop: Pictures from keyframe to keyframe at most.
        fast_decode: Whether decoding counts more than size: half the time, for a tenth more bytes.
        metadata: Tags of the file, such as ``{"comment": "AI-generated …", "title": …}``.
        threads: Encoder threads; 0 lets the encoder choose.
        marking: H.264 units (Annex B) that go before every keyframe's own.
        seal: Given the finished file before it appears; it may write it anew.

    Raises:
        AvatarError: An odd size, or the file can't be written.
    """

    container: ClassVar = "mp4"
    options: ClassVar[Mapping[str, str]] = {"movflags": "+faststart"}
    samples_at_once: ClassVar = 1024
    """Of the sound's encoder."""

    def __init__(
        self,
        path: Path | str,
        width: int,
        height: int,
        sound: bool = True,
        *,
        crf: float = 18,
        preset: str = "veryfast",
        gop: int = 50,
        fast_decode: bool = False,
        metadata: Mapping[str, str] | None = None,
        threads: int = 0,
        marking: bytes = b"",
        seal: Callable[[Path], None] | None = None,
    ) -> None:
        self._marking, self._seal, self._fast_decode = marking, seal, fast_decode
        if width <= 0 or height <= 0 or width % 2 or height % 2:
            raise AvatarError(f"A picture of {width}x{height} can't be written.", "Both sides must be even.")
        super().__init__(path)
        self._size = (width, height)
        if not self.path.parent.is_dir():
            raise AvatarError(
                f"The folder {self.path.parent} does not exist.", "Make it, or write elsewhere."
            )
        try:
            self._container = av.open(
                str(self._part), "w", format=self.container, container_options=dict(self.options)
            )
        except (av.FFmpegError, OSError) as error:
            raise AvatarError(
                f"{self.path} can't be written ({error}).", "Check the folder and the space."
            ) from None
        self._container.metadata.update(metadata or {})
        self._video = self._add_video(crf, preset, gop, threads)
        self._audio = self._add_audio() if sound else None
        self._up = soxr.ResampleStream(SAMPLE_RATE, FILE_SAMPLE_RATE, 1, dtype="float32", quality="HQ")
        self._waiting: FloatArray = np.zeros(0, np.float32)
        self._converter = colour.Converter()
        self._samples = 0  # file samples handed to the encoder
        self.frames = 0

    def _add_video(self, crf: float, preset: str, gop: int, threads: int) -> VideoStream:
        options = {"crf": str(crf), "preset": preset, "threads": str(threads or "auto")}
        if self._fast_decode:
            options["tune"] = "fastdecode"
        stream = self._container.add_stream("libx264", rate=FRAME_RATE, options=options)
        stream.width, stream.height = self._size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, FRAME_RATE)
        stream.codec_context.gop_size = gop
        colour.tag(stream.codec_context)
        return stream

    def _add_audio(self) -> AudioStream:
        stream = self._container.add_stream("aac", rate=FILE_SAMPLE_RATE, layout="mono", format="fltp")
        stream.codec_context.time_base = Fraction(1, FILE_SAMPLE_RATE)
        stream.codec_context.bit_rate = 128_000
        return stream

    def picture(
        self,
        picture: ByteArray,
        format: PictureFormat = "yuv420p",  # noqa: A002
        key: bool = False,
    ) -> None:
        """Append one picture: I420 (height * 3 // 2, width), or ``bgr24``/``rgb24`` (height, width, 3).

        ``key`` asks for a keyframe, from which reading may begin.

        Raises:
            AvatarError: The picture has another size, or the disk is full.
        """
        width, height = self._size
        shape = (height * 3 // 2, width) if format == "yuv420p" else (height, width, 3)
        if picture.shape != shape:
            raise AvatarError(f"A {format} picture of shape {picture.shape} came for {shape}.", "")
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=format)
        if format == "yuv420p":
            colour.tag(frame)
        self.frame(frame, key)

    def frame(self, frame: av.VideoFrame, key: bool = False) -> None:
        """Append one PyAV frame of the right size, in any pixel format; its own times are not looked at."""
        self._append(self._converter.i420(frame, *self._size), key)

    def _append(self, fresh: av.VideoFrame, key: bool = False) -> None:
        """Append a frame as the encoder takes it."""
        fresh.pts = self.frames
        fresh.time_base = Fraction(1, FRAME_RATE)
        kind = av.video.frame.PictureType
        fresh.pict_type = kind.I if key else kind.NONE
        self._mux(self._video, fresh)
        self.frames += 1

    def sound(self, samples: FloatArray) -> None:
        """Append mono float32 samples at `SAMPLE_RATE`; their time is the count of those before them."""
        if self._audio is None:
            raise AvatarError(f"{self.path} was begun without sound.", "")
        self._encode(self._audio, self._up.resample_chunk(np.ascontiguousarray(samples, np.float32)))

    def _encode(self, stream: AudioStream, fresh: FloatArray, last: bool = False) -> None:
        held = np.concatenate([self._waiting, fresh])
        step = self.samples_at_once
        end = len(held) if last else len(held) // step * step
        for start in range(0, end, step):
            piece = np.clip(held[start : min(start + step, end)], -1.0, 1.0)
            frame = av.AudioFrame.from_ndarray(piece[None], format="fltp", layout="mono")
            frame.sample_rate = FILE_SAMPLE_RATE
            frame.time_base = Fraction(1, FILE_SAMPLE_RATE)
            frame.pts = self._samples
            self._samples += len(piece)
            self._mux(stream, frame)
        self._waiting = held[end:]

    def _mux(self, stream: VideoStream | AudioStream, frame: av.VideoFrame | av.AudioFrame | None) -> None:
        try:
            for packet in stream.encode(frame):  # type: ignore[arg-type]
                marked = self._marking and packet.is_keyframe and stream is self._video
                self._container.mux_one(_prefixed(packet, self._marking) if marked else packet)
        except (av.FFmpegError, OSError) as error:
            raise AvatarError(
                f"{self.path} can't be written ({error}).", "Check the space on the disk."
            ) from None

    def close(self) -> None:
        """Finish the file and put it in its place.

        Raises:
            AvatarError: Not one picture came, or the disk is full.
        """
        if not self.frames:
            self.discard()
            raise AvatarError(f"{self.path} would have no picture.", "")
        if self._audio is not None:
            self._encode(self._audio, self._up.resample_chunk(np.zeros(0, np.float32), last=True), last=True)
            self._mux(self._audio, None)
        self._mux(self._video, None)
        try:
            self._container.close()
            if self._seal is not None:
                self._seal(self._part)
            self._part.replace(self.path)
        except (av.FFmpegError, OSError) as error:
            self._part.unlink(missing_ok=True)
            raise AvatarError(
                f"{self.path} can't be written ({error}).", "Check the space on the disk."
            ) from None

    def discard(self) -> None:
        """Give the file up; what was at ``path`` before stays."""
        try:
            self._container.close()
        except (av.FFmpegError, OSError):
            pass  # it is thrown away
        finally:
            self._part.unlink(missing_ok=True)


def concatenate(pieces: Sequence[Path], path: Path) -> None:
    """Put videos that were written alike by `VideoWriter`, without sound, one after the other, as they are.

    Raises:
        AvatarError: One can't be read, or ``path`` can't be written; what was there before stays.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    tick = Fraction(1, FRAME_RATE)
    try:
        with av.open(str(part), "w", format="mp4", container_options={"movflags": "+faststart"}) as target:
            stream: VideoStream | None = None
            begun = 0
            for piece in pieces:
                with av.open(str(piece)) as source:
                    video = source.streams.video[0]
                    if stream is None:
                        stream = target.add_stream_from_template(video)
                    count = 0
                    for packet in source.demux(video):
                        if packet.dts is None or packet.pts is None or not packet.size:
                            continue
                        unit = packet.time_base
                        packet.pts += round(begun * tick / unit)
                        packet.dts += round(begun * tick / unit)
                        packet.stream = stream
                        target.mux(packet)
                        count += 1
                    begun += count
        part.replace(path)
    except (av.FFmpegError, OSError) as error:
        part.unlink(missing_ok=True)
        raise AvatarError(f"{path} can't be written ({error}).", "Check the space on the disk.") from None
