"""Shopify's shops: the storefront's ``products.json`` and the CSV file that Shopify's admin exports.

A product's id is its handle, as it stands in its address. Where all its variants cost the same it is one product with
all its sizes and colours; where they don't, each variant is a product of its own, called by its SKU (or the handle and
the variant's id), for "the mug" has no price then. Shopify tells no currency: the option ``currency=EUR`` does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from avatar_engine.show.catalogue.merchant import merchant_price
from avatar_engine.show.catalogue.model import MOST, Gathering, Price, Product, Read, Texts
from avatar_engine.show.catalogue.prose import address, line, sentences
from avatar_engine.show.catalogue.rows import rows

MOST_VARIANTS, MOST_OPTIONS = 250, 3
"""Of a product, as Shopify itself allows (2048 variants since 2024; more than 250 are passed over)."""

JSON_FORM, CSV_FORM = "Shopify (products.json)", "Shopify (CSV export)"

_UNNAMED = ("title", "default title", "")
_NEW_NAMES = {
    "url_handle": "handle", "description": "body_(html)", "price": "variant_price", "compare-at_price":
    "variant_compare_at_price", "sku": "variant_sku", "inventory_quantity": "variant_inventory_qty",
    "continue_selling_when_out_of_stock": "variant_inventory_policy", "product_image_url": "image_src",
    "published_on_online_store": "published", "inventory_tracker": "variant_inventory_tracker",
}  # fmt: skip
"""Headings of the export since 2025, and what they were called before."""


class Whole(str):
    """An integer of a JSON file, as it is written there: ``1250``, and not ``"1250"``."""


def is_export(headings: Sequence[str]) -> bool:
    """Whether the headings of a table are those of Shopify's export."""
    names = {_heading(name) for name in headings}
    return {"handle", "title"} <= names and "id" not in names


def is_products(told: Any) -> bool:
    """Whether JSON is that of a shop's products."""
    listed = told.get("products") if isinstance(told, dict) else None
    if not isinstance(listed, list):
        return False
    return any(isinstance(one, dict) and isinstance(one.get("variants"), list) for one in listed[:20])


def read_products(told: Mapping[str, Any], currency: str = "", language: str = "", shop: str = "") -> Read:
    """A page of ``products.json``.

    Args:
        told: Its JSON, numbers as texts, and integers as `Whole`.
        currency: Of all prices.
        language: Of the texts; "" for all.
        shop: The shop's address, for the products' own: ``https://shop.example``.
    """
    gathered = Gathering()
    listed = told["products"]
    gathered.count = len(listed)
    for number, one in enumerate(listed[:MOST], 1):
        where = f"product {number}"
        if isinstance(one, dict):
            handle = one.get("handle")
            where += f" ({line(handle, 60)})" if isinstance(handle, str) else ""
            _take(where, one, gathered, currency, language, shop)
        else:
            gathered.wrong(where, "it is no table; it is left out")
    if len(listed) > MOST:
        gathered.wrong(f"product {MOST + 1}", "more products than may be; the rest is left out")
    return gathered.read(JSON_FORM)


def read_export(text: str, currency: str = "", language: str = "") -> Read:
    """Shopify's CSV export: a product's first line has its texts, each further one a variant or a picture.

    Args:
        text: With a line of headings.
        currency: Of all prices.
        language: Of the texts; "" for all.
    """
    gathered = Gathering()
    products: dict[str, tuple[str, dict[str, Any]]] = {}
    for where, cells in rows(text, _heading, gathered):
        told = {name: value for name, cell in cells if (value := cell.strip())}
        _line(where, told, products, gathered)
        if len(products) > MOST:
            gathered.wrong(where, f"more than {MOST} products; the rest is left out")
            products.popitem()
            break
    gathered.count = len(products)
    for where, one in products.values():
        _take(where, one, gathered, currency, language, "")
    return gathered.read(CSV_FORM)


def _heading(name: str) -> str:
    plain = re.sub(r"\s+", "_", name.strip().lstrip("\ufeff").lower())
    return _NEW_NAMES.get(plain, plain)


