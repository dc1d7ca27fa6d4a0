import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatar_engine.errors import AvatarError
from avatar_engine.voice.text import LONGEST, normalise, say, sentences


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("$5.50", "five dollars and fifty cents"),
        ("$19.99 each", "nineteen dollars and ninety-nine cents each"),
        ("€1,000.00", "one thousand euros"),
        ("£3 million", "three million pounds"),
        ("$0.50", "fifty cents"),
        ("20% off", "twenty percent off"),
        ("1.5 kg", "one point five kilograms"),
        ("1 kg", "one kilogram"),
        ("-5 °C", "minus five degrees Celsius"),
        ("12,500 units", "twelve thousand five hundred units"),
        ("In 2024", "In twenty twenty-four"),
        ("the 1st and 23rd", "the first and twenty-third"),
        ("2:05 pm", "two oh five p m"),
        ("at 9:00", "at nine o'clock"),
        ("03/04/2025", "March fourth, twenty twenty-five"),
        ("2025-03-04", "March fourth, twenty twenty-five"),
        ("5-6 cm", "five to six centimeters"),
        ("3 x 4 m", "three by four meters"),
        ("Dr. Smith", "Doctor Smith"),
        ("i.e. this", "that is, this"),
        ("1/2 price", "one half price"),
        ("USB-C & HDMI", "USB-C and HDMI"),
        ("www.example.com", "www dot example dot com"),
        ("call 555-1234", "call five five five, one two three four"),
    ],
)
def test_english(written: str, said: str) -> None:
    assert normalise(written, "en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("19,99 €", "dix-neuf euros quatre-vingt-dix-neuf"),
        ("0,50 €", "cinquante centimes"),
        ("1 200 euros", "mille deux cents euros"),
        ("1.200,50 €", "mille deux cents euros cinquante"),
        ("2 millions €", "deux millions d'euros"),
        ("20 %", "vingt pour cent"),
        ("1,5 kg", "un virgule cinq kilogramme"),
        ("-5 °C", "moins cinq degrés Celsius"),
        ("14h30", "quatorze heures trente"),
        ("21h", "vingt et une heures"),
        ("1 heure", "une heure"),
        ("le 1er mai", "le premier mai"),
        ("2e étage", "deuxième étage"),
        ("la 1re fois", "la première fois"),
        ("01/03/2025", "premier mars deux mille vingt-cinq"),
        ("M. Dupont", "Monsieur Dupont"),
        ("N° 3", "Numéro trois"),
        ("10-12 cm", "dix à douze centimètres"),
        ("01 23 45 67 89", "zéro un, vingt-trois, quarante-cinq, soixante-sept, quatre-vingt-neuf"),
        ("200 m²", "deux cents mètres carrés"),
        ("« super »", "super"),
    ],
)
def test_french(written: str, said: str) -> None:
    assert normalise(written, "fr") == said


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("es", "19,99 €", "diecinueve euros con noventa y nueve"),
        ("it", "14:30", "quattordici ore e trenta"),
        ("pt", "R$ 19,99", "dezenove reais e noventa e nove"),
        ("en-gb", "03/04/2025", "the third of April, twenty twenty-five"),
    ],
)
def test_other_languages(language: str, written: str, said: str) -> None:
    assert normalise(written, language) == said


def test_sentences_end_where_they_do() -> None:
    text = "Dr. Smith paid $5.50. It was 3.5 kg! Really?\nNew line"
    assert sentences(text, "en") == ["Doctor Smith paid $5.50.", "It was 3.5 kg!", "Really?", "New line"]


def test_long_sentences_are_cut_between_words_and_keep_all_of_them() -> None:
    text = "word " * 200
    pieces = say(text, "en")
    assert all(len(piece) <= LONGEST for piece in pieces)
    assert " ".join(pieces).split() == text.split()


def test_emoji_and_markup_are_not_said() -> None:
    assert say("**Hello** 🎉 world_", "en") == ["Hello world"]
    assert say("🎉 — …", "en") == []


def test_unknown_language_lists_the_known_ones() -> None:
    with pytest.raises(AvatarError, match="en, en-us, en-gb, fr"):
        say("x", "tlh")


@pytest.mark.parametrize("language", ["en", "fr", "es", "it", "pt", "de", "hi"])
@pytest.mark.parametrize("written", ["1" + "0" * 27, "9" * 50 + "th", "$" + "9" * 40, "9" * 40 + " kg"])
def test_a_number_that_has_no_name_is_said_digit_by_digit(language: str, written: str) -> None:
    (said, *_) = say(written, language)
    assert len(said.split()) >= 28 and not any(letter.isdigit() for letter in said)


@settings(max_examples=150)
@given(st.text(max_size=60), st.sampled_from(["en", "fr", "es", "it", "pt", "de", "hi", "zh"]))
def test_no_text_breaks_it_and_no_digit_is_left(text: str, language: str) -> None:
    for piece in say(text, language):
        assert not any("0" <= letter <= "9" for letter in piece)
