"""The last word on every sentence before it is said, whoever wrote it: script, language model, technician or chat.

What it holds every sentence to:

- **Money.** An amount with a currency, or a number where a price stands ("only 19", "for twelve"), must be the price,
  the crossed-out price or the saving of a product that is spoken of, at this moment. Where one reading alone is
  possible a wrong one is put right; else the sentence is not said. "Free" and the like need a claim of the catalogue.
- **Perhaps a price.** "At 8" may be an hour or an offer: in a script it stands, elsewhere it is not said unless it is
  the price; it is never put right.
- **Other numbers.** Per cents, stock and measures must stand in the catalogue (name, description, facts, answers,
  claims). Small counts up to twelve, years and times of day are harmless. In a script that people wrote other numbers
  stand too.
- **Claims.** Boasts, hurry ("last chance"), health, finance and environment need a claim with a source in the catalogue
  that says the same; hurry may also follow from an offer that ends today, or a stock of ten or less.
- **Words.** What a language model says stands on the shop's texts or claims nothing (`grounding`).
- **Truth and secrets.** Nobody says that the host is a human. Keys, addresses, mail, telephone, card and account
  numbers, and anything of the prompt are never said.

It errs on the side of silence: a sentence that it does not understand is a sentence less, a wrong price is a contract.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from avatar_engine import markup
from avatar_engine.show.catalogue import Catalogue, Price, Product
from avatar_engine.show.guard.figures import Figure, digit_words, figures
from avatar_engine.show.guard.grounding import (
    Asked,
    Ground,
    Told,
    answers_of,
    clause_at,
    counted,
    everyday_of,
    ground_of,
    stands,
    texts_of,
)
from avatar_engine.show.guard.readings import bare, bare_pattern, cleaned, other_language, roman, strange
from avatar_engine.show.guard.topics import (
    EVERYBODY,
    HOSTS,
    Topics,
    anywhere,
    known,
    languages,
    little,
    topics_of,
)
from avatar_engine.show.host.prompt import MARK, RULES
from avatar_engine.show.host.reply import OWN

SMALL = 12
"""Counts up to this are harmless."""

MOST = 5000
"""Products and languages whose numbers are remembered."""

GROUNDS = 200
"""Products and languages whose words are remembered."""

RUN = 5
"""Words in a row that tell a quotation of the prompt."""

LONGEST = 500
"""Letters of a question that are looked at."""

FEW = 10
"""Pieces in stock at which there may be hurry."""

_SECRETS = {
    "key": re.compile(
        r"\b(?:sk|pk|ghp|xox[abp]|AKIA|AIza)[-_]?[A-Za-z0-9_-]{12,}|\b[A-Za-z0-9+/_-]{40,}={0,2}"
    ),
    "mail": re.compile(
        r"[\w.+-]+@[\w-]+\.[\w.]+|\b\w+ (?:at|arobase|arroba) \w+ (?:dot|point|punto) \w+", re.IGNORECASE
    ),
    "address": re.compile(
        r"https?://|www\.|\b[\w-]+\.(?:com|net|org|io|shop|fr|de|cn|ru|info|biz|example)\b", re.IGNORECASE
    ),
    "card or account": re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,}|\b(?:\d[ -]?){13,19}\b"),
    "telephone": re.compile(
        r"(?:\+|\b00)\d[\d .-]{7,}\d|\b0\d(?:[ .-]?\d\d){4}\b|\b\d{3}[ .-]\d{3}[ .-]\d{4}\b"
    ),
    "code": re.compile(r"```|</?(?:script|system|img|a)\b|\{\{|\$\{|<\|", re.IGNORECASE),
    "prompt": re.compile(rf"{MARK}|system prompt|\bFACTS\b|\bMESSAGE\.from\b|SAID_BEFORE", re.IGNORECASE),
}
GROUNDED, LISTED = "grounded", "listed"
"""How claims of a language model are checked."""

ASKED = 8
"""Questions that are remembered, with who asked."""

_OWN = tuple(f":{who}" for who in OWN)
"""Ends of the origins of words that were written before, and filled with the catalogue's."""
_PEOPLE = ("script", "technician", "notice")
"""Whose words are chosen by people: what they talk about is theirs to decide; claims and figures are not."""
_YEAR = re.compile(r"(?:19|20)\d\d")
_CLOCK = re.compile(
    r"\s*(?::\d\d|h\d{0,2}\b|(?:o.clock|past(?! the)|a\.?m\.?|p\.?m\.?|uhr|点(?!心)|時(?!間)|बजे)(?!\w))",
    re.IGNORECASE,
)
_PER_CENT = re.compile(
    r"\s*(?:%|％|per ?cent|pour ?cents?|por ciento|per cento|por cento|prozent|प्रतिशत|パーセント)",
    re.IGNORECASE,
)
_HOURS = re.compile(r"\s*(?:heures?|horas?|ore)(?!\w)", re.IGNORECASE)
_AT = re.compile(
    r"(?<!\w)(?:à|dès|vers|est|jusqu.à|a las|las|son|desde las|às|as|são|alle|le|sono le)\s*$", re.IGNORECASE
)
"""Before hours that are a time of day: "à 20 heures", not "pendant 12 heures"."""
_COSTS_NOTHING = re.compile("nichts|offert|かかり|免|free|gratis|kostenlos|graça|gratuit|無料|मुफ्त|फ्री")
_PER_CENT_BEFORE = re.compile(r"百分之\s*$")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a sentence is not said, or not as it was: what kind of thing, and which words."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the guard says of a sentence.

    Attributes:
        text: What may be said: as it was, or with figures put right; "" where it may not.
        allowed: Whether it may be said.
        reasons: What was wrong.
    """

    text: str
    allowed: bool
    reasons: tuple[Reason, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether it is said otherwise than it was written."""
        return self.allowed and bool(self.reasons)


