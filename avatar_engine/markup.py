"""Marks in a text that say how it is said: tags in brackets, stars, and the common tags of SSML.

- ``[excited]`` holds until the next such tag or the paragraph's end; ``[neutral]`` ends it. ``[pause 500ms]`` waits.
- ``*word*`` and ``**word**`` are emphasis and strong emphasis.
- ``<break time="500ms"/>`` or ``strength="strong"``; ``<emphasis level="strong">``;
  ``<prosody rate="slow" pitch="+2st" range="high" volume="+3dB">``; ``<say-as interpret-as="characters">`` (also
  ``digits``, ``date``, ``telephone``); ``<sub alias="…">``; ``<lang xml:lang="fr">``; ``<s>``, ``<p>``, ``<speak>``
  (W3C, Speech Synthesis Markup Language 1.1, 2010).
- ``<do wave>``: the presenter does this action as the text begins, where the clone has it.
- ``<look blue-dress>``: the presenter wears this look as the text begins, or from the next pause on.

A mark that is not known, or has a bad value, is a mistake, and is never spoken. What only looks like a mark (a ``<`` in
``3 < 5``, ``[see below]``, ``5*``) is text.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from avatar_engine.contracts import AS_FITTED, CONTROL_LIMITS, EMOTIONS, Controls

EMPHASES = ("none", "reduced", "moderate", "strong")
"""The levels of emphasis."""

LONGEST_BREAK = 10.0
"""Seconds of silence that a mark may ask for."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a word is said: its controls, and the level of its emphasis (one of `EMPHASES`)."""

    controls: Controls = AS_FITTED
    emphasis: str = EMPHASES[0]


@dataclass(frozen=True, slots=True)
class Words:
    """Text said in one manner; ``language`` is "" where no mark names one."""

    text: str
    manner: Manner
    language: str = ""


@dataclass(frozen=True, slots=True)
class Break:
    """Silence of ``seconds`` between what is before and after; None ends a sentence as a full stop does."""

    seconds: float | None


@dataclass(frozen=True, slots=True)
class Marked:
    """A text read: what is said, and the mistakes in its marks (their offsets, and what is wrong)."""

    parts: tuple[Words | Break, ...]
    mistakes: tuple[tuple[int, str], ...]
    open: str
    """The marks that hold at the end, to be written before text that goes on."""


_NAMED = "break|emphasis|prosody|say-as|sub|lang|speak|do|look"
_DOING, _WEARING = (
    re.compile(rf"<{mark}\s+([a-z][a-z0-9_-]{{0,39}})\s*/?>", re.IGNORECASE) for mark in ("do", "look")
)
_VALUE = r"""(?:"[^"]*"|'[^']*'|[^\s"'<>/]+)"""
_MARKS = re.compile(
    rf"(?P<note><!--.*?-->|<\?.*?\?>|<![A-Za-z][^<>]*>)"
    rf"|(?P<tag></?(?:(?:{_NAMED})\b[^<>]*|[A-Za-z][\w:.-]*(?:\s+[\w:.-]+\s*=\s*{_VALUE})*\s*/?)>)"
    r"|(?P<bracket>\[\s*/?\s*(?:(?i:pause)\b[^\[\]]*|[^\W\d_]+)\s*\](?!\())"
    r"|(?P<paragraph>\n[ \t]*\n)"
    r"|(?P<entity>&(?:lt|gt|amp|quot|apos|#\d{1,6}|#x[0-9a-fA-F]{1,5});)",
    re.DOTALL,
)
_STARS = re.compile(r"(?<![\w*])(\*{1,2})(?=[^\s*])[^*\n]*?(?<=\S)\1(?![\w*])")
_TAG = re.compile(r"<(/?)([A-Za-z][\w:.-]*)(.*?)(/?)>", re.DOTALL)
_ATTRIBUTE = re.compile(rf"\s*([\w:.-]+)\s*=\s*({_VALUE})")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_TIME = re.compile(r"\+?(\d+(?:\.\d+)?|\.\d+)\s*(ms|s)", re.IGNORECASE)
_NUMBER = re.compile(r"([+-]?)(\d+(?:\.\d+)?|\.\d+)\s*(%|st|db)?", re.IGNORECASE)

