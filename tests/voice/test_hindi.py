import pytest

from avatar_engine.voice.hindi import cardinal, ordinal
from avatar_engine.voice.phonemes import Phonemizer


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "शून्य"), (19, "उन्नीस"), (49, "उनचास"), (79, "उन्यासी"), (89, "नवासी"), (99, "निन्यानवे"), (100, "एक सौ"),
     (1299, "एक हज़ार दो सौ निन्यानवे"), (125_000, "एक लाख पच्चीस हज़ार"), (10**7, "एक करोड़")],
)  # fmt: skip
def test_numbers(number: int, said: str) -> None:
    assert cardinal(number) == said


def test_every_number_below_a_hundred_has_a_word_of_its_own() -> None:
    # 66 and 86 are told apart by the ear alone in many a dialect, and here too.
    assert len({cardinal(number) for number in range(100)}) >= 99
    assert ordinal(1) == "पहला" and ordinal(5) == "पाँचवाँ"


def test_phonemes_are_the_networks() -> None:
    phonemizer = Phonemizer("hi")
    try:
        assert phonemizer.phonemes("घड़ी iPhone.") == "ɡʰˈʌɽi ˈI fˈOn."
    finally:
        phonemizer.close()
