from itertools import pairwise

import numpy as np
import pytest

from avatar_engine.lips import sound


def tone(hertz: float, seconds: float) -> np.ndarray:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(int(24000 * seconds)) / 24000)).astype(np.float32)


def test_look_ahead_is_120_ms() -> None:
    assert sound.LOOK_AHEAD == 2880
    assert sound.BEFORE * sound.HOP == 0.16 * 24000


def test_every_picture_has_its_window() -> None:
    for samples in (1, 960, 961, 24000):
        pictures = -(-samples // 960)
        mel = sound.log_mel(sound.power(sound.padded(np.zeros(samples, np.float32))))
        assert sound.windows(mel).shape == (pictures, sound.CONTEXT, sound.BANDS)


def test_a_click_is_seen_where_it_is() -> None:
    samples = np.zeros(9600, np.float32)
    samples[960 * 5 + 480] = 1.0  # the middle of picture 5
    windows = sound.windows(sound.log_mel(sound.power(sound.padded(samples)))).mean(2)
    loudest = windows.argmax(1)[3:8].tolist()
    middle = sound.BEFORE + 1.5
    assert loudest[2] == pytest.approx(middle, abs=1)
    assert [a - b for a, b in pairwise(loudest)] == [4, 4, 4, 4]


def test_a_tone_lies_in_its_band_and_warping_moves_it() -> None:
    power = sound.power(tone(1000, 0.2))
    straight, warped = (sound.log_mel(power, warp).mean(0).argmax() for warp in (1.0, 1.15))
    edges = 700 * (10 ** (np.linspace(sound._mel(60), sound._mel(7600), 42) / 2595) - 1)
    assert edges[straight] < 1000 < edges[straight + 2]
    assert warped < straight


def test_loudness_is_in_decibels() -> None:
    levels = sound.loudness(
        np.concatenate([np.zeros(960, np.float32), tone(500, 0.04), tone(500, 0.04) / 10])
    )
    assert levels[0] == pytest.approx(-100)
    assert levels[1] - levels[2] == pytest.approx(20, abs=0.1)
