"""Whether a show has its mouths painted by the engine: what was asked for, and what comes of it as the show begins."""

from __future__ import annotations

import logging
from typing import Literal

from avatar_engine import __version__
from avatar_engine.device import cards
from avatar_engine.engine import wire
from avatar_engine.errors import AvatarError

log = logging.getLogger(__name__)

Wanted = Literal["auto", "off", "on"]
"""If one runs on this machine when the show starts, never, or the show does not start without."""

WANTED: tuple[Wanted, ...] = ("auto", "off", "on")

Settled = Literal["off", "on"]
"""Whether the engine paints, while it is there."""

START = "Start one: avatar-engine engine serve, or let the show paint by itself: --engine auto."


def settled(wanted: Wanted, device: str = "auto", on_air: bool = False) -> Settled:
    """What holds for a whole show and all renderers that it starts, whatever becomes of the engine meanwhile.

    Args:
        wanted: What was asked for.
        device: What the show would compute on, as `avatar_engine.device.choose` takes it.
        on_air: It goes on with a show that has died, and needs nothing any more: its viewers are there.

    Raises:
        AvatarError: ``wanted`` is unknown, or an engine is needed and there is none, or one of another version.
    """
    if wanted not in WANTED:
        raise AvatarError(f"There is no way {wanted!r} to use an engine.", f"Known: {', '.join(WANTED)}.")
    if wanted == "on" and not on_air:
        _demand()
    if wanted != "auto":
        return wanted
    if wire.runs():
        return "on"
    if device != "cpu" and cards():
        log.warning(
            "several shows on one card are best painted by one process: avatar-engine engine serve; "
            "this show paints by itself"
        )
    return "off"


def _demand() -> None:
    try:
        version = wire.status().get("version")
    except AvatarError as error:
        raise AvatarError(f"The show wants a render engine, but: {error.what}", START) from None
    if version != __version__:
        raise AvatarError(
            f"The show wants a render engine, but the one that runs is of version {version}, and this one "
            f"of {__version__}.",
            "End it and start it again: avatar-engine engine serve.",
        )
