from __future__ import annotations

import pytest

from avatar_engine.clone.check import phones
from avatar_engine.voice.phonemes import Phonemizer, languages, tag


def test_every_language_that_is_spoken_has_an_inventory() -> None:
    for language in languages():
        assert language.split("-")[0] in phones.INVENTORY


@pytest.mark.parametrize("language", sorted(phones.INVENTORY))
def test_each_example_word_has_its_phone(language: str) -> None:
    phonemizer = Phonemizer(tag(language))
    same = phones._SAME[language]
    try:
        for phone, word in phones.INVENTORY[language].items():
            said = [same.get(p, p) for p in phones.phones(phonemizer.phonemes(word))]
            assert phone in said, (phone, word, said)
    finally:
        phonemizer.close()


def test_phones_are_split_without_stress_and_length() -> None:
    assert phones.phones("bɔ̃ ʒˈuːʁ, ʧˈA!") == ["b", "ɔ̃", "ʒ", "u", "ʁ", "tʃ", "eɪ"]


def test_what_is_never_said_is_counted_as_none() -> None:
    counts = phones.counted(["Put the big book by me."], "en")
    assert counts["b"] == 3 and counts["m"] == 1
    assert counts["ʃ"] == 0 and "ʃ" in counts
    assert counts["ʊ"] == 2


def test_example_words_come_once_each() -> None:
    assert phones.examples(["b", "ʊ", "m"], "en") == ["book", "me"]
    assert phones.examples(phones.INVENTORY["fr"], "fr", most=4) == ["pain", "bon", "mère", "feu"]
