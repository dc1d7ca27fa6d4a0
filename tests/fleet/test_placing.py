"""Where there is room."""

from __future__ import annotations

from avatar_engine.fleet.placing import Choice, Cost, Node, capped, choose, default_cost

A, B = Node("a", "one", 2.0, 8000.0), Node("b", "two", 4.0, 8000.0, cards=1.0)
SHOW = Cost(1.0, 1500.0)


def placed(
    cost: Cost, loads: dict[str, list[Cost]], closed: dict[str, str] | None = None, avoid: str = ""
) -> Choice:
    return choose({"a": cost, "b": cost}, [A, B], loads, closed or {}, avoid)


def test_the_machine_with_the_most_left_is_taken() -> None:
    assert placed(SHOW, {}).node == "b"
    assert placed(SHOW, {"b": [SHOW, SHOW, SHOW]}).node == "a"


def test_where_it_died_it_goes_again_only_if_there_is_nothing_else() -> None:
    assert placed(SHOW, {}, avoid="b").node == "a"
    assert placed(SHOW, {"a": [SHOW, SHOW]}, avoid="b").node == "b"


def test_where_there_is_no_room_every_machine_says_why() -> None:
    choice = placed(SHOW, {"a": [SHOW, SHOW]}, {"b": "it is drained"})
    assert not choice.node
    assert choice.why == "one: 1.00 cores are needed, 0.00 of 2.00 are left; two: it is drained"


def test_what_fits_nowhere_is_told_by_what_it_lacks() -> None:
    assert "8.00 cores are needed, 4.00 of 4.00 are left" in placed(Cost(8.0), {}).why
    assert (
        "6000 MB are needed" in placed(Cost(1.0, 6000.0), {"a": [SHOW, SHOW], "b": [Cost(0.1, 7000.0)]}).why
    )


def test_cards_are_shared_by_fractions() -> None:
    half = Cost(0.5, 100.0, card=0.5)
    assert placed(half, {"b": [half]}).node == "b"
    assert "50% of a card" in placed(half, {"b": [half, half]}).why


def test_a_dead_machine_and_one_that_can_not_are_passed_over() -> None:
    away, odd = (
        Node("c", "three", 9, 9000, alive=False),
        Node("d", "four", 9, 9000, trouble="it has engine 0"),
    )
    choice = choose(dict.fromkeys("cd", SHOW), [away, odd], {}, {})
    assert choice.why == "three: it does not answer; four: it has engine 0"
    assert choose({}, [], {}, {}).why == "there is no machine"


def test_costs_without_a_measurement_follow_the_picture() -> None:
    assert default_cost("show", "1280x720").cores < default_cost("show", "1920x1080").cores
    assert default_cost("show") == default_cost("show", "1280x720")
    assert capped(default_cost("clone"), Node("e", "five", 1.0, 2000.0)) == Cost(1.0, 2000.0)
