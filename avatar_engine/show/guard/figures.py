"""Finds every figure in a sentence, written in digits or in words, and says what it is a figure of.

Words come from num2words, turned round: what it says for a number is that number. Chinese and Japanese are read sign by
sign.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import pairwise

from num2words import num2words

LARGEST = 2000
"""Numbers in words that are known, besides round thousands and hundreds up to a hundred times as many."""

_DIGITS = re.compile(
    r"(?<![\w.,])\d{1,3}(?:(?:[ \u00a0\u202f'.,])\d{3})+(?:[.,]\d{1,2})?(?!\d)"
    r"|(?<![A-Za-z\d.,])\d+(?:[.,]\d{1,2}(?!\d))?"
)
_HAN = {
    "零": 0,
    "〇": 0,
    "一": 1,
    "二": 2,
    "两": 2,
    "三": 3,
    "四": 4,
    "五": 5,
    "六": 6,
    "七": 7,
    "八": 8,
    "九": 9,
}
_HAN_UNITS = {"十": 10, "百": 100, "千": 1000, "万": 10_000}
_HAN_NUMBER = re.compile(f"[{''.join((*_HAN, *_HAN_UNITS))}]+")
_HAN_WORDS = re.compile(
    "一[点下些样起直定旦般切种款样]|万一|统一|唯一|第[一二三四五六七八九十]|十分|千万|一(?![元块百千万十])|二つ|三つ"
)
_TOKEN = re.compile(r"[^\W\d_]+(?:[’'][^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure in a text.

    Attributes:
        begin, end: Where it stands.
        value: Its number.
        spelt: Whether it is written in words.
        money: Whether a currency stands within it: ``29 euros 90``.
    """

    begin: int
    end: int
    value: Decimal
    spelt: bool
    money: bool = False


def figures(text: str, language: str) -> list[Figure]:
    """All figures of a text in order; none lies within another."""
    tag = language.partition("-")[0]
    found = [*_digits(text)]
    found += _han(text) if tag in ("zh", "ja") else _spelt(text, tag)
    return _joined(sorted(found, key=lambda figure: figure.begin), text)


def _digits(text: str) -> Iterator[Figure]:
    for match in _DIGITS.finditer(text):
        try:
            yield Figure(match.start(), match.end(), _value(match[0]), spelt=False)
        except InvalidOperation:
            continue


def _value(text: str) -> Decimal:
    plain = "".join(str(unicodedata.digit(sign)) if sign.isdigit() else sign for sign in text)
    plain = re.sub(r"[\s'\u00a0\u202f]", "", plain)
    at = max(plain.rfind("."), plain.rfind(","))
    if at >= 0 and len(plain) - at - 1 != 3:
        return Decimal(re.sub(r"[.,]", "", plain[:at]) + "." + plain[at + 1 :])
    return Decimal(re.sub(r"[.,]", "", plain))


def _spelt(text: str, tag: str) -> Iterator[Figure]:
    """The longest runs of words that are a number."""
    known, longest = _words(tag)
    tokens = list(_TOKEN.finditer(text))
    at = 0
    while at < len(tokens):
        for count in range(min(longest, len(tokens) - at), 0, -1):
            run = tokens[at : at + count]
            between = (text[one.end() : other.start()] for one, other in pairwise(run))
            if not all(gap in (" ", "-", "\u00a0", "‑") for gap in between):
                continue
            value = known.get(_plain(" ".join(token[0] for token in run)))
            if value is not None:
                yield Figure(run[0].start(), run[-1].end(), Decimal(value), spelt=True)
                at += count - 1
                break
        at += 1


@lru_cache(maxsize=16)
def _words(tag: str) -> tuple[Mapping[str, int], int]:
    """What numbers are called in a language, and the most words of a name."""
    names: dict[str, int] = {}
    numbers = [*range(LARGEST + 1), *range(LARGEST, 100 * LARGEST, 100), *range(0, 1000 * 1000, 10_000)]
    try:
        for number in numbers:
            names.setdefault(_plain(num2words(number, lang=tag)), number)
    except (NotImplementedError, KeyError, IndexError):
        pass  # of this language it knows no more
    for word in _NO_NUMBERS.get(tag, ()):
        names.pop(word, None)
    names |= _MORE.get(tag, {})
    return names, max((name.count(" ") + 1 for name in names), default=0)


