"""Is the file itself what a clone can be made of: long enough, fluent, undamaged?"""

from __future__ import annotations

from avatar_engine.clone.check.finding import Finding, better, fatal
from avatar_engine.media.probe import ClipInfo

LEAST_SECONDS = 25.0
"""Clips shorter than this are refused; a minute is what the fits are made for."""

GOOD_SECONDS = 55.0

MOST_SECONDS = 300.0
"""Only so much of a longer clip is used."""

SLOWEST = 24.0
"""Pictures a second below which lips are seen to jump."""

_MINUTE = "Film about a minute in one go."


def length(name: str, seconds: float) -> Finding:
    """Whether the clip called ``name`` is long enough."""
    value = f"{seconds:.0f} s"
    if seconds < LEAST_SECONDS:
        said = f"{name} lasts {seconds:.1f} s; at least {LEAST_SECONDS:.0f} s are needed."
        return fatal("length", value, said, _MINUTE)
    if seconds < GOOD_SECONDS:
        return better(
            "length", value, f"The clip lasts only {seconds:.0f} s; a minute gives a better clone.", _MINUTE
        )
    return Finding("length", value)


def file(info: ClipInfo) -> Finding:
    """Whether pictures come fast enough, and whole.

    Args:
        info: As counted by `avatar_engine.media.even.EvenClip.run`.
    """
    value = f"{info.width}x{info.height}, {info.frame_rate:.0f} pictures a second, {info.video_codec}"
    said = list(info.warnings)
    if 0 < info.frame_rate < SLOWEST:
        said.insert(0, f"There are only {info.frame_rate:.1f} pictures a second.")
    if said:
        return better(
            "file",
            value,
            " ".join(said),
            "Film with 25 or 30 pictures a second, and use the camera's own file.",
        )
    return Finding("file", value)
