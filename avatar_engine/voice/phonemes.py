"""Text to the network's phonemes: espeak-ng's IPA, rewritten as the network was taught to read it.

The network writes diphthongs and affricates as one letter and has its own conventions for English; the rules
are those of misaki's espeak path (hexgrad/misaki, MIT), with which the network was trained.
"""

from __future__ import annotations

import json
import logging
import re
import unicodedata
from functools import cache
from pathlib import Path

from avatar_engine.voice.espeak_process import Espeak
from avatar_engine.voice.languages import DEVANAGARI, HAN, KANA, LANGUAGES
from avatar_engine.voice.languages import languages as languages
from avatar_engine.voice.languages import tag as tag

_LOG = logging.getLogger(__name__)

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
_GERMAN = (("ɔø", "Y"), ("ɔʏ", "Y"), ("ʏ", "y"), ("ɜ", "ɐ"), ("r", "ʁ"))
_HINDI = (("r.", "ɽ"), ("ʱ", "ʰ"))

_IPA = {"A": "eɪ", "I": "aɪ", "O": "oʊ", "Q": "əʊ", "W": "aʊ", "Y": "ɔɪ", "T": "ɾ", "ʤ": "dʒ", "ʧ": "tʃ",
        "ʣ": "dz", "ʦ": "ts", "ᵊ": "ə", "ᵻ": "ɪ",
        "ꭧ": "ʈʂ", "ʨ": "tɕ", "ʥ": "dʑ",
        "→": "˥", "↗": "˧˥", "↓": "˨˩˦", "↘": "˥˩"}  # fmt: skip

STRESS = frozenset("ˈˌ")
"""Marks that belong to the phone after them."""

LENGTHENING = frozenset("ː\u0303ʰʲᵝ↓→↗↘")
"""Marks that belong to the phone before them; the arrows are the melody of a Chinese syllable."""

_QUOTED = 0xF0000
"""Where phonemes stand within a text, each as the letter of a private plane that is this far from its own."""

PUNCTUATION = frozenset(';:,.!?—…"()“”')


MARKS = STRESS | LENGTHENING | PUNCTUATION | {" "}
"""What is no phone of its own."""


@cache
def vocabulary() -> dict[str, int]:
    """The network's phonemes and their numbers."""
    text = Path(__file__).with_name("vocabulary.json").read_text(encoding="utf-8")
    return {str(symbol): int(number) for symbol, number in json.loads(text).items()}


def ipa(symbol: str) -> str:
    """The International Phonetic Alphabet's spelling of one of the network's phonemes."""
    return _IPA.get(symbol, symbol)


def rewrite(spelled: str, language: str) -> str:
    """IPA, as espeak-ng writes it, in the network's own letters; letters that it does not know are dropped."""
    known = vocabulary()
    letters = _rewritten(spelled, language)
    return re.sub(r"\s+", " ", "".join(letter for letter in letters if letter in known)).strip()


def strangers(ipa: str, language: str) -> str:
    """The letters of a user's ``ipa`` that the network does not know, or nothing."""
    unknown = {letter for letter in _rewritten(ipa, language) if letter not in vocabulary()}
    return " ".join(sorted(unknown - set(_UNHEARD)))


def _rewritten(spelled: str, language: str) -> str:
    text = re.sub(r"\([a-z-]+\)|[\u0361\u203f\u032f]", "", spelled).replace("g", "ɡ")
    text = unicodedata.normalize("NFD", text).replace("c\u0327", "ç")
    rules = list(_JOINED)
    if language.startswith("en"):
        text = re.sub(r"(?<=\S)ɐ|ɐ(?=\S)", "ə", text)
        text = re.sub(rf"əl(?![ˈˌ]?[{_VOWELS}])", "ᵊl", text)
        rules += [*_ENGLISH, *(_BRITISH if language == "en-gb" else _AMERICAN)]
    else:
        rules += [*_ROMANCE, *{"de": _GERMAN, "hi": _HINDI}.get(language, ())]
    for old, new in rules:
        text = text.replace(old, new)
    return re.sub(r"(\S)\u0329", r"ᵊ\1", text)


