"""Clicks, buzz, noise and clipping that were put into a sound are found in it, as many and as loud."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from avatar_engine.contracts import SAMPLE_RATE, FloatArray
from avatar_engine.voice import align, artefacts


def vowel(seconds: float = 1.0) -> FloatArray:
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return sum(0.2 / n**2 * np.sin(2 * np.pi * 140 * n * time) for n in range(1, 30)).astype(np.float32)


def test_a_click_in_a_vowel_stands_alone_and_the_vowel_does_not() -> None:
    sound = vowel()
    assert artefacts.click(sound) < 2
    sound[12_000:] += 0.05
    assert artefacts.click(sound) > 2


def test_clicks_are_counted() -> None:
    sound = vowel(6.0)
    assert artefacts.artefacts([sound]).clicks == 0
    for place in (20_000, 70_000, 110_000):
        sound[place:] += 0.05
    found = artefacts.artefacts([sound])
    assert found.clicks == pytest.approx(3 * 10)  # three in six seconds
    assert found.click > artefacts.CLICK


def test_a_step_is_compared_with_ten_milliseconds_on_either_side() -> None:
    sharp = np.zeros(3000, np.float32)
    sharp[1000] = 1.0
    alone = artefacts.standing_out(sharp)
    assert alone.max() > 100 and abs(int(alone.argmax()) - 999) <= 1
    for other, near in ((1000 + 238, True), (1000 + 246, False), (1000 - 238, True), (1000 - 246, False)):
        pair = sharp.copy()
        pair[other] = 1.0
        assert bool(artefacts.standing_out(pair)[999] < 2) is near, other


@pytest.mark.parametrize("decibels", [0.0, 6.0, 12.0])
def test_harmonicity_is_how_far_the_harmonics_stand_out_of_the_noise(decibels: float) -> None:
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    voice = sum((0.1 if n < 10 else 0.02) * np.cos(2 * np.pi * 150 * n * time + n * n) for n in range(1, 40))
    hiss = np.random.default_rng(4).normal(0, 1, len(voice))
    band = butter(4, np.array((1500.0, 4000.0)) * 2 / SAMPLE_RATE, "band", output="sos")
    within = [float(np.mean(sosfiltfilt(band, sound) ** 2)) for sound in (voice, hiss)]
    hiss *= np.sqrt(within[0] / within[1]) * 10 ** (-decibels / 20)
    found = artefacts.harmonicity((voice + hiss).astype(np.float32))
    assert len(found) > 20
    assert np.median(found) == pytest.approx(decibels, abs=1.5)


@pytest.fixture
def gap(monkeypatch: pytest.MonkeyPatch) -> FloatArray:
    """A second of sound, half a second's pause, and sound again, as the detector of speech would find it."""
    rest, second = SAMPLE_RATE * 3 // 10, SAMPLE_RATE
    spans = [(rest, rest + second), (rest + second * 3 // 2, rest + second * 5 // 2)]
    monkeypatch.setattr(align, "speech_spans", lambda *_, **__: spans)
    said = np.random.default_rng(1).normal(0, 0.1, second)
    return np.concatenate([said, np.zeros(second // 2), said]).astype(np.float32)


@pytest.mark.parametrize("level", [-30.0, -50.0])
def test_noise_in_a_pause_is_measured_against_the_speech(gap: FloatArray, level: float) -> None:
    noise = np.random.default_rng(2).normal(0, 0.1 * 10 ** (level / 20), len(gap))
    assert artefacts.noise(gap + noise.astype(np.float32)) == pytest.approx(level, abs=1)


def test_digital_silence_has_no_noise_and_no_pause_none_at_all(
    gap: FloatArray, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert artefacts.noise(gap) == artefacts.SILENT
    monkeypatch.setattr(align, "speech_spans", lambda *_, **__: [(7200, 30_000)])
    assert artefacts.noise(gap) is None


def test_clipped_samples_are_counted() -> None:
    sound = vowel(3.0)
    sound[100:105] = 1.0
    assert artefacts.artefacts([sound]).clipped == pytest.approx(5 * 20)  # five in three seconds
    assert artefacts.artefacts([]).clipped == 0
