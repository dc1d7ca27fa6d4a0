"""Actions and looks that are called for, and at which frame: told while a show is on air, and so again in its replay.

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


class Orders:
    """What is asked of one show from outside, by name.

    Args:
        tell: Told of every order as it takes effect: what, the utterance that was heard last, and the frames since that
            began; utterance 0 is the show's beginning.
        planned: Such orders, in order, that are to come again; utterances have rising numbers. One whose frame does not
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

    def ask(self, name: str) -> None:
        """From the next frame on; may be called by any thread."""
        self._asked.append(name)

    def begin(self, utterance: int) -> None:
        """In the frame that is being filled something begins to be heard: of the utterance of this number (0: none)."""
        if utterance and utterance != self._utterance:
            self._utterance, self._frame = utterance, -1

    def due(self) -> list[str]:
        """What takes effect when the next frame is full."""
        self._frame += 1
        names = []
        while self._planned and self._planned[0][1:] <= (self._utterance, self._frame):
            names.append(self._planned.popleft()[0])
        while self._asked:
            names.append(self._asked.popleft())
            self._tell(names[-1], self._utterance, self._frame)
        return names


class Calls:
    """Calls for actions in one show; what a text calls for comes with its sound, all others from outside.

    Args:
        tell, planned: See `Orders`.
    """

    def __init__(
        self,
        tell: Callable[[str, int, int], None] = _nobody,
        planned: Iterable[tuple[str, int, int]] = (),
    ) -> None:
        self._orders = Orders(tell, planned)
        self._action, self._left = "", 0

    def ask(self, action: str) -> None:
        """From the next frame on; may be called by any thread."""
        self._orders.ask(action)

    def begin(self, utterance: int, action: str) -> None:
        """In the frame that is being filled something begins to be heard: of the utterance of this number (0 for none),
        with what its text calls for ("" for nothing)."""
        self._orders.begin(utterance)
        if action:
            self._action, self._left = action, CALLED

    def next(self) -> str:
        """The action that is called for when the next frame is full; "" for none."""
        for action in self._orders.due():
            self._action, self._left = action, CALLED
        if not self._left:
            return ""
        self._left -= 1
        return self._action


class Wearing:
    """Which look of the presenter is asked for in one show: that in which something is said, from the pause before it,
    or that which was asked for from outside since, until what is said is said in yet another one.

    Args:
        first: The look in which the show begins; "" where that is not known.
        tell, planned: See `Orders`.

    Attributes:
        look: The look that is asked for.
    """

    def __init__(
        self,
        first: str = "",
        tell: Callable[[str, int, int], None] = _nobody,
        planned: Iterable[tuple[str, int, int]] = (),
    ) -> None:
        self.look = self._said = first
        self._orders = Orders(tell, planned)

    def ask(self, look: str) -> None:
        """From the next frame on; may be called by any thread."""
        self._orders.ask(look)

    def begin(self, utterance: int) -> None:
        """See `Orders.begin`."""
        self._orders.begin(utterance)

    def next(self, said: str) -> str:
        """The look that is asked for when the next frame is full, in which, or after which, something is ``said`` in a
        look; "" for any."""
        if said and said != self._said:
            self._said = self.look = said
        for look in self._orders.due():
            self.look = look
        return self.look
