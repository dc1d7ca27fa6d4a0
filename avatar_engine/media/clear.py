"""Pictures with their shares into a file that keeps both, to be laid over whatever one likes: WebM or QuickTime.

Colours are straight: a pixel of which a tenth belongs to the presenter has the presenter's whole colour and a share of
a tenth. Pictures are YUV in the engine's convention (`avatar_engine.media.colour`), and files say so.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, cast

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.video.stream import VideoStream

from avatar_engine.contracts import FRAME_RATE, ByteArray
from avatar_engine.media import colour
from avatar_engine.media.picture import planes
from avatar_engine.media.write import FILE_SAMPLE_RATE, VideoWriter

_TEN_BITS = 1023


class ClearWriter(VideoWriter):
    """A `VideoWriter` of pictures with shares; what it has of x264 counts for nothing."""

    def picture_with(self, picture: ByteArray, shares: ByteArray) -> None:
        """Append one picture.

        Args:
            picture: uint8 I420 (height * 3 // 2, width).
            shares: uint8 (height, width), 255 where all of a pixel is there.

        Raises:
            AvatarError: The disk is full.
        """
        width, height = self._size
        if picture.shape != (height * 3 // 2, width) or shares.shape != (height, width):
            raise ValueError(f"a picture {picture.shape} with shares {shares.shape} for {width}x{height}")
        frame = self._frame(picture, shares)
        colour.tag(frame)
        self._append(frame)

    @abstractmethod
    def _frame(self, picture: ByteArray, shares: ByteArray) -> av.VideoFrame:
        """The picture as the encoder takes it."""

    def _stream(self, codec: str, pixels: str, gop: int, options: Mapping[str, str]) -> VideoStream:
        stream = cast(VideoStream, self._container.add_stream(codec, rate=FRAME_RATE, options=dict(options)))
        stream.width, stream.height = self._size
        stream.pix_fmt = pixels
        stream.codec_context.time_base = Fraction(1, FRAME_RATE)
        stream.codec_context.gop_size = gop
        colour.tag(stream.codec_context)
        return stream


class WebmWriter(ClearWriter):
    """VP9 with alpha and Opus, as browsers and OBS play them."""

    container: ClassVar = "webm"
    options: ClassVar[Mapping[str, str]] = {}
    samples_at_once: ClassVar = 960

    def _add_video(self, crf: float, preset: str, gop: int, threads: int) -> VideoStream:
        options = {
            "crf": "16", "b:v": "0", "deadline": "good", "cpu-used": "5", "row-mt": "1", "tile-columns": "2",
            "auto-alt-ref": "0",  # libvpx can't have it with alpha
            "threads": str(threads or 4),
        }  # fmt: skip
        stream = self._stream("libvpx-vp9", "yuva420p", gop, options)
        stream.codec_context.bit_rate = 0  # quality alone counts
        return stream

    def _add_audio(self) -> AudioStream:
        stream = self._container.add_stream("libopus", rate=FILE_SAMPLE_RATE, layout="mono")
        stream.codec_context.time_base = Fraction(1, FILE_SAMPLE_RATE)
        stream.codec_context.bit_rate = 96_000
        return stream

    def _frame(self, picture: ByteArray, shares: ByteArray) -> av.VideoFrame:
        return filled("yuva420p", [*planes(picture), shares])


class MovWriter(ClearWriter):
    """ProRes 4444 and PCM, as editing programs take them: ten bits, all of the chroma, alpha without loss."""

    container: ClassVar = "mov"
    options: ClassVar[Mapping[str, str]] = {"movflags": "+faststart+use_metadata_tags"}

    def _add_video(self, crf: float, preset: str, gop: int, threads: int) -> VideoStream:
        options = {"profile": "4", "alpha_bits": "16", "threads": str(threads or "auto")}
        return self._stream("prores_ks", "yuva444p10le", gop, options)

    def _add_audio(self) -> AudioStream:
        stream = self._container.add_stream("pcm_s16le", rate=FILE_SAMPLE_RATE, layout="mono")
        stream.codec_context.time_base = Fraction(1, FILE_SAMPLE_RATE)
        return stream

    def _frame(self, picture: ByteArray, shares: ByteArray) -> av.VideoFrame:
        luma, *chroma = planes(picture)
        size = luma.shape[::-1]
        whole = [cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR) for plane in chroma]
        tens = [np.left_shift(plane, 2, dtype=np.uint16) for plane in (luma, *whole)]
        alpha = (shares.astype(np.uint32) * _TEN_BITS + 127) // 255
        return filled("yuva444p10le", [*tens, alpha.astype(np.uint16)])


WRITERS: Mapping[str, type[ClearWriter]] = {".webm": WebmWriter, ".mov": MovWriter}
"""By the suffix of the file."""


def writes(path: Path) -> bool:
    """Whether a file of this name can have pictures with shares."""
    return path.suffix.lower() in WRITERS


def filled(pixels: str, parts: Sequence[npt.NDArray[np.unsignedinteger[Any]]]) -> av.VideoFrame:
    """A frame of these planes, uint8 or uint16 (height, width) each, in a planar pixel format."""
    height, width = parts[0].shape
    frame = av.VideoFrame(width, height, pixels)
    for plane, part in zip(frame.planes, parts, strict=True):
        memory: Any = plane  # it has the buffer's protocol
        there = np.frombuffer(memory, part.dtype).reshape(plane.height, plane.line_size // part.itemsize)
        there[:, : part.shape[1]] = part
    return frame
