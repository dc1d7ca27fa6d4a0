"""A local socket at which a show answers processes of the same user, one after the other, and waits long for nobody."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from avatar_engine.folders import private

log = logging.getLogger(__name__)

PATIENCE = 2.0
"""Seconds that one side waits for the other."""


class LocalServer:
    """Lets one process in after the other.

    Args:
        path: Where the socket is.
        name: What it is called in the log.
        serve: Speaks with whoever has connected, in a thread of the server's; an `OSError` ends that conversation.
    """

    def __init__(self, path: Path, name: str, serve: Callable[[socket.socket], None]) -> None:
        self.path, self._name, self._serve = path, name, serve
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._open = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def open(self) -> None:
        """Begin; a show goes on air without it where it can't be made, and says so."""
        try:
            # nobody else may enter the folder, so there is no moment at which the socket is open to others
            private(self.path)
            self._socket.bind(str(self.path))
            self.path.chmod(0o600)
            self._socket.listen(8)
        except OSError as error:
            log.warning("no %s at %s: %s", self._name, self.path, error)
            self._socket.close()
            return
        self._open = True
        self._thread.start()

    def close(self) -> None:
        """Let nobody in any more."""
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
                self._serve(line)
