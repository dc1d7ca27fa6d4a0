"""A user's pronunciations: `lexicon.toml`.

A table a language, or ``all``; a word or phrase, and how it is said: plain words, or IPA between slashes::

    [all]
    "Nike" = "/ˈnaɪki/"

    [fr]
    "SAV" = "service après-vente"

- Whole words alone are found (in Chinese and Japanese, which have no spaces, anywhere), the longest first.
- A key in lower case is found in any case; a key with a capital only as it is written.
- A language's own table comes before the one of the language without its region, and that before ``all``.
- English plurals and possessives of a key of three letters or more (``Nikes``, ``Nike's``) are found too and keep
  their ending; the plural s or x of French is found and silent, that of Spanish and Portuguese is said.
- What replaces a word is not looked up again, but its numbers are said as words.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from avatar_engine.errors import AvatarError
from avatar_engine.voice.languages import DEVANAGARI, HAN, KANA, LANGUAGES
from avatar_engine.voice.phonemes import quoted, rewrite, strangers

ALL = "all"

_ADVICE = 'A line is "word" = "how it is said", with plain words or IPA between slashes.'
_SHORTEST = 3
_ENDINGS = {"en": r"'s|s'|es|s", "fr": r"s|x", "es": r"es|s", "pt": r"s"}
_LETTER = rf"(?:[^\W{KANA}{HAN}]|[{DEVANAGARI}])"


class Lexicon:
    """Words and how they are said, by language.

    Args:
        entries: Language tag or ``all``, to words, to respellings or IPA between slashes.

    Raises:
        AvatarError: A language is unknown, a word or what is said is empty, or IPA has letters that nobody knows.
    """

    def __init__(self, entries: Mapping[str, Mapping[str, str]]) -> None:
        self._entries: dict[str, dict[str, str]] = {}
        for language, words in entries.items():
            for word, said in words.items():
                problem = _wrong(language, word, said)
                if problem:
                    raise AvatarError(f"The lexicon's word {word!r} in [{language}]: {problem}", _ADVICE)
            self._entries[language] = {_plain(word): said.strip() for word, said in words.items()}
        self._finders: dict[str, tuple[re.Pattern[str], dict[str, str]] | None] = {}

    @classmethod
    def empty(cls) -> Lexicon:
        """A lexicon without a word."""
        return cls({})

    @classmethod
    def load(cls, path: Path) -> Lexicon:
        """The lexicon in a TOML file.

        Raises:
            AvatarError: The file is missing or no TOML, or an entry is wrong: its line and key are named.
        """
        try:
            text = path.read_text(encoding="utf-8-sig")
            tables = tomllib.loads(text)
        except (OSError, UnicodeDecodeError) as problem:
            raise AvatarError(
                f"The lexicon {path} can't be read: {problem}", "Give a lexicon.toml."
            ) from None
        except tomllib.TOMLDecodeError as problem:
            raise AvatarError(f"The lexicon {path} is no TOML: {problem}", _ADVICE) from None
        for language, words in tables.items():
            if not isinstance(words, dict):
                raise AvatarError(
                    f"{path}, line {_line(text, language)}: {language!r} stands in no table.",
                    f"Write [{ALL}], or a language such as [en], in a line above it.",
                )
            if not words and language != ALL and language not in LANGUAGES:
                raise AvatarError(f"{path}, line {_line(text, language)}: {_unknown(language)}", _ADVICE)
            for word, said in words.items():
                problem_there = _wrong(language, word, said)
                if problem_there:
                    line = _line(text, word, language)
                    raise AvatarError(
                        f"{path}, line {line}, {word!r} in [{language}]: {problem_there}", _ADVICE
                    )
        return cls(tables)

    def __bool__(self) -> bool:
        return any(self._entries.values())

    def applied(self, text: str, language: str) -> str:
        """``text``, not yet normalised, with the lexicon's words as they are said in ``language``, a known tag.

        What is given as IPA becomes phonemes that the normaliser leaves alone (`phonemes.quoted`).
        """
        if language not in self._finders:
            self._finders[language] = self._finder(language)
        finder = self._finders[language]
        return finder[0].sub(partial(_said, finder[1], language), text) if finder else text

    def _finder(self, language: str) -> tuple[re.Pattern[str], dict[str, str]] | None:
        words: dict[str, str] = {}
        for table in (ALL, language.split("-")[0], language):
            words |= self._entries.get(table, {})
        if not words:
            return None
        # Written with a capital first: where both fit, the one that is meant for this very writing is taken.
        keys = sorted(words, key=lambda word: (-len(word), word == word.lower(), word))
        endings = _ENDINGS.get(language.split("-")[0], "(?!)")
        found = "|".join(map(_pattern, keys))
        # After a letter of a language without spaces the next one may be any.
        end = f"(?:(?<=[{KANA}{HAN}])|(?!{_LETTER}))"
        return re.compile(rf"(?P<word>{found})(?P<ending>{endings})?{end}"), words


def _pattern(word: str) -> str:
    start = f"(?<!{_LETTER})" if re.match(_LETTER, word) else ""
    return start + (f"(?i:{re.escape(word)})" if word == word.lower() else re.escape(word))


def _said(words: Mapping[str, str], language: str, found: re.Match[str]) -> str:
    word, ending = found["word"], found["ending"] or ""
    said = words.get(word) or words.get(word.lower())
    if said is None or (ending and len(word) < _SHORTEST):
        return found[0]
    if not said.startswith("/"):
        return said + ending
    ipa = said.strip("/ ").replace(".", "")
    return quoted(rewrite(ipa, language) + _ending(ipa, ending, language))


def _ending(ipa: str, ending: str, language: str) -> str:
    """Phonemes of a plural or possessive ending after ``ipa``."""
    if not ending or language == "fr":
        return ""
    if not language.startswith("en"):
        return ending
    if ending == "s'" and ipa[-1] in "sz":
        return ""
    if ipa[-1] in "szʃʒ":
        return "ᵻz" if language != "en-gb" else "ɪz"
    return "s" if ipa[-1] in "ptkfθ" else "z"


def _plain(word: str) -> str:
    return re.sub(r"\s+", " ", unicodedata.normalize("NFC", word).replace("\u2019", "'")).strip()


def _unknown(language: str) -> str:
    return f"the voice does not speak {language!r}; tables are {ALL}, {', '.join(LANGUAGES)}."


def _wrong(language: str, word: str, said: object) -> str:
    """What is wrong with an entry, or nothing."""
    if language != ALL and language not in LANGUAGES:
        return _unknown(language)
    if not re.search(r"[^\W_]", word):
        return "there is no letter in it."
    if not isinstance(said, str):
        return f"{said!r} is no text."
    if not said.strip("/ "):
        return "nothing is said for it."
    if said.strip().startswith("/") != (said.strip().endswith("/") and len(said.strip()) > 1):
        return f"{said!r} has a slash at one end only."
    if said.strip().startswith("/"):
        unknown = strangers(said.strip().strip("/"), "en" if language == ALL else language)
        return (
            f"{said!r} has letters that are not IPA, or that the voice can't say: {unknown}"
            if unknown
            else ""
        )
    return "" if re.search(r"[^\W_]", said) else f"there is no letter in {said!r}."


def _line(text: str, key: str, table: str = "") -> int:
    """The line on which a key, or a table, is written; where it is in a table, the first after its heading."""
    lines = text.splitlines()
    quoted_table = rf"""["']?{re.escape(table)}["']?"""
    since = (
        next((n for n, row in enumerate(lines) if re.match(rf"\s*\[{quoted_table}\]", row)), 0)
        if table
        else 0
    )
    written = rf"""\s*\[?(?:{quoted_table}\.)?["']?{re.escape(key)}["']?\s*[\]=]"""
    return next((n for n, row in enumerate(lines[since:], since + 1) if re.match(written, row)), since + 1)
