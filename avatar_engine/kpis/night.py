"""A show as its journal tells it: what was on air when, who watched, wrote, clicked and bought.

Everything is in seconds of the show. A show on air tells when a sentence went out (``heard``); a rehearsal only plans,
and what it plans is what its film shows. What a journal does not tell, or tells in a way that nobody understands, is
passed over and counted.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from avatar_engine.errors import AvatarError
from avatar_engine.show import journal

LATEST = 1e7
"""Seconds of a show at most."""

MOST = 500_000
"""Entries of a kind that are kept."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """Something that was on air.

    Attributes:
        start, end: From its first to its last sample, in seconds.
        seconds: Of speech; pauses between its sentences are none.
        stay: Number of the `Stay` in which it was said.
        line: Line of the script; 0 for what is not of it.
        wording: Which of the line's wordings was taken.
        choices: Which options within it.
        answer: Number of the question that it answers; 0 for none.
        product: Id of the product that it is about.
    """

    start: float
    end: float
    seconds: float
    stay: int
    line: int = 0
    wording: int = 0
    choices: tuple[int, ...] = ()
    answer: int = 0
    product: str = ""


@dataclass(frozen=True, slots=True)
class Stay:
    """One time that a segment was on air."""

    segment: str
    product: str
    start: float
    end: float = 0.0


@dataclass(frozen=True, slots=True)
class Bought:
    """Clicks or sales, as one entry tells them."""

    figure: str
    at: float
    count: float
    product: str = ""
    revenue: float | None = None
    currency: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A question of the chat that was chosen.

    Attributes:
        at: When it was chosen.
        asked: When it was asked first.
        people: How many asked it.
        how: ``answered``, or why not.
        response: Seconds from the question to the first sample of its answer; None where there was none.
    """

    at: float
    asked: float
    people: int
    stay: int
    product: str
    how: str = "the show ended"
    response: float | None = None


@dataclass(frozen=True, slots=True)
class Steps:
    """A figure over time, that of each moment being the last one told; ``summed`` for a sum that grows.

    Attributes:
        times: float64 (n,), rising.
        values: float64 (n,).
    """

    times: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]

    def at(self, time: float) -> float:
        """The value that held then; the first one before it was told."""
        return float(self.values[max(0, bisect_right(self.times, time) - 1)]) if len(self.times) else 0.0

    def area(self, start: float, end: float) -> float:
        """The integral from ``start`` to ``end``."""
        if end <= start or not len(self.times):
            return 0.0
        inside = (self.times > start) & (self.times < end)
        edges = np.array([start, *self.times[inside], end])
        values = np.array([self.at(start), *self.values[inside]])
        return float((np.diff(edges) * values).sum())

    def peak(self, start: float, end: float) -> float:
        """The greatest value from ``start`` to ``end``."""
        inside = self.values[(self.times > start) & (self.times < end)]
        return max(self.at(start), float(inside.max()) if len(inside) else 0.0)

    def gained(self, start: float, end: float) -> float:
        """How much a sum grew; between two times at which it was told, evenly."""
        if end <= start or not len(self.times):
            return 0.0
        before, after = np.interp([start, end], self.times, self.values, left=0.0)
        return float(after - before)


@dataclass(frozen=True, slots=True)
class Night:
    """One show.

    Attributes:
        name: The show's id, or its journal's name.
        script: The script's file name.
        start, end: The first and last moment of which the journal tells.
        spoken: What was on air, in order.
        stays: Times that segments were on air, in order.
        viewers: How many watched; empty where no source told it.
        messages, asking: How many messages, and among them questions, had come so far.
        sorts: Messages by what became of them.
        bought: Clicks and sales.
        questions: Those that were chosen.
        lost: Questions that waited too long.
        waiting: Questions that still waited at the end.
        wordings: Between what a line chooses, by its line.
        greets: How often newcomers were welcomed.
        cards: How often the card of each product came on the picture, by its id.
        on_air: Whether the times are those at which it was heard.
        strange: Entries that could not be understood.
        voices: From when to when somebody else spoke in the show's place, in order.
    """

    name: str
    script: str
    start: float
    end: float
    spoken: tuple[Spoken, ...]
    stays: tuple[Stay, ...]
    viewers: Steps
    messages: Steps
    asking: Steps
    sorts: Mapping[str, int]
    bought: tuple[Bought, ...]
    questions: tuple[Question, ...]
    lost: int
    waiting: int
    wordings: Mapping[int, tuple[str, ...]]
    greets: int
    cards: Mapping[str, int]
    on_air: bool
    strange: int
    voices: tuple[tuple[float, float], ...] = ()

    def bought_within(self, start: float, end: float) -> tuple[Bought, ...]:
        """Clicks and sales from ``start`` until before ``end``."""
        first, last = (bisect_left(self.bought, edge, key=lambda one: one.at) for edge in (start, end))
        return self.bought[first:last]

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.end - self.start