@dataclass(frozen=True, slots=True)
class _Sold:
    """What may be said of a product now."""

    price: Decimal
    was: Decimal | None
    saving: Decimal | None
    numbers: frozenset[Decimal]
    told: str
    was_told: str


class Guard:
    """Checks sentences against the catalogue.

    Args:
        catalogue: The newest one.
        now: The time, aware.
        rivals: Names that are never said.
        persona: What a language model is told of who it is; none of it is said.
        claims: `GROUNDED` or `LISTED`: whether a language model may claim nothing but what the shop's texts say, or
            all but what is listed.
        script: What people wrote for the show: its words may be used.
    """

    def __init__(
        self,
        catalogue: Callable[[], Catalogue],
        now: Callable[[], datetime],
        rivals: tuple[str, ...] = (),
        persona: str = "",
        claims: str = GROUNDED,
        script: Sequence[Told] = (),
    ) -> None:
        self._told, self._brief = _runs(f"{RULES} {persona}"), f" {_plain(RULES)} "
        self._catalogue, self._now = catalogue, now
        self._rivals = [_plain(name) for name in rivals]
        self._read: tuple[Catalogue, _Shop] | None = None
        self._grounded, self._script = claims == GROUNDED, tuple(script)
        self._asked: deque[Asked] = deque(maxlen=ASKED)
        self._written: dict[str, Ground] = {}

    def check(self, text: str, language: str, product: str = "", origin: str = "") -> Verdict:
        """What may be said of ``text`` (marks and all), which is about a product (its id)."""
        tag = language.partition("-")[0]
        plain = cleaned(markup.unmarked(text))
        low = bare(plain)
        if text in _of_the_law():
            return Verdict(text, True)
        catalogue = self._catalogue()
        shop = self._shop(catalogue)
        named = catalogue.named(plain)
        spoken = [one for one in (named, catalogue.products.get(product)) if one]
        saying = _Saying(plain, low, tag, topics_of(tag), spoken, shop, figures(plain, tag))
        reasons = [*self._secrets(plain), *self._claims(saying)]
        people = origin.startswith(_PEOPLE) or (len(low) > 8 and low.strip(" .!") in shop.texts)
        if not people:
            reasons += self._no_business(saying)
        if not (people or reasons) and self._grounded and not origin.endswith(_OWN):
            reasons += self._unfounded(saying)
        if reasons:
            return Verdict("", False, tuple(reasons))
        sold = [self._sold(one, language, shop) for one in spoken[:1]]
        return self._figured(text, saying, language, sold, origin)

    def _secrets(self, plain: str) -> Iterator[Reason]:
        for code, pattern in _SECRETS.items():
            if found := pattern.search(plain):
                yield Reason(code, found[0][:12])
        low = f" {_plain(plain)} "
        for name in self._rivals:
            if name and (f" {name} " in low or (not name.isascii() and name in low)):
                yield Reason("rival", name)

    def _claims(self, saying: _Saying) -> Iterator[Reason]:
        """Claims that need a source, and the claim to be a human."""
        if found := saying.topics.patterns["human"].search(saying.low):
            yield Reason("human", found[0])
        for code in EVERYBODY:
            for found in saying.topics.found(code, saying.heard):
                if not self._sourced(found[0], code, saying):
                    yield Reason(f"claim: {code}", found[0])

    def _sourced(self, said: str, code: str, saying: _Saying) -> bool:
        """Whether the catalogue has what is claimed."""
        for product in saying.spoken:
            texts = product.said(saying.tag)
            if any(said in bare(claim.text) and claim.source for claim in product.claims):
                return True
            if code in ("green", "free") and said in bare(texts.name):
                return True
            if code == "hurry":
                offer = product.offer_at(self._now())
                ends = offer.ends if offer else None
                if ends and (ends - self._now()).total_seconds() < 86_400:
                    return True
                if product.stock is not None and 0 < product.stock <= FEW:
                    return True
        if code == "free" and saying.topics.about("delivery", saying.low):
            money = [_kind(one, saying.plain, words_of(saying.tag))[:2] for one in saying.figures]
            if any(kind == "money" and (kind, value) in saying.shop.figures for kind, value in money):
                return True  # free from an amount on that the shop's answers name
        return said in saying.shop.answers

    def _no_business(self, saying: _Saying) -> Iterator[Reason]:
        """What a host, unlike people who write a script, may not say at all, or not without the shop's texts."""
        topics, low, heard, texts = saying.topics, saying.low, saying.heard, saying.shop.texts
        if not known(saying.tag):
            yield Reason("language", saying.tag)
        names = " ".join(bare(name) for asked in self._asked for name in asked.names)
        if why := other_language(
            saying.plain, saying.tag, f"{texts} {names}", little(), bool(saying.figures)
        ):
            yield Reason("language", why)
        for sign in strange(saying.plain, texts):
            yield Reason("disguise", sign[:20])
        if leaked := self._told & _runs(saying.plain):
            yield Reason("prompt", min(leaked))
        short = re.sub(r"\d+ ", "", _plain(saying.plain))
        if 2 < len(short.split()) < RUN and f" {short} " in self._brief:
            yield Reason("prompt", short)
        for code in HOSTS:
            for found in topics.found(code, heard):
                if not _borne_out(found[0], texts):
                    yield Reason(f"topic: {code}", found[0])
        for one, other in (("delivery", ("when", "reach")), ("offer", ("when",))):
            about = topics.patterns[one].search(heard)
            if about is None or topics.denied(about, heard):
                continue
            for found in (match for topic in other for match in topics.patterns[topic].finditer(heard)):
                if not self._timely(found[0], one, saying):
                    yield Reason(f"topic: {one}", found[0])
        promised = topics.patterns["warranty"].search(heard)
        if promised and not anywhere("warranty").search(texts):
            yield Reason("topic: warranty", promised[0])
        if whole := topics.patterns["number_one"].search(heard):
            yield Reason("number", whole[0])
        told = saying.kinds
        groups = {group for group, _ in told}
        for group, name in sorted(topics.kinds_of(heard) - told):
            if group in groups:
                yield Reason(group, name)
        if _dialled(low, saying.tag):
            yield Reason("telephone", "digits in words")

    def ready(self, tags: Iterable[str]) -> None:
        """Read beforehand what sentences in these languages are held to: it takes a second or two."""
        shop = self._shop(self._catalogue())
        for tag in tags:
            self.check("1", tag, origin="answer:nobody")
            if self._grounded:
                self._ground((), shop, everyday_of(tag.partition("-")[0]).tag)

    def heard(self, text: str, names: tuple[str, ...] = ()) -> None:
        """A viewer asked: a host may repeat it where it does not know, and say the names of who asked."""
        self._asked.append(Asked(text, names))

    def _ground(self, spoken: Iterable[Product], shop: _Shop, tag: str) -> Ground:
        """What the script, the shop and the texts of the products that are spoken of say to who speaks a language."""
        if tag not in self._written:
            self._written[tag] = ground_of(self._script, tag)
        ground = self._written[tag] | shop.ground("", tag)
        for product in spoken:
            ground |= shop.ground(product.ident, tag)
        return ground

    def _unfounded(self, saying: _Saying) -> Iterator[Reason]:
        """What a language model says and neither the shop's texts nor the script bear out."""
        everyday = everyday_of(saying.tag)
        tag, shop, plain = everyday.tag, saying.shop, saying.plain
        ground = self._ground(saying.spoken, shop, tag)
        kinds = saying.kinds
        borne_out = [saying.topics.kinds[group][name] for group, name in sorted(kinds)]
        for figure in saying.figures:
            plain = plain[: figure.begin] + " " * (figure.end - figure.begin) + plain[figure.end :]
        for code, word in stands(plain, everyday, ground, borne_out, tuple(self._asked)):
            yield Reason(code, word)
        numbers = {value for product in saying.spoken for value in shop.numbers_of(product, tag)}
        for figure in saying.figures:
            if not 1 < figure.value <= SMALL or figure.value in numbers:
                continue
            after, clause = bare(plain[figure.end :]), bare(clause_at(plain, figure.begin))
            if word := counted(after, clause, everyday, ground, shop.ground("", tag)):
                yield Reason("number", f"{figure.value} {word}")

    def _timely(self, said: str, topic: str, saying: _Saying) -> bool:
        """Whether a time that is said of an offer or a delivery is true."""
        if topic == "delivery":
            free = _COSTS_NOTHING.search(said) or saying.topics.patterns["free"].search(said)
            return _borne_out(said, saying.shop.texts) or bool(free and self._sourced(said, "free", saying))
        now = self._now()
        for product in saying.spoken:
            offer = product.offer_at(now)
            if offer and offer.ends:
                left = (offer.ends - now).total_seconds() / 60
                true = {offer.ends.hour, offer.ends.hour % 12, offer.ends.minute, offer.ends.day, round(left)}
                numbers = [
                    one
                    for one in saying.figures
                    if _kind(one, saying.plain, words_of(saying.tag))[0] != "money"
                ]
                return bool(numbers) and all(one.value in true for one in numbers)
        return False

    def _shop(self, catalogue: Catalogue) -> _Shop:
        """What the catalogue's texts say, read once for each state of it."""
        if self._read is None or self._read[0] is not catalogue:
            self._read = (catalogue, _shop_of(catalogue))
        return self._read[1]

    def _sold(self, product: Product, language: str, shop: _Shop) -> _Sold:
        now = self._now()
        price, was = product.price_at(now), product.was_at(now)
        numbers = set(shop.numbers_of(product, language))
        if product.stock is not None:
            numbers.add(Decimal(product.stock))
        if was:
            saving = was.amount - price.amount
            share = 100 * saving / was.amount
            rounded = (share.quantize(Decimal(1), way) for way in (ROUND_DOWN, ROUND_HALF_UP))
            numbers |= {saving, *rounded}
        return _Sold(
            price.amount, was.amount if was else None, was.amount - price.amount if was else None,
            frozenset(numbers), _told(price, language), _told(was, language) if was else "",
        )  # fmt: skip

    def _figured(self, text: str, saying: _Saying, language: str, sold: list[_Sold], origin: str) -> Verdict:
        """The verdict on a sentence's figures."""
        reasons: list[Reason] = []
        changes: list[tuple[str, str]] = []
        plain, words = saying.plain, words_of(language)
        told = _Counted.of(saying)
        known_ = frozenset(number for one in sold for number in one.numbers)
        pieces = any(
            figure.value in told.counts
            and figure.value not in known_
            and _kind(figure, plain, words)[0] == "number"
            for figure in saying.figures
        )
        for figure in saying.figures:
            kind, value, place = _kind(figure, plain, words)
            said = plain[place[0] : place[1]]
            if kind == "harmless":
                continue
            if (kind == "was" and ("money", value) in saying.shop.figures) or (
                kind,
                value,
            ) in saying.shop.figures:
                continue
            if value in told.counts and not _CURRENCY.search(said) and told.priced(value, sold):
                continue  # "37.50 euros for three"
            if kind == "money" and (bound := _bound(plain, place, words)):
                if bound != "under" or not any(one.price < value for one in sold):
                    reasons.append(Reason("price", said))  # put right it would be wrong: "under 39 euros"
                continue
            if kind in ("money", "was"):
                fixed = _put_right(value, kind, sold, told.counts, pieces)
                if fixed is None:
                    reasons.append(Reason("price", said))
                elif fixed:
                    changes.append((said, fixed))
                continue
            values = {figure.value, *(figure.value * factor for factor in _factors(plain[figure.end :]))}
            right = any(values & one.numbers or figure.value in (one.price, one.was) for one in sold)
            written = origin.startswith("script") and kind != "per cent"
            if not right and not written and not told.harmless(figure, kind):
                reasons.append(Reason(kind, said))
        if not origin.startswith(_PEOPLE):
            reasons += [Reason("money", found) for found in _loose_money(saying, words)]
        if not origin.startswith("script"):
            reasons += [
                Reason("price", found[0]) for found in roman(plain) if _beside_money(found, plain, words)
            ]
        if reasons:
            return Verdict("", False, tuple(reasons))
        for said, fixed in changes:
            if text.count(said) != 1:  # a mark stands within it, or it is there twice
                return Verdict("", False, (Reason("price", said),))
            text = text.replace(said, fixed)
        return Verdict(text, True, tuple(Reason("price", f"{said} -> {fixed}") for said, fixed in changes))


