"""Pitch, its spread, pace and loudness of sounds that were made to have them."""

from __future__ import annotations

import numpy as np
import pytest

from avatar_engine.contracts import SAMPLE_RATE, SILENCE, FloatArray, Phone, Speech
from avatar_engine.voice import align, delivery


def melody(seconds: float, hertz: float, swing: float, level: float = 0.1) -> FloatArray:
    """Twelve harmonics whose pitch swings by so many semitones to both sides of ``hertz``, twice a second."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    pitch = hertz * 2 ** (swing * np.sin(2 * np.pi * 2 * time) / 12)
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE
    return (level * sum(np.sin(n * phase) / n for n in range(1, 13))).astype(np.float32)


@pytest.fixture
def all_is_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    """The detector of speech knows no tones: here all that is not silent is speech."""

    def spans(samples: FloatArray, **_: float) -> list[tuple[int, int]]:
        loud = np.flatnonzero(np.abs(samples) > 1e-4)
        return [(int(loud[0]), int(loud[-1]) + 1)] if len(loud) else []

    monkeypatch.setattr(align, "speech_spans", spans)


@pytest.mark.usefixtures("all_is_speech")
@pytest.mark.parametrize(("hertz", "swing"), [(110.0, 1.0), (220.0, 3.0)])
def test_pitch_and_spread_are_those_of_the_sound(hertz: float, swing: float) -> None:
    found = delivery.delivery([melody(2.0, hertz, swing), melody(2.0, hertz, swing)])
    assert found.pitch == pytest.approx(hertz, rel=0.02)
    assert found.spread == pytest.approx(swing / np.sqrt(2), rel=0.1)
    assert sum(found.pitches) == pytest.approx(1, abs=0.01) and len(found.pitches) == delivery.BINS
    commonest = delivery.LOWEST * 2 ** (np.argmax(found.pitches) / 12)
    assert hertz / 1.3 < commonest < hertz * 1.3
    assert found.pace is None and found.paces == ()


@pytest.mark.usefixtures("all_is_speech")
def test_pace_is_phones_over_seconds_of_speech() -> None:
    found = delivery.delivery([melody(2.0, 150, 1), melody(1.0, 150, 1)], [20, 16])
    assert found.seconds == pytest.approx(3.0, abs=0.01)
    assert found.pace == pytest.approx(12.0, rel=0.01)
    assert found.paces == pytest.approx((10.0, 16.0), rel=0.01)


@pytest.mark.usefixtures("all_is_speech")
def test_loudness_follows_the_level_and_silence_has_no_pitch() -> None:
    loud, faint = (delivery.delivery([melody(2.0, 150, 1, level)]) for level in (0.2, 0.02))
    assert loud.loudness - faint.loudness == pytest.approx(20, abs=0.2)
    nothing = delivery.delivery([np.zeros(SAMPLE_RATE, np.float32)], [0])
    assert nothing.pitch is None and nothing.spread is None and nothing.pace is None
    assert nothing.loudness == -70 and nothing.seconds == 0


def test_phones_are_counted_without_marks() -> None:
    said = delivery.phones_of(
        "Hello. You", "en", lambda sentence, _: {"Hello.": "həlˈO.", "You": "jˌuː!"}[sentence]
    )
    assert said == 4 + 2
    speech = Speech(np.zeros(10, np.float32), (Phone(SILENCE, 0, 1), Phone("h", 1, 2), Phone("aɪ", 2, 3)))
    assert delivery.phones_in(speech) == 2
