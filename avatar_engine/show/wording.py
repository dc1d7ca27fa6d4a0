"""Wordings: what a line of a script sounds like this time.

A line has wordings of its own (``<!-- or -->``), choices within its text (``{Hello|Good evening}``) and slots
(``{price}``). Which of them is taken follows from the show's seed, the line and the round alone, so that a show can be
rehearsed and played again exactly; in a row of rounds every wording comes once before any comes again, and none comes
twice in a row.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SLOTS = ("name", "price", "was", "saving", "stock")
"""What a product fills in."""

_CHOICE = re.compile(r"\{([^{}]*\|[^{}]*)\}")
_SLOT = re.compile(r"\{([a-z_]{1,20})\}")


def slots_of(text: str) -> list[str]:
    """The slots that a text has, in order."""
    return _SLOT.findall(text)


def verbatim(text: str) -> str:
    """``text`` with no choice and no slot in it, however it looks."""
    return text.replace("{", "&#123;").replace("|", "&#124;").replace("}", "&#125;")


def filled(text: str, values: Mapping[str, str]) -> str:
    """``text`` with its slots filled.

    Raises:
        KeyError: There is no value for one of them.
    """
    return _SLOT.sub(lambda found: values[found[1]], text)


@dataclass(frozen=True, slots=True)
class Wording:
    """A line as it is worded this time.

    Attributes:
        text: All choices within it made.
        which: Which of the line's wordings it is, from 0.
        choices: Which option was taken of every ``{a|b}`` in it, in order.
    """

    text: str
    which: int = 0
    choices: tuple[int, ...] = ()


def choices_of(text: str) -> list[tuple[str, ...]]:
    """The options of every choice that a text has, in order."""
    return [tuple(option.strip() for option in found.split("|")) for found in _CHOICE.findall(text)]


def worded(texts: Sequence[str], seed: int, line: int, turn: int) -> Wording:
    """One of ``texts``, all choices within it made.

    Args:
        texts: The wordings of one line; at least one.
        seed: The show's.
        line: Where the line stands in the script.
        turn: How often it was said before.
    """
    which = picked(len(texts), seed, f"{line}", turn)
    # A wording comes round once in so many turns: its choices go on from one time to the next.
    turn //= len(texts)
    taken: list[int] = []

    def choose(found: re.Match[str]) -> str:
        options = found[1].split("|")
        taken.append(picked(len(options), seed, f"{line}.{which}.{len(taken)}", turn))
        return options[taken[-1]].strip()

    return Wording(" ".join(_CHOICE.sub(choose, texts[which]).split()), which, tuple(taken))


def picked(count: int, seed: int, what: str, turn: int) -> int:
    """Which of ``count`` is taken at the ``turn``-th time: each once in ``count`` turns, none twice in a row."""
    if count < 2:
        return 0
    if count == 2:
        return (turn + random.Random(f"{seed} {what}").randrange(2)) % 2
    cycle, place = divmod(turn, count)
    order = _order(count, seed, what, cycle)
    if cycle and order[0] == _order(count, seed, what, cycle - 1)[-1]:
        order[0], order[1] = order[1], order[0]
    return order[place]


def _order(count: int, seed: int, what: str, cycle: int) -> list[int]:
    order = list(range(count))
    random.Random(f"{seed} {what} {cycle}").shuffle(order)
    return order