_STRENGTHS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.7, "x-strong": 1.2}
_RATES = {"x-slow": 0.6, "slow": 0.8, "medium": 1.0, "default": 1.0, "fast": 1.2, "x-fast": 1.4}
_HEIGHTS = {"x-low": -4.0, "low": -2.0, "medium": 0.0, "default": 0.0, "high": 2.0, "x-high": 4.0}
_RANGES = {"x-low": 0.4, "low": 0.7, "medium": 1.0, "default": 1.0, "high": 1.3, "x-high": 1.6}
_VOLUMES = {"x-soft": -9.0, "soft": -5.0, "medium": 0.0, "default": 0.0, "loud": 3.0, "x-loud": 6.0}


def read(text: str, controls: Controls = AS_FITTED, language: str = "") -> Marked:
    """What ``text`` asks for, in order, beginning with ``controls``.

    Text without marks is one `Words`, letter for letter. ``language`` is what is spoken where no mark says
    otherwise; dates and telephone numbers are written for it.
    """
    reader = _Reader(controls, language)
    at = 0
    for start, end, kind in _events(text):
        reader.said(text[at:start])
        reader.mark(kind, text[start:end], start)
        at = end
    reader.said(text[at:])
    return reader.finished(len(text))


def literal(text: str) -> str:
    """``text`` with what `read` would take for a mark written so that it is text."""
    if all(kind == "paragraph" for _, _, kind in _events(text)):
        return text
    # All at once: what is left of one mark may be a mark with what stands beside it.
    return re.sub(r"[<&*\[]", lambda found: f"&#{ord(found[0])};", text)


def unmarked(text: str) -> str:
    """The words of ``text`` alone."""
    return "".join(part.text if isinstance(part, Words) else " " for part in read(text).parts)


def actions(text: str) -> list[str]:
    """The names of the actions that ``text`` asks for, in order."""
    return [mark[1].lower() for mark in _DOING.finditer(text)]


def looks(text: str) -> list[str]:
    """The names of the looks that ``text`` asks for, in order."""
    return [mark[1].lower() for mark in _WEARING.finditer(text)]


def begins_with_look(text: str) -> bool:
    """Whether nothing is said before the one look that ``text`` asks for: it changes at a pause alone."""
    marks = list(_WEARING.finditer(text))
    return len(marks) <= 1 and all(not unmarked(text[: mark.start()]).strip() for mark in marks)


def _events(text: str) -> list[tuple[int, int, str]]:
    """The marks of ``text``: start, end and kind, in order; none overlaps another."""
    found = [(mark.start(), mark.end(), str(mark.lastgroup)) for mark in _MARKS.finditer(text)]
    found = [one for one in found if one[2] != "bracket" or _is_mark(text, one[0], one[1])]
    taken = [(start, end) for start, end, _ in found]
    for pair in _STARS.finditer(text):
        length = len(pair[1])
        ends = ((pair.start(), "star" * length), (pair.end() - length, "endstar" * length))
        if not any(start <= place < end for place, _ in ends for start, end in taken):
            found += [(place, place + length, kind) for place, kind in ends]
    return sorted(found)


def _is_mark(text: str, start: int, end: int) -> bool:
    """``[sic]`` is a mark that nobody knows; ``[Note]``, ``[A]`` and ``x[index]`` are text."""
    word, rest = _inside(text[start:end])
    if word.lower() in (*EMOTIONS, "pause"):
        return True
    alone = not text[max(0, start - 1) : start].isalnum()
    return alone and not rest and word.isascii() and word.islower() and len(word) > 2


def _inside(bracket: str) -> tuple[str, str]:
    """The word in a bracket and what follows it."""
    found = re.match(r"[\[/\s]*([^\W\d_]*)[\s:]*([^\]]*)", bracket)
    return (found[1], found[2].strip()) if found else ("", "")


@dataclass(slots=True)
class _Open:
    """An element that is open: its name, what held before it, and where and how it was written."""

    name: str
    manner: Manner
    language: str
    at: int
    written: str


