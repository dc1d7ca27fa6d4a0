from __future__ import annotations

import numpy as np
import pytest

from avatar_engine.clone import sync, takes
from avatar_engine.contracts import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME
from tests.clone.speaking import speaking_mouth

SECONDS = 32
FOUND = np.ones(SECONDS * FRAME_RATE, np.bool_)


@pytest.fixture(scope="module")
def spoken() -> tuple[np.ndarray, np.ndarray]:
    return speaking_mouth(SECONDS)


TAKES = [(start * FRAME_RATE, (start + 4) * FRAME_RATE) for start in range(0, SECONDS, 4)]


def apart(samples: np.ndarray, lags_ms: list[int]) -> np.ndarray:
    """The sound of every take later by its lag; what is missing at its start is the take's own, turned round."""
    parts = []
    for (start, stop), lag in zip(TAKES, lags_ms, strict=True):
        own = samples[start * SAMPLES_PER_FRAME : stop * SAMPLES_PER_FRAME]
        parts.append(np.roll(own, round(lag * SAMPLE_RATE / 1000)))
    return np.concatenate(parts)


def test_takes_that_stand_apart_are_found_and_put_in_step(spoken: tuple[np.ndarray, np.ndarray]) -> None:
    samples, opening = spoken
    wanted = [0, 80, 0, -60, 0, 40, 0, -80]
    wrong = apart(samples, wanted)
    lags = takes.measure_takes(wrong, opening, FOUND, TAKES)
    assert [(lag.start, lag.stop) for lag in lags] == TAKES
    assert [lag.lag_ms for lag in lags] == pytest.approx(wanted, abs=20)
    assert min(lag.gain for lag, by in zip(lags, wanted, strict=True) if by) > 0
    mended = takes.correct_takes(wrong, lags)
    assert len(mended) == len(opening) * SAMPLES_PER_FRAME
    before, after = (sync.measure(sound, opening, FOUND).correlation for sound in (wrong, mended))
    assert after > before + 0.05


def test_takes_in_step_are_left_as_they_are(spoken: tuple[np.ndarray, np.ndarray]) -> None:
    samples, opening = spoken
    lags = takes.measure_takes(samples, opening, FOUND, TAKES)
    assert max(abs(lag.lag_ms) for lag in lags) <= 10


def test_takes_whose_lags_would_explain_nothing_are_left_as_they_are(
    spoken: tuple[np.ndarray, np.ndarray],
) -> None:
    stranger, _ = speaking_mouth(SECONDS, seed=99)
    lags = takes.measure_takes(apart(stranger, [0, 80, 0, -60, 0, 40, 0, -80]), spoken[1], FOUND, TAKES)
    assert [lag.lag_ms for lag in lags] == [0.0] * len(TAKES)


def test_a_take_too_short_to_tell_is_left_as_it_is(spoken: tuple[np.ndarray, np.ndarray]) -> None:
    samples, opening = spoken
    parts = [(0, 400), (400, 440), (440, SECONDS * FRAME_RATE)]
    lags = takes.measure_takes(samples, opening, FOUND, parts)
    assert lags[1].lag_ms == 0
    assert lags[1].gain == 0


def test_the_joint_of_two_moved_takes_has_no_click() -> None:
    """A slow tone stays a tone: across the joint it goes over within the blend, never in a step."""
    samples = np.sin(np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE * 2 * np.pi * 40).astype(np.float32)
    lags = (takes.TakeLag(0, 50, 7.0, 0.1), takes.TakeLag(50, 100, -9.0, 0.1))
    mended = takes.correct_takes(samples, lags)
    steepest = float(np.abs(np.diff(samples)).max())
    assert float(np.abs(np.diff(mended)).max()) < 3 * steepest
    inner = slice(SAMPLE_RATE // 2, SAMPLE_RATE)
    assert np.allclose(mended[inner], samples[inner.start + 168 : inner.stop + 168], atol=1e-6)
