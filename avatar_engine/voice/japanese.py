"""Japanese: prices, dates, times and numbers as said, and kana as the network's phonemes.

Open JTalk (in pyopenjtalk-plus) reads kanji, counters and particles; its kana are spelled with the letters with
which the network was trained (misaki's ``ja``, hexgrad/misaki, Apache-2.0, after cutlet): a space between words, ``ʔ``
for a doubled consonant, ``ɴ`` and its neighbours' nasals, ``ː`` for length. The network takes no pitch accent.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

from num2words import num2words

_CURRENCIES = {"¥": "円", "￥": "円", "JPY": "円", "$": "ドル", "US$": "ドル", "USD": "ドル",
               "€": "ユーロ", "EUR": "ユーロ",
               "£": "ポンド", "GBP": "ポンド"}  # fmt: skip
_UNITS = {"km/h": "キロ", "m²": "平方メートル", "km": "キロメートル", "cm": "センチ", "mm": "ミリ",
          "m": "メートル", "kg": "キロ",
          "mg": "ミリグラム", "g": "グラム", "ml": "ミリリットル", "mL": "ミリリットル", "L": "リットル",
          "l": "リットル",
          "°C": "度", "°": "度", "W": "ワット", "V": "ボルト", "mAh": "ミリアンペアアワー", "GB": "ギガバイト",
          "TB": "テラバイト", "MB": "メガバイト", "%": "パーセント", '"': "インチ", "Hz": "ヘルツ",
          "x": "倍"}  # fmt: skip
_DIGITS = ("ゼロ", "イチ", "ニー", "サン", "ヨン", "ゴー", "ロク", "ナナ", "ハチ", "キュー")
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_MARKS = str.maketrans({"、": ",", "，": ",", "。": ".", "！": "!", "？": "?", "：": ":", "；": ";",
                        "「": " ", "」": " ",
                        "『": " ", "』": " ", "【": " ", "】": " ", "《": " ", "》": " ", "（": ",",
                        "）": ",", "(": ",",
                        ")": ",", "・": " ", "—": ","})  # fmt: skip

_TABLE = """
    ア a イ i ウ ɯ エ e オ o カ ka キ kʲi ク kɯ ケ ke コ ko ガ ɡa ギ ɡʲi グ ɡɯ ゲ ɡe ゴ ɡo サ sa
    シ ɕi ス sɨ セ se ソ so ザ ʣa ジ ʥi ズ zɨ ゼ ʣe ゾ ʣo タ ta チ ʨi ツ ʦɨ テ te ト to ダ da ヂ ʥi
    ヅ zɨ デ de ド do ナ na ニ ɲi ヌ nɯ ネ ne ノ no ハ ha ヒ çi フ ɸɯ ヘ he ホ ho バ ba ビ bʲi ブ bɯ
    ベ be ボ bo パ pa ピ pʲi プ pɯ ペ pe ポ po マ ma ミ mʲi ム mɯ メ me モ mo ヤ ja ユ jɯ ヨ jo
    ラ ɾa リ ɾʲi ル ɾɯ レ ɾe ロ ɾo ワ βa ヰ i ヱ e ヲ o ヴ vɯ ァ a ィ i ゥ ɯ ェ e ォ o ャ ja ュ jɯ
    ョ jo ヮ βa イェ je ウィ βi ウェ βe ウォ βo クァ kᵝa クィ kᵝi クェ kᵝe クォ kᵝo グァ ɡᵝa シェ ɕe
    ジェ ʥe チェ ʨe ツァ ʦa ツィ ʦʲi ツェ ʦe ツォ ʦo ティ tʲi テュ tʲɨ ディ dʲi デュ dʲɨ トゥ tɯ
    ドゥ dɯ ファ ɸa フィ ɸʲi フェ ɸe フォ ɸo フュ ɸʲɨ ヴァ va ヴィ vʲi ヴェ ve ヴォ vo スィ si
    ズィ zi