@dataclass(slots=True)
class _Reader:
    controls: Controls
    spoken: str
    parts: list[Words | Break] = field(default_factory=list)
    mistakes: list[tuple[int, str]] = field(default_factory=list)
    opened: list[_Open] = field(default_factory=list)
    manner: Manner = field(init=False)
    language: str = ""
    emotion: str = field(init=False)
    verbatim: Callable[[str], str] | None = None

    def __post_init__(self) -> None:
        self.manner, self.emotion = Manner(self.controls), self.controls.emotion

    def said(self, text: str) -> None:
        if not text:
            return
        text = self.verbatim(text) if self.verbatim else text
        manner = replace(self.manner, controls=replace(self.manner.controls, emotion=self.emotion))
        last = self.parts[-1] if self.parts else None
        if isinstance(last, Words) and (last.manner, last.language) == (manner, self.language):
            self.parts[-1] = replace(last, text=last.text + text)
        else:
            self.parts.append(Words(text, manner, self.language))

    def finished(self, end: int) -> Marked:
        holding = [one for one in self.opened if one.name not in _LOOSE]
        for one in holding:
            self.mistakes.append((one.at, f"{one.written} is not closed in its paragraph"))
        tag = "" if self.emotion == self.controls.emotion else f"[{self.emotion}]"
        still = tag + "".join(one.written for one in holding if one.written[0] == "<")
        return Marked(tuple(self.parts), tuple(self.mistakes), still)

    def mark(self, kind: str, written: str, at: int) -> None:
        try:
            if kind == "tag":
                self._tag(written, at)
            elif kind == "bracket":
                self._bracket(written)
            elif kind == "paragraph":
                self.said(written)
                self.emotion = self.controls.emotion
            elif kind == "entity":
                self.said(html.unescape(written))
            elif kind.startswith("star"):
                self._push("emphasis", written, at)
                self.manner = replace(self.manner, emphasis="moderate" if kind == "star" else "strong")
            elif kind.startswith("endstar"):
                self._pop("emphasis", written)
        except ValueError as error:
            self.mistakes.append((at, str(error)))

    def _bracket(self, written: str) -> None:
        word, rest = _inside(written)
        word = word.lower()
        if word == "pause":
            self.parts.append(Break(_seconds(rest, written) if rest else _STRENGTHS["medium"]))
        elif word in EMOTIONS:
            self.emotion = EMOTIONS[0] if "/" in written else word
        else:
            known = ", ".join((*EMOTIONS, "pause 500ms"))
            raise ValueError(f"{written} is no tag; known are {known} (\\{written} is said as it stands)")

    def _tag(self, written: str, at: int) -> None:
        if _DOING.fullmatch(written) or _WEARING.fullmatch(written):
            return
        found = _TAG.fullmatch(written)
        assert found is not None  # noqa: S101, _MARKS found it
        closing, name, rest, empty = found[1], found[2].lower(), found[3], found[4]
        if name == "do":
            raise ValueError(f"{written} names no action: write <do wave>")
        if name == "look":
            raise ValueError(f"{written} names no look: write <look blue-dress>")
        if name not in _ELEMENTS and closing:
            return  # what it closes was a mistake already
        if name not in _ELEMENTS:
            raise ValueError(f"HTML can't be said: {written!r}; known tags are {', '.join(_ELEMENTS)}")
        if name in ("s", "p"):
            self.parts.append(Break(None))
            if name == "p":
                self.emotion = self.controls.emotion
        if closing:
            self._pop(name, written)
            return
        if name != "break" and not empty:
            self._push(name, written, at)
        given = _attributes(name, rest, written)
        if not empty or name in ("break", "sub"):
            _ELEMENTS[name](self, given, written)
        if empty:
            self.verbatim = None

    def _push(self, name: str, written: str, at: int) -> None:
        self.opened.append(_Open(name, self.manner, self.language, at, written))

    def _pop(self, name: str, written: str) -> None:
        """Close ``name`` and what was left open in it; what it changed is as before."""
        places = [place for place, one in enumerate(self.opened) if one.name == name]
        if not places:
            if name in _LOOSE:
                return
            raise ValueError(f"{written} closes nothing")
        for left in self.opened[places[-1] + 1 :]:
            if left.name not in _LOOSE:
                self.mistakes.append((left.at, f"{left.written} is not closed before {written}"))
        one = self.opened[places[-1]]
        self.manner, self.language, self.verbatim = one.manner, one.language, None
        del self.opened[places[-1] :]

    # The elements -----------------------------------------------------------------------------------------------

    def _break(self, given: Mapping[str, str], written: str) -> None:
        if "time" in given:
            seconds = _seconds(given["time"], written)
        else:
            seconds = _one_of(_STRENGTHS, given.get("strength", "medium"), "strength")
        self.parts.append(Break(seconds))

    def _emphasis(self, given: Mapping[str, str], written: str) -> None:
        level = given.get("level", "moderate")
        _one_of(dict.fromkeys(EMPHASES, 0.0), level, "level")
        self.manner = replace(self.manner, emphasis=level)

    def _prosody(self, given: Mapping[str, str], written: str) -> None:
        now = self.manner.controls
        changed = replace(
            now,
            speed=_within("speed", now.speed * _factor(given.get("rate", "medium"), _RATES, "rate")),
            pitch=_within("pitch", now.pitch + _semitones(given.get("pitch", "medium"))),
            range=_within("range", now.range * _factor(given.get("range", "medium"), _RANGES, "range")),
            energy=_within("energy", now.energy + _decibels(given.get("volume", "medium"))),
        )
        self.manner = replace(self.manner, controls=changed)

    def _say_as(self, given: Mapping[str, str], written: str) -> None:
        how = given.get("interpret-as", "")
        language = self.language or self.spoken
        if how in ("characters", "spell-out", "verbatim"):
            self.verbatim = _spelt
        elif how == "digits":
            self.verbatim = _digits
        elif how == "date":
            form = given.get("format", "")
            if form not in ("", "ymd", "mdy", "dmy"):
                raise ValueError(f"format: {form!r} is none of ymd, mdy, dmy")
            self.verbatim = lambda text: _dated(text, form)
        elif how == "telephone":
            self.verbatim = lambda text: _telephone(text, language)
        else:
            known = "characters, digits, date, telephone"
            raise ValueError(f"interpret-as: {how!r} is none of {known}")

    def _sub(self, given: Mapping[str, str], written: str) -> None:
        if not given.get("alias", "").strip():
            raise ValueError(f"{written} wants an alias: what is said instead")
        self.verbatim = None
        self.said(html.unescape(given["alias"]))
        self.verbatim = lambda text: ""

    def _lang(self, given: Mapping[str, str], written: str) -> None:
        wanted = given.get("xml:lang", "")
        if not wanted:
            raise ValueError(f'{written} wants a language: xml:lang="fr"')
        self._structure(given, written)

    def _structure(self, given: Mapping[str, str], written: str) -> None:
        if wanted := given.get("xml:lang", ""):
            if not _LANGUAGE.fullmatch(wanted):
                raise ValueError(f"xml:lang: {wanted!r} is no language tag such as en, fr or pt-BR")
            self.language = wanted


