"""A sentence is said in takes, as a scene is shot: the first with which nothing is wrong goes on air.

While there is little speech in hand a sentence goes out piece by piece, each piece checked before it is given away;
one that turns out wrong later ends softly and is said again. With more in hand it is made whole, checked whole, and,
where there is time even for that, read back, before any of it is heard. What was good and comes again is remembered
(`avatar_engine.voice.recall`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, runtime_checkable

import numpy as np

from avatar_engine.contracts import SAMPLE_RATE, SILENCE, Phone, Speech, Utterance, join
from avatar_engine.voice import checks
from avatar_engine.voice.checks import Fault, FaultError
from avatar_engine.voice.recall import Known, Recall

log = logging.getLogger(__name__)

RESERVE = 0.75
"""Seconds of speech that stay in hand whatever a sentence costs."""

REST = 0.3
"""Seconds of silence between what broke off and the next take of it."""

EDGE = SAMPLE_RATE // 200
"""Samples (5 ms) in which sound that breaks off falls to silence."""

_MEMORY = 30.0
"""Seconds of speech after which the pace of the voice is half forgotten."""

_LOOK = SAMPLE_RATE
"""Samples that are looked at together with the next piece of a voice that does not check itself."""

_LETTER = 0.065
"""Seconds that it takes to say a letter, about."""

NOTHING = Speech(np.zeros(0, np.float32))

_FEWEST = 3
"""Words that must be wrong before a sentence is grossly misread."""

_READING = 4.0
"""Seconds that the first reading may take, which loads the recogniser, too."""


@dataclass(frozen=True, slots=True)
class Take:
    """One way of saying a sentence.

    Attributes:
        way: How, for the log.
        speak: Says it, piece by piece.

    Raises (``speak``):
        FaultError: Something is wrong with it; nothing wrong was given away.
    """

    way: str
    speak: Callable[[], Iterable[Speech]]


@dataclass(frozen=True, slots=True)
class Sentence:
    """What is said in one breath, and the ways of saying it, best first.

    Attributes:
        words: Plain words, for the log and to compare with what is read back.
        language: BCP 47 tag.
        seconds: How long it takes to say, about.
        takes: The ways.
        instead: What is said when none of them is good: parts of it, of which some may be.
        name: What stands for its sound, where each take of it sounds the same every time; None where it does not.
    """

    words: str
    language: str
    seconds: float
    takes: tuple[Take, ...]
    instead: Callable[[], Iterable[Sentence]] = tuple
    name: Hashable = None


@dataclass(frozen=True, slots=True)
class Tally:
    """What the checks found.

    Attributes:
        sentences: Sentences checked.
        whole: Those that were whole, and checked as a whole, before any of it was heard.
        faults: Faults found, by kind (`checks.KINDS`).
        again: Further takes made.
        left_out: Sentences of which no take was good.
        read: Words that were read back.
        misread: Those that were not understood.
        recalled: Takes that were not made, but remembered.
    """

    sentences: int = 0
    whole: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    again: int = 0
    left_out: int = 0
    read: int = 0
    misread: int = 0
    recalled: int = 0

    def __add__(self, other: Tally) -> Tally:
        kinds = {*self.faults, *other.faults}
        return Tally(
            self.sentences + other.sentences,
            self.whole + other.whole,
            {kind: self.faults.get(kind, 0) + other.faults.get(kind, 0) for kind in sorted(kinds)},
            self.again + other.again,
            self.left_out + other.left_out,
            self.read + other.read,
            self.misread + other.misread,
            self.recalled + other.recalled,
        )


class Reads(Protocol):
    """Writes down what it hears (see `avatar_engine.voice.recogniser.Reader`)."""

    def limit(self, language: str, /) -> float | None:
        """Share of wrong words above which a sentence is grossly wrong; None for a language not read reliably."""
        ...

    def misread(self, speech: Speech, words: str, language: str, /) -> tuple[int, int]:
        """How many words were not understood, and of how many."""
        ...


@runtime_checkable
class SaysSentences(Protocol):
    """A voice that knows several ways of saying a sentence."""

    def sentences(self, utterance: Utterance, /) -> Iterator[Sentence | Speech]:
        """Sentences, and silences between them."""
        ...


class Speaks(Protocol):
    """A voice that knows one."""

    def speak(self, utterance: Utterance, /) -> Iterator[Speech]:
        """The utterance's sound, piece by piece."""
        ...


