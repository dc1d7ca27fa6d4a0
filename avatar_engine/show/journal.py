"""The journal of a show: everything that was decided and said, in order, from which it can be played again exactly.

JSON lines. The first one has the seed and the script's hash; ``say`` and ``rest`` are what was handed out.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from avatar_engine.contracts import Card, Controls, Utterance
from avatar_engine.errors import AvatarError
from avatar_engine.show.front_matter import OFF
from avatar_engine.show.script import Pause, Script

log = logging.getLogger(__name__)

Entry = Mapping[str, Any]
"""One line of it; its ``event`` says what it is about."""

CARDS = ("card", "card changed", "card gone")
"""Events of `avatar_engine.show.showcase`: a product's card is shown, says something else, or is taken away."""

_SAME = 0.01
"""Seconds within which two times are one."""

MOST = 256 << 20
"""Bytes of a journal; a show of fifteen hours needs a tenth of it."""


class Journal:
    """Writes down what happens; a disk that is full ends the journal, never the show.

    Args:
        path: Its file; None for a journal that is only asked for its counts.

    Attributes:
        counts: How often each event was told.

    Raises:
        AvatarError: The file can't be written.
    """

    def __init__(self, path: Path | None, **about: Any) -> None:
        self.counts: dict[str, int] = {}
        self._lock, self._size = threading.Lock(), 0
        self._file: TextIO | None = None
        if path is not None:
            try:
                self._file = path.open("w", encoding="utf-8")
            except OSError as error:
                raise AvatarError(
                    f"The journal {path} can't be written: {error.strerror}.", "Choose another place."
                ) from None
        self({"event": "show", **about})

    def __call__(self, entry: Mapping[str, Any]) -> None:
        """Write an entry down."""
        with self._lock:
            event = str(entry.get("event"))
            self.counts[event] = self.counts.get(event, 0) + 1
            if self._file is None:
                return
            line = json.dumps(dict(entry), ensure_ascii=False, default=str) + "\n"
            self._size += len(line)
            try:
                if self._size > MOST:
                    raise OSError(0, "it is too long")
                self._file.write(line)
                self._file.flush()
            except (OSError, ValueError) as error:
                log.error("the show's journal ends here: %s", error)
                self._file = None

    def close(self) -> None:
        """Finish the file."""
        with self._lock:
            file, self._file = self._file, None
            if file:
                file.close()


def said(utterance: Utterance) -> dict[str, Any]:
    """An utterance as an entry."""
    return {
        "event": "say", "text": utterance.text, "language": utterance.language, "source": utterance.source,
        "then": utterance.then, "controls": asdict(utterance.controls), "product": utterance.product,
    }  # fmt: skip


class Replayed:
    """A director that hands out what a journal says was handed out (see `avatar_engine.show.director.Director`)."""

    def __init__(self, entries: Iterator[Mapping[str, Any]]) -> None:
        self.generation = 0
        self._entries = entries

    def next(self) -> Utterance | Pause | None:
        """The next thing that was said, or silence; None at the end."""
        for entry in self._entries:
            if entry.get("event") == "say":
                return Utterance(
                    str(entry["text"]),
                    str(entry["language"]),
                    Controls(**entry["controls"]),
                    str(entry["source"]),
                    product=str(entry.get("product", "")),
                )
            if entry.get("event") == "rest":
                return Pause(float(entry["seconds"]))
        return None

    def told(self, seconds: float) -> None:
        """What was handed out last is so long; it was so before."""

    def interrupt(self) -> int:
        """Start a new generation."""
        self.generation += 1
        return self.generation


def read(path: Path) -> list[Mapping[str, Any]]:
    """A journal's entries, the first one about the show.

    Raises:
        AvatarError: It can't be read, or is no journal.
    """
    try:
        with path.open(encoding="utf-8") as file:
            entries = [_entry(line, number, path) for number, line in enumerate(file, 1)]
    except (OSError, UnicodeDecodeError) as error:
        raise AvatarError(f"The journal {path} can't be read: {error}.", "Check the path.") from None
    if not entries or entries[0].get("event") != "show":
        raise AvatarError(
            f"{path} is no journal of a show.", "A rehearsal writes one: show rehearse --journal."
        )
    return entries


def script_of(entries: Sequence[Mapping[str, Any]]) -> Script:
    """What a journal says of the script: language, corner of the label, expression; nothing to be said."""
    about = entries[0]
    texts = {name: str(about[name]) for name in ("language", "label", "expression", "use") if name in about}
    look = about.get("card", [OFF])
    return Script((), **texts, card=tuple(map(str, look)))  # type: ignore[arg-type]


def cards(entries: Sequence[Mapping[str, Any]]) -> Callable[[str, float], Card | None]:
    """What was shown while a product was heard: that of this second of the show, or the first after it."""
    told: dict[str, list[tuple[float, Card | None]]] = {}
    for entry in entries:
        if entry.get("event") in CARDS:
            card = Card(**entry["card"]) if entry.get("card") else None
            told.setdefault(str(entry.get("heard", "")), []).append((float(entry["at"]), card))

    def card_of(product: str, at: float) -> Card | None:
        shown = told.get(product, [])
        before = [card for then, card in shown if then <= at + _SAME]
        return before[-1] if before else next((card for _, card in shown if card), None)

    return card_of


def languages(entries: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """All that was spoken, the script's own first."""
    spoken = (str(entry["language"]) for entry in entries if entry.get("event") == "say")
    return tuple(dict.fromkeys((script_of(entries).language, *spoken)))


def _entry(line: str, number: int, path: Path) -> Mapping[str, Any]:
    try:
        entry = json.loads(line)
        if not isinstance(entry, dict):
            raise ValueError("no table")
        if entry.get("event") == "say":
            Controls(**entry["controls"]).check()
            entry["text"], entry["language"], entry["source"]
        if entry.get("event") == "rest":
            float(entry["seconds"])
        if entry.get("event") in CARDS:
            float(entry["at"]), Card(**entry.get("card") or {"product": "", "name": "", "price": ""})
    except (ValueError, KeyError, TypeError) as error:
        raise AvatarError(
            f"{path}, line {number}: {error}.", "A journal is not to be edited by hand."
        ) from None
    return entry
