"""Which work the card does next: what is wanted first, and with it what fits the same batch.

Nothing waits for a batch to fill: while one batch is computed the next one gathers by itself, so that a card with
little to do answers at once, and a busy one works in large batches.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

BUCKETS = (48, 64, 96, 144, 224, 352, 512, 768, 1152, 1728)
"""Columns (12.5 ms) up to which rows share a batch: at most a half is padding, and a voice's usual windows fit."""

MOST_ROWS = 64
MOST_COLUMNS = {"cuda": 8192, "cpu": 448}
"""In one batch, so that nobody waits long behind it: 100 s of sound (1 GB of activations), or two windows."""


@dataclass(slots=True, eq=False)
class Work:
    """One row that somebody waits for.

    Attributes:
        kind: Only one kind shares a batch.
        columns: How long it is.
        due: When it is wanted, on the clock of `time.monotonic`.
        given: What it is made of.
        made: What came of it, once ``done`` is set.
        fault: Why nothing came of it.
    """

    kind: str
    columns: int
    due: float
    given: Any
    made: Any = None
    fault: str = ""
    done: threading.Event = field(default_factory=threading.Event)


def bucket(columns: int) -> int:
    """The length of the batch that ``columns`` go into."""
    return next((size for size in BUCKETS if columns <= size), columns)


def batch(waiting: Sequence[Work], most_columns: int) -> list[Work]:
    """The next batch of ``waiting``: the most urgent one, and the most urgent of those that may share it."""
    first = min(waiting, key=lambda work: work.due)
    size = bucket(first.columns)
    alike = [work for work in waiting if work.kind == first.kind and bucket(work.columns) == size]
    most = max(1, min(MOST_ROWS, most_columns // size))
    return sorted(alike, key=lambda work: work.due)[:most]


class Schedule:
    """Work of many threads for one that does it, in batches of at most ``most_columns``."""

    def __init__(self, most_columns: int) -> None:
        self._most_columns = most_columns
        self._waiting: list[Work] = []
        self._changed = threading.Condition()
        self._closed = False

    def put(self, work: Work) -> None:
        """Ask for ``work``; its ``done`` tells the rest."""
        with self._changed:
            if self._closed:
                work.fault = "the card's process ends"
                work.done.set()
                return
            self._waiting.append(work)
            self._changed.notify()

    def take(self, timeout: float) -> list[Work]:
        """The next batch; empty when nothing was asked for in ``timeout`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed, timeout)
            if not self._waiting:
                return []
            taken = batch(self._waiting, self._most_columns)
            self._waiting = [work for work in self._waiting if work not in taken]
            return taken

    def close(self) -> None:
        """Whoever waits is told that nothing will come."""
        with self._changed:
            self._closed = True
            for work in self._waiting:
                work.fault = "the card's process ends"
                work.done.set()
            self._waiting.clear()
            self._changed.notify_all()
