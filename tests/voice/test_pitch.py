import numpy as np
import pytest

from avatar_engine.voice.pitch import cepstra, loudness, pitch


def voice(f0: np.ndarray) -> np.ndarray:
    """A buzz with ten falling harmonics at ``f0`` (one value a sample)."""
    phase = 2 * np.pi * np.cumsum(f0) / 24000
    return sum(np.sin(k * phase) / k for k in range(1, 11)).astype(np.float32) * 0.1


@pytest.mark.parametrize("hertz", [75.0, 110.0, 180.0, 310.0])
def test_steady_pitch_within_a_quarter_tone_and_no_octave_errors(hertz: float) -> None:
    found = pitch(voice(np.full(24000, hertz)))[5:-5]
    assert np.all(found > 0)
    assert np.abs(1200 * np.log2(found / hertz)).max() < 50


def test_glide_is_followed() -> None:
    glide = np.linspace(100, 200, 48000)
    found = pitch(voice(glide))[5:-5]
    wanted = glide[::300][5:-5]
    assert np.median(np.abs(found / wanted - 1)) < 0.02


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(1).normal(size=24000).astype(np.float32) * 0.05
    sound = np.concatenate([voice(np.full(24000, 120.0)), noise, np.zeros(24000, np.float32)])
    found = pitch(sound)
    assert (found[:80] > 0).mean() > 0.9
    assert (found[82:160] > 0).mean() < 0.1 and not np.any(found[162:])


def test_loudness_rises_by_the_gain() -> None:
    sound = voice(np.full(24000, 120.0))
    rise = loudness(sound * 2)[5:-5] - loudness(sound)[5:-5]
    assert np.allclose(rise, np.log(2), atol=0.01)


def test_rates() -> None:
    sound = np.zeros(30000, np.float32)
    assert len(pitch(sound)) == len(loudness(sound)) == len(cepstra(sound)) == 100
