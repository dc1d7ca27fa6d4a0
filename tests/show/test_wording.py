"""Wordings change from round to round, and are the same again for the same seed."""

from __future__ import annotations

import itertools

import pytest

from avatar_engine.show.wording import choices_of, filled, picked, slots_of, verbatim, worded


@pytest.mark.parametrize("count", [2, 3, 4, 7])
def test_all_come_before_any_comes_again_and_none_twice_in_a_row(count):
    for seed in range(20):
        taken = [picked(count, seed, "line", turn) for turn in range(count * 12)]
        for begin in range(0, len(taken), count):
            assert sorted(taken[begin : begin + count]) == list(range(count))
        assert all(one != other for one, other in itertools.pairwise(taken))
        assert taken == [picked(count, seed, "line", turn) for turn in range(count * 12)]


def test_seeds_and_lines_differ():
    orders = {tuple(picked(5, seed, what, turn) for turn in range(5)) for seed in range(9) for what in "abc"}
    assert len(orders) > 15


def test_a_line_is_worded_by_its_wordings_and_their_choices():
    texts = ["{Hello|Hi|Good evening}, all.", "Welcome {back|again}!"]
    taken = [worded(texts, 3, 7, turn) for turn in range(12)]
    said = [one.text for one in taken]
    assert set(said) == {"Hello, all.", "Hi, all.", "Good evening, all.", "Welcome back!", "Welcome again!"}
    assert said[:6:2] != said[6::2] or len(set(said[::2])) in (2, 3)
    assert {(one.which, one.choices) for one in taken} == {(0, (n,)) for n in range(3)} | {
        (1, (0,)),
        (1, (1,)),
    }
    greeting = next(one for one in taken if (one.which, one.choices) == (0, (2,)))
    assert greeting.text == "Good evening, all." and choices_of(texts[1]) == [("back", "again")]
    assert worded(["Just {one| } choice"], 0, 1, 0).text.split() in (
        ["Just", "one", "choice"],
        ["Just", "choice"],
    )


def test_slots_are_filled_and_a_missing_one_is_told():
    assert slots_of("{name} for {price}, {a|b}") == ["name", "price"]
    assert filled("{name} for {price}", {"name": "Mug", "price": "12 €"}) == "Mug for 12 €"
    with pytest.raises(KeyError):
        filled("{stock} left", {})


def test_what_is_verbatim_has_neither_choice_nor_slot():
    text = verbatim("{a|b} {price}")
    assert not slots_of(text) and worded([text], 1, 1, 1).text == text
