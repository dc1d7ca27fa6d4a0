"""What is known of a source while a show runs: whether it is heard, and what it brought."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from avatar_engine.show.chat.message import Count, Link, Message
from avatar_engine.show.chat.source import Source

log = logging.getLogger(__name__)

BURST, RATE = 5000, 500.0
"""Messages of one source that are taken at once, and so many more a second; what is beyond is dropped and counted."""

CURRENCIES = 8
"""Currencies whose sum is kept of a source."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A source at one moment.

    Attributes:
        source: Its name.
        state: ``connecting``, ``connected``, ``away`` or ``ended``.
        why: Where it is away or ended: why.
        messages: That it brought.
        dropped: Those that were too many at once.
        breaks: How often it went away.
        worth: Of its gifts, by currency.
    """

    source: str
    state: str
    why: str = ""
    messages: int = 0
    dropped: int = 0
    breaks: int = 0
    worth: Mapping[str, float] = field(default_factory=dict)


class Audience:
    """How many watch on all platforms together: each source tells of its own."""

    def __init__(self) -> None:
        self._lock, self._viewers = threading.Lock(), dict[object, float]()

    def together(self, source: object, viewers: float) -> float:
        """All viewers, once ``source`` tells that it has so many."""
        with self._lock:
            self._viewers[source] = viewers
            return sum(self._viewers.values())

    def left(self, source: object) -> None:
        """The source has ended; one that is only away still counts."""
        with self._lock:
            self._viewers.pop(source, None)


class Watched:
    """A source's way into the show: lets no flood through, and tells once that it is away and once that it is back.

    Args:
        source: Its name.
        put: Takes what it brings.
        tell: Told of every change, as an entry of the journal.
        clock: Seconds.
        audience: Of all sources together.

    Attributes:
        over: Set once the source's thread has ended.
    """

    def __init__(
        self,
        source: str,
        put: Callable[[Message | Count], None],
        tell: Callable[[Mapping[str, Any]], None] = lambda entry: None,
        clock: Callable[[], float] = time.monotonic,
        audience: Audience | None = None,
    ) -> None:
        self.over = threading.Event()
        self._audience = audience or Audience()
        self._source, self._put, self._tell, self._clock = source, put, tell, clock
        self._lock = threading.Lock()
        self._state, self._why, self._since = "connecting", "", clock()
        self._messages = self._dropped = self._breaks = 0
        self._tokens, self._filled = float(BURST), clock()
        self._worth: dict[str, float] = {}

    def put(self, came: Message | Count | Link) -> None:
        """Take what the source brings (`avatar_engine.show.chat.message.Put`)."""
        if isinstance(came, Link):
            self._turn("connected" if came.up else "ended" if came.final else "away", came.why)
            return
        if self._state == "connecting":  # one that says nothing of itself
            self._turn("connected", "")
        if not self._admitted(came):
            return
        if isinstance(came, Count) and came.figure == "viewers":
            came = Count("viewers", self._audience.together(self, came.value))
        self._put(came)

    @property
    def standing(self) -> Standing:
        """What is known of it now."""
        with self._lock:
            return Standing(
                self._source, self._state, self._why, self._messages, self._dropped, self._breaks,
                dict(self._worth),
            )  # fmt: skip

    def _admitted(self, came: Message | Count) -> bool:
        now = self._clock()
        with self._lock:
            self._tokens = min(float(BURST), self._tokens + (now - self._filled) * RATE)
            self._filled = now
            if self._tokens < 1.0:
                self._dropped += 1
                first = self._dropped == 1
            else:
                self._tokens -= 1.0
                first = False
                self._counted(came)
                return True
        if first:
            log.warning("%s: more messages at once than anybody reads; some are dropped", self._source)
            self._tell({"event": "chat", "source": self._source, "state": "flood"})
        return False

    def _counted(self, came: Message | Count) -> None:
        if isinstance(came, Message):
            self._messages += 1
            if came.worth and (came.currency in self._worth or len(self._worth) < CURRENCIES):
                self._worth[came.currency] = round(self._worth.get(came.currency, 0.0) + came.worth, 6)

    def _turn(self, state: str, why: str) -> None:
        now = self._clock()
        with self._lock:
            was, lasted = self._state, now - self._since
            if was == "ended":
                return
            self._why = why
            if was == state:
                return
            self._state, self._since = state, now
            self._breaks += state == "away"
        if state == "ended":
            self._audience.left(self)
        entry: dict[str, Any] = {"event": "chat", "source": self._source, "state": state}
        if state == "connected":
            log.info(
                "%s: the chat is heard%s", self._source, f" again after {lasted:.0f} s" * (was == "away")
            )
            self._tell(entry | ({"after": round(lasted, 1)} if was == "away" else {}))
        else:
            log.warning(
                "%s: the chat %s (%s)", self._source, "is away" if state == "away" else "is over", why
            )
            self._tell(entry | {"why": why})


def started(
    sources: list[Source],
    put: Callable[[Message | Count], None],
    stop: threading.Event,
    tell: Callable[[Mapping[str, Any]], None] = lambda entry: None,
) -> list[Watched]:
    """Run every source in a thread of its own; what is known of them."""
    audience = Audience()
    watched = [Watched(source.name, put, tell, audience=audience) for source in sources]
    for source, one in zip(sources, watched, strict=True):
        threading.Thread(
            target=_run, args=(source, one, stop), name=f"chat {source.name}", daemon=True
        ).start()
    return watched


def finished(watched: list[Watched], seconds: float) -> bool:
    """Wait until all have ended, after ``stop`` was set, or for ``seconds``: a platform may want a farewell."""
    until = time.monotonic() + seconds
    return all(one.over.wait(max(0.0, until - time.monotonic())) for one in watched)


def _run(source: Source, watched: Watched, stop: threading.Event) -> None:
    """A source that was written elsewhere may raise in spite of its promise."""
    try:
        source.run(watched.put, stop)
        if not stop.is_set():
            watched.put(Link(False, "nothing more will come", final=True))
    except Exception as error:
        log.exception("%s: the chat failed", source.name)
        watched.put(Link(False, f"a defect: {type(error).__name__}", final=True))
    finally:
        watched.over.set()
