"""Speech that was made ahead of need: a thread lines it up, the programme takes it and never waits."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

from avatar_engine.contracts import SAMPLE_RATE

Made = TypeVar("Made")


class Line(Generic[Made]):
    """The part of a `SpeechSource` that holds what is ready; all of it is guarded by ``_changed``."""

    def __init__(self) -> None:
        self._line: deque[Made] = deque()
        self._ready = 0  # samples in the line
        self._finished = self._closing = False
        self._changed = threading.Condition()

    @property
    def ended(self) -> bool:
        """Whether nothing more will come and everything was taken."""
        with self._changed:
            return self._finished and not self._line

    @property
    def lead(self) -> float:
        """Seconds ready to be heard."""
        return self._ready / SAMPLE_RATE

    def wait(self, timeout: float = 1.0) -> None:
        """Wait until a piece is ready or nothing will come, at most ``timeout`` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._line or self._finished, timeout)

    def _finish(self) -> None:
        """Nothing more will come."""
        with self._changed:
            self._finished = True
            self._changed.notify_all()
