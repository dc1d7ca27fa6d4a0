"""Any clip into footage: 25 even-timed upright 8-bit pictures a second and 24 kHz mono sound, side by side."""

from __future__ import annotations

from pathlib import Path

from avatar_engine.contracts import SAMPLES_PER_FRAME, Progress, silent
from avatar_engine.media.even import EvenClip
from avatar_engine.media.probe import ClipInfo
from avatar_engine.media.write import VideoWriter, WaveWriter

KEYFRAME_EVERY = 12

PRESET = "superfast"
"""At crf 12 as near to the source as ``veryfast`` (49.8 dB), in 0.6 of its time, for 1.4 of its bytes."""


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
    (`avatar_engine.media.colour`), even sides of at most `avatar_engine.media.even.LONGEST_SIDE`, H.264 at crf 12
    with a keyframe every `KEYFRAME_EVERY`. The sound is 16-bit mono at `SAMPLE_RATE`, `SAMPLES_PER_FRAME` samples
    a picture.

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
    clip = EvenClip(path, longest)
    with (
        VideoWriter(footage, *clip.size, sound=False, crf=12, preset=PRESET, gop=KEYFRAME_EVERY) as writer,
        WaveWriter(sound) as wave,
    ):
        info = clip.run(lambda _, picture: writer.frame(picture()), wave.write, progress)
        wave.finish(writer.frames * SAMPLES_PER_FRAME)
    return info
