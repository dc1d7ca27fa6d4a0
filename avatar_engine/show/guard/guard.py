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
- **Truth and secrets.** Nobody says that the host is a human. Keys, addresses, mail, telephone, card and account
  numbers, and anything of the prompt are never said.

It errs on the side of silence: a sentence that it does not understand is a sentence less, a wrong price is a contract.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from avatar_engine import markup
from avatar_engine.show.catalogue import Catalogue, Product
from avatar_engine.show.guard.figures import Figure, figures
from avatar_engine.show.host.prompt import MARK

SMALL = 12
"""Counts up to this are harmless."""

FEW = 10
"""Pieces in stock at which there may be hurry."""

_CLAIMS = ("free", "half", "boast", "hurry", "health", "finance", "green")
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
_YEAR = re.compile(r"(?:19|20)\d\d")
_CLOCK = re.compile(
    r"\s*(?::\d\d|h\d{0,2}\b|(?:o.clock|a\.?m\.?|p\.?m\.?|uhr|heures?|horas?|点|時|बजे)(?!\w))", re.IGNORECASE
)
_PER_CENT = re.compile(
    r"\s*(?:%|％|per ?cent|pour ?cents?|por ciento|per cento|por cento|prozent|प्रतिशत|パーセント)",
    re.IGNORECASE,
)
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
    """

    def __init__(
        self,
        catalogue: Callable[[], Catalogue],
        now: Callable[[], datetime],
        rivals: tuple[str, ...] = (),
    ) -> None:
        self._catalogue, self._now = catalogue, now
        self._rivals = [_plain(name) for name in rivals]

    def check(self, text: str, language: str, product: str = "", origin: str = "") -> Verdict:
        """What may be said of ``text`` (marks and all), which is about a product (its id)."""
        words = words_of(language)
        plain = unicodedata.normalize("NFKC", markup.unmarked(text))
        reasons = [*self._secrets(plain), *self._lies(plain, words)]
        catalogue = self._catalogue()
        named = catalogue.named(plain)
        spoken = [one for one in (named, catalogue.products.get(product)) if one]
        reasons += self._claims(plain, language, words, spoken)
        if reasons:
            return Verdict("", False, tuple(reasons))
        sold = [self._sold(one, language) for one in spoken[:1]]
        return self._figured(text, plain, language, words, sold, catalogue, origin)

    def _secrets(self, plain: str) -> Iterator[Reason]:
        for code, pattern in _SECRETS.items():
            if found := pattern.search(plain):
                yield Reason(code, found[0][:12])
        low = f" {_plain(plain)} "
        for name in self._rivals:
            if name and (f" {name} " in low or (not name.isascii() and name in low)):
                yield Reason("rival", name)

    def _lies(self, plain: str, words: Mapping[str, re.Pattern[str]]) -> Iterator[Reason]:
        if found := words["human"].search(plain):
            yield Reason("human", found[0])

    def _claims(
        self, plain: str, language: str, words: Mapping[str, re.Pattern[str]], spoken: list[Product]
    ) -> Iterator[Reason]:
        for code in _CLAIMS:
            for found in words[code].finditer(plain):
                if not self._sourced(found[0], code, language, spoken):
                    yield Reason(f"claim: {code}", found[0])

    def _sourced(self, said: str, code: str, language: str, spoken: list[Product]) -> bool:
        """Whether the catalogue has what is claimed."""
        for product in spoken:
            texts = product.said(language)
            if any(said.casefold() in claim.text.casefold() and claim.source for claim in product.claims):
                return True
            if code in ("green", "free") and said.casefold() in texts.name.casefold():
                return True
            if code == "hurry":
                offer = product.offer_at(self._now())
                ends = offer.ends if offer else None
                if ends and (ends - self._now()).total_seconds() < 86_400:
                    return True
                if product.stock is not None and 0 < product.stock <= FEW:
                    return True
        shop = self._catalogue().faq
        answers = [answer for pairs in (shop.get(language, ()), shop.get("", ())) for _, answer in pairs]
        return any(said.casefold() in answer.casefold() for answer in answers)

    def _sold(self, product: Product, language: str) -> _Sold:
        now = self._now()
        price, was = product.price_at(now), product.was_at(now)
        texts = product.said(language)
        written = [texts.name, texts.description, *(f"{name} {value}" for name, value in texts.facts.items())]
        written += [part for pair in texts.faq for part in pair] + [claim.text for claim in product.claims]
        numbers = {figure.value for part in written for figure in figures(part, language)}
        if product.stock is not None:
            numbers.add(Decimal(product.stock))
        if was:
            saving = was.amount - price.amount
            share = 100 * saving / was.amount
            numbers |= {
                saving,
                share.quantize(Decimal(1), ROUND_DOWN),
                share.quantize(Decimal(1), ROUND_HALF_UP),
            }
        return _Sold(
            price.amount, was.amount if was else None, was.amount - price.amount if was else None,
            frozenset(numbers), price.told(language), was.told(language) if was else "",
        )  # fmt: skip

    def _figured(
        self,
        text: str,
        plain: str,
        language: str,
        words: Mapping[str, re.Pattern[str]],
        sold: list[_Sold],
        catalogue: Catalogue,
        origin: str,
    ) -> Verdict:
        """The verdict on a sentence's figures."""
        reasons: list[Reason] = []
        changes: list[tuple[str, str]] = []
        shop = self._shop(catalogue, language, words)
        for figure in figures(plain, language):
            kind, value, place = _kind(figure, plain, words)
            said = plain[place[0] : place[1]]
            if kind == "harmless" or (kind == "was" and ("money", value) in shop) or (kind, value) in shop:
                continue
            if kind in ("money", "was"):
                fixed = _put_right(value, kind, sold)
                if fixed is None:
                    reasons.append(Reason("price", said))
                elif fixed:
                    changes.append((said, fixed))
                continue
            known = any(figure.value in one.numbers or figure.value in (one.price, one.was) for one in sold)
            written = origin.startswith("script") and kind != "per cent"
            if not known and not written and not (kind == "number" and figure.value <= SMALL):
                reasons.append(Reason(kind, said))
        if reasons:
            return Verdict("", False, tuple(reasons))
        for said, fixed in changes:
            if text.count(said) != 1:  # a mark stands within it, or it is there twice
                return Verdict("", False, (Reason("price", said),))
            text = text.replace(said, fixed)
        return Verdict(text, True, tuple(Reason("price", f"{said} -> {fixed}") for said, fixed in changes))

    def _shop(
        self, catalogue: Catalogue, language: str, words: Mapping[str, re.Pattern[str]]
    ) -> frozenset[tuple[str, Decimal]]:
        """Figures of the shop's own answers, by kind: delivery, thresholds."""
        pairs = (*catalogue.faq.get(language.partition("-")[0], ()), *catalogue.faq.get("", ()))
        texts = [part for pair in pairs for part in pair]
        return frozenset(
            _kind(figure, text, words)[:2] for text in texts for figure in figures(text, language)
        )


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
    if _CLOCK.match(after):
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
    return "number", value, (begin, end)


