"""Snapshots over time, in a file that a crash can't spoil and that never grows past its bound."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

EVERY = 10.0
"""Seconds between two lines of a new file."""

MOST = 4000
"""Lines after which every second one is left out, and half as many come from then on."""


class Series:
    """Appends snapshots to a file, a JSON line each.

    Args:
        file: Where to; it is begun anew.
        every: Seconds between two lines at first.
        most: Lines that the file holds at most.
    """

    def __init__(self, file: Path, every: float = EVERY, most: int = MOST) -> None:
        self._file, self.every, self._most = file, every, most
        self._count, self._due = 0, 0.0
        file.write_text("", encoding="utf-8")

    def offer(self, now: float, snapshot: Mapping[str, Any]) -> None:
        """Write the snapshot if it is time; ``now`` in seconds of any clock that does not run backwards.

        Raises:
            OSError: The disk is full or gone.
        """
        if now >= self._due:
            self._due = now + self.every
            self.add(snapshot)

    def add(self, snapshot: Mapping[str, Any]) -> None:
        """Write the snapshot.

        Raises:
            OSError: The disk is full or gone.
        """
        if self._count >= self._most:
            self._thin()
        with self._file.open("a", encoding="utf-8") as out:
            out.write(json.dumps(snapshot) + "\n")
        self._count += 1

    def _thin(self) -> None:
        kept = self._file.with_suffix(".part")
        with self._file.open(encoding="utf-8") as lines, kept.open("w", encoding="utf-8") as out:
            self._count = 0
            for number, line in enumerate(lines):
                if number % 2 == 0:
                    out.write(line)
                    self._count += 1
        os.replace(kept, self._file)  # noqa: PTH105 - says that it replaces
        self.every *= 2


def snapshots(file: Path) -> Iterator[dict[str, Any]]:
    """What was written, in order; a line that was cut off is left out."""
    try:
        text = file.open(encoding="utf-8", errors="replace")
    except OSError:
        return
    with text:
        for line in text:
            try:
                read = json.loads(line)
            except ValueError:
                continue
            if isinstance(read, dict):
                yield read
