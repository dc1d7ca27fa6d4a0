"""What the audience does, written down for the figures of a show: viewers, messages, what is bought and clicked.

It is told of everything that comes, and writes little of it down: figures every `EVERY` seconds, sales and clicks
summed up second by second, and messages that were left out one by one as long as there are few of them.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from avatar_engine.show.chat.message import KINDS, Count, Message

EVERY = 10.0
"""Seconds between two entries with figures."""

SINGLE = (20, 2.0)
"""Messages left out that are told one by one at once, and how many more a second; all of them are counted."""

APART = 50
"""Products and currencies that are told apart within a second."""

TAKEN = ("question", "talk", "greeting", *(kind for kind in KINDS if kind != "text"))
"""What becomes of a message that is not left out."""

SILENT = tuple(kind for kind in KINDS if kind not in ("text", "gift"))
"""What writes no message."""


class Attendance:
    """Told by an inbox (`avatar_engine.show.chat.inbox.Inbox.watch`) from any thread; never waits.

    Args:
        journal: Where it writes.
    """

    def __init__(self, journal: Callable[[Mapping[str, Any]], None]) -> None:
        self._journal, self._lock = journal, threading.Lock()
        self._sorts: Counter[str] = Counter()
        self._totals: Counter[str] = Counter()
        self._sold: dict[tuple[str, str, str], list[float | None]] = {}  # count and revenue
        self._since = 0.0  # when the first of these came
        self._figures: Mapping[str, float] = {}  # the newest, with how many questions are lost
        self._lost = self._due = self._now = 0.0
        self._left, self._then = float(SINGLE[0]), 0.0

    def came(self, came: Message | Count, sort: str, now: float) -> None:
        """Something has come at ``now`` (seconds of the show), and was sorted so."""
        with self._lock:
            self._now = max(self._now, now)
            if isinstance(came, Count):
                self._counted(came, now)
                return
            self._sorts[sort] += 1
            if sort not in TAKEN:
                self._moderated(came, sort, now)

    def looked(self, figures: Mapping[str, float], lost: float, now: float) -> dict[str, float]:
        """Figures of the audience with the sums of the whole show added; they are written down when it is time.

        Args:
            figures: Of this moment.
            lost: Questions that will not be answered any more.
            now: Seconds of the show.
        """
        with self._lock:
            if self._sold and now >= self._since + 1.0:
                self._flush()
            self._figures, self._lost, self._now = figures, lost, max(self._now, now)
            if now >= self._due:
                self._due = now + EVERY
                self._tell()
            return {**figures, **self._sums()}

    def close(self) -> None:
        """Write down what was not yet."""
        with self._lock:
            self._flush()
            self._tell()

    def _tell(self) -> None:
        told = {name: round(value, 3) for name, value in {**self._figures, **self._sums()}.items()}
        entry = {"event": "audience", "at": round(self._now, 3), **told}
        self._journal({**entry, "lost": self._lost, "sorts": dict(self._sorts)})

    def _sums(self) -> dict[str, float]:
        """Of the whole show."""
        messages = sum(count for sort, count in self._sorts.items() if sort not in SILENT)
        sums = {"messages": float(messages), "asked": float(self._sorts["question"])}
        return sums | {f"all_{name}": float(count) for name, count in self._totals.items()}

    def _counted(self, came: Count, now: float) -> None:
        if came.figure not in ("sales", "clicks"):
            return
        if self._sold and now >= self._since + 1.0:
            self._flush()
        self._totals[came.figure] += round(came.value)
        key = (came.figure, came.product, came.currency)
        if key not in self._sold and len(self._sold) >= APART:
            key = (came.figure, "", "")
        if not self._sold:
            self._since = now
        sums = self._sold.setdefault(key, [0.0, None])
        sums[0] = (sums[0] or 0.0) + came.value
        if came.revenue is not None and key[2] == came.currency:
            sums[1] = (sums[1] or 0.0) + came.revenue

    def _flush(self) -> None:
        for (figure, product, currency), (count, revenue) in self._sold.items():
            entry: dict[str, Any] = {"event": figure, "at": round(self._since, 3), "count": count}
            entry |= {"product": product} if product else {}
            entry |= {} if revenue is None else {"revenue": round(revenue, 4), "currency": currency}
            self._journal(entry)
        self._sold.clear()

    def _moderated(self, message: Message, sort: str, now: float) -> None:
        """Tell of a message that was left out, if there are not too many; never what is nobody's business."""
        most, rate = SINGLE
        self._left = min(float(most), self._left + max(0.0, now - self._then) * rate)
        self._then = now
        if self._left < 1.0:
            return
        self._left -= 1.0
        shown = {} if sort == "private" else {"text": message.text[:200]}
        source = {"source": message.source, "id": message.ident}
        self._journal({"event": "moderated", "at": round(now, 3), "why": sort, **source, **shown})
