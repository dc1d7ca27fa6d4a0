from __future__ import annotations

import numpy as np
import pytest

from avatar_engine.clone.speech import WINDOW_SECONDS, _spans, speech_seconds, speech_windows
from avatar_engine.contracts import SAMPLE_RATE
from tests.clone.speaking import speaking_mouth


def test_noise_and_silence_are_no_speech() -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, 10 * SAMPLE_RATE).astype(np.float32)
    assert speech_seconds(noise) < 0.5
    assert speech_seconds(np.zeros(5 * SAMPLE_RATE, np.float32)) == 0.0


def test_a_voice_is_found_where_it_is() -> None:
    voice, _ = speaking_mouth(6)
    quiet = np.zeros(4 * SAMPLE_RATE, np.float32)
    windows = speech_windows(np.concatenate([quiet, voice, quiet]))
    assert len(windows) == pytest.approx(14 / WINDOW_SECONDS, abs=1)
    before, during, after = (
        windows[int(a / WINDOW_SECONDS) : int(b / WINDOW_SECONDS)] for a, b in ((0, 3.8), (4, 10), (10.6, 14))
    )
    assert not before.any()
    assert during.mean() > 0.5
    assert not after.any()


def test_speech_begins_when_sure_ends_when_in_doubt_and_bridges_short_pauses() -> None:
    chances = np.array([0.4, 0.6, 0.4, 0.1, 0.1, 0.7, 0.2] + [0.1] * 8 + [0.9], np.float32)
    expected = [False, True, True, True, True, True, False] + [False] * 8 + [True]
    assert _spans(chances).tolist() == expected


def test_an_empty_sound_has_no_windows() -> None:
    assert len(speech_windows(np.zeros(0, np.float32))) == 0
