"""Google Merchant product feeds: RSS 2.0 and Atom with the namespace ``g:``, and the text form with tabs or commas.

The attributes are those of Google's product data specification. A product whose price is not certain (none, several
readings, a sale whose time can't be read) is left out: a wrong price must not be said.

XML comes from others, so nothing in it may reach out or grow: defusedxml refuses every document type, and with it
entities that multiply ("billion laughs") and those that name files or addresses; nothing of the tree is kept but the
item that is being read, so that memory is bounded by one item; depth, fields and letters are, too.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import ParseError

from babel.numbers import get_currency_precision
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import XMLParser

from avatar_engine.show.catalogue.model import (
    MOST,
    Gathering,
    Offer,
    Price,
    Product,
    Read,
    Texts,
    read_price,
)
from avatar_engine.show.catalogue.prose import address, line, sentences
from avatar_engine.show.catalogue.rows import mark_of, rows

DEEPEST, MOST_FIELDS, LONGEST_FIELD = 40, 300, 20_000
"""Of an item: elements within one another, its fields, and letters of one."""

PIECE = 1 << 20
"""Bytes that the parser takes at once: with small ones its time grows with the square of a long text."""

SOLD_OUT = ("out_of_stock", "sold_out", "discontinued", "unavailable")
AVAILABLE = ("in_stock", "available", "limited_availability", "in_store_only", "online_only")
LATER = {"preorder": "preorder", "pre_order": "preorder", "backorder": "backorder", "back_order": "backorder"}

_COMMON = ("brand", "size", "gtin", "mpn")
_WORDED = (
    "color",
    "material",
    "pattern",
    "gender",
    "age_group",
    "condition",
    "product_type",
    "availability_date",
)
_NAMES = {
    "de": {"color": "Farbe", "size": "Größe", "material": "Material", "pattern": "Muster", "brand": "Marke"},
    "fr": {
        "color": "couleur",
        "size": "taille",
        "material": "matière",
        "pattern": "motif",
        "brand": "marque",
    },
    "es": {
        "color": "color",
        "size": "talla",
        "material": "material",
        "pattern": "estampado",
        "brand": "marca",
    },
    "it": {
        "color": "colore",
        "size": "taglia",
        "material": "materiale",
        "pattern": "motivo",
        "brand": "marca",
    },
    "pt": {"color": "cor", "size": "tamanho", "material": "material", "pattern": "padrão", "brand": "marca"},
    "ja": {"color": "色", "size": "サイズ", "material": "素材", "pattern": "柄", "brand": "ブランド"},
    "zh": {"color": "颜色", "size": "尺寸", "material": "材质", "pattern": "图案", "brand": "品牌"},
    "hi": {"color": "रंग", "size": "आकार", "material": "सामग्री", "pattern": "पैटर्न", "brand": "ब्रांड"},
}
_TELLS_APART = ("color", "size", "material", "pattern")
_GOOGLE = "base.google.com"
_XML_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_BARE = re.compile(r"(?<![\d.,])(\d+)\.(\d{3})(?![\d.,])")


@dataclass(slots=True)
class Item:
    """One product as a feed tells of it.

    Attributes:
        where: For people.
        fields: By the attributes' names.
        details: Names and values of ``product_detail``.
        language: Of its texts; "" where it is not told.
    """

    where: str
    fields: dict[str, str] = field(default_factory=dict)
    details: list[tuple[str, str]] = field(default_factory=list)
    language: str = ""


def is_feed(headings: Sequence[str]) -> bool:
    """Whether the headings of a table are those of the text form."""
    names = {_heading(name) for name in headings}
    return {"id", "title"} <= names and "name" not in names


def read_text(text: str, currency: str = "", language: str = "") -> Read:
    """A feed in its text form.

    Args:
        text: With a line of headings.
        currency: Of prices that have none.
        language: Of texts, where the feed does not say it.
    """
    gathered, items = Gathering(), list[Item]()
    for where, cells in rows(text, _heading, gathered):
        if len(items) == MOST:
            gathered.wrong(where, f"more than {MOST} products; the rest is left out")
            break
        items.append(_row(where, cells))
    _take(items, gathered, currency, language)
    return gathered.read(f"Google Merchant ({'TSV' if mark_of(text) == chr(9) else 'CSV'})")


def read_xml(data: bytes, currency: str = "", language: str = "") -> Read:
    """A feed in XML.

    Args:
        data: RSS 2.0 or Atom.
        currency: Of prices that have none.
        language: Of texts, where the feed does not say it.
    """
    gathered = Gathering()
    items = _Items(gathered)
    parser: Any = XMLParser(target=items, forbid_dtd=True)
    items.line = lambda: int(parser.parser.CurrentLineNumber)
    try:
        for at in range(0, len(data), PIECE):
            parser.feed(data[at : at + PIECE])
            if items.full:
                break
        else:
            parser.close()
    except DefusedXmlException:
        gathered.wrong(
            "line 1",
            "there is a document type (<!DOCTYPE ...>) in it: no feed needs one, and it may hide attacks, so it is "
            "not read" + ("; is it a web page?" if b"html" in data[:200].lower() else ""),
        )
        items.found.clear()
    except _NoFeedError as error:
        gathered.wrong(f"line {items.line()}", str(error))
        items.found.clear()
    except (ParseError, ValueError, LookupError) as error:  # LookupError: an encoding that nobody knows
        gathered.wrong(f"line {items.line()}", f"this is no XML ({error}); nothing of it is used")
        items.found.clear()
    _take(items.found, gathered, currency, language)
    return gathered.read(f"Google Merchant ({items.form or 'XML'})")


class _NoFeedError(Exception):
    """It is XML, and no feed; the text says why."""


class _Items:
    """Takes what the XML parser finds, an item at a time; keeps no tree."""

    def __init__(self, gathered: Gathering) -> None:
        self.found: list[Item] = []
        self.form, self.full, self.language = "", False, ""
        self.line: Callable[[], int] = lambda: 1
        self._gathered = gathered
        self._path: list[str] = []
        self._item: Item | None = None
        self._begins = 0  # depth of the item
        self._words: list[str] = []
        self._letters = 0
        self._detail: dict[str, str] = {}

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        name = tag.rpartition("}")[2]
        if not self._path:
            if name not in ("rss", "feed", "RDF"):
                raise _NoFeedError(f"the first element is <{name[:40]}>: neither RSS nor Atom")
            self.form = "Atom" if name == "feed" else "RSS"
        if len(self._path) >= DEEPEST:
            raise _NoFeedError(f"elements are more than {DEEPEST} deep")
        self._path.append(name)
        told = attributes.get(_XML_LANGUAGE, "")
        if name in ("item", "entry") and self._item is None:
            self._begin(told)
        elif self._item is None:
            self.language = told or self.language
        elif name == "link" and attributes.get("rel", "alternate") == "alternate" and "href" in attributes:
            self._item.fields.setdefault("link", attributes["href"][:LONGEST_FIELD])
        if self._whole():
            self._words.append(" ")
        else:
            self._words, self._letters = [], 0

    def _whole(self) -> bool:
        """Whether this is markup within a field: its words are the field's."""
        return (
            self._item is not None
            and len(self._path) > self._begins + 1
            and self._path[self._begins] != "product_detail"
        )

    def _begin(self, language: str) -> None:
        self._gathered.count += 1
        if len(self.found) == MOST:
            if not self.full:
                self._gathered.wrong(
                    f"line {self.line()}", f"more than {MOST} products; the rest is left out"
                )
            self.full = True
            return
        self._item, self._begins = Item(f"line {self.line()}", language=language), len(self._path)

    def data(self, text: str) -> None:
        """Letters within an element."""
        if self._letters < LONGEST_FIELD:
            self._words.append(text)
            self._letters += len(text)

    def end(self, tag: str) -> None:
        """An element ends."""
        space, _, name = tag.rpartition("}")
        depth, whole = len(self._path), self._whole()
        self._path.pop()
        if whole:
            return
        text = "".join(self._words)[:LONGEST_FIELD].strip()
        self._words, self._letters = [], 0
        item = self._item
        if item is None:
            if name == "language" and text:
                self.language = text
        elif depth == self._begins:
            self.found.append(item)
            item.language = item.language or self.language
            self._item = None
        elif depth == self._begins + 1:
            self._field(item, name, text, _GOOGLE in space)
        elif depth == self._begins + 2 and self._path[-1] == "product_detail":
            self._detail[name] = text

    def _field(self, item: Item, name: str, text: str, google: bool) -> None:
        if name == "product_detail":
            told, self._detail = self._detail, {}
            if told.get("attribute_name") and told.get("attribute_value") and len(item.details) < MOST_FIELDS:
                item.details.append((told["attribute_name"], told["attribute_value"]))
        elif text and len(item.fields) < MOST_FIELDS and (google or name not in item.fields):
            item.fields[name] = text  # Google's own attribute says more than RSS's or Atom's of the same name

    def close(self) -> None:
        """The document ends."""


