from pathlib import Path

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.voice.lexicon import Lexicon
from avatar_engine.voice.phonemes import Phonemizer
from avatar_engine.voice.text import spoken

TOML = """
[all]
"Nike" = "/ˈnaɪ.ki/"
"acme" = "ack me"

[fr]
"SAV" = "service après-vente"
"Nike" = "naïque"

[en]
"Acme Pro" = "acme professional 2"
"boss" = "/bɒs/"
"a.k.a." = "also known as"
"""


@pytest.fixture
def lexicon(tmp_path: Path) -> Lexicon:
    path = tmp_path / "lexicon.toml"
    path.write_text(TOML, encoding="utf-8")
    return Lexicon.load(path)


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("en", "ACME and Acme are acme.", "ack me and ack me are ack me."),
        ("en", "Acmeology, placme", "Acmeology, placme"),
        ("en", "The Acme Pro wins.", "The acme professional two wins."),
        ("en", "Acme's, acmes", "ack me's, ack mes"),
        ("en", "Jo a.k.a. Flo. Hello.", "Jo also known as Flo. | Hello."),
        ("fr", "Le SAV, le sav.", "Le service après-vente, le sav."),
        ("fr", "Nike et acme", "naïque et ack me"),
        ("es", "SAV", "SAV"),
    ],
)
def test_words_are_said_as_they_are_told(lexicon: Lexicon, language: str, written: str, said: str) -> None:
    assert " | ".join(words for words, _ in spoken(written, language, lexicon)) == said


@pytest.mark.parametrize(
    ("language", "written", "phonemes"),
    [
        ("en", "Nike", "ˈnIki"),
        ("en", "Nikes", "ˈnIkiz"),
        ("en", "Nike's, bosses", "ˈnIkiz, bɒsᵻz"),
        ("en", "nike", "nˈIk"),
        ("es", "Hola, Nike.", "ˈola, ˈnIki."),
    ],
)
def test_ipa_is_said_as_it_stands(lexicon: Lexicon, language: str, written: str, phonemes: str) -> None:
    phonemizer = Phonemizer(language)
    try:
        ((words, own),) = spoken(written, language, lexicon)
        assert own == language and phonemizer.phonemes(words) == phonemes
    finally:
        phonemizer.close()


def test_a_word_alone_in_ipa_is_something_to_say() -> None:
    assert len(spoken("Nike", "en", Lexicon({"en": {"Nike": "/naɪki/"}}))) == 1


def test_words_stand_anywhere_where_nothing_is_between_words() -> None:
    lexicon = Lexicon({"zh": {"耐克": "奈奇", "Nike": "奈奇"}})
    assert lexicon.applied("这双耐克鞋和Nike鞋", "zh") == "这双奈奇鞋和奈奇鞋"


def test_the_region_comes_before_the_language_before_all() -> None:
    lexicon = Lexicon({"all": {"x": "one"}, "en": {"x": "two"}, "en-gb": {"x": "three"}})
    assert [lexicon.applied("x", language) for language in ("fr", "en", "en-gb")] == ["one", "two", "three"]


def test_every_sentence_has_the_words_of_its_own_language() -> None:
    lexicon = Lexicon({"en": {"TV": "telly"}, "fr": {"TV": "télévision"}})
    said = spoken("This is a good TV for you. Voici une bonne TV pour vous.", "auto", lexicon)
    assert said == [("This is a good telly for you.", "en"), ("Voici une bonne télévision pour vous.", "fr")]


def test_nothing_changes_without_words() -> None:
    assert not Lexicon.empty() and Lexicon.empty().applied("Nike", "en") == "Nike"


@pytest.mark.parametrize(
    ("toml", "problem"),
    [
        ('[en]\n"a" = 3\n', "line 2, 'a' in \\[en\\]: 3 is no text"),
        ('[en]\n\n"b" = ""\n', "line 3, 'b' in \\[en\\]: nothing is said"),
        ('[en]\n"!" = "x"\n', "line 2, '!' in \\[en\\]: there is no letter"),
        ('[en]\n"c" = "/abc"\n', "line 2, 'c' .* slash at one end"),
        ('[en]\n"d" = "x"\n[fr]\n"d" = "/d₣/"\n', "line 4, 'd' in \\[fr\\].*₣"),
        ('[tlh]\n"e" = "x"\n', "line 2, 'e' in \\[tlh\\]: the voice does not speak 'tlh'"),
        ('"f" = "x"\n', "line 1: 'f' stands in no table"),
        ("[en\n", "no TOML.*line 1"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, toml: str, problem: str) -> None:
    path = tmp_path / "lexicon.toml"
    path.write_text(toml, encoding="utf-8")
    with pytest.raises(AvatarError, match=problem):
        Lexicon.load(path)


def test_a_missing_or_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="can't be read"):
        Lexicon.load(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(AvatarError, match="can't be read"):
        Lexicon.load(tmp_path / "bad.toml")
