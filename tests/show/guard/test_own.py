"""What is said in place of a sentence that can't be judged is the catalogue's own, and nothing else."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

import pytest

from avatar_engine.show.catalogue import load
from avatar_engine.show.guard.grounding import Ground, everyday_of
from avatar_engine.show.guard.own import nearest, owned, price_of, sentences_of, stock_of
from tests.show.guard.test_grounding import HERE, MODEL, NOW, guard, lines

PLAIN = guard()
SHOP = load(HERE / "plain_shop.json")
LANGUAGES = ("en", "fr", "de", "es", "it", "pt", "zh", "ja", "hi")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_price_is_told_in_every_language_and_passes_the_guard(language: str) -> None:
    for product in SHOP.products.values():
        text = price_of(product, NOW, language)
        assert product.price.told(language) in text
        assert (product.was is None) or product.was.told(language) in text
        assert PLAIN.check(text, language, product.ident, "answer:embedded host").text == text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_stock_is_told_in_every_language_and_passes_the_guard(language: str) -> None:
    for product in SHOP.products.values():
        text = stock_of(product, language)
        assert str(product.stock) in text
        assert PLAIN.check(text, language, product.ident, "answer:embedded host").text == text


def test_what_is_sold_out_or_not_told_has_no_number_of_pieces() -> None:
    scarf = SHOP.products["scarf"]
    assert stock_of(replace(scarf, stock=0), "en") == stock_of(replace(scarf, stock=None), "en") == ""


def test_a_language_that_nobody_wrote_for_has_no_sentence() -> None:
    assert price_of(SHOP.products["scarf"], NOW, "ru") == ""


def test_what_stands_in_for_a_lie_is_of_the_catalogue() -> None:
    """Of all lies that may be tuned on; figures that are put right stand in the sentence as it was."""
    said = 0
    for name in ("plain_lies", "plain_price_lies"):
        for language, ident, lie, *_ in lines(name, odd=True):
            verdict = PLAIN.check(lie, language, ident, MODEL)
            if not verdict.allowed:
                continue
            said += 1
            product = SHOP.products[ident]
            own = [price_of(product, NOW, language), *sentences_of(product, language)]
            own += [stock_of(product, language)]
            own += [answer for _, answer in SHOP.faq[language if language in SHOP.faq else ""]]
            amounts = set(re.findall(r"\d+", verdict.text)) - {"39", "49", "59"}
            assert verdict.text in own or not amounts, (lie, verdict)
    assert said > 50


@pytest.mark.parametrize(
    ("sentence", "own"),
    [
        (
            "Wash it in boiling water.",
            "Wash it by hand only, in cold water, and let it dry flat.",
        ),
        ("The green one came out yesterday.", "Wool scarf, colour: green or grey."),
        ("My neighbour has three of them.", ""),
    ],
)
def test_the_shop_s_nearest_sentence_is_said_where_it_has_one(sentence: str, own: str) -> None:
    assert PLAIN.check(sentence, "en", "scarf", MODEL).text == own


@pytest.mark.parametrize(
    "sentence",
    ["I am a real person, and it costs 39 euros.", "Write to me at ann@example.com, it is 39 euros."],
)
def test_who_has_something_else_in_mind_is_not_spoken_for(sentence: str) -> None:
    verdict = PLAIN.check(sentence, "en", "scarf", MODEL)
    assert not verdict.allowed and verdict.text == ""


def test_a_sentence_of_the_shop_s_that_may_not_be_said_is_not_said_instead() -> None:
    scarf = SHOP.products["scarf"]
    texts = {"en": scarf.said("en").__class__("Wool scarf", "The best scarf in the world, woven in Ireland.")}
    shop = type(SHOP)({"scarf": type(scarf)("scarf", texts, scarf.price)}, {})
    judge = type(PLAIN)(lambda: shop, lambda: NOW)
    assert judge.check("Monks have woven it in Ireland for us.", "en", "scarf", MODEL).text == ""


def test_a_third_of_the_words_is_needed_and_numbers_decide() -> None:
    everyday = everyday_of("en")
    owns = owned(["Delivery takes 2 days.", "You may return it within 30 days."], "en")
    words = everyday.words("within 30 days you may return it")
    assert nearest(words, {Decimal(30)}, owns, Ground()) == owns[1].text
    assert nearest(everyday.words("elephants dance polka daily days"), set(), owns, Ground()) == ""