@dataclass(frozen=True, slots=True)
class _Shop:
    """What a catalogue's texts say.

    Attributes:
        texts: All of them, `bare`.
        answers: The shop's own answers, `bare`.
        figures: Of the shop's answers, by kind: delivery, thresholds.
        kinds, all_kinds: Colours and materials of each product, and of all.
        catalogue: Whose texts they are.
        numbers: Of each product's texts in a language, as they are asked for.
        grounds: What may be said of each product in a language, as they are asked for.
    """

    texts: str
    answers: str
    figures: frozenset[tuple[str, Decimal]]
    kinds: Mapping[str, frozenset[tuple[str, str]]]
    all_kinds: frozenset[tuple[str, str]]
    catalogue: Catalogue
    numbers: dict[tuple[str, str], frozenset[Decimal]] = field(default_factory=dict)
    grounds: dict[tuple[str, str], Ground] = field(default_factory=dict)

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


@dataclass(frozen=True, slots=True)
class _Saying:
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
    shop: _Shop
    figures: list[Figure]
    heard: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "heard", self.topics.patterns["aside"].sub(" ", self.low))

    @property
    def kinds(self) -> frozenset[tuple[str, str]]:
        """Colours and materials of the products that it is about; of all where it is about none."""
        told = (self.shop.kinds[product.ident] for product in self.spoken)
        return frozenset(kind for kinds in told for kind in kinds) if self.spoken else self.shop.all_kinds


