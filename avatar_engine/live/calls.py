"""Actions that are called for, and at which frame: told while a show is on air, and called for again in its replay.

A frame is counted from the one in which its utterance was first heard, so that it lies at the same word whatever came
before: a show on air begins with silence, and rests where its voice is late.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

CALLED = 25
"""Frames in which an action is called for."""


def _nobody(action: str, utterance: int, frame: int) -> None:
    """Nobody keeps a journal."""


class Calls:
    """Calls of one show; what a text calls for comes with its sound, all others from outside.

    Args:
        tell: Told of every call from outside as it takes effect: the action, the utterance that was heard last, and the
            frames since that began; utterance 0 is the show's beginning.
        planned: Such calls, in order, that are to come again; utterances have rising numbers. One whose frame does not
            come, because less was said, comes with the next utterance.
    """

    def __init__(
        self,
        tell: Callable[[str, int, int], None] = _nobody,
        planned: Iterable[tuple[str, int, int]] = (),
    ) -> None:
        self._tell, self._planned = tell, deque(planned)
        self._asked: deque[str] = deque()
        self._utterance, self._frame = 0, -1
        self._action, self._left = "", 0

    def ask(self, action: str) -> None:
        """From the next frame on; may be called by any thread."""
        self._asked.append(action)

    def begin(self, utterance: int, action: str) -> None:
        """In the frame that is being filled something begins to be heard: of the utterance of this number (0 for none),
        with what its text calls for ("" for nothing)."""
        if utterance and utterance != self._utterance:
            self._utterance, self._frame = utterance, -1
        if action:
            self._action, self._left = action, CALLED

    def next(self) -> str:
        """The action that is called for when the next frame is full; "" for none."""
        self._frame += 1
        while self._planned and self._planned[0][1:] <= (self._utterance, self._frame):
            self._action, self._left = self._planned.popleft()[0], CALLED
        while self._asked:
            self._action, self._left = self._asked.popleft(), CALLED
            self._tell(self._action, self._utterance, self._frame)
        if not self._left:
            return ""
        self._left -= 1
        return self._action