_UNHEARD = ". -|"
"""What IPA writes and nobody says: breaks between syllables and words."""


def quoted(letters: str) -> str:
    """The network's ``letters`` as they stand within a text, for `Phonemizer` to take as they are."""
    return "".join(chr(_QUOTED + ord(letter)) for letter in letters)


_RUNS = re.compile(
    rf"(?P<ready>[\U000f0000-\U000ffffd]+)|(?P<zh>[{HAN}]+)|(?P<ja>[{KANA}ー々]+)|(?P<hi>[{DEVANAGARI}]+)"
    rf"|(?P<latin>[A-Za-z\u00c0-\u024f]+)|(?P<mark>.)",
    re.DOTALL,
)


def runs(text: str, language: str) -> list[tuple[str, str]]:
    """``text`` in stretches of one language each: its tag, or nothing for phonemes that are ready.

    Words in Latin letters within Chinese, Japanese or Hindi are English, other scripts their own languages; what
    is between words goes with the words before it.
    """
    out: list[list[str]] = []
    own = _SCRIPTS.get(language, ("latin",))
    for found in _RUNS.finditer(text):
        kind = str(found.lastgroup)
        if kind == "mark":
            whose = out[-1][0] if out else language
        elif kind == "ready":
            whose = ""
        elif kind in own:
            whose = language
        else:
            whose = "en" if kind == "latin" else kind
        said = found[0]
        if kind == "mark" and not whose:
            whose = language
        if out and out[-1][0] == whose:
            out[-1][1] += said
        else:
            out.append([whose, said])
    return [(whose, said) for whose, said in out]


_SCRIPTS = {"zh": ("zh",), "ja": ("zh", "ja"), "hi": ("hi",)}


class Phonemizer:
    """Phonemes for one language, and for words of others within it; holds the espeak-ng process."""

    def __init__(self, language: str) -> None:
        self.language = tag(language)
        self._espeak = Espeak()

    def phonemes(self, text: str) -> str:
        """Normalised ``text`` in the network's phonemes, with its punctuation.

        Words of another script whose language can't be spoken here are left out, and the log says so.
        """
        said = ""
        for language, stretch in runs(text, self.language):
            letters = self._own(stretch, language) if language else _unquoted(stretch)
            joint = "" if not said or letters[:1] in PUNCTUATION else " "
            said += joint + letters
        return said.strip()

    def _own(self, text: str, language: str) -> str:
        if language not in languages():
            _LOG.warning("%r is left out: %s is not installed.", text, LANGUAGES[language].name)
            return ""
        if not any(letter.isalnum() for letter in text):
            return "".join(letter for letter in text if letter in PUNCTUATION)
        if language == "zh":
            from avatar_engine.voice import chinese

            return chinese.phonemes(text)
        if language == "ja":
            from avatar_engine.voice import japanese

            return japanese.phonemes(text)
        # espeak-ng says nothing of marks before the first word; here they may end what stands before.
        said = [mark for mark in text.lstrip()[:1] if mark in PUNCTUATION]
        for spelled, end in self._espeak.clauses(text, LANGUAGES[language].espeak):
            letters = rewrite(spelled, language)
            if letters:
                said.append(letters + (end if end in PUNCTUATION else ""))
        return " ".join(said)

    def close(self) -> None:
        """End the espeak-ng process."""
        self._espeak.close()


def _unquoted(text: str) -> str:
    return "".join(chr(ord(letter) - _QUOTED) for letter in text)


def tokens(phonemes: str) -> list[int]:
    """Numbers of ``phonemes``; every letter must be known."""
    known = vocabulary()
    return [known[letter] for letter in phonemes]
