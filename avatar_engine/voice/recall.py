"""What a show says again and again is made twice and then remembered.

A script that loops for fifteen hours, and the greetings and answers that come all the time, are the same sentences in
the same manner. A voice that makes the same sound of them every time need not make it: making speech is the largest
part of what a show costs. Only what was asked for before is kept, so that a host who never repeats itself fills
nothing. When the memory is full any sentence goes for a new one, by chance: the one that was not heard for the longest
time would be the very next one of a loop that is longer than the memory.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from avatar_engine.contracts import SAMPLE_RATE, FloatArray, Speech

MOST = 15 * 60 * SAMPLE_RATE
"""Samples that are remembered in all: a quarter of an hour of speech, 86 MB."""

ONCE = 10_000
"""Sentences said once of which is known that they were, without their sound."""


@dataclass(slots=True)
class Known:
    """A sentence that is remembered.

    Attributes:
        pieces: Its sound, read-only.
        read: Words that were not understood when it was read back, and of how many; None where it was not.
    """

    pieces: tuple[Speech, ...]
    read: tuple[int, int] | None = None

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
        self._most = most
        self._known: dict[Hashable, Known] = {}
        self._once: dict[int, None] = {}  # hashes of names, the first first: two that are equal do no harm
        self._chance = Random(5)

    @property
    def samples(self) -> int:
        """How many samples are remembered."""
        return sum(known.samples for known in self._known.values())

    def get(self, name: Hashable) -> Known | None:
        """What is remembered under a name."""
        return self._known.get(name)

    def good(self, name: Hashable, pieces: Sequence[Speech]) -> None:
        """Nothing was wrong with a sentence; its sound is kept if that had been so before."""
        if name in self._known:
            return
        if hash(name) not in self._once:
            self._once[hash(name)] = None
            if len(self._once) > ONCE:
                del self._once[next(iter(self._once))]
            return
        known = Known(tuple(Speech(_kept(piece.samples), piece.phones) for piece in pieces))
        if not 0 < known.samples <= self._most:
            return
        while self.samples + known.samples > self._most:
            del self._known[self._chance.choice(list(self._known))]
        self._known[name] = known


def _kept(samples: FloatArray) -> FloatArray:
    own = np.array(samples, np.float32)
    own.flags.writeable = False  # what plays it must not change it for the next time
    return own
