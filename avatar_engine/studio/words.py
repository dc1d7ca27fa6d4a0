"""The pages' texts in other languages, from files that translators know (gettext's .po).

What the engine's rooms say (refusals, findings, how orders went) is English where it is made. The sentences that a
technician meets are translated here, with whatever values stand in them; any other is shown as it is, and marked as
English for who has the page read aloud.
"""

from __future__ import annotations

import functools
import re
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


@functools.cache
def _rooms(language: str) -> tuple[dict[str, str], list[tuple[re.Pattern[str], str]]]:
    """What the rooms say: sentences as they are, and those with values in them, the most telling first."""
    with resources.files("avatar_engine.studio").joinpath(f"words/rooms-{language}.po").open("rb") as file:
        texts = {
            str(one.id): str(one.string) for one in read_po(file, locale=language) if one.id and one.string
        }
    plain = {text: found for text, found in texts.items() if not _VALUE.search(text)}
    valued = sorted(
        (text for text in texts if text not in plain), key=lambda text: -len(_VALUE.sub("", text))
    )
    return plain, [(_pattern(text), texts[text]) for text in valued]


_FIGURE = re.compile(r"([-+]?[\d.,:]+ ?(s|ms|dB|Hz|kHz|MB|%)?)?")  # which is the same in every language

SAID = ("when", "value", "why")
"""Values that are words of a room's themselves, and are translated, too."""

_VALUE = re.compile(r"{(\w+)}")


def _pattern(text: str) -> re.Pattern[str]:
    parts = _VALUE.split(text)
    parts[::2] = map(re.escape, parts[::2])
    parts[1::2] = (f"(?P<{name}>.*)" for name in parts[1::2])
    return re.compile("".join(parts), re.DOTALL)


@functools.lru_cache(4096)
def theirs(language: str, text: str) -> str | None:
    """What a room said, in a language; None where nobody has translated it."""
    if language == "en" or language not in LANGUAGES or _FIGURE.fullmatch(text):
        return text
    plain, valued = _rooms(language)
    if text in plain:
        return plain[text]
    for pattern, found in valued:
        if match := pattern.fullmatch(text):
            values = match.groupdict()
            inside = {name: theirs(language, values[name]) or values[name] for name in values if name in SAID}
            return found.format(**{**values, **inside})
    return None


def wanted(kept: str, accepted: str) -> str:
    """The language of a page: the person's own choice, else the first that the browser asks for and that is there."""
    if kept in LANGUAGES:
        return kept
    for part in accepted.split(","):
        tag = part.partition(";")[0].strip().lower().partition("-")[0]
        if tag in LANGUAGES:
            return tag
    return "en"
