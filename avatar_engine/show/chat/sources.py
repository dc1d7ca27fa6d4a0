"""Sources of messages by name; each has a module of its own, a thread of its own, and never ends a show.

Others are found by the entry point group ``avatar_engine.chat``: a function that takes what stands after the colon
and gives an `avatar_engine.show.chat.source.Source`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from avatar_engine.errors import AvatarError
from avatar_engine.show.chat.source import Source

GROUP = "avatar_engine.chat"

_Make = Callable[[str, Path, Callable[[], float]], Source]


def _from(module: str, maker: str) -> _Make:
    """Makes a source of a place alone; its module is imported when a show names it: some take a while."""

    def make(place: str, folder: Path, clock: Callable[[], float]) -> Source:
        made: Source = getattr(import_module(f"avatar_engine.show.chat.{module}"), maker)(place)
        return made

    return make


def _replay(place: str, folder: Path, clock: Callable[[], float]) -> Source:
    from avatar_engine.show.chat.replay import Replay

    return Replay(folder / place, clock)


def _relay(place: str, folder: Path, clock: Callable[[], float]) -> Source:
    from avatar_engine.show.chat.relay import Relay

    return Relay(place, folder)


KNOWN: Mapping[str, _Make] = {
    "twitch": _from("irc", "twitch"),
    "irc": _from("irc", "irc"),
    "youtube": _from("youtube", "YouTube"),
    "bilibili": _from("bilibili", "Bilibili"),
    "relay": _relay,
    "inlet": _from("inlet", "Inlet"),
    "replay": _replay,
}


def source_of(text: str, folder: Path, clock: Callable[[], float]) -> Source:
    """The source that a show names.

    Args:
        text: As it is written, ``twitch:marie``.
        folder: Where files that it names lie.
        clock: Seconds of the show, for a replay.

    Raises:
        AvatarError: There is none of this name, or it lacks something.
    """
    name, _, rest = text.partition(":")
    name, rest = name.strip(), rest.strip()
    plugins = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in KNOWN and name not in plugins:
        known = ", ".join((*KNOWN, *sorted(set(plugins) - set(KNOWN))))
        raise AvatarError(f"There is no chat {name[:40]!r}.", f"Known are {known}.")
    if not rest:
        raise AvatarError(
            f"The chat {text[:80]!r} names no place.", "Write twitch:CHANNEL, inlet:PORT or replay:FILE."
        )
    return KNOWN[name](rest, folder, clock) if name in KNOWN else _plugged(plugins[name], rest)


def _plugged(entry: EntryPoint, place: str) -> Source:
    """A source of another package, which may be anything."""
    made: Any
    try:
        made = entry.load()(place)
    except AvatarError:
        raise
    except Exception as error:
        raise AvatarError(
            f"The chat {entry.name!r} can't be loaded ({type(error).__name__}: {str(error)[:200]}).",
            f"Look at the package that brings {entry.value}.",
        ) from error
    lacking = [part for part in ("ready", "reserve", "run") if not callable(getattr(made, part, None))]
    if lacking or not isinstance(getattr(made, "name", None), str):
        raise AvatarError(
            f"The chat {entry.name!r} is no source: it has no {', '.join(lacking) or 'name'}.",
            f"Look at the package that brings {entry.value}.",
        )
    source: Source = made
    return source
