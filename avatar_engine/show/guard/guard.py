"""The last word on every sentence before it is said, whoever wrote it: script, language model, technician or chat.

What it holds every sentence to:

- **Money.** An amount with a currency, or a number where a price stands ("only 19", "for twelve"), must be the price,
  the crossed-out price or the saving of a product that is spoken of, at this moment. Where one reading alone is
  possible a wrong one is put right; else the sentence is not said. "Free" and the like need a claim of the catalogue.
  What a language model says about money must besides be understood to its last word (`prices`).
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
In place of a language model's, where it was about a price or about what the shop's texts tell, the shop's own sentence
is said (`own`).
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import lru_cache

from avatar_engine import markup
from avatar_engine.show.catalogue import Catalogue, Price, Product
from avatar_engine.show.guard.amounts import bound_of, kind_of, word_table, words_of
from avatar_engine.show.guard.figures import Figure, digit_words, figures
from avatar_engine.show.guard.grounding import (
    Asked,
    Ground,
    Told,
    clause_at,
    counted,
    everyday_of,
    ground_of,
    of_pieces,
    stands,
)
from avatar_engine.show.guard.money import DAY, SMALL, about_money, certain, in_currency, is_no_price, refuted
from avatar_engine.show.guard.own import answers_in, nearest, price_of, stock_of
from avatar_engine.show.guard.readings import bare, cleaned, other_language, roman, strange
from avatar_engine.show.guard.saying import COSTS_NOTHING, Saying, Shop, shop_of
from avatar_engine.show.guard.topics import EVERYBODY, HOSTS, anywhere, known, little, topics_of
from avatar_engine.show.host.prompt import MARK, RULES
from avatar_engine.show.host.reply import EMBEDDED, OWN

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
_OVERRULED = frozenset(
    ("price", "money", "number", "stock", "perhaps a price", "per cent", "not of the shop", "not of the product",
     "turned round", "a claim", "claim: boast", "claim: half", "claim: free", "topic: offer", "topic: delivery")
)  # fmt: skip
"""Reasons against a sentence that do not count where it is understood whole."""
_OF_MONEY = frozenset(
    ("price", "money", "claim: free", "claim: half", "claim: finance", "topic: deal", "topic: offer")
)
"""Reasons that make a sentence one about money."""
_OF_FACTS = (
    _OVERRULED | _OF_MONEY | {"claim: hurry", "claim: proof", "topic: warranty", "colours", "materials"}
)
"""Reasons for which the shop's own sentence is said instead; else who wrote it has something else in mind."""

