"""Catalogues of our own form: a CSV file with a heading line, or a JSON file.

JSON is a list of products, or a table of ``products`` and the shop's own ``faq``.
Known columns and keys, of which ``id``, ``name`` and ``price`` are needed::

    id, name, price, currency       M-17, Steel mug, 12.50, EUR   (or price alone: 12,50 €)
    was                             19.00: the crossed-out price
    stock                           40; empty where it is not told
    also                            other names, parted by a bar: mug | steel cup
    description                     sentences that the host may say
    offer, offer_from, offer_to     9.90, 2027-01-31T20:00+01:00, 2027-01-31T21:00+01:00
    faq                             JSON: [["Dishwasher?", "By hand, please."]]; in CSV: question = answer | ...
    claims                          JSON: [{"text": ..., "source": ...}]; in CSV: text = source | ...
    image                           mug.jpg: a picture beside the catalogue, or its address, for the card on the screen
    link                            address of its page
    name:fr, description:fr, faq:fr the same in another language
    fact:colour, fact:colour:fr     blue or red

Whoever writes them writes them for the show: one mistake, and nothing of the file is used.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from avatar_engine.show.catalogue.model import (
    LONGEST,
    MOST,
    Claim,
    Offer,
    Product,
    Read,
    Texts,
    read_price,
)

Rows: TypeAlias = list[tuple[str, dict[str, Any]]]
"""Where each stands, and what stands there by column."""


def read_json(told: Any, currency: str = "", language: str = "") -> Read:
    """A catalogue in JSON.

    Args:
        told: The JSON, numbers as texts.
        currency: Of prices that have none.
        language: Of texts that are of no language.
    """
    mistakes: list[str] = []
    rows, shop = _json(told, mistakes)
    return _read("JSON", rows, shop, mistakes, currency, language)


def read_csv(text: str, currency: str = "", language: str = "") -> Read:
    """A catalogue in CSV; see `read_json`."""
    mistakes: list[str] = []
    return _read("CSV", _csv(text, mistakes), {}, mistakes, currency, language)


def _read(
    form: str, rows: Rows, shop: Mapping[str, Any], mistakes: list[str], currency: str, language: str
) -> Read:
    products: dict[str, Product] = {}
    for where, row in rows:
        try:
            product = _product(row, currency, language)
        except ValueError as error:
            mistakes.append(f"{where}: {error}")
            continue
        if product.ident in products:
            mistakes.append(f"{where}: the id {product.ident!r} is there twice")
        products[product.ident] = product
    return Read(form, products, shop, tuple(mistakes), True, len(rows))


def _csv(text: str, mistakes: list[str]) -> Rows:
    try:
        dialect: Any = csv.Sniffer().sniff(text[:4096], ",;\t")
    except csv.Error:
        dialect = csv.excel
    reader = csv.DictReader(io.StringIO(text), dialect=dialect)
    rows: Rows = []
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
    return rows


def _json(read: Any, mistakes: list[str]) -> tuple[Rows, dict[str, Any]]:
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
    rows: Rows = []
    for number, row in enumerate(read[:MOST], 1):
        if isinstance(row, dict):
            rows.append((f"product {number}", row))
        else:
            mistakes.append(f"product {number}: it is no table")
    return rows, shop


def _product(row: Mapping[str, Any], currency: str, language: str) -> Product:
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
            facts.setdefault(rest[1] if len(rest) > 1 else language, {})[rest[0]] = _text(key, value)
        elif name in ("name", "description", "faq"):
            content = _pairs(value) if name == "faq" else _text(key, value)
            texts.setdefault(rest[0] if rest else language, {})[name] = content
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
    return _priced(plain, told, currency)


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
    "link",
)
_TEXTS = ("name", "description", "faq", "fact:NAME")


def _priced(row: Mapping[str, Any], texts: Mapping[str, Texts], currency: str) -> Product:
    currency = _text("currency", row.get("currency", currency))
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
    image, link = (_text(name, row.get(name, "")) for name in ("image", "link"))
    return Product(_text("id", row["id"]), texts, price, was, stock, also, offers, claims, image, link)


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
