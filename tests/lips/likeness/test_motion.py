import numpy as np
import pytest

from avatar_engine.contracts import Phone
from avatar_engine.lips.likeness import motion
from avatar_engine.lips.likeness.motion import Place


def wave(count: int = 300) -> np.ndarray:
    """An opening that never repeats itself, as speech does not."""
    random = np.random.default_rng(2)
    smooth = np.convolve(random.normal(0, 1, count + 8), np.hanning(9), "same")[4:-4]
    return (0.05 + 0.02 * smooth).astype(np.float32)


@pytest.mark.parametrize("late", [-4, -1, 0, 2, 7])
def test_offset_is_how_much_later_the_first_comes(late: int) -> None:
    series = wave(340)
    shifted, reference = series[20 - late : 320 - late], series[20:320]
    assert motion.offset_ms(shifted, reference) == pytest.approx(40 * late, abs=2)


def test_offset_lies_between_pictures() -> None:
    fine = np.interp(np.arange(1200) / 4, np.arange(300), wave())
    assert motion.offset_ms(fine[40:1100:4], fine[42:1102:4]) == pytest.approx(20, abs=4)


def test_offset_is_a_peak_and_not_the_end_of_the_range() -> None:
    time = np.arange(400)
    sentences = np.sin(2 * np.pi * time / 30).astype(np.float32)  # each 30 pictures the next
    real = (wave(400) + 0.045 * sentences)[20:320]
    early = (np.roll(wave(400), 1) + 0.045 * np.roll(sentences, -12))[20:320]
    far = motion.correlation(early[:-10], real[10:])
    assert far > motion.correlation(early[1:], real[:-1]) > 0
    assert motion.offset_ms(early, real) == pytest.approx(40, abs=20)


def test_offset_of_a_still_mouth_is_none() -> None:
    assert motion.offset_ms(np.full(100, 0.3, np.float32), wave(100)) == 0


def test_spread_and_correlation_of_a_mouth_that_moves_half_as_far() -> None:
    real = wave()
    assert motion.spread(real.mean() + (real - real.mean()) / 2, real) == pytest.approx(0.5, rel=1e-4)
    assert motion.correlation(real / 2 + 1, real) == pytest.approx(1)
    assert motion.correlation(np.zeros(300, np.float32), real) == 0


def test_closed_is_near_the_persons_own_closed_mouth() -> None:
    openings = np.concatenate([np.full(30, 0.004), np.linspace(0.05, 0.10, 70)]).astype(np.float32)
    limit = motion.closed_below(openings)
    assert 0.004 < limit < 0.02
    assert motion.closed_below(openings + 0.03) == pytest.approx(
        limit + 0.03
    )  # of a mouth that never shuts quite


def test_closures_are_counted_near_the_phones_middle() -> None:
    openings = np.full(100, 0.05, np.float32)
    openings[[22, 57]] = 0.001
    phones = (Place("p", 20), Place("a", 21), Place("m", 60), Place("b", 80), Place("s", 22))
    hits = motion.closures(phones, openings, 0.01)
    assert hits.tolist() == [True, False, False]  # two pictures off, three off, never


def test_a_closure_at_the_very_ends_is_looked_for_inside() -> None:
    openings = np.full(10, 0.05, np.float32)
    openings[0] = openings[9] = 0
    assert motion.closures((Place("b", 0), Place("pʰ", 9)), openings, 0.01).all()


def test_a_mouth_that_is_always_shut_is_wrongly_closed() -> None:
    real = np.array([0.0, 0.015, 0.05, 0.08], np.float32)
    assert motion.wrongly_closed(np.zeros(4, np.float32), real, 0.01) == 1
    assert motion.wrongly_closed(np.array([0, 0, 0, 0.05], np.float32), real, 0.01) == 0.5
    assert motion.wrongly_closed(real, real, 0.01) == 0


def test_places_are_the_middles_inside_the_measured_part() -> None:
    phones = [Phone("p", 0.9, 1.1), Phone("a", 2.0, 2.08), Phone("m", 9, 9.2)]
    assert motion.places(phones, 25, 50) == (Place("p", 0), Place("a", 26))


def test_restlessness_counts_neither_speech_nor_cuts() -> None:
    values = np.array([0, 0, 1, 1, 5, 5, 6], np.float32)
    silent = np.array([1, 1, 0, 1, 1, 1, 1], bool)
    assert motion.restlessness(values, silent, [4]) == pytest.approx(1 / 3)  # 0, cut, 0, 1
    assert motion.restlessness(values, silent, []) == pytest.approx(5 / 4)
    assert motion.restlessness(values, np.zeros(7, bool), []) == 0


def test_restlessness_of_points_is_the_mean_way() -> None:
    points = np.zeros((3, 2, 2), np.float32)
    points[1:, 0] = (3, 4)
    assert motion.restlessness(points, np.ones(3, bool), []) == pytest.approx(5 / 4)


def test_phones_are_told_apart_by_what_the_lips_do() -> None:
    kinds = {symbol: motion.kind(symbol) for symbol in ("p", "v", "aɪ", "uː", "tʃ", "_", "iː", "")}
    assert kinds["p"] == "p b m" and kinds["v"] == "f v" and kinds["aɪ"] == "open vowels"
    assert kinds["uː"] == "round vowels, w" and kinds["iː"] == "narrow vowels"
    assert kinds["tʃ"] == "other consonants" and kinds["_"] is None and kinds[""] is None
    values = np.array([0.1, 0.3, 0.5], np.float32)
    found = motion.by_kind((Place("p", 0), Place("m", 1), Place("a", 2), Place("_", 1)), values)
    assert found == {"p b m": (2, pytest.approx(0.2)), "open vowels": (1, pytest.approx(0.5))}
