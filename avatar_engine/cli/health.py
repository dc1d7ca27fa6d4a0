"""Whether what this container (or service) was started for is being done: for a health check, not for people.

A show is well while it sends its pictures and reaches at least one of its outputs, an engine while it answers, a studio
while it listens. Any other command is well while it runs, and so is a container that waits for one.
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import psutil

from avatar_engine.contracts import FRAME_RATE
from avatar_engine.engine import wire
from avatar_engine.errors import AvatarError
from avatar_engine.figures import door

SETTLED = 15.0
"""Seconds on air from which a show is expected to send every picture and to have reached somebody."""

LEAST = 0.8 * FRAME_RATE
"""Pictures a second below which a show is not well."""

STUDIO_PORT = 8080


def purpose(words: Sequence[str]) -> str:
    """The verb of ``avatar-engine`` in a command's words (also within one of them); "" when there is none.

    An init process names the command that it runs, so the first process of a container tells in any case.
    """
    found = re.search(r"\bavatar-engine(?:\s+--?\S+)*\s+([a-z]+)", " ".join(words))
    return found[1] if found else ""


def first_process() -> list[str]:
    """The words of the container's first process; none where it can't be seen."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(1).cmdline()
    return []


def faults(words: Sequence[str]) -> list[str]:
    """What is wrong with what the command ``words`` is for, a line each; none when all is well."""
    verb = purpose(words)
    shows = door.running()
    found = [fault for show in shows for fault in _of_show(show)]
    if verb == "live" and not shows:
        found.append("the show does not answer")
    elif verb == "engine":
        found += _of_engine()
    elif verb == "studio":
        found += _of_studio(words)
    return found


def _of_show(show: Mapping[str, Any]) -> Iterator[str]:
    name, status = show.get("show"), show.get("status") or {}
    if show.get("state") == "failed":
        yield f"{name} has failed: {show.get('error')}"
    if show.get("state") != "on air" or status.get("on_air", 0.0) < SETTLED:
        return
    if status.get("fps", 0.0) < LEAST:
        yield f"{name} sends {status.get('fps', 0.0):.1f} pictures a second"
    outputs = (status.get("broadcast") or {}).get("outputs") or []
    if outputs and not any(output.get("state") == "on air" for output in outputs):
        told = "; ".join(f"{o.get('name')} {o.get('state')} {o.get('error', '')}".strip() for o in outputs)
        yield f"{name} reaches none of its outputs: {told}"


def _of_engine() -> Iterator[str]:
    try:
        wire.status()
    except AvatarError as error:
        yield error.what


def _of_studio(words: Sequence[str]) -> Iterator[str]:
    found = re.search(r"--port[ =](\d+)", " ".join(words))
    port = int(found[1]) if found else STUDIO_PORT
    try:
        socket.create_connection(("127.0.0.1", port), timeout=3).close()
    except OSError as error:
        yield f"the studio does not listen on port {port}: {error}"
