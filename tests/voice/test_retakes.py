"""Other ways of saying a passage keep its words, its order and its manners one to one."""

import pytest

from avatar_engine.contracts import Controls
from avatar_engine.markup import Manner
from avatar_engine.voice import retakes
from avatar_engine.voice.passage import Passage
from avatar_engine.voice.retakes import safe_words

LOUD = Manner(Controls(speed=1.2, emotion="excited"), "strong")


def passage(said: str, words: str = "", language: str = "en") -> Passage:
    manners = tuple(Manner(Controls(speed=1 + n / 100)) for n in range(len(said)))
    return Passage(said, manners, 0.7, words, language)


def test_slower_is_the_same_at_another_speed() -> None:
    first = Passage("abc", (LOUD,) * 3, 0.7, "abc", "en")
    second = retakes.slower(first)
    assert second.manners[0].controls == Controls(speed=1.2 * retakes.SLOWER, emotion="excited")
    assert (second.said, second.pause, second.manners[0].emphasis) == ("abc", 0.7, "strong")
    at_the_end = retakes.slower(Passage("a", (Manner(Controls(speed=0.5)),)))
    assert at_the_end.manners[0].controls.speed == 0.5, "the voice goes no slower"


def test_plain_is_the_voice_as_fitted() -> None:
    assert retakes.plain(Passage("abc", (LOUD,) * 3)).manners == (Manner(),) * 3


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ("wˈʌns ɐ wˈik, ænd ˈoʊnli wˈʌns.", ["wˈʌns ɐ wˈik,", "ænd ˈoʊnli wˈʌns."]),
        ("nˈO, nˈO, nˈO, nˈO ænd nˈO.", ["nˈO, nˈO,", "nˈO, nˈO ænd nˈO."]),
        ("ðə pˈɑɹsəl wɪl kˈʌm.", ["ðə pˈɑɹsəl", "wɪl kˈʌm."]),
        ("pˈɑɹsəl.", ["pˈɑɹsəl."]),
        ("", []),
    ],
)
def test_clauses_part_at_marks_or_in_the_middle_and_lose_nothing(said, parts) -> None:
    whole = passage(said)
    made = list(retakes.clauses(whole))
    assert [part.said for part in made] == parts
    assert all(len(part.said) == len(part.manners) for part in made)
    at = 0
    for part in made:
        at = said.index(part.said, at)
        assert part.manners == whole.manners[at : at + len(part.said)]
        at += len(part.said)
    assert [part.pause for part in made] == [None] * (len(made) - 1) + [0.7] * bool(made)


@pytest.mark.parametrize(
    ("words", "language", "safe"),
    [
        ("This jacket, my friends, keeps you warm!", "en", "This jacket, my friends, keeps you warm!"),
        ("Soooooo goooood", "en", "Soo good"),
        ("no no no no no, really", "en", "no no no, really"),
        ("zxcvb the qwrtp lamp", "en", "the lamp"),
        ("A I", "en", "A I"),
        ("привет to 大家 all", "en", "to all"),
        ("l'été où naïve Übung", "fr", "l'été où naïve Übung"),
        ("hot {deal} 100% ©2026 now", "en", "hot deal now"),
        ("x" * 30 + "a lamp", "en", "xxa lamp"),
        ("abcdefghij" * 3 + " lamp", "en", "lamp"),
        ("买iPhone手机。", "zh", "买手机。"),
        ("今日はOK", "ja", "今日は"),
        ("привет", "en", ""),
        ("\U000f0061\U000f0062 123", "en", "\U000f0061\U000f0062"),
    ],
)
def test_only_what_is_sure_to_be_speech_is_safe(words, language, safe) -> None:
    assert safe_words(words, language) == safe


def test_safer_is_spelt_anew_and_empty_where_nothing_is_safe() -> None:
    spelt = retakes.safer(passage("xyz", "go привет home"), lambda words, language: f"[{words}|{language}]")
    assert spelt.said == "[go home|en]" and spelt.manners == (Manner(),) * len(spelt.said)
    assert (spelt.pause, spelt.words) == (0.7, "go home")
    assert retakes.safer(passage("xyz", "привет"), lambda *_: pytest.fail("nothing to spell")).said == ""
