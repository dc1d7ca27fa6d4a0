"""A show's status for other processes of the same user: a Unix socket that gives the newest snapshot to who asks."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from avatar_engine.folders import door_folder, door_of
from avatar_engine.live.local_server import PATIENCE, LocalServer


class Door(LocalServer):
    """Answers whoever connects with one JSON text, and closes.

    Args:
        show: The show's id.
        answer: Gives the newest snapshot.
    """

    def __init__(self, show: str, answer: Callable[[], Mapping[str, Any]]) -> None:
        self._answer = answer
        super().__init__(door_of(show), "status socket", self._tell)

    def _tell(self, line: socket.socket) -> None:
        line.sendall(json.dumps(self._answer()).encode())


def knock(path: Path) -> dict[str, Any] | None:
    """What the show behind a socket says of itself; None when nobody answers."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(PATIENCE)
            line.connect(str(path))
            whole = b"".join(iter(lambda: line.recv(65536), b""))
        read = json.loads(whole)
    except (OSError, ValueError):
        return None
    return read if isinstance(read, dict) else None


def running() -> list[dict[str, Any]]:
    """What every show of this user that runs now says of itself, by id."""
    try:
        doors = sorted(door_folder().glob("*.sock"))
    except OSError:
        return []
    told = [answer for path in doors if (answer := knock(path))]
    return sorted(told, key=lambda one: str(one.get("show")))
