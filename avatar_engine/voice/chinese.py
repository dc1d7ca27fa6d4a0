"""Mandarin Chinese: numbers, prices, dates and times as said, and Chinese characters as the network's phonemes.

Words are cut by jieba, read by pypinyin with its tone sandhi, and spelled in the IPA of Mandarin's initials and
finals (Duanmu 2007, "The Phonology of Standard Chinese"), tones as arrows: the letters with which the network was
trained (misaki's ``zh``, hexgrad/misaki, Apache-2.0).
"""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import platformdirs

_DIGITS = "零一二三四五六七八九"
_CURRENCIES = {"¥": "元", "￥": "元", "CNY": "元", "RMB": "元", "$": "美元", "US$": "美元", "USD": "美元",
               "€": "欧元",
               "EUR": "欧元", "£": "英镑", "GBP": "英镑", "₹": "卢比", "HK$": "港币",
               "JPY": "日元"}  # fmt: skip
_UNITS = {"km/h": "公里每小时", "m²": "平方米", "㎡": "平方米", "m2": "平方米", "km": "公里", "cm": "厘米",
          "mm": "毫米",
          "m": "米", "kg": "公斤", "mg": "毫克", "g": "克", "ml": "毫升", "mL": "毫升", "L": "升",
          "l": "升", "°C": "摄氏度",
          "℃": "摄氏度", "°": "度", "W": "瓦", "kW": "千瓦", "V": "伏", "mAh": "毫安时",
          "Hz": "赫兹", '"': "英寸",
          "h": "小时", "min": "分钟", "s": "秒", "x": "倍", "X": "倍"}  # fmt: skip
_MEASURES = "个件元块双套瓶盒包台部只条张支款折天年次位种杯片份米公美欧英小倍箱袋本对组家层"
"""What follows a counted two, which is then 两."""

_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_INITIALS = {
    "b": "p", "p": "pʰ", "m": "m", "f": "f", "d": "t", "t": "tʰ", "n": "n", "l": "l", "g": "k", "k": "kʰ",
    "h": "x",
    "j": "ʨ", "q": "ʨʰ", "x": "ɕ", "zh": "ꭧ", "ch": "ꭧʰ", "sh": "ʂ", "r": "ɻ", "z": "ʦ", "c": "ʦʰ",
    "s": "s", "": "",
}  # fmt: skip
_FINALS = {
    "a": "a0", "ai": "ai0", "an": "a0n", "ang": "a0ŋ", "ao": "au0", "e": "ɤ0", "ei": "ei0", "en": "ə0n",
    "eng": "ə0ŋ",
    "er": "ɚ0", "i": "i0", "ia": "ja0", "ian": "jɛ0n", "iang": "ja0ŋ", "iao": "jau0", "ie": "je0", "in": "i0n",
    "ing": "i0ŋ", "iong": "jʊ0ŋ", "iou": "jou0", "io": "jɔ0", "o": "wo0", "ong": "ʊ0ŋ", "ou": "ou0", "u": "u0",
    "ua": "wa0", "uai": "wai0", "uan": "wa0n", "uang": "wa0ŋ", "uei": "wei0", "uen": "wə0n", "ueng": "wə0ŋ",
    "uo": "wo0", "v": "y0", "ve": "ɥe0", "van": "ɥɛ0n", "vn": "y0n", "ê": "ɛ0",
}  # fmt: skip
_TONES = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}
_MARKS = str.maketrans({"，": ",", "、": ",", "。": ".", "！": "!", "？": "?", "：": ":", "；": ";", "…": "…",
                        "“": " ", "”": " ", "《": " ", "》": " ", "「": " ", "」": " ", "（": ",",
                        "）": ",", "(": ",",
                        ")": ",", "·": " ", "～": "到", "—": ","})  # fmt: skip


def cardinal(number: int) -> str:
    """A whole number in Chinese characters.

    Raises:
        OverflowError: It has more than sixteen digits.
    """
    if number >= 10**16:
        raise OverflowError(number)
    said = ""
    for scale, name in ((10**12, "万亿"), (10**8, "亿"), (10**4, "万"), (1, "")):
        part, number = divmod(number, scale)
        if part:
            said += ("零" if said and part < 1000 else "") + _below_ten_thousand(part) + name
    return re.sub("^一十", "十", said) or "零"


