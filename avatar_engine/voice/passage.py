"""Marked text to phonemes, each with the manner in which it is said.

Sentences are normalised and spelt whole, as if nothing were marked, so that marks change neither numbers nor
weak forms. Which words, and then which phonemes, a mark stands for is found by aligning the whole with its parts.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from itertools import groupby
from typing import TypeVar

from avatar_engine.contracts import Controls
from avatar_engine.errors import AvatarError
from avatar_engine.markup import Break, Manner, Words, read
from avatar_engine.voice import phonemes, text

log = logging.getLogger(__name__)

Spell = Callable[[str, str], str]
"""Phonemes of a normalised sentence in a language."""

Tell = Callable[[str, str], list[tuple[str, str]]]
"""A text in a language (or ``auto``) as sentences in plain words, each with its language (see `text.spoken`)."""

Label = TypeVar("Label")


@dataclass(frozen=True, slots=True)
class Passage:
    """What is said in one breath.

    Attributes:
        said: The network's phonemes; empty for silence alone.
        manners: The manner of every phoneme.
        pause: Seconds of silence after it; None for what its last mark asks for.
        words: The plain words that are spelt so, and ``language`` theirs.
    """

    said: str
    manners: tuple[Manner, ...]
    pause: float | None = None
    words: str = ""
    language: str = ""


def passages(
    written: str, controls: Controls, language: str, spell: Spell, tell: Tell = text.spoken
) -> Iterator[Passage]:
    """The passages of a text with or without marks, in order; mistakes in its marks are logged and left out."""
    marked = read(written, controls, language)
    for _, mistake in marked.mistakes:
        log.warning("a mark is left out: %s", mistake)
    held: Passage | None = None
    for chunk, pause, goes_on in _chunks(marked.parts, language):
        said = list(_said(chunk, spell, tell)) if chunk else []
        if held and said:
            said[0] = _joined(held, said[0])
        elif held:
            said = [held]
        held = None
        if said and goes_on:
            held = said.pop()
        elif said and pause is not None:
            said[-1] = _halted(said[-1], pause)
        elif pause is not None:
            said = [Passage("", (), pause)]
        yield from said
    if held:
        yield held


def _chunks(
    parts: Sequence[Words | Break], language: str
) -> Iterator[tuple[list[Words], float | None, bool]]:
    """Words of one language between two breaks, the break's seconds, and whether the sentence may go on after them."""
    chunk: list[Words] = []
    for part in parts:
        if isinstance(part, Break):
            if chunk or part.seconds is not None:
                yield chunk, part.seconds, False
            chunk = []
            continue
        part = replace(part, language=_spoken(part.language, language))
        if chunk and not any(letter.isalnum() for letter in part.text):
            part = replace(part, language=chunk[0].language)
        if chunk and chunk[0].language != part.language:
            yield chunk, None, not chunk[-1].text.rstrip().endswith(tuple(".!?…"))
            chunk = []
        chunk.append(part)
    if chunk:
        yield chunk, None, False


def _spoken(asked: str, language: str) -> str:
    """The language that a mark asks for; the text's own where it asks for none or for one that is not spoken."""
    if not asked:
        return language
    try:
        return phonemes.tag(asked)
    except AvatarError as error:
        log.warning("a mark is left out: %s", error)
        return language


def _joined(first: Passage, second: Passage) -> Passage:
    """Two languages in one sentence."""
    return Passage(
        f"{first.said} {second.said}",
        (*first.manners, first.manners[-1], *second.manners),
        second.pause,
        f"{first.words} {second.words}",
        first.language,
    )


def _halted(passage: Passage, pause: float) -> Passage:
    """The passage with a pause after it; where no mark stands the melody stays up, for the sentence goes on."""
    if passage.said[-1] in phonemes.PUNCTUATION:
        return replace(passage, pause=pause)
    return replace(
        passage, said=passage.said + ",", manners=(*passage.manners, passage.manners[-1]), pause=pause
    )


def _said(chunk: Sequence[Words], spell: Spell, tell: Tell) -> Iterator[Passage]:
    sentences = tell("".join(words.text for words in chunk), chunk[0].language)
    if len({words.manner for words in chunk}) == 1 or not sentences:
        labels = [chunk[0].manner] * sum(len(sentence.split()) for sentence, _ in sentences)
    else:
        parts = [
            (word, words.manner)
            for words in _whole(chunk)
            for piece, _ in tell(words.text, sentences[0][1])
            for word in piece.split()
        ]
        labels = handed(
            [_bare(word) for sentence, _ in sentences for word in sentence.split()],
            [_bare(word) for word, _ in parts],
            [manner for _, manner in parts],
        )
    at = 0
    for sentence, language in sentences:
        words = sentence.split()
        said = _spelt(words, labels[at : at + len(words)], language, spell)
        at += len(words)
        if any(letter not in phonemes.PUNCTUATION and letter != " " for letter in said.said):
            yield said


def _whole(chunk: Sequence[Words]) -> list[Words]:
    """The chunk with no word in two manners: a mark on a part of a word is on all of it."""
    written = "".join(words.text for words in chunk)
    owners = [words.manner for words in chunk for _ in words.text]
    for word in re.finditer(r"\w+", written):
        own = owners[word.start() : word.end()]
        marked = next((manner for manner in own if manner.emphasis != "none"), own[0])
        owners[word.start() : word.end()] = [marked] * len(own)
    runs = groupby(zip(written, owners, strict=True), lambda pair: pair[1])
    return [Words("".join(letter for letter, _ in run), manner, chunk[0].language) for manner, run in runs]


def _spelt(words: Sequence[str], labels: Sequence[Manner], language: str, spell: Spell) -> Passage:
    plain = " ".join(words)
    whole = spell(plain, language)
    if len(set(labels)) == 1:
        return Passage(whole, (labels[0],) * len(whole), None, plain, language)
    spelt, manners = "", list[Manner]()
    for manner, run in groupby(zip(words, labels, strict=True), lambda pair: pair[1]):
        piece = spell(" ".join(word for word, _ in run), language) + " "
        spelt += piece
        manners += [manner] * len(piece)
    return Passage(whole, tuple(handed(whole, spelt, manners)), None, plain, language)


def handed(target: Sequence[str], source: Sequence[str], labels: Sequence[Label]) -> list[Label]:
    """The labels of ``source`` on ``target``, where the two are nearly the same."""
    out: list[Label] = []
    for _, first, last, start, stop in SequenceMatcher(None, source, target, autojunk=False).get_opcodes():
        count = max(1, stop - start)
        places = (first + place * (last - first) // count for place in range(stop - start))
        out += [labels[min(place, len(labels) - 1)] for place in places]
    return out


def _bare(word: str) -> str:
    return word.strip(".,;:!?…\"'()").lower()
