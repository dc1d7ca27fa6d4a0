import numpy as np
import pytest

from avatar_engine.contracts import SAMPLE_RATE, Speech, Utterance
from avatar_engine.voice import recogniser
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.recogniser import Reader
from avatar_engine.voice.speak import Voice, say

TEA = "Nothing is better than a cup of tea."


@pytest.mark.parametrize(
    ("heard", "wrong"),
    [
        ("nothing is better than a cup of tea", 0),
        ("Nothing's better than a cup of sea!", 2),
        ("", 8),
        ("and " * 50, 8),
    ],
)
def test_wrong_words_are_counted_and_never_more_than_were_said(heard, wrong, monkeypatch) -> None:
    monkeypatch.setattr(recogniser, "understand", lambda *_, **__: heard)
    assert Reader().misread(Speech(np.zeros(SAMPLE_RATE, np.float32)), TEA, "en") == (wrong, 8)


def test_what_is_too_long_for_one_look_is_not_read(monkeypatch) -> None:
    monkeypatch.setattr(recogniser, "understand", lambda *_, **__: pytest.fail("it was read"))
    assert Reader().misread(Speech(np.zeros(15 * SAMPLE_RATE, np.float32)), TEA, "en") == (0, 0)


def test_a_users_phonemes_are_not_read() -> None:
    assert Reader().misread(Speech(np.zeros(9, np.float32)), "buy \U000f0061\U000f0062", "en") == (0, 0)


def test_only_languages_that_the_recogniser_understands_are_read() -> None:
    reader = Reader()
    assert reader.limit("en-gb") == reader.limit("fr") == reader.limit("pt") == 0.5
    assert not any(map(reader.limit, ("de", "hi", "zh", "ja")))


@pytest.mark.weights
@pytest.mark.skipif(not Reader.available(), reason="the recogniser or its weights are not here")
def test_a_voice_is_understood_and_a_broken_one_is_not() -> None:
    voice = Voice(VoicePack.stock("af_heart"), "en")
    said = say(voice, Utterance(TEA, "en"))
    voice.close()
    reader = Reader()
    wrong, total = reader.misread(said, TEA, "en")
    assert total == 8 and wrong <= 1
    backwards = Speech(said.samples[::-1].copy())
    wrong, _ = reader.misread(backwards, TEA, "en")
    assert wrong > 4
