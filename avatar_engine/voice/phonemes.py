"""Text to the network's phonemes: espeak-ng's IPA, rewritten as the network was taught to read it.

The network writes diphthongs and affricates as one letter and has its own conventions for English; the rules
are those of misaki's espeak path (hexgrad/misaki, MIT), with which the network was trained.
"""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cache
from pathlib import Path

from avatar_engine.errors import AvatarError
from avatar_engine.voice.espeak_process import Espeak

_VOICES = {
    "en": "en-us",
    "en-us": "en-us",
    "en-gb": "en-gb-x-rp",
    "fr": "fr",
    "es": "es",
    "it": "it",
    "pt": "pt-br",
}

_JOINED = (
    ("aɪ", "I"), ("aʊ", "W"), ("eɪ", "A"), ("ɔɪ", "Y"), ("dʒ", "ʤ"), ("tʃ", "ʧ"),
)  # fmt: skip
_ENGLISH = (
    ("ʔˌn\u0329", "tᵊn"), ("ʔn\u0329", "tᵊn"), ("ʔn", "tᵊn"), ("ʔ", "t"),
    ("ʲ", ""), ("ɚ", "əɹ"), ("r", "ɹ"), ("x", "k"), ("ç", "k"), ("ɬ", "l"), ("\u0303", ""),
)  # fmt: skip
_AMERICAN = (
    ("oʊ", "O"), ("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("ɪə", "iə"), ("ɾ", "T"), ("ː", ""), ("o", "ɔ"), ("e", "A"),
)  # fmt: skip
_BRITISH = (("eə", "ɛː"), ("iə", "ɪə"), ("əʊ", "Q"), ("oʊ", "Q"), ("e", "ɛ"))
_VOWELS = "aɑɐɒæəɚɛɜiɪoɔuʊʌe"
_ROMANCE = (("dz", "ʣ"), ("ts", "ʦ"), ("-", ""))

_IPA = {"A": "eɪ", "I": "aɪ", "O": "oʊ", "Q": "əʊ", "W": "aʊ", "Y": "ɔɪ", "T": "ɾ", "ʤ": "dʒ", "ʧ": "tʃ",
        "ʣ": "dz", "ʦ": "ts", "ᵊ": "ə", "ᵻ": "ɪ"}  # fmt: skip

STRESS = frozenset("ˈˌ")
"""Marks that belong to the phone after them."""

LENGTHENING = frozenset("ː\u0303ʰʲ")
"""Marks that belong to the phone before them."""

PUNCTUATION = frozenset(';:,.!?—…"()“”')


@cache
def vocabulary() -> dict[str, int]:
    """The network's phonemes and their numbers."""
    text = Path(__file__).with_name("vocabulary.json").read_text(encoding="utf-8")
    return {str(symbol): int(number) for symbol, number in json.loads(text).items()}


def languages() -> tuple[str, ...]:
    """The languages that can be spoken, as BCP 47 tags."""
    return tuple(_VOICES)


def tag(language: str) -> str:
    """The known tag nearest to ``language``: itself, or without its region.

    Raises:
        AvatarError: Neither is known; the known ones are listed.
    """
    wanted = language.strip().lower().replace("_", "-")
    for candidate in (wanted, wanted.split("-")[0]):
        if candidate in _VOICES:
            return candidate
    raise AvatarError(
        f"The voice does not speak the language {language!r}.", f"Languages: {', '.join(_VOICES)}."
    )


def ipa(symbol: str) -> str:
    """The International Phonetic Alphabet's spelling of one of the network's phonemes."""
    return _IPA.get(symbol, symbol)


def rewrite(spelled: str, language: str) -> str:
    """espeak-ng's IPA in the network's own letters; letters that it does not know are dropped."""
    text = re.sub(r"\([a-z-]+\)", "", spelled).replace("g", "ɡ")
    text = unicodedata.normalize("NFD", text).replace("c\u0327", "ç")
    rules = list(_JOINED)
    if language.startswith("en"):
        text = re.sub(r"(?<=\S)ɐ|ɐ(?=\S)", "ə", text)
        text = re.sub(rf"əl(?![ˈˌ]?[{_VOWELS}])", "ᵊl", text)
        rules += [*_ENGLISH, *(_BRITISH if language == "en-gb" else _AMERICAN)]
    else:
        rules += _ROMANCE
    for old, new in rules:
        text = text.replace(old, new)
    text = re.sub(r"(\S)\u0329", r"ᵊ\1", text)
    known = vocabulary()
    return re.sub(r"\s+", " ", "".join(letter for letter in text if letter in known)).strip()


class Phonemizer:
    """Phonemes for one language; holds the espeak-ng process."""

    def __init__(self, language: str) -> None:
        self.language = tag(language)
        self._espeak = Espeak()

    def phonemes(self, text: str) -> str:
        """Normalised ``text`` in the network's phonemes, with its punctuation."""
        said = []
        for spelled, end in self._espeak.clauses(text, _VOICES[self.language]):
            letters = rewrite(spelled, self.language)
            if letters:
                said.append(letters + (end if end in PUNCTUATION else ""))
        return " ".join(said)

    def close(self) -> None:
        """End the espeak-ng process."""
        self._espeak.close()


def tokens(phonemes: str) -> list[int]:
    """Numbers of ``phonemes``; every letter must be known."""
    known = vocabulary()
    return [known[letter] for letter in phonemes]