@dataclass(frozen=True, slots=True)
class _Counted:
    """Which numbers of a sentence need no source.

    Attributes:
        saying: The sentence.
        strict: Whether it is about stock, sales or delivery, where no number is harmless.
        talk: Whether its numbers are those of the show itself: viewers, minutes on air, a match.
        counts: How many pieces a price may be for.
    """

    saying: _Saying
    strict: bool
    talk: bool
    counts: tuple[Decimal, ...]

    @classmethod
    def of(cls, saying: _Saying) -> _Counted:
        """Look at the words around the numbers."""
        topics, heard = saying.topics, saying.heard
        strict = any(topics.about(topic, heard) for topic in ("left", "sold", "delivery", "warranty"))
        talk = not strict and topics.about("talk", saying.low) and not topics.about("offer", heard)
        whole = (one.value for one in saying.figures)
        counts = tuple(value for value in whole if 2 <= value <= SMALL and value == int(value))
        return cls(saying, strict, talk, counts)

    def priced(self, count: Decimal, sold: list[_Sold]) -> bool:
        """Whether the price of so many pieces is told in the sentence."""
        return any(one.value == count * each.price for one in self.saying.figures for each in sold)

    def harmless(self, figure: Figure, kind: str) -> bool:
        """Whether a number that stands nowhere may be said."""
        if kind != "number":
            return False
        if self.talk:
            return True
        if figure.value > SMALL:
            return False
        if self.strict and not _OF_KINDS.match(bare(self.saying.plain[figure.end :])):
            return False
        return (
            self.saying.topics.patterns["unit"].match(bare(self.saying.plain[figure.end :]).lstrip(" -"))
            is None
        )