def _heading(name: str) -> str:
    return re.sub(r"[\s_]+", "_", name.strip().lstrip("\ufeff").lower()).removeprefix("g:")


def _row(where: str, cells: Sequence[tuple[str, str]]) -> Item:
    item = Item(where)
    for name, cell in cells:
        value = cell[:LONGEST_FIELD].strip()
        if name.startswith("product_detail") and value:
            parts = value.split(":")
            item.details += [(parts[-2], parts[-1])] if len(parts) in (2, 3) else []
        elif value and name not in item.fields:
            item.fields[name] = value
    return item


def _take(items: Sequence[Item], gathered: Gathering, currency: str, language: str) -> None:
    """Make products of items; what is wrong with them is noted."""
    alike: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in items:
        if group := item.fields.get("item_group_id"):
            alike[group, line(item.fields.get("title", "")).casefold()].append(item)
    alone = {key: _alone(variants) for key, variants in alike.items() if len(variants) > 1}
    for item in items:
        ident = line(item.fields.get("id", ""), 60)
        where = f"{item.where} ({ident})" if ident else item.where
        try:
            product, doubts = _product(item, currency, language)
        except ValueError as error:
            gathered.wrong(where, f"{error}; it is left out")
            continue
        for doubt in doubts:
            gathered.wrong(where, doubt)
        title = product.names[0]
        if own := alone.get((product.group, title.casefold())):
            product = replace(product, also=tuple(_told_apart(item, title, own)))
        gathered.add(where, product)


