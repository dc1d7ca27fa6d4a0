"""What a figure in a sentence is of: money, a share, an hour, or a number of something (``words.yaml``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml

from avatar_engine.show.guard.figures import Figure
from avatar_engine.show.guard.readings import bare_pattern

_YEAR = re.compile(r"(?:19|20)\d\d")
_CLOCK = re.compile(
    r"\s*(?::\d\d|h\d{0,2}\b|(?:o.clock|past(?! the)|a\.?m\.?|p\.?m\.?|uhr|点(?!心)|時(?!間)|बजे)(?!\w))",
    re.IGNORECASE,
)
_PER_CENT = re.compile(
    r"\s*(?:%|％|per ?cent|pour ?cents?|por ciento|per cento|por cento|prozent|प्रतिशत|パーセント)",
    re.IGNORECASE,
)
_HOURS = re.compile(r"\s*(?:heures?|horas?|ore)(?!\w)", re.IGNORECASE)
_AT = re.compile(
    r"(?<!\w)(?:à|dès|vers|est|jusqu.à|a las|las|son|desde las|às|as|são|alle|le|sono le)\s*$", re.IGNORECASE
)
"""Before hours that are a time of day: "à 20 heures", not "pendant 12 heures"."""
_PER_CENT_BEFORE = re.compile(r"百分之\s*$")
_ENDS = re.compile(r"\s*(?:[.!?,;。！？।]|$)")
_PRICED = re.compile(r"\d+[.,]\d\d")
CENTS = re.compile(r"cents?|pence|céntimos?|centimes?|centesimi|centavos?|cêntimos?", re.IGNORECASE)


def kind_of(
    figure: Figure, plain: str, words: Mapping[str, re.Pattern[str]]
) -> tuple[str, Decimal, tuple[int, int]]:
    """What a figure is of, its value in whole money, and where it and its unit stand."""
    before, after, value = plain[: figure.begin], plain[figure.end :], figure.value
    if found := _PER_CENT.match(after):
        return "per cent", value, (figure.begin, figure.end + found.end())
    if found := _PER_CENT_BEFORE.search(before):
        return "per cent", value, (found.start(), figure.end)
    money_after, money_before = words["money_after"].match(after), words["money_before"].search(before)
    begin = money_before.start() if money_before else figure.begin
    end = figure.end + (money_after.end() if money_after else 0)
    was = bool(words["was_before"].search(plain[:begin]))
    if money_after or money_before or figure.money:
        cents = money_after and CENTS.fullmatch(money_after[0].strip())
        return "was" if was else "money", value / 100 if cents else value, (begin, end)
    if _CLOCK.match(after) or (_HOURS.match(after) and _AT.search(before)):
        return "harmless", value, (begin, end)
    if (
        not figure.spelt
        and _YEAR.fullmatch(plain[figure.begin : figure.end])
        and not re.match(r"\s*\w", after)
    ):
        return "harmless", value, (begin, end)
    if re.match(r"\s*[\w’'-]+", after) and not words["stop_after"].match(after):
        return "number", value, (begin, end)  # "for 3 hours": a number of something
    if words["place_before"].search(before) and not _PRICED.fullmatch(plain[figure.begin : figure.end]):
        return "perhaps a price", value, (begin, end)
    if words["price_before"].search(before) or _PRICED.fullmatch(plain[figure.begin : figure.end]):
        return "was" if was else "money", value, (begin, end)
    if _ENDS.match(after) and words["near_price"].search(before):
        return "perhaps a price", value, (begin, end)  # "for a measly seven"
    return "number", value, (begin, end)


def bound_of(plain: str, place: tuple[int, int], words: Mapping[str, re.Pattern[str]]) -> str:
    """Whether an amount is said to be more than what is meant, "under", or less, "over"; "" where it is meant."""
    before, after = plain[: place[0]], plain[place[1] :]
    for bound, other in (("under", "over"), ("over", "under")):
        if found := words[f"{bound}_before"].search(before):
            return other if words["denied_before"].search(before[: found.start()]) else bound
        if found := words[f"{bound}_after"].match(after):
            return other if words["denied_after"].match(after[found.end() :]) else bound
    return ""


@lru_cache(maxsize=16)
def words_of(language: str) -> Mapping[str, re.Pattern[str]]:
    """What is listened for in a language; English where it is not known."""
    table = word_table()
    tag = language.partition("-")[0]
    told = table.get(tag, table["en"])
    spaced = tag not in ("zh", "ja", "hi")  # signs of Devanagari are no letters to Python's expressions
    made = {}
    made["asked"] = _pattern(bare_pattern(told["asked"]), spaced)
    money, price, was = told["money"], told["price"], told["was"]
    gap = r"[\s:]*" if not spaced else r"[\s:]+"
    edge = r"(?<!\w)" if spaced else ""
    made["money_after"] = re.compile(
        rf"\s*(?:{money})(?!\w)" if spaced else rf"\s*(?:{money})", re.IGNORECASE
    )
    made["money"] = re.compile(
        rf"{edge}(?:{money})(?!\w)|[€$£¥₹]" if spaced else rf"(?:{money})", re.IGNORECASE
    )
    made["money_before"] = re.compile(rf"(?:{edge}(?:{money}))\s*$", re.IGNORECASE)
    made["price_before"] = re.compile(rf"{edge}(?:{price}){gap}$", re.IGNORECASE)
    made["near_price"] = re.compile(rf"{edge}(?:{price}){gap}(?:[^\W\d_]+{gap}){{1,2}}$", re.IGNORECASE)
    made["place_before"] = re.compile(rf"{edge}(?:{told['place']}){gap}$", re.IGNORECASE)
    made["was_before"] = re.compile(rf"{edge}(?:{was}){gap}(?:\w+\s+)?$", re.IGNORECASE)
    made["denied_before"] = re.compile(rf"{edge}(?:{told['denied']}){gap}(?:\w+{gap})?$", re.IGNORECASE)
    made["denied_after"] = re.compile(rf"\s*(?:{told.get('denied_after', '(?!)')})", re.IGNORECASE)
    for bound in ("under", "over"):
        made[f"{bound}_before"] = re.compile(rf"{edge}(?:{told[bound]}){gap}$", re.IGNORECASE)
        behind = told.get(f"{bound}_after", "(?!)")  # no such words
        made[f"{bound}_after"] = re.compile(rf"\s*(?:{behind})", re.IGNORECASE)
    made["stop_after"] = re.compile(rf"\s*(?:{told['after']})" + (r"(?!\w)" if spaced else ""), re.IGNORECASE)
    return made


def _pattern(words: str, spaced: bool) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)" if spaced else words, re.IGNORECASE)


@lru_cache(maxsize=1)
def word_table() -> Mapping[str, Mapping[str, Any]]:
    """All that is listened for, by language."""
    text = files("avatar_engine.show.guard").joinpath("words.yaml").read_text(encoding="utf-8")
    read: Mapping[str, Mapping[str, Any]] = yaml.safe_load(text)
    return read
