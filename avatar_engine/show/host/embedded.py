"""The embedded host: answers at once, from what the catalogue says and in words that were written before.

What is asked is found by what the question means (`avatar_engine.show.meaning`): the answer is that of a question of
the same meaning, a fact of it, the price or the stock. Where that is not known, or nothing has the same meaning, it is
found by the words of the question, compared by their groups of three letters (Dice 1945), so that endings and typing
errors do no harm; but never in what is known to mean something else. It knows nothing else, and says so.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from babel.lists import format_list

from avatar_engine.show.host.phrases import phrases
from avatar_engine.show.host.reply import EMBEDDED, Ready, Request
from avatar_engine.show.meaning import NO_SPACES, Meaning, understood, without
from avatar_engine.show.wording import filled, picked

SURE = 0.34
"""Share of a question that must be spoken of in what is its answer."""

NEAR = 0.55
"""Share of their groups of letters that two words have in common which may be one."""

SAME = 0.6
"""Share that is enough where the question's meaning is known and is another's."""

MOST_WORDS = 60
"""Words of a text that are looked at."""

LONGEST = 3
"""Sentences of an answer, or of what is said in a gap."""

_LOCALES = {"zh": "zh_CN", "pt": "pt_BR"}
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？।])")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Known:
    """What a host may say of a product, in one language; all of it as it is said.

    Attributes:
        values: Of the slots ``name``, ``price``, ``was``, ``saving`` and ``stock``, those that there are.
        sold_out: Whether there is none left.
        facts: Attributes and their values.
        answers: Questions and their answers.
        description: Sentences about it.
    """

    values: Mapping[str, str]
    sold_out: bool = False
    facts: Mapping[str, str] = field(default_factory=dict)
    answers: Sequence[tuple[str, str]] = ()
    description: str = ""


Knows = Callable[[str, str], Known | None]
"""What is known of a product (by its id) in a language; None for nothing. The product "" is the shop."""


class Embedded:
    """A host that is always there (see `avatar_engine.show.host.reply.Host`).

    Args:
        knows: What may be said.
        seed: Which wordings come first.
    """

    def __init__(self, knows: Knows, seed: int = 0) -> None:
        self._knows, self._seed = knows, seed
        self._turns: Counter[str] = Counter()

    def reply(self, request: Request) -> Ready | None:
        """Sentences for a request; None where there is nothing to say in its language."""
        tongue = phrases().get(request.language.partition("-")[0])
        if tongue is None:
            return None
        product = self._knows(request.product, request.language) if request.product else None
        kinds = {
            "answer": self._answer, "fill": self._fill, "greet": self._greet, "thank": self._thank,
            "offer": self._offer,
        }  # fmt: skip
        say = kinds[request.kind]
        sentences = say(request, tongue, product)
        return Ready(sentences[:LONGEST], EMBEDDED) if sentences else None

    def _answer(self, request: Request, tongue: Mapping[str, Any], product: Known | None) -> list[str]:
        found = self._found(request, tongue, product) or [self._worded(tongue, "unknown", request.language)]
        if request.again:
            return found[:1]
        if request.askers:
            to = self._worded(tongue, "to", request.language).replace("{asker}", request.askers[0])
            if to.rstrip().endswith((".", "。", "।")):
                return [to.strip(), *found]
            return [to + found[0], *found[1:]]
        return found

    def _found(self, request: Request, tongue: Mapping[str, Any], product: Known | None) -> list[str]:
        """What is known to a question; empty for nothing."""
        asked = " ".join(_words(request.text))
        names = [product.values["name"]] if product and "name" in product.values else []
        meaning = understood(without(request.text, names))
        priced = product is not None and "price" in product.values
        if (
            product
            and priced
            and (meaning.intent == "price" or (not meaning.intent and _asks_the_price(asked)))
        ):
            return self._price(request, tongue, product)
        if found := self._known(request, meaning, tongue, product):
            return found
        if product and priced and meaning.intent == "discount":
            return self._price(request, tongue, product)
        of_stock = meaning.intent in ("stock", "restock") or (
            not meaning.intent and _asks(asked, tongue["asks"]["stock"])
        )
        if product and of_stock:
            kind = "sold_out" if product.sold_out else "stock" if "stock" in product.values else "available"
            return [self._of(tongue, kind, request, product)]
        return []

    def _price(self, request: Request, tongue: Mapping[str, Any], product: Known) -> list[str]:
        return [self._of(tongue, "price_was" if "was" in product.values else "price", request, product)]

    def _known(
        self, request: Request, meaning: Meaning, tongue: Mapping[str, Any], product: Known | None
    ) -> list[str]:
        """The answer, fact or sentence that a question is after; empty for none."""
        known: list[tuple[str, list[str]]] = []
        for place in (product, self._knows("", request.language)):
            if place:
                known += [(question, _sentences(answer)) for question, answer in place.answers]
        if product:
            for fact, value in product.facts.items():
                values = {**product.values, "fact": fact, "value": value}
                known.append((f"{fact} {value}", [self._filled(tongue, "fact", request.language, values)]))
        meant = [understood(text) for text, _ in known]
        if product:  # what is told asks nothing: it is found by its words
            known += [(sentence, [sentence]) for sentence in _sentences(product.description)]
        meant += [Meaning()] * (len(known) - len(meant))
        if not known:
            return []
        scores = likenesses(request.text, [text for text, _ in known], _passed_over(request.language))
        best, which = max(
            (_worth(meaning, told, score), -n)
            for n, (told, score) in enumerate(zip(meant, scores, strict=True))
        )
        return known[-which][1] if best >= SURE else []

    def _fill(self, request: Request, tongue: Mapping[str, Any], product: Known | None) -> list[str]:
        """Something about the product that was not said lately."""
        if product is None:
            return []
        told = _sentences(product.description)
        told += [
            self._filled(tongue, "fact", request.language, {**product.values, "fact": fact, "value": value})
            for fact, value in product.facts.items()
        ]
        told += [answer for _, answer in product.answers]
        if not told:
            return []
        if request.text:
            scores = likenesses(request.text, told, _passed_over(request.language))
            ranked = sorted(zip(scores, told, strict=True), reverse=True)
            told = [text for score, text in ranked if score > 0.1] or told
        turn = self._turn(f"fill {request.product} {request.text}")
        begin = [] if turn % 3 else [self._of(tongue, "about", request, product)]
        return [*begin, told[picked(len(told), self._seed, f"fill {request.product}", turn)]]

    def _greet(self, request: Request, tongue: Mapping[str, Any], product: Known | None) -> list[str]:
        if not request.askers:
            return [self._worded(tongue, "greet", request.language)]
        kind = "welcome_back" if request.text == "back" else "welcome"
        return [self._to_people(tongue, kind, request)]

    def _thank(self, request: Request, tongue: Mapping[str, Any], product: Known | None) -> list[str]:
        kind = f"thanks_{request.text}"
        return [self._to_people(tongue, kind if kind in tongue else "thanks_follow", request)]

    def _to_people(self, tongue: Mapping[str, Any], kind: str, request: Request) -> str:
        """A sentence to viewers, by their names where they may be said."""
        locale = _LOCALES.get(request.language.partition("-")[0], request.language.partition("-")[0])
        names = format_list(request.askers, locale=locale) if request.askers else str(tongue["somebody"][0])
        return self._worded(tongue, kind, request.language).replace("{names}", names)

    def _offer(self, request: Request, tongue: Mapping[str, Any], product: Known | None) -> list[str]:
        return [self._of(tongue, "offer", request, product)] if product and "price" in product.values else []

    def _of(self, tongue: Mapping[str, Any], kind: str, request: Request, product: Known) -> str:
        return self._filled(tongue, kind, request.language, product.values)

    def _filled(self, tongue: Mapping[str, Any], kind: str, language: str, values: Mapping[str, str]) -> str:
        return filled(self._worded(tongue, kind, language), values)

    def _worded(self, tongue: Mapping[str, Any], kind: str, language: str) -> str:
        wordings = tongue[kind]
        return str(wordings[picked(len(wordings), self._seed, kind, self._turn(f"{language} {kind}"))])

    def _turn(self, what: str) -> int:
        turn = self._turns[what] if what in self._turns or len(self._turns) < 5000 else 0
        self._turns[what] = turn + 1
        return turn


def _worth(asked: Meaning, told: Meaning, likeness: float) -> float:
    """How well something that is known fits a question: by its meaning, then by its words."""
    if asked.intent and asked.topic == told.topic:
        return 2.0 + likeness  # more than all of its words are worth
    if asked.intent and told.intent and likeness < SAME:
        return 0.0
    return likeness


@lru_cache(maxsize=16)
def _passed_over(language: str) -> frozenset[str]:
    """Words of a language that tell nothing of what a question is about."""
    words = phrases()[language.partition("-")[0]]["passed_over"]
    return frozenset(part for word in words.split() for part in _words(word))


def likenesses(question: str, texts: Sequence[str], passed_over: frozenset[str] = frozenset()) -> list[float]:
    """How much of a question each of ``texts`` speaks of, 0 to 1.1: its words, whatever their endings and mistypings.

    Words that are ``passed_over`` ("how", "is") tell nothing of what it is about.
    """
    asked = _telling(question, passed_over)
    if not asked:
        return [0.0] * len(texts)
    found = []
    for text in texts:
        words = _telling(text, passed_over)
        near = [max((_nearness(one, other) for other in words), default=0.0) for one in asked]
        back = [max(_nearness(one, other) for other in asked) for one in words]
        # Of two texts that speak of all of it the one that speaks of less else is meant.
        found.append(sum(near) / len(near) + 0.1 * sum(back) / max(1, len(back)))
    return found


def _telling(text: str, passed_over: frozenset[str]) -> list[str]:
    """The words that tell what a text is about; of scripts without spaces, pairs of letters."""
    telling: list[str] = []
    for word in _words(text):
        if NO_SPACES.search(word):
            for sign in passed_over:
                word = word.replace(sign, " ") if NO_SPACES.search(sign) else word
            for part in word.split():
                telling += [part[n : n + 2] for n in range(len(part) - 1)] or [part]
        elif word not in passed_over:
            telling.append(word)
    return telling[:MOST_WORDS]


def _nearness(one: str, other: str) -> float:
    """1 for the same word, less for one with another ending or a typing error, 0 for another word (Dice's measure)."""
    if one == other:
        return 1.0
    if min(len(one), len(other)) < 4:
        return 0.0
    groups = [Counter(f"^{word}"[n : n + 3] for n in range(len(word) - 1)) for word in (one, other)]
    dice = 2 * (groups[0] & groups[1]).total() / (groups[0].total() + groups[1].total())
    return dice if dice >= NEAR else 0.0


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(letter for letter in plain if not unicodedata.combining(letter)))


def _asks(asked: str, words: Sequence[str]) -> bool:
    """Whether a question (`_words` of it, joined) has one of these words in it."""
    for word in words:
        plain = " ".join(_words(word))
        if NO_SPACES.search(word) or not plain.isascii():
            if plain in asked:
                return True
        elif f" {plain} " in f" {asked} ":
            return True
    return False


def _asks_the_price(asked: str) -> bool:
    """In whatever language: viewers ask in theirs."""
    return any(_asks(asked, told["asks"]["price"]) for told in phrases().values())


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in _SENTENCE.split(text) if part.strip()]
