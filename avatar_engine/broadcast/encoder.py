"""One encoder for pictures and one for sound; packets come out in the order of their time.

Presentation times come from the frame index alone. Sound that was never sent (the show dropped a frame)
is silence, so that sample counts and frame indices can never part.
"""

from __future__ import annotations

import io
import logging
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from typing import Any

import av
import numpy as np
from av.video.frame import PictureType

from avatar_engine.broadcast.marking import marking
from avatar_engine.broadcast.packets import Packet
from avatar_engine.broadcast.spec import TICKS_PER_FRAME, TIME_BASE, ProgrammeFormat
from avatar_engine.contracts import (
    FRAME_RATE,
    YUV_MATRIX,
    YUV_PRIMARIES,
    YUV_RANGE,
    YUV_TRANSFER,
    ByteArray,
    FloatArray,
)
from avatar_engine.errors import AvatarError

log = logging.getLogger(__name__)

GOP = 2 * FRAME_RATE
"""Pictures from keyframe to keyframe: the two seconds that platforms ask for."""

ENCODERS = ("auto", "libx264", "h264_nvenc")

_AAC_FRAME = 1024
_FILL = FRAME_RATE * 10
"""Missing frames that are filled with silence; a longer gap is left open."""

_GLOBAL_HEADER = 1 << 22


