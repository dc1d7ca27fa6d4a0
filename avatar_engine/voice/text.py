"""Text as written to text as said: numbers, prices, dates, times, units and abbreviations in words.

num2words says the numbers, Babel (CLDR) knows months, units and currencies; the patterns here only find them.
`say` is the whole way: sentences of plain words, each ready for the phonemizer.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache, partial

from babel import Locale
from babel.dates import get_month_names
from babel.numbers import get_currency_name
from babel.units import format_unit
from num2words import num2words

from avatar_engine.voice.phonemes import tag
from avatar_engine.voice.wording import WORDING, Wording

LONGEST = 240
"""Characters of one spoken piece; a longer sentence is cut at a clause, or between words."""

_UNITS = {
    "km/h": "speed-kilometer-per-hour", "mph": "speed-mile-per-hour", "m/s": "speed-meter-per-second",
    "km²": "area-square-kilometer", "m²": "area-square-meter", "cm²": "area-square-centimeter",
    "m³": "volume-cubic-meter", "cm³": "volume-cubic-centimeter",
    "km": "length-kilometer", "cm": "length-centimeter", "mm": "length-millimeter", "m": "length-meter",
    "kg": "mass-kilogram", "mg": "mass-milligram", "g": "mass-gram", "lbs": "mass-pound", "lb": "mass-pound",
    "oz": "mass-ounce", "ft": "length-foot", "″": "length-inch",
    "ml": "volume-milliliter", "mL": "volume-milliliter", "cl": "volume-centiliter", "cL": "volume-centiliter",
    "dl": "volume-deciliter", "l": "volume-liter", "L": "volume-liter",
    "kWh": "energy-kilowatt-hour", "kW": "power-kilowatt", "W": "power-watt", "V": "electric-volt",
    "GHz": "frequency-gigahertz", "MHz": "frequency-megahertz", "kHz": "frequency-kilohertz",
    "Hz": "frequency-hertz", "TB": "digital-terabyte", "GB": "digital-gigabyte", "MB": "digital-megabyte",
    "KB": "digital-kilobyte", "kB": "digital-kilobyte", "To": "digital-terabyte", "Go": "digital-gigabyte",
    "Mo": "digital-megabyte", "Ko": "digital-kilobyte", "°C": "temperature-celsius",
    "°F": "temperature-fahrenheit", "°": "angle-degree", "min": "duration-minute", "h": "duration-hour",
    "hrs": "duration-hour", "ms": "duration-millisecond", "s": "duration-second", "kcal": "energy-kilocalorie",
}  # fmt: skip
_FEMININE = ("heure", "minute", "seconde", "milliseconde", "livre", "once", "calorie", "kilocalorie", "hora",
             "libra", "onza", "onça", "libbra", "oncia", "ora")  # fmt: skip
_SYMBOLS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "₹": "INR", "R$": "BRL", "US$": "USD"}
_CODES = "EUR|USD|GBP|JPY|CHF|CAD|AUD|CNY|INR|BRL|MXN"
_QUOTES = str.maketrans({
    "’": "'", "‘": "'", "´": "'", "«": '"', "»": '"', "“": '"', "”": '"', "„": '"', "\u00a0": " ",
    "\u202f": " ", "\u2009": " ", "\u00ad": "", "\u200b": "", "–": "-", "−": "-", "‑": "-", "\ufeff": "",
})  # fmt: skip

_NUMBER_EN = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
_NUMBER_EU = r"\d{1,3}(?:[ .]\d{3})+(?:,\d+)?|\d+(?:[,.]\d+)?"


def say(text: str, language: str) -> list[str]:
    """Sentences (or clauses of long ones) of ``text`` in plain words, in order; none is empty.

    Raises:
        AvatarError: The language is unknown.
    """
    speaker = _speaker(tag(language))
    pieces: list[str] = []
    for sentence in sentences(text, language):
        words = speaker.normalise(sentence)
        if any(letter.isalnum() for letter in words):
            pieces.extend(_cut_long(words))
    return pieces


def normalise(text: str, language: str) -> str:
    """``text`` in plain words, not split."""
    return _speaker(tag(language)).normalise(text)


def sentences(text: str, language: str) -> list[str]:
    """``text`` as sentences, still as written; an abbreviation's full stop ends none."""
    speaker = _speaker(tag(language))
    text = speaker.expand(_clean(text))
    found: list[str] = []
    for line in re.split(r"\s*\n+\s*", text):
        found += re.split(r"(?<=[.!?…])[\"')\]]*\s+(?=[\"'(\[¿¡]*[^\W_a-zà-ÿ])|(?<=[!?…])\s+", line)
    return [sentence.strip() for sentence in found if sentence and sentence.strip()]