def read(path: Path) -> Night:
    """The show that a journal tells of.

    Raises:
        AvatarError: It can't be read, is no journal, or tells of nothing.
    """
    reader = _Reader(path.parent.name if path.name == "journal.jsonl" else path.stem)
    for entry in journal.entries(path):
        reader.take(entry)
    if not reader.said and not reader.samples:
        raise AvatarError(f"The journal {path} tells of nothing that was on air.", "Choose another one.")
    return reader.night()


@dataclass(slots=True)
class _Said:
    """A ``say`` entry."""

    at: float
    spoken: Spoken
    until: float = 0.0
    heard: tuple[float, float] | None = None
    made: float = 0.0
    aired: float = 0.0
    back: bool = False  # it was taken back before it was begun, or cut, and is said again


@dataclass(slots=True)
class _Reader:
    """Takes a journal's entries one after the other."""

    name: str
    script: str = ""
    said: dict[int, _Said] = field(default_factory=dict)
    stays: list[Stay] = field(default_factory=list)
    samples: list[tuple[float, float | None, float, float]] = field(default_factory=list)
    sorts: dict[str, int] = field(default_factory=dict)
    bought: list[Bought] = field(default_factory=list)
    questions: dict[int, Question] = field(default_factory=dict)
    ended: Counter[str] = field(default_factory=Counter)
    wordings: dict[int, tuple[str, ...]] = field(default_factory=dict)
    lost: float = 0.0
    waiting: float = 0.0
    greets: int = 0
    cards: Counter[str] = field(default_factory=Counter)
    first: float = math.inf
    last: float = 0.0
    strange: int = 0
    voices: list[tuple[float, float]] = field(default_factory=list)
    _voice: float = math.nan  # when another voice came on air that is still there
    _stay: int = -1  # what is said now belongs to
    _before: _Said | None = None

    def take(self, entry: Mapping[str, Any]) -> None:
        """Take the next entry."""
        event = str(entry.get("event"))
        take = getattr(self, f"_{event.replace(' ', '_')}") if event in _KNOWN else None
        try:
            if "at" in entry:
                at = _number(entry, "at", LATEST)
                self.first, self.last = min(self.first, at), max(self.last, at)
            if event in ("say", "rest") and self._before and not self._before.until and "at" in entry:
                self._before.until = at
            if take:
                take(entry)
        except (KeyError, TypeError, ValueError, OverflowError):
            self.strange += 1

    def _show(self, entry: Mapping[str, Any]) -> None:
        self.name = str(entry.get("show") or self.name)[:200]
        self.script = str(entry.get("script", ""))[:200]

    def _segment(self, entry: Mapping[str, Any]) -> None:
        if "product" not in entry:  # it was asked for, and begins with the next entry
            return
        self._enter(str(entry["segment"]), str(entry["product"]), _number(entry, "at", LATEST))

    def _enter(self, segment: str, product: str, at: float) -> None:
        if len(self.stays) < MOST:
            self.stays.append(Stay(segment, product, at))
        self._stay = len(self.stays) - 1

    def _say(self, entry: Mapping[str, Any]) -> None:
        at = _number(entry, "at", LATEST)
        here = self.stays[self._stay] if self.stays else None
        segment = str(entry.get("segment", here.segment if here else ""))
        product = str(entry.get("product", here.product if here else ""))
        again = self.said.get(int(entry["again"])) if "again" in entry else None
        if again:
            self._stay = again.spoken.stay
        elif here is None or here.segment != segment:
            self._come_to(segment, product, at)
        source = str(entry.get("source", ""))
        line = int(source[7:]) if source.startswith("script:") and source[7:].isdigit() else 0
        wording, choices = int(entry.get("wording", 0)), tuple(map(int, entry.get("choices", ())))
        if min(wording, *choices, 0) < 0:
            raise ValueError("a wording is counted from 0")
        spoken = Spoken(
            at, at, 0.0, self._stay, line, wording, choices,
            int(entry.get("answer", 0)), product,
        )  # fmt: skip
        said = self._before = _Said(at, spoken)
        if len(self.said) < MOST:
            self.said[int(entry.get("number", 0)) or -1 - len(self.said)] = said

    def _come_to(self, segment: str, product: str, at: float) -> None:
        """A segment that was entered ahead of what was said again, or else a new time of it."""
        ahead = range(self._stay + 1, len(self.stays))
        entered = next((number for number in ahead if self.stays[number].segment == segment), None)
        if entered is not None:
            self._stay = entered
            return
        before = next((one for one in reversed(self.stays) if one.segment == segment), None)
        self._enter(segment, before.product if before else product, at)

    def _taken_back(self, entry: Mapping[str, Any]) -> None:
        back = [said for number in entry.get("numbers", ()) if (said := self.said.get(int(number)))]
        for said in back:
            said.back = True
        if back:
            self._stay = back[0].spoken.stay

    def _microphone(self, entry: Mapping[str, Any]) -> None:
        at = _number(entry, "at", LATEST)
        if entry["on"]:
            self._voice = at
        elif len(self.voices) < MOST and not math.isnan(self._voice):
            self.voices.append((self._voice, max(at, self._voice)))
            self._voice = math.nan

    def _spoke(self, entry: Mapping[str, Any]) -> None:
        if said := self.said.get(int(entry["number"])):
            said.made += _number(entry, "seconds", LATEST)

    def _heard(self, entry: Mapping[str, Any]) -> None:
        begins, ends = _number(entry, "at", LATEST), _number(entry, "until", LATEST)
        said = self.said.get(int(entry["number"]))
        if said is None or ends < begins:
            return
        first, last = said.heard or (begins, ends)
        said.heard = min(first, begins), max(last, ends)
        said.aired += ends - begins
        self.last = max(self.last, ends)

    def _wordings(self, entry: Mapping[str, Any]) -> None:
        if len(self.wordings) < MOST:
            self.wordings[int(entry["line"])] = tuple(str(text) for text in entry["texts"])

    def _audience(self, entry: Mapping[str, Any]) -> None:
        at, viewers = _number(entry, "at", LATEST), None
        if "viewers" in entry:
            viewers = _number(entry, "viewers")
        sums = (_number(entry, name) if name in entry else 0.0 for name in ("messages", "asked"))
        if len(self.samples) < MOST and (not self.samples or at >= self.samples[-1][0]):
            self.samples.append((at, viewers, *sums))  # type: ignore[arg-type]
        if isinstance(entry.get("sorts"), dict):
            self.sorts = {str(sort): int(count) for sort, count in list(entry["sorts"].items())[:100]}
        self.lost = _number(entry, "lost") if "lost" in entry else self.lost
        self.waiting = _number(entry, "questions") if "questions" in entry else self.waiting

    def _sales(self, entry: Mapping[str, Any]) -> None:
        revenue = None if entry.get("revenue") is None else _number(entry, "revenue")
        texts = (str(entry.get(name, ""))[:40] for name in ("product", "currency"))
        product, currency = texts
        at, count = _number(entry, "at", LATEST), _number(entry, "count")
        if len(self.bought) < MOST:
            self.bought.append(Bought(str(entry["event"]), at, count, product, revenue, currency))

    _clicks = _sales

    def _card(self, entry: Mapping[str, Any]) -> None:
        product = str(entry["product"])[:200]
        if product in self.cards or len(self.cards) < MOST:
            self.cards[product] += 1

    def _ask(self, entry: Mapping[str, Any]) -> None:
        if entry.get("kind") == "greet":
            self.greets += 1
        if entry.get("kind") != "answer" or len(self.questions) >= MOST:
            return
        at = _number(entry, "at", LATEST)
        asked = _number(entry, "asked", LATEST) if "asked" in entry else math.nan
        number = int(entry.get("number", 0)) or -1 - len(self.questions)
        product = str(entry.get("product") or "")
        stay = max(0, self._stay)
        self.questions[number] = Question(at, asked, int(entry.get("count", 1)), stay, product)

    def _answered(self, entry: Mapping[str, Any]) -> None:
        number = int(entry.get("number", 0)) or -len(self.questions)
        how = str(entry["event"])
        if how == "unanswered":
            self.ended[how] += 1
            how = str(entry.get("why") or entry.get("how") or how)
            how = how if how != "answered" else "unanswered"
        if question := self.questions.get(number):
            self.questions[number] = replace(question, how=how)

    _unanswered = _answered

    def night(self) -> Night:
        """What they told."""
        on_air = any(said.heard for said in self.said.values())
        spoken = sorted(
            filter(None, map(self._on_air if on_air else _planned, self.said.values())), key=_start
        )
        end = max([self.last, *(one.end for one in spoken)])
        start = min([self.first, *(one.start for one in spoken)])
        times = np.array([sample[0] for sample in self.samples])
        watched = [(sample[0], sample[1]) for sample in self.samples if sample[1] is not None]
        viewers = np.array(watched, float).reshape(-1, 2)
        voices = (*self.voices, *([] if math.isnan(self._voice) else [(self._voice, end)]))
        lost = max(0, int(self.lost) - self.ended["unanswered"])
        return Night(
            self.name, self.script, start, end, tuple(spoken), _timed(self.stays, spoken, end),
            Steps(viewers[:, 0], viewers[:, 1]),
            Steps(times, np.array([sample[2] for sample in self.samples])),
            Steps(times, np.array([sample[3] for sample in self.samples])),
            self.sorts, tuple(sorted(self.bought, key=lambda one: one.at)), tuple(self._responded(on_air)),
            lost, int(self.waiting),
            self.wordings, self.greets, self.cards, on_air, self.strange, voices,
        )  # fmt: skip

    @staticmethod
    def _on_air(said: _Said) -> Spoken | None:
        """When it was heard; None for what never was."""
        if said.heard is None:
            return None
        return replace(said.spoken, start=said.heard[0], end=said.heard[1], seconds=said.aired)

    def _responded(self, on_air: bool) -> list[Question]:
        begun: dict[int, float] = {}
        for said in self.said.values():
            if said.spoken.answer and (said.heard if on_air else not said.back):
                at = said.heard[0] if said.heard else said.at
                begun[said.spoken.answer] = min(at, begun.get(said.spoken.answer, math.inf))
        return [
            replace(question, response=begun[number] - question.asked)
            if number in begun and not math.isnan(question.asked)
            else question
            for number, question in self.questions.items()
        ]


