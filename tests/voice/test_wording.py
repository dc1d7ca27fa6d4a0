import re

import pytest

from avatar_engine.voice.text import normalise
from avatar_engine.voice.wording import WORDING


@pytest.mark.parametrize("language", WORDING)
def test_every_abbreviation_is_a_pattern_and_words(language: str) -> None:
    pairs = WORDING[language].abbreviations
    assert len({short for short, _ in pairs}) == len(pairs) > 5
    for short, full in pairs:
        assert re.compile(short).groups == 0, short
        assert full.strip() and "  " not in full and "=" not in full


@pytest.mark.parametrize(
    ("language", "written", "said"),
    [
        ("en", "No. 5 vs. no.6", "Number five versus number six"),
        ("en", 'a 6in. or 6" pipe, approx. 2 lbs', "a six inch or six inch pipe, approximately two pounds"),
        ("en", "St. Anne, Dec. 3", "Saint Anne, December third"),
        ("en", "no. Not now", "no. Not now"),
        ("fr", "Mme Curie, n° 5, tél. 12", "Madame Curie, numéro cinq, téléphone douze"),
        ("fr", "St-Denis et Ste-Anne", "Saint-Denis et Sainte-Anne"),
        ("es", "Sra. Paz, p. ej. dos", "Señora Paz, por ejemplo dos"),
        ("it", "Dott.ssa Rossi, es. due", "Dottoressa Rossi, esempio due"),
        ("pt", "Dra. Reis etc.", "Doutora Reis etcétera"),
    ],
)
def test_abbreviations_keep_the_spaces_around_them(language: str, written: str, said: str) -> None:
    assert normalise(written, language) == said


@pytest.mark.parametrize("language", WORDING)
def test_fractions_scales_and_one_against_several(language: str) -> None:
    wording = WORDING[language]
    assert {"1/2", "½", "1/4", "3/4"} <= set(wording.fractions)
    million = {"en": "million", "fr": "millions", "es": "millones", "it": "milioni", "pt": "milhões",
               "de": "Millionen", "hi": "लाख"}  # fmt: skip
    assert re.fullmatch(wording.scales, million[language])
    if language != "de":  # "ein Uhr, zwei Uhr; ein Cent, zwei Cent"
        assert wording.hour[0] != wording.hour[1] and wording.cent[0] != wording.cent[1]
    assert all(one and several for one, several in wording.currencies.values())


def test_scale_joins_a_currency() -> None:
    assert WORDING["fr"].of_scale == "d'"
    assert normalise("2 milioni €", "it") == "due milioni di euro"