def _below_ten_thousand(number: int) -> str:
    said, gap = "", False
    for scale, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, scale)
        if digit:
            said += ("零" if gap and said else "") + _DIGITS[digit] + name
        gap = not digit
    return re.sub("^二千", "两千", said)


def digits(written: str, phone: bool = False) -> str:
    """Digit by digit; in a phone number one is 幺."""
    said = "".join(_DIGITS[int(digit)] for digit in written if digit.isdecimal())
    return said.replace("一", "幺") if phone else said


def number(written: str) -> str:
    """A number as written, with its decimals."""
    whole, _, decimals = written.replace(",", "").partition(".")
    if len(whole) > 16 or (len(whole) > 1 and whole[0] == "0"):
        return digits(whole + decimals)
    return cardinal(int(whole)) + (f"点{digits(decimals)}" if decimals else "")


def counted(written: str) -> str:
    """A number before what it counts."""
    said = number(written)
    return {"二": "两"}.get(said, re.sub("^二(?=[万亿])", "两", said))


def _price(found: re.Match[str]) -> str:
    unit = _CURRENCIES[(found["before"] or found["after"]).strip()]
    scale = found["scale"] or ""
    return f"{counted(found['number'])}{scale}{unit}"


def _clock(found: re.Match[str]) -> str:
    hour, minute = int(found[1]), int(found[2])
    if hour > 24 or minute > 59:
        return f"{number(found[1])}比{number(found[2])}"
    if not minute:
        return f"{counted(found[1])}点"
    return f"{counted(found[1])}点{'零' if minute < 10 else ''}{cardinal(minute)}分"


def _date(found: re.Match[str]) -> str:
    return f"{digits(found[1])}年{cardinal(int(found[2]))}月{cardinal(int(found[3]))}日"


def _address(found: re.Match[str]) -> str:
    text = re.sub(r"^https?://", "", found[0])
    for sign, word in ((".", "点"), ("@", "艾特"), ("/", "斜杠"), ("-", "杠"), ("_", "下划线")):
        text = text.replace(sign, f" {word} ")
    return re.sub(r"\d", lambda digit: _DIGITS[int(digit[0])], text)


def _phone(found: re.Match[str]) -> str:
    return ("加" if found[0].startswith("+") else "") + ",".join(
        digits(group, phone=True) for group in re.findall(r"\d+", found[0])
    )


def _steps() -> Sequence[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]]:
    value = rf"(?P<number>{_NUMBER})"
    symbols = r"US\$|HK\$|[¥￥$€£₹]"
    codes = "CNY|RMB|USD|EUR|GBP|JPY"
    units = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
    scale = "(?P<scale>[百千万亿]+)?"
    steps: list[tuple[str, Callable[[re.Match[str]], str]]] = [
        (r"(?a:(?:https?://|www\.)[\w./-]*\w|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|[\w-]+(?:\.[\w-]+)*\.(?:com|cn|net|org)(?:/[\w./-]*\w)?)",
         _address),
        (r"(?<!\d)(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)", _date),
        (r"(?<!\d)(\d{4}|\d{2})年", lambda m: digits(m[1]) + "年"),
        (r"(?<!\d)(\d{1,2})[:：](\d{2})(?!\d)", _clock),
        (r"\+\d{2,3}(?:[ -]?\d{2,4}){2,4}"
         r"|(?<!\d)(?:1\d{2}[ -]?\d{4}[ -]?\d{4}|0\d{2,3}-\d{7,8}|400-?\d{3}-?\d{4})(?!\d)"
         r"|(?<!\d)[48]00-\d{3}-\d{4}", _phone),
        (rf"(?P<before>{symbols}|\b(?:{codes}) ?) ?{value}{scale}(?P<after>)", _price),
        (rf"(?P<before>){value}{scale} ?(?P<after>{symbols}|(?:{codes})\b)", _price),
        (rf"(-?){value} ?[%％]", lambda m: ("负" if m[1] else "") + "百分之" + number(m["number"])),
        (r"(?<!\d)(\d+)/(\d+)(?!\d)", lambda m: f"{number(m[2])}分之{number(m[1])}"),
        (rf"({_NUMBER})[-~～至](?=\d)", lambda m: number(m[1]) + "到"),
        (rf"(?<![\w.])-(?=\d+ ?(?:{units}))", lambda _: "零下"),
        (rf"{value} ?(?P<unit>{units})(?![A-Za-z])", lambda m: counted(m["number"]) + _UNITS[m["unit"]]),
        (rf"(第){value}", lambda m: m[1] + number(m["number"])),
        (r"(?:No\.|#) ?(\d+)", lambda m: f"第{number(m[1])}"),
        (rf"{value}(?=[{_MEASURES}])", lambda m: counted(m["number"])),
        (rf"(?<=[A-Za-z]){value}|{value.replace('number', 'other')}",
         lambda m: " " + number(m["number"] or m["other"]) if m["number"] else number(m["other"])),
        (r"\d", lambda m: _DIGITS[int(m[0])]),
        (r"&", lambda _: "和"), (r"\+", lambda _: "加"), (r"=", lambda _: "等于"), (r"@", lambda _: "艾特"),
        (r"%", lambda _: "百分之"), (r"[*_`#<>\[\]{}|\\^~/\"]", lambda _: " "),
    ]  # fmt: skip
    return [(re.compile(pattern), replace) for pattern, replace in steps]