_KNOWN = frozenset(
    (
        "show", "segment", "say", "spoke", "heard", "wordings", "audience", "sales", "clicks", "card", "ask",
        "answered", "unanswered", "taken back", "microphone",
    )
)  # fmt: skip


def _planned(said: _Said) -> Spoken | None:
    """As it was planned, None for what was taken back; an old journal tells no lengths, only what came next."""
    if said.back:
        return None
    seconds = said.made or max(0.0, said.until - said.at)
    return replace(said.spoken, end=said.at + seconds, seconds=seconds)


def _timed(stays: list[Stay], spoken: list[Spoken], end: float) -> tuple[Stay, ...]:
    """Stays from the first thing that was said in each to the first of the next."""
    firsts: dict[int, float] = {}
    for one in spoken:
        firsts[one.stay] = min(one.start, firsts.get(one.stay, math.inf))
    starts = [firsts.get(number, stay.start) for number, stay in enumerate(stays)]
    for number in reversed(
        range(len(starts) - 1)
    ):  # one in which nothing was said ends where the next begins
        starts[number] = min(starts[number], starts[number + 1])
    ends = [*starts[1:], end][: len(starts)]
    return tuple(
        replace(stay, start=begins, end=max(begins, ends_))
        for stay, begins, ends_ in zip(stays, starts, ends, strict=True)
    )


def _start(spoken: Spoken) -> float:
    return spoken.start


def _number(entry: Mapping[str, Any], name: str, most: float = 1e15) -> float:
    """A number of an entry, from 0 to ``most``.

    Raises:
        ValueError: It is none.
    """
    number = float(entry[name])
    if not 0 <= number <= most:
        raise ValueError(f"{name} is {number}")
    return number
