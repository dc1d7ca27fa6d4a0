"""A sentence about money is said as it stands only where it is understood to its last word, and true."""

from __future__ import annotations

from decimal import Decimal

from avatar_engine.show.guard.prices import Amount, Sale, Sentence, marked, named, sign_of, words_about

WORDS = words_about("en", ("under|less than", "over|more than", "", ""))


def amount(begin: int, end: int, value: str, kind: str = "money") -> Amount:
    return Amount(begin, end, Decimal(value), kind)


def holds(text: str, *amounts: Amount, sale: Sale = Sale(Decimal(39), Decimal(49))) -> bool:  # noqa: B008
    plain, signs = marked(text, amounts)
    return Sentence(plain, signs, {}, sale).holds(WORDS, lambda word: word == "scarf")


def test_every_word_counts() -> None:
    assert holds("the scarf costs 39", amount(16, 18, "39"))
    assert not holds("the scarf never costs 39", amount(22, 24, "39"))


def test_amounts_have_parts() -> None:
    assert holds("you save 10", amount(9, 11, "10")) and not holds("you save 39", amount(9, 11, "39"))
    assert holds("20 off", amount(0, 2, "20", "share")) and not holds("30 off", amount(0, 2, "30", "share"))
    assert not holds("you save 10", amount(9, 11, "10"), sale=Sale(Decimal(39))), "nothing is crossed out"


def test_counts_are_paid_for() -> None:
    two = amount(0, 1, "2", "count")
    assert holds("2 for 78", two, amount(6, 8, "78")) and not holds("2 for 39", two, amount(6, 8, "39"))
    assert not holds("2 for you", two)


def test_signs_stand_for_amounts_and_products() -> None:
    text, signs = marked("It is 39 €.", [amount(6, 10, "39")])
    assert [one.value for one in signs.values()] == [39] and "39" not in text
    assert named("a lamp, a lampshade", {"lamp": 1}) == f"a {sign_of(1)}, a lampshade"
    assert named("台灯比围巾", {"台灯": 0, "围巾": 1}) == f"{sign_of(0)}比{sign_of(1)}"
