"""A show's status for other processes of the same user: a Unix socket that gives the newest snapshot to who asks."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from avatar_engine.folders import door_folder, door_of, private

log = logging.getLogger(__name__)

PATIENCE = 2.0
"""Seconds that one side waits for the other."""


class Door:
    """Answers whoever connects with one JSON text, and closes; nobody can keep it waiting.

    Args:
        show: The show's id.
        answer: Gives the newest snapshot.
    """

    def __init__(self, show: str, answer: Callable[[], Mapping[str, Any]]) -> None:
        self.path = door_of(show)
        self._answer = answer
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._open = False
        self._thread = threading.Thread(target=self._run, name="status socket", daemon=True)

    def open(self) -> None:
        """Begin to answer; a show goes on air without its socket where it can't be made, and says so."""
        try:
            # nobody else may enter the folder, so there is no moment at which the socket is open to others
            private(self.path)
            self._socket.bind(str(self.path))
            self.path.chmod(0o600)
            self._socket.listen(8)
        except OSError as error:
            log.warning("no status socket at %s: %s", self.path, error)
            self._socket.close()
            return
        self._open = True
        self._thread.start()

    def close(self) -> None:
        """Answer no more."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        if self._open:
            self._thread.join(2 * PATIENCE)
            self.path.unlink(missing_ok=True)

    def _run(self) -> None:
        while True:
            try:
                line, _ = self._socket.accept()
            except OSError:
                return
            with line, suppress(OSError):
                line.settimeout(PATIENCE)
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
