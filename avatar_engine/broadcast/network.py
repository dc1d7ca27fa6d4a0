"""Outputs that publish to somebody's server, and come back whenever the connection is lost."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable

from avatar_engine.broadcast import sender
from avatar_engine.broadcast.link import Link, LinkError
from avatar_engine.broadcast.outputs import Output
from avatar_engine.broadcast.packets import Packet, PacketQueue
from avatar_engine.broadcast.peer import Peer
from avatar_engine.broadcast.reconnect import Wait, answers, backoff
from avatar_engine.broadcast.spec import TIME_BASE, OutputSpec
from avatar_engine.broadcast.status import OutputStatus

log = logging.getLogger(__name__)

_LIMIT = 4 * TIME_BASE
"""Ticks that wait for a network: two GOPs, then whole GOPs are dropped."""
_THIN = TIME_BASE
"""Ticks that wait before the rest of a GOP is dropped; another second is with the sender."""

_STEADY = 10.0
"""Seconds on air after which a connection counts as good, and the next wait is short again."""

_NEVER_CAME = 5.0
"""Seconds at most between two attempts at an endpoint that was never there: the studio is still starting it."""

_FORGETTING = 0.5
"""Seconds that a server gets to forget a dead connection."""

_AT_ONCE = 5.0
"""Seconds within which servers hang up on a publisher whom they do not want, often without a word."""

WantKeyframe = Callable[[], None]


class NetworkOutput(Output):
    """Publishes to a server. While it waits to come back, the next connection's process is started already.

    Args:
        spec: Where to.
        description: Both streams, see `Encoder.description`.
        want_keyframe: Called when a connection needs a picture to begin with.
        bitrate: Bits per second, sizes the system's send buffer.
    """

    def __init__(
        self, spec: OutputSpec, description: bytes, want_keyframe: WantKeyframe, bitrate: int
    ) -> None:
        super().__init__(spec, PacketQueue(_LIMIT, thin=_THIN))
        self._description, self._want_keyframe, self._bitrate = description, want_keyframe, bitrate
        self._link: Link | None = None
        self._ending = threading.Event()
        self._good = time.monotonic()
        self._came = False
        self._stale: Peer | None = None

    def put(self, packet: Packet, patient: bool) -> None:
        if self._queue.put(packet) and packet.video:
            self._want_keyframe()

    @property
    def on_air(self) -> bool:
        return self._status.state == "on air"

    @property
    def lag(self) -> float:
        """Seconds of programme that it has taken and that have not left."""
        link = self._link
        times = [t for t in (link.waiting if link else None, self._queue.oldest) if t is not None]
        return max(0, self._queue.newest - min(times)) / TIME_BASE if times and self.on_air else 0.0

    def status(self) -> OutputStatus:
        self._set(lag=round(self.lag, 2))
        return super().status()

    def run(self) -> None:
        wait = Wait(lambda: answers(self._spec), self._ending)
        attempt = 0
        link = self._next_link()
        self._good = time.monotonic()
        while True:
            began = time.monotonic()
            error = self._connection(link)
            if error is None or self._ended(error):
                self._set(state="ended")
                return
            attempt = 0 if self._good - began > _STEADY else attempt
            away = isinstance(error, LinkError) and error.away
            seconds = self._patience(attempt, away)
            if away and not self._came:
                seconds = min(seconds, _NEVER_CAME)
            attempt += 1
            reason = self._spec.redact(str(error))
            if reason == sender.CLOSED and time.monotonic() - began < _AT_ONCE:
                reason += " at once: is the key right, and does nobody else use it?"
            if self._spec.give_up:
                seconds = min(seconds, self._good + self._spec.give_up - time.monotonic())
                if seconds <= 0:
                    self._give_up(reason)
                    return
            log.warning("%s: %s; again in %.1f s at most", self._spec.display, reason, seconds)
            self._set(state="reconnecting", error=reason, reconnects=self._status.reconnects + 1)
            link = self._next_link()
            wait(seconds, away, ask=self._came)

    def _patience(self, attempt: int, away: bool) -> float:
        """Seconds to wait at most; few where a connection of ours that it holds dead may have been why it said no."""
        if self._stale is None or away:
            return backoff(attempt, random.random())
        self._forget_stale()
        return _FORGETTING

    def _forget_stale(self) -> None:
        if self._stale is not None:
            self._stale.reset()
            self._stale = None

    def _ended(self, error: Exception) -> bool:
        """Whether the connection's loss does not matter, for the broadcast is at its end."""
        if self._queue.finishing and self.on_air:
            # What was never on air has nothing to lose, and was told to end by us.
            self._set(error=self._spec.redact(str(error)))
        return self._stop.is_set() or self._queue.finishing

    def _give_up(self, reason: str) -> None:
        text = f"given up after {self._spec.give_up / 60:g} min without a connection: {reason}"
        log.error("%s: %s", self._spec.display, text)
        self._set(state="failed", error=text)

    def finish(self) -> None:
        super().finish()
        self._ending.set()
        if not self.on_air:
            self._abandon()

    def join(self, timeout: float) -> bool:
        ended = super().join(timeout)
        self._ending.set()
        self._abandon()
        return ended

    def _abandon(self) -> None:
        if (link := self._link) is not None:
            link.kill()

    def _next_link(self) -> Link:
        self._link = Link(self._spec, self._description, self._bitrate)
        return self._link

    def _connection(self, link: Link) -> Exception | None:
        """One connection from beginning to end; what broke it, or None after the last packet."""
        try:
            if self._ending.is_set():
                return None
            if self._stale is not None and answers(self._spec):
                # Or it would take the new connection for a second publisher of the same stream, and refuse it.
                self._forget_stale()
            link.connect()
            log.info("%s: on air", self._spec.display)
            self._came = True
            self._queue.open()
            self._set(state="on air")
            self._want_keyframe()
            self._pump(link)
            return None
        except (LinkError, OSError) as error:
            return error
        finally:
            if self.on_air:
                self._good = time.monotonic()
            self._link = None
            self._queue.shut()
            self._bury(link.close())

    def _bury(self, peer: Peer | None) -> None:
        """Keep the other end of a connection that went silent until it can be told; one is enough."""
        if peer is not None:
            if self._stale is not None:
                self._stale.close()
            self._stale = peer

    def _pump(self, link: Link) -> None:
        while not self._stop.is_set():
            packet = self._queue.get(timeout=0.25)
            if packet is None and self._queue.finished:
                self._count(link.end())
                return
            self._count(link.collect() if packet is None else link.send(packet))
