"""A stream's way into a show's microphone: the local socket that a show opens once its microphone was asked for."""

from __future__ import annotations

import socket
import time

from avatar_engine.errors import AvatarError
from avatar_engine.folders import door_of
from avatar_engine.live.desk import send
from avatar_engine.live.microphone import KIND, OPENING

LOOK = 0.02
"""Seconds between two tries."""

PATIENCE = 20.0
"""Seconds that it may take until the show listens."""

STUCK = 5.0
"""Seconds that the show may take no more of the stream."""


def connected(show: str, began: float) -> socket.socket:
    """The stream's way into a show that was asked for its microphone, as soon as it listens.

    Args:
        show: The show's id.
        began: When it was asked (`time.monotonic`).

    Raises:
        AvatarError: It does not listen (any more).
    """
    while True:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            line.settimeout(STUCK)
            line.connect(str(door_of(show, KIND)))
            return line
        except OSError:
            line.close()
        if send(show, "mic") != OPENING or time.monotonic() > began + PATIENCE:
            raise AvatarError("The show does not listen.", "Try again.")
        time.sleep(LOOK)
