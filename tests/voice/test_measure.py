import pytest

from avatar_engine.voice.measure import SENTENCES, distance, words


@pytest.mark.parametrize(
    ("a", "b", "steps"),
    [("a b c", "a b c", 0), ("a b c", "a c", 1), ("a b c", "a x c", 1), ("", "a b", 2), ("a b", "b a", 2)],
)
def test_distance(a: str, b: str, steps: int) -> None:
    assert distance(a.split(), b.split()) == steps


def test_numbers_in_figures_are_the_same_words() -> None:
    assert words("It lasts 20 years, really!", "en") == words("it lasts twenty years really", "en")
    assert words("Elle dure 20 ans.", "fr") == words("elle dure vingt ans", "fr")


def test_ten_sentences_each() -> None:
    assert all(len(set(sentences)) == 10 for sentences in SENTENCES.values())
