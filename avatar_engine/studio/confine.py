"""What a script of the studio may name: files beside it, and servers that the studio may ask.

A script on the command line is its owner's; one in the studio is whoever may type into the page. So it reads no file
of the machine but those that were put beside it, and makes the studio knock at no door of its own network.
"""

from __future__ import annotations

import ipaddress
import socket
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from avatar_engine.show import script as scripts
from avatar_engine.studio.refusals import Forbidden
from avatar_engine.trust import platforms


def confine(file: Path, allowed: Iterable[str]) -> None:
    """See that a script and the settings beside it name nothing outside.

    Args:
        file: The script.
        allowed: Hosts that may be asked though they are in one's own network (`avatar_engine.studio.outputs`).

    Raises:
        AvatarError: The script has mistakes.
        Forbidden: It names something outside.
    """
    script = scripts.load(file)
    named = [script.catalogue, script.host, script.layout, script.background, *script.card]
    for text in named:
        _see(text, allowed)
    for chat in script.chat:
        kind, _, rest = chat.partition(":")
        if kind in ("replay", "relay"):
            _see(rest.partition("@")[2] or rest, allowed)
            if "@" in rest:
                _see(rest.partition("@")[0], allowed)
        elif kind == "irc":
            _see(f"irc://{rest}", allowed)
    for beside in file.parent.glob("*.toml"):
        with suppress(OSError, ValueError):
            for text in _texts(tomllib.loads(beside.read_text(encoding="utf-8"))):
                _see(text, allowed)


def _see(text: str, allowed: Iterable[str]) -> None:
    if "://" in text:
        host = urlsplit(text).hostname or ""
        if not platforms.covered(allowed, host) and not _public(host):
            raise Forbidden(
                f"The script names {host or 'no host'}, which is in the studio's own network.",
                "An admin may allow this host, in the settings.",
            )
    elif text.startswith(("/", "~", "\\")) or ".." in PurePosixPath(text.replace("\\", "/")).parts:
        raise Forbidden(
            f"The script names {text[:80]!r}, which does not lie beside it.",
            "Attach the file, and name it alone.",
        )


def _public(host: str) -> bool:
    """Whether all addresses of a host are on the public network; one that nobody knows is."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return bool(host)
    return all(ipaddress.ip_address(str(one).partition("%")[0]).is_global for one in found)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