"""
_ROWS = _TABLE.split()
_KANA = dict(zip(_ROWS[::2], _ROWS[1::2], strict=True))
_PALATAL = {"キ": "kʲ", "ギ": "ɡʲ", "シ": "ɕ", "ジ": "ʥ", "チ": "ʨ", "ヂ": "ʥ", "ニ": "ɲ", "ヒ": "ç",
            "ビ": "bʲ",
            "ピ": "pʲ", "ミ": "mʲ", "リ": "ɾʲ"}  # fmt: skip
_KANA |= {
    kana + small: onset + vowel
    for kana, onset in _PALATAL.items()
    for small, vowel in (("ャ", "a"), ("ュ", "ɨ"), ("ョ", "o"))
}  # fmt: skip
_MORA = re.compile("|".join(sorted(_KANA, key=len, reverse=True)) + "|[ッンー]")
_PUNCTUATION = {
    "、": ",",
    "。": ".",
    "！": "!",
    "？": "?",
    "，": ",",
    "．": ".",
    "：": ":",
    "；": ";",
    "…": "…",
}


def number(written: str) -> str:
    """A number as written, in kanji."""
    whole, _, decimals = written.replace(",", "").partition(".")
    if len(whole) > 16 or (len(whole) > 1 and whole[0] == "0"):
        return digits(whole + decimals)
    said = str(num2words(int(whole), lang="ja")).replace("零", "ゼロ")
    return said + (
        "点" + "".join("〇一二三四五六七八九"[int(digit)] for digit in decimals) if decimals else ""
    )


def digits(written: str) -> str:
    """Digit by digit, as a telephone number is said."""
    return "".join(_DIGITS[int(digit)] for digit in written if digit.isdecimal())


def _price(found: re.Match[str]) -> str:
    unit = _CURRENCIES[(found["before"] or found["after"]).strip()]
    written, scale = found["number"], found["scale"] or ""
    whole, _, cents = written.replace(",", "").partition(".")
    if unit == "ドル" and len(cents) == 2 and not scale:
        major = number(whole) + unit if int(whole) or not int(cents) else ""
        return major + (number(str(int(cents))) + "セント" if int(cents) else "")
    return number(written) + scale + unit


def _clock(found: re.Match[str]) -> str:
    if int(found[1]) > 24 or int(found[2]) > 59:
        return f"{number(found[1])}対{number(found[2])}"
    return number(found[1]) + "時" + (number(str(int(found[2]))) + "分" if int(found[2]) else "")


def _date(found: re.Match[str]) -> str:
    return f"{number(found[1])}年{number(str(int(found[2])))}月{number(str(int(found[3])))}日"


def _address(found: re.Match[str]) -> str:
    text = re.sub(r"^https?://", "", found[0])
    for sign, word in (
        (".", "ドット"),
        ("@", "アットマーク"),
        ("/", "スラッシュ"),
        ("-", "ハイフン"),
        ("_", "アンダーバー"),
    ):
        text = text.replace(sign, f" {word} ")
    return re.sub(r"\d", lambda digit: _DIGITS[int(digit[0])], text)


def _phone(found: re.Match[str]) -> str:
    return "の".join(digits(group) for group in re.findall(r"\d+", found[0]))


def _steps() -> Sequence[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]]:
    value = rf"(?P<number>{_NUMBER})"
    symbols, codes = r"US\$|[¥￥$€£]", "JPY|USD|EUR|GBP"
    units = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
    scale = "(?P<scale>[百千万億]+)?"
    steps: list[tuple[str, Callable[[re.Match[str]], str]]] = [
        (r"(?a:(?:https?://|www\.)[\w./-]*\w|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|[\w-]+(?:\.[\w-]+)*\.(?:com|jp|net|org)(?:/[\w./-]*\w)?)",
         _address),
        (r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)", _date),
        (r"(?<!\d)(\d{1,2}):(\d{2})(?!\d)", _clock),
        (r"(?<!\d)0\d{1,4}-\d{1,4}-\d{3,4}(?!\d)", _phone),
        (rf"(?P<before>{symbols}|\b(?:{codes}) ?) ?{value}{scale}(?P<after>)", _price),
        (rf"(?P<before>){value}{scale} ?(?P<after>{symbols}|(?:{codes})\b)", _price),
        (r"(?<!\d)(\d+)/(\d+)(?!\d)", lambda m: f"{number(m[2])}分の{number(m[1])}"),
        (rf"({_NUMBER})(?:[-~～〜])(?=\d)", lambda m: number(m[1]) + "から"),
        (rf"(?<![\w.])-(?=\d+ ?(?:{units}))", lambda _: "マイナス"),
        (rf"{value} ?(?P<unit>{units})(?![A-Za-z])", lambda m: number(m["number"]) + _UNITS[m["unit"]]),
        (rf"{value} 倍", lambda m: number(m["number"]) + "倍"),
        (rf"{value}", lambda m: number(m["number"])),
        (r"\d", lambda m: _DIGITS[int(m[0])]),
        (r"&", lambda _: "アンド"), (r"\+", lambda _: "プラス"), (r"=", lambda _: "イコール"),
        (r"@", lambda _: "アット"), (r"%", lambda _: "パーセント"), (r"[*_`#<>\[\]{}|\\^~/\"]", lambda _: " "),
    ]  # fmt: skip
    return [(re.compile(pattern), replace) for pattern, replace in steps]


class Japanese:
    """How Japanese reads what is written."""

    def __init__(self) -> None:
        self._steps = _steps()

    def expand(self, text: str) -> str:
        """Nothing: Japanese has no abbreviations that end with a full stop."""
        return text

    def normalise(self, text: str) -> str:
        """``text`` in words: kanji, kana, Latin words where they are written so, and plain marks."""
        text = re.sub(r"[！-～｡-ﾟ]+", lambda wide: unicodedata.normalize("NFKC", wide[0]), text)
        for pattern, replace in self._steps:
            text = pattern.sub(replace, text)
        text = re.sub(r"\s+", " ", text.translate(_MARKS))
        return re.sub(r"([,;:])[ ,;:]*(?=[,.;:!?…])|\s+(?=[,.;:!?…])", "", text).strip(" ,;:-")


def phonemes(text: str) -> str:
    """The network's phonemes of kana and kanji and the marks between them."""
    import pyopenjtalk

    said = ""
    for word in pyopenjtalk.run_frontend(text):
        # The dictionary makes a comma of a full stop: the written mark is the one that counts.
        mark = _PUNCTUATION.get(unicodedata.normalize("NFKC", word["string"]), "") or _PUNCTUATION.get(
            word["string"], ""
        )
        if not mark and word["string"] in ",.!?:;":
            mark = word["string"]
        spelled = mark or kana(word["pron"])
        if spelled:
            said += spelled if mark or spelled[0] == "ː" else " " + spelled
    return re.sub(r"(?<=ʔ) ", "", said).strip()


def kana(read: str) -> str:
    """The network's letters of a reading in katakana; what is no kana is left out."""
    moras = _MORA.findall(read)
    said = ""
    for place, mora in enumerate(moras):
        after = _KANA.get(moras[place + 1], "") if place + 1 < len(moras) else ""
        if mora == "ッ":
            said += "ʔ"
        elif mora == "ー":
            said += "ː"
        elif mora == "ン":
            said += _nasal(after)
        else:
            said += _KANA[mora]
    return said


def _nasal(after: str) -> str:
    """ン before a sound, by where that is made."""
    for nasal, starts in (("m", "mpb"), ("ŋ", "kɡ"), ("ɲ", "ɲʨʥ"), ("n", "ntdɾz")):
        if after[:1] and after[0] in starts:
            return nasal
    return "ɴ"