def _shop_of(catalogue: Catalogue) -> _Shop:
    texts, answers = [], [answer for pairs in catalogue.faq.values() for _, answer in pairs]
    texts += [part for pairs in catalogue.faq.values() for pair in pairs for part in pair]
    for product in catalogue.products.values():
        texts += [*product.names, *(claim.text for claim in product.claims if claim.source)]
        for told in product.texts.values():
            texts += [told.description, *told.facts, *told.facts.values()]
            texts += [part for pair in told.faq for part in pair]
    shown = {
        _kind(figure, text, words_of(tag or "en"))[:2]
        for tag, pairs in catalogue.faq.items()
        for pair in pairs
        for text in pair
        for figure in figures(text, tag or "en")
    }
    kinds = {one.ident: _kinds(one) for one in catalogue.products.values()}
    every = frozenset(kind for one in kinds.values() for kind in one)
    return _Shop(
        bare(" | ".join(texts)), bare(" | ".join(answers)), frozenset(shown), kinds, every, catalogue
    )


def _numbers(product: Product, language: str) -> frozenset[Decimal]:
    """The numbers in a product's texts."""
    texts = product.said(language)
    written = [texts.name, texts.description, *(f"{name} {value}" for name, value in texts.facts.items())]
    written += [part for pair in texts.faq for part in pair] + [claim.text for claim in product.claims]
    return frozenset(figure.value for part in written for figure in figures(part, language))