_HALF_PAST = re.compile(r"\s*(?:et demie|y media|e mezz[ao]|e meia|uhr)")


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
        self._read: tuple[Catalogue, Shop] | None = None
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
        saying = Saying(plain, low, tag, topics_of(tag), spoken, shop, figures(plain, tag))
        verdict = self._judged(text, saying, language, origin)
        if origin.startswith("chat") or origin.endswith(_OWN):
            return verdict
        if origin.startswith(_PEOPLE):
            return self._of_people(text, saying, language, verdict)
        return self._of_a_model(text, saying, language, verdict) if self._grounded else verdict

    def _judged(self, text: str, saying: Saying, language: str, origin: str) -> Verdict:
        """What may be said of ``text``, as far as lists of words and figures tell."""
        plain, low, shop = saying.plain, saying.low, saying.shop
        reasons = [*self._secrets(plain), *self._claims(saying)]
        people = origin.startswith(_PEOPLE) or (len(low) > 8 and low.strip(" .!") in shop.texts)
        if not people:
            reasons += self._no_business(saying)
        if not (people or reasons) and self._grounded and not origin.endswith(_OWN):
            reasons += self._unfounded(saying)
        if reasons:
            return Verdict("", False, tuple(reasons))
        sold = [self._sold(one, language, shop) for one in saying.spoken[:1]]
        return self._figured(text, saying, language, sold, origin)

    def _of_people(self, text: str, saying: Saying, language: str, verdict: Verdict) -> Verdict:
        """What is said of a sentence that people wrote: as it stands what is certain, the shop's in place of what is
        understood whole and wrong, and of the rest what the figures say."""
        if not about_money(saying):
            return verdict
        if verdict.reasons:
            overruled = {reason.code for reason in verdict.reasons} <= _OVERRULED
            sure = overruled and certain(saying, self._now(), language)
            return Verdict(text, True) if sure else verdict
        if not refuted(saying, self._now(), language):
            return verdict
        product = saying.spoken[-1] if saying.spoken else None
        own = self._delivery_of(saying, language) or self._price_of(product, language)
        return self._instead(own, language, product, (Reason("price", "not as the catalogue has it"),))

    def _of_a_model(self, text: str, saying: Saying, language: str, verdict: Verdict) -> Verdict:
        """What is said of a language model's sentence: as it stands only what is certain, else the shop's own."""
        codes = {reason.code for reason in verdict.reasons}
        if not codes <= _OF_FACTS:
            return verdict
        product = saying.spoken[-1] if saying.spoken else None  # the one at hand
        if codes & _OF_MONEY or about_money(saying):
            if codes <= _OVERRULED and certain(saying, self._now(), language):
                return Verdict(text, True)
            if verdict.changed and certain(self._again(verdict.text, saying), self._now(), language):
                return verdict
            reasons = verdict.reasons or (Reason("price", "not understood whole"),)
            own = self._delivery_of(saying, language) or self._price_of(product, language)
        elif verdict.allowed:
            return verdict
        else:
            reasons, own = verdict.reasons, self._stock_of(saying, language, codes)
        own = own or self._nearest(saying, language, product)
        return self._instead(own, language, product, reasons)

    def _instead(
        self, own: str, language: str, product: Product | None, reasons: tuple[Reason, ...]
    ) -> Verdict:
        """The shop's own sentence in place of another, if it stands up to the guard itself."""
        if (
            own
            and self.check(own, language, product.ident if product else "", f"answer:{EMBEDDED}").text == own
        ):
            return Verdict(own, True, reasons)
        return Verdict("", False, reasons)

    def _again(self, text: str, saying: Saying) -> Saying:
        plain = cleaned(markup.unmarked(text))
        return replace(saying, plain=plain, low=bare(plain), figures=figures(plain, saying.tag))

    def _price_of(self, product: Product | None, language: str) -> str:
        return price_of(product, self._now(), language) if product else ""

    def _stock_of(self, saying: Saying, language: str, codes: set[str]) -> str:
        """How many pieces there are; "" where a sentence gives no number of them."""
        if not saying.spoken or not (
            "stock" in codes or ("number" in codes and saying.topics.about("left", saying.heard))
        ):
            return ""
        return stock_of(saying.spoken[-1], language)

    def _delivery_of(self, saying: Saying, language: str) -> str:
        """What the shop answers about the delivery, at best what it costs; "" where a sentence is not about it."""
        if not saying.topics.about("delivery", saying.low):
            return ""
        answers = list(answers_in(saying.shop.catalogue, language))
        told = [one for one in answers if saying.topics.about("delivery", bare(one))]
        money = words_of(saying.tag)["money"]
        return next((one for one in told if money.search(one)), told[0] if told else "")

    def _nearest(self, saying: Saying, language: str, product: Product | None) -> str:
        """The sentence of the shop's that tells what another was about; "" for none."""
        everyday = everyday_of(saying.tag)
        ground = self._ground(saying.spoken, saying.shop, everyday.tag)
        words = everyday.words(saying.low, ground.affirmed | ground.denied)
        owns = saying.shop.owned(product, language)
        return nearest(words, {one.value for one in saying.figures}, owns, ground)

    def _secrets(self, plain: str) -> Iterator[Reason]:
        for code, pattern in _SECRETS.items():
            if found := pattern.search(plain):
                yield Reason(code, found[0][:12])
        low = f" {_plain(plain)} "
        for name in self._rivals:
            if name and (f" {name} " in low or (not name.isascii() and name in low)):
                yield Reason("rival", name)

    def _claims(self, saying: Saying) -> Iterator[Reason]:
        """Claims that need a source, and the claim to be a human."""
        if found := saying.topics.patterns["human"].search(saying.low):
            yield Reason("human", found[0])
        for code in EVERYBODY:
            for found in saying.topics.found(code, saying.heard):
                if not self._sourced(found[0], code, saying):
                    yield Reason(f"claim: {code}", found[0])

    def _sourced(self, said: str, code: str, saying: Saying) -> bool:
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
                if ends and (ends - self._now()).total_seconds() < DAY:
                    return True
                if product.stock is not None and 0 < product.stock <= FEW:
                    return True
        if code == "free" and saying.topics.about("delivery", saying.low):
            money = [kind_of(one, saying.plain, words_of(saying.tag))[:2] for one in saying.figures]
            if any(kind == "money" and (kind, value) in saying.shop.figures for kind, value in money):
                return True  # free from an amount on that the shop's answers name
        return said in saying.shop.answers

    def _no_business(self, saying: Saying) -> Iterator[Reason]:
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

    def _ground(self, spoken: Iterable[Product], shop: Shop, tag: str) -> Ground:
        """What the script, the shop and the texts of the products that are spoken of say to who speaks a language."""
        if tag not in self._written:
            self._written[tag] = ground_of(self._script, tag)
        ground = self._written[tag] | shop.ground("", tag)
        for product in spoken:
            ground |= shop.ground(product.ident, tag)
        return ground

    def _unfounded(self, saying: Saying) -> Iterator[Reason]:
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
        yield from self._miscounted(saying, plain, ground)

    def _miscounted(self, saying: Saying, plain: str, ground: Ground) -> Iterator[Reason]:
        """Small numbers that count parts, or pieces in stock, and stand nowhere; ``plain`` has blanks for figures."""
        shop, everyday = saying.shop, everyday_of(saying.tag)
        numbers = {value for product in saying.spoken for value in shop.numbers_of(product, everyday.tag)}
        stocks = {product.stock for product in saying.spoken}
        for figure in saying.figures:
            if not 1 < figure.value <= SMALL or figure.value in numbers:
                continue
            after, clause = bare(plain[figure.end :]), bare(clause_at(plain, figure.begin))
            if word := counted(after, clause, everyday, ground, shop.ground("", everyday.tag)):
                yield Reason("number", f"{figure.value} {word}")
            elif (
                figure.value not in stocks
                and ("number", figure.value) not in shop.figures
                and saying.topics.about("holding", clause if len(clause.split()) > 2 else saying.heard)
                and not _HALF_PAST.match(after)
                and of_pieces(after, everyday, ground)
            ):
                yield Reason("stock", f"{figure.value}")

    def _timely(self, said: str, topic: str, saying: Saying) -> bool:
        """Whether a time that is said of an offer or a delivery is true."""
        if topic == "delivery":
            free = COSTS_NOTHING.search(said) or saying.topics.patterns["free"].search(said)
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
                    if kind_of(one, saying.plain, words_of(saying.tag))[0] != "money"
                ]
                return bool(numbers) and all(one.value in true for one in numbers)
        return False

    def _shop(self, catalogue: Catalogue) -> Shop:
        """What the catalogue's texts say, read once for each state of it."""
        if self._read is None or self._read[0] is not catalogue:
            self._read = (catalogue, shop_of(catalogue))
        return self._read[1]

    def _sold(self, product: Product, language: str, shop: Shop) -> _Sold:
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

    def _figured(self, text: str, saying: Saying, language: str, sold: list[_Sold], origin: str) -> Verdict:
        """The verdict on a sentence's figures."""
        reasons: list[Reason] = []
        changes: list[tuple[str, str]] = []
        plain, words = saying.plain, words_of(language)
        told = _Counted.of(saying)
        known_ = frozenset(number for one in sold for number in one.numbers)
        pieces = any(
            figure.value in told.counts
            and figure.value not in known_
            and kind_of(figure, plain, words)[0] == "number"
            for figure in saying.figures
        )
        for figure in saying.figures:
            kind, value, place = kind_of(figure, plain, words)
            said = plain[place[0] : place[1]]
            if kind == "harmless":
                continue
            if (kind == "was" and ("money", value) in saying.shop.figures) or (
                kind,
                value,
            ) in saying.shop.figures:
                continue
            if kind in ("money", "was") and not in_currency(saying, place):
                reasons.append(Reason("price", said))  # 39 dollars where it costs 39 euros
                continue
            if value in told.counts and not _CURRENCY.search(said) and told.priced(value, sold):
                continue  # "37.50 euros for three"
            if kind == "money" and (bound := bound_of(plain, place, words)):
                if bound != "under" or not any(one.price < value for one in sold):
                    reasons.append(Reason("price", said))  # put right it would be wrong: "under 39 euros"
                continue
            if kind in ("money", "was"):
                fixed = _put_right(value, kind, sold, told.counts, pieces)
                if fixed is None or (fixed and is_no_price(saying, place)):
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
class _Counted:
    """Which numbers of a sentence need no source.

    Attributes:
        saying: The sentence.
        strict: Whether it is about stock, sales or delivery, where no number is harmless.
        talk: Whether its numbers are those of the show itself: viewers, minutes on air, a match.
        counts: How many pieces a price may be for.
    """

    saying: Saying
    strict: bool
    talk: bool
    counts: tuple[Decimal, ...]

    @classmethod
    def of(cls, saying: Saying) -> _Counted:
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


