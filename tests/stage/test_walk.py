"""The way through a body: where it may go, what it repeats, and how it keeps to what is said."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from avatar_engine.contracts import FRAME_RATE, Outlook
from avatar_engine.stage.graph import Graph
from avatar_engine.stage.walk import CALM, HORIZON, TOUCH, Walk
from tests.stage.walks import JOIN, ROUND, graph

MINUTES = 10 * 60 * FRAME_RATE
LEAD = 12


def walked(
    made: Graph,
    pictures: int,
    speech: np.ndarray | None = None,
    stresses: tuple[int, ...] = (),
    seed: int = 0,
) -> np.ndarray:
    """The places of so many pictures, settled as a show does: ``LEAD`` ahead, with ``HORIZON`` known."""
    walk, places = Walk(made, seed=seed), []
    for at in range(pictures - LEAD):
        if speech is not None:
            near = tuple(stress - at for stress in stresses if 0 <= stress - at < HORIZON)
            walk.foresee(at, Outlook(speech[at : at + HORIZON].astype(np.uint8).tobytes(), near))
        places += walk.take(at + LEAD)
    return np.array(places)


def longest_repeat(places: np.ndarray) -> int:
    """Pictures of the longest stretch that comes twice."""
    places = places.astype(np.int16)
    low, high = 0, len(places)
    while low < high:
        length = (low + high + 1) // 2
        windows = {hash(places[at : at + length].tobytes()) for at in range(len(places) - length + 1)}
        low, high = (length, high) if len(windows) < len(places) - length + 1 else (low, length - 1)
    return low


def test_it_goes_forwards_or_through_a_whole_join() -> None:
    made = graph()
    places = walked(made, 3000)
    leave, into, first = made.leave.tolist(), made.into.tolist(), made.first.tolist()
    joins = 0
    for here, there in pairwise(places.tolist()):
        if here < ROUND and there < ROUND:
            assert there == (here + 1) % ROUND
        elif here < ROUND:
            assert leave[first.index(there)] == here + 1
            joins += 1
        elif there < ROUND:
            join = (here - ROUND) // JOIN
            assert here == first[join] + JOIN - 1 and there == into[join]
        else:
            assert there == here + 1
    assert joins > 20


def test_joins_are_never_hectic() -> None:
    begins = np.flatnonzero(np.diff((walked(graph(), 5000) >= ROUND).astype(int)) == 1)
    assert np.diff(begins).min() >= CALM


def test_ten_minutes_repeat_no_long_stretch_and_show_all_of_the_minute() -> None:
    places = walked(graph(), MINUTES)
    assert longest_repeat(places) < 15 * FRAME_RATE
    assert longest_repeat(walked(Graph.ring(ROUND), MINUTES)) > MINUTES / 2, "the measure sees a loop"
    shown = np.bincount(places[places < ROUND], minlength=ROUND)
    assert (shown > 0).mean() > 0.9


def test_the_same_knowledge_gives_the_same_way_and_another_seed_another() -> None:
    made = graph()
    speech = np.arange(3000) // 90 % 2
    one, same = (walked(made, 2000, speech, (300, 700)) for _ in range(2))
    np.testing.assert_array_equal(one, same)
    others = [walked(made, 2000, speech, (300, 700), seed=seed) for seed in (1, 2, 3)]
    assert any(not np.array_equal(one, other) for other in others)


def test_however_it_is_asked_it_goes_the_same_way() -> None:
    made = graph()
    whole = Walk(made).take(2000)
    walk, pieces = Walk(made), []
    for until in (1, 2, 50, 51, 777, 2000):
        pieces += walk.take(until)
    assert pieces == whole


def test_the_body_talks_in_speech_and_is_quiet_in_pauses() -> None:
    made = graph()
    speech = np.arange(MINUTES // 4) // 75 % 2
    places = walked(made, MINUTES // 4, speech)
    plain = walked(made, MINUTES // 4)

    def apart(shown: np.ndarray) -> float:
        own = shown < ROUND
        return float(np.abs(made.talk[shown[own]] - speech[: len(shown)][own]).mean())

    assert apart(places) < 0.4 < 0.44 < apart(plain)


def test_beats_fall_on_stressed_words_far_more_often_than_by_chance() -> None:
    made = graph()
    random = np.random.default_rng(5)
    stresses = tuple(np.cumsum(random.integers(18, 45, 180)).tolist())
    count = stresses[-1]
    speech = np.ones(count + HORIZON)

    def met(places: np.ndarray) -> float:
        own = np.flatnonzero(np.isin(places, made.beats))
        return float(np.mean([np.abs(np.array(stresses) - at).min() <= TOUCH for at in own]))

    assert met(walked(made, count, speech, stresses)) > 1.5 * met(walked(made, count, speech))


def test_a_new_beginning_goes_on_from_its_place_and_remembers_what_was_shown() -> None:
    made = graph()
    walk = Walk(made)
    walk.take(500)
    walk.begin(321 + ROUND, 9000)
    assert walk.take(9005)[:5] == [321, 322, 323, 324, 325]


def test_without_joins_or_freedom_it_goes_round() -> None:
    for walk in (Walk(Graph.ring(ROUND)), Walk(graph(), free=False)):
        assert walk.take(2 * ROUND) == [*range(ROUND)] * 2
