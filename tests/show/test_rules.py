"""Rules follow the audience, with patience both ways, and say why."""

from __future__ import annotations

import itertools

import pytest

from avatar_engine.show.rules import COOL, Condition, Decision, Rule, RuleBook, read_rule


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("when viewers > 1000: flash_offer", Rule("flash_offer", (Condition("viewers", ">", 1000),))),
        (
            "When viewers<=20 and chat < 5 for 2min: slow down",
            Rule("slow down", (Condition("viewers", "<=", 20), Condition("chat", "<", 5)), held=120),
        ),
        ("every 10 min : repeat offer", Rule("repeat offer", period=600, cool=0)),
        (
            "when sales >= 0.5 for 0s: Flash Offer at most every 20min",
            Rule("Flash Offer", (Condition("sales", ">=", 0.5),), held=0, cool=1200, again=True),
        ),
    ],
)
def test_rules_are_read(text, rule):
    assert read_rule(text) == rule


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("viewers > 1000: x", "is no rule"),
        ("when viewers > 1000", "is no rule"),
        ("when viewers: x", "has no condition"),
        ("when mood > 3: x", "asks for 'mood'; there are viewers"),
        ("when viewers > 1 or chat > 1: x", "has no condition"),
        ("every 1s: greet", "too often"),
        ("", "is no rule"),
    ],
)
def test_what_is_no_rule_is_refused_with_a_reason(text, said):
    with pytest.raises(ValueError, match=said):
        read_rule(text)


def told(book: RuleBook, viewers: list[float], begin: int = 0) -> list[tuple[int, str]]:
    return [
        (second, decision.why)
        for second, count in enumerate(viewers, begin)
        for decision in book.look({"viewers": count}, float(second))
    ]


def test_a_rule_must_hold_for_its_time_and_says_why_once():
    book = RuleBook([read_rule("when viewers > 1000 for 60s: flash_offer")])
    assert told(book, [1240] * 59 + [900] + [1240] * 100) == [
        (120, "flash_offer because viewers 1240 > 1000 for 60 s")
    ]


def test_the_reason_of_one_that_has_come_back_a_little_is_true():
    book = RuleBook([read_rule("when viewers > 1000 for 10s: flash_offer")])
    assert told(book, [1040] * 5 + [980] * 20) == [
        (10, "flash_offer because viewers 1040 > 1000 (now 980) for 10 s")
    ]


def test_a_figure_that_hovers_about_its_limit_switches_nothing():
    book = RuleBook([read_rule("when viewers > 1000 for 5s: slow down")])
    seen = told(book, [1100, 1050, 980, 1020, 930, 990, 1001, 950, 1020, 920] * 5)
    assert [second for second, _ in seen] == [5] and book.active == ("slow down",)
    assert told(book, [890], 60) == [(60, "slow down is over")]
    assert book.active == ()


def test_the_same_does_not_happen_twice_within_its_time():
    book = RuleBook([read_rule("when viewers > 10 for 0s: greet")])
    waves = ([50] * 20 + [0] * 20) * 20
    seconds = [second for second, _ in told(book, waves)]
    assert len(seconds) >= 2 and all(b - a >= COOL for a, b in itertools.pairwise(seconds))


def test_what_still_holds_comes_again_where_the_rule_says_how_often():
    book = RuleBook([read_rule("when viewers > 10 for 0s: greet at most every 1min")])
    assert [second for second, _ in told(book, [50] * 200)] == [0, 60, 120, 180]


def test_a_rule_by_the_clock_keeps_its_time_and_an_unknown_figure_is_no_zero():
    book = RuleBook([read_rule("every 10s: repeat offer"), read_rule("when chat < 5 for 0s: go deeper")])
    assert [second for second, _ in told(book, [0] * 35)] == [10, 20, 30]
    assert book.look({"chat": 2.0}, 36.0) == [Decision("go deeper", "go deeper because chat 2 < 5 for 0 s")]
