"""The likeness hears voices and no rooms; the read-back is bounded, and is of the languages that were claimed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from avatar_engine.contracts import Speech, Utterance, silent
from avatar_engine.voice import measure
from avatar_engine.voice.measure import LanguageScore, Likeness, similarity, speech
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.speak import Voice, say


def test_the_languages_claimed_are_those_agreed_to_that_can_be_spoken() -> None:
    assert measure.claimed("en-gb", ["en", "fr-CA", "sv", "ja", "fr"]) == ("en-gb", "fr-CA", "ja")
    assert measure.claimed("de") == ("de",)


def test_the_unfitted_voice_has_the_base_timbre_and_the_pack_s_own_melody() -> None:
    base, melody = VoicePack.stock("bm_fable"), VoicePack.stock("af_heart")
    meta = {"prosody": "af_heart", "pitch": [0.1, 1.2], "pace": 0.9, "steps": 3}
    fitted = replace(
        base,
        style=np.concatenate([base.style[:128] + 1, melody.style[128:]]),
        folded={"a": base.style},
        meta=meta,
    )
    before = measure.unfitted(fitted)
    assert np.array_equal(before.style, np.concatenate([base.style[:128], melody.style[128:]]))
    assert not before.folded and before.statistics.keys() == base.statistics.keys()
    assert before.meta == {"prosody": "af_heart", "pitch": [0.1, 1.2], "pace": 0.9}


class Clock:
    """Seconds that pass only when a sentence is said."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, heard: Callable[[str], str] = str) -> None:
        self.now, self.said = 0.0, list[tuple[Any, str, str]]()
        monkeypatch.setattr(measure, "say", self.say)
        monkeypatch.setattr(measure, "understand", lambda *_: heard(self.said[-1][1]))

    def say(self, voice: Any, utterance: Utterance) -> Speech:
        self.now += 1.0
        self.said.append((voice, utterance.text, utterance.language))
        return Speech(np.zeros(2400, np.float32))

    def __call__(self) -> float:
        return self.now


def read(clock: Clock, languages: Sequence[str], seconds: float, beside: Any = None) -> list[tuple[str, int]]:
    scores, _, _ = measure._read_all("voice", beside, languages, 20, seconds, clock, silent)  # type: ignore[arg-type]
    return [(one.language, len(one.lines)) for one in scores]


def test_every_language_is_read_where_there_is_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(Clock(monkeypatch), ("en", "fr", "de"), 1000) == [("en", 20), ("fr", 20), ("de", 20)]


def test_little_time_means_fewer_sentences_and_then_fewer_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    read_in = read(Clock(monkeypatch), ("en", "fr", "es"), 30)
    assert [language for language, _ in read_in] == ["en", "fr", "es"]
    assert read_in[0][1] > read_in[1][1] >= measure.FEWEST and sum(count for _, count in read_in) <= 33
    clock = Clock(monkeypatch)
    assert read(clock, ("en", "fr", "es"), 0) == [("en", measure.FEWEST)]
    assert clock.now == measure.FEWEST


def test_the_unfitted_voice_reads_along_in_the_person_s_own_language_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    assert read(clock, ("en", "fr"), 1000, "before") == [("en", 20), ("fr", 20)]
    assert sum(voice == "before" for voice, *_ in clock.said) == 20
    assert {language for voice, _, language in clock.said if voice == "before"} == {"en"}


def test_errors_are_counted_over_all_sentences_beside_the_unfitted_voice_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    monkeypatch.setattr(
        measure, "understand", lambda *_: "one" if clock.said[-1][0] == "before" else clock.said[-1][1]
    )
    score, made, other = measure.read_back("voice", ("One two.", "Four five six."), "en", "before")  # type: ignore[arg-type]
    assert score.word_errors == 0 and score.unfitted_errors == pytest.approx(4 / 5)
    assert [line.of for line in score.lines] == [2, 3] and score.lines[0].unfitted == "one"
    assert len(made) == len(other) == 2


def test_loudness_is_levelled_and_sound_without_speech_is_kept() -> None:
    hiss = np.random.default_rng(5).normal(size=48000).astype(np.float32)
    loud, faint = speech(hiss * 0.3), speech(hiss * 0.001)
    assert len(loud) == len(hiss) and np.allclose(loud, faint, atol=1e-3)
    assert np.sqrt(np.mean(loud**2)) == pytest.approx(10 ** (-23 / 20), rel=1e-3)


class Room:
    """A place in which everything is heard as a hundred more."""

    @classmethod
    def of(cls, recording: np.ndarray) -> Room:
        assert recording[0] == 1, "of the speech that was held out"
        return cls()

    def hears(self, samples: np.ndarray) -> np.ndarray:
        return samples + 100


def test_whoever_was_recorded_elsewhere_is_compared_where_the_person_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By their first samples: held out 1, fitted 2, the voice 3, the unfitted 4, a stranger 5."""
    held_out, fitted, voice, before, stranger = (np.full(4800, n, np.float32) for n in range(1, 6))
    compared = dict[tuple[float, float], float]()

    def similar(a: np.ndarray, b: np.ndarray) -> Likeness:
        likeness = Likeness(len(compared) / 10, None)
        compared[float(a[0]), float(b[0])] = likeness.encoder
        return likeness

    lines = (LanguageScore("en", 0.0, 0.0, ()),)
    monkeypatch.setattr(measure, "Place", Room)
    monkeypatch.setattr(measure, "similarity", similar)
    monkeypatch.setattr(measure, "_read_all", lambda *_: (lines, [Speech(voice)], [Speech(before)]))
    for name in ("delivery", "artefacts"):
        monkeypatch.setattr(measure, name, lambda *_: None)
    speaker: Any = SimpleNamespace(pack=SimpleNamespace(folded={}))
    found = measure.score(speaker, fitted, held_out, [stranger])
    assert {n: compared[n] for n in [(103, 1), (104, 1), (105, 1), (3, 1), (2, 1)]} == {
        (103, 1): found.likeness.encoder,
        (104, 1): found.unfitted and found.unfitted.encoder,
        (105, 1): found.strangers and found.strangers.encoder,
        (3, 1): found.dry.encoder,
        (2, 1): found.own.encoder,
    }
    assert len(compared) == 5


@pytest.mark.weights
def test_a_room_that_two_voices_share_makes_them_no_more_alike() -> None:
    random = np.random.default_rng(6)
    recordings = []
    for name in ("af_heart", "bm_george"):
        voice = Voice(VoicePack.stock(name), "en")
        said = say(voice, Utterance("Nothing is better than a cup of tea.", "en")).samples
        voice.close()
        pause = np.zeros(3 * 24000, np.float32)
        sound = np.concatenate([pause, said, pause, said, pause])
        room = np.convolve(random.normal(size=len(sound)), np.ones(12) / 12, "same") * 0.02
        recordings.append((said, (sound + room).astype(np.float32)))
    (one, noisy_one), (other, noisy_other) = recordings
    assert len(speech(noisy_one)) == pytest.approx(2 * len(one), rel=0.25)
    clean, noisy = similarity(one, other), similarity(noisy_one, noisy_other)
    assert noisy.encoder < clean.encoder + 0.15
    assert similarity(one, noisy_one).encoder > noisy.encoder
