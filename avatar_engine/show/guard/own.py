"""What is said in place of a sentence that can't be judged: the catalogue's own, in words that people wrote before.

It is right by construction: the price is filled in from the catalogue, and what is told of a product stands in its
texts or in the shop's answers. It is not an answer to everything; where the shop has nothing on it, nothing is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from avatar_engine.show.catalogue import Catalogue, Product
from avatar_engine.show.guard.figures import figures
from avatar_engine.show.guard.grounding import FREE, Ground, Said, Told, ground_of
from avatar_engine.show.host.phrases import phrases
from avatar_engine.show.wording import filled

SHARED = 0.33
"""Of the words that may tell something so many must stand in the sentence that is said instead."""

_KANA = re.compile("[\u3041-\u30ff]")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？।])")


@dataclass(frozen=True, slots=True)
class Own:
    """A sentence of the shop's, and what stands in it."""

    text: str
    ground: Ground
    numbers: frozenset[Decimal]


def price_of(product: Product, now: datetime, language: str) -> str:
    """What a product costs, in a sentence; "" in a language that nobody wrote one in."""
    tongue = _tongue(language)
    price, was = product.price_at(now), product.was_at(now)
    values = {"name": _name(product, language), "price": price.told(language)}
    if not tongue:
        return ""
    if was:
        return filled(str(tongue["price_was"][0]), values | {"was": was.told(language)})
    return filled(str(tongue["price"][0]), values)


def stock_of(product: Product, language: str) -> str:
    """How many pieces of a product there are, in a sentence; "" where that is not told."""
    tongue = _tongue(language)
    if not (product.stock and tongue):
        return ""
    return filled(str(tongue["stock"][0]), {"name": _name(product, language), "stock": str(product.stock)})


def sentences_of(product: Product, language: str) -> Iterator[str]:
    """All that is told of a product, a sentence each."""
    texts, tongue = product.said(language), _tongue(language)
    yield from filter(None, map(str.strip, _SENTENCE.split(texts.description)))
    yield from (answer for _, answer in texts.faq)
    if tongue:
        for fact, value in texts.facts.items():
            values = {"name": _name(product, language), "fact": fact, "value": value}
            yield filled(str(tongue["fact"][0]), values)


def answers_in(catalogue: Catalogue, language: str) -> Iterator[str]:
    """What the shop answers to everybody."""
    pairs = catalogue.faq.get(language.partition("-")[0]) or catalogue.faq.get("", ())
    yield from (answer for _, answer in pairs)


def owned(texts: Iterable[str], tag: str) -> tuple[Own, ...]:
    """Sentences, and what stands in them."""
    return tuple(
        Own(text, ground_of([Told(text, tag)], tag), frozenset(one.value for one in figures(text, tag)))
        for text in texts
    )


def nearest(words: Iterable[Said], numbers: set[Decimal], owns: Iterable[Own], names: Ground) -> str:
    """The sentence that has most of the words that tell something; "" where none has any.

    Args:
        words: Of the sentence that is not said.
        numbers: In it: of two sentences with its words that with its numbers is meant.
        owns: Those that may be.
        names: What the product is called: a name alone tells nothing.
    """
    content = {
        one.word: one
        for one in words
        if one.kind not in FREE and not one.keys & names.names and not _KANA.fullmatch(one.word)
    }
    best, text = 0, ""
    for own in owns:
        shared = sum(own.ground.tells(one) for one in content.values())
        worth = shared + len(numbers & own.numbers) if shared and shared >= SHARED * len(content) else 0
        if worth > best:
            best, text = worth, own.text
    return text


def _tongue(language: str) -> Mapping[str, Any]:
    return phrases().get(language.partition("-")[0], {})


def _name(product: Product, language: str) -> str:
    return product.said(language).name or product.names[0]
