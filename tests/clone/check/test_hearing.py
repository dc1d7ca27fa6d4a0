"""Noise, room, overdrive and band of sounds that are made so."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, fftconvolve, sosfilt

from avatar_engine.clone.check import hearing
from avatar_engine.clone.check.judge_sound import LONGEST_DECAY, MOST_OVERDRIVEN
from avatar_engine.contracts import SAMPLE_RATE, FloatArray
from tests.clone.speaking import speaking_mouth

SECONDS = 30


@pytest.fixture(scope="module")
def spoken() -> FloatArray:
    """Bursts of noise that die away as a voice does, 60 dB in 0.2 s."""
    random = np.random.default_rng(1)
    out = random.normal(0, 1e-4, SECONDS * SAMPLE_RATE)
    for start in np.arange(0.2, SECONDS - 1, 0.55):
        length = int(random.uniform(0.12, 0.3) * SAMPLE_RATE)
        past = np.maximum(0, np.arange(length + SAMPLE_RATE // 5) - length) / SAMPLE_RATE
        first = int(start * SAMPLE_RATE)
        out[first : first + len(past)] += 10 ** (-3 * past / 0.2) * random.laplace(0, 0.08, len(past))
    return out.astype(np.float32)


def in_room(samples: FloatArray, seconds: float) -> FloatArray:
    random = np.random.default_rng(2)
    count = int(seconds * 1.2 * SAMPLE_RATE)
    tail = random.normal(0, 1, count) * 10 ** (-3 * np.arange(count) / SAMPLE_RATE / seconds)
    tail *= 0.7 / np.sqrt((tail**2).sum())
    tail[0] = 1.0
    return fftconvolve(samples, tail)[: len(samples)].astype(np.float32)


def test_a_dry_sound_is_dry_and_rooms_are_heard_as_long_as_they_are(spoken: FloatArray) -> None:
    dry = hearing.decay(spoken)
    assert dry is not None and dry < 0.25
    for seconds in (0.5, 0.7):
        heard = hearing.decay(in_room(spoken, seconds))
        assert heard is not None
        assert heard == pytest.approx(seconds, rel=0.2)
        assert heard > LONGEST_DECAY


def test_noise_hides_the_room(spoken: FloatArray) -> None:
    noise = np.random.default_rng(3).normal(0, 0.1, len(spoken)).astype(np.float32)
    assert hearing.decay(spoken + noise) is None
    assert hearing.decay(spoken[:1000]) is None


def test_overdrive_is_found_at_any_level_and_nowhere_else() -> None:
    samples, _ = speaking_mouth(20)
    clean, _ = hearing.overdriven(samples)
    assert clean < MOST_OVERDRIVEN
    loud = np.clip(samples * 4, -1, 1)
    loud[: 5 * SAMPLE_RATE] = samples[: 5 * SAMPLE_RATE] * 0.2
    for gain in (1.0, 0.3):
        share, where = hearing.overdriven((loud * gain).astype(np.float32))
        assert share > 10 * MOST_OVERDRIVEN
        assert not where[: int(5 / 0.032)].any() and where.any()
    assert hearing.overdriven(samples[:100])[0] == 0.0


def test_a_knock_is_no_overdrive() -> None:
    samples, _ = speaking_mouth(20)
    samples = samples * 0.4
    samples[100_000:100_020] = 0.99
    assert hearing.overdriven(samples.astype(np.float32))[0] < MOST_OVERDRIVEN


def test_the_distance_from_the_noise_is_in_db() -> None:
    random = np.random.default_rng(4)
    quiet = random.normal(0, 0.01, 10 * SAMPLE_RATE)
    quiet[: 5 * SAMPLE_RATE] *= 10
    power = hearing.powers(quiet.astype(np.float32))
    speaking = np.arange(len(power)) < len(power) // 2
    assert hearing.above_noise(power, speaking) == pytest.approx(20, abs=0.7)
    assert hearing.above_noise(power, np.ones_like(speaking)) == hearing.NO_PAUSE


def test_the_band_of_a_telephone_is_told() -> None:
    random = np.random.default_rng(5)
    noise = random.normal(0, 0.1, 10 * SAMPLE_RATE)
    everywhere = np.ones(len(noise), np.bool_)
    assert hearing.highest(noise.astype(np.float32), everywhere) > 11_000
    narrow = sosfilt(butter(16, 3400, fs=SAMPLE_RATE, output="sos"), noise).astype(np.float32)
    assert hearing.highest(narrow, everywhere) == pytest.approx(4300, abs=700)
    assert hearing.highest(noise.astype(np.float32), ~everywhere) == 0.0


def test_hear_joins_them(spoken: FloatArray) -> None:
    speaking = np.arange(len(spoken) // 768) % 50 < 40
    heard = hearing.hear(spoken, speaking)
    assert heard.seconds == SECONDS
    assert heard.peak == pytest.approx(np.abs(spoken).max())
    assert heard.speech_seconds == pytest.approx(speaking.sum() * 0.032)
    assert len(heard.levels) == len(heard.speaking) == len(heard.cut_off)
    assert -40 < heard.speech_level < 0
