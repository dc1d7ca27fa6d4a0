"""The words in every file that say that it is AI-generated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from avatar_engine.trust.marks.code import consent_number
from avatar_engine.trust.provenance import (
    COMMENTS,
    SOURCE_TYPE,
    TITLES,
    line,
    metadata,
    record,
    words_language,
)
from tests.trust.test_consent import sign


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


def test_the_record_names_the_consent_and_no_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path))
    signed = sign(tmp_path)
    found = json.loads(line(record("marie", signed, "fr")))
    assert found["digital_source_type"] == SOURCE_TYPE
    agreed = {"id": signed.id, "signature": signed.signature, "public_key": signed.consent.technician_key}
    assert found["consent"] == agreed
    assert signed.id.startswith(found["mark"]) and int(found["mark"], 16) == consent_number(signed.id)
    assert "Dupont" not in json.dumps(found) and "\n" not in line(found)