def nothing() -> float:
    """No speech is in hand."""
    return 0.0


class Checker:
    """Says sentences, each checked before it is heard, and counts.

    Args:
        reader: Reads back what was made; None for no read-back.
        clock: Seconds, monotonic.

    Attributes:
        tally: What was found so far.
        pace: Seconds of work for a second of speech, lately.
        begun: Sentences begun so far.
    """

    def __init__(self, reader: Reads | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.tally = Tally()
        self.begun = 0
        self.reader = reader
        self._clock = clock
        self._worked, self._made, self._reading = 0.0, 0.0, _READING
        self._recall = Recall()

    @property
    def pace(self) -> float:
        """Seconds of work for a second of speech, lately; 0 before anything was made."""
        return self._worked / self._made if self._made else 0.0

    def said(
        self, parts: Iterable[Sentence | Speech], in_hand: Callable[[], float] = nothing
    ) -> Iterator[Speech]:
        """The sound of the sentences, in pieces.

        ``in_hand`` tells how many seconds of speech are ready to be heard before what is said here; less than 0 when
        nobody wants to hear it any more.
        """
        for part in parts:
            if in_hand() < 0:
                return
            if isinstance(part, Speech):
                yield part
                continue
            self.tally += Tally(sentences=1)
            self.begun += 1
            whole = self._cost(part) < in_hand()
            yield from self._whole(part, in_hand) if whole else self._streamed(part)

    def _cost(self, sentence: Sentence) -> float:
        """Seconds of speech that must be in hand for a sentence to be made whole before it is heard."""
        making = 0.0 if self._known(sentence, sentence.takes[0]) else self.pace
        return sentence.seconds * making + RESERVE

    def taken(self) -> Tally:
        """What was found since this was last asked."""
        tally, self.tally = self.tally, Tally()
        return tally

    def _streamed(self, sentence: Sentence) -> Iterator[Speech]:
        """The first good take, as it is made; its last samples are kept back, for the end of one that is not."""
        for take in self._takes(sentence):
            held, pieces = NOTHING, []
            try:
                for piece in self._spoken(sentence, take):
                    pieces.append(piece)
                    known = join([held, piece])
                    edge = max(0, len(known.samples) - EDGE)
                    held = known.part(edge, len(known.samples))
                    if edge:
                        yield known.part(0, edge)
                if len(held.samples):
                    yield held
                self._remember(sentence, take, pieces)
                return
            except FaultError as error:
                self._count(sentence, take, error.fault)
            if len(held.samples):
                yield faded(held)
                yield hush(REST)
        yield from self._instead(sentence)

    def _whole(self, sentence: Sentence, in_hand: Callable[[], float]) -> list[Speech]:
        """The best of the takes; a second one is read back only if the first was grossly misread."""
        kept: tuple[int, list[Speech]] | None = None
        for take in self._takes(sentence):
            pieces = []
            try:
                for piece in self._spoken(sentence, take):
                    pieces.append(piece)
                    if in_hand() < 0:
                        return []
                whole = join(pieces)
                checks.refuse(checks.whole(whole.samples, sentence.seconds))
            except FaultError as error:
                self._count(sentence, take, error.fault)
                continue
            self._remember(sentence, take, pieces)
            wrong, fault = self._read(sentence, whole, in_hand, self._known(sentence, take))
            if fault:
                self._count(sentence, take, fault)
            second = kept is not None
            if kept is None or wrong < kept[0]:
                kept = wrong, pieces
            if second or not fault or self._cost(sentence) > in_hand():
                break
        if kept is None:
            return list(self._instead(sentence))
        self.tally += Tally(whole=1)
        return kept[1]

    def _takes(self, sentence: Sentence) -> Iterator[Take]:
        for number, take in enumerate(sentence.takes):
            if number:
                self.tally += Tally(again=1)
            yield take

    def _known(self, sentence: Sentence, take: Take) -> Known | None:
        """What is remembered of a take."""
        return None if sentence.name is None else self._recall.get((sentence.name, take.way))

    def _remember(self, sentence: Sentence, take: Take, pieces: Sequence[Speech]) -> None:
        """Nothing was found wrong with a take."""
        if sentence.name is not None:
            self._recall.good((sentence.name, take.way), pieces)

    def _spoken(self, sentence: Sentence, take: Take) -> Iterator[Speech]:
        """The take's pieces, remembered or made; the work of making them alone is counted."""
        known = self._known(sentence, take)
        if known is None:
            return self._timed(take.speak())
        self.tally += Tally(recalled=1)
        return iter(known.pieces)

    def _read(
        self, sentence: Sentence, whole: Speech, in_hand: Callable[[], float], known: Known | None
    ) -> tuple[int, Fault | None]:
        """How many words are not understood, and what is wrong with that; none where there is no time to read."""
        limit = self.reader.limit(sentence.language) if self.reader else None
        if self.reader is None or limit is None:
            return 0, None
        if known is not None and known.read is not None:
            wrong, total = known.read
        elif self._reading + RESERVE > in_hand():
            return 0, None
        else:
            begun = self._clock()
            wrong, total = self.reader.misread(whole, sentence.words, sentence.language)
            self._reading = (self._clock() - begun) * 1.25
            self.tally += Tally(read=total, misread=wrong)
            if known is not None:
                known.read = wrong, total
        grossly = wrong >= _FEWEST and wrong > limit * total
        return wrong, Fault("words", wrong / total, limit) if grossly else None

    def _timed(self, pieces: Iterable[Speech]) -> Iterator[Speech]:
        """The pieces, which join without a click; the time that they take to make is counted."""
        making, before = iter(pieces), NOTHING.samples
        while True:
            begun = self._clock()
            piece = next(making, None)
            self._worked += self._clock() - begun
            if piece is None:
                return
            checks.refuse(checks.step(before, piece.samples))
            before = piece.samples if len(piece.samples) else before
            self._made += piece.seconds
            if self._made > _MEMORY:
                self._worked, self._made = self._worked / 2, self._made / 2
            yield piece

    def _count(self, sentence: Sentence, take: Take, fault: Fault) -> None:
        self.tally += Tally(faults={fault.kind: 1})
        log.warning("%r, %s: %s", sentence.words[:60], take.way, fault)

    def _instead(self, sentence: Sentence) -> Iterator[Speech]:
        """What can be said of a sentence of which no take is good."""
        parts = list(sentence.instead())
        if not parts:
            self.tally += Tally(left_out=1)
            extra = {"event": "left out", "text": sentence.words}
            log.error("%r is left out: no way of saying it is good", sentence.words[:60], extra=extra)
        for part in parts:
            self.tally += Tally(again=1)
            yield from self._streamed(part)


def sentences(voice: SaysSentences | Speaks, utterance: Utterance) -> Iterator[Sentence | Speech]:
    """The sentences of an utterance; a voice that knows one way of saying it is asked twice, and watched."""
    if isinstance(voice, SaysSentences):
        yield from voice.sentences(utterance)
        return
    ways = ("as asked", "once more") if utterance.text.strip() else ("as asked",)
    yield watched_sentence(utterance, dict.fromkeys(ways, voice))


def watched_sentence(utterance: Utterance, voices: Mapping[str, Speaks]) -> Sentence:
    """An utterance as one sentence, said by the first of ``voices`` that does it well; each is named for the log."""
    takes = tuple(Take(way, partial(watched, voice, utterance)) for way, voice in voices.items())
    seconds = checks.letters(utterance.text) * _LETTER / utterance.controls.speed
    return Sentence(utterance.text, utterance.language, seconds, takes)


def watched(voice: Speaks, utterance: Utterance) -> Iterator[Speech]:
    """What a voice says that does not check itself.

    Raises:
        FaultError: Something is wrong with it, or it is far too long or too short for its text.
    """
    count = checks.letters(utterance.text)
    recent, said, heard = NOTHING, 0.0, 0.0
    for piece in voice.speak(utterance):
        known = join([recent, piece])
        checks.refuse(checks.sound(known.samples))
        recent = known.part(max(0, len(known.samples) - _LOOK), len(known.samples))
        said, heard = said + piece.seconds, heard + checks.loud(piece.samples)
        checks.refuse(checks.too_long(said, count, utterance.controls.speed))
        yield piece
    checks.refuse(checks.too_short(heard, count, utterance.controls.speed))


def faded(speech: Speech) -> Speech:
    """The speech, fallen to silence at its end."""
    fall = np.linspace(1, 0, len(speech.samples), dtype=np.float32)
    return Speech(speech.samples * fall, speech.phones)


def hush(seconds: float) -> Speech:
    """Silence."""
    length = round(seconds * SAMPLE_RATE)
    return Speech(np.zeros(length, np.float32), (Phone(SILENCE, 0.0, length / SAMPLE_RATE),))