class Upsampler:
    """24 kHz to 48 kHz, in pieces of any length, by a half-band filter (Kaiser window, 80 dB).

    Twice the rate exactly, so every second sample is the input itself and the others come from 64 taps.
    The output lags by `LAG` samples, which `push` leaves out at the beginning: the stream's sample ``2 n``
    is the input's sample ``n``.
    """

    TAPS = 64
    LAG = 64
    """Output samples that are held back: half the filter."""

    def __init__(self) -> None:
        centred = np.arange(-self.TAPS // 2, self.TAPS // 2) + 0.5
        window = np.kaiser(self.TAPS, 7.86)
        taps = np.sinc(centred) * window
        self._taps = (taps / taps.sum()).astype(np.float32)
        self._history = np.zeros(self.TAPS // 2 - 1, np.float32)
        self._skip = 0

    def push(self, samples: FloatArray) -> FloatArray:
        """float32 (n,) at 24 kHz in, float32 (m,) at 48 kHz out; over time m is 2 n less `LAG`."""
        data = np.concatenate([self._history, samples])
        count = len(data) - self.TAPS + 1
        if count <= 0:
            self._history = data
            return np.empty(0, np.float32)
        out = np.empty(2 * count, np.float32)
        middle = self.TAPS // 2 - 1
        out[0::2] = data[middle : middle + count]
        out[1::2] = np.convolve(data, self._taps, "valid")
        self._history = data[count:].copy()
        return out

    def flush(self) -> FloatArray:
        """The last `LAG` samples, as if silence followed."""
        return self.push(np.zeros(self.TAPS // 2, np.float32))


class SoundEncoder:
    """24 kHz mono samples to AAC packets, 48 kHz stereo.

    Args:
        context: An open AAC encoder (float, planar, stereo, 48 kHz).
    """

    def __init__(self, context: Any) -> None:
        self._context = context
        self._upsampler = Upsampler()
        self._pending: deque[FloatArray] = deque()
        self._waiting = 0
        self._started = False
        self._position = 0
        self._next_input = 0

    def push(self, start: int, samples: FloatArray) -> list[Packet]:
        """Encode ``samples`` (24 kHz), whose first one is at tick ``start``."""
        packets: list[Packet] = []
        if not self._started:
            self._started, self._position = True, start
        elif start != self._next_input:
            gap = start - self._next_input
            if 0 < gap <= _FILL * TICKS_PER_FRAME:
                packets += self._feed(self._upsampler.push(np.zeros(gap // 2, np.float32)))
            else:
                packets += self._break(start)
        self._next_input = start + 2 * len(samples)
        return packets + self._feed(self._upsampler.push(samples))

    def flush(self) -> list[Packet]:
        """What is still inside, the last frame filled up with silence."""
        packets = self._feed(self._upsampler.flush())
        if self._waiting:
            packets += self._feed(np.zeros(_AAC_FRAME - self._waiting, np.float32))
        return packets + self._packets(None)

    def _break(self, start: int) -> list[Packet]:
        """Go on at another time: what is pending ends in silence, the encoder itself runs on."""
        packets = self._feed(self._upsampler.flush())
        if self._waiting:
            packets += self._feed(np.zeros(_AAC_FRAME - self._waiting, np.float32))
        self._upsampler = Upsampler()
        self._position = start
        return packets

    def _feed(self, samples: FloatArray) -> list[Packet]:
        packets: list[Packet] = []
        self._pending.append(samples)
        self._waiting += len(samples)
        if self._waiting < _AAC_FRAME:
            return packets
        data = np.concatenate(self._pending)
        whole = len(data) // _AAC_FRAME * _AAC_FRAME
        for at in range(0, whole, _AAC_FRAME):
            packets += self._packets(data[at : at + _AAC_FRAME])
        self._pending.clear()
        self._pending.append(data[whole:])
        self._waiting = len(data) - whole
        return packets

    def _packets(self, samples: FloatArray | None) -> list[Packet]:
        frame = None
        if samples is not None:
            # Loud synthetic speech may overshoot; AAC clips without grace.
            mono = np.clip(samples, -1.0, 1.0)
            frame = av.AudioFrame.from_ndarray(np.stack([mono, mono]), format="fltp", layout="stereo")
            frame.sample_rate, frame.time_base = TIME_BASE, Fraction(1, TIME_BASE)
            frame.pts = self._position
            self._position += _AAC_FRAME
        return [_sound_packet(p) for p in self._context.encode(frame)]


def _sound_packet(packet: Any) -> Packet:
    """FFmpeg counts the AAC encoder's 1024 samples of priming in the times: a packet's time is the time
    of what a decoder gives for it, and no offset is left to correct."""
    return Packet(False, int(packet.pts), _AAC_FRAME, True, bytes(packet))


class Encoder:
    """The programme's two encoders.

    They live on a container in memory that is never written to: outputs come and go, and take the stream
    descriptions from `streams`.

    Args:
        programme: Size and bitrates.
        encoder: ``libx264``, ``h264_nvenc``, or ``auto``: the GPU's when it opens.

    Raises:
        AvatarError: No such encoder, or it cannot be opened here.
    """

    def __init__(self, programme: ProgrammeFormat, encoder: str = "auto") -> None:
        self._programme = programme
        self._master, self.name = _open(programme, encoder)
        self._video, self._audio = self._master.streams
        self._sound = SoundEncoder(self._audio.codec_context)
        self._marking = marking(programme.metadata["comment"])
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


def _open(programme: ProgrammeFormat, encoder: str) -> tuple[Any, str]:
    """A container with both encoders open, and the name of the video encoder."""
    if encoder not in ENCODERS:
        raise AvatarError(f"There is no encoder '{encoder}'.", f"Known: {', '.join(ENCODERS)}.")
    names = ("h264_nvenc", "libx264") if encoder == "auto" else (encoder,)
    for name in names:
        try:
            return _container(programme, name), name
        except (av.FFmpegError, OSError, ValueError) as error:
            if name == names[-1]:
                raise AvatarError(
                    f"The encoder {name} cannot be opened at {programme.width}x{programme.height}: {error}.",
                    "Choose --encoder libx264, which runs everywhere.",
                ) from error
    raise AssertionError("unreachable")


def _container(programme: ProgrammeFormat, name: str) -> Any:
    """A master container with both encoders open.

    FFmpeg's messages stay ignored, as PyAV has it by default: its callback into Python takes the interpreter's lock
    from codec threads, while the thread that frees a decoder holds it and waits for them (a deadlock that was seen).
    """
    master = av.open(io.BytesIO(), "w", format="flv")
    video: Any = master.add_stream(name, rate=FRAME_RATE)
    context = video.codec_context
    context.width, context.height, context.pix_fmt = programme.width, programme.height, "yuv420p"
    context.colorspace, context.color_range = YUV_MATRIX, YUV_RANGE
    context.color_primaries, context.color_trc = YUV_PRIMARIES, YUV_TRANSFER
    context.time_base = Fraction(1, FRAME_RATE)
    context.bit_rate = programme.video_bitrate
    context.gop_size, context.max_b_frames = GOP, 0
    context.thread_count = 1
    context.flags |= _GLOBAL_HEADER
    context.options = _options(programme, name)
    audio: Any = master.add_stream("aac", rate=TIME_BASE)
    audio.codec_context.bit_rate = programme.audio_bitrate
    audio.codec_context.flags |= _GLOBAL_HEADER
    # The quick coefficient search: a third of the time of the thorough one, no difference for speech.
    audio.codec_context.options = {"aac_coder": "fast"}
    # Opens both and fills in the stream descriptions, which outputs copy.
    master.start_encoding()
    return master


def _options(programme: ProgrammeFormat, name: str) -> dict[str, str]:
    rate = {"maxrate": str(programme.video_bitrate), "bufsize": str(programme.video_bitrate)}
    if name == "h264_nvenc":
        return {"preset": "p4", "tune": "ull", "rc": "cbr", "forced-idr": "1", "zerolatency": "1", **rate}
    # Of a talking head at 720p (AMD Zen 4), with sound, veryfast takes 33 % of a core for 44.2 dB, superfast 17 %
    # for 43.7 dB: there are bits enough.
    preset = "veryfast" if programme.width * programme.height < 1280 * 720 else "superfast"
    return {
        "preset": preset,
        "tune": "zerolatency",
        "forced-idr": "1",
        "x264-params": "scenecut=0",
        **rate,
    }
