"""Reads a catalogue whose format is found by what stands in it, never by its name."""

from __future__ import annotations

import codecs
import hashlib
import json
import zlib
from collections.abc import Sequence
from pathlib import Path

from avatar_engine.errors import AvatarError
from avatar_engine.show.catalogue import merchant, shopify, tables
from avatar_engine.show.catalogue.model import LARGEST, MOST, MOST_TOLD, Catalogue, Product, Read
from avatar_engine.show.catalogue.rows import headings_of

LISTED = 50
"""Mistakes that an error lists."""

_GZIP = b"\x1f\x8b"
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def load(path: Path, currency: str = "", language: str = "") -> Catalogue:
    """Read a catalogue's file.

    Args:
        path: CSV, JSON, Google Merchant (RSS, Atom, TSV, CSV) or Shopify (JSON, CSV), packed with gzip or not.
        currency: Of prices that have none.
        language: Of texts, where the file does not say it.

    Raises:
        AvatarError: It can't be read, nothing in it can be used, or, in our own form, it has mistakes: all are listed.
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
    return joined([read(data, str(path), currency, language)], str(path), digest(data))


def digest(data: bytes) -> str:
    """Tells one state from another."""
    return hashlib.sha256(data).hexdigest()[:12]


def read(data: bytes, name: str, currency: str = "", language: str = "", shop: str = "") -> Read:
    """What a file, or one page of a feed, says.

    Args:
        data: Its bytes.
        name: What messages call it.
        currency: Of prices that have none.
        language: Of texts, where it is not told.
        shop: Address of the shop, ``https://shop.example``; "" where it is not known.

    Raises:
        AvatarError: It is no text, or of Shopify without a currency.
    """
    data = _unpacked(data, name)
    bare = data[:400].removeprefix(codecs.BOM_UTF8).replace(b"\0", b"").lstrip(b"\xff\xfe \t\r\n")
    if bare.startswith(b"<"):
        return merchant.read_xml(data, currency, language)
    text = _text(data, name)
    if text.lstrip()[:1] in ("{", "["):
        try:
            told = json.loads(text, parse_float=str, parse_int=shopify.Whole)
        except (ValueError, RecursionError) as error:
            return Read("JSON", {}, {}, (f"this is no JSON: {error}",), True)
        if shopify.is_products(told):
            _need_currency(name, currency)
            return shopify.read_products(told, currency, language, shop)
        if isinstance(told, dict) and told.get("products") == [] and shop:
            return Read(shopify.JSON_FORM, {})  # the page behind the last one
        return tables.read_json(told, currency, language)
    headings = headings_of(text)
    if shopify.is_export(headings):
        _need_currency(name, currency)
        return shopify.read_export(text, currency, language)
    if merchant.is_feed(headings):
        return merchant.read_text(text, currency, language)
    return tables.read_csv(text, currency, language)


def joined(pages: Sequence[Read], name: str, version: str) -> Catalogue:
    """The catalogue that pages make; of two products with one id the first.

    Args:
        pages: In order.
        name: What messages call it.
        version: Tells this state from another.

    Raises:
        AvatarError: Nothing in it can be used, or, in our own form, it has mistakes: all are listed.
    """
    products: dict[str, Product] = {}
    mistakes: list[str] = []
    for number, page in enumerate(pages, 1):
        for ident, product in page.products.items():
            if len(products) < MOST:
                products.setdefault(ident, product)
        mistakes += [f"page {number}, {told}" if len(pages) > 1 else told for told in page.mistakes]
    forms = dict.fromkeys(page.form for page in pages)
    if not products and not mistakes:
        mistakes.append("there is no product in it")
    if mistakes and (not products or any(page.strict for page in pages)):
        listed = "\n".join(f"  {mistake}" for mistake in mistakes[:LISTED])
        count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise AvatarError(
            f"The catalogue {name} ({', '.join(forms)}) has {count}:\n{listed}", "Correct the catalogue."
        )
    faq = pages[0].faq if pages else {}
    return Catalogue(products, faq, version, ", ".join(forms), tuple(mistakes[:MOST_TOLD]))


def _unpacked(data: bytes, name: str) -> bytes:
    """What a gzip file holds; anything else as it is."""
    if not data.startswith(_GZIP):
        return data
    try:
        found = zlib.decompressobj(31).decompress(data, LARGEST + 1)
    except zlib.error:
        raise AvatarError(f"The catalogue {name} is a broken gzip file.", "Pack it again.") from None
    if len(found) > LARGEST:
        raise AvatarError(
            f"The catalogue {name} is larger than {LARGEST >> 20} MB when it is unpacked.",
            "Cut it into shows.",
        )
    return found


def _text(data: bytes, name: str) -> str:
    code = next((code for mark, code in _MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(code)
    except UnicodeDecodeError as error:
        raise AvatarError(
            f"The catalogue {name} is not UTF-8 text (byte {error.start}).", "Save it as UTF-8."
        ) from None


def _need_currency(name: str, currency: str) -> None:
    if not currency:
        raise AvatarError(
            f"The catalogue {name} is of Shopify, which does not tell the currency of its prices.",
            "Write it behind the place in the front matter: catalogue: PLACE currency=EUR.",
        )
