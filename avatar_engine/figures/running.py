"""Shows of this user that run now: found by name or id, and ended."""

from __future__ import annotations

from typing import Any

import psutil

from avatar_engine.errors import AvatarError
from avatar_engine.figures import door


def told(show: str = "") -> list[dict[str, Any]]:
    """What the shows of this name or id that run say of themselves; the newest one of a name, all without one."""
    running = door.running()
    if not show:
        return running
    exact = [one for one in running if one.get("show") == show]
    named = [one for one in running if str(one.get("show")).startswith(f"{show}-")]
    return exact or sorted(named, key=lambda one: str(one.get("began")))[-1:]


def only(show: str, advice: str = "Say which one is meant.") -> dict[str, Any]:
    """What the one show of this name or id says of itself.

    Raises:
        AvatarError: None runs, or several do.
    """
    found = told(show)
    if not found:
        raise AvatarError(
            f"No show {show!r} runs." if show else "No show runs.", "See what runs: avatar-engine status."
        )
    if len(found) > 1:
        names = ", ".join(str(one["show"]) for one in found)
        raise AvatarError(f"{len(found)} shows run: {names}.", advice)
    return found[0]


def stop(show: str, *, wait: float) -> str:
    """Ask a show that runs to end, as Ctrl-C in its terminal does, and wait; its id.

    A ``show`` that is empty means the only one.

    Raises:
        AvatarError: No such show runs, several do, or it has not ended after ``wait`` seconds.
    """
    found = only(show, "Say which one is to end.")
    name = str(found["show"])
    try:
        process = psutil.Process(found["pid"])
        process.terminate()
        process.wait(wait)
    except psutil.NoSuchProcess:
        pass
    except psutil.TimeoutExpired:
        raise AvatarError(
            f"{name} has not ended after {wait:.0f} s.", "Outputs may still be finishing; ask again."
        ) from None
    return name
