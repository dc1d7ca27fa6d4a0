"""Shopify's shops are read as they are: products of variants, HTML, tags, stock, and no currency of their own."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_engine.errors import AvatarError
from avatar_engine.show.catalogue import load
from avatar_engine.show.catalogue.model import Price, Read
from avatar_engine.show.catalogue.reading import read
from avatar_engine.show.catalogue.shopify import is_export, read_export


def variant(ident: int, price: str = "12.50", **more: Any) -> dict[str, Any]:
    return {
        "id": ident, "title": "Default Title", "option1": "Default Title", "option2": None, "option3": None,
        "sku": f"SKU-{ident}", "requires_shipping": True, "taxable": True, "featured_image": None, "available": True,
        "price": price, "grams": 300, "compare_at_price": None, "position": 1, "product_id": 1, **more,
    }  # fmt: skip


MUG: dict[str, Any] = {
    "id": 632910392, "title": "Steel mug", "handle": "steel-mug",
    "body_html": "<p>Made for <strong>long</strong> days</p>\n<ul>\n<li>Keeps warm</li>\n</ul>",
    "published_at": "2027-01-01T00:00:00+01:00", "vendor": "Marie", "product_type": "Mugs",
    "tags": ["kitchen", "gift", "-50%"],
    "variants": [
        variant(1, title="Blue / S", option1="Blue", option2="S", compare_at_price="19.00"),
        variant(2, title="Blue / L", option1="Blue", option2="L", compare_at_price="19.00"),
        variant(3, title="Red / S", option1="Red", option2="S", compare_at_price="19.00", available=False),
    ],
    "images": [{"id": 1, "src": "https://cdn.shop.example/mug.jpg?v=1", "width": 1000, "height": 1000}],
    "options": [{"name": "Color", "position": 1, "values": ["Blue", "Red"]}, {"name": "Size", "position": 2}],
}  # fmt: skip
SHIRT: dict[str, Any] = {
    "id": 2, "title": "Shirt", "handle": "shirt", "body_html": None, "vendor": "", "product_type": "", "tags": "a, b",
    "variants": [
        variant(7, "20.00", option1="M"),
        variant(8, "24.00", option1="XXL", sku="", featured_image={"src": "//c.example/x.png"}),
    ],
    "images": [], "options": [{"name": "Size"}],
}  # fmt: skip
EXPORT = (
    "Handle,Title,Body (HTML),Vendor,Type,Tags,Published,Option1 Name,Option1 Value,Variant SKU,"
    "Variant Inventory Tracker,Variant Inventory Qty,Variant Inventory Policy,Variant Price,"
    "Variant Compare At Price,Image Src,Image Position,Status\n"
    'steel-mug,Steel mug,"<p>Made for\nlong days</p>",Marie,Mugs,"kitchen, gift",true,Color,Blue,\'M-B,shopify,5,'
    "deny,12.50,19.00,https://cdn.example/m.jpg,1,active\n"
    "steel-mug,,,,,,,,Red,M-R,shopify,-2,deny,12.50,19.00,https://cdn.example/m2.jpg,2,\n"
    "steel-mug,,,,,,,,,,,,,,,https://cdn.example/m3.jpg,3,\n"
    "bag,Bag,,,,,true,Title,Default Title,,,,continue,30,,,,active\n"
    "old,Old,,,,,false,Title,Default Title,,,,deny,1,,,,archived\n"
)
NEW_EXPORT = (
    "Title,URL handle,Description,Vendor,Status,SKU,Option1 name,Option1 value,Price,Compare-at price,"
    "Inventory quantity,Continue selling when out of stock,Product image URL\n"
    "Steel mug,steel-mug,<p>Good</p>,Marie,Active,M-1,Title,Default Title,12.50,,3,DENY,https://cdn.example/m.jpg\n"
)


def euros(amount: str) -> Price:
    return Price(Decimal(amount), "EUR")


def page(*products: Any, currency: str = "EUR", shop: str = "https://shop.example") -> Read:
    return read(json.dumps({"products": list(products)}).encode(), "shop", currency, "en", shop)


def test_a_product_of_variants_at_one_price_is_one_product() -> None:
    found = page(MUG)
    assert (found.form, found.mistakes, found.count) == ("Shopify (products.json)", (), 1)
    (mug,) = found.products.values()
    assert (mug.ident, mug.price, mug.was, mug.stock) == ("steel-mug", euros("12.50"), euros("19.00"), None)
    assert (mug.image, mug.link) == (
        "https://cdn.shop.example/mug.jpg?v=1",
        "https://shop.example/products/steel-mug",
    )
    told = mug.said("en")
    assert (told.name, told.description) == ("Steel mug", "Made for long days. Keeps warm.")
    assert told.facts == {
        "brand": "Marie",
        "type": "Mugs",
        "tags": "kitchen, gift",
        "color": "Blue",
        "size": "S, L",
    }


def test_variants_at_several_prices_are_products_of_their_own_and_that_is_told() -> None:
    found = page(SHIRT)
    assert list(found.products) == ["SKU-7", "shirt-8"]
    assert [one.price for one in found.products.values()] == [euros("20"), euros("24")]
    assert [one.names for one in found.products.values()] == [("Shirt, M",), ("Shirt, XXL",)]
    assert found.products["shirt-8"].image == "https://c.example/x.png"
    assert all(one.group == "shirt" for one in found.products.values())
    assert found.mistakes == (
        "product 1 (shirt): its variants have several prices, so each is a product of its own: SKU-7, shirt-8",
    )


def test_stock_is_what_shopify_tells() -> None:
    sold = page({**MUG, "variants": [variant(1, available=False), variant(2, available=False)]})
    assert sold.products["steel-mug"].stock == 0
    told = page({**MUG, "variants": [variant(1, inventory_quantity=3), variant(2, inventory_quantity=4)]})
    assert told.products["steel-mug"].stock == 7
    endless = page({**MUG, "variants": [variant(1, inventory_quantity=-4, inventory_policy="continue")]})
    assert endless.products["steel-mug"].stock is None


def test_the_export_is_read_with_its_variants_and_pictures() -> None:
    found = read_export(EXPORT, "EUR")
    mug, bag = found.products.values()
    assert (mug.ident, mug.price, mug.was, mug.stock) == ("steel-mug", euros("12.50"), euros("19"), 5)
    assert mug.said("en").facts == {
        "brand": "Marie",
        "type": "Mugs",
        "tags": "kitchen, gift",
        "color": "Blue",
    }
    assert mug.said("en").description == "Made for long days." and mug.image == "https://cdn.example/m.jpg"
    assert (bag.price, bag.stock, bag.was) == (euros("30"), None, None)
    assert found.mistakes == (
        "line 7 (old): it is not for sale (no active or published product); it is left out",
    )
    assert found.count == 3 and is_export(EXPORT.partition("\n")[0].split(","))


def test_the_newer_export_is_read_too() -> None:
    found = read(NEW_EXPORT.encode(), "export.csv", "USD")
    (mug,) = found.products.values()
    assert found.form == "Shopify (CSV export)" and not found.mistakes
    assert (mug.ident, mug.price, mug.stock) == ("steel-mug", Price(Decimal("12.50"), "USD"), 3)
    assert mug.said("en").description == "Good." and mug.image == "https://cdn.example/m.jpg"


def test_the_currency_must_be_told_and_the_error_says_how(tmp_path: Path) -> None:
    for name, text in (("a.json", json.dumps({"products": [MUG]})), ("b.csv", EXPORT)):
        (tmp_path / name).write_text(text)
        with pytest.raises(AvatarError, match=r"does not tell the currency.*currency=EUR"):
            load(tmp_path / name)
        assert load(tmp_path / name, "EUR").products["steel-mug"].price == euros("12.50")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"title": ""}, "there is no title"),
        ({"handle": None, "id": None}, "there is no handle"),
        ({"variants": []}, "no variant"),
        ({"variants": [3]}, "a variant is no table"),
        ({"variants": [variant(1, price="0.00")]}, "is nothing"),
        ({"variants": [variant(1, price="free")]}, "none such as 12.50"),
        ({"variants": [{**variant(1), "price": 1250}]}, "may mean cents"),
        ({"variants": [{**variant(1), "price": None}]}, "none such as 12.50"),
    ],
)
def test_a_product_that_can_not_be_used_is_left_out_and_told(change: dict[str, Any], said: str) -> None:
    found = page({**MUG, **change}, SHIRT)
    assert "steel-mug" not in found.products and len(found.products) == 2
    assert said in found.mistakes[0] and found.mistakes[0].startswith("product 1")


def test_an_export_with_broken_lines_keeps_the_others() -> None:
    found = read_export(
        EXPORT + ",No handle,,,,,true,Title,x,,,,deny,1,,,,active\nmore," + "x," * 30 + "\n", "EUR"
    )
    assert len(found.products) == 2
    assert [told.partition(":")[0] for told in found.mistakes] == ["line 8", "line 9", "line 7 (old)"]


keys = st.sampled_from([*MUG, *variant(1)])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10) | st.just("12.50"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=6),
    max_leaves=25,
)  # fmt: skip


@given(json_values, st.sampled_from(list(MUG)))
def test_no_json_breaks_the_reading(value: Any, key: str) -> None:
    found = page({**MUG, key: value}, SHIRT)
    assert "SKU-7" in found.products
    assert all(one.price.amount > 0 and one.names and ident for ident, one in found.products.items())


@given(
    st.dictionaries(st.sampled_from(EXPORT.partition("\n")[0].split(",")), st.text(max_size=20), min_size=3)
)
def test_no_row_breaks_the_reading(row: dict[str, str]) -> None:
    clean = [value.replace(",", " ").replace("\n", " ").replace("\r", " ") for value in row.values()]
    read_export(",".join(row) + "\n" + ",".join(clean), "EUR")