@lru_cache(maxsize=256)
def _told(price: Price, language: str) -> str:
    return price.told(language)


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


def _loose_money(saying: Saying, words: Mapping[str, re.Pattern[str]]) -> Iterator[str]:
    """Words of money without an amount that is understood: "five and a half euros", "one euro", "fr€€"."""
    spans = [kind_of(figure, saying.plain, words)[2] for figure in saying.figures]
    for found in words["money"].finditer(saying.plain):
        if not any(begin <= found.start() and found.end() <= end for begin, end in spans):
            yield found[0]


def _beside_money(found: re.Match[str], plain: str, words: Mapping[str, re.Pattern[str]]) -> bool:
    before, after = plain[: found.start()], plain[found.end() :]
    return bool(words["money_after"].match(after) or words["money_before"].search(before))


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


@lru_cache(maxsize=1)
def _attacks() -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{told['attack']})" for told in word_table().values()), re.IGNORECASE)


def notice(language: str, sells: bool = True) -> str:
    """The announcement that a show's images are virtual and, where it ``sells``, that it is advertising.

    The French law of 9 June 2023 and art. 50 of the EU's AI Act ask for it.
    """
    table = word_table()
    return str(table.get(language.partition("-")[0], table["en"])["notice" if sells else "virtual"])


@lru_cache(maxsize=1)
def _of_the_law() -> frozenset[str]:
    """The sentences that the law asks for, word for word."""
    return frozenset(
        str(told[name]) for told in word_table().values() for name in ("notice", "virtual", "honest")
    )


def truthful(question: str, language: str) -> str | None:
    """The honest answer to a viewer who asks whether the host is real; None to any other question."""
    table = word_table()
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
