"""A language model's sentence about money is said as it stands only where all of it is right, at this moment."""

from __future__ import annotations

import pytest

from avatar_engine.show.guard import LISTED
from tests.show.guard.test_grounding import MODEL, guard

PLAIN, AIR = guard(), guard("air_shop")


@pytest.mark.parametrize(
    ("language", "product", "sentence"),
    [
        ("en", "scarf", "The scarf is thirty-nine euros."),
        ("en", "scarf", "Ann, it's 39 euros today."),
        ("en", "scarf", "No, it isn't free, it costs 39 euros."),
        ("en", "scarf", "It costs €39 instead of 49."),
        ("en", "scarf", "You save ten euros."),
        ("en", "scarf", "It is twenty euros cheaper than the lamp."),
        ("en", "scarf", "The scarf is cheaper than the lamp."),
        ("en", "lamp", "The scarf and the lamp together cost 98 euros."),
        ("es", "lamp", "La lámpara cuesta veinte euros más que la bufanda."),
        ("zh", "lamp", "台灯比围巾贵二十欧元。"),
        ("ja", "lamp", "ランプはマフラーより二十ユーロ高いです。"),
        ("de", "scarf", "Das sind zehn Euro weniger als vorher."),
        ("fr", "scarf", "Deux écharpes font soixante-dix-huit euros."),
    ],
)
def test_what_is_understood_and_true_is_said(language: str, product: str, sentence: str) -> None:
    assert PLAIN.check(sentence, language, product, MODEL).text == sentence


@pytest.mark.parametrize(
    "sentence",
    [
        "Two scarves for thirty-nine euros.",
        "It costs ten euros.",
        "It costs 39 dollars.",
        "You save twenty euros.",
        "It was 39 euros, now it is 49.",
        "It is ten euros cheaper than the lamp.",
        "The lamp is cheaper than the scarf.",
        "The scarf and the lamp together cost 90 euros.",
        "It costs 39 euros a month.",
        "The second one costs 39 euros less.",
        "Thirty percent less than before.",
        "It is 39 euros for today only.",
        "It costs 39 euros and we pay the postage.",
        "You get another one from us.",
    ],
)
def test_a_right_figure_in_a_wrong_sentence_is_not_said_but_the_price_is(sentence: str) -> None:
    verdict = PLAIN.check(sentence, "en", "scarf", MODEL)
    assert verdict.text in ("Wool scarf is €39 instead of €49.", "Delivery takes 2 to 4 days.")
    assert verdict.changed, "the journal tells why"


def test_a_figure_is_put_right_where_all_else_is_understood() -> None:
    assert PLAIN.check("It costs 45 euros.", "en", "scarf", MODEL).text == "It costs €39."


@pytest.mark.parametrize(
    "sentence", ["You save twenty euros.", "The lamp costs 12 euros more than the scarf."]
)
def test_what_is_saved_is_never_put_right_to_the_price(sentence: str) -> None:
    for origin in ("script:1", "technician"):
        assert not PLAIN.check(sentence, "en", "scarf", origin).allowed


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        ("Delivery is free from 50 euros.", True),
        ("Delivery is free from 5 euros.", False),
        ("Delivery costs 5 euros.", True),
        ("Delivery costs 50 euros.", False),
        ("It costs 48 euros and delivery is free.", False),
        ("We pay the postage.", False),
    ],
)
def test_what_the_delivery_costs_is_what_the_shop_answers(sentence: str, said: bool) -> None:
    verdict = AIR.check(sentence, "en", "kettle", MODEL)
    assert verdict.text == (sentence if said else "Delivery costs €5; from €50 it is free."), verdict


@pytest.mark.parametrize(
    ("sentence", "said"),
    [("Seven euros a cup.", True), ("Five euros a cup.", False), ("Four cups for 28 euros.", True),
     ("Two cups for 28 euros.", False)],
)  # fmt: skip
def test_the_price_of_one_is_that_of_the_set_by_its_pieces(sentence: str, said: bool) -> None:
    assert (AIR.check(sentence, "en", "cups", MODEL).text == sentence) == said


def test_for_today_only_holds_where_the_offer_ends() -> None:
    text = "It costs 48 euros for today only."
    assert AIR.check(text, "en", "kettle", MODEL).text == text
    assert not AIR.check("It costs 9 euros for today only.", "en", "towel", MODEL).text.endswith("only.")


def test_people_s_words_and_listed_claims_are_not_held_to_it() -> None:
    text = "A scarf like that for thirty-nine euros, who would have thought it."
    for judge, origin in ((PLAIN, "script:1"), (guard(claims=LISTED), MODEL)):
        assert judge.check(text, "en", "scarf", origin).text == text
    assert PLAIN.check(text, "en", "scarf", MODEL).text == "Wool scarf is €39 instead of €49."


def test_a_viewer_s_words_are_not_answered_by_the_guard() -> None:
    assert PLAIN.check("I want it for 20 euros.", "en", "scarf", "chat").text == ""


@pytest.mark.parametrize(
    "text", ["It costs 39 dollars.", "It costs $39.", "es: Cuesta 39 pesos.", "zh: 三十九美元。"]
)
def test_another_currency_is_another_price_whoever_says_it(text: str) -> None:
    language, _, told = text.rpartition(": ")
    for origin in ("script:1", "technician"):
        assert not PLAIN.check(told, language or "en", "scarf", origin).allowed


@pytest.mark.parametrize("origin", ["script", "technician"])
@pytest.mark.parametrize(
    ("language", "product", "sentence", "price"),
    [
        ("en", "scarf", "It costs ten euros.", "39"),
        ("en", "lamp", "Two lamps are fifty-nine euros.", "59"),
        ("fr", "scarf", "Deux écharpes font trente-neuf euros.", "39"),
    ],
)
def test_what_people_wrote_and_is_understood_and_wrong_is_put_right(
    language: str, product: str, sentence: str, price: str, origin: str
) -> None:
    verdict = PLAIN.check(sentence, language, product, origin)
    assert verdict.changed and price in verdict.text and verdict.text != sentence
    assert verdict.reasons[0].code == "price"


@pytest.mark.parametrize(
    ("language", "product", "sentence"),
    [
        ("en", "scarf", "You save ten euros."),
        ("en", "scarf", "Two scarves are seventy-eight euros."),
        ("en", "lamp", "The scarf and the lamp together cost 98 euros."),
        ("de", "scarf", "Das sind zehn Euro weniger als vorher."),
        ("en", "scarf", "For less than a dinner out, this scarf goes home with you."),
        ("en", "scarf", "Grandma always said that a scarf is worth its price."),
    ],
)
def test_what_people_wrote_and_is_right_or_theirs_to_decide_is_said(
    language: str, product: str, sentence: str
) -> None:
    assert PLAIN.check(sentence, language, product, "script").text == sentence
