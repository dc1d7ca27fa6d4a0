import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.voice.phonemes import Phonemizer, quoted, rewrite, runs, tag, tokens, vocabulary


@pytest.mark.parametrize(
    ("ipa", "language", "letters"),
    [
        ("tʃˈɛɹ", "en", "ʧˈɛɹ"),
        ("dʒˈʌmp", "en", "ʤˈʌmp"),
        ("ɡˈoʊ", "en", "ɡˈO"),
        ("ɡˈəʊ", "en-gb", "ɡˈQ"),
        ("nˈaɪt hˈaʊs tˈɔɪ dˈeɪ", "en", "nˈIt hˈWs tˈY dˈA"),
        ("lˈɪɾəl", "en", "lˈɪTᵊl"),
        ("həlˈoʊ", "en", "həlˈO"),
        ("bˈɜːd", "en", "bˈɜɹd"),
        ("bˈʌʔn̩", "en", "bˈʌtᵊn"),
        ("ɐ kˈæt", "en", "ɐ kˈæt"),
        ("bˈɔ̃ vˈɛ̃", "fr", "bˈɔ̃ vˈɛ̃"),
        ("(en)wˈiːkˈɛnd(fr)", "fr", "wˈiːkˈɛnd"),
        ("pˈitsːa", "it", "pˈiʦːa"),
        ("hˈɔøzɜ ʏ", "de", "hˈYzɐ y"),
        ("ɡʰˈʌr.i", "hi", "ɡʰˈʌɽi"),
    ],
)
def test_rewrites_ipa_as_the_network_reads_it(ipa: str, language: str, letters: str) -> None:
    assert rewrite(ipa, language) == letters


def test_punctuation_stays_and_every_letter_is_known() -> None:
    phonemizer = Phonemizer("en")
    said = phonemizer.phonemes("Hello, world! Is it nineteen?")
    phonemizer.close()
    assert [mark for mark in said if mark in ",.!?"] == [",", "!", "?"]
    assert len(tokens(said)) == len(said)
    assert said.startswith("həlˈO,")


def test_french_sounds_french() -> None:
    phonemizer = Phonemizer("fr-FR")
    said = phonemizer.phonemes("Bonjour à tous")
    phonemizer.close()
    assert said == "bɔ̃ʒˈuʁ a tˈus"


def test_tags() -> None:
    assert tag("fr-CA") == "fr" and tag("EN_gb") == "en-gb"
    with pytest.raises(AvatarError, match="Languages: en"):
        tag("tlh")


def test_vocabulary_has_no_two_letters_of_one_number() -> None:
    assert len(set(vocabulary().values())) == len(vocabulary()) == 114


def test_stretches_of_one_language_each() -> None:
    assert runs("这款 iPhone, 好!", "zh") == [("zh", "这款 "), ("en", "iPhone, "), ("zh", "好!")]
    assert runs("今日はOK", "ja") == [("ja", "今日は"), ("en", "OK")]
    assert runs("Say 你好!", "fr") == [("fr", "Say "), ("zh", "你好!")]
    ready = quoted("ab")
    assert runs(f"I {ready}, so", "en") == [("en", "I "), ("", ready), ("en", ", so")]


def test_phonemes_that_are_ready_keep_the_marks_around_them() -> None:
    phonemizer = Phonemizer("en")
    try:
        assert phonemizer.phonemes(f"{quoted('nˈIki')}, and {quoted('ʤɪf')}!") == "nˈIki, ænd ʤɪf!"
    finally:
        phonemizer.close()


def test_words_that_nobody_here_can_read_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avatar_engine.voice.phonemes.languages", lambda: ("en",))
    phonemizer = Phonemizer("en")
    try:
        assert phonemizer.phonemes("Say 你好!") == phonemizer.phonemes("Say")
    finally:
        phonemizer.close()
