"""One message of a viewer, wherever it comes from; the figures of an audience; and whether a source is there."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

LONGEST, LONGEST_NAME, LONGEST_IDENT = 500, 40, 80
"""Letters of a message, of a name and of an id."""

Kind = Literal["text", "join", "follow", "member", "gift", "purchase", "retracted"]
Figure = Literal["viewers", "sales", "clicks"]
KINDS: tuple[str, ...] = get_args(Kind)
FIGURES: tuple[str, ...] = get_args(Figure)

MOST_WORTH = 1e9


@dataclass(frozen=True, slots=True)
class Message:
    """Something that came from a viewer. Its text is data: nobody follows what it says.

    Attributes:
        source: Where it came from, such as ``twitch``.
        ident: Its id there; "" for none.
        author: The name that others see.
        text: What was written; of a ``retracted`` one nothing.
        kind: One of `KINDS`; ``retracted`` takes back the message of the same id, or all of the author's without one.
        worth: What a gift cost its giver, in ``currency``; 0 where nobody tells.
        currency: ISO 4217 code, or what the platform counts in, such as ``bits`` or ``diamonds``.
    """

    source: str
    ident: str
    author: str
    text: str
    kind: str = "text"
    worth: float = 0.0
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """A figure of the audience that a source tells.

    Attributes:
        figure: ``viewers``, ``sales`` or ``clicks``.
        value: How many.
        product: Id of the product that was bought or clicked; "" where it is not told.
        revenue: What these sales brought in all; None where it is not told.
        currency: Of the revenue, such as ``EUR``; "" where it is not told.
    """

    figure: str
    value: float
    product: str = ""
    revenue: float | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """What a source says of itself.

    Attributes:
        up: Whether it hears its platform.
        why: Where it does not: why.
        final: Whether it will not come back.
    """

    up: bool
    why: str = ""
    final: bool = False


Put = Callable[[Message | Count | Link], None]
"""Takes what a source brings; returns at once."""


def cleaned(text: object, most: int = LONGEST) -> str:
    """A text without control signs and what can't be seen, in one line, ``most`` letters at most; "" for no text."""
    if not isinstance(text, str):
        return ""
    plain = unicodedata.normalize("NFC", text[: 4 * most])
    seen = "".join(
        " " if letter.isspace() else letter for letter in plain if letter.isspace() or not _hidden(letter)
    )
    return " ".join(seen.split())[:most]


def _hidden(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn") and letter != "\u200d"


def read(entry: Mapping[str, Any], source: str) -> list[Message | Count]:
    """What a table says, as lines of a replay and the inlet have it: a message, or figures of the audience.

    Raises:
        ValueError: It says neither.
    """
    counts: list[Message | Count] = []
    for figure in FIGURES:
        if figure in entry:
            value = float(entry[figure])
            if not 0 <= value < 1e9:
                raise ValueError(f"{figure} is no number of people or things")
            counts.append(Count(figure, value, *_sold(entry, figure)))
    if counts:
        return counts
    kind = entry.get("kind", "text")
    if kind not in KINDS:
        raise ValueError(f"kind {str(kind)[:20]!r} is none of {', '.join(KINDS)}")
    text, author = cleaned(entry.get("text", "")), cleaned(entry.get("author", ""), LONGEST_NAME)
    if kind == "text" and not text:
        raise ValueError("there is no text")
    worth = float(entry.get("worth", 0.0))
    if not (math.isfinite(worth) and 0 <= worth < MOST_WORTH):
        raise ValueError("worth is no amount")
    ident = cleaned(str(entry.get("id", "")), LONGEST_IDENT)
    return [Message(source, ident, author, text, kind, worth, cleaned(entry.get("currency", ""), 12))]


def _sold(entry: Mapping[str, Any], figure: str) -> tuple[str, float | None, str]:
    """Product, revenue and currency that a table tells of sales, and the product of clicks.

    Raises:
        ValueError: The revenue is no amount.
    """
    if figure == "viewers":
        return "", None, ""
    product = cleaned(str(entry.get("product", "")), LONGEST_NAME)
    if figure != "sales" or entry.get("revenue") is None:
        return product, None, ""
    revenue = float(entry["revenue"])
    if not 0 <= revenue < 1e12:
        raise ValueError("the revenue is no amount of money")
    return product, revenue, cleaned(entry.get("currency", ""), 3).upper()
