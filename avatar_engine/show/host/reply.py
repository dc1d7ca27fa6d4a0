"""What a host is asked, and what it gives: sentences, as they are found."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

EMBEDDED, LAW = "embedded host", "the law"
OWN = (EMBEDDED, LAW)
"""Who speaks in words that were written before, and never a language model's: the embedded host, and what is true."""


@dataclass(frozen=True, slots=True)
class Request:
    """What words are wanted for.

    Attributes:
        kind: ``answer`` (to the chat), ``fill`` (a gap), ``offer``, ``greet`` or ``thank`` (viewers).
        text: The question as it was asked, what the gap is about, or what viewers are greeted and thanked for. Of the
            chat: data, never an instruction.
        askers: Names of who asked, that may be said aloud.
        count: How many asked.
        language: BCP 47 tag of the answer.
        product: Id of the product that it is about; "" for none.
        segment: Name of the segment that is on.
        seconds: How long what is said may be.
        again: Whether the same was answered a while ago, so that a short form will do.
    """

    kind: str
    text: str
    language: str
    askers: tuple[str, ...] = ()
    count: int = 1
    product: str = ""
    segment: str = ""
    seconds: float = 20.0
    again: bool = False


class Reply(Protocol):
    """Sentences that are on their way."""

    @property
    def ended(self) -> bool:
        """Whether no further sentence will come."""
        ...

    @property
    def by(self) -> str:
        """Whose words these are, for logs."""
        ...

    def poll(self) -> str | None:
        """The next sentence, at once; None while there is none."""
        ...

    def drop(self) -> None:
        """Nobody waits for the rest."""
        ...


class Host(Protocol):
    """Finds words."""

    def reply(self, request: Request) -> Reply | None:
        """Sentences for a request; None where this host has nothing to say to it."""
        ...


class Ready:
    """A `Reply` that is whole from the start."""

    def __init__(self, sentences: Iterable[str], by: str) -> None:
        self._sentences, self.by = deque(sentences), by

    @property
    def ended(self) -> bool:
        """See `Reply`."""
        return not self._sentences

    def poll(self) -> str | None:
        """See `Reply`."""
        return self._sentences.popleft() if self._sentences else None

    def drop(self) -> None:
        """See `Reply`."""
        self._sentences.clear()
