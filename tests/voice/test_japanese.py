import pytest

from avatar_engine.voice.japanese import kana, phonemes
from avatar_engine.voice.phonemes import Phonemizer, tokens

pytest.importorskip("pyopenjtalk")


@pytest.mark.parametrize(
    ("read", "letters"),
    [("トーキョー", "toːkʲoː"), ("ガッコウ", "ɡaʔkoɯ"), ("シンブン", "ɕimbɯɴ"), ("サンカイ", "saŋkai"),
     ("アンナイ", "annai"), ("ホンジツ", "hoɲʥiʦɨ"), ("ティッシュ", "tʲiʔɕɨ"), ("ヴァイオリン", "vaioɾʲiɴ"),
     ("ワタシ", "βataɕi"), ("x", "")],
)  # fmt: skip
def test_kana(read: str, letters: str) -> None:
    assert kana(read) == letters


def test_counters_and_particles_are_read() -> None:
    assert phonemes("私は三十分,東京へ.") == "βataɕi βa saɲʥɨʔpɯɴ, toːkʲoː e."


def test_latin_words_are_english() -> None:
    phonemizer = Phonemizer("ja")
    try:
        said = phonemizer.phonemes("新しい iPhone です!")
    finally:
        phonemizer.close()
    assert "ˈI fˈOn" in said and said.endswith("desɨ!") and len(tokens(said)) == len(said)
