"""Text as written to text as said: numbers, prices, dates, times, units and abbreviations in words.

num2words says the numbers, Babel (CLDR) knows months, units and currencies; the patterns here only find them.
Chinese, Japanese and the numbers of Hindi have rules of their own (`chinese`, `japanese`, `hindi`). `spoken` is the
whole way: sentences of plain words in one language each, with the user's pronunciations, ready for the phonemizer.
"""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Protocol

from babel import Locale
from babel.dates import get_month_names
from babel.numbers import get_currency_name
from babel.units import format_unit
from num2words import num2words

from avatar_engine.voice import hindi
from avatar_engine.voice.chinese import Chinese
from avatar_engine.voice.japanese import Japanese
from avatar_engine.voice.languages import AUTO, HAN, KANA, asked, recognised, tag
from avatar_engine.voice.lexicon import Lexicon
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
             "libra", "onza", "onça", "libbra", "oncia", "ora", "fois", "personne", "semaine", "année",
             "journée", "nuit",
             "taille", "place", "pièce", "boîte", "bouteille", "couleur", "paire", "fille", "femme", "page",
             "unité", "livraison", "commande", "Stunde", "Minute", "Sekunde", "Woche", "Flasche",
             "Packung", "Person",
             "Million", "Milliarde", "Dose", "Farbe", "Größe", "Tasche", "Jacke", "Lampe", "Unze",
             "Tonne")  # fmt: skip
_FEMININE_ENDINGS = re.compile("(?:as?|ción|ciones|ção|ções|dad|dades|dade|zione|zioni|tà)$")
_MASCULINE = re.compile(
    "^(?:días?|dias?|programas?|problemas?|sistemas?|idiomas?|temas?|mapas?|quilogramas?|gramas?)$"
)
_SMALL_WORDS = """
    y o u e a de del en con por para que más menos da di do com em ou il la le lo el los las os as
    mil es è é est et ou und oder von bis gratis gratuito gratuit kostenlos nel nella nelle
"""
_NO_NOUNS = frozenset(_SMALL_WORDS.split())  # fmt: skip
_SYMBOLS = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY", "₹": "INR", "R$": "BRL", "US$": "USD"}
_CODES = "EUR|USD|GBP|JPY|CHF|CAD|AUD|CNY|INR|BRL|MXN"
_SPELLED = {"en": "UHD|LED|VIP", "fr": "UHD|FAQ|CEO", "es": "UHD|USB|CEO|FAQ", "it": "UHD|CEO|FAQ",
            "pt": "UHD|CEO|FAQ", "de": "UHD|LED|USB|CEO|VIP|FAQ"}  # fmt: skip
"""Initials that espeak-ng takes for a word, and that are said letter by letter."""

_PRICED = re.compile(
    r" (?:voucher|coupon|gift|card|bill|note|deal|discount|bonus|credit|value|refund|rebate|minimum|bottle|bag)\b"
)
"""What a price may describe: a five dollar voucher."""

_QUOTES = str.maketrans({
    "’": "'", "‘": "'", "´": "'", "«": '"', "»": '"', "“": '"', "”": '"', "„": '"', "\u00a0": " ",
    "\u202f": " ", "\u2009": " ", "\u3000": " ", "℃": "°C", "㎡": "m²", "\u00ad": "", "\u200b": "",
    "–": "-", "−": "-", "‑": "-", "\ufeff": "",
})  # fmt: skip

_NUMBER_EN = r"\d{1,3}(?:,\d{2,3})*,\d{3}(?:\.\d+)?|\d+(?:\.\d+)?"
_NUMBER_EU = r"\d{1,3}(?:,\d{3})+\.\d+|\d{1,3}(?:[ .]\d{3})+(?:,\d+)?|\d+(?:[,.]\d+)?"
READY = "\U000f0000-\U000ffffd"
"""Phonemes that the lexicon has put into the text (`phonemes.quoted`), for a regular expression's brackets."""