def _alone(variants: Sequence[Item]) -> frozenset[tuple[str, str]]:
    """What only one of the variants has: attributes and values."""
    counts = Counter((name, one.fields.get(name, "")) for one in variants for name in _TELLS_APART)
    return frozenset(told for told, count in counts.items() if count == 1)


def _told_apart(item: Item, title: str, alone: frozenset[tuple[str, str]]) -> Iterator[str]:
    """Names of a variant whose title others have, too: with the colour or size that it has alone."""
    for name in _TELLS_APART:
        own = item.fields.get(name, "")
        if own and (name, own) in alone:
            value = line(own)
            yield from (f"{title} {value}", f"{value} {title}")


def _product(item: Item, currency: str, language: str) -> tuple[Product, list[str]]:
    """The product of an item, and what is doubtful about it.

    Raises:
        ValueError: It can't be used.
    """
    told, doubts = item.fields, list[str]()
    for needed in ("id", "title", "price"):
        if not told.get(needed):
            raise ValueError(f"there is no {needed}")
    price = merchant_price(told["price"], currency)
    offers = _sale(told, price, doubts)
    stock, later = _stock(told, doubts)
    tongue = told.get("content_language") or item.language or language
    tongue = tongue.strip().replace("_", "-").partition("-")[0].lower()
    if not re.fullmatch(r"[a-z]{2,3}", tongue):
        tongue = ""
    if later:
        told["availability_date"] = told.get("availability_date", "")[:10]
    else:
        told.pop("availability_date", None)
    ident, title = line(told["id"], 100), line(told["title"])
    if not ident or not title:
        raise ValueError(f"there is no {'title' if ident else 'id'}")
    texts = _texts(item, title, tongue)
    if later:
        own = texts[tongue]
        texts[tongue] = replace(own, facts={**own.facts, "availability": later})
    product = Product(
        ident, texts, price, None, stock, (), offers, (), address(told.get("image_link", "")),
        address(told.get("link", "")), line(told.get("item_group_id", ""), 100),
    )  # fmt: skip
    return product, doubts


