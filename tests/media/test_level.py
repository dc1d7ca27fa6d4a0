import numpy as np
import pytest

from avatar_engine.contracts import SAMPLE_RATE
from avatar_engine.media.level import LOOK, SPEECH, levelled, loudness


def speech(seconds, level, seed=0):
    """Noise in bursts of 0.6 s with pauses of 0.4 s; ``level`` is the bursts' root mean square."""
    count = round(seconds * SAMPLE_RATE)
    noise = np.random.default_rng(seed).normal(0, level, count)
    on = np.arange(count) % SAMPLE_RATE < 0.6 * SAMPLE_RATE
    return (noise * np.where(on, 1, 0.003)).astype(np.float32), on


def through(sound, look, size=480):
    return np.concatenate(list(levelled((sound[at : at + size] for at in range(0, len(sound), size)), look)))


def rms(samples):
    return float(np.sqrt(np.mean(np.square(samples))))


@pytest.mark.parametrize("level", [0.01, 0.07, 0.3])
def test_a_recording_is_as_loud_as_the_show_from_its_first_word(level):
    sound, on = speech(20, level)
    even = through(sound, LOOK)
    assert len(even) == len(sound)
    assert rms(even[on]) == pytest.approx(SPEECH, rel=0.1)
    first = on & (np.arange(len(on)) < SAMPLE_RATE)
    assert rms(even[first]) == pytest.approx(SPEECH, rel=0.15)


def test_a_live_sound_gets_there_slowly():
    sound, on = speech(20, 0.01)
    even = through(sound, 0.0)
    first, last = on & (np.arange(len(on)) < SAMPLE_RATE // 5), on & (np.arange(len(on)) > 15 * SAMPLE_RATE)
    assert rms(even[first]) < 0.02
    assert rms(even[last]) == pytest.approx(SPEECH, rel=0.15)


def test_silence_and_hiss_stay_what_they_are():
    hiss = np.random.default_rng(2).normal(0, 0.001, 10 * SAMPLE_RATE).astype(np.float32)
    np.testing.assert_array_equal(through(hiss, LOOK), hiss)
    assert not through(np.zeros(SAMPLE_RATE, np.float32), LOOK).any()


def test_a_shout_is_bent_and_never_clips():
    sound, _ = speech(10, 0.05)
    sound[120_000:122_400] = np.sin(np.arange(2400) / 5)
    even = through(sound * 0.3, LOOK)
    assert 0.8 < np.abs(even).max() < 1.0


@pytest.mark.parametrize("level", [0.1, 0.01])
def test_loudness_is_that_of_the_standard_s_own_tone(level):
    """A sine of 1 kHz at -20 dB of full scale is -23 LUFS in one channel (EBU Tech 3341)."""
    tone = level * np.sin(2 * np.pi * 1000 * np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE)
    assert loudness(tone.astype(np.float32)) == pytest.approx(-23 + 20 * np.log10(level / 0.1), abs=0.1)
    assert loudness(np.zeros(10, np.float32)) == -70
