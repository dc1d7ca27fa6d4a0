"""What is sold: products with prices, stock, offers, facts, claims and answers.

A catalogue is a CSV file with a heading line, or a JSON file: a list of products, or a table of ``products`` and the
shop's own ``faq``.
Known columns and keys, of which ``id``, ``name`` and ``price`` are needed::

    id, name, price, currency       M-17, Steel mug, 12.50, EUR   (or price alone: 12,50 €)
    was                             19.00: the crossed-out price
    stock                           40; empty where it is not told
    also                            other names, parted by a bar: mug | steel cup
    description                     sentences that the host may say
    offer, offer_from, offer_to     9.90, 2027-01-31T20:00+01:00, 2027-01-31T21:00+01:00
    faq                             JSON: [["Dishwasher?", "By hand, please."]]; in CSV: question = answer | ...
    claims                          JSON: [{"text": ..., "source": ...}]; in CSV: text = source | ...
    image                           mug.jpg: a picture beside the catalogue, for the card on the screen
    name:fr, description:fr, faq:fr the same in another language
    fact:colour, fact:colour:fr     blue or red

Every mistake is told with its line or item. A file that changes is read anew; one that is wrong then changes nothing.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import logging
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from babel.core import UnknownLocaleError
from babel.numbers import format_currency, get_currency_precision, is_currency

from avatar_engine.errors import AvatarError

log = logging.getLogger(__name__)

MOST, LARGEST = 20_000, 50 << 20
"""Products, and bytes of a file."""

LONGEST = 4000
"""Letters of a text."""

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
        image: A picture of it, as the catalogue names it; "" for none.
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
    """

    products: Mapping[str, Product] = field(default_factory=dict)
    faq: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    version: str = ""

    def named(self, text: str) -> Product | None:
        """The product that a text names, by the longest of its names; None for none or where two are meant."""
        words = f" {_plain(text)} "
        found: list[tuple[int, str]] = []
        for product in self.products.values():
            for name in product.names:
                plain = _plain(name)
                if plain and (f" {plain} " in words or (not plain.isascii() and plain in words)):
                    found.append((len(plain), product.ident))
        longest = {ident for size, ident in found if size == max(found)[0]}
        return self.products[longest.pop()] if len(longest) == 1 else None


class CatalogueFile:
    """A catalogue that is read anew when its file changes; call `look` now and then.

    Args:
        path: The file.

    Raises:
        AvatarError: It can't be read, or has mistakes.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._seen = path, _stamp(path)
        self.now = load(path)

    def look(self) -> Catalogue:
        """The catalogue as it is now; a file that became wrong is told once and changes nothing."""
        stamp = _stamp(self._path)
        if stamp != self._seen:
            self._seen = stamp
            try:
                self.now = load(self._path)
                log.info("the catalogue has changed: %d products", len(self.now.products))
            except AvatarError as error:
                log.error("the catalogue stays as it was: %s", error.what)
        return self.now


def _stamp(path: Path) -> tuple[int, int]:
    try:
        told = path.stat()
    except OSError:
        return (0, 0)
    return (told.st_mtime_ns, told.st_size)


def load(path: Path) -> Catalogue:
    """Read a catalogue.

    Raises:
        AvatarError: It can't be read, or has mistakes: all of them are listed.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise AvatarError(
                f"The catalogue {path} is larger than {LARGEST >> 20} MB.", "Cut it into shows."
            )
        data = path.read_bytes()
    except OSError as error:
        raise AvatarError(
            f"The catalogue {path} can't be read: {error.strerror}.", "Check the path."
        ) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AvatarError(
            f"The catalogue {path} is not UTF-8 text (byte {error.start}).", "Save it as UTF-8."
        ) from None
    mistakes: list[str] = []
    rows, shop = (_json if text.lstrip()[:1] in ("{", "[") else _csv)(text, mistakes)
    products: dict[str, Product] = {}
    for where, row in rows:
        try:
            product = _product(row)
        except ValueError as error:
            mistakes.append(f"{where}: {error}")
            continue
        if product.ident in products:
            mistakes.append(f"{where}: the id {product.ident!r} is there twice")
        products[product.ident] = product
    if not products and not mistakes:
        mistakes.append("there is no product in it")
    if mistakes:
        listed = "\n".join(f"  {mistake}" for mistake in mistakes[:50])
        raise AvatarError(
            f"The catalogue {path} has {len(mistakes)} mistakes:\n{listed}", "Correct the catalogue."
        )
    return Catalogue(products, shop, hashlib.sha256(data).hexdigest()[:12])


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


def _csv(text: str, mistakes: list[str]) -> tuple[list[tuple[str, dict[str, Any]]], dict[str, Any]]:
    try:
        dialect: Any = csv.Sniffer().sniff(text[:4096], ",;\t")
    except csv.Error:
        dialect = csv.excel
    reader = csv.DictReader(io.StringIO(text), dialect=dialect)
    rows: list[tuple[str, dict[str, Any]]] = []
    try:
        for row in reader:
            if None in row:
                mistakes.append(f"line {reader.line_num}: more fields than headings")
            elif any(value for value in row.values()):
                rows.append(
                    (
                        f"line {reader.line_num}",
                        {str(key).strip(): (value or "").strip() for key, value in row.items()},
                    )
                )
            if len(rows) > MOST:
                mistakes.append(f"line {reader.line_num}: more than {MOST} products")
                break
    except csv.Error as error:
        mistakes.append(f"line {reader.line_num}: {error}")
    return rows, {}


