import os
import signal

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.voice.espeak_process import Espeak
from avatar_engine.voice.phonemes import Phonemizer, rewrite, tag, tokens, vocabulary


@pytest.mark.parametrize(
    ("ipa", "language", "letters"),
    [
        ("tʃˈɛɹ", "en", "ʧˈɛɹ"),
        ("dʒˈʌmp", "en", "ʤˈʌmp"),
        ("ɡˈoʊ", "en", "ɡˈO"),
        ("ɡˈəʊ", "en-gb", "ɡˈQ"),
        ("nˈaɪt hˈaʊs tˈɔɪ dˈeɪ", "en", "nˈIt hˈWs tˈY dˈA"),
        ("lˈɪɾəl", "en", "lˈɪTᵊl"),
        ("həlˈoʊ", "en", "həlˈO"),
        ("bˈɜːd", "en", "bˈɜɹd"),
        ("bˈʌʔn̩", "en", "bˈʌtᵊn"),
        ("ɐ kˈæt", "en", "ɐ kˈæt"),
        ("bˈɔ̃ vˈɛ̃", "fr", "bˈɔ̃ vˈɛ̃"),
        ("(en)wˈiːkˈɛnd(fr)", "fr", "wˈiːkˈɛnd"),
        ("pˈitsːa", "it", "pˈiʦːa"),
    ],
)
def test_rewrites_ipa_as_the_network_reads_it(ipa: str, language: str, letters: str) -> None:
    assert rewrite(ipa, language) == letters


def test_punctuation_stays_and_every_letter_is_known() -> None:
    phonemizer = Phonemizer("en")
    said = phonemizer.phonemes("Hello, world! Is it nineteen?")
    phonemizer.close()
    assert [mark for mark in said if mark in ",.!?"] == [",", "!", "?"]
    assert len(tokens(said)) == len(said)
    assert said.startswith("həlˈO,")


def test_french_sounds_french() -> None:
    phonemizer = Phonemizer("fr-FR")
    said = phonemizer.phonemes("Bonjour à tous")
    phonemizer.close()
    assert said == "bɔ̃ʒˈuʁ a tˈus"


def test_worker_is_started_again_when_it_has_died() -> None:
    espeak = Espeak()
    first = espeak.clauses("Hello", "en-us")
    assert espeak._worker is not None
    os.kill(espeak._worker.pid, signal.SIGKILL)
    espeak._worker.wait()
    assert espeak.clauses("Hello", "en-us") == first
    espeak.close()


def test_a_voice_that_espeak_lacks_is_an_error_that_names_the_text() -> None:
    espeak = Espeak()
    with pytest.raises(AvatarError, match="'Hello'"):
        espeak.clauses("Hello", "no-such-voice")
    assert espeak.clauses("Hello", "en-us")  # The worker lives on.
    espeak.close()


def test_the_engine_itself_does_not_load_espeak() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from avatar_engine.voice.phonemes import Phonemizer; p = Phonemizer('en'); p.phonemes('Hi');"
        "p.close(); print(any(name.startswith('piper') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_tags() -> None:
    assert tag("fr-CA") == "fr" and tag("EN_gb") == "en-gb"
    with pytest.raises(AvatarError, match="Languages: en"):
        tag("tlh")


def test_vocabulary_has_no_two_letters_of_one_number() -> None:
    assert len(set(vocabulary().values())) == len(vocabulary()) == 114