def _line(
    where: str, told: Mapping[str, str], products: dict[str, tuple[str, dict[str, Any]]], gathered: Gathering
) -> None:
    """Add a line of the export to its product, in the storefront's form."""
    handle = told.get("handle", "")
    if not handle:
        gathered.wrong(where, "there is no handle; it is left out")
        return
    if handle not in products:
        products[handle] = (
            f"{where} ({line(handle, 60)})",
            {
                "handle": handle, "title": told.get("title"), "body_html": told.get("body_(html)"),
                "vendor": told.get("vendor"), "product_type": told.get("type"), "tags": told.get("tags"),
                "variants": [], "images": [], "options": [],
                "hidden": told.get("status", "active").lower() != "active"
                or told.get("published", "true").lower() in ("false", "no"),
            },
        )  # fmt: skip
        options = [told[key] for n in range(1, MOST_OPTIONS + 1) if (key := f"option{n}_name") in told]
        products[handle][1]["options"] = [{"name": name} for name in options]
    product = products[handle][1]
    if "image_src" in told and not product["images"]:
        product["images"].append({"src": told["image_src"]})
    if "variant_price" not in told and "option1_value" not in told:
        return  # one more picture
    tracked = told.get("variant_inventory_tracker", "") != "" or "variant_inventory_qty" in told
    product["variants"].append(
        {
            "sku": told.get("variant_sku", "").removeprefix("'"), "price": told.get("variant_price"),
            "compare_at_price": told.get("variant_compare_at_price"), "id": str(len(product["variants"]) + 1),
            **{f"option{n}": told.get(f"option{n}_value") for n in range(1, MOST_OPTIONS + 1)},
            "inventory_quantity": told.get("variant_inventory_qty") if tracked else None,
            "inventory_policy": "continue"
            if told.get("variant_inventory_policy", "").lower() in ("continue", "true")
            else "deny",
        }
    )  # fmt: skip


def _take(
    where: str, one: Mapping[str, Any], gathered: Gathering, currency: str, language: str, shop: str
) -> None:
    """Make products of one of Shopify's; what is wrong with it is noted."""
    if one.get("hidden"):
        gathered.wrong(where, "it is not for sale (no active or published product); it is left out")
        return
    try:
        common = _common(one, language, shop)
        variants = one.get("variants")
        if not isinstance(variants, list) or not variants:
            raise ValueError("there is no variant, and so no price")
        if len(variants) > MOST_VARIANTS:
            gathered.wrong(where, f"more than {MOST_VARIANTS} variants; the rest is passed over")
        made = [_variant(common, variant, currency) for variant in variants[:MOST_VARIANTS]]
    except ValueError as error:
        gathered.wrong(where, f"{error}; it is left out")
        return
    if len({(variant.price, variant.was) for variant, _ in made}) == 1:
        gathered.add(where, _together(common, made, one, language))
        return
    names = ", ".join(variant.ident for variant, _ in made[:8])
    gathered.wrong(
        where, f"its variants have several prices, so each is a product of its own: {names}"
        + (" and so on" if len(made) > 8 else ""),
    )  # fmt: skip
    taken = set[str]()
    for number, (variant, _) in enumerate(made, 1):
        ident = variant.ident if variant.ident not in taken else f"{common.ident}-{number}"
        taken.add(ident)
        gathered.add(where, replace(variant, ident=ident))


def _common(one: Mapping[str, Any], language: str, shop: str) -> Product:
    """What holds for all variants; its price is still none.

    Raises:
        ValueError: It has no name or no handle.
    """
    handle, title = line(_told(one, "handle") or _told(one, "id"), 100), line(_told(one, "title"))
    if not handle:
        raise ValueError("there is no handle")
    if not title:
        raise ValueError("there is no title")
    tags = one.get("tags")
    listed = tags if isinstance(tags, list) else _told(one, "tags").split(",")
    # "-50%" may be a tag of a sale long over: what has a figure in it is not for the host
    words = [line(tag, 60) for tag in listed[:50] if isinstance(tag, str) and not re.search(r"[\d%]", tag)]
    facts = {"brand": line(_told(one, "vendor")), "type": line(_told(one, "product_type")),
             "tags": ", ".join(word for word in words if word)}  # fmt: skip
    told = Texts(
        title, sentences(_told(one, "body_html")), {name: fact for name, fact in facts.items() if fact}
    )
    images = one.get("images")
    first = images[0] if isinstance(images, list) and images and isinstance(images[0], dict) else {}
    link = f"{shop}/products/{quote(handle, safe='')}" if shop else ""
    return Product(
        handle,
        {language: told},
        Price(Decimal(0), "XXX"),
        image=address(_told(first, "src")),
        link=link,
        group=handle,
    )


