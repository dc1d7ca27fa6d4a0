"""What a sentence is about, by the words for it (``topics.yaml``), and which of it a shop's texts bear out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from avatar_engine.show.guard.readings import bare_pattern

EVERYBODY = ("free", "half", "boast", "hurry", "health", "finance", "green", "proof")
"""Claims that need a source whoever makes them."""

HOSTS = (
    "deal", "leak", "persona", "rival", "contact", "rude", "politics", "violence", "sexual", "drugs", "personal",
)  # fmt: skip
"""What a host has no business with."""

DENIED = frozenset(("free", "half", "hurry", "health", "finance"))
"""Claims that may be denied: "it isn't free"."""

KINDS = ("colours", "materials")
"""What a product has none of but those that its texts name, where they name any."""

_TOPICS = (
    *EVERYBODY, *HOSTS, "human", "warranty", "sold", "left", "holding", "offer", "when", "delivery", "reach", "unit",
    "number_one", "talk", "aside",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Topics:
    """What is listened for in a language, in `bare` text."""

    patterns: Mapping[str, re.Pattern[str]]
    no_before: re.Pattern[str] | None
    no_after: re.Pattern[str] | None
    kinds: Mapping[str, Mapping[str, re.Pattern[str]]]

    def about(self, topic: str, text: str) -> bool:
        """Whether a text is about a topic."""
        return self.patterns[topic].search(text) is not None

    def found(self, topic: str, text: str) -> Iterator[re.Match[str]]:
        """The words for a topic; those that are denied are left out where that makes the topic harmless."""
        for match in self.patterns[topic].finditer(text):
            if topic not in DENIED or not self.denied(match, text):
                yield match

    def denied(self, match: re.Match[str], text: str) -> bool:
        """Whether a text says that it is not so."""
        if self.no_before and self.no_before.search(text, max(0, match.start() - 30), match.start()):
            return True
        return bool(self.no_after and self.no_after.match(text, match.end()))

    def kinds_of(self, text: str) -> set[tuple[str, str]]:
        """The colours and materials that a text names, each with which of the two it is."""
        return {
            (group, name)
            for group, patterns in self.kinds.items()
            for name, pattern in patterns.items()
            if pattern.search(text)
        }


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Mapping[str, Any]]:
    text = files("avatar_engine.show.guard").joinpath("topics.yaml").read_text(encoding="utf-8")
    read: Mapping[str, Mapping[str, Any]] = yaml.safe_load(text)
    return read


def known(tag: str) -> bool:
    """Whether anything is listened for in a language."""
    return tag != "all" and tag in _table()


def languages() -> tuple[str, ...]:
    """Those in which something is listened for."""
    return tuple(tag for tag in _table() if tag != "all")


@lru_cache(maxsize=1)
def little() -> Mapping[str, frozenset[str]]:
    """The little words of the languages in Latin letters."""
    return {
        tag: frozenset(bare_pattern(word) for word in told["little"].split())
        for tag, told in _table().items()
        if tag not in ("all", "zh", "ja", "hi")
    }


@lru_cache(maxsize=16)
def topics_of(tag: str) -> Topics:
    """What is listened for in a language; English where it is not known."""
    table = _table()
    tag = tag if known(tag) else "en"
    told, every = table[tag], table["all"]
    spaced = tag not in ("zh", "ja", "hi")
    patterns = {}
    for topic in _TOPICS:
        own = _lines(told[topic])
        shared = _lines(every.get(topic, ""))
        parts = [rf"(?<!\w)(?:{'|'.join(own)})(?!\w)" if spaced else "|".join(own)] if own else []
        latin = [part for part in shared if part.isascii()]
        parts += [rf"(?<!\w)(?:{'|'.join(latin)})(?!\w)"] if latin else []
        parts += [part for part in shared if not part.isascii()]
        patterns[topic] = re.compile("|".join(parts))
    before, after = told["no_before"], told["no_after"]
    return Topics(
        patterns,
        re.compile(rf"(?:(?<!\w)|^)(?:{bare_pattern(before)})\Z" if spaced else rf"(?:{before})\Z") if before else None,
        re.compile(bare_pattern(after)) if after else None,
        {
            group: {
                name: re.compile(rf"(?<!\w)(?:{bare_pattern(by[tag])})(?!\w)" if spaced else bare_pattern(by[tag]))
                for name, by in every[group].items()
            }
            for group in KINDS
        },
    )  # fmt: skip


def _lines(text: str) -> list[str]:
    return [bare_pattern(line.strip()) for line in str(text).split("\n") if line.strip()]


@lru_cache(maxsize=16)
def anywhere(topic: str) -> re.Pattern[str]:
    """A topic in any language: a shop's texts may be in another one."""
    return re.compile("|".join(topics_of(tag).patterns[topic].pattern for tag in languages()))
