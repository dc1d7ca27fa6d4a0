"""What bitrate the pictures get when an upload is too slow for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from avatar_engine.broadcast.spec import TIME_BASE

_SLOW, _FREE = 0.7, 0.3
"""Seconds of lag above which a link is too slow, and below which it is free."""
_LOOKS = 2
"""Looks in a row, half a second apart, at which all links must be too slow."""
_SETTLE = 3 * TIME_BASE
"""Ticks between two steps down: x264 needs two to four seconds to get there."""
_DOWN, _ROOM = 0.8, 0.8
"""A step down: this share of the bitrate, or this share of what the link carried if that is less."""
_UP = 1.15
_CALM, _MOST_CALM = 10 * TIME_BASE, 160 * TIME_BASE
"""Ticks without lag before a step up: doubled each time that a step up turns out to have been too much."""
_SILENT = 0.1
"""Share of the bitrate below which a link does not carry little but nothing: it is about to be given up."""
_LEAST_SHARE, _LEAST = 8, 100_000
"""The bitrate goes down to an eighth of the full one, and never below what shows a face."""


@dataclass(frozen=True, slots=True)
class Load:
    """How one network output that is on air fares.

    Attributes:
        lag: Seconds of programme that it has taken and that have not left.
        delivered: Bits per second that left in the last seconds, sound included.
    """

    lag: float
    delivered: float


class BitrateControl:
    """Lowers the bitrate when every link is too slow, and raises it again slowly.

    All outputs share one encoder. One slow link among several must not make the pictures worse for the others: it
    drops pictures of its own (see `packets.PacketQueue`). When all are slow, or the only one, fewer bits are better
    than pictures that stand still; recordings get them, too.

    Args:
        full: Bits per second of the pictures when all is well.
        sound: Bits per second of the sound.
    """

    def __init__(self, full: int, sound: int) -> None:
        self._full, self._sound = full, sound
        self._least = max(_LEAST, full // _LEAST_SHARE)
        self._calm = _CALM
        self._changed: int | None = None
        self._raised = False
        self._slow = 0
        self.bitrate = full
        """Bits per second that the pictures should have now."""

    def update(self, tick: int, links: Sequence[Load]) -> int:
        """The bitrate from here on.

        Args:
            tick: The programme's time now.
            links: Every network output that is on air.
        """
        if not links:
            # Who comes back begins with the full picture, as the show did.
            self.bitrate, self._changed, self._calm = self._full, None, _CALM
            return self.bitrate
        lag, since = min(link.lag for link in links), tick - (self._changed or tick - _MOST_CALM)
        # One look may fall on a moment when the machine, not the link, held everything up.
        self._slow = self._slow + 1 if lag > _SLOW else 0
        if self._slow >= _LOOKS and since >= _SETTLE and self.bitrate > self._least:
            self._lower(tick, max(link.delivered for link in links))
        elif lag > _FREE:
            # Neither slow nor free: the time of calm begins anew.
            self._changed = tick - min(since, _SETTLE)
        elif since >= self._calm and self.bitrate < self._full:
            self.bitrate = min(self._full, round(self.bitrate * _UP))
            self._changed, self._raised = tick, True
        return self.bitrate

    def _lower(self, tick: int, delivered: float) -> None:
        if delivered < _SILENT * self.bitrate:
            return
        carried = (delivered - self._sound) * _ROOM
        self.bitrate = max(self._least, round(min(self.bitrate * _DOWN, max(carried, self.bitrate / 2))))
        if self._raised:
            self._calm = min(_MOST_CALM, 2 * self._calm)
        self._changed, self._raised = tick, False
