"""A language model says nothing of a product but what the shop's texts say; the talk goes on."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from avatar_engine.show.catalogue import load
from avatar_engine.show.guard import LISTED, Guard, Told

HERE = Path(__file__).parent
NOW = datetime(2027, 1, 31, 19, tzinfo=UTC)
MODEL = "answer:some model"
FLOORS = {"plain_lies": 0.97, "plain_true": 0.87, "held_attacks": 0.97, "held_harmless": 0.83}
"""Shares of the held-out halves that were right when they were measured, less two points or so."""


def guard(shop: str = "plain_shop", **settings: object) -> Guard:
    catalogue = load(HERE / f"{shop}.json")
    return Guard(lambda: catalogue, lambda: NOW, ("Brand X",), **settings)  # type: ignore[arg-type]


PLAIN, MUG = guard(), guard("shop")


def lines(name: str, odd: bool | None = None) -> list[list[str]]:
    told = (HERE / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    return [line.split("\t") for number, line in enumerate(told, 1) if odd is None or number % 2 == odd]


def says(judge: Guard, text: str, language: str, product: str, origin: str = MODEL) -> bool:
    """Whether a sentence is said as it stands."""
    return judge.check(text, language, product, origin).text == text


def plain(line: list[str], judge: Guard = PLAIN) -> bool:
    return says(judge, line[2], line[0], line[1])


def of_a_mug(line: list[str]) -> bool:
    text = line[2] if len(line) == 4 else line[1]
    return any(says(MUG, text, line[0], product) for product in (("mug", "") if len(line) == 4 else ("mug",)))


def share(held: list[bool]) -> float:
    return sum(held) / len(held)


def test_the_corpora_are_large_and_of_nine_languages() -> None:
    for name in ("plain_lies", "plain_true"):
        told = lines(name)
        assert len(told) >= 150 and len({line[0] for line in told}) == 9


def test_plain_lies_are_not_said() -> None:
    assert [line for line in lines("plain_lies", odd=True) if plain(line)] == []
    assert share([not plain(line) for line in lines("plain_lies", odd=False)]) >= FLOORS["plain_lies"]


def test_plain_truths_are_said() -> None:
    assert sum(not plain(line) for line in lines("plain_true", odd=True)) <= 1
    assert share([plain(line) for line in lines("plain_true", odd=False)]) >= FLOORS["plain_true"]


def test_few_truths_are_stopped_where_others_are_put_in_other_words() -> None:
    plain_, harmless = lines("plain_true", odd=False), lines("held_harmless", odd=False)
    assert share([PLAIN.check(text, tag, ident, MODEL).allowed for tag, ident, text in plain_]) >= 0.93
    assert share([MUG.check(text, tag, "mug", MODEL).allowed for tag, text in harmless]) >= 0.89


def test_what_is_said_on_air_of_a_kettle_cups_and_a_towel() -> None:
    """Nobody tuned on any of it: the floors are what was measured, less two points or so."""
    judge = guard("air_shop")
    lies, true = lines("air_lies"), lines("air_true")
    assert min(len(lies), len(true)) >= 120 and len({line[0] for line in lies + true}) == 9
    assert [line for line in lies if line[3] == "price" and plain(line, judge)] == []
    assert share([not plain(line, judge) for line in lies]) >= 0.95
    assert share([judge.check(text, tag, ident, MODEL).allowed for tag, ident, text in true]) >= 0.9
    assert share([plain(line, judge) for line in true]) >= 0.37


def test_what_a_list_of_words_would_let_through() -> None:
    listed = guard(claims=LISTED)
    assert share([plain(line, listed) for line in lines("plain_lies")]) > 0.8


def test_the_older_corpora_hold() -> None:
    assert [line for line in lines("held_attacks", odd=True) if of_a_mug(line)] == []
    assert share([not of_a_mug(line) for line in lines("held_attacks", odd=False)]) >= FLOORS["held_attacks"]
    assert share([of_a_mug(line) for line in lines("held_harmless", odd=True)]) >= 0.97
    assert share([of_a_mug(line) for line in lines("held_harmless", odd=False)]) >= FLOORS["held_harmless"]


def test_sets_that_were_tuned_on() -> None:
    assert sum(plain(line) for line in lines("recombined_lies")) <= 6
    assert share([says(MUG, text, tag, "mug") for tag, text in lines("everyday_true")]) >= 0.88


@pytest.mark.parametrize(
    ("language", "true", "turned"),
    [
        ("en", "Wash it by hand only.", "It is not only for hand washing."),
        ("en", "The light can be dimmed.", "The light can't be dimmed."),
        ("de", "Ihr könnt das Licht dimmen.", "Das Licht lässt sich nicht dimmen."),
        ("fr", "La lumière se règle.", "La lumière ne se règle pas."),
        ("es", "La luz se regula.", "La luz no se regula."),
        ("zh", "灯光可以调。", "灯光不能调。"),
    ],
)
def test_what_the_texts_say_is_not_turned_round(language: str, true: str, turned: str) -> None:
    product = "scarf" if "ash" in true else "lamp"
    assert says(PLAIN, true, language, product) and not says(PLAIN, turned, language, product)


def test_an_answer_that_refuses_denies_what_was_asked() -> None:
    catalogue = load(HERE / "plain_shop.json")
    scarf = catalogue.products["scarf"]
    texts = {
        "en": scarf.said("en").__class__("Wool scarf", faq=(("Can it go into the machine?", "No, please."),))
    }
    shop = type(catalogue)({"scarf": type(scarf)("scarf", texts, scarf.price)}, {})
    judge = Guard(lambda: shop, lambda: NOW)
    assert says(judge, "No, it can't go into the machine.", "en", "scarf")
    assert not says(judge, "Yes, it can go into the machine.", "en", "scarf")


def test_parts_are_counted_as_the_texts_count_them() -> None:
    assert says(PLAIN, "There is a bulb in the box.", "en", "lamp")
    assert not says(PLAIN, "There are two bulbs in the box.", "en", "lamp")
    assert says(PLAIN, "The light has three steps.", "en", "lamp")


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "There are three more of these."), ("en", "Three of them, that's all we have."),
     ("fr", "Il n'y en a plus que trois."), ("de", "Davon gibt es noch drei."), ("es", "Hay tres, nada más."),
     ("it", "Ce ne sono ancora tre."), ("pt", "Ficaram três."), ("zh", "我们只有三条了。"),
     ("ja", "三枚しかありません。"), ("hi", "हमारे पास तीन ही हैं।")],
)  # fmt: skip
def test_a_bare_number_beside_what_there_is_is_of_the_stock(language: str, text: str) -> None:
    verdict = PLAIN.check(text, language, "scarf", MODEL)
    assert verdict.changed and "25" in verdict.text, "there are 25"


@pytest.mark.parametrize(
    "text", ["It's half past eight.", "Three of you ask about the colour.", "The match ended three to one."]
)
def test_other_small_numbers_are_not_of_the_stock(text: str) -> None:
    assert says(MUG, text, "en", "mug")


def test_words_of_one_meaning_are_one_in_every_language() -> None:
    assert says(MUG, "Elle garde vos boissons au chaud pendant 6 heures.", "fr", "mug")
    assert not says(PLAIN, "Elle garde vos boissons au chaud.", "fr", "lamp")


def test_a_viewer_s_words_are_repeated_where_the_host_does_not_know() -> None:
    judge = guard()
    unsure, sure = "I don't know whether it is waterproof.", "Yes, it is waterproof."
    assert not says(judge, unsure, "en", "scarf")
    judge.heard("is it waterproof?", ("Ann",))
    assert says(judge, unsure, "en", "scarf") and not says(judge, sure, "en", "scarf")


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "Thank you, Zbigniew, for asking."), ("en", "Hi Oluwaseun!"), ("de", "Danke, Jorgos, gute Frage."),
     ("fr", "Merci Nolwenn, bonne question."), ("zh", "谢谢小燕,问得好。"),
     ("ja", "佐々木さん、ありがとうございます。"), ("hi", "धन्यवाद सुरेश, अच्छा सवाल है।")],
)  # fmt: skip
def test_people_are_spoken_to_by_name(language: str, text: str) -> None:
    assert says(PLAIN, text, language, "scarf")


def test_a_viewer_s_name_grounds_no_claim() -> None:
    judge = guard()
    judge.heard("hello", ("Waterproof",))
    assert not says(judge, "It is waterproof.", "en", "scarf")


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", "欢迎 Ann Smith、Bob Miller 和 Tom Jones。"),
        ("ja", "Ann Smith、Bob Miller、Tom Jones、ようこそ。"),
    ],
)
def test_several_latin_names_are_greeted_in_chinese_and_japanese(language: str, text: str) -> None:
    judge = guard()
    assert not says(judge, text, language, "", "greet:embedded host")
    judge.heard("", ("Ann Smith", "Bob Miller", "Tom Jones"))
    assert says(judge, text, language, "", "greet:embedded host")


def test_whose_words_are_held_to_the_texts() -> None:
    lie = "You can leave it outside in the garden."
    for origin in ("script:3", "technician", "answer:embedded host"):
        assert says(PLAIN, lie, "en", "lamp", origin), origin
    assert not says(PLAIN, lie, "en", "lamp")
    assert says(guard(claims=LISTED), lie, "en", "lamp")
    written = guard(script=[Told("It may stand outside in the garden.", "en"), Told("Leave it there.", "en")])
    assert says(written, lie, "en", "lamp")


def test_wool_is_no_money_and_silk_no_wool() -> None:
    assert says(PLAIN, "这是羊毛围巾。", "zh", "scarf")
    assert not says(PLAIN, "这只要五毛。", "zh", "scarf") and not says(
        PLAIN, "It is made of silk.", "en", "scarf"
    )


def test_a_check_takes_two_milliseconds_at_most() -> None:
    PLAIN.ready(("en",))
    assert says(PLAIN, "It's a long one, and it was woven in Ireland.", "en", "scarf")
    began = time.process_time()
    for _ in range(50):
        PLAIN.check(
            "It's a long one, and it was woven in Ireland by people who love it.", "en", "scarf", MODEL
        )
    assert (time.process_time() - began) / 50 < 0.01  # a fifth of it where nobody else works
