"""What counts as a wrong word, and what does not."""

from __future__ import annotations

import numpy as np
import pytest

from avatar_engine.contracts import SAMPLE_RATE, Utterance
from avatar_engine.voice import readback
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.readback import distance, errors, units, words
from avatar_engine.voice.speak import Voice, say


@pytest.mark.parametrize(
    ("a", "b", "steps"),
    [("a b c", "a b c", 0), ("a b c", "a c", 1), ("a b c", "a x c", 1), ("", "a b", 2), ("a b", "b a", 2)],
)
def test_distance(a: str, b: str, steps: int) -> None:
    assert distance(a.split(), b.split()) == steps


def test_numbers_in_figures_are_the_same_words() -> None:
    assert words("It lasts 20 years, really!", "en") == words("it lasts twenty years really", "en")
    assert words("Elle dure 20 ans.", "fr") == words("elle dure vingt ans", "fr")


@pytest.mark.parametrize(
    ("language", "said", "heard"),
    [
        ("en", "The weekend is grey, okay?", "the week end is gray ok"),
        ("en", "Every day, a lap top.", "Everyday, a laptop."),
        ("fr", "Où est l'été ?", "Ou est l'ete"),
        ("es", "¿Cómo está usted?", "como esta usted"),
        ("de", "Die Größe heißt groß.", "die Grosse heisst gross"),
        ("hi", "ज़्यादा पाँच", "ज्यादा पांच।"),
        ("zh", "请按住这个按钮。", "請按住這個按鈕"),
        ("zh", "他在家。", "她在家"),
        ("ja", "黄色のボタン。", "きいろのぼたん"),
    ],
)
def test_what_nobody_hears_is_no_error(language: str, said: str, heard: str) -> None:
    assert errors(said, heard, language)[0] == 0


@pytest.mark.parametrize(
    ("language", "said", "heard", "wrong", "of"),
    [
        ("en", "Nothing is better than tea.", "Nothing is better than sea.", 1, 5),
        ("en", "The door.", "The door to door.", 2, 2),
        ("fr", "Merci à tous.", "Merci tous", 1, 3),
        ("zh", "请按住。", "请安住吧。", 1, 3),
        ("ja", "はい。", "はえ。", 1, 2),
    ],
)
def test_what_is_heard_counts(language: str, said: str, heard: str, wrong: int, of: int) -> None:
    assert errors(said, heard, language) == (wrong, of)


def test_syllables_and_kana_are_counted_where_words_are_not_written_apart() -> None:
    assert units("走了很远的路。", "zh") == ["zou", "le", "hen", "yuan", "de", "lu"]
    assert units("傘と電話", "ja") == list("カサトデンワ")


def test_a_read_back_counts_over_all_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(("good morning", "nothing"))
    monkeypatch.setattr(readback, "understand", lambda *_: next(answers))
    sounds = [np.zeros(10, np.float32)] * 2
    back = readback.heard(sounds, ("Good morning.", "See you soon, friends."), "en")
    assert back.word_errors == pytest.approx(4 / 6)
    assert back.heard == ("good morning", "nothing")


@pytest.mark.weights
def test_whisper_understands_a_stock_voice() -> None:
    voice = Voice(VoicePack.stock("af_heart"), "en")
    sentence = "Please press the button."
    said = say(voice, Utterance(sentence, "en")).samples
    voice.close()
    assert readback.heard([said], [sentence], "en").word_errors == 0
    assert readback.heard([np.zeros(SAMPLE_RATE, np.float32)], [sentence], "en").word_errors >= 0.75
