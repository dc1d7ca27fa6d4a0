"""The journal of a show: everything that was decided and said, in order, from which it can be played again exactly.

JSON lines. The first one has the seed, the script's hash and what its pictures look like; ``say`` and ``rest`` are
what was handed out, ``taken back`` says how much of that was not heard after all and comes again (the ``numbers`` of
what was to be said among it; what comes again has a new number, and says ``again`` which one it had), ``microphone``
when another voice was on air, and `CARDS` which product's card was on the picture while what was ``heard``;
``comment`` and ``layout`` tell what else was on it, and ``action`` and ``look`` what a technician had the presenter do
and wear, so many frames after the utterance of this ``number`` was first heard. Of the others, which a replay passes
over, the figures of a show are counted (`avatar_engine.kpis`): ``spoke`` (how long something is), ``heard`` (when it
went out), ``wordings`` (between what a line chooses), ``segment``, ``ask``, ``answered``, ``unanswered``, ``audience``,
``sales``, ``clicks``; the rest is decisions. Names of viewers are enciphered, and what they wrote of themselves is
masked (`avatar_engine.show.privacy`).
"""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TextIO

from avatar_engine.contracts import Card, Comment, Controls, Utterance
from avatar_engine.errors import AvatarError
from avatar_engine.show.front_matter import OFF
from avatar_engine.show.privacy import Discretion, Pseudonyms
from avatar_engine.show.script import Pause, Script

log = logging.getLogger(__name__)

Entry = Mapping[str, Any]
"""One line of it; its ``event`` says what it is about."""

CARDS = ("card", "card changed", "card gone")
"""Events of `avatar_engine.show.showcase`: a product's card is shown, says something else, or is taken away."""

_SAME = 0.01
"""Seconds within which two times are one."""

LONGEST = 1 << 20
"""Letters of an entry."""

UNAUDITED = ("rest", "spoke")
"""What nobody decided."""

MOST = 256 << 20
"""Bytes of a journal; a show of fifteen hours needs a tenth of it."""


class Journal:
    """Writes down what happens; a disk that is full ends the journal, never the show.

    Args:
        path: Its file; None for a journal that is only asked for its counts.
        also: Take every entry, too, but silence: the audit log (`avatar_engine.trust.audit`), the presenter's record.
        about: What it begins with; with ``names`` = ``kept`` names of viewers are written as they are.

    Attributes:
        counts: How often each event was told.

    Raises:
        AvatarError: The file can't be written.
    """

    def __init__(self, path: Path | None, *also: Callable[[Entry], None], **about: Any) -> None:
        self.counts: dict[str, int] = {}
        self._lock, self._size = threading.Lock(), 0
        self._file: TextIO | None = None
        self._also = also
        if path is not None:
            try:
                self._file = path.open("w", encoding="utf-8")
            except OSError as error:
                raise AvatarError(
                    f"The journal {path} can't be written: {error.strerror}.", "Choose another place."
                ) from None
        pseudonyms = None
        if about.get("names") != "kept" and (path is not None or also):
            pseudonyms = Pseudonyms.begun(path) if path is not None else Pseudonyms.forgotten()
        self._discretion = Discretion(pseudonyms)
        self({"event": "show", **about})

    def named(self, names: Sequence[str]) -> None:
        """Viewers may be called by these names from now on."""
        with self._lock:
            self._discretion.named(names)

    def __call__(self, entry: Mapping[str, Any]) -> None:
        """Write an entry down."""
        with self._lock:
            entry = self._discretion.written(entry)
            event = str(entry.get("event"))
            self.counts[event] = self.counts.get(event, 0) + 1
            if event not in UNAUDITED:
                for also in self._also:
                    also(entry)
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
        "then": utterance.then, "number": utterance.number, "product": utterance.product,
        "controls": asdict(utterance.controls), **({"look": utterance.look} if utterance.look else {}),
    }  # fmt: skip


class Replayed:
    """A director that hands out what a journal says was handed out (see `avatar_engine.show.director.Director`)."""

    def __init__(self, entries: Iterable[Mapping[str, Any]]) -> None:
        self.generation = 0
        self._items = deque(_counted(heard(entries)))

    def next(self) -> Utterance | Pause | None:
        """The next thing that was said, or silence; None at the end."""
        return self._items.popleft() if self._items else None

    def told(self, seconds: float) -> None:
        """What was handed out last is so long; it was so before."""

    def interrupt(self) -> int:
        """Start a new generation."""
        self.generation += 1
        return self.generation


def heard(entries: Iterable[Entry]) -> list[Utterance | Pause]:
    """What was said and not taken back; where another voice was on air there is silence of that length."""
    items: list[Utterance | Pause] = []
    handed: list[int] = []  # which of them were handed out
    for entry in entries:
        event = entry.get("event")
        if event == "say":
            controls = Controls(**entry["controls"])
            handed.append(len(items))
            text, language, source = (str(entry[name]) for name in ("text", "language", "source"))
            product, look = (str(entry.get(name, "")) for name in ("product", "look"))
            number = int(entry.get("number", 0))
            items.append(
                Utterance(text, language, controls, source, product=product, number=number, look=look)
            )
        elif event == "rest":
            handed.append(len(items))
            items.append(Pause(float(entry["seconds"])))
        elif event == "taken back":
            for _ in range(min(int(entry["count"]), len(handed))):
                del items[handed.pop()]
        elif event == "microphone" and not entry["on"]:
            items.append(Pause(float(entry["seconds"])))
    return items