@lru_cache(maxsize=256)
def _told(price: Price, language: str) -> str:
    return price.told(language)


def _kinds(product: Product) -> frozenset[tuple[str, str]]:
    """The colours and materials that a product is told to have, in whatever language."""
    found: set[tuple[str, str]] = set()
    for tag, texts in product.texts.items():
        facts = [*texts.facts, *texts.facts.values(), *(part for pair in texts.faq for part in pair)]
        written = bare(" ".join([texts.name, texts.description, *facts]))
        for one in (tag,) if known(tag) else languages():
            found |= topics_of(one).kinds_of(written)
    return frozenset(found)


def _borne_out(said: str, texts: str) -> bool:
    """Whether the shop's texts have a word in them."""
    at = texts.find(said)
    return at >= 0 and (not said.isascii() or bool(re.search(rf"(?<!\w){re.escape(said)}(?!\w)", texts)))


def _runs(text: str) -> frozenset[str]:
    """All runs of `RUN` words."""
    words = _plain(text).split()
    return frozenset(" ".join(words[at : at + RUN]) for at in range(len(words) - RUN + 1))


def _dialled(low: str, tag: str) -> bool:
    """Whether four digits or more are said in words, one after the other."""
    digits = digit_words(tag)
    run = 0
    for word in re.split(r"[\s-]+", low):
        run = run + 1 if word.strip(".!?") in digits else 0
        if run >= 4:
            return True
    return False


def _loose_money(saying: _Saying, words: Mapping[str, re.Pattern[str]]) -> Iterator[str]:
    """Words of money without an amount that is understood: "five and a half euros", "one euro", "fr€€"."""
    spans = [_kind(figure, saying.plain, words)[2] for figure in saying.figures]
    for found in words["money"].finditer(saying.plain):
        if not any(begin <= found.start() and found.end() <= end for begin, end in spans):
            yield found[0]


def _beside_money(found: re.Match[str], plain: str, words: Mapping[str, re.Pattern[str]]) -> bool:
    before, after = plain[: found.start()], plain[found.end() :]
    return bool(words["money_after"].match(after) or words["money_before"].search(before))


