"""What a message means is known whatever its words, in nine languages, with typing errors and short forms."""

from __future__ import annotations

import time
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from avatar_engine.show.host.phrases import phrases
from avatar_engine.show.meaning import LANGUAGES, tongue_of, understood, without

WORDINGS = [
    line.split("\t")
    for line in Path(__file__).with_name("meanings.tsv").read_text(encoding="utf-8").splitlines()
]
"""Language, intent and text of questions: what `meanings.yaml` was written with."""

TALK = Path(__file__).parents[2] / "benchmarks" / "chat_talk.yaml"


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("hwo mcuh is htis", "price"),
        ("pirce plz", "price"),
        ("priiiice???", "price"),
        ("hw mch", "price"),
        ("combein ca coute", "price"),
        ("cb ça coûte", "price"),
        ("was kotset das", "price"),
        ("cuanto vlae", "price"),
        ("kitne ka hai", "price"),
        ("咋卖", "price"),
        ("delivary time", "delivery_time"),
        ("fdp ?", "shipping_cost"),
        ("包邮不", "shipping_cost"),
        ("kann ich das zurückshicken", "returns"),
        ("welche fraben", "colours"),
        ("dishwaser safe?", "dishwasher"),
        ("返品できる？", "returns"),
        ("वापस कर सकते हैं क्या", "returns"),
    ],
)
def test_typing_errors_and_short_forms_are_understood(text: str, intent: str) -> None:
    meaning = understood(text)
    assert (meaning.intent, meaning.asks) == (intent, True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("how much is it", "how much is shipping"),
        ("do you ship to Spain", "do you ship to Canada"),
        ("does it come in blue", "gibt es das in rot"),
        ("when does it arrive", "when are you live again"),
        ("is it from italy", "do you ship to italy"),
        ("how old are you", "from what age is it"),
        ("is it real leather", "are you real"),
        ("passt das in die tasche", "was kostet die tasche"),
    ],
)
def test_what_is_asked_with_like_words_is_not_the_same(one: str, other: str) -> None:
    first, second = understood(one), understood(other)
    assert (first.intent, first.detail) != (second.intent, second.detail)


def test_the_wordings_that_it_was_written_with_are_known() -> None:
    known = Counter[str]()
    total = Counter[str]()
    for language, intent, text in WORDINGS:
        meaning = understood(text)
        total[language] += 1
        known[language] += meaning.intent == intent
        known["asks"] += meaning.asks
    assert {tag: known[tag] / total[tag] > 0.9 for tag in total} == dict.fromkeys(total, True)
    assert known["asks"] / len(WORDINGS) > 0.97


def test_what_is_told_is_no_question() -> None:
    lines = [
        line
        for told in yaml.safe_load(TALK.read_text(encoding="utf-8")).values()
        for line in told.splitlines()
    ]
    taken = [line for line in lines if understood(line).asks]
    assert len(taken) <= 0.03 * len(lines), taken


@pytest.mark.parametrize(
    ("text", "language"),
    [("quanto costa la spedizione", "fr"), ("¿cuánto cuesta?", "fr"), ("wie teuer", "de"), ("price", "en")],
)
def test_who_writes_in_a_language_that_the_show_does_not_speak_hears_its_own(
    text: str, language: str
) -> None:
    assert tongue_of(text, ("fr", "en", "de")) == language


def test_the_name_of_a_product_is_not_what_is_asked() -> None:
    names = ("Silk scarf", "丝巾")
    assert understood("is the silk scarf in stock?").intent == "material"
    assert understood(without("is the silk scarf in stock?", names)).intent == "stock"
    assert understood(without("丝巾多少钱", names)).intent == "price"
    assert without("Silk scarf?", names) == "Silk scarf?" and without("how much", names) == "how much"


def test_every_notion_and_intent_is_in_order() -> None:
    told: Any = yaml.safe_load(
        files("avatar_engine.show").joinpath("meanings.yaml").read_text(encoding="utf-8")
    )
    assert tuple(phrases()) == LANGUAGES
    made = {*told["notions"], "tint", "country"}
    used = {part.lstrip("-") for rule in told["intents"] for line in rule.values() for part in line.split()}
    assert used <= made, used - made
    intents = {intent for rule in told["intents"] for intent in rule}
    assert {intent for listed in told["topics"].values() for intent in listed} <= intents
    for notion, by_language in told["notions"].items():
        assert set(by_language) <= set(LANGUAGES), notion
        assert all(word.strip(" *") for listed in by_language.values() for word in listed.split(",")), notion


def test_it_costs_little() -> None:
    understood("how much")
    began = time.process_time()
    for n in range(500):
        understood(f"is number {n} of the blue ones avialable in xlargesize{n}?")
    assert time.process_time() - began < 2.0, "six seconds of a flood in two of a busy core"


@given(st.text(max_size=500))
def test_nothing_that_is_written_breaks_it(text: str) -> None:
    meaning = understood(text)
    assert isinstance(meaning.asks, bool) and tongue_of(text, ("en", "fr")) in ("en", "fr")
