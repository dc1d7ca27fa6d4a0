"""The technician's end of the microphone: the order, the stream of what is recorded here, and how it stands."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable
from typing import Any

from avatar_engine.errors import AvatarError
from avatar_engine.live.desk import send
from avatar_engine.live.microphone import OPENING
from avatar_engine.live.microphone_line import PATIENCE, connected

LOOK = 0.2
"""Seconds between two looks at how it stands."""

_PIECE = 4096


def source_of(text: str, raw: int, channels: int) -> str:
    """What the desk is told; ``raw`` is the rate of samples without a header, 0 where there is one.

    Raises:
        AvatarError: They contradict one another.
    """
    if raw and text != "-":
        raise AvatarError("Only standard input has raw samples.", "Leave --raw out, or give - as the source.")
    return f"-:{raw}:{channels}" if raw else text


def speak(show: str, source: str, tell: Callable[[str], None], feed: int = 0) -> None:
    """Take a show's microphone, and stay until it is on, or, where the voice comes from here, until it is off.

    Args:
        show: The show's id.
        source: As the desk understands it.
        tell: Told how it stands, for people.
        feed: Where a stream comes from: a file descriptor, standard input.

    Raises:
        AvatarError: It may not be taken, or has broken off.
    """
    if source.startswith("-") and os.isatty(feed):
        raise AvatarError(
            "Standard input is a terminal.",
            "Pipe a recorder: arecord -f S16_LE -r 48000 | avatar-engine control SHOW mic -",
        )
    began = time.monotonic()
    send(show, "mic", source)
    if not source.startswith("-"):
        while (stands := send(show, "mic")) == OPENING and time.monotonic() < began + PATIENCE:
            time.sleep(LOOK)
        tell(stands)
        return
    with connected(show, began) as line:
        _pump(feed, line, show, tell)
    while (stands := send(show, "mic")).startswith("The microphone is on") or stands == OPENING:
        time.sleep(LOOK)  # what is on its way is still said
    tell(stands)


def _pump(feed: int, line: socket.socket, show: str, tell: Callable[[str], None]) -> None:
    """Pass on what comes, as it comes, until either side ends."""
    told, both = False, list[Any]((feed, line))
    asked = time.monotonic()
    while True:
        ready, _, _ = select.select(both, [], [], LOOK)
        if line in ready:
            return  # it sends nothing: it has closed
        if feed in ready:
            if not (data := os.read(feed, _PIECE)):
                return
            try:
                line.sendall(data)
            except OSError:
                return
        if not told and time.monotonic() > asked + LOOK:
            asked = time.monotonic()
            stands = send(show, "mic")
            if told := stands != OPENING:
                tell(stands)
