"""The languages that can be spoken, and which of them a sentence is written in.

Scripts tell Chinese, Japanese and Hindi; between languages in Latin letters py3langid decides (Lui and Baldwin 2012,
"langid.py: an off-the-shelf language identification tool"), whose weights are in its wheel: nothing is fetched, and
the same sentence gives the same answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

from avatar_engine.errors import AvatarError

AUTO = "auto"
"""Instead of a tag: every sentence in the language that it is written in."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language.

    Attributes:
        name: In English.
        espeak: espeak-ng's voice, or nothing where the phonemes are made otherwise.
        needs: Modules that must be installed, and ``extra``, the engine's extra that brings them.
    """

    name: str
    espeak: str = ""
    needs: tuple[str, ...] = ()
    extra: str = ""


LANGUAGES = {
    "en": Language("English", "en-us"),
    "en-us": Language("American English", "en-us"),
    "en-gb": Language("British English", "en-gb-x-rp"),
    "fr": Language("French", "fr"),
    "es": Language("Spanish", "es"),
    "it": Language("Italian", "it"),
    "pt": Language("Portuguese", "pt-br"),
    "de": Language("German", "de"),
    "hi": Language("Hindi", "hi"),
    "zh": Language("Mandarin Chinese", needs=("pypinyin", "jieba"), extra="zh"),
    "ja": Language("Japanese", needs=("pyopenjtalk",), extra="ja"),
}

KANA, HAN, DEVANAGARI = (
    "\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f",
    "\u3400-\u9fff\uf900-\ufaff",
    "\u0900-\u097f",
)
"""Ranges of letters, for a regular expression's brackets."""

_LOYALTY = 12.0
"""Log-probability by which another language must beat the expected one: two or three words say that much."""

_LETTERS = 6
"""Fewer letters, as in "OK", tell no language."""


def tag(language: str) -> str:
    """The known tag nearest to ``language``: itself, or without its region.

    Raises:
        AvatarError: Neither is known (the known ones are listed), or the packages that it needs are missing.
    """
    wanted = language.strip().lower().replace("_", "-")
    for candidate in (wanted, wanted.split("-")[0]):
        if candidate in LANGUAGES:
            if not _installed(candidate):
                known = LANGUAGES[candidate]
                raise AvatarError(
                    f"{known.name} ({language!r}) needs packages that are not installed: {', '.join(known.needs)}.",
                    f"pip install 'avatar-engine[{known.extra}]'",
                )
            return candidate
    raise AvatarError(
        f"The voice does not speak the language {language!r}.",
        f"Languages: {', '.join(LANGUAGES)}; or {AUTO}.",
    )


def asked(language: str) -> str:
    """`tag`, or `AUTO` where that is asked for."""
    return AUTO if language.strip().lower() == AUTO else tag(language)


def languages() -> tuple[str, ...]:
    """The languages that can be spoken with what is installed, as BCP 47 tags."""
    return tuple(known for known in LANGUAGES if _installed(known))


def recognised(text: str, likely: str, among: Sequence[str] = ()) -> str:
    """The language that ``text`` is written in.

    Args:
        text: A sentence or more.
        likely: Tag of the language that is expected: it is taken where the text leaves a doubt.
        among: Tags to choose from; every language that can be spoken when empty.
    """
    if among and likely not in among and likely.split("-")[0] not in among:
        likely = next((known for known in among if known.split("-")[0] == likely.split("-")[0]), among[0])
    choice = [*dict.fromkeys([likely, *(among or languages())])]
    by_script = _by_script(text, likely, choice)
    if by_script:
        return by_script
    latin = [known for known in choice if known not in ("zh", "ja", "hi")]
    short = sorted({known.split("-")[0] for known in latin})
    letters = re.sub(r"[\W\d_]+", " ", re.sub(r"\S*[@/]\S*|\S+\.\S+", " ", text)).strip()
    if len(letters) < _LETTERS or len(short) < 2:
        return likely if likely in latin or not latin else latin[0]
    score = dict(_identifier(tuple(short)).rank(letters))
    # Within a text in other letters, a sentence of Latin ones is most likely English.
    expected = likely.split("-")[0] if likely in latin else "en"
    best = max(short, key=lambda known: (score[known] + _LOYALTY * (known == expected), known))
    return next(known for known in choice if known.split("-")[0] == best)


def _by_script(text: str, likely: str, choice: Sequence[str]) -> str:
    """zh, ja or hi if most of the text is in its letters; a Chinese character counts as much as three letters."""
    kana = len(re.findall(f"[{KANA}]", text))
    han = len(re.findall(f"[{HAN}]", text))
    devanagari = len(re.findall(f"[{DEVANAGARI}]", text))
    latin = len(re.findall(r"[A-Za-z\u00c0-\u024f]", text))
    east = 3 * han + 2 * kana
    if max(east, devanagari) <= latin:
        return ""
    if devanagari > east:
        return "hi" if "hi" in choice else ""
    japanese = "ja" in choice and (kana > 0 or likely == "ja" or "zh" not in choice)
    return "ja" if japanese else "zh" if "zh" in choice else ""


@cache
def _installed(language: str) -> bool:
    return all(find_spec(module) is not None for module in LANGUAGES[language].needs)


@cache
def _identifier(among: tuple[str, ...]) -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    identifier.set_languages(list(among))
    return identifier
