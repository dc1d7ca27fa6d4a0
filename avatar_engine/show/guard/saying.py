"""A sentence that is to be judged, and what the shop has to say to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from avatar_engine.show.catalogue import Catalogue, Product
from avatar_engine.show.guard import own, prices
from avatar_engine.show.guard.amounts import kind_of, words_of
from avatar_engine.show.guard.figures import Figure, figures
from avatar_engine.show.guard.grounding import Ground, answers_of, ground_of, texts_of
from avatar_engine.show.guard.readings import bare
from avatar_engine.show.guard.topics import Topics, known, languages, topics_of

MOST = 5000
"""Products and languages whose numbers are remembered."""

GROUNDS = 200
"""Products and languages whose words are remembered."""

COSTS_NOTHING = re.compile(
    "nichts|nothing|rien|nada|niente|nulla|offert|かかり|免|free|gratis|kostenlos|graça|gratuit|無料|मुफ्त|फ्री"
)


@dataclass(frozen=True, slots=True)
class Shop:
    """What a catalogue's texts say.

    Attributes:
        texts: All of them, `bare`.
        answers: The shop's own answers, `bare`.
        figures: Of the shop's answers, by kind: delivery, thresholds.
        kinds, all_kinds: Colours and materials of each product, and of all.
        catalogue: Whose texts they are.
        numbers: Of each product's texts in a language, as they are asked for.
        grounds: What may be said of each product in a language, as they are asked for.
        owns: Sentences that tell of each product in a language, as they are asked for.
        postages: What the delivery costs, by the answers in a language, as they are asked for.
    """

    texts: str
    answers: str
    figures: frozenset[tuple[str, Decimal]]
    kinds: Mapping[str, frozenset[tuple[str, str]]]
    all_kinds: frozenset[tuple[str, str]]
    catalogue: Catalogue
    numbers: dict[tuple[str, str], frozenset[Decimal]] = field(default_factory=dict)
    grounds: dict[tuple[str, str], Ground] = field(default_factory=dict)
    owns: dict[tuple[str, str], tuple[own.Own, ...]] = field(default_factory=dict)
    postages: dict[str, prices.Postage] = field(default_factory=dict)

    def numbers_of(self, product: Product, language: str) -> frozenset[Decimal]:
        """The numbers in a product's texts."""
        key = (product.ident, language)
        if key not in self.numbers and len(self.numbers) < MOST:
            self.numbers[key] = _numbers(product, language)
        return self.numbers.get(key, frozenset())

    def ground(self, ident: str, tag: str) -> Ground:
        """What the texts of a product, or with "" the shop's answers, say to who speaks a language."""
        key = (ident, tag)
        if key not in self.grounds:
            while len(self.grounds) >= GROUNDS:
                del self.grounds[next(iter(self.grounds))]
            product = self.catalogue.products.get(ident)
            self.grounds[key] = ground_of(texts_of(product) if product else answers_of(self.catalogue), tag)
        return self.grounds[key]

    def owned(self, product: Product | None, language: str) -> tuple[own.Own, ...]:
        """The sentences that tell of a product, and the shop's answers, in a language."""
        key = (product.ident if product else "", language)
        if key not in self.owns:
            while len(self.owns) >= GROUNDS:
                del self.owns[next(iter(self.owns))]
            texts = [
                *(own.sentences_of(product, language) if product else ()),
                *own.answers_in(self.catalogue, language),
            ]
            self.owns[key] = own.owned(texts, language.partition("-")[0])
        return self.owns[key]

    def postage(self, tag: str) -> prices.Postage:
        """What the shop's answers in a language say that the delivery costs."""
        if tag not in self.postages:
            self.postages[tag] = _postage(own.answers_in(self.catalogue, tag), tag)
        return self.postages[tag]


@dataclass(frozen=True, slots=True)
class Saying:
    """A sentence that is to be judged.

    Attributes:
        plain, low: Its text, `cleaned` and `bare`.
        tag: Its language, without a region.
        topics: What is listened for.
        spoken: Products that it is about.
        shop: What the catalogue says.
        figures: That are in it.
        heard: `low` without what is harmless ("feel free").
    """

    plain: str
    low: str
    tag: str
    topics: Topics
    spoken: list[Product]
    shop: Shop
    figures: list[Figure]
    heard: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "heard", self.topics.patterns["aside"].sub(" ", self.low))

    @property
    def kinds(self) -> frozenset[tuple[str, str]]:
        """Colours and materials of the products that it is about; of all where it is about none."""
        told = (self.shop.kinds[product.ident] for product in self.spoken)
        return frozenset(kind for kinds in told for kind in kinds) if self.spoken else self.shop.all_kinds


def shop_of(catalogue: Catalogue) -> Shop:
    """What the texts of a catalogue say."""
    texts, answers = [], [answer for pairs in catalogue.faq.values() for _, answer in pairs]
    texts += [part for pairs in catalogue.faq.values() for pair in pairs for part in pair]
    for product in catalogue.products.values():
        texts += [*product.names, *(claim.text for claim in product.claims if claim.source)]
        for told in product.texts.values():
            texts += [told.description, *told.facts, *told.facts.values()]
            texts += [part for pair in told.faq for part in pair]
    shown = {
        kind_of(figure, text, words_of(tag or "en"))[:2]
        for tag, pairs in catalogue.faq.items()
        for pair in pairs
        for text in pair
        for figure in figures(text, tag or "en")
    }
    kinds = {one.ident: _kinds(one) for one in catalogue.products.values()}
    every = frozenset(kind for one in kinds.values() for kind in one)
    return Shop(bare(" | ".join(texts)), bare(" | ".join(answers)), frozenset(shown), kinds, every, catalogue)


def _numbers(product: Product, language: str) -> frozenset[Decimal]:
    """The numbers in a product's texts."""
    texts = product.said(language)
    written = [texts.name, texts.description, *(f"{name} {value}" for name, value in texts.facts.items())]
    written += [part for pair in texts.faq for part in pair] + [claim.text for claim in product.claims]
    return frozenset(figure.value for part in written for figure in figures(part, language))


def _kinds(product: Product) -> frozenset[tuple[str, str]]:
    """The colours and materials that a product is told to have, in whatever language."""
    found: set[tuple[str, str]] = set()
    for tag, texts in product.texts.items():
        facts = [*texts.facts, *texts.facts.values(), *(part for pair in texts.faq for part in pair)]
        written = bare(" ".join([texts.name, texts.description, *facts]))
        for one in (tag,) if known(tag) else languages():
            found |= topics_of(one).kinds_of(written)
    return frozenset(found)


def _postage(answers: Iterable[str], tag: str) -> prices.Postage:
    """Amounts that stand next to what says that something costs nothing, and others."""
    free, fees = set[Decimal](), set[Decimal]()
    for told in (one for answer in answers for one in re.split(r"[;.!?。；！？।](?!\d)", answer)):
        low = bare(told)
        nothing = COSTS_NOTHING.search(low) or topics_of(tag).patterns["free"].search(low)
        money = [
            (kind_of(figure, told, words_of(tag)), figure.begin)
            for figure in figures(told, tag)
            if kind_of(figure, told, words_of(tag))[0] == "money"
        ]
        money.sort(key=lambda one: abs(one[1] - nothing.start()) if nothing else 0)
        values = [value for (_, value, _), _ in money]
        free |= set(values[:1] if nothing else ())
        fees |= set(values[1:] if nothing else values)
    return prices.Postage(frozenset(free), frozenset(fees))
