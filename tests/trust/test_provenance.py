"""The words in every file that say that it is AI-generated."""

from __future__ import annotations

import json

import pytest

from avatar_engine.trust.marks.code import consent_number, shown
from avatar_engine.trust.provenance import COMMENTS, SOURCE_TYPE, TITLES, metadata, record, words_language


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "AI-generated"),
        ("en-GB", "AI-generated"),
        ("fr", "Images virtuelles"),
        ("fr_CA", "Images virtuelles"),
    ],
)
def test_a_file_says_so_in_the_shows_language(language: str, words: str) -> None:
    found = metadata(language)
    assert found["comment"].startswith(words)
    assert words.lower() in found["title"].lower()
    assert SOURCE_TYPE in found["description"]


def test_a_language_without_words_says_it_in_english() -> None:
    assert words_language("ja") == "en"
    assert metadata("ja") == metadata("en")


def test_the_shows_own_title_does_not_replace_the_words() -> None:
    assert metadata("en", "Spring sale")["title"] == "Spring sale - AI-generated presenter"


def test_every_language_has_title_and_comment() -> None:
    assert set(TITLES) == set(COMMENTS)


def test_images_and_voice_are_both_named() -> None:
    assert "images" in COMMENTS["en"] and "voice" in COMMENTS["en"]
    assert "images" in COMMENTS["fr"] and "voix" in COMMENTS["fr"]


def test_the_record_names_no_person() -> None:
    consent = {"text": "presenter = 'Marie Dupont'", "signature": "c2ln", "public_key": "a2V5"}
    found = json.loads(json.dumps(record("marie", consent, "fr")))
    assert found["digital_source_type"] == SOURCE_TYPE
    assert found["consent"] == {"signature": "c2ln", "public_key": "a2V5"}
    assert found["mark"] == shown(consent_number(consent))
    assert "Dupont" not in json.dumps(found)
