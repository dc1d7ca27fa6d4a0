"""What outputs have in common: each has a thread, a bounded queue and a state, and holds up nobody but itself."""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from avatar_engine.broadcast.packets import Packet, PacketQueue
from avatar_engine.broadcast.spec import OutputSpec
from avatar_engine.broadcast.status import OutputStatus

log = logging.getLogger(__name__)

_BITRATE_WINDOW = 5.0


class Output(ABC):
    """One output of the broadcast process.

    Args:
        spec: Where to.
        queue: What stands between the encoder and this output.
    """

    goodbye = 3.0
    """Seconds that it gets to end in."""

    def __init__(self, spec: OutputSpec, queue: PacketQueue) -> None:
        self._spec, self._queue = spec, queue
        self._status = OutputStatus(spec.display)
        self._sent = 0
        self._recent: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._guarded, name=f"output {spec.display}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @abstractmethod
    def put(self, packet: Packet, patient: bool) -> None:
        """Take a packet; waits only where ``patient`` and the output is a file."""

    @abstractmethod
    def run(self) -> None:
        """The thread's work, until `finish` or the stop event."""

    def finish(self) -> None:
        """No packet follows: send what waits, then end."""
        self._queue.finish()

    def join(self, timeout: float) -> bool:
        """Whether it has ended within ``timeout`` seconds; if not, it is told to stop at once."""
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._stop.set()
            self._queue.shut()
            self._thread.join(1.0)
        return not self._thread.is_alive()

    def delivered(self, seconds: float) -> float:
        """Bits per second that left in the last ``seconds`` (`_BITRATE_WINDOW` at most)."""
        with self._lock:
            now = time.monotonic()
            while self._recent and self._recent[0][0] < now - _BITRATE_WINDOW:
                self._recent.popleft()
            chosen = [(then, size) for then, size in self._recent if then >= now - seconds]
            span = max(1.0, now - chosen[0][0]) if chosen else 1.0
            return 8 * sum(size for _, size in chosen) / span

    def status(self) -> OutputStatus:
        """A snapshot."""
        kbps = round(self.delivered(_BITRATE_WINDOW) / 1000, 1)
        with self._lock:
            return replace(self._status, bitrate_kbps=kbps, sent=self._sent, dropped=self._queue.dropped)

    def _set(self, **changes: Any) -> None:
        with self._lock:
            self._status = replace(self._status, **changes)

    def _count(self, gone: Sequence[Packet]) -> None:
        with self._lock:
            self._sent += len(gone)
            self._recent += [(time.monotonic(), len(p.data)) for p in gone]

    def _guarded(self) -> None:
        """A defect in one output must not end the others, nor go unseen."""
        try:
            self.run()
        except Exception as error:
            log.exception("output %s failed", self._spec.display)
            self._set(state="failed", error=self._spec.redact(f"{type(error).__name__}: {error}"))
        finally:
            self._queue.shut()