def _texts(item: Item, title: str, tongue: str) -> dict[str, Texts]:
    """Its texts: brand, size and numbers are the same in every language."""
    told, names = item.fields, _NAMES.get(tongue, {})
    common = {
        name.upper() if name in ("gtin", "mpn") else name: line(told[name])
        for name in _COMMON
        if told.get(name)
    }
    own = {names.get(name, name.replace("_", " ")): line(told[name]) for name in _WORDED if told.get(name)}
    own |= {line(name, 60): line(value) for name, value in item.details}
    if names:
        own |= {names[name]: common.pop(name) for name in ("brand", "size") if name in common}
    description = sentences(told.get("description") or told.get("summary") or told.get("content") or "")
    texts = {tongue: Texts(title, description, own)}
    if not tongue:
        return {"": replace(texts[""], facts={**common, **own})}
    return {**texts, "": Texts(facts=common)} if common else texts


def merchant_price(text: str, currency: str = "") -> Price:
    """A price as feeds write it: ``12.50 EUR``, with a decimal point; ``12,50 EUR`` is understood, too.

    Raises:
        ValueError: It is none, nothing, or may be read in two ways.
    """
    bare = _BARE.search(text)
    # "1.299 EUR" is a thousand in one shop and a mistake in another; of Kuwaiti dinars it is one and three tenths
    price = read_price(text if not bare else text.replace(bare[0], f"{bare[1]}.{bare[2]}0"), currency)
    places = get_currency_precision(price.currency)
    if bare and places < 3:
        raise ValueError(
            f"the price {text!r} can be read in two ways: write {bare[1]}{bare[2]}.00 or {bare[1]}.{bare[2][:2]}"
        )
    exact = price.amount.quantize(Decimal(1).scaleb(-places))
    if exact != price.amount:
        raise ValueError(f"the price {text!r} has more decimals than {price.currency} has")
    if not exact:
        raise ValueError(f"the price {text!r} is nothing")
    return Price(exact, price.currency)


def _sale(told: Mapping[str, str], price: Price, doubts: list[str]) -> tuple[Offer, ...]:
    """The sale price, in its time.

    Raises:
        ValueError: Price or time can't be read, so that what it costs is not certain.
    """
    if not told.get("sale_price"):
        return ()
    sale = merchant_price(told["sale_price"], price.currency)
    if sale.currency != price.currency:
        raise ValueError(f"sale_price is in {sale.currency}, and price in {price.currency}")
    if sale.amount >= price.amount:
        doubts.append(f"sale_price {told['sale_price']!r} is not lower than the price; it is passed over")
        return ()
    when = told.get("sale_price_effective_date", "")
    return (Offer(sale, *(interval(when) if when else (None, None))),)


def interval(text: str) -> tuple[datetime, datetime]:
    """Begin and end of an ISO 8601 interval: ``2027-01-31T20:00+0100/2027-02-01T20:00+0100``.

    Raises:
        ValueError: It is none, or has no time zone: Google reads it by the country that a feed is for, which the feed
            does not say.
    """
    parts = [part.strip() for part in text.split("/")]
    if len(parts) != 2:
        raise ValueError(f"sale_price_effective_date {text[:60]!r} is no interval: BEGIN/END")
    ends: list[datetime] = []
    for part in parts:
        try:
            moment = datetime.fromisoformat(part)
        except ValueError:
            raise ValueError(f"sale_price_effective_date: {part[:40]!r} is no time") from None
        if moment.tzinfo is None:
            raise ValueError(
                f"sale_price_effective_date: {part[:40]!r} has no time zone; write 2027-01-31T20:00+0100"
            )
        ends.append(moment)
    if ends[0] >= ends[1]:
        raise ValueError(f"sale_price_effective_date {text[:60]!r} ends before it begins")
    return ends[0], ends[1]


def _stock(told: Mapping[str, str], doubts: list[str]) -> tuple[int | None, str]:
    """How many there are, None where it is not told, and how it is ordered if it comes later."""
    said = _heading(told.get("availability", "")).rpartition("/")[2]
    said = {"instock": "in_stock", "outofstock": "out_of_stock"}.get(said, said)  # schema.org's names
    many = told.get("quantity") or told.get("inventory") or told.get("sell_on_google_quantity") or ""
    stock = int(many) if re.fullmatch(r"\d{1,9}", many) else None
    if said in SOLD_OUT:
        return 0, ""
    if said in LATER:
        return None, LATER[said]
    if said and said not in AVAILABLE:
        doubts.append(f"availability {told['availability'][:40]!r} is not known; it is taken as not told")
    return (stock, "")


__all__ = ["interval", "is_feed", "merchant_price", "read_text", "read_xml"]