def spoken(
    text: str, language: str, lexicon: Lexicon | None = None, likely: str = "en", among: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """Sentences (or clauses of long ones) of ``text`` in plain words, each with its language; none is empty.

    Args:
        text: As written.
        language: BCP 47 tag, or ``auto``: every sentence in the language that it is written in.
        lexicon: The user's pronunciations.
        likely: With ``auto``, the language that is taken where a text leaves a doubt.
        among: With ``auto``, the languages to choose from; all that can be spoken when empty.

    Raises:
        AvatarError: The language is unknown, or what it needs is not installed.
    """
    lexicon = lexicon or Lexicon.empty()
    found = asked(language)
    text = _clean(text)
    most = recognised(text, tag(likely), among) if found == AUTO else found
    if found != AUTO:
        # Before sentences are parted: a user's word may end with a full stop.
        text = lexicon.applied(text, found)
    pieces: list[tuple[str, str]] = []
    for sentence in _sentences(text, most):
        own = most
        if found == AUTO:
            own = recognised(sentence, most, among)
            sentence = lexicon.applied(sentence, own)
        words = _speaker(own).normalise(sentence)
        if re.search(rf"[^\W_]|[{READY}]", words):
            pieces.extend((piece, own) for piece in _cut_long(words))
    return pieces


def say(text: str, language: str) -> list[str]:
    """The words of `spoken`, all in one language and without a lexicon.

    Raises:
        AvatarError: The language is unknown.
    """
    return [words for words, _ in spoken(text, tag(language))]


def normalise(text: str, language: str) -> str:
    """``text`` in plain words, not split."""
    return _speaker(tag(language)).normalise(_clean(text))


def sentences(text: str, language: str) -> list[str]:
    """``text`` as sentences, still as written; an abbreviation's full stop ends none."""
    return _sentences(_clean(text), tag(language))


def _sentences(text: str, language: str) -> list[str]:
    text = _speaker(language).expand(text)
    found: list[str] = []
    for line in re.split(r"\s*\n+\s*", text):
        found += _SEAM.split(line)
    return [sentence.strip() for sentence in found if sentence and sentence.strip()]


_SEAM = re.compile(
    rf"(?<=[.!?…])[\"')\]]*\s+(?=[\"'(\[¿¡]*(?:[^\W_a-zà-ÿ]|[{READY}]))|(?<=[!?…])\s+|(?<=।)\s*"
    r"|(?<=[。！？])[」』”]?\s*(?=[^。！？」』”\s])"
)


def _clean(text: str) -> str:
    text = unicodedata.normalize("NFC", _KEYCAP.sub("", text)).translate(_QUOTES)
    kept = [letter for letter in text if letter in "\n\t°" or unicodedata.category(letter) not in _UNSPOKEN]
    text = re.sub(r"\.{3,}", "…", "".join(kept))
    text = re.sub(r"\s+-{1,2}\s+|—", ", ", text)
    return re.sub(r"[ \t]+", " ", text)


_KEYCAP = re.compile("[0-9#*]\ufe0f?\u20e3|[\ufe0e\ufe0f]")
"""Figures in a box are pictures too, and the marks that make a picture of a letter are nothing."""


def _cased(full: str, found: re.Match[str]) -> str:
    """A capital stays one, for a sentence may begin there."""
    return full[0].upper() + full[1:] if found[0][0].isupper() else full


_AT_THE = {"es": r"\b(?:las?|de|a) $", "it": r"(?:\b[dn]?alle|\balla|\ble|\bore) $"}
"""After these words a time of day is said without the word for hours."""

_UNSPOKEN = frozenset({"So", "Cs", "Co", "Cn", "Cc", "Cf", "Sk"})
"""Unicode categories that nobody says: emoji, controls, private use."""


def _cut_long(words: str) -> list[str]:
    pieces = [words]
    for seam in (r"(?<=[;:])\s+", r"(?<=,)\s*", r"\s+"):
        pieces = [part for piece in pieces for part in _packed(piece, seam)]
    return pieces


def _length(words: str) -> int:
    """Letters; a Chinese character or a kana is said as long as four."""
    return len(words) + 3 * len(re.findall(f"[{HAN}{KANA}]", words))


def _packed(words: str, seam: str) -> list[str]:
    if _length(words) <= LONGEST:
        return [words]
    packed: list[str] = []
    for part in re.split(seam, words):
        if packed and _length(packed[-1]) + _length(part) < LONGEST:
            packed[-1] += " " + part
        else:
            packed.append(part)
    return packed


class _Reads(Protocol):
    """How one language reads what is written: abbreviations in full, then everything in words."""

    def expand(self, text: str) -> str: ...
    def normalise(self, text: str) -> str: ...


@cache
def _speaker(language: str) -> _Reads:
    own: dict[str, Callable[[], _Reads]] = {"zh": Chinese, "ja": Japanese}
    return own[language]() if language in own else _Speaker(language)


class _Speaker:
    """The patterns of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.short = language.split("-")[0]
        self.american = language in ("en", "en-us")
        self.locale = Locale.parse(
            {"en-gb": "en_GB", "en-us": "en_US", "pt": "pt_BR", "hi": "hi_IN"}.get(language, self.short)
        )
        self.wording: Wording = WORDING[self.short]
        self.pointed = self.short in ("en", "hi")  # A full stop before decimals, commas between thousands.
        self.number = _NUMBER_EN if self.pointed else _NUMBER_EU
        self.numbers_key = "pt_BR" if self.short == "pt" else self.short
        self.months = [str(get_month_names("wide", locale=self.locale)[n]) for n in range(1, 13)]
        self._steps = self._patterns()

    def normalise(self, text: str) -> str:
        text = self.expand(text)
        for pattern, replace in self._steps:
            text = pattern.sub(replace, text)
        text = re.sub(r"[*_`#<>\[\]{}|\\^~\"]", " ", text)
        text = re.sub(r"\s+([,.;:!?…])", r"\1", re.sub(r"\s+", " ", text.replace("।", ".")))
        return text.strip(" ,;:-")

    def expand(self, text: str) -> str:
        for short, full in self.wording.abbreviations:
            text = re.sub(short, partial(_cased, full), text)
        if self.short == "de":
            text = self._german_ordinals(text)
        elif self.short == "hi":
            text = re.sub(r"[०-९]", lambda digit: str(int(digit[0])), text)
        return re.sub(r"(?<=\d)\"", self._inches, text)

    def _inches(self, found: re.Match[str]) -> str:
        """A mark after a figure: inches, unless it ends what is quoted."""
        if found.string.count('"', 0, found.start()) % 2:
            return found[0]
        after = found.string[found.end() :]
        adjective = self.short == "en" and re.match(
            r" (?!and|or|in|wide|long|tall|high|deep|thick|by|x\b)[a-z]", after
        )
        return f" {self.wording.inch[0 if adjective else 1]}"

    def _german_ordinals(self, text: str) -> str:
        """ "am 3. Mai": the stop ends no sentence, and the ending follows the word before."""
        pattern = (
            rf"(?P<before>\b(?:der|die|das|am|zum|vom|im|beim|bis|den|dem|des|ab|jeden|unser|ein|eine)\s+)?"
            rf"(?<![\d.,:])(?P<number>[1-9]\d?)\.(?=\s+(?P<after>{'|'.join(self.months)})|\s+[A-ZÄÖÜa-z])(?!\s*\d)"
        )

        def said(found: re.Match[str]) -> str:
            before = (found["before"] or "").strip().lower()
            if not found["after"] and before in ("", "bis", "ab", "ein", "eine", "unser"):
                return found[0]
            weak = {"der": "e", "die": "e", "das": "e", "": "er", "ein": "er", "eine": "e"}.get(before, "en")
            return (found["before"] or "") + self.ordinal(int(found["number"]))[:-1] + weak

        return re.sub(pattern, said, text, flags=re.IGNORECASE)

    # Numbers ------------------------------------------------------------------------------------------------

    def value(self, written: str) -> tuple[int, str]:
        """Whole part and decimals (as digits) of a number as this language writes it."""
        if self.pointed or re.fullmatch(r"\d{1,3}(?:,\d{3})+\.\d+", written):
            whole, _, decimals = written.replace(",", "").partition(".")
        else:
            grouped = re.fullmatch(r"(\d{1,3}(?:[ .]\d{3})+)(?:,(\d+))?", written)
            if grouped:
                whole, decimals = re.sub(r"\D", "", grouped[1]), grouped[2] or ""
            else:
                whole, _, decimals = written.replace(",", ".").partition(".")
        return int(whole), decimals

    def cardinal(self, number: int, feminine: bool = False) -> str:
        if number >= 10**15:  # Not every language has words for it.
            return " ".join(self.cardinal(int(digit)) for digit in str(number))
        if self.short == "hi":
            return hindi.cardinal(number)
        said = str(num2words(number, lang=self.numbers_key)).replace(",", "")
        if feminine and self.short == "fr":
            said = re.sub(r"\bun$", "une", said)
        elif feminine and self.short in ("es", "it", "pt"):
            said = re.sub(r"\b(un|uno|um)$", "una" if self.short != "pt" else "uma", said)
            said = re.sub(r"\bdois$", "duas", re.sub("veintiuno$", "veintiuna", said))
        return said

    def counting(self, number: int, noun: str = "") -> str:
        """A number right before what is counted: "veintiún euros", "duas caixas", "vingt et une tailles"."""
        last = self.cardinal(number)
        if self.short == "es" and last.endswith("uno"):
            if self._feminine(noun):
                return last[:-1] + "a"
            return re.sub("veintiuno$", "veintiún", last) if last.endswith("veintiuno") else last[:-1]
        if self.short == "it" and number == 1:
            return "una" if self._feminine(noun) else "un"
        if self.short == "pt" and self._feminine(noun):
            return self.cardinal(number, True)
        if self.short == "fr" and self._feminine(noun):
            return self.cardinal(number, True)
        if self.short == "de" and last.endswith("eins"):
            return last[:-1] + ("e" if number == 1 and self._feminine(noun) else "")
        return last

    def _feminine(self, noun: str) -> bool:
        if self.short == "fr" or self.short == "de":
            one = noun.lower() if noun.lower() in _FEMININE else noun.lower().rstrip("s")
            return one in _FEMININE or (self.short == "de" and noun in _FEMININE)
        return bool(_FEMININE_ENDINGS.search(noun.lower())) and not _MASCULINE.search(noun.lower())

    def counted(self, found: re.Match[str]) -> str:
        """A whole number that ends in one or two before a noun."""
        before = found.string[: found.start()].rstrip().lower()
        if (
            found["noun"].lower() in _NO_NOUNS
            or len(found["number"]) > 12
            or before.endswith(self.wording.number)
        ):
            return found[0]
        return f"{self.counting(int(found['number']), found['noun'])} {found['noun']}"

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
        if self.short == "de" and re.fullmatch(r"1[1-9]\d\d", written) and not sign:
            return self.year(int(written))
        if self.short == "en" and re.fullmatch(r"(1[1-9]|20[1-9]|19)\d\d|20[1-9]\d", written) and not sign:
            return str(num2words(int(written), to="year"))
        return sign + self.spoken(written)

    def ordinal(self, number: int, feminine: bool = False) -> str:
        if number >= 10**6:
            return self.cardinal(number, feminine)
        if self.short == "hi":
            return hindi.ordinal(number)
        said = str(num2words(number, to="ordinal", lang=self.numbers_key))
        if feminine and self.short == "fr" and number == 1:
            return "première"
        if feminine and self.short in ("es", "it", "pt"):
            return re.sub(r"o\b", "a", said)
        return said

    def ordinal_found(self, found: re.Match[str]) -> str:
        ending = found["ending"].lower()
        said = self.ordinal(int(found["number"]), ending.rstrip("s") in ("re", "ère", "ª", "a", "nde"))
        if self.short == "es" and ending == "er":
            return re.sub(r"(prim|terc)ero$", r"\1er", said)
        return said + ("s" if self.short == "fr" and ending in ("ers", "res", "ères", "es", "èmes") else "")

    # Things that are counted ---------------------------------------------------------------------------------

    def price(self, found: re.Match[str]) -> str:
        symbol = (found["after"] or found["before"] or "").strip()
        code = _SYMBOLS.get(symbol, symbol)
        whole, decimals = self.value(found["number"])
        cents = int((decimals + "0")[:2]) if decimals else 0
        scale = (found["scale"] or "").strip()
        if scale:
            joint = self.wording.of_scale
            return f"{self.spoken(found['number'])} {scale} {joint}{self.currency(code, 2)}"
        name = self.currency(code, whole)
        if self.short == "en" and not cents and _PRICED.match(found.string, found.end()):
            name = self.currency(code, 1)
        major = f"{self.counting(whole, name)} {name}"
        if not cents:
            return major
        if not whole and code in ("EUR", "USD"):
            return f"{self.counting(cents)} {self.wording.cent[cents != 1]}"
        if self.short == "hi":
            return f"{major} {self.cardinal(cents)} {'पैसे' if code == 'INR' else 'सेंट'}"
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
        count = float(
            f"{min(whole, 10**12)}.{decimals[:6] or 0}"
        )  # Only for one or several: Babel has its limits.
        unit = _UNITS[found["unit"].replace("m2", "m²").replace("m3", "m³")]
        with_number = format_unit(count, unit, length="long", locale=self.locale)
        name = re.sub(r"[\d.,\u00a0\u202f\s]+", " ", with_number).strip()
        if found["unit"] == "m" and len(decimals) == 2 and 0 < whole < 3 and self.wording.metres is not None:
            after = int(decimals)
            tail = f" {self.wording.metres}{self.cardinal(after)}" if after else ""
            return f"{self.counting(whole)} {self.unit(unit, whole)}{tail}"
        if not decimals and not (found["sign"] or "").strip() and not found["number"].startswith("0"):
            return f"{self.counting(whole, name)} {name}"
        return f"{self.signed(found, name.rstrip('s') in _FEMININE)} {name}"

    def unit(self, unit: str, count: int) -> str:
        """The unit's name for so many."""
        written = format_unit(count, unit, length="long", locale=self.locale)
        return re.sub(r"[\d.,\u00a0\u202f\s]+", " ", written).strip()

    def per(self, found: re.Match[str]) -> str:
        return f" {self.wording.per} {self.unit(_UNITS[found['unit']], 1)}"

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
        if self.short == "de":
            return f"{self.ordinal(day)}{{ending}} {name}" + (f" {self.year(year)}" if year else "")
        first = self.wording.first_day if day == 1 and self.wording.first_day else self.cardinal(day)
        joint = self.wording.date_joint
        return f"{first} {joint}{name}" + (f" {joint}{self.cardinal(year)}" if year else "")

    def year(self, number: int) -> str:
        """A year as it is said."""
        to = "year" if self.short in ("en", "de") else "cardinal"
        return (
            str(num2words(number, to=to, lang=self.numbers_key))
            if self.short != "hi"
            else self.cardinal(number)
        )

    def iso_date(self, found: re.Match[str]) -> str:
        return self._inflected(self.date(int(found[1]), int(found[2]), int(found[3])), found) or found[0]

    def _inflected(self, date: str, found: re.Match[str]) -> str:
        """German days take their ending from the word before: "am dritten Mai", "der dritte Mai"."""
        before = re.search(r"(\w+)\s*$", found.string[: found.start()])
        word = before[1].lower() if before else ""
        weak = "n" if word in ("am", "zum", "vom", "den", "dem", "bis", "ab", "im") else ""
        return date.replace("{ending}", weak or ("" if word in ("der", "die", "das") else "r"))

    def slashed_date(self, found: re.Match[str]) -> str:
        first, second = int(found[1]), int(found[2])
        month, day = (first, second) if self.american and first <= 12 else (second, first)
        year = int(found[3])
        return self._inflected(self.date(year + 2000 if year < 100 else year, month, day), found) or found[0]

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
        if self.short == "hi":
            return f"{self.cardinal(hour)} " + (f"बजकर {self.cardinal(minute)} मिनट" if minute else "बजे")
        if self.short == "de":
            return f"{self.counting(hour)} Uhr" + (f" {self.cardinal(minute)}" if minute else "")
        name = f" {self.wording.hour[hour > 1]}"
        if re.search(_AT_THE.get(self.short, "(?!)"), found.string[: found.start()].lower()):
            name = ""
        said = self.cardinal(hour, True) + name
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
        """A telephone number: pairs in French, digit by digit elsewhere."""
        groups = re.findall(r"\d+", found[0])
        plus = f"{self.wording.plus} " if found[0].startswith("+") else ""
        if self.short == "fr":
            return plus + ", ".join(self.spoken(group) for group in groups)
        return plus + ", ".join(" ".join(self.cardinal(int(digit)) for digit in group) for group in groups)

    def score(self, found: re.Match[str]) -> str:
        first, whole = self.spoken(found["number"]), self.cardinal(int(found["whole"]))
        if self.short == "hi":
            return f"{whole} {self.wording.out_of} {first}"
        return f"{first} {self.wording.out_of} {whole}"

    def between(self, found: re.Match[str]) -> str:
        """ "3-5 days"; Italian says "in tre cinque giorni" and "da tre a cinque"."""
        listed = self.short == "it" and re.search(r"\bin $", found.string[: found.start()])
        return f"{found[1]} " if listed else f"{found[1]} {self.wording.to} "

    def score_or_fraction(self, found: re.Match[str]) -> str:
        """A mark, such as 4.8/5; what may be a fraction or a date stays."""
        return self.score(found) if re.search("[.,]", found["number"]) or found["whole"] == "10" else found[0]

    def feet(self, found: re.Match[str]) -> str:
        return f"{self.cardinal(int(found[1]))} foot {self.cardinal(int(found[2]))}"

    def decade(self, found: re.Match[str]) -> str:
        said = (
            str(num2words(int(found[1]), to="year")) if len(found[1]) == 4 else self.cardinal(int(found[1]))
        )
        return said[:-1] + "ies" if said.endswith("y") else said + "s"

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
        ending = {"en": "st|nd|rd|th", "fr": "ers?|ères?|res?|èmes?|emes?|ndes?|nds?|es?", "es": "[ºª]|er",
                  "hi": "वां|वाँ|वीं|वें", "de": "(?!)"}.get(self.short, "[ºª]")  # fmt: skip
        months = "|".join(self.months)
        steps: list[tuple[str, Callable[[re.Match[str]], str]]] = [
            (r"(?a:(?:https?://|www\.)[^\s)\"]+|[\w.+-]+@[\w-]+\.[\w.]+"
             r"|\b(?:[\w-]+\.)+(?:com|org|net|fr|io|co\.uk|uk|eu|es|it|de|at|ch|br|pt|in|shop|tv|me|app)\b(?:/[^\s)\"]*)?)",
             self.address),
            (r"\+\d{1,3}(?:[ .-]?\(?\d{1,5}\)?){2,6}(?!\d)", self.digits),
            (self.wording.phone, self.digits),
            (r"#(?=\d)|\b[Nn]°(?=\d)", lambda _: self.wording.number + " "),
            (r"\b(\d{4})-(\d{2})-(\d{2})\b", self.iso_date),
            (r"(?<![\d/])(\d{1,2})[/.](\d{1,2})[/.](\d{4}|\d{2})(?![\d/])", self.slashed_date),
            (r"\b(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::\d{2})?(?: ?(?P<half>[AaPp](?:\.[Mm]\.|[Mm]\b)))?"
             r"(?: Uhr\b| बजे)?",
             self.clock),
            (rf"(?P<number>\d{{1,2}}(?:[.,]\d)?) ?/ ?(?P<whole>5|10)(?=\s*(?:[^\s\d/]|$))(?! ?(?:{units}|%)\b)"
             , self.score_or_fraction),
            (rf"(?P<before>(?:{symbols})|\b(?:{_CODES}) ?) ?{number}{scale}(?P<after>(?: (?:MXN|USD|CAD|AUD)\b)?)",
             self.price),
            (rf"(?P<before>)(?<![\w.,]){number}{scale} ?(?P<after>{symbols}|(?:{_CODES})\b)", self.price),
            (rf"(?<=[^\W\d])/(?P<unit>{units})(?!\w)", self.per),
            (rf"{signed} ?%", self.percent),
        ]  # fmt: skip
        if self.short == "en":
            steps += [
                (r"\b(?P<hour>1[0-2]|0?[1-9])(?P<minute>) ?(?P<half>[AaPp](?:\.[Mm]\.|[Mm]\b))", self.clock),
                (rf"\b({months}) (\d{{1,2}})(?:st|nd|rd|th)?\b(?! ?(?:%|{units})\b)", self.day_of_month),
                (r"(?<=[ap] m) ?-(?=\d|[a-z])|(?<=o'clock)-", lambda _: " to "),
                (r"\b(\d)' ?(\d{1,2})(?: inch(?:es)?|''|\b)", self.feet),
                (r"\b((?:1[1-9]|20)?\d0)s\b", self.decade),
            ]
        else:
            steps += [
                (r"\b(?P<hour>\d{1,2}) ?[hH] ?(?P<minute>\d{2})\b", self.clock),
                (
                    rf"\b1 (?=(?:{self.wording.date_joint})?(?:{months})\b)",
                    lambda _: self.wording.first_day + " ",
                ),
            ]
        steps += [
            (rf"\b({_SPELLED.get(self.short, '(?!)')})(?=s?\b)", lambda m: " ".join(m[1])),
            (rf"\b(?P<number>\d+)(?P<ending>{ending})\b" if self.short in ("en", "fr")
             else rf"\b(?P<number>\d+)\.?(?P<ending>{ending})", self.ordinal_found),
            (r"(?<![\d/])(?:1/2|1/3|2/3|1/4|3/4|½|¼|¾|24/7)(?![\d/])", self.fraction),
            (rf"(\d|(?:{units})) ?[x×] ?(?=\d)", self.times),
            (rf"(?<![\w.,])({self.number}) ?[x×](?!\w)", lambda m: f"{self.spoken(m[1])} {self.wording.times}"),
            (r"(?<![\w-])(\d+(?:[.,]\d+)?) ?- ?(?=\d+(?:[.,]\d+)?(?![\d-]))",
             self.between),
            *([(r"(?<!\d)(10|[1-9])°(?= [a-z])", lambda m: self.ordinal(int(m[1])))] if self.short == "it" else []),
            (rf"{signed} ?(?P<unit>{units})(?![\w²³/])", self.measure),
            *([(r"(?<![\w.,])(?P<number>\d*[12]) (?P<noun>[^\W\d_]{2,})", self.counted)]
              if self.short not in ("en", "hi") else []),
            (r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])", lambda _: " "),
            (rf"(?:(?<=\s)|^)(?P<sign>[-+])?{number}", self.plain),
            (rf"(?P<sign>)(?:{self.number})".replace("(?:", "(?P<number>", 1), self.plain),
            (r"&", lambda _: f" {self.wording.ampersand} "),
            (r"\+", lambda _: f" {self.wording.plus} "),
            (r"=", lambda _: f" {self.wording.equals} "),
            (r"@", lambda _: f" {self.wording.at} "),
            (r"%", lambda _: f" {self.wording.percent} "),
            (r" / ", lambda _: ", "),
            (r"/", lambda _: " "),
        ]  # fmt: skip
        return [(re.compile(pattern), replace) for pattern, replace in steps]