_LOOSE = frozenset({"speak", "p", "s"})
"""Elements that may be opened in one paragraph and closed in another."""

_ELEMENTS: Mapping[str, Callable[[_Reader, Mapping[str, str], str], None]] = {
    "break": _Reader._break,
    "emphasis": _Reader._emphasis,
    "prosody": _Reader._prosody,
    "say-as": _Reader._say_as,
    "sub": _Reader._sub,
    "lang": _Reader._lang,
    "speak": _Reader._structure,
    "p": _Reader._structure,
    "s": _Reader._structure,
}
_KNOWN = {
    "break": ("time", "strength"),
    "emphasis": ("level",),
    "prosody": ("rate", "pitch", "range", "volume"),
    "say-as": ("interpret-as", "format", "detail"),
    "sub": ("alias",),
    "lang": ("xml:lang",),
}


def _attributes(name: str, written: str, tag: str) -> dict[str, str]:
    """The attributes of a tag; those of ``speak``, ``p`` and ``s`` may be any."""
    given: dict[str, str] = {}
    at = 0
    while found := _ATTRIBUTE.match(written, at):
        given[found[1].lower()] = found[2].strip("\"'").strip()
        at = found.end()
    if written[at:].strip():
        raise ValueError(f'{tag} can\'t be read at {written[at:].strip()!r}; attributes are name="value"')
    for key in given:
        if name in _KNOWN and key not in _KNOWN[name]:
            raise ValueError(f"<{name}> knows no {key!r}; it knows {', '.join(_KNOWN[name])}")
    return given


