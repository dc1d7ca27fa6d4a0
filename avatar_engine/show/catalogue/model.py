"""What a catalogue is: products with prices, stock, offers, facts, claims and answers."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation

from babel.core import UnknownLocaleError
from babel.numbers import format_currency, get_currency_precision, is_currency

MOST, LARGEST = 20_000, 50 << 20
"""Products, and bytes of a file."""

LONGEST = 4000
"""Letters of a text."""

MOST_TOLD = 1000
"""Mistakes of a catalogue that are kept."""

HEAD = 4
"""Letters by which a name is found in a text; a shorter name has fewer."""

_SIGNS = {
    "€": "EUR",
    "$": "USD",
    "£": "GBP",
    "¥": "JPY",
    "￥": "CNY",
    "元": "CNY",
    "円": "JPY",
    "₹": "INR",
    "R$": "BRL",
    "CHF": "CHF",
}
_PRICE = re.compile(
    r"\s*(?P<before>R\$|[^\d\s.,+-]{1,3})?\s*(?P<amount>\d[\d.,'\u00a0\u202f ]*)\s*(?P<after>[^\d\s.,+-]{1,3})?\s*"
)
_LOCALES = {"zh": "zh_CN", "pt": "pt_BR", "hi": "hi_IN", "ja": "ja_JP"}


@dataclass(frozen=True, slots=True)
class Price:
    """An amount of money; ``currency`` by ISO 4217."""

    amount: Decimal
    currency: str

    def told(self, language: str) -> str:
        """As it is written in a language: ``12,50 €``. What is round has no cents."""
        locale = _LOCALES.get(language.partition("-")[0], language.replace("-", "_"))
        try:
            text = format_currency(self.amount, self.currency, locale=locale)
        except (UnknownLocaleError, ValueError):
            text = format_currency(self.amount, self.currency, locale="en")
        if self.amount == self.amount.to_integral_value() and get_currency_precision(self.currency):
            text = re.sub(r"[.,]0+(?=\D|$)", "", text)
        return text.replace("\u00a0", " ").replace("\u202f", " ")


@dataclass(frozen=True, slots=True)
class Offer:
    """A price for a time; either end may be open."""

    price: Price
    begins: datetime | None = None
    ends: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it does at ``now`` (aware)."""
        return (self.begins is None or self.begins <= now) and (self.ends is None or now < self.ends)


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that may be said though the law asks for a source."""

    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Texts:
    """What is said of a product in one language."""

    name: str = ""
    description: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    faq: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Product:
    """Something that is sold.

    Attributes:
        ident: Its id.
        texts: By language; "" for what is said in all.
        price: What it costs when there is no offer.
        was: The crossed-out price.
        stock: How many there are; None where that is not told.
        also: Other names.
        offers: Prices for a time.
        claims: What may be claimed.
        image: A picture of it, as the catalogue names it: a file beside the catalogue, or an address; "" for none.
        link: Address of its page; "" for none.
        group: What it has in common with its variants, each a product of its own; "" for none.
    """

    ident: str
    texts: Mapping[str, Texts]
    price: Price
    was: Price | None = None
    stock: int | None = None
    also: tuple[str, ...] = ()
    offers: tuple[Offer, ...] = ()
    claims: tuple[Claim, ...] = ()
    image: str = ""
    link: str = ""
    group: str = ""

    def offer_at(self, now: datetime) -> Offer | None:
        """The lowest offer that holds."""
        held = [offer for offer in self.offers if offer.holds(now)]
        return min(held, key=lambda offer: offer.price.amount, default=None)

    def price_at(self, now: datetime) -> Price:
        """What it costs."""
        offer = self.offer_at(now)
        return offer.price if offer else self.price

    def was_at(self, now: datetime) -> Price | None:
        """The price that is crossed out: that before an offer, or the catalogue's own; None for none."""
        price = self.price_at(now)
        before = self.was or (self.price if price != self.price else None)
        return (
            before if before and before.currency == price.currency and before.amount > price.amount else None
        )

    def said(self, language: str) -> Texts:
        """Its texts in a language, with what is the same in all."""
        own, common = self.texts.get(language.partition("-")[0], Texts()), self.texts.get("", Texts())
        return Texts(
            own.name or common.name,
            own.description or common.description,
            {**common.facts, **own.facts},
            own.faq or common.faq,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """All names in all languages."""
        return tuple(
            dict.fromkeys([*(texts.name for texts in self.texts.values() if texts.name), *self.also])
        )


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that is sold at one moment.

    Attributes:
        products: By id.
        faq: The shop's own questions and answers, by language ("" for all).
        version: Tells one state from another.
        form: The format that it was read in, for people.
        mistakes: What was left out of it or is doubtful, each with its line or item.
    """

    products: Mapping[str, Product] = field(default_factory=dict)
    faq: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    version: str = ""
    form: str = ""
    mistakes: tuple[str, ...] = ()
    _names: Mapping[str, set[str]] = field(init=False, repr=False, compare=False)
    _sizes: Mapping[str, set[int]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Names are made plain once, and found by their first letters: every sentence of a show asks for them."""
        names: defaultdict[str, set[str]] = defaultdict(set)
        sizes: defaultdict[str, set[int]] = defaultdict(set)
        for product in self.products.values():
            for name in filter(None, map(_plain, product.names)):
                # a name in Latin letters is a word of its own; in other scripts it may stand within one
                written = f" {name} " if name.isascii() else name
                names[written].add(product.ident)
                sizes[written[:HEAD]].add(len(written))
        object.__setattr__(self, "_names", dict(names))
        object.__setattr__(self, "_sizes", dict(sizes))

    def named(self, text: str) -> Product | None:
        """The product that a text names, by the longest of its names; None for none or where two are meant."""
        found = self._found(text)
        longest = max((len(piece.strip()) for piece in found), default=0)
        idents = {ident for piece in found if len(piece.strip()) == longest for ident in self._names[piece]}
        return self.products[idents.pop()] if len(idents) == 1 else None

    def mentioned(self, text: str) -> list[tuple[Product, ...]]:
        """For every name in a text, the products that are called so; long names first."""
        found = sorted(self._found(text), key=len, reverse=True)
        return [tuple(self.products[ident] for ident in sorted(self._names[piece])) for piece in found]

    def _found(self, text: str) -> set[str]:
        """The names that stand in a text, as they are written in the table of names."""
        words = f" {_plain(text)} "
        pieces = (
            words[at : at + size]
            for at in range(len(words))
            for head in range(1, HEAD + 1)
            for size in self._sizes.get(words[at : at + head], ())
        )
        return {piece for piece in pieces if piece in self._names}


def read_price(text: str, currency: str = "") -> Price:
    """A price as it is written: ``12.50`` with its ``currency``, ``1 299,00 €``, ``EUR 12.50``, ``¥1200``.

    Raises:
        ValueError: It is none.
    """
    found = _PRICE.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no price")
    sign = (found["before"] or found["after"] or currency).strip()
    code = _SIGNS.get(sign, sign.upper())
    if not is_currency(code):
        raise ValueError(f"{text!r} has no known currency" + (f" ({sign!r})" if sign else ""))
    try:
        amount = Decimal(_number(found["amount"]))
    except InvalidOperation:
        raise ValueError(f"{text!r} is no price") from None
    if amount > 10_000_000:
        raise ValueError(f"{text!r} is too much")
    return Price(amount, code)


def _number(text: str) -> str:
    """Digits with a point: the last sign is a decimal one where one or two digits follow it."""
    plain = re.sub(r"[\s'\u00a0\u202f]", "", text).rstrip(".,")
    whole, sign, rest = plain, "", ""
    if (at := max(plain.rfind("."), plain.rfind(","))) >= 0:
        whole, sign, rest = plain[:at], plain[at], plain[at + 1 :]
    if sign and len(rest) == 3 and (not re.search(r"[.,]", whole) or sign in whole):
        whole, rest = plain, ""
    if not re.fullmatch(r"\d+|\d{1,3}(?:\.\d{3})+|\d{1,3}(?:,\d{3})+", whole):
        raise InvalidOperation
    return re.sub(r"[.,]", "", whole) + (f".{rest}" if rest else "")


def _plain(text: str) -> str:
    """Words without case, accents and signs."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(
        re.findall(r"\w+", "".join(letter for letter in bare if not unicodedata.combining(letter)))
    )


@dataclass(frozen=True, slots=True)
class Read:
    """What one file or one page of a feed says.

    Attributes:
        form: Its format, for people.
        products: Those that can be used, by id.
        faq: The shop's own questions and answers, by language.
        mistakes: Each with its line or item.
        strict: Whether one mistake makes all of it useless: so it is with catalogues of our own form.
        count: Products that it tells of, usable or not.
    """

    form: str
    products: Mapping[str, Product]
    faq: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    mistakes: tuple[str, ...] = ()
    strict: bool = False
    count: int = 0


class Gathering:
    """Takes the products of a file, and notes what is wrong with those that can't be taken."""

    def __init__(self) -> None:
        self.products: dict[str, Product] = {}
        self.mistakes: list[str] = []
        self.count = 0

    def wrong(self, where: str, what: str) -> None:
        """Note a mistake."""
        if len(self.mistakes) < MOST_TOLD:
            self.mistakes.append(f"{where}: {what}")

    def add(self, where: str, product: Product) -> None:
        """Take a product; of two with one id the first."""
        if product.ident in self.products:
            self.wrong(where, f"the id {product.ident!r} is there twice")
        else:
            self.products[product.ident] = product

    def read(self, form: str) -> Read:
        """All of it."""
        return Read(form, self.products, {}, tuple(self.mistakes), False, self.count)
