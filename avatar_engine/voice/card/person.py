"""A person as the card takes one: the gains and shifts of the decoder's normalisations, in one row of numbers.

The network's weights are the same for everybody, so that one batch may hold sentences of many people.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from avatar_engine.contracts import FloatArray
from avatar_engine.voice import network
from avatar_engine.voice.network import GENERATOR, Folded, Statistics

Part = Literal["body", "generator"]


@dataclass(frozen=True, slots=True)
class Person:
    """One part of a voice.

    Attributes:
        key: The same for the same numbers, whoever sends them.
        row: float32 (n,), for every AdaIN of the part, in the graph's order, factors and offsets (channels each).
            The body's apply to what is normalised, the generator's to what comes: its statistics are folded in.
    """

    key: str
    row: FloatArray

    @classmethod
    def of(cls, row: FloatArray) -> Person:
        row = np.ascontiguousarray(row, np.float32)
        return cls(hashlib.sha256(row.tobytes()).hexdigest()[:16], row)


@cache
def names(part: Part) -> tuple[str, ...]:
    """The AdaIN layers of ``part``, in the graph's order."""
    return tuple(
        name for name in network.adain_names() if name.startswith(GENERATOR) == (part == "generator")
    )


def body(style: FloatArray, folded: Folded | None) -> Person:
    """What articulates, of a style (256,) or the gains and shifts of a fitted voice."""
    given = folded or network.gains(style)
    return Person.of(np.concatenate(list(_unfolded(given))))


def _unfolded(given: Mapping[str, FloatArray]) -> Iterator[FloatArray]:
    for name in names("body"):
        gain, shift = np.split(given[name], 2)
        yield from (1 + gain, shift)


def generator(style: FloatArray, folded: Folded | None, statistics: Statistics) -> Person:
    """What sounds, with the voice's own statistics."""
    given = network.frozen(folded or network.gains(style), statistics)
    return Person.of(np.concatenate([part for name in names("generator") for part in given[name]]))
