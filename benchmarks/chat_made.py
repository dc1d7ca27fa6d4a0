"""A chat that is made: thousands of messages a minute, of which it is known what they ask."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avatar_engine.show.chat.message import Message

DATA: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))
"""Questions by what they ask, words of which one stands in a right answer, talk, and the catalogue with the answers."""


@dataclass(frozen=True, slots=True)
class Made:
    """A message, when it comes, what it asks (an intent, ``attack`` or "" for nothing), and whether it is of a wave."""

    at: float
    message: Message
    asks: str
    wave: bool = False


def attacks(path: Path) -> list[str]:
    """The corpus's messages."""
    return [line.split("\t")[1] for line in path.read_text(encoding="utf-8").splitlines()]


def chat(
    minutes: float,
    per_minute: int,
    questions: int,
    waves: int,
    orders: list[str],
    seed: int = 1,
    askers: int = 20,
) -> Iterator[Made]:
    """Messages as they come: talk, and in it so many questions, waves of ``askers`` within five seconds, and orders."""
    chance, asked_for = random.Random(seed), DATA["questions"]
    seconds = 60 * minutes
    planned: list[tuple[float, str, str, bool]] = []
    for n in range(questions):
        intent = list(asked_for)[n % len(asked_for)]
        planned.append((chance.uniform(0, seconds), intent, chance.choice(asked_for[intent]), False))
    for _ in range(waves):
        begin, intent = chance.uniform(0, seconds - 10), chance.choice(list(asked_for))
        planned += [
            (begin + chance.uniform(0, 5), intent, chance.choice(asked_for[intent]), True)
            for _ in range(askers)
        ]
    planned += [(chance.uniform(0, seconds), "attack", order, False) for order in orders]
    rest = max(0, round(minutes * per_minute) - len(planned))
    planned += [(chance.uniform(0, seconds), "", chance.choice(DATA["talk"]), False) for _ in range(rest)]
    for number, (at, asks, text, wave) in enumerate(sorted(planned), 1):
        name = f"{chance.choice(['Ann', 'Bob', 'Zoe', 'Max', 'Lea', 'Tom'])} {chance.choice('ABCDEFGH')}{number % 4999}"
        yield Made(at, Message("made", str(number), name, text), asks, wave)
