"""Reading back what a voice said: Whisper base writes down what it hears, and wrong words are counted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import soxr

from avatar_engine import models
from avatar_engine.contracts import SAMPLE_RATE, FloatArray, Speech
from avatar_engine.voice import text

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

_WEIGHTS = "whisper-base"
_RATE = 16_000
_QUIET = SAMPLE_RATE // 4

_LIMITS = {"en": 0.5, "fr": 0.5, "es": 0.5, "pt": 0.5, "it": 0.5}
"""Share of wrong words above which a sentence is grossly wrong, for the languages in which the recogniser understands
good speech (docs/measurements-voice.md, "On air"). German in the network's voices it hardly does; it writes Hindi in
other letters, and one sound of Chinese or Japanese in many ways."""

_CHUNK = 15
"""Seconds that the recogniser looks at in a show, where its work is the same for a word as for all of them."""


@cache
def _whisper() -> WhisperModel:
    from faster_whisper import WhisperModel

    return WhisperModel(str(models.path(_WEIGHTS).parent), device="cpu", compute_type="int8", cpu_threads=1)


def understood(
    sound: FloatArray, language: str, *, beam: int = 5, prompt: str | None = None, **options: Any
) -> str:
    """What Whisper base hears in ``sound``, float32 (n,) at 24 kHz; ``prompt`` is a text in the script to write."""
    quiet = np.zeros(_QUIET, np.float32)
    low = soxr.resample(np.concatenate([quiet, sound, quiet]), SAMPLE_RATE, _RATE)
    segments, _ = _whisper().transcribe(
        low, language=language.split("-")[0], beam_size=beam, initial_prompt=prompt, **options
    )
    return " ".join(segment.text.strip() for segment in segments)


def words(sentence: str, language: str) -> list[str]:
    """The words of a sentence, numbers written out, without case and punctuation."""
    return re.findall(r"\w+", text.normalise(sentence, language).lower().replace("'", " "))


def distance(a: Sequence[str], b: Sequence[str]) -> int:
    """Fewest words to change, add or drop to make ``b`` of ``a`` (Levenshtein 1966)."""
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


class Reader:
    """Reads sentences back while a show goes on: quickly, and in the languages in which that can be relied upon."""

    @staticmethod
    def available() -> bool:
        """Whether the recogniser and its weights are here."""
        return find_spec("faster_whisper") is not None and models.is_present(_WEIGHTS)

    def limit(self, language: str) -> float | None:
        """Share of wrong words above which a sentence is grossly wrong; None for a language not read reliably."""
        return _LIMITS.get(language.split("-")[0])

    def misread(self, speech: Speech, wanted: str, language: str) -> tuple[int, int]:
        """How many words of ``wanted`` were not understood, and of how many.

        (0, 0) of what is too long, or holds a user's phonemes, of which nobody knows how they are written.
        """
        if speech.seconds > _CHUNK - 1 or re.search(f"[{text.READY}]", wanted):
            return 0, 0
        heard = understood(
            speech.samples, language, beam=1, chunk_length=_CHUNK,
            temperature=0.0, without_timestamps=True, condition_on_previous_text=False,
        )  # fmt: skip
        said = words(wanted, language)
        return min(len(said), distance(said, words(heard, language))), len(said)
