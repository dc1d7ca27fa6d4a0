"""The encoders that FFmpeg has for the programme, opened and set for live pictures: no picture waits for another."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from avatar_engine.broadcast.spec import TIME_BASE, Codec, ProgrammeFormat
from avatar_engine.contracts import FRAME_RATE, YUV_MATRIX, YUV_PRIMARIES, YUV_RANGE, YUV_TRANSFER
from avatar_engine.errors import AvatarError

GOP = 2 * FRAME_RATE
"""Pictures from keyframe to keyframe: the two seconds that platforms ask for."""

ENCODERS: dict[Codec, tuple[str, ...]] = {
    "h264": ("h264_nvenc", "libx264"),
    "hevc": ("hevc_nvenc", "libx265"),
    "av1": ("av1_nvenc", "libsvtav1"),
}
"""By codec, the best first: the last one runs everywhere."""

RETUNED = {"libx264", "h264_nvenc", "hevc_nvenc", "av1_nvenc"}
"""Those that FFmpeg lets change their bitrate while they are open."""

_GLOBAL_HEADER = 1 << 22


def opened(programme: ProgrammeFormat, encoder: str) -> tuple[Any, str]:
    """A container with both encoders open, and the name of the video encoder.

    Raises:
        AvatarError: No such encoder for the programme's codec, or it cannot be opened here.
    """
    known = ENCODERS[programme.codec]
    if encoder not in ("auto", *known):
        raise AvatarError(
            f"There is no encoder '{encoder}' for {programme.codec}.",
            f"Known: {', '.join(('auto', *known))}.",
        )
    names = known if encoder == "auto" else (encoder,)
    for name in names:
        try:
            return _container(programme, name), name
        except (av.FFmpegError, OSError, ValueError) as error:
            if name == names[-1]:
                raise AvatarError(
                    f"The encoder {name} cannot be opened at {programme.width}x{programme.height}: {error}.",
                    f"Choose {known[-1]}, which runs everywhere, or another codec.",
                ) from error
    raise AssertionError("unreachable")


def usable(programme: ProgrammeFormat) -> list[str]:
    """The encoders of the programme's codec that can be opened now, the best first; the last one runs everywhere.

    A card may have no encoder at all, or all that it allows may be taken by other programs.
    """
    *cards, everywhere = ENCODERS[programme.codec]
    return [*(name for name in cards if opens(programme, name)), everywhere]


def opens(programme: ProgrammeFormat, encoder: str) -> bool:
    """Whether the encoder can be opened now; it is closed again."""
    try:
        container = _container(programme, encoder)
    except (av.FFmpegError, OSError, ValueError):
        return False
    with suppress(av.FFmpegError, OSError):
        container.close()
    return True


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
    with _scheduled_as_before():
        master.start_encoding()
    return master


@contextmanager
def _scheduled_as_before() -> Iterator[None]:
    """No library makes this process a real-time one.

    SVT-AV1, opened by root, gives the calling thread and its own SCHED_FIFO with the highest priority there is. What
    they start inherits it, and then nothing else runs on this machine: no sender, no voice, no login.
    """
    if sys.platform != "linux":
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        for thread in Path("/proc/self/task").iterdir():
            # A thread may have ended since; and who may not set it was not given it either.
            with suppress(OSError):
                os.sched_setscheduler(int(thread.name), policy, parameters)


def _options(programme: ProgrammeFormat, name: str) -> dict[str, str]:
    rate = {"maxrate": str(programme.video_bitrate), "bufsize": str(programme.video_bitrate)}
    if name.endswith("_nvenc"):
        return {"preset": "p4", "tune": "ull", "rc": "cbr", "forced-idr": "1", "zerolatency": "1", **rate}
    if name == "libx265":
        # Of a core at 720p (AMD Zen 4): 65 %, the quickest that it has.
        quiet = "log-level=none:bframes=0:scenecut=0:pools=none:frame-threads=1"
        return {"preset": "ultrafast", "tune": "zerolatency", "forced-idr": "1", "x265-params": quiet, **rate}
    if name == "libsvtav1":
        # It speaks on the standard error stream of its own accord.
        os.environ.setdefault("SVT_LOG", "1")
        # Low delay, constant bitrate; 23 % of a core at 720p. Without `rtc` one stream in twenty waits for ever for a
        # packet within its first pictures (SVT-AV1 4.1, under load, where its threads have no priority), with it one
        # in a hundred or two, whatever `lp`, `lookahead` and `scm` say; `Broadcast` then replaces the process.
        return {"preset": "11", "svtav1-params": "pred-struct=1:rc=2:lp=1:rtc=1"}
    # Of a talking head at 720p (AMD Zen 4), with sound, veryfast takes 33 % of a core for 44.2 dB, superfast 17 %
    # for 43.7 dB: there are bits enough. No B-frames, though nothing refers to them: each costs 40 ms of delay, and
    # all of them together hold 2 % of the bytes, so that dropping them frees no link (`packets` drops GOPs' tails).
    # Superfast does 0.1 dB better (and as well by SSIM) in 4 % less time where it doesn't look for small blocks at all.
    large = programme.width * programme.height >= 1280 * 720
    return {
        "preset": "superfast" if large else "veryfast",
        "tune": "zerolatency",
        "forced-idr": "1",
        "x264-params": "scenecut=0:analyse=none" if large else "scenecut=0",
        **rate,
    }
