"""The embedded host answers from what is known, in words of its own, and never makes anything up."""

from __future__ import annotations

import string
from itertools import pairwise

import pytest

from avatar_engine.show.host.embedded import Embedded, Known, likenesses, phrases
from avatar_engine.show.host.reply import Request

MUG = Known(
    {"name": "The steel mug", "price": "12.50 euros", "was": "19 euros", "stock": "40"},
    facts={"colour": "blue or red", "volume": "350 ml", "material": "stainless steel"},
    answers=[("Can it go into the dishwasher?", "Please wash it by hand. The lid comes off."),
             ("Is it for hot drinks too?", "Yes, it keeps drinks hot for six hours.")],
    description="It was made for long days. The handle folds away.",
)  # fmt: skip
SHOP = Known({}, answers=[("How long does delivery take?", "We deliver in three to five days.")])


def knows(product: str, language: str) -> Known | None:
    return {"mug": MUG, "": SHOP}.get(product)


def answer(text: str, language: str = "en", **more: object) -> str:
    reply = Embedded(knows).reply(Request("answer", text, language, product="mug", **more))  # type: ignore[arg-type]
    assert reply is not None
    sentences = []
    while not reply.ended:
        sentences.append(reply.poll() or "")
    return " ".join(sentences)


@pytest.mark.parametrize(
    ("question", "part"),
    [
        ("how much is it??", "12.50 euros"),
        ("whats the PRICE pls", "19 euros"),
        ("can I put this in the dishwasher", "by hand. The lid"),
        ("dishwaser safe?", "by hand"),
        ("what colours do you have", "blue or red"),
        ("which volume", "350 ml"),
        ("how long is the delivery", "three to five days"),
        ("does the handle fold?", "folds away"),
        ("still available?", "40"),
    ],
)
def test_questions_are_answered_from_what_is_known(question: str, part: str) -> None:
    assert part in answer(question)


@pytest.mark.parametrize(
    "question",
    [
        "who won the match yesterday?",
        "do you love me",
        "asdf",
        "",
        "🎉🎉",
        "is it true that it is raining?",
        "can I marry you",
        "how long is the war",
        "are you going to the moon",
    ],
)
def test_what_is_not_known_is_not_made_up(question: str) -> None:
    said = answer(question)
    assert said in phrases()["en"]["unknown"]


@pytest.mark.parametrize(
    ("language", "question"),
    [("fr", "C'est combien ?"), ("es", "¿Cuánto cuesta?"), ("it", "quanto costa"), ("pt", "Quanto custa?"),
     ("de", "Was kostet das?"), ("zh", "这个多少钱"), ("ja", "いくらですか"), ("hi", "इसकी कीमत क्या है?"),
     ("pt-BR", "qual o preço")],
)  # fmt: skip
def test_prices_are_told_in_every_language(language: str, question: str) -> None:
    assert "12.50 euros" in answer(question, language)


def test_who_asked_is_spoken_to_and_a_second_time_it_is_short() -> None:
    assert "Ann" in answer("dishwasher?", askers=("Ann", "Bob"))
    assert "lid" not in answer("dishwasher?", again=True)


def test_nothing_is_worded_twice_in_a_row() -> None:
    host, request = Embedded(knows, seed=4), Request("answer", "price?", "en", product="mug")
    said = [host.reply(request).poll() for _ in range(9)]  # type: ignore[union-attr]
    assert len(set(said)) == 3 and all(a != b for a, b in pairwise(said))


def test_gaps_greetings_and_offers() -> None:
    host = Embedded(knows)
    told = {host.reply(Request("fill", "", "en", product="mug")).poll() for _ in range(30)}  # type: ignore[union-attr]
    assert len(told) >= 6
    care = host.reply(Request("fill", "how it is washed in the dishwasher", "en", product="mug"))
    assert care is not None and not care.ended
    assert host.reply(Request("fill", "", "en")) is None
    assert host.reply(Request("greet", "", "fr")).poll() in phrases()["fr"]["greet"]  # type: ignore[union-attr]
    assert "12.50" in host.reply(Request("offer", "", "de", product="mug")).poll()  # type: ignore[union-attr,operator]
    assert host.reply(Request("offer", "", "de")) is None and host.reply(Request("greet", "", "xx")) is None


@pytest.mark.parametrize(
    ("question", "part"),
    [
        ("when would it get here", "three to five days"),
        ("delivary time", "three to five days"),
        ("wich colrs", "blue or red"),
        ("does it come in red", "blue or red"),
        ("any discount?", "19 euros"),
        ("what is it made of", "stainless steel"),
    ],
)
def test_what_means_the_same_is_answered_alike(question: str, part: str) -> None:
    assert part in answer(question)


@pytest.mark.parametrize(
    "question", ["how much is shipping", "how long is the warranty", "can I pay by card"]
)
def test_what_is_asked_with_like_words_is_not_answered_with_another_answer(question: str) -> None:
    assert answer(question) in phrases()["en"]["unknown"]


def test_people_are_greeted_and_thanked_by_their_names() -> None:
    host = Embedded(knows)

    def said(kind: str, text: str, language: str, *names: str) -> str:
        reply = host.reply(Request(kind, text, language, names))
        return (reply and reply.poll()) or ""

    assert "Ann, Bob, and Cleo" in said("greet", "new", "en", "Ann", "Bob", "Cleo")
    assert "Ann und Bob" in said("greet", "back", "de", "Ann", "Bob")
    assert "Lea" in said("thank", "purchase", "fr", "Lea") and "commande" in said(
        "thank", "purchase", "fr", "A"
    ) + (said("thank", "purchase", "fr", "A") + said("thank", "purchase", "fr", "A"))
    assert "小明" in said("thank", "gift", "zh", "小明")
    assert "Tom" in said("thank", "something new", "en", "Tom")


def test_every_language_has_every_occasion_with_known_slots() -> None:
    kinds = set(phrases()["en"])
    slots = {"name", "price", "was", "saving", "stock", "fact", "value", "asker", "names"}
    assert set(phrases()) == {"en", "fr", "es", "it", "pt", "de", "zh", "ja", "hi"}
    for tongue in phrases().values():
        assert set(tongue) == kinds and set(tongue["asks"]) == {"price", "stock"}
        for kind in kinds - {"asks", "passed_over"}:
            assert len(tongue[kind]) >= 2
            told = (kind.startswith(("welcome", "thanks")), "asker" if kind == "to" else "")
            assert all(("{names}" in wording) is told[0] for wording in tongue[kind]), kind
            for wording in tongue[kind]:
                assert {name for _, name, _, _ in string.Formatter().parse(wording) if name} <= slots


def test_a_question_is_like_what_speaks_of_it_whatever_its_endings() -> None:
    over = frozenset({"does", "it", "how", "long", "is", "the"})
    texts = ["How long does the delivery take?", "It floats", "price of tea"]
    assert (
        likenesses("does it FLOAT", texts, over)[1]
        > 0.7
        > 0.05
        > likenesses("how long is the war", texts, over)[0]
    )
    assert likenesses("is it", texts, over) == [0.0] * 3