def _seconds(value: str, written: str) -> float:
    found = _TIME.fullmatch(value)
    seconds = float(found[1]) * (0.001 if found[2].lower() == "ms" else 1.0) if found else math.inf
    if seconds > LONGEST_BREAK:
        raise ValueError(f"{written}: {value!r} is no time such as 500ms or 2s ({LONGEST_BREAK:g} s at most)")
    return seconds


def _one_of(known: Mapping[str, float], value: str, name: str) -> float:
    if value not in known:
        raise ValueError(f"{name}: {value!r} is none of {', '.join(known)}")
    return known[value]


def _number(value: str, name: str, known: Mapping[str, float], example: str) -> tuple[str, float, str]:
    """Sign, value and unit of a number."""
    found = _NUMBER.fullmatch(value)
    if not found:
        raise ValueError(f"{name}: {value!r} is neither {', '.join(known)} nor a value such as {example}")
    return found[1], float(found[2]), (found[3] or "").lower()


def _factor(value: str, known: Mapping[str, float], name: str) -> float:
    """``80%`` and ``0.8`` are factors, ``-20%`` is a change."""
    if value in known:
        return known[value]
    sign, number, unit = _number(value, name, known, "90%")
    factor = _share(sign, number) if unit == "%" else number
    low, high = CONTROL_LIMITS["speed" if name == "rate" else name]
    if unit in ("st", "db") or (sign and not unit) or not low <= factor <= high:
        raise ValueError(f"{name}: {value!r} is not within {low:.0%} and {high:.0%}")
    return factor


def _share(sign: str, number: float) -> float:
    return 1 + float(f"{sign}{number}") / 100 if sign else number / 100


def _semitones(value: str) -> float:
    if value in _HEIGHTS:
        return _HEIGHTS[value]
    sign, number, unit = _number(value, "pitch", _HEIGHTS, "+2st")
    low, high = CONTROL_LIMITS["pitch"]
    semitones = math.inf
    if unit == "%":
        factor = _share(sign, number)
        semitones = 12 * math.log2(factor) if factor > 0 else math.inf
    elif unit == "st" or (sign and not unit):
        semitones = float(f"{sign}{number}")
    if not low <= semitones <= high:
        raise ValueError(f"pitch: {value!r} is not within {low:+g}st and {high:+g}st")
    return semitones


def _decibels(value: str) -> float:
    if value in _VOLUMES:
        return _VOLUMES[value]
    sign, number, unit = _number(value, "volume", _VOLUMES, "+3dB")
    low, high = CONTROL_LIMITS["energy"]
    decibels = math.inf
    if unit == "db":
        decibels = float(f"{sign}{number}")
    elif unit == "%" and sign and float(f"{sign}{number}") > -100:
        decibels = 20 * math.log10(1 + float(f"{sign}{number}") / 100)
    if not low <= decibels <= high:
        raise ValueError(f"volume: {value!r} is not within {low:+g}dB and {high:+g}dB")
    return decibels


def _within(name: str, value: float) -> float:
    low, high = CONTROL_LIMITS[name]
    return min(high, max(low, value))


def _spelt(text: str) -> str:
    """Letter by letter, each with a short halt."""
    return ", ".join(letter.upper() for letter in text if letter.isalnum())


def _digits(text: str) -> str:
    return " ".join(re.sub(r"\D", "", text)) if re.search(r"\d", text) else text


def _dated(text: str, form: str) -> str:
    """A date as 2026-03-14, which every language reads; as it stands where it is none."""
    parts = re.findall(r"\d+", text)
    if not form or len(parts) != 3:
        return text
    year, month, day = (int(parts[form.index(letter)]) for letter in "ymd")
    return f"{year + 2000 if year < 100 else year:04}-{month:02}-{day:02}"


def _telephone(text: str, language: str) -> str:
    """Digit by digit with a halt between groups; French numbers by twos, as they are said."""
    groups = re.findall(r"\d+", text)
    number = "".join(groups)
    if language.startswith("fr") and len(number) == 10 and "+" not in text:
        return " ".join(number[place : place + 2] for place in range(0, 10, 2))
    return ("+ " if text.lstrip().startswith("+") else "") + ", ".join(" ".join(group) for group in groups)