_PRICED = re.compile(r"\d+[.,]\d\d")
_CENTS = re.compile(r"cents?|pence|céntimos?|centimes?|centesimi|centavos?|cêntimos?", re.IGNORECASE)


def _put_right(value: Decimal, kind: str, sold: list[_Sold]) -> str | None:
    """What an amount has to be: "" where it is right, None where nobody can tell."""
    for one in sold:
        if value in (one.price, one.was) or (value == one.saving and kind == "money"):
            wrong_way = kind == "was" and value == one.price and one.was is not None
            return one.was_told if wrong_way else ""
    if len(sold) != 1:
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
    for name in ("free", "half", "boast", "hurry", "health", "finance", "green", "human", "asked"):
        made[name] = _pattern(told[name], spaced)
    money, price, was = told["money"], told["price"], told["was"]
    gap = r"[\s:]*" if not spaced else r"[\s:]+"
    edge = r"(?<!\w)" if spaced else ""
    made["money_after"] = re.compile(
        rf"\s*(?:{money})(?!\w)" if spaced else rf"\s*(?:{money})", re.IGNORECASE
    )
    made["money_before"] = re.compile(rf"(?:{edge}(?:{money}))\s*$", re.IGNORECASE)
    made["price_before"] = re.compile(rf"{edge}(?:{price}){gap}$", re.IGNORECASE)
    made["place_before"] = re.compile(rf"{edge}(?:{told['place']}){gap}$", re.IGNORECASE)
    made["was_before"] = re.compile(rf"{edge}(?:{was}){gap}(?:\w+\s+)?$", re.IGNORECASE)
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


def notice(language: str) -> str:
    """The announcement that a show is advertising and its images virtual.

    The French law of 9 June 2023 and art. 50 of the EU's AI Act ask for it.
    """
    table = _table()
    return str(table.get(language.partition("-")[0], table["en"])["notice"])


def truthful(question: str, language: str) -> str | None:
    """The honest answer to a viewer who asks whether the host is real; None to any other question."""
    table = _table()
    tags = dict.fromkeys([language.partition("-")[0], *table])
    for tag in tags:
        if tag in table and words_of(tag)["asked"].search(question):
            return str(table.get(language.partition("-")[0], table["en"])["honest"])
    return None


_LEET = str.maketrans("013457@$", "oieastas")
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_ALIKE = str.maketrans("аеорсухіјѕԁɡո", "aeopcyxijsdgn")


def attack(message: str) -> Reason | None:
    """Whether a viewer tries to give orders to the host; for logs and priorities, for orders have no effect anyway."""
    plain = _UNSEEN.sub("", unicodedata.normalize("NFKC", message)).translate(_ALIKE)
    for text in (plain, plain.translate(_LEET), re.sub(r"(?<=\w)[\s._-](?=\w(?:[\s._-]\w)+\b)", "", plain)):
        if found := _attacks().search(text):
            return Reason("attack", found[0])
    return None


def _plain(text: str) -> str:
    bare = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(
        re.findall(r"\w+", "".join(letter for letter in bare if not unicodedata.combining(letter)))
    )