def _counted(items: Iterable[Utterance | Pause]) -> Iterator[Utterance | Pause]:
    """The same with utterances numbered from 1, as they are heard."""
    number = 0
    for item in items:
        if isinstance(item, Utterance):
            number += 1
            yield replace(item, number=number)
        else:
            yield item


def actions(entries: Sequence[Entry]) -> list[tuple[str, int, int]]:
    """The actions that a technician called for: which, at which utterance that is heard (`Replayed` counts them from 1;
    0 is the show's beginning), and how many frames after that began.

    Of an utterance that was taken back they come with what came again in its place, or else with the one before.
    """
    return _called_for(entries, "action")


def looks(entries: Sequence[Entry]) -> list[tuple[str, int, int]]:
    """The looks that a technician asked for, in the same way."""
    return _called_for(entries, "look")


def _called_for(entries: Sequence[Entry], event: str) -> list[tuple[str, int, int]]:
    spoken = [item.number for item in heard(entries) if isinstance(item, Utterance)]
    places = {number: place for place, number in enumerate(spoken, 1) if number}
    told = [entry for entry in entries if entry.get("event") == "say" and "again" in entry]
    later = {int(one["again"]): int(one["number"]) for one in told if int(one["number"]) > int(one["again"])}
    called = []
    for entry in entries:
        if entry.get("event") == event:
            number = int(entry["number"])
            while number not in places and number in later:
                number = later[number]
            before = max((places[one] for one in places if one <= number), default=0)
            called.append((str(entry[event]), places.get(number, before), int(entry["frame"])))
    return sorted(called, key=lambda call: call[1:])


def read(path: Path) -> list[Entry]:
    """A journal's entries, the first one about the show; all that a replay needs is there.

    Raises:
        AvatarError: It can't be read, or is no journal.
    """
    told = list(entries(path))
    for number, entry in enumerate(told, 1):
        event = entry.get("event")
        try:
            if event in CARDS:
                float(entry["at"]), Card(**entry.get("card") or {"product": "", "name": "", "price": ""})
            elif event in ("action", "look"):
                entry[event], int(entry["number"]), int(entry["frame"])
            elif event == "say":
                int(entry.get("number", 0)), int(entry.get("again", 0))
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise _edited(path, number, error) from None
    return told


def entries(path: Path) -> Iterator[Entry]:
    """The same, one after the other; a last line that was cut off, as a killed show leaves it, is told and left out.

    Raises:
        AvatarError: It can't be read, or is no journal.
    """
    number = 0
    try:
        with path.open(encoding="utf-8", errors="strict") as file:
            while line := file.readline(LONGEST):
                number += 1
                if number > 1 and not line.endswith("\n"):
                    if file.read(1):
                        raise AvatarError(f"{path}, line {number} is too long.", "Is it a journal?")
                    log.warning("%s, line %d was cut off and is left out", path, number)
                    return
                entry = _entry(line, number, path)
                if number == 1 and entry.get("event") != "show":
                    raise _no_journal(path)
                yield entry
    except (OSError, UnicodeDecodeError) as error:
        raise AvatarError(f"The journal {path} can't be read: {error}.", "Check the path.") from None
    if not number:
        raise _no_journal(path)


def _no_journal(path: Path) -> AvatarError:
    return AvatarError(f"{path} is no journal of a show.", "A rehearsal writes one: show rehearse --journal.")


def script_of(entries: Sequence[Mapping[str, Any]]) -> Script:
    """What a journal says of the script: language, label's corner, expression, first look; nothing to be said."""
    about = entries[0]
    kept = ("language", "label", "expression", "use", "look")
    texts = {name: str(about[name]) for name in kept if name in about}
    look = about.get("card", [OFF])
    sells, nods = about.get("advertising") is True, about.get("nods") is not False
    texts["layout"] = str(about.get("layout", ""))
    return Script((), **texts, card=tuple(map(str, look)), advertising=sells, nods=nods)  # type: ignore[arg-type]


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


def layouts(entries: Sequence[Entry]) -> list[tuple[str, float]]:
    """The layouts that a technician asked for, and at which second of the show."""
    return [(str(entry["layout"]), float(entry["at"])) for entry in entries if entry.get("event") == "layout"]


def comments(entries: Sequence[Entry]) -> list[tuple[Comment, float]]:
    """What of viewers was on the picture, and from which second of the show on."""
    return [
        (
            Comment(*(str(entry.get(field, "")) for field in ("author", "text", "language"))),
            float(entry["at"]),
        )
        for entry in entries
        if entry.get("event") == "comment"
    ]


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
        if entry.get("event") == "taken back":
            int(entry["count"])
        if entry.get("event") == "microphone" and not entry["on"]:
            float(entry["seconds"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise _edited(path, number, error) from None
    return entry


def _edited(path: Path, number: int, error: Exception) -> AvatarError:
    return AvatarError(f"{path}, line {number}: {error}.", "A journal is not to be edited by hand.")