def _clean(text: str) -> str:
    text = unicodedata.normalize("NFC", text).translate(_QUOTES)
    kept = [letter for letter in text if letter in "\n\t°" or unicodedata.category(letter) not in _UNSPOKEN]
    text = re.sub(r"\.{3,}", "…", "".join(kept))
    text = re.sub(r"\s+-{1,2}\s+|—", ", ", text)
    return re.sub(r"[ \t]+", " ", text)


def _cased(full: str, found: re.Match[str]) -> str:
    """A capital stays one, for a sentence may begin there."""
    return full[0].upper() + full[1:] if found[0][0].isupper() else full


_UNSPOKEN = frozenset({"So", "Cs", "Co", "Cn", "Cc", "Cf", "Sk"})
"""Unicode categories that nobody says: emoji, controls, private use."""


def _cut_long(words: str) -> list[str]:
    pieces = [words]
    for seam in (r"(?<=[;:])\s+", r"(?<=,)\s+", r"\s+"):
        pieces = [part for piece in pieces for part in _packed(piece, seam)]
    return pieces


def _packed(words: str, seam: str) -> list[str]:
    if len(words) <= LONGEST:
        return [words]
    packed: list[str] = []
    for part in re.split(seam, words):
        if packed and len(packed[-1]) + len(part) < LONGEST:
            packed[-1] += " " + part
        else:
            packed.append(part)
    return packed


@cache
def _speaker(language: str) -> _Speaker:
    return _Speaker(language)


