"""Is every word there? Whisper base writes down what it hears, and the differences are counted as the language counts.

Words in most languages; syllables in pinyin without tones in Chinese and kana in Japanese, where one sound has many
spellings. Accents, hyphens and a few words with two spellings make no difference: none of them is heard.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import soxr

from avatar_engine import models
from avatar_engine.contracts import SAMPLE_RATE, FloatArray
from avatar_engine.voice import text
from avatar_engine.voice.sentences import PROMPTS

_SPELLINGS = {
    "en": {"colour": "color", "favourite": "favorite", "grey": "gray", "ok": "okay", "metre": "meter"},
}  # fmt: skip
"""One sound, two spellings: the second is counted."""


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What Whisper understood.

    Attributes:
        word_errors: Wrong, missing and added words (syllables, kana) as a share of those that were to be said.
        said: Every sentence as it was to be said.
        heard: And as it was understood.
    """

    word_errors: float
    said: tuple[str, ...]
    heard: tuple[str, ...]


def heard(
    sounds: Sequence[FloatArray], sentences: Sequence[str], language: str, prompt: str | None = None
) -> ReadBack:
    """What Whisper base hears in ``sounds`` at 24 kHz, compared with ``sentences``.

    ``prompt`` is a text in the script that is to be written, where a language has several; `PROMPTS` when None.
    """
    understood = tuple(understand(sound, language, prompt) for sound in sounds)
    wrong = total = 0
    for sentence, answer in zip(sentences, understood, strict=True):
        missed, wanted = errors(sentence, answer, language)
        wrong, total = wrong + missed, total + wanted
    return ReadBack(wrong / max(1, total), tuple(sentences), understood)


def understand(
    sound: FloatArray, language: str, prompt: str | None = None, *, beam: int = 5, **options: Any
) -> str:
    """What Whisper base (Radford et al. 2022) writes down of one sound, float32 (n,) at 24 kHz."""
    quiet = np.zeros(SAMPLE_RATE // 4, np.float32)
    low = soxr.resample(np.concatenate([quiet, sound, quiet]), SAMPLE_RATE, 16_000)
    short = language.split("-")[0]
    segments, _ = _whisper().transcribe(
        low, language=short, beam_size=beam, initial_prompt=prompt or PROMPTS.get(short), **options
    )
    return " ".join(segment.text.strip() for segment in segments)


@cache
def _whisper() -> Any:
    from faster_whisper import WhisperModel

    folder = models.path("whisper-base").parent
    return WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1)


def errors(sentence: str, answer: str, language: str) -> tuple[int, int]:
    """How many units of ``sentence`` are wrong in ``answer``, and how many there are."""
    wanted = units(sentence, language)
    return distance(wanted, _joined_alike(wanted, units(answer, language))), len(wanted)


def units(sentence: str, language: str) -> list[str]:
    """What is counted in a sentence: words, syllables in pinyin without tones, or kana."""
    short = language.split("-")[0]
    if short == "zh":
        from pypinyin import lazy_pinyin

        return [one for one in lazy_pinyin(text.normalise(sentence, language)) if one.isalpha()]
    if short == "ja":
        import pyopenjtalk

        said = text.normalise(sentence, language)
        return re.findall(r"[ァ-ヺー]", str(pyopenjtalk.g2p(said, kana=True)))
    if short == "hi":
        said = unicodedata.normalize("NFD", text.normalise(sentence, language))
        return re.sub(r"[.,!?।]", " ", said.replace("\u093c", "").replace("\u0901", "\u0902")).split()
    alike = _SPELLINGS.get(short, {})
    return [alike.get(word, word) for word in map(_without_accents, words(sentence, language))]


def words(sentence: str, language: str) -> list[str]:
    """The words of a sentence, numbers written out, without case and punctuation."""
    return re.findall(r"\w+", text.normalise(sentence, language).lower().replace("'", " "))


def _without_accents(word: str) -> str:
    """A word in plain letters: nobody hears whether an accent was written."""
    plain = unicodedata.normalize("NFKD", word.replace("ß", "ss"))
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def _joined_alike(wanted: Sequence[str], got: Sequence[str]) -> list[str]:
    """``got`` with every pair of words that is one word in ``wanted`` joined, and the other way round."""
    whole, pairs = set(wanted), {a + b: (a, b) for a, b in pairwise(wanted)}
    out: list[str] = []
    for word in got:
        if out and out[-1] + word in whole and not {out[-1], word} <= whole:
            out[-1] += word
        elif word in pairs and word not in whole:
            out += pairs[word]
        else:
            out.append(word)
    return out


def distance(a: Sequence[str], b: Sequence[str]) -> int:
    """Fewest words to change, add or drop to make ``b`` of ``a`` (Levenshtein 1966)."""
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]