class Chinese:
    """How Mandarin reads what is written."""

    def __init__(self) -> None:
        self._steps = _steps()

    def expand(self, text: str) -> str:
        """Nothing: Chinese has no abbreviations that end with a full stop."""
        return text

    def normalise(self, text: str) -> str:
        """``text`` in words: Chinese characters, Latin words where they are written so, and plain marks."""
        text = re.sub(r"[！-～]", lambda wide: unicodedata.normalize("NFKC", wide[0]), text)
        for pattern, replace in self._steps:
            text = pattern.sub(replace, text)
        text = re.sub(r"\s+", " ", text.translate(_MARKS))
        text = re.sub(r"(?<=[\u3400-\u9fff]) (?=[\u3400-\u9fff])", "", text)
        return re.sub(r"([,;:])[ ,;:]*(?=[,.;:!?…])|\s+(?=[,.;:!?…])", "", text).strip(" ,;:-")


def phonemes(text: str) -> str:
    """The network's phonemes of Chinese characters and the marks between them."""
    from pypinyin import Style, lazy_pinyin

    said: list[str] = []
    for word in _cutter().lcut(text):
        if word.strip() and not any("\u3400" <= letter <= "\u9fff" for letter in word):
            said += [letter for letter in word if letter in ",.;:!?…"]
            continue
        read = lazy_pinyin(
            word, style=Style.TONE3, neutral_tone_with_five=True, tone_sandhi=True, errors="ignore"
        )
        spelled = "".join(syllable(one) for one in read)
        if spelled:
            said.append((" " if said else "") + spelled)
    return "".join(said)


def syllable(pinyin: str) -> str:
    """The network's letters of one syllable in pinyin with its tone as a figure, ``v`` for ü."""
    from pypinyin.contrib.tone_convert import to_finals, to_initials

    plain, tone = pinyin.rstrip("12345"), _TONES.get(pinyin[-1:], "")
    if plain in ("m", "n", "ng", "hm", "hng"):
        return {"m": "m", "n": "n", "ng": "ŋ", "hm": "hm", "hng": "hŋ"}[plain] + tone
    first, last = to_initials(plain, strict=True), to_finals(plain, strict=True)
    final = _FINALS.get("v" if last == "ü" else last.replace("ü", "v"), "")
    if last == "i" and first in ("zh", "ch", "sh", "r", "z", "c", "s"):
        final = "ɨ0"
    elif last == "o" and not first:
        final = "ɔ0"
    return _INITIALS.get(first, "") + final.replace("0", tone)


@cache
def _cutter() -> Any:
    import jieba

    jieba.setLogLevel(logging.WARNING)
    cutter = jieba.Tokenizer()
    # jieba keeps its dictionary in the common temporary folder otherwise, where others may write.
    own = platformdirs.user_cache_path("avatar-engine") / "jieba"
    own.mkdir(parents=True, exist_ok=True)
    cutter.tmp_dir = str(own)
    return cutter
