import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatar_engine.contracts import SAMPLE_RATE, SAMPLES_PER_FRAME, FloatArray, Phone
from avatar_engine.lips import closures, sound
from avatar_engine.lips.closures import CLOSED, FASTEST, NEAR, REACH, Closing, ceilings, marks
from avatar_engine.lips.shape import ShapeBasis, fit_basis, gap, opening
from tests.lips.drawn import mouths

PICTURES = 20


def marked(*phones: Phone, pictures: int = PICTURES) -> np.ndarray:
    """Marks of phones timed from the first picture's start."""
    count = pictures * SAMPLES_PER_FRAME + sound.LOOK_AHEAD
    return np.concatenate([np.zeros(sound.LEAD, np.uint8), marks(phones, count)])


@pytest.fixture(scope="module")
def basis() -> ShapeBasis:
    return fit_basis(mouths(np.random.default_rng(0).uniform(0.01, 0.12, 300).astype(np.float32)), 4)


@pytest.fixture(scope="module")
def neutral(basis: ShapeBasis) -> FloatArray:
    return basis.project(mouths(np.array([0.012], np.float32)))[0]


def test_marks_are_exact_to_the_sample_and_know_phones_of_any_language() -> None:
    phones = [
        Phone("_", 0, 0.01),
        Phone("pʰ", 0.01, 0.02),
        Phone("a", 0.02, 0.03),
        Phone("β", 0.03, 0.04),
        Phone("mː", 0.05, 0.07),
    ]
    got = marks(phones, 1500)
    assert got.dtype == np.uint8 and got.shape == (1500,)
    assert np.flatnonzero(got == CLOSED).tolist() == [*range(240, 480), *range(1200, 1500)]
    assert np.flatnonzero(got == NEAR).tolist() == list(range(720, 960))
    assert not marks([Phone("w", 0, 1), Phone("", 0, 1), Phone("", 1, 2)], 100).any()
    assert marks([Phone("b", -0.01, 0.001)], 100)[:24].all()


@given(st.integers(4000, 12_000), st.integers(1, 6000))
def test_however_short_a_phone_is_one_picture_is_closed_and_no_far_one_feels_it(
    start: int, length: int
) -> None:
    tops = ceilings(marked(Phone("p", start / SAMPLE_RATE, (start + length) / SAMPLE_RATE)), PICTURES)
    closed = np.flatnonzero(tops == 0)
    assert len(closed)
    middles = (np.arange(PICTURES) + 0.5) * SAMPLES_PER_FRAME
    away = np.maximum(start - middles, middles - start - length) / SAMPLES_PER_FRAME
    assert (away[closed] <= 0.5).all() and (tops[away <= 0] == 0).all()
    assert np.isinf(tops[away >= REACH + 0.5]).all()
    assert (np.diff(closed) == 1).all(), "one closure, not two"
    known = tops[np.isfinite(tops)]
    assert np.abs(np.diff(known)).max() <= FASTEST * (1 + 1e-6)


def test_a_labiodental_is_near_and_a_closure_beside_it_wins() -> None:
    tops = ceilings(marked(Phone("f", 0.2, 0.28), Phone("m", 0.28, 0.36)), PICTURES)
    assert tops[5:9].tolist() == [1, FASTEST / 2, 0, 0]
    assert tops[10] > tops[9] > 0


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from("pbfva"), st.integers(1, 3000)), max_size=12), st.integers(1, 19))
def test_a_picture_needs_no_marks_but_those_that_a_stream_has(plan: list[tuple[str, int]], cut: int) -> None:
    ends = np.cumsum([0, *(length for _, length in plan)]) / SAMPLE_RATE
    said = [Phone(symbol, a, b) for (symbol, _), a, b in zip(plan, ends, ends[1:], strict=False)]
    whole = marked(*said)
    tops = ceilings(whole, PICTURES)
    early = whole[: sound.LEAD + cut * SAMPLES_PER_FRAME + sound.LOOK_AHEAD]
    np.testing.assert_array_equal(ceilings(early, cut), tops[:cut])
    np.testing.assert_array_equal(ceilings(whole[cut * SAMPLES_PER_FRAME :], PICTURES - cut), tops[cut:])


def test_open_lips_come_under_their_ceiling_and_nothing_is_ever_opened(
    basis: ShapeBasis, neutral: FloatArray
) -> None:
    rows = basis.project(mouths(np.linspace(0.005, 0.11, PICTURES, dtype=np.float32)))
    before, closed = basis.opening(rows), float(basis.opening(neutral[None])[0])
    spread = float(np.linalg.norm(gap(basis.axes)))
    closing = Closing(basis, neutral)
    for top in (0, 1):
        got = closing.under(rows, np.full(PICTURES, top, np.float32))
        assert got.dtype == np.float32
        assert basis.opening(got) == pytest.approx(np.minimum(before, closed + top * spread), abs=2e-4)
    assert (closing.under(rows, np.full(PICTURES, np.inf, np.float32)) == rows).all()


def test_the_whole_mouth_goes_with_the_opening_as_it_does_in_this_person(
    basis: ShapeBasis, neutral: FloatArray
) -> None:
    """These drawn mouths are narrower the wider they open: a closed one is wide again."""
    row = basis.project(mouths(np.array([0.1], np.float32)))
    got = basis.shape(Closing(basis, neutral).under(row, np.zeros(1, np.float32)))
    assert got == pytest.approx(mouths(np.array([0.012], np.float32)), abs=2e-3)


def test_a_wide_open_mouth_closes_no_faster_than_a_persons(basis: ShapeBasis, neutral: FloatArray) -> None:
    spread = float(np.linalg.norm(gap(basis.axes)))
    wide = basis.project(mouths(np.full(PICTURES, 0.012 + 3 * spread, np.float32)))
    for start in np.linspace(0.3, 0.34, 9):
        tops = ceilings(marked(Phone("b", start, start + 0.06)), PICTURES)
        got = opening(basis.shape(Closing(basis, neutral).under(wide, tops)))
        assert np.abs(np.diff(got)).max() <= FASTEST * spread * 1.02
        assert got.min() == pytest.approx(0.012, abs=5e-4)


def test_a_mouth_that_cannot_open_is_left_alone() -> None:
    flat = ShapeBasis(np.zeros((55, 2), np.float32), np.zeros((2, 55, 2), np.float32))
    rows = np.ones((3, 2), np.float32)
    assert (Closing(flat, rows[0]).under(rows, np.zeros(3, np.float32)) == rows).all()


def test_what_is_felt_lies_within_the_look_ahead() -> None:
    assert (REACH + 1) * SAMPLES_PER_FRAME <= sound.LOOK_AHEAD
    assert FASTEST * REACH >= 3
    assert closures.HEIGHT[closures.FREE] == np.inf
