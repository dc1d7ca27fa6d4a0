"""The minute in other voices: pace, words that don't fit, and what is kept for a second run."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avatar_engine.clone import echoes
from avatar_engine.contracts import SAMPLE_RATE, SAMPLES_PER_FRAME, Phone, Speech, Utterance
from avatar_engine.errors import AvatarError
from avatar_engine.voice.align import Stretch
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.speak import Voice, say


class Talker:
    """A voice in which every letter is a phone of 0.1 s at speed 1."""

    speeds: list[float]

    def __init__(self) -> None:
        self.speeds = []

    def speak(self, utterance: Any) -> Any:
        self.speeds.append(utterance.controls.speed)
        length = 0.1 / utterance.controls.speed
        phones = tuple(Phone(s, k * length, (k + 1) * length) for k, s in enumerate("abcd"))
        random = np.random.default_rng(0)
        yield Speech(random.normal(0, 0.1, int(4 * length * SAMPLE_RATE)).astype(np.float32), phones)


def test_the_voice_speaks_as_fast_as_the_person() -> None:
    voice: Any = Talker()
    rim = 2 * echoes.recorded.RIM
    speech = echoes.paced(voice, Stretch(0, int((0.25 + rim) * SAMPLE_RATE), "abcd"), "en")
    assert voice.speeds == [1, pytest.approx(1.6, abs=0.01)]
    assert speech.phones[-1].end == pytest.approx(0.25, abs=0.002)
    voice.speeds.clear()
    echoes.paced(voice, Stretch(0, int((0.4 + rim) * SAMPLE_RATE), "abcd"), "en")
    assert voice.speeds == [1]  # near enough


def test_words_that_do_not_fit_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = iter([5.0, 5.2, 9.0, float("inf"), None, 5.1])

    def phones(speech: Speech, samples: np.ndarray) -> Any:
        cost = next(costs)
        if cost is None:
            raise AvatarError("0.1 s of recording hold no words.", "Give a whole sentence.")
        return speech.phones, cost

    monkeypatch.setattr(echoes.recorded, "phones", phones)
    voice: Any = Talker()
    pieces = [Stretch(k * SAMPLE_RATE, (k + 1) * SAMPLE_RATE, f"words {k}") for k in range(6)]
    said = echoes.said(np.zeros(6 * SAMPLE_RATE, np.float32), pieces, voice, "en", lambda *_: None)
    assert [round(piece.real[0].start) for piece in said] == [0, 1, 5]


@pytest.mark.weights
def test_a_minute_comes_back_in_other_voices_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One stock voice is the presenter; the others say the same, and their vowels lie where its vowels are."""
    words = "Please set the table."
    voice = Voice(VoicePack.stock("am_michael"), "en")
    spoken = say(voice, Utterance(words, "en"))
    voice.close()
    rest = np.zeros(SAMPLE_RATE // 2, np.float32)
    samples = np.concatenate([rest, spoken.samples, rest])
    samples = np.pad(samples, (0, -len(samples) % SAMPLES_PER_FRAME))
    pieces = [Stretch(len(rest), len(rest) + len(spoken.samples), words)]
    packs = echoes.nearest(samples, "en")[:2]
    assert packs[0].base == "am_michael"
    made = echoes.echoes(samples, pieces, packs, "en", tmp_path, budget=600)
    assert len(made) == 2
    count = len(samples) // SAMPLES_PER_FRAME
    for echo in made:
        assert len(echo.samples) == len(echo.pictures) * SAMPLES_PER_FRAME
        assert np.all(np.diff(echo.pictures) >= 0)
        assert echo.pictures.min() >= 0
        assert echo.pictures.max() <= count - 1
        here = np.abs(echo.samples.reshape(-1, SAMPLES_PER_FRAME)).mean(1)
        there = np.abs(samples.reshape(-1, SAMPLES_PER_FRAME)).mean(1)[np.round(echo.pictures).astype(int)]
        assert np.corrcoef(here, there)[0, 1] > 0.6
    monkeypatch.setattr(echoes, "said", None)
    again = echoes.echoes(samples, pieces, packs, "en", tmp_path, budget=600)
    for first, second in zip(made, again, strict=True):
        assert np.array_equal(first.samples, second.samples)
        assert np.array_equal(first.pictures, second.pictures)


@pytest.mark.weights
def test_what_does_not_fit_the_budget_is_not_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pieces, pack = [Stretch(0, SAMPLE_RATE, "Hello.")], VoicePack.stock("af_heart")
    voices: list[int] = []
    monkeypatch.setattr(echoes, "paced", lambda *_: voices.append(1))
    ticks = iter(range(100))
    samples = np.random.default_rng(1).normal(0, 0.1, 2 * SAMPLE_RATE).astype(np.float32)
    clock = partial(next, map(float, ticks))
    made = echoes.echoes(samples, pieces, [pack, pack], "en", tmp_path, budget=0.5, clock=clock)
    assert made == [] and voices == []
    assert not (tmp_path / "echoes.safetensors").exists()  # a later run with more time says it
