"""Paragraphs in sentences: where they end, and what holds over the end."""

from __future__ import annotations

import pytest

from avatar_engine import markup
from avatar_engine.show.paragraphs import sentences


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("One.", ["One."]),
        ("One. Two! And three? Four…", ["One.", "Two!", "And three?", "Four…"]),
        ("It costs 3.50 € today. Really.", ["It costs 3.50 € today.", "Really."]),
        ("Ask Dr. Smith, No. 5, e.g. Ann. Now.", ["Ask Dr. Smith, No. 5, e.g. Ann.", "Now."]),
        ("Tassen, z. B. Becher. Gut.", ["Tassen, z. B. Becher.", "Gut."]),
        ("He said “Go.” Then he went.", ["He said “Go.”", "Then he went."]),
        ("¡Hola! ¿Qué tal? Bien.", ["¡Hola!", "¿Qué tal?", "Bien."]),
        ("这是杯子。很好！好吗？", ["这是杯子。", "很好！", "好吗？"]),
        ("यह मग है। अच्छा है।", ["यह मग है।", "अच्छा है।"]),
        ("{A. B|C. D} it is. Only {price}. {name}!", ["{A. B|C. D} it is.", "Only {price}.", "{name}!"]),
        ("One. [pause 1s]", ["One. [pause 1s]"]),
        (
            "[excited] One. Two. [calm] Three.",
            ["[excited] One.", "[excited] Two.", "[excited] [calm] Three."],
        ),
        ("<emphasis>One. Two.</emphasis> Three. Four.", ["<emphasis>One. Two.</emphasis> Three.", "Four."]),
    ],
)
def test_sentences(text: str, said: list[str]) -> None:
    assert sentences(text) == said


@pytest.mark.parametrize(
    "text",
    [
        '[excited] One. Two *strong. Words* here. [neutral] Three. <prosody rate="slow">Four. Five.</prosody> Six.',
        'A. [pause 500ms] B. <break time="1s"/> C.',
    ],
)
def test_what_is_said_and_how_is_the_same_as_of_the_whole(text: str) -> None:
    def told(one: str) -> list[tuple[str, object]]:
        parts = markup.read(one).parts
        return [
            (word, part.manner)
            for part in parts
            if isinstance(part, markup.Words)
            for word in part.text.split()
        ]

    assert [one for sentence in sentences(text) for one in told(sentence)] == told(text)
    assert not any(markup.read(sentence).mistakes for sentence in sentences(text))
