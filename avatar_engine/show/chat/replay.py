"""A chat out of a file, in the show's own time: ``replay:FILE``."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from avatar_engine.errors import AvatarError
from avatar_engine.show.chat.message import Count, Link, Message, Put, read


class Replay:
    """Messages of a file, in the show's own time: JSON lines with ``at`` (seconds), ``author`` and ``text``.

    A line may have ``kind``, ``id``, ``worth`` and ``currency``, or, in place of author and text, ``viewers``,
    ``sales`` or ``clicks``, the latter two with ``product``, sales with ``revenue`` and ``currency``.

    Raises:
        AvatarError: The file can't be read, or a line is none; its number is told.
    """

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self.name = f"replay:{path.name}"
        self._clock = clock
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise AvatarError(f"The chat {path} can't be read: {error}.", "Check the path.") from None
        self._entries = sorted(_entries(lines, path), key=lambda entry: entry[0])
        self._next = 0

    def ready(self) -> None:
        """Its file was read."""

    def reserve(self) -> None:
        """Its file was read."""

    def bring(self, put: Callable[[Message | Count], None]) -> None:
        """Bring what is due by the show's clock."""
        now = self._clock()
        while self._next < len(self._entries) and self._entries[self._next][0] <= now:
            put(self._entries[self._next][1])
            self._next += 1

    def run(self, put: Put, stop: threading.Event) -> None:
        """See `avatar_engine.show.chat.source.Source`."""
        put(Link(True))
        while not stop.wait(0.05) and self._next < len(self._entries):
            self.bring(put)


def _entries(lines: list[str], path: Path) -> Iterator[tuple[float, Message | Count]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            at = float(entry["at"])
            if not 0 <= at < 1e7:
                raise ValueError("'at' is no time")
            yield from ((at, one) for one in read(entry, "replay"))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise AvatarError(
                f"{path}, line {number}: {error}.", "Every line is a JSON table with 'at'."
            ) from None
