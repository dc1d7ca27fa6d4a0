"""Words become sentences as they come, without what can't be said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_engine.show.host.sentences import LONGEST, Sentences


def cut(text: str, size: int = 3) -> list[str]:
    sentences = Sentences()
    done = [one for at in range(0, len(text), size) for one in sentences.push(text[at : at + size])]
    return done + sentences.flush()


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("It is 3.5 cm. Good.", ["It is 3.5 cm.", "Good."]),
        ("Dr. Li came. Mr. B. too.", ["Dr. Li came.", "Mr. B. too."]),
        ("很好。真的！对吗？", ["很好。", "真的！", "对吗？"]),
        ('He said "yes." Then no.', ['He said "yes."', "Then no."]),
        ("First line\nSecond line.\n", ["First line", "Second line."]),
        ("- **Steel** mug\n- `500` ml\n", ["Steel mug", "500 ml"]),
        ("<think>The user wants. A lie.</think>Yes. No.", ["Yes.", "No."]),
        ("<think>never ends. ever.", []),
        ("Great 🎉! 🎉🎉", ["Great !"]),
        ("Whole. cut o", ["Whole."]),
        ("", []),
    ],
)
def test_sentences(text: str, sentences: list[str]) -> None:
    assert cut(text) == sentences
    assert cut(text, 1000) == sentences


def test_a_sentence_without_end_is_cut_at_a_comma() -> None:
    parts = cut("word, " * 300 + "end.")
    assert all(len(part) <= LONGEST for part in parts) and " ".join(parts).count("word") == 300


@given(st.text(max_size=300), st.integers(1, 50))
def test_no_text_breaks_it(text: str, size: int) -> None:
    assert all(one.strip() and any(letter.isalnum() for letter in one) for one in cut(text, size))
