"""A click is told from speech."""

from __future__ import annotations

import numpy as np
import voice_controls

from avatar_engine.contracts import SAMPLE_RATE


def test_a_click_in_a_vowel_stands_alone_and_the_vowel_does_not() -> None:
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    vowel = sum(0.2 / n**2 * np.sin(2 * np.pi * 140 * n * time) for n in range(1, 30))
    sound = np.asarray(vowel, np.float32)
    assert voice_controls.clicks(sound) < 2
    sound[12_000:] += 0.05
    assert voice_controls.clicks(sound) > 2