_NO_NUMBERS = {
    "en": ("one", "zero"), "fr": ("un", "une", "zero"), "es": ("uno", "un", "una", "cero"),
    "it": ("uno", "un", "una", "zero"), "pt": ("um", "uma", "zero"), "de": ("eins", "ein", "eine", "null"),
    "hi": ("एक",),
}  # fmt: skip
"""Words for one that are articles, or stand for somebody."""

_MORE = {
    "en": {"a hundred": 100, "a thousand": 1000, "a dozen": 12},
    "fr": {"une douzaine": 12, "une vingtaine": 20, "une centaine": 100},
    "de": {"zwo": 2, "ein dutzend": 12, "hundert": 100, "tausend": 1000},
    "es": {"una docena": 12}, "it": {"una dozzina": 12}, "pt": {"uma dúzia": 12},
}  # fmt: skip


@lru_cache(maxsize=16)
def digit_words(tag: str) -> frozenset[str]:
    """What the digits are called in a language, as in a telephone number; "" and numbers to a hundred with them."""
    names = {_plain(name) for name, value in _words(tag)[0].items() if value < 100 and " " not in name}
    names |= {_plain(word) for word in _NO_NUMBERS.get(tag, ()) if word not in _ARTICLES}
    return frozenset(names | ({"double", "triple", "oh"} if tag == "en" else {"double"}))


_ARTICLES = ("un", "une", "una", "um", "uma", "ein", "eine")


def _han(text: str) -> Iterator[Figure]:
    plain = _HAN_WORDS.sub(lambda found: " " * len(found[0]), text)
    for match in _HAN_NUMBER.finditer(plain):
        if (value := _han_value(match[0])) is not None:
            yield Figure(match.start(), match.end(), Decimal(value), spelt=True)


def _han_value(signs: str) -> int | None:
    if all(sign in _HAN for sign in signs):
        return int("".join(str(_HAN[sign]) for sign in signs))
    whole = part = digit = 0
    for sign in signs:
        if sign in _HAN:
            digit = _HAN[sign]
        elif _HAN_UNITS[sign] == 10_000:
            whole, part, digit = (whole + part + digit) * 10_000, 0, 0
        else:
            part, digit = part + (digit or 1) * _HAN_UNITS[sign], 0
    return whole + part + digit


def _joined(found: list[Figure], text: str) -> list[Figure]:
    """Amounts said in two, as ``twenty-nine ninety`` and ``29 euros 90``, are one; what overlaps is left out."""
    kept: list[Figure] = []
    for figure in found:
        last = kept[-1] if kept else None
        if last and figure.begin < last.end:
            continue
        between = text[last.end : figure.begin] if last else ""
        if (
            last
            and figure.value == figure.value.to_integral_value()
            and 10 <= figure.value < 100
            and last.value == last.value.to_integral_value()
            and (
                _CENTS.fullmatch(between)
                or (between == " " and last.spelt and figure.spelt and last.value < 1000)
            )
        ):
            named = bool(between.strip())
            kept[-1] = Figure(last.begin, figure.end, last.value + figure.value / 100, last.spelt, named)
            continue
        kept.append(figure)
    return kept


_CENTS = re.compile(
    r"\s*(?:€|\$|£|euros?|dollars?|pounds?|dólares|dollari|dólar|reais|francs?|franken|libras?|sterline|रुपये)"
    r"\s*(?:and|et|y|e|und|con)?\s*",
    re.IGNORECASE,
)


def _plain(text: str) -> str:
    bare = unicodedata.normalize("NFKD", str(text).casefold().replace("-", " ").replace(",", " "))
    return " ".join(
        "".join(
            letter for letter in bare if not unicodedata.combining(letter) or "\u0900" <= letter < "\u0980"
        ).split()
    )
