from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from avatar_engine.clone.check import judge_sound
from avatar_engine.clone.check.finding import Finding, Verdict
from avatar_engine.clone.check.hearing import NO_PAUSE
from avatar_engine.clone.check.judge_sound import Words
from avatar_engine.clone.sync import Sync, SyncWindow
from tests.clone.check.seen import FRAMES, IN_STEP, hearing, words

EVERYWHERE = np.ones(FRAMES, np.bool_)


def all_of(**changes: object) -> list[Finding]:
    heard = replace(hearing(), **changes)  # type: ignore[arg-type]
    found = [*judge_sound.speech(heard), *judge_sound.flaws(heard), *judge_sound.room(heard)]
    return [finding for finding in found if finding.verdict is not Verdict.GOOD]


def test_good_sound_is_not_accused() -> None:
    assert all_of() == []
    assert all_of(decay=None, above_noise=NO_PAUSE) == []


@pytest.mark.parametrize(
    ("changes", "topic", "said"),
    [
        ({"overdriven": 0.004}, "overdrive", "0.4% of its samples"),
        ({"above_noise": 11.0}, "noise", "only 11 dB above"),
        ({"levels": np.full(1875, -50, np.float32)}, "level of the speech", "very quiet"),
        ({"highest": 3400.0}, "band", "nothing above 3.4 kHz"),
        ({"decay": 0.6}, "reverberation", "0.60 s"),
    ],
)
def test_each_flaw_is_named_alone(changes: dict[str, object], topic: str, said: str) -> None:
    (finding,) = all_of(**changes)
    assert finding.topic == topic and said in finding.said and finding.advice


def test_little_speech_is_told_less_is_refused_and_none_is_silence() -> None:
    (short,) = judge_sound.speech(hearing(28))
    assert short.verdict is Verdict.COULD_BE_BETTER and "only 28 s of speech" in short.said
    (shorter,) = judge_sound.speech(hearing(10))
    assert shorter.verdict is Verdict.WILL_FAIL and "(none from 10.0 s to 60.0 s)" in shorter.said
    (silent,) = judge_sound.speech(replace(hearing(), peak=0.001))
    assert silent.verdict is Verdict.WILL_FAIL and "silent from 0 s to 60.0 s" in silent.said


def test_missing_phones_are_named_with_words_that_have_them() -> None:
    (good,) = judge_sound.words(words())
    assert good.verdict is Verdict.GOOD and good.value == "40 of 40 phones of 'en'"
    counts = {**(words().phones or {}), "ʃ": 0, "ʒ": 0, "ɔɪ": 0, "θ": 0, "p": 1}
    (poor,) = judge_sound.words(replace(words(), phones=counts))
    assert poor.verdict is Verdict.COULD_BE_BETTER
    assert "never said: θ ʃ ʒ ɔɪ; only once: p." in poor.said
    assert all(word in poor.advice for word in ("three", "she", "measure", "boy", "put"))


def test_words_that_no_voice_can_be_made_of_are_refused() -> None:
    (none,) = judge_sound.words(Words(refusal="No word was understood in the recording."))
    assert none.verdict is Verdict.WILL_FAIL
    (foreign,) = judge_sound.words(Words("fi", ((0, 1, "hei"),)))
    assert foreign.verdict is Verdict.WILL_FAIL and "'fi'" in foreign.said and "fr" in foreign.advice


@pytest.mark.parametrize(
    ("sync", "verdict", "said"),
    [
        (IN_STEP, Verdict.GOOD, ""),
        (Sync(200.0, 0.0, 0.7, 9.0), Verdict.COULD_BE_BETTER, "200 ms too late"),
        (Sync(-120.0, 0.0, 0.7, 9.0), Verdict.COULD_BE_BETTER, "120 ms too early"),
        (Sync(0.0, 300.0, 0.7, 9.0), Verdict.COULD_BE_BETTER, "drifts by +300 ms"),
        (Sync(0.0, 700.0, 0.7, 9.0), Verdict.WILL_FAIL, "slides against the picture by +700 ms"),
        (Sync(0.0, 0.0, 0.3, 5.0), Verdict.COULD_BE_BETTER, "could not be told"),
        (Sync(0.0, 0.0, 0.1, 2.0), Verdict.WILL_FAIL, "does not follow the sound"),
        (
            Sync(0.0, 0.0, 0.7, 9.0, (SyncWindow(0, 0, 0.7), SyncWindow(12, 0, 0.1))),
            Verdict.COULD_BE_BETTER,
            "From 12 s to 24 s the mouth does not follow",
        ),
    ],
)
def test_step(sync: Sync, verdict: Verdict, said: str) -> None:
    finding = judge_sound.step(sync, 60.0)
    assert finding.verdict is verdict
    assert said in finding.said


def test_a_mouth_that_rests_closed_is_good_and_one_ajar_is_told_with_its_time() -> None:
    closed = np.full(FRAMES, 0.01, np.float32)
    assert judge_sound.rest(closed, EVERYWHERE, hearing().speaking).verdict is Verdict.GOOD
    ajar = closed.copy()
    ajar[46 * 25 :] = 0.08
    finding = judge_sound.rest(ajar, EVERYWHERE, hearing().speaking)
    assert "1.0 seconds of silence with the mouth closed are missing" in finding.said
    assert "open from 46.0 s to 60.0 s" in finding.said
    assert finding.spans == ((46.0, 60.0),)


def test_closed_lips_within_speech_are_no_rest() -> None:
    closed = np.full(FRAMES, 0.01, np.float32)
    finding = judge_sound.rest(closed, EVERYWHERE, np.ones_like(hearing().speaking))
    assert "2.0 seconds of silence with the mouth closed are missing." in finding.said