def _variant(common: Product, told: Any, currency: str) -> tuple[Product, Mapping[str, str]]:
    """A variant as a product of its own, and its options by their place.

    Raises:
        ValueError: It has no price that can be read.
    """
    if not isinstance(told, dict):
        raise ValueError("a variant is no table")
    asked = told.get("price")
    if isinstance(asked, Whole):
        raise ValueError(
            f"the price {asked!s} of a variant is a number without decimals, which may mean cents"
        )
    if not isinstance(asked, str) or not re.fullmatch(r"\d{1,9}(\.\d{1,4})?", asked):
        raise ValueError(f"the price {str(asked)[:40]!r} of a variant is none such as 12.50")
    price, was = merchant_price(asked, currency), None
    before = told.get("compare_at_price")
    if (
        isinstance(before, str)
        and re.fullmatch(r"\d{1,9}(\.\d{1,4})?", before)
        and float(before) > float(asked)
    ):
        was = merchant_price(before, currency)
    options = {f"option{n}": line(_told(told, f"option{n}"), 60) for n in range(1, MOST_OPTIONS + 1)}
    kept = [value for value in options.values() if value.lower() not in _UNNAMED]
    ((tongue, texts),) = common.texts.items()
    name = ", ".join((texts.name, *kept))
    own = told.get("featured_image")
    image = address(_told(own, "src")) if isinstance(own, dict) else ""
    ident = line(_told(told, "sku"), 100) or f"{common.ident}-{_told(told, 'id')[:40]}"
    return replace(
        common, ident=ident, texts={tongue: replace(texts, name=name)}, price=price, was=was,
        stock=_stock(told), image=image or common.image,
    ), options  # fmt: skip


def _together(
    common: Product, made: Sequence[tuple[Product, Mapping[str, str]]], one: Mapping[str, Any], language: str
) -> Product:
    """One product of variants that cost the same, with the options that there still are."""
    stocks = [variant.stock for variant, _ in made]
    left = [options for variant, options in made if variant.stock != 0] or [options for _, options in made]
    texts = common.texts[language]
    facts = dict(texts.facts)
    named = one.get("options")
    for number, option in enumerate(named[:MOST_OPTIONS] if isinstance(named, list) else (), 1):
        name = line(option if isinstance(option, str) else _told(option, "name"), 60) if option else ""
        values = dict.fromkeys(options[f"option{number}"] for options in left if options[f"option{number}"])
        if name.lower() not in _UNNAMED and values:
            facts[name.lower()] = ", ".join(values)
    some = [stock for stock in stocks if stock is not None]
    return replace(
        made[0][0], ident=common.ident, image=common.image or made[0][0].image, group="",
        texts={language: replace(texts, facts=facts)}, stock=sum(some) if len(some) == len(stocks) else None,
    )  # fmt: skip


def _stock(told: Mapping[str, Any]) -> int | None:
    """How many there are; None where Shopify does not tell, or sells on when there are none."""
    many = _told(told, "inventory_quantity")
    if told.get("available") is False:
        return 0
    if not re.fullmatch(r"-?\d{1,9}", many) or told.get("inventory_policy") == "continue":
        return None
    if told.get("available") is True and int(many) <= 0:
        return None
    return max(0, int(many))


def _told(told: Any, key: str) -> str:
    """A text of a table; "" where there is none, or something else."""
    value = told.get(key) if isinstance(told, dict) else None
    return value if isinstance(value, str) else ""


__all__ = ["CSV_FORM", "JSON_FORM", "Whole", "is_export", "is_products", "read_export", "read_products"]
