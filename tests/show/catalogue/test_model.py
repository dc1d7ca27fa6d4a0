"""A text names a product by any of its names, in any script."""

from __future__ import annotations

from decimal import Decimal

import pytest

from avatar_engine.show.catalogue import Catalogue, Price, Product, Texts

NAMES = {"mug": ("Mug", "Steel mug, big"), "tee": ("T恤", "茶"), "cup": ("чашка",), "jar": ("茶壶", "mug!")}


@pytest.mark.parametrize(
    ("text", "ident"),
    [("a steel MUG, big", "mug"), ("a mug", None), ("smuggle", None), ("steel mug bigger", None),
     ("喝茶吗", "tee"), ("这个茶壶多少钱", "jar"), ("蓝t恤", "tee"), ("две чашками", "cup"),
     ("подчашка!", "cup"), ("茶 und T恤", "tee"), ("", None), ("!", None)],
)  # fmt: skip
def test_the_longest_name_counts_and_two_products_are_none(text: str, ident: str | None) -> None:
    price = Price(Decimal(1), "EUR")
    products = {
        one: Product(one, {"": Texts(names[0])}, price, also=names[1:]) for one, names in NAMES.items()
    }
    found = Catalogue(products).named(text)
    assert (found.ident if found else None) == ident


def test_every_name_in_a_text_is_told_with_the_products_that_have_it():
    price = Price(Decimal(1), "EUR")
    products = {
        one: Product(one, {"": Texts(name)}, price, also=("thing",))
        for one, name in (("mug", "Mug"), ("cup", "Steel cup"))
    }
    found = Catalogue(products).mentioned("A mug, a thing and a steel cup; smuggle.")
    assert [tuple(one.ident for one in group) for group in found] == [("cup",), ("cup", "mug"), ("mug",)]
    assert Catalogue(products).mentioned("nothing") == []
