import pytest

from avatar_engine.voice.chinese import Chinese, cardinal, phonemes, syllable
from avatar_engine.voice.phonemes import Phonemizer, tokens

pytest.importorskip("pypinyin")
pytest.importorskip("jieba")


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "零"), (2, "二"), (10, "十"), (12, "十二"), (105, "一百零五"), (110, "一百一十"), (1010, "一千零一十"),
     (2000, "两千"), (10_010, "一万零一十"), (100_000, "十万"), (1_000_001, "一百万零一"), (10**8, "一亿"),
     (20_260_000, "两千零二十六万")],
)  # fmt: skip
def test_numbers(number: int, said: str) -> None:
    assert cardinal(number) == said


@pytest.mark.parametrize(
    ("pinyin", "letters"),
    [("ni3", "ni↓"), ("hao3", "xau↓"), ("zhi1", "ꭧɨ→"), ("ci4", "ʦʰɨ↘"), ("lv4", "ly↘"), ("yue4", "ɥe↘"), ("er2", "ɚ↗"),
     ("wo3", "wo↓"), ("xiong2", "ɕjʊ↗ŋ"), ("quan2", "ʨʰɥɛ↗n"), ("zi5", "ʦɨ"), ("gui4", "kwei↘"), ("liu2", "ljou↗"),
     ("yun2", "y↗n"), ("ying1", "i→ŋ"), ("o4", "ɔ↘"), ("bo1", "pwo→")],
)  # fmt: skip
def test_syllables(pinyin: str, letters: str) -> None:
    assert syllable(pinyin) == letters


def test_tones_change_beside_others_and_characters_in_words() -> None:
    assert phonemes("你好,不是.") == "ni↗xau↓, pu↗ʂɨ↘."
    assert "xa↗ŋ" in phonemes("银行") and "ɕi↗ŋ" in phonemes("行动")


def test_latin_words_are_english() -> None:
    phonemizer = Phonemizer("zh")
    try:
        said = phonemizer.phonemes(Chinese().normalise("这款 iPhone 很好！"))
    finally:
        phonemizer.close()
    assert " ˈI fˈOn " in said and said.startswith("ꭧɤ↘") and said.endswith("!")
    assert len(tokens(said)) == len(said)