def _json(text: str, mistakes: list[str]) -> tuple[list[tuple[str, dict[str, Any]]], dict[str, Any]]:
    try:
        read = json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        mistakes.append(f"this is no JSON: {error}")
        return [], {}
    shop: dict[str, Any] = {}
    if isinstance(read, dict):
        for key, value in read.items():
            if key == "faq" or key.startswith("faq:"):
                try:
                    shop[key.partition(":")[2]] = _pairs(value)
                except ValueError as error:
                    mistakes.append(f"{key}: {error}")
            elif key != "products":
                mistakes.append(f"unknown key {key!r}; known are products and faq")
        read = read.get("products")
    if not isinstance(read, list):
        mistakes.append("there is no list of products in it")
        return [], shop
    rows = []
    for number, row in enumerate(read[:MOST], 1):
        if isinstance(row, dict):
            rows.append((f"product {number}", row))
        else:
            mistakes.append(f"product {number}: it is no table")
    return rows, shop


def _product(row: Mapping[str, Any]) -> Product:
    """A product of its row.

    Raises:
        ValueError: Something in it is wrong.
    """
    plain: dict[str, Any] = {}
    texts: dict[str, dict[str, Any]] = {}
    facts: dict[str, dict[str, str]] = {}
    for key, value in row.items():
        name, *rest = str(key).split(":")
        if value is None or value == "":
            continue
        if name == "fact" and rest:
            facts.setdefault(rest[1] if len(rest) > 1 else "", {})[rest[0]] = _text(key, value)
        elif name in ("name", "description", "faq"):
            content = _pairs(value) if name == "faq" else _text(key, value)
            texts.setdefault(rest[0] if rest else "", {})[name] = content
        elif name in _PLAIN and not rest:
            plain[name] = value
        else:
            raise ValueError(f"unknown column {key!r}; known are {', '.join((*_PLAIN, *_TEXTS))}")
    for needed in ("id", "price"):
        if needed not in plain:
            raise ValueError(f"there is no {needed}")
    if not any("name" in told for told in texts.values()):
        raise ValueError("there is no name")
    languages = dict.fromkeys([*texts, *facts])
    told = {tag: Texts(**texts.get(tag, {}), facts=facts.get(tag, {})) for tag in languages}
    return _priced(plain, told)


_PLAIN = (
    "id",
    "price",
    "currency",
    "was",
    "stock",
    "also",
    "offer",
    "offer_from",
    "offer_to",
    "claims",
    "image",
)
_TEXTS = ("name", "description", "faq", "fact:NAME")


def _priced(row: Mapping[str, Any], texts: Mapping[str, Texts]) -> Product:
    currency = _text("currency", row.get("currency", ""))
    price = read_price(_text("price", row["price"]), currency)
    was = read_price(_text("was", row["was"]), price.currency) if "was" in row else None
    offers: tuple[Offer, ...] = ()
    if "offer" in row:
        ends = (_moment("offer_from", row.get("offer_from")), _moment("offer_to", row.get("offer_to")))
        offers = (Offer(read_price(_text("offer", row["offer"]), price.currency), *ends),)
    also = tuple(part.strip() for part in _text("also", row.get("also", "")).split("|") if part.strip())
    claims = (
        tuple(Claim(*pair) for pair in _pairs(row["claims"], ("text", "source"))) if "claims" in row else ()
    )
    stock = _stock(row["stock"]) if "stock" in row else None
    image = _text("image", row.get("image", ""))
    return Product(_text("id", row["id"]), texts, price, was, stock, also, offers, claims, image)


def _stock(value: Any) -> int:
    text = _text("stock", value)
    if not re.fullmatch(r"\d{1,9}", text):
        raise ValueError(f"stock: {text!r} is no number of pieces")
    return int(text)


def _moment(name: str, value: Any) -> datetime | None:
    if value in (None, ""):
        return None
    text = _text(name, value)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{name}: {text!r} is no time such as 2027-01-31T20:00+01:00") from None
    if moment.tzinfo is None:
        raise ValueError(f"{name}: {text!r} has no time zone: write 2027-01-31T20:00+01:00")
    return moment


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST:
        raise ValueError(f"{name}: this is no text of {LONGEST} letters at most")
    return " ".join("".join(letter for letter in value if letter.isprintable() or letter.isspace()).split())


def _pairs(value: Any, keys: Sequence[str] = ("question", "answer")) -> tuple[tuple[str, str], ...]:
    """Pairs of texts: ``a = b | c = d``, or a list of pairs or tables."""
    if isinstance(value, str) and not value.lstrip().startswith("["):
        parts: Any = [part.split("=", 1) for part in value.split("|") if part.strip()]
    elif isinstance(value, str):
        try:
            parts = json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError(f"{value[:40]!r} is no JSON list") from None
    else:
        parts = value
    if not isinstance(parts, list):
        raise ValueError("this is no list of pairs")
    pairs = []
    for part in parts:
        pair = [part.get(key) for key in keys] if isinstance(part, dict) else part
        if not isinstance(pair, list) or len(pair) != 2:
            raise ValueError(f"{str(part)[:40]!r} is no pair of {keys[0]} and {keys[1]}")
        pairs.append((_text(keys[0], pair[0]), _text(keys[1], pair[1])))
    return tuple(pairs)


def _plain(text: str) -> str:
    """Words without case, accents and signs."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(
        re.findall(r"\w+", "".join(letter for letter in bare if not unicodedata.combining(letter)))
    )
