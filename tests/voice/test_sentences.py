"""What a voice is judged by is there for every language, and no other language's stands in for it."""

from __future__ import annotations

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.voice.languages import LANGUAGES, recognised
from avatar_engine.voice.sentences import PROMPTS, SENTENCES, sentences


def test_every_language_that_can_be_spoken_has_its_own() -> None:
    assert set(SENTENCES) == {name.split("-")[0] for name in LANGUAGES}
    for language, known in SENTENCES.items():
        assert len(set(known)) == len(known) == (40 if language == "en" else 20)
        assert not any(letter.isdigit() for sentence in known for letter in sentence)
        assert recognised(" ".join(known), "en") == language
    assert set(PROMPTS) <= set(SENTENCES)


def test_a_region_has_its_languages_and_a_count_is_kept() -> None:
    assert sentences("fr-CA") == SENTENCES["fr"]
    assert sentences("EN", 3) == SENTENCES["en"][:3]
    assert len(sentences("es", 40)) == 20


def test_a_language_without_sentences_is_refused() -> None:
    with pytest.raises(AvatarError, match="'sv'"):
        sentences("sv")
