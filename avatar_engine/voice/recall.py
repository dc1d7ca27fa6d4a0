"""What a show says again and again is made twice and then remembered.

A script that loops for fifteen hours, and the greetings and answers that come all the time, are the same sentences in
the same manner. A voice that makes the same sound of them every time need not make it: making speech is the largest
part of what a show costs. Only what was asked for before is kept, so that a host who never repeats itself fills
nothing. When the memory is full any sentence goes for a new one, by chance: the one that was not heard for the longest
time would be the very next one of a loop that is longer than the memory.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np

from avatar_engine.contracts import SAMPLE_RATE, Speech

MOST = 15 * 60 * SAMPLE_RATE
"""Samples that are remembered in all: a quarter of an hour of speech, 86 MB."""

ONCE = 10_000
"""Sentences that were said once of which is known that they were, without their sound."""


@dataclass(slots=True)
class Known:
    """A sentence that is remembered.

    Attributes:
        pieces: Its sound, read-only.
        read: Words that were not understood when it was read back, and of how many; None where it was not.
    """

    pieces: tuple[Speech, ...]
    read: tuple[int, int] | None = field(default=None)

    @property
    def samples(self) -> int:
        """How many samples it has."""
        return sum(len(piece.samples) for piece in self.pieces)


class Recall:
    """Remembers the sound of sentences.

    Args:
        most: Samples in all.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most, self._held = most, 0
        self._known: dict[Hashable, Known] = {}
        self._names: list[Hashable] = []
        self._once: OrderedDict[Hashable, None] = OrderedDict()
        self._chance = Random(5)

    def __len__(self) -> int:
        return len(self._known)

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._names)

    def get(self, name: Hashable) -> Known | None:
        """What is remembered under a name."""
        return self._known.get(name)

    def made(self, name: Hashable, pieces: Sequence[Speech]) -> None:
        """A sentence was made; its sound is kept if it had been made before."""
        if name not in self._once:
            self._once[name] = None
            if len(self._once) > ONCE:
                self._once.popitem(last=False)
            return
        known = Known(tuple(Speech(_kept(piece.samples), piece.phones) for piece in pieces))
        if name in self._known or not 0 < known.samples <= self._most:
            return
        while self._held + known.samples > self._most:
            self._forget(self._chance.randrange(len(self._names)))
        self._known[name] = known
        self._names.append(name)
        self._held += known.samples
        del self._once[name]

    def _forget(self, place: int) -> None:
        name = self._names[place]
        self._names[place] = self._names[-1]
        self._names.pop()
        self._held -= self._known.pop(name).samples


def _kept(samples: np.ndarray) -> np.ndarray:
    own = np.array(samples, np.float32)
    own.flags.writeable = False  # what plays it must not change it for the next time
    return own
