"""One encoder for pictures and one for sound; packets come out in the order of their time.

Presentation times come from the frame index alone. Sound that was never sent (the show dropped a frame)
is silence, so that sample counts and frame indices can never part.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
from av.video.frame import PictureType

from avatar_engine.broadcast.codecs import RETUNED, opened
from avatar_engine.broadcast.marking import marking
from avatar_engine.broadcast.packets import Packet
from avatar_engine.broadcast.sound import SoundEncoder
from avatar_engine.broadcast.spec import TICKS_PER_FRAME, ProgrammeFormat
from avatar_engine.contracts import FRAME_RATE, ByteArray, FloatArray


class Encoder:
    """The programme's two encoders.

    They live on a container in memory that is never written to: outputs come and go, and take the stream
    descriptions from `streams`.

    Args:
        programme: Size and bitrates.
        encoder: A name of `codecs.ENCODERS`, or ``auto``: the GPU's when it opens.

    Raises:
        AvatarError: No such encoder, or it cannot be opened here.
    """

    def __init__(self, programme: ProgrammeFormat, encoder: str = "auto") -> None:
        self._programme = programme
        self._master, self.name = opened(programme, encoder)
        self._video, self._audio = self._master.streams
        self._sound = SoundEncoder(self._audio.codec_context)
        self._marking = marking(programme.marking, programme.codec)
        self._bitrate = programme.video_bitrate
        self._pictures: deque[Packet] = deque()
        self._sounds: deque[Packet] = deque()
        self._first: int | None = None
        self._keyframe_wanted, self._keyframe_coming = True, False
        self.encoded = 0
        """Pictures encoded."""

    @property
    def streams(self) -> tuple[Any, Any]:
        """PyAV streams (video, audio) for ``add_stream_from_template``."""
        return self._video, self._audio

    @property
    def description(self) -> bytes:
        """Both streams and the metadata as an MP4 without media, for another process."""
        whole = io.BytesIO()
        with av.open(whole, "w", format="mp4", options={"movflags": "empty_moov"}) as container:
            container.metadata.update(self._programme.metadata)
            for stream in self.streams:
                container.add_stream_from_template(stream)
            container.start_encoding()
        return whole.getvalue()

    @property
    def bitrate(self) -> int:
        """Bits per second of the pictures that are asked of the encoder now."""
        return self._bitrate

    def set_bitrate(self, bitrate: int) -> None:
        """Ask for another bitrate from here on; x264 gets there within four seconds, some encoders never do.

        By the thread that encodes.
        """
        if self.name in RETUNED:
            self._bitrate = self._video.codec_context.bit_rate = bitrate

    def want_keyframe(self) -> None:
        """Make the next picture a keyframe; may be called by any thread."""
        self._keyframe_wanted = True

    def encode(self, index: int, picture: ByteArray, sound: FloatArray) -> list[Packet]:
        """Encode frame ``index``; packets that are ready, sound and pictures in order of time.

        Args:
            index: Greater than the last one.
            picture: uint8 (height * 3 // 2, width), I420. Copied.
            sound: float32 (960,), mono, 24 kHz.
        """
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base = index, Fraction(1, FRAME_RATE)
        # One keyframe answers every wish until it has come out: outputs go on wishing while they see pictures
        # that were encoded before it.
        if self._keyframe_wanted and not self._keyframe_coming:
            self._keyframe_coming = True
            frame.pict_type = PictureType.I
        if self._first is None:
            self._first = index * TICKS_PER_FRAME
        self._pictures += self._picture_packets(frame)
        self._add_sounds(self._sound.push(index * TICKS_PER_FRAME, sound))
        self.encoded += 1
        packets = list(self._in_order(final=False))
        if any(p.video and p.keyframe for p in packets):
            self._keyframe_wanted = self._keyframe_coming = False
        return packets

    def flush(self) -> list[Packet]:
        """The last packets; the encoder cannot be used again."""
        if self._first is not None:
            self._pictures += self._picture_packets(None)
            self._add_sounds(self._sound.flush())
        return list(self._in_order(final=True))

    def close(self) -> None:
        with suppress(av.FFmpegError, OSError):
            self._master.close()

    def _picture_packets(self, frame: Any) -> Iterator[Packet]:
        for packet in self._video.codec_context.encode(frame):
            key = bool(packet.is_keyframe)
            data = bytes(packet)
            if key:
                data = self._marking + data
            pts = int(packet.pts) * TICKS_PER_FRAME
            yield Packet(True, pts, TICKS_PER_FRAME, key, data)

    def _add_sounds(self, packets: list[Packet]) -> None:
        # The first packet is the AAC encoder's priming, before the first picture: nobody shall hear it.
        self._sounds += [p for p in packets if self._first is not None and p.pts >= self._first]

    def _in_order(self, final: bool) -> Iterator[Packet]:
        """Merge: a picture goes when all sound before it has gone (the AAC encoder looks 64 ms ahead)."""
        pictures, sounds = self._pictures, self._sounds
        while pictures and sounds:
            yield pictures.popleft() if pictures[0].pts <= sounds[0].pts else sounds.popleft()
        while pictures and (final or len(pictures) > FRAME_RATE // 2):
            yield pictures.popleft()
        while sounds and final:
            yield sounds.popleft()
