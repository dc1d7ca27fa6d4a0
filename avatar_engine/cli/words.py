"""Words of the command line that several verbs share: durations, sizes, the clone's file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from avatar_engine.engine.wanted import WANTED, Wanted

_DURATION = re.compile(r"^(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s?)?$")


def seconds(text: str) -> float:
    """Seconds in a duration such as ``20m``, ``1h30m``, ``90s`` or ``90``."""
    match = _DURATION.match(text.strip().lower())
    if not match or not any(match.groups()):
        raise typer.BadParameter(f"{text!r} is not a duration; write 90s, 20m or 1h30m.")
    parts = {unit: float(value or 0) for unit, value in match.groupdict().items()}
    return parts["h"] * 3600 + parts["m"] * 60 + parts["s"]


def frame_size(text: str) -> tuple[int, int]:
    """Width and height in a size such as ``1280x720``; both even, at least 160."""
    match = re.fullmatch(r"(\d+)x(\d+)", text.strip().lower())
    if not match:
        raise typer.BadParameter(f"{text!r} is not a size; write 1280x720.")
    width, height = int(match[1]), int(match[2])
    if width % 2 or height % 2 or not (160 <= width <= 3840 and 160 <= height <= 3840):
        raise typer.BadParameter(f"{text!r}: both sides must be even and between 160 and 3840.")
    return width, height


def wanted(engine: str) -> Wanted:
    """What ``--engine`` says."""
    for word in WANTED:
        if engine == word:
            return word
    raise typer.BadParameter(f"{engine!r}: write auto, off or on.", param_hint="--engine")


RenderEngine = Annotated[
    str,
    typer.Option(
        "--engine",
        metavar="auto|off|on",
        help="Have mouths painted by this machine's render engine (avatar-engine engine serve): if one runs, never, "
        "or not to start without.",
    ),
]
Size = Annotated[
    Any,
    typer.Option(parser=frame_size, metavar="WxH", help="Size of the picture; the layout's, or 1280x720."),
]
Layout = Annotated[
    str,
    typer.Option(
        "--layout",
        metavar="NAME|FILE",
        help="What is on the picture, and where: plain, shopping, vertical, square, news, or a .toml file; "
        "see show layout.",
    ),
]
Background = Annotated[
    str,
    typer.Option(
        "--background",
        metavar="WHAT",
        help="What the presenter stands before: keep, blur, a colour (#101828), a picture's or video's file, or in a "
        ".webm or .mov file transparent. The clone needs a matte (see avatar-engine matte).",
    ),
]
Relight = Annotated[
    float,
    typer.Option(
        min=0, max=1, help="How far the presenter's light follows another background's; 0 not at all."
    ),
]
Worn = Annotated[
    str,
    typer.Option(
        "--look",
        metavar="LOOK",
        help="The clone's look (see avatar-engine look list); the one it was made with when empty.",
    ),
]
Avatar = Annotated[Path, typer.Argument(metavar="NAME.avatar", help="The clone's file.")]