class _Speaker:
    """The patterns of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.short = language.split("-")[0]
        self.american = language in ("en", "en-us")
        self.locale = Locale.parse(
            {"en-gb": "en_GB", "en-us": "en_US", "pt": "pt_BR"}.get(language, self.short)
        )
        self.wording: Wording = WORDING[self.short]
        self.number = _NUMBER_EN if self.short == "en" else _NUMBER_EU
        self.numbers_key = "pt_BR" if self.short == "pt" else self.short
        self.months = [str(get_month_names("wide", locale=self.locale)[n]) for n in range(1, 13)]
        self._steps = self._patterns()

    def normalise(self, text: str) -> str:
        text = self.expand(_clean(text))
        for pattern, replace in self._steps:
            text = pattern.sub(replace, text)
        text = re.sub(r"[*_`#<>\[\]{}|\\^~\"]", " ", text)
        text = re.sub(r"\s+([,.;:!?…])", r"\1", re.sub(r"\s+", " ", text))
        return text.strip(" ,;:-")

    def expand(self, text: str) -> str:
        for short, full in self.wording.abbreviations:
            text = re.sub(short, partial(_cased, full), text)
        return text

    # Numbers ------------------------------------------------------------------------------------------------

    def value(self, written: str) -> tuple[int, str]:
        """Whole part and decimals (as digits) of a number as this language writes it."""
        if self.short == "en":
            whole, _, decimals = written.replace(",", "").partition(".")
        else:
            grouped = re.fullmatch(r"(\d{1,3}(?:[ .]\d{3})+)(?:,(\d+))?", written)
            if grouped:
                whole, decimals = re.sub(r"\D", "", grouped[1]), grouped[2] or ""
            else:
                whole, _, decimals = written.replace(",", ".").partition(".")
        return int(whole), decimals

    def cardinal(self, number: int, feminine: bool = False) -> str:
        said = str(num2words(number, lang=self.numbers_key)).replace(",", "")
        if feminine and self.short == "fr":
            said = re.sub(r"\bun$", "une", said)
        elif feminine and self.short in ("es", "it", "pt"):
            said = re.sub(r"\b(un|uno|um)$", "una" if self.short != "pt" else "uma", said)
        return said

    def spoken(self, written: str, feminine: bool = False) -> str:
        """A number in words; decimals digit by digit in English, as a number of their own elsewhere."""
        whole, decimals = self.value(written)
        if len(written) > 1 and written[0] == "0" and written.isdigit():
            return " ".join(self.cardinal(int(digit)) for digit in written)
        if not decimals:
            return self.cardinal(whole, feminine)
        if self.short == "en" or len(decimals) > 2:
            after = " ".join(self.cardinal(int(digit)) for digit in decimals)
        else:
            after = ("zéro " if self.short == "fr" else self.cardinal(0) + " ") * (
                len(decimals) - len(decimals.lstrip("0"))
            ) + (self.cardinal(int(decimals)) if int(decimals) else "")
        return f"{self.cardinal(whole)} {self.wording.point} {after}".strip()

    def plain(self, found: re.Match[str]) -> str:
        sign = {"-": f"{self.wording.minus} ", "+": f"{self.wording.plus} "}.get(found["sign"] or "", "")
        written = found["number"]
        if self.short == "en" and re.fullmatch(r"(1[1-9]|20[1-9]|19)\d\d|20[1-9]\d", written) and not sign:
            return str(num2words(int(written), to="year"))
        return sign + self.spoken(written)

    def ordinal(self, number: int, feminine: bool = False) -> str:
        said = str(num2words(number, to="ordinal", lang=self.numbers_key))
        if feminine and self.short == "fr" and number == 1:
            return "première"
        if feminine and self.short in ("es", "it", "pt"):
            return re.sub(r"o\b", "a", said)
        return said

    def ordinal_found(self, found: re.Match[str]) -> str:
        ending = found["ending"].lower()
        return self.ordinal(int(found["number"]), ending in ("re", "ère", "ª", "a", "nde"))

    # Things that are counted ---------------------------------------------------------------------------------

    def price(self, found: re.Match[str]) -> str:
        symbol = (found["before"] or found["after"] or "").strip()
        code = _SYMBOLS.get(symbol, symbol)
        whole, decimals = self.value(found["number"])
        cents = int((decimals + "0")[:2]) if decimals else 0
        scale = (found["scale"] or "").strip()
        if scale:
            joint = self.wording.of_scale
            return f"{self.spoken(found['number'])} {scale} {joint}{self.currency(code, 2)}"
        major = f"{self.cardinal(whole)} {self.currency(code, whole)}"
        if not cents:
            return major
        if not whole and code in ("EUR", "USD"):
            return f"{self.cardinal(cents)} {self.wording.cent[cents != 1]}"
        if self.short == "en":
            minor = {"GBP": ("penny", "pence")}.get(code, self.wording.cent)[cents != 1]
            return f"{major} and {self.cardinal(cents)} {minor}"
        return f"{major} {self.wording.and_cents}{self.cardinal(cents)}"

    def currency(self, code: str, count: int) -> str:
        own = self.wording.currencies.get(code)
        plural = count != 1 if self.short != "fr" else count > 1
        return own[plural] if own else get_currency_name(code, count, locale=self.locale)

    def percent(self, found: re.Match[str]) -> str:
        return f"{self.signed(found)} {self.wording.percent}"

    def signed(self, found: re.Match[str], feminine: bool = False) -> str:
        sign = {"-": f"{self.wording.minus} ", "+": f"{self.wording.plus} "}.get(found["sign"] or "", "")
        return sign + self.spoken(found["number"], feminine)

    def measure(self, found: re.Match[str]) -> str:
        whole, decimals = self.value(found["number"])
        count = float(f"{whole}.{decimals or 0}")
        unit = _UNITS[found["unit"].replace("m2", "m²").replace("m3", "m³")]
        with_number = format_unit(count, unit, length="long", locale=self.locale)
        name = re.sub(r"[\d.,\u00a0\u202f\s]+", " ", with_number).strip()
        return f"{self.signed(found, name.rstrip('s') in _FEMININE)} {name}"

    def times(self, found: re.Match[str]) -> str:
        return f"{found[1]} {self.wording.by} "

    # Dates and times ------------------------------------------------------------------------------------------

    def date(self, year: int | None, month: int, day: int) -> str:
        try:
            datetime.date(year or 2000, month, day)
        except ValueError:
            return ""
        name = self.months[month - 1]
        if self.short == "en":
            said = f"{name} {self.ordinal(day)}" if self.american else f"the {self.ordinal(day)} of {name}"
            return said + (f", {num2words(year, to='year')}" if year else "")
        first = self.wording.first_day if day == 1 else self.cardinal(day)
        joint = self.wording.date_joint
        return f"{first} {joint}{name}" + (f" {joint}{self.cardinal(year)}" if year else "")

    def iso_date(self, found: re.Match[str]) -> str:
        return self.date(int(found[1]), int(found[2]), int(found[3])) or found[0]

    def slashed_date(self, found: re.Match[str]) -> str:
        first, second = int(found[1]), int(found[2])
        month, day = (first, second) if self.american and first <= 12 else (second, first)
        year = int(found[3])
        return self.date(year + 2000 if year < 100 else year, month, day) or found[0]

    def day_of_month(self, found: re.Match[str]) -> str:
        return f"{found[1]} {self.ordinal(int(found[2]))}"

    def clock(self, found: re.Match[str]) -> str:
        hour, minute = int(found["hour"]), int(found["minute"] or 0)
        if hour > 24 or minute > 59:
            return found[0]
        half = (found.groupdict().get("half") or "").lower().replace(".", "")
        if self.short == "en":
            said = self.cardinal(hour)
            if minute:
                said += f" {'oh ' if minute < 10 else ''}{self.cardinal(minute)}"
            elif not half:
                said += " o'clock" if hour <= 12 else " hundred hours"
            return said + (f" {half[0]} {half[1]}" if half else "")
        said = f"{self.cardinal(hour, True)} {self.wording.hour[hour > 1]}"
        return said + (f" {self.wording.and_minutes}{self.cardinal(minute)}" if minute else "")

    # Odds and ends ----------------------------------------------------------------------------------------------

    def address(self, found: re.Match[str]) -> str:
        text = re.sub(r"^https?://", "", found[0]).rstrip("/.,;")
        tail = found[0][len(found[0].rstrip(".,;")) :]
        for sign, word in (("@", self.wording.at), (".", self.wording.dot), ("/", self.wording.slash),
                           ("-", self.wording.dash), ("_", self.wording.underscore)):  # fmt: skip
            text = text.replace(sign, f" {word} ")
        return text + tail

    def digits(self, found: re.Match[str]) -> str:
        groups = re.split(r"[ .-]", found[0])
        if self.short == "fr":
            return ", ".join(self.spoken(group) for group in groups)
        return ", ".join(" ".join(self.cardinal(int(digit)) for digit in group) for group in groups)

    def fraction(self, found: re.Match[str]) -> str:
        return self.wording.fractions.get(found[0]) or found[0]

    def _patterns(self) -> Sequence[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]]:
        number = rf"(?P<number>{self.number})"
        signed = rf"(?<![\w.,])(?P<sign>[-+])?{number}"
        symbols = r"US\$|R\$|[€$£¥₹]"
        units = "|".join(
            re.escape(unit) for unit in sorted([*_UNITS, "m2", "m3", "cm2"], key=len, reverse=True)
        )
        scale = rf"(?P<scale> ?(?:{self.wording.scales})\b)?"
        ending = {"en": "st|nd|rd|th", "fr": "er|re|ère|ème|eme|nde|nd|e"}.get(self.short, "[ºª]")
        months = "|".join(self.months)
        steps: list[tuple[str, Callable[[re.Match[str]], str]]] = [
            (r"(?:https?://|www\.)\S+|[\w.+-]+@[\w-]+\.[\w.]+|\b[\w-]+\.(?:com|org|net|fr|io|co\.uk|eu)\b",
             self.address),
            (r"\b(\d{4})-(\d{2})-(\d{2})\b", self.iso_date),
            (r"(?<![\d/])(\d{1,2})[/.](\d{1,2})[/.](\d{4}|\d{2})(?![\d/])", self.slashed_date),
            (r"\b(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::\d{2})?(?: ?(?P<half>[AaPp](?:\.[Mm]\.|[Mm]\b)))?",
             self.clock),
            (rf"(?P<before>(?:{symbols})|\b(?:{_CODES}) ?) ?{number}{scale}(?P<after>)", self.price),
            (rf"(?P<before>)(?<![\w.,]){number}{scale} ?(?P<after>{symbols}|(?:{_CODES})\b)", self.price),
            (rf"{signed} ?%", self.percent),
        ]  # fmt: skip
        if self.short == "en":
            steps += [
                (r"\b(?P<hour>1[0-2]|0?[1-9])(?P<minute>) ?(?P<half>[AaPp](?:\.[Mm]\.|[Mm]\b))", self.clock),
                (rf"\b({months}) (\d{{1,2}})(?:st|nd|rd|th)?\b(?! ?(?:%|{units})\b)", self.day_of_month),
                (r"\b\d{3}-\d{3}-\d{4}\b|\b\d{3}-\d{4}\b", self.digits),
            ]
        else:
            steps += [
                (r"\b(?P<hour>\d{1,2}) ?[hH] ?(?P<minute>\d{2})\b", self.clock),
                (
                    r"\b(\d*1) (?=(?:heure|minute|seconde|fois|personne|semaine|année|journée|nuit|taille|place)s?\b)",
                    lambda m: self.cardinal(int(m[1]), feminine=True) + " ",
                ),
                (
                    rf"\b1 (?=(?:{self.wording.date_joint})?(?:{months})\b)",
                    lambda _: self.wording.first_day + " ",
                ),
                (r"(?<!\d)0\d(?:[ .]\d{2}){4}(?!\d)", self.digits),
            ]
        steps += [
            (rf"\b(?P<number>\d+)(?P<ending>{ending})\b" if self.short in ("en", "fr")
             else rf"\b(?P<number>\d+)\.?(?P<ending>{ending})", self.ordinal_found),
            (r"(?<![\d/])(?:1/2|1/3|2/3|1/4|3/4|½|¼|¾|24/7)(?![\d/])", self.fraction),
            (rf"(\d|(?:{units})) ?[x×] ?(?=\d)", self.times),
            (r"(?<![\w-])(\d+(?:[.,]\d+)?) ?- ?(?=\d+(?:[.,]\d+)?(?![\d-]))",
             lambda m: f"{m[1]} {self.wording.to} "),
            (rf"{signed} ?(?P<unit>{units})(?![\w²³/])", self.measure),
            (r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])", lambda _: " "),
            (rf"(?:(?<=\s)|^)(?P<sign>[-+])?{number}", self.plain),
            (rf"(?P<sign>)(?:{self.number})".replace("(?:", "(?P<number>", 1), self.plain),
            (r"&", lambda _: f" {self.wording.ampersand} "),
            (r"\+", lambda _: f" {self.wording.plus} "),
            (r"=", lambda _: f" {self.wording.equals} "),
            (r"@", lambda _: f" {self.wording.at} "),
            (r"%", lambda _: f" {self.wording.percent} "),
            (r"/", lambda _: " "),
        ]  # fmt: skip
        return [(re.compile(pattern), replace) for pattern, replace in steps]
