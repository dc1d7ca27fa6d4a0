"""Reading sentences back while a show goes on: quickly, and only where the recogniser can be relied upon."""

from __future__ import annotations

import re
from importlib.util import find_spec

from avatar_engine import models
from avatar_engine.contracts import Speech
from avatar_engine.voice import text
from avatar_engine.voice.readback import errors, understand

_WEIGHTS = "whisper-base"

_LIMITS = {"en": 0.5, "fr": 0.5, "es": 0.5, "pt": 0.5, "it": 0.5}
"""Share of wrong words above which a sentence is grossly wrong, for the languages in which the recogniser understands
good speech (docs/measurements-voice.md, "On air"). German in the network's voices it hardly does; it writes Hindi in
other letters, and one sound of Chinese or Japanese in many ways."""

_CHUNK = 15
"""Seconds that the recogniser looks at in a show, where its work is the same for a word as for all of them."""


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
        heard = understand(
            speech.samples, language, beam=1, chunk_length=_CHUNK,
            temperature=0.0, without_timestamps=True, condition_on_previous_text=False,
        )  # fmt: skip
        wrong, said = errors(wanted, heard, language)
        return min(said, wrong), said