def _kind(
    figure: Figure, plain: str, words: Mapping[str, re.Pattern[str]]
) -> tuple[str, Decimal, tuple[int, int]]:
    """What a figure is of, its value in whole money, and where it and its unit stand."""
    before, after, value = plain[: figure.begin], plain[figure.end :], figure.value
    if found := _PER_CENT.match(after):
        return "per cent", value, (figure.begin, figure.end + found.end())
    if found := _PER_CENT_BEFORE.search(before):
        return "per cent", value, (found.start(), figure.end)
    money_after, money_before = words["money_after"].match(after), words["money_before"].search(before)
    begin = money_before.start() if money_before else figure.begin
    end = figure.end + (money_after.end() if money_after else 0)
    was = bool(words["was_before"].search(plain[:begin]))
    if money_after or money_before or figure.money:
        cents = money_after and _CENTS.fullmatch(money_after[0].strip())
        return "was" if was else "money", value / 100 if cents else value, (begin, end)
    if _CLOCK.match(after) or (_HOURS.match(after) and _AT.search(before)):
        return "harmless", value, (begin, end)
    if (
        not figure.spelt
        and _YEAR.fullmatch(plain[figure.begin : figure.end])
        and not re.match(r"\s*\w", after)
    ):
        return "harmless", value, (begin, end)
    if re.match(r"\s*[\w’'-]+", after) and not words["stop_after"].match(after):
        return "number", value, (begin, end)  # "for 3 hours": a number of something
    if words["place_before"].search(before) and not _PRICED.fullmatch(plain[figure.begin : figure.end]):
        return "perhaps a price", value, (begin, end)
    if words["price_before"].search(before) or _PRICED.fullmatch(plain[figure.begin : figure.end]):
        return "was" if was else "money", value, (begin, end)
    if _ENDS.match(after) and words["near_price"].search(before):
        return "perhaps a price", value, (begin, end)  # "for a measly seven"
    return "number", value, (begin, end)


def _bound(plain: str, place: tuple[int, int], words: Mapping[str, re.Pattern[str]]) -> str:
    """Whether an amount is said to be more than what is meant, "under", or less, "over"; "" where it is meant."""
    before, after = plain[: place[0]], plain[place[1] :]
    for bound, other in (("under", "over"), ("over", "under")):
        if found := words[f"{bound}_before"].search(before):
            return other if words["denied_before"].search(before[: found.start()]) else bound
        if found := words[f"{bound}_after"].match(after):
            return other if words["denied_after"].match(after[found.end() :]) else bound
    return ""


_ENDS = re.compile(r"\s*(?:[.!?,;。！？।]|$)")
_CURRENCY = re.compile(r"[^\W\d_]{2,}\s*\d|\d\s*[^\W\d_]{2,}|[€$£¥₹]")
_LARGE = re.compile(
    r"\s*(?:lit(?:er|re|ro)|l\b|kilo|quilo|chilo|kg\b|升|公斤|リットル|キロ|लीटर|किलो)", re.IGNORECASE
)
_OF_KINDS = re.compile(
    r"\s*(?:i |los |las |le |les |os |as |的|种)?(?:colou?r|couleur|farb|colore|cores|颜色|色|रंग)"
)
"""Two colours in stock are no two pieces."""

_CENTI = re.compile(r"\s*(?:cl|centilit|zentilit|centilitr)", re.IGNORECASE)


def _factors(after: str) -> tuple[int, ...]:
    """How many smaller units a larger one has: 0.35 litres are 350 ml."""
    return (1000,) if _LARGE.match(after) else (10,) if _CENTI.match(after) else ()


_PRICED = re.compile(r"\d+[.,]\d\d")
_CENTS = re.compile(r"cents?|pence|céntimos?|centimes?|centesimi|centavos?|cêntimos?", re.IGNORECASE)


def _put_right(
    value: Decimal, kind: str, sold: list[_Sold], counts: tuple[Decimal, ...] = (), pieces: bool = False
) -> str | None:
    """What an amount has to be: "" where it is right, None where nobody can tell.

    It is right for one piece, or for as many as are counted; where ``pieces`` are counted it is not put right.
    """
    for one in sold:
        if kind == "money" and any(value == count * one.price for count in counts):
            return ""
        if value in (one.price, one.was) or (value == one.saving and kind == "money"):
            wrong_way = kind == "was" and value == one.price and one.was is not None
            return one.was_told if wrong_way else ""
    if len(sold) != 1 or pieces:  # "a dozen for twenty euros": nobody knows what it should be
        return None
    return (sold[0].was_told or None) if kind == "was" else sold[0].told


