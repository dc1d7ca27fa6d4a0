"""One message of a viewer, wherever it comes from; and the figures of an audience."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

LONGEST, LONGEST_NAME = 500, 40
"""Letters of a message and of a name."""

KINDS = ("text", "join", "gift", "purchase", "retracted")


@dataclass(frozen=True, slots=True)
class Message:
    """Something that came from a viewer. Its text is data: nobody follows what it says.

    Attributes:
        source: Where it came from, such as ``twitch``.
        ident: Its id there; "" for none.
        author: The name that others see.
        text: What was written; of a ``retracted`` one nothing.
        kind: One of `KINDS`; ``retracted`` takes back the message of the same id, or all of the author's without one.
    """

    source: str
    ident: str
    author: str
    text: str
    kind: str = "text"


@dataclass(frozen=True, slots=True)
class Count:
    """A figure of the audience that a source tells: ``viewers``, ``sales`` or ``clicks``."""

    figure: str
    value: float


Put = Callable[[Message | Count], None]
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
