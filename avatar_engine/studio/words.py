"""The pages' texts in other languages, from files that translators know (gettext's .po)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib import resources

from babel.messages.pofile import read_po

LANGUAGES = {"en": "English", "fr": "Français"}
"""Tags and what they are called in their own language. English is what stands in the pages."""


@functools.cache
def catalogue(language: str) -> dict[str, str]:
    """What an English text is in a language; a text that is missing stays English."""
    if language == "en" or language not in LANGUAGES:
        return {}
    with resources.files("avatar_engine.studio").joinpath(f"words/{language}.po").open("rb") as file:
        return {
            str(one.id): str(one.string) for one in read_po(file, locale=language) if one.id and one.string
        }


def translator(language: str) -> Callable[..., str]:
    """Gives a text in a language; values in braces are filled in."""
    texts = catalogue(language)

    def translated(text: str, **values: object) -> str:
        found = texts.get(text, text)
        return found.format(**values) if values else found

    return translated


def wanted(kept: str, accepted: str) -> str:
    """The language of a page: the person's own choice, else the first that the browser asks for and that is there."""
    if kept in LANGUAGES:
        return kept
    for part in accepted.split(","):
        tag = part.partition(";")[0].strip().lower().partition("-")[0]
        if tag in LANGUAGES:
            return tag
    return "en"
