"""What the shop has to say to a sentence: figures, kinds, sentences of its own, and what the delivery costs."""

from __future__ import annotations

from decimal import Decimal

import pytest

from avatar_engine.show.catalogue import Catalogue, load
from avatar_engine.show.guard.figures import figures
from avatar_engine.show.guard.readings import bare
from avatar_engine.show.guard.saying import Saying, shop_of
from avatar_engine.show.guard.topics import topics_of
from tests.show.guard.test_grounding import HERE

AIR = load(HERE / "air_shop.json")
SHOP = shop_of(AIR)


@pytest.mark.parametrize("tag", ["en", "fr", "de", "es", "it", "pt", "zh", "ja", "hi"])
def test_what_the_delivery_costs_is_read_from_the_answers(tag: str) -> None:
    assert SHOP.postage(tag).free_from == {Decimal(50)} and SHOP.postage(tag).fees == {Decimal(5)}


def test_a_shop_that_says_nothing_of_it_has_no_amounts() -> None:
    postage = shop_of(Catalogue()).postage("en")
    assert not postage.free_from and not postage.fees


def test_sentences_of_a_product_come_with_the_shop_s_answers() -> None:
    told = [one.text for one in SHOP.owned(AIR.products["cups"], "en")]
    assert told[0] == "Four stoneware cups with a wide handle."
    assert "Set of four cups, colour: white or blue." in told and "You may return it within 14 days." in told
    assert SHOP.owned(AIR.products["cups"], "en") is SHOP.owned(AIR.products["cups"], "en"), "read once"


def test_numbers_and_kinds_are_of_the_products_that_are_spoken_of() -> None:
    towel = AIR.products["towel"]
    assert SHOP.numbers_of(towel, "en") == {Decimal(60)}
    text = "It is of linen."
    saying = Saying(text, bare(text), "en", topics_of("en"), [towel], SHOP, figures(text, "en"))
    assert saying.kinds == {("materials", "linen")}
