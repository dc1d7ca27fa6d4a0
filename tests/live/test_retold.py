"""What is told again after a cut, and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatar_engine.contracts import SAMPLES_PER_FRAME, FloatArray
from avatar_engine.live.programme import Piece, Silence, Spoken
from avatar_engine.live.retold import BREATH, MOST, Retold
from tests.live.fakes import ListedSource

BREATHS = BREATH / SAMPLES_PER_FRAME


def sentence(number: int, frames: float, *, parts: int = 2, last: bool = True, then: int = 0) -> list[Piece]:
    """A sentence whose samples all are ``number + 1`` tenths."""
    level = np.full(round(frames * SAMPLES_PER_FRAME), (number + 1) / 10, np.float32)
    pieces = np.array_split(level, parts)
    return [
        Spoken(piece, last=last and at == parts - 1, sentence=number, then=then)
        for at, piece in enumerate(pieces)
    ]


def track(pieces: Sequence[Piece | None], on_fault: str = "repeat") -> Retold:
    return Retold(ListedSource(pieces), on_fault)


def tell(retold: Retold, frames: int) -> FloatArray:
    """The loudest sample of each of the next frames, in tenths."""
    return np.array([round(10 * float(retold.next()[0].max())) for _ in range(frames)])


def test_a_sentence_that_was_cut_is_told_from_its_start_after_a_breath() -> None:
    retold = track([*sentence(0, 10), Silence(5 * SAMPLES_PER_FRAME), *sentence(1, 10), *sentence(2, 4)])
    tell(retold, 22)
    retold.cut(18)  # three frames of the second sentence went out
    told = tell(retold, 30)
    first = int(np.flatnonzero(told)[0])
    assert first == pytest.approx(BREATHS, abs=1)
    assert (told[told > 0][:10] == 2).all() and (told == 2).sum() <= 11 and (told == 3).sum() >= 4
    assert (retold.repeated, retold.skipped) == (1, 0)


def test_it_knows_when_every_sentence_went_out_that_the_journal_numbers() -> None:
    pieces = [*sentence(0, 10), Silence(5 * SAMPLES_PER_FRAME), *sentence(1, 4, parts=3)]
    named = [replace(one, utterance=one.sentence + 7) if isinstance(one, Spoken) else one for one in pieces]
    retold = track([*named, *sentence(2, 2)])
    tell(retold, 25)
    retold.heard(9)
    assert not retold.went
    retold.heard(24)
    assert list(retold.went) == [(7, 0, 10), (8, 15, 19)]


def test_or_left_out_with_what_of_it_is_still_to_come() -> None:
    retold = track([*sentence(0, 10, parts=5), *sentence(1, 4)], "skip")
    tell(retold, 3)
    retold.cut(2)
    told = tell(retold, 24)
    assert set(told) == {0, 2} and (told == 2).sum() >= 4
    assert (retold.repeated, retold.skipped) == (0, 1)


def test_a_pause_goes_on_where_it_was() -> None:
    retold = track([*sentence(0, 2), Silence(100 * SAMPLES_PER_FRAME), *sentence(1, 4)])
    tell(retold, 60)
    retold.cut(52)
    told = tell(retold, 60)
    assert np.flatnonzero(told)[0] == pytest.approx(50, abs=1)
    assert retold.repeated == retold.skipped == 0


def test_a_cut_between_sentences_or_before_one_began_repeats_nothing() -> None:
    retold = track([*sentence(0, 5), Silence(4 * SAMPLES_PER_FRAME), *sentence(1, 5)])
    tell(retold, 12)  # the second one is on its way
    retold.cut(7)
    told = tell(retold, 10)
    assert (told == 1).sum() == 0 and (told == 2).sum() >= 5
    assert retold.repeated == 0


def test_a_second_cut_before_anything_went_out_changes_nothing() -> None:
    retold = track([*sentence(0, 10)])
    tell(retold, 6)
    retold.cut(4)
    retold.cut(4)
    tell(retold, 3)
    retold.cut(4)
    told = tell(retold, 40)
    assert (told == 1).sum() in (10, 11)
    assert retold.repeated == 1


def test_a_sentence_that_is_cut_again_and_again_is_left_out_in_the_end() -> None:
    retold = track([*sentence(0, 50), *sentence(1, 5)])
    heard = 0
    for _ in range(MOST + 1):
        tell(retold, 30)
        heard = retold.frame - 5
        retold.cut(heard)
    told = tell(retold, 40)
    assert set(told) == {0, 2}
    assert (retold.repeated, retold.skipped) == (MOST, 1)


def test_what_perhaps_was_not_heard_is_told_again_with_the_rest_of_its_pause() -> None:
    retold = track([*sentence(0, 4), Silence(20 * SAMPLES_PER_FRAME), *sentence(1, 10)])
    tell(retold, 30)
    retold.cut(14, begun=28)
    told = tell(retold, 60)
    assert np.flatnonzero(told)[0] == pytest.approx(10 + BREATHS, abs=1)
    assert (told == 2).sum() in (10, 11) and retold.repeated == 1


def test_live_sound_is_told_once() -> None:
    samples = np.full(20 * SAMPLES_PER_FRAME, 0.4, np.float32)
    retold = track([Spoken(samples), Spoken(samples / 2, last=True)])
    tell(retold, 10)
    retold.cut(3)
    assert 4 not in tell(retold, 30)


def test_the_place_follows_what_was_heard_whole() -> None:
    one = [*sentence(0, 4, last=False, then=1), *sentence(1, 4, then=1)]
    retold = track([*one, Silence(3000), *sentence(2, 4, then=3)])
    tell(retold, 20)
    places = []
    for frames in range(20):
        retold.heard(frames)
        places.append(retold.then)
    assert places[7] == 0 and places[10] == 1 and places[-1] == 3
    assert places == sorted(places)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(0, 6)), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(1, 25), st.integers(0, 12)), max_size=MOST),
)
def test_whatever_is_cut_every_sentence_is_heard_whole(
    plan: list[tuple[int, int]], cuts: list[tuple[int, int]]
) -> None:
    """Frames that were on their way at a cut are lost; what went out holds every sentence without a hole."""
    pieces: list[Piece] = []
    for number, (frames, pause) in enumerate(plan):
        pieces += [*sentence(number, frames + 0.4, then=number + 1), Silence(pause * SAMPLES_PER_FRAME + 1)]
    retold, out = track(pieces), []
    for made, lost in cuts:
        begin = retold.frame
        fresh = [retold.next()[0] for _ in range(made)]
        kept = max(0, made - lost)
        out += fresh[:kept]
        retold.cut(begin + kept)
    while not retold.ended:
        out.append(retold.next()[0])
    retold.heard(retold.frame)
    heard = np.concatenate([*out, np.zeros(SAMPLES_PER_FRAME, np.float32)])
    assert retold.then == len(plan)
    for number, (frames, _) in enumerate(plan):
        same = np.abs(heard - (number + 1) / 10) < 1e-4
        ends = np.flatnonzero(np.diff(np.concatenate([[0], same.astype(int), [0]])))
        runs = ends[1::2] - ends[::2]
        assert runs.max() >= round((frames + 0.4) * SAMPLES_PER_FRAME) - 1, f"sentence {number} has a hole"


def test_after_a_cut_the_card_is_that_of_what_is_heard_and_not_of_what_was_planned() -> None:
    first = [replace(piece, product="a") for piece in sentence(0, 10) if isinstance(piece, Spoken)]
    second = [replace(piece, product="b") for piece in sentence(1, 10) if isinstance(piece, Spoken)]
    asked: list[str] = []
    source = ListedSource([*first, Silence(5 * SAMPLES_PER_FRAME), *second])
    retold = Retold(source, "repeat", scenes=lambda heard: asked.append(heard))  # type: ignore[arg-type,func-returns-value,return-value]
    tell(retold, 20)
    assert asked == ["a"] * 15 + ["b"] * 5
    asked.clear()
    retold.cut(12)  # within the silence after the first
    tell(retold, 8)
    assert asked == ["a"] * 3 + ["b"] * 5
    asked.clear()
    retold.cut(retold.frame - 2)  # within the second, which begins again after a breath
    tell(retold, 20)
    assert asked == ["b"] * 20


def test_what_is_finished_ends_with_the_sentence_that_is_being_given() -> None:
    retold = track([*sentence(0, 10, parts=5), Silence(SAMPLES_PER_FRAME), *sentence(1, 10)])
    tell(retold, 3)
    retold.finish()
    told = tell(retold, 15)
    assert (told[:7] == 1).all() and not told[7:].any() and retold.ended


def test_a_sentence_within_something_longer_is_an_end_too() -> None:
    retold = track([*sentence(0, 4, last=False), *sentence(1, 4)])
    tell(retold, 2)
    retold.finish()
    assert set(tell(retold, 10)) == {0, 1} and retold.ended


@pytest.mark.parametrize("before", [[], [Silence(4 * SAMPLES_PER_FRAME)], sentence(-1, 4, parts=1)])
def test_where_no_sentence_is_being_given_it_ends_at_once(before: list[Piece]) -> None:
    retold = track([*before, *sentence(2, 4)])
    tell(retold, 2 if before else 0)
    retold.finish()
    assert 3 not in tell(retold, 10) and retold.ended


def test_a_sentence_whose_end_is_not_made_yet_is_waited_for() -> None:
    begins, ends = sentence(0, 4)
    retold = track([begins, None, None, None, ends, *sentence(1, 4)])
    tell(retold, 1)
    retold.finish()
    told = tell(retold, 12)
    assert (told == 1).sum() >= 3 and not (told == 2).any() and retold.ended
