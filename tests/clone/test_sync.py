from __future__ import annotations

import numpy as np
import pytest

from avatar_engine.clone import sync
from avatar_engine.contracts import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME
from tests.clone.speaking import disturbed, speaking_mouth

SECONDS = 32


@pytest.fixture(scope="module")
def spoken() -> tuple[np.ndarray, np.ndarray]:
    return speaking_mouth(SECONDS)


FOUND = np.ones(SECONDS * FRAME_RATE, np.bool_)


@pytest.mark.parametrize(("offset", "drift"), [(0, 0), (-120, 0), (80, -300), (-700, 0), (0, 600)])
def test_known_offsets_and_drifts_are_found(
    spoken: tuple[np.ndarray, np.ndarray], offset: float, drift: float
) -> None:
    samples, opening = spoken
    seen = sync.measure(disturbed(samples, offset, drift), opening, FOUND)
    assert seen.offset_ms == pytest.approx(offset, abs=20)
    assert seen.drift_ms_per_minute == pytest.approx(drift, abs=30)
    assert seen.clarity > 6
    assert seen.correlation > 0.6


def test_mended_sound_is_in_step(spoken: tuple[np.ndarray, np.ndarray]) -> None:
    samples, opening = spoken
    wrong = disturbed(samples, 160, -200)
    mended = sync.correct(wrong, sync.measure(wrong, opening, FOUND), len(opening))
    assert mended.dtype == np.float32
    assert len(mended) == len(opening) * SAMPLES_PER_FRAME
    left = sync.measure(mended, opening, FOUND)
    assert abs(left.offset_ms) < 15
    assert abs(left.drift_ms_per_minute) < 30


def test_correction_is_exact_arithmetic() -> None:
    """A click at a known place lands where offset and drift say, to a fraction of a millisecond."""
    frames, samples = 750, np.zeros(30 * SAMPLE_RATE, np.float32)
    wanted = (5.0, 15.0, 25.0)
    for second in wanted:
        late = 0.080 + 0.300 / 60 * (second - 15.0)
        samples[round((second + late) * SAMPLE_RATE)] = 0.9
    mended = sync.correct(samples, sync.Sync(80.0, 300.0, 1.0, 10.0), frames)
    for second in wanted:
        near = slice(round((second - 0.2) * SAMPLE_RATE), round((second + 0.2) * SAMPLE_RATE))
        place = near.start + int(np.abs(mended[near]).argmax())
        assert place / SAMPLE_RATE == pytest.approx(second, abs=0.0003)


def test_no_correction_changes_no_sample() -> None:
    samples = np.random.default_rng(1).normal(0, 0.1, 10_000).astype(np.float32)
    same = sync.correct(samples, sync.Sync(0.0, 0.0, 1.0, 10.0), 12)
    assert np.array_equal(same[:10_000], samples)
    assert not same[10_000:].any()


def test_a_stranger_s_sound_is_not_clear(spoken: tuple[np.ndarray, np.ndarray]) -> None:
    stranger, _ = speaking_mouth(SECONDS, seed=99)
    seen = sync.measure(stranger, spoken[1], FOUND)
    assert seen.clarity < 5
    assert seen.correlation < 0.3


def test_pictures_without_a_face_do_not_count(spoken: tuple[np.ndarray, np.ndarray]) -> None:
    samples, opening = spoken
    opening, found = opening.copy(), FOUND.copy()
    opening[200:400], found[200:400] = np.random.default_rng(2).normal(0.5, 3.0, 200), False
    seen = sync.measure(disturbed(samples, 80, 0), opening, found)
    assert seen.offset_ms == pytest.approx(80, abs=20)
    assert seen.clarity > 6


def test_a_mouth_that_never_moves_tells_nothing(spoken: tuple[np.ndarray, np.ndarray]) -> None:
    seen = sync.measure(spoken[0], np.full(SECONDS * FRAME_RATE, 0.1, np.float32), FOUND)
    assert seen.clarity < 4
    assert np.isfinite([seen.offset_ms, seen.drift_ms_per_minute, seen.correlation]).all()


def test_a_jump_in_the_sound_shows_in_its_stretch(spoken: tuple[np.ndarray, np.ndarray]) -> None:
    samples, opening = spoken
    cut = 23 * SAMPLE_RATE
    jumped = np.concatenate([samples[:cut], np.zeros(SAMPLE_RATE // 5, np.float32), samples[cut:]])[
        : len(samples)
    ]
    seen = sync.measure(jumped, opening, FOUND)
    lags = {window.start: window.lag_ms for window in seen.windows}
    assert max(lags.values()) - min(lags.values()) > 100


def test_opening_does_not_depend_on_size_or_tilt() -> None:
    points = np.zeros((2, 478, 3), np.float32)
    points[:, 33], points[:, 263] = (10, 10, 0), (50, 10, 5)
    points[:, 13], points[:, 14] = (30, 40, 0), (30, 50, 3)
    turn = np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]], np.float32)
    points[1] = 3 * points[1] @ turn + 100
    assert sync.mouth_opening(points) == pytest.approx([0.25, 0.25])
