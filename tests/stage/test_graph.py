"""Places of a body, what is known of each, and what becomes of a damaged graph."""

from __future__ import annotations

import numpy as np
import pytest

from avatar_engine.stage.blend import weight
from avatar_engine.stage.graph import Graph
from tests.stage.walks import JOIN, ROUND, graph


def test_the_places_of_joins_follow_those_of_the_round() -> None:
    made = graph(5)
    assert made.round == ROUND and made.joined == 5 * JOIN
    np.testing.assert_array_equal(made.first, ROUND + JOIN * np.arange(5))


def test_whoever_only_runs_forwards_goes_on_where_a_join_leads() -> None:
    made = graph(5)
    homes = made.homes()
    np.testing.assert_array_equal(homes[:ROUND], np.arange(ROUND))
    for first, into in zip(made.first, made.into, strict=True):
        assert homes[first + JOIN - 1] + 1 == into


def test_what_is_known_of_the_round_is_mixed_for_joins_as_their_pictures_are() -> None:
    made = graph(5)
    values = np.random.default_rng(0).normal(0, 1, (ROUND, 3))
    mixed = made.mixed(values)
    np.testing.assert_array_equal(mixed[:ROUND], values)
    for first, leave, into in zip(made.first, made.leave, made.into, strict=True):
        for step in range(JOIN):
            share = weight(step, JOIN)
            wanted = (1 - share) * values[leave + step] + share * values[into - JOIN + step]
            np.testing.assert_allclose(mixed[first + step], wanted)


def test_it_comes_back_from_its_tensors() -> None:
    made = graph()
    again = Graph.of(made.tensors())
    for name, values in made.tensors().items():
        np.testing.assert_array_equal(getattr(again, name), values)


@pytest.mark.parametrize(
    ("name", "value"), [("into", ROUND), ("leave", -1), ("length", 0), ("beats", ROUND), ("into", 3)]
)
def test_a_graph_that_leads_nowhere_is_refused(name: str, value: int) -> None:
    tensors = graph().tensors()
    tensors[name] = tensors[name].copy()
    tensors[name][0] = value
    with pytest.raises(ValueError, match="out of its round"):
        Graph.of(tensors)


def test_arrays_of_other_lengths_are_refused() -> None:
    tensors = graph().tensors() | {"jump": np.zeros(3, np.float32)}
    with pytest.raises(ValueError, match="lengths"):
        Graph.of(tensors)
