"""Other ways of saying a passage, for when something is wrong with the first: each asks less of the network."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from avatar_engine.markup import Manner
from avatar_engine.voice.languages import DEVANAGARI, HAN, KANA
from avatar_engine.voice.passage import Passage, Spell
from avatar_engine.voice.phonemes import PUNCTUATION
from avatar_engine.voice.text import READY

SLOWER = 0.93
"""Factor of the rate of a second take: other numbers, and nobody hears a difference."""

_SHORTEST = 6
"""Phonemes that a clause has at least; shorter ones stay with the next."""

_LONGEST_WORD = 24
"""Letters of a word that is still said when only what is safe is."""

_SCRIPTS = {"zh": HAN, "ja": HAN + KANA, "hi": DEVANAGARI}
_LATIN = "A-Za-z\u00c0-\u024f"
_VOWELS = frozenset("aeiouyœæø")


def slower(passage: Passage) -> Passage:
    """The passage a little slower."""
    manners = tuple(
        replace(manner, controls=replace(manner.controls, speed=max(0.5, manner.controls.speed * SLOWER)))
        for manner in passage.manners
    )
    return replace(passage, manners=manners)


def plain(passage: Passage) -> Passage:
    """The passage as the voice is, without emphasis, emotion or any other control."""
    return replace(passage, manners=(Manner(),) * len(passage.said))


def clauses(passage: Passage) -> Iterator[Passage]:
    """The passage clause by clause; halves at the word nearest to the middle where there is one clause alone."""
    said = passage.said
    if not said:
        return
    seams = [mark.end() for mark in re.finditer(rf"[{re.escape(''.join(PUNCTUATION))}]+\s+", said)]
    if not seams:
        middle = len(said) // 2
        spaces = [mark.end() for mark in re.finditer(r"\s+", said)]
        seams = [min(spaces, key=lambda place: abs(place - middle))] if spaces else []
    start = 0
    for seam in [*(s for s in seams if _SHORTEST <= s <= len(said) - _SHORTEST), len(said)]:
        if seam - start < _SHORTEST and seam < len(said):
            continue
        part = said[start:seam].rstrip()
        manners = passage.manners[start : start + len(part)]
        yield replace(passage, said=part, manners=manners, pause=passage.pause if seam == len(said) else None)
        start = seam


def safer(passage: Passage, spell: Spell) -> Passage:
    """What is sure to be speech of the passage's words, plainly: ``said`` is empty where nothing is.

    Left out are words in letters of another script, longer than any that people say, or of consonants alone; a letter
    or a word that is written again and again is said twice.
    """
    words = safe_words(passage.words, passage.language)
    said = spell(words, passage.language) if words else ""
    return Passage(said, (Manner(),) * len(said), passage.pause, words, passage.language)


def safe_words(words: str, language: str) -> str:
    """The words of plain text that are sure to be speech."""
    script = _SCRIPTS.get(language[:2], _LATIN)
    kept = [safe for word in words.split() if (safe := _safe_word(word, script))]
    return " ".join(word for _, run in groupby(kept, key=str.lower) for word in list(run)[:2])


def _safe_word(word: str, script: str) -> str:
    """One word without what is not sure to be speech; "" for none."""
    if re.search(f"[{READY}]", word):
        return word
    letters = re.sub(rf"[^{script}',.!?;:，。！？、-]", "", unicodedata.normalize("NFC", word))
    letters = re.sub(r"(.)\1{2,}", r"\1\1", letters)
    bare = re.sub(r"\W", "", letters).lower()
    foreign = any(sign.isalpha() and not re.match(f"[{script}]", sign) for sign in word)
    if (foreign and script == _LATIN) or not bare:
        return ""
    if script != _LATIN:
        return letters
    unspoken = len(bare) > 1 and not _VOWELS & {unicodedata.normalize("NFD", sign)[0] for sign in bare}
    return "" if unspoken or len(bare) > _LONGEST_WORD else letters