@lru_cache(maxsize=16)
def words_of(language: str) -> Mapping[str, re.Pattern[str]]:
    """What is listened for in a language; English where it is not known."""
    table = _table()
    tag = language.partition("-")[0]
    told = table.get(tag, table["en"])
    spaced = tag not in ("zh", "ja", "hi")  # signs of Devanagari are no letters to Python's expressions
    made = {}
    made["asked"] = _pattern(bare_pattern(told["asked"]), spaced)
    money, price, was = told["money"], told["price"], told["was"]
    gap = r"[\s:]*" if not spaced else r"[\s:]+"
    edge = r"(?<!\w)" if spaced else ""
    made["money_after"] = re.compile(
        rf"\s*(?:{money})(?!\w)" if spaced else rf"\s*(?:{money})", re.IGNORECASE
    )
    made["money"] = re.compile(
        rf"{edge}(?:{money})(?!\w)|[€$£¥₹]" if spaced else rf"(?:{money})", re.IGNORECASE
    )
    made["money_before"] = re.compile(rf"(?:{edge}(?:{money}))\s*$", re.IGNORECASE)
    made["price_before"] = re.compile(rf"{edge}(?:{price}){gap}$", re.IGNORECASE)
    made["near_price"] = re.compile(rf"{edge}(?:{price}){gap}(?:[^\W\d_]+{gap}){{1,2}}$", re.IGNORECASE)
    made["place_before"] = re.compile(rf"{edge}(?:{told['place']}){gap}$", re.IGNORECASE)
    made["was_before"] = re.compile(rf"{edge}(?:{was}){gap}(?:\w+\s+)?$", re.IGNORECASE)
    made["denied_before"] = re.compile(rf"{edge}(?:{told['denied']}){gap}(?:\w+{gap})?$", re.IGNORECASE)
    made["denied_after"] = re.compile(rf"\s*(?:{told.get('denied_after', '(?!)')})", re.IGNORECASE)
    for bound in ("under", "over"):
        made[f"{bound}_before"] = re.compile(rf"{edge}(?:{told[bound]}){gap}$", re.IGNORECASE)
        behind = told.get(f"{bound}_after", "(?!)")  # no such words
        made[f"{bound}_after"] = re.compile(rf"\s*(?:{behind})", re.IGNORECASE)
    made["stop_after"] = re.compile(rf"\s*(?:{told['after']})" + (r"(?!\w)" if spaced else ""), re.IGNORECASE)
    return made


def _pattern(words: str, spaced: bool) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)" if spaced else words, re.IGNORECASE)


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Mapping[str, Any]]:
    text = files("avatar_engine.show.guard").joinpath("words.yaml").read_text(encoding="utf-8")
    read: Mapping[str, Mapping[str, Any]] = yaml.safe_load(text)
    return read


@lru_cache(maxsize=1)
def _attacks() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{told['attack']})" for told in _table().values()), re.IGNORECASE)


def notice(language: str, sells: bool = True) -> str:
    """The announcement that a show's images are virtual and, where it ``sells``, that it is advertising.

    The French law of 9 June 2023 and art. 50 of the EU's AI Act ask for it.
    """
    table = _table()
    return str(table.get(language.partition("-")[0], table["en"])["notice" if sells else "virtual"])


@lru_cache(maxsize=1)
def _of_the_law() -> frozenset[str]:
    """The sentences that the law asks for, word for word."""
    return frozenset(
        str(told[name]) for told in _table().values() for name in ("notice", "virtual", "honest")
    )


def truthful(question: str, language: str) -> str | None:
    """The honest answer to a viewer who asks whether the host is real; None to any other question."""
    table = _table()
    tags = dict.fromkeys([language.partition("-")[0], *table])
    asked = bare(cleaned(question[:LONGEST]))
    for tag in tags:
        if tag in table and words_of(tag)["asked"].search(asked):
            return str(table.get(language.partition("-")[0], table["en"])["honest"])
    return None


_LEET = str.maketrans("013457@$", "oieastas")
_ALIKE = str.maketrans("аеорсухіјѕԁɡո", "aeopcyxijsdgn")


def attack(message: str) -> Reason | None:
    """Whether a viewer tries to give orders to the host; for logs and priorities, for orders have no effect anyway."""
    plain = cleaned(message).translate(_ALIKE)
    for text in (plain, plain.translate(_LEET), re.sub(r"(?<=\w)[\s._-](?=\w(?:[\s._-]\w)+\b)", "", plain)):
        if found := _attacks().search(text):
            return Reason("attack", found[0])
    return None


def _plain(text: str) -> str:
    bare = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(
        re.findall(r"\w+", "".join(letter for letter in bare if not unicodedata.combining(letter)))
    )
