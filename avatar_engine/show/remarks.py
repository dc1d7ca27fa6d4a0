"""What a viewer wrote last, as it may stand on the picture: held to the guard as if the host had said it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from avatar_engine.contracts import Comment
from avatar_engine.show.chat.message import Message

STAYS, APART = 8.0, 4.0
"""Seconds for which a comment stays, and from one to the next at least."""

LONGEST = 160
"""Letters of one that is shown."""

WAITING = 8
"""Comments that wait for their moment."""

SORTS = ("question", "talk")
"""What becomes of messages that may be shown (`avatar_engine.show.chat.inbox`): no spam, floods, links, insults."""


@dataclass(frozen=True, slots=True)
class _Shown:
    comment: Comment
    ident: str
    author: str
    since: float


class Remarks:
    """Comments for the picture; told by any thread, asked by one.

    Args:
        allowed: What may be shown of a message: it, with the name that may be; None for nothing.
        journal: Told of every comment, and from which second of the show on it stands there.
    """

    def __init__(
        self,
        allowed: Callable[[Message], Comment | None],
        journal: Callable[[Comment, float], None] = lambda comment, since: None,
    ) -> None:
        self._allowed, self._journal = allowed, journal
        self._lock = threading.Lock()
        self._shown: deque[_Shown] = deque(maxlen=WAITING)

    def came(self, message: Message, sort: str, now: float) -> None:
        """A message came at a second of the show, and is of a sort; one that is taken back goes at once."""
        if sort == "retracted":
            with self._lock:
                kept = [one for one in self._shown if not _meant(one, message)]
                self._shown = deque(kept, WAITING)
            return
        if sort not in SORTS or not 0 < len(message.text) <= LONGEST:
            return
        with self._lock:
            if self._shown and now < self._shown[-1].since + APART:
                return
        if comment := self._allowed(message):
            self.put(comment, now, message)
            self._journal(comment, now)

    def put(self, comment: Comment, since: float, message: Message | None = None) -> None:
        """Show this from a second of the show on."""
        ident, author = (message.ident, message.author) if message else ("", "")
        with self._lock:
            self._shown.append(_Shown(comment, ident, author, since))

    def seen(self, at: float) -> Comment | None:
        """The comment on the picture at a second of the show."""
        with self._lock:
            while len(self._shown) > 1 and self._shown[1].since <= at:
                self._shown.popleft()
            first = self._shown[0] if self._shown else None
        return first.comment if first and first.since <= at < first.since + STAYS else None


def _meant(shown: _Shown, message: Message) -> bool:
    """Whether a message takes this one back: that of its id, or all of its author's."""
    return shown.ident == message.ident if message.ident else shown.author == message.author
