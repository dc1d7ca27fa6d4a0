"""What stands behind a sentence's signs: disguised letters are made plain, and what stays strange is told.

Lies come in fullwidth letters, with accents that belong nowhere, with signs that nobody sees, in spaced letters, with
digits for letters, in letters of other scripts that look alike, or in code. Some of it can be read and is; the rest is
no sentence that a host would say.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise

UNSEEN = re.compile(
    "[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff\u20e3\U000e0000-\U000e007f]"
)
"""Signs that are not seen: joiners, directions, variants, keycaps, tags."""

_MARKS = re.compile("[\u0300-\u036f\u093c]")
_LETTERS = str.maketrans({"ß": "ss", "œ": "oe", "æ": "ae", "’": "'", "ँ": "ं"})
_APART = re.compile(r"(?<=[\u3040-\u30ff\u3400-\u9fff])[ \u3000]+(?=[\u3040-\u30ff\u3400-\u9fff])")
_SPACED = re.compile(r"(?<!\w)(?:[^\W\d_][ .·_*-]+){3,}[^\W\d_](?!\w)")
_MIXED = re.compile(r"[^\W\d_]*[a-z][^\W\d_]*", re.IGNORECASE)
_FOREIGN = re.compile(
    "[\u0370-\u03ff\u0400-\u052f\u0590-\u06ff\u0531-\u058f\u13a0-\u13ff\u0e00-\u0e7f\uac00-\ud7af]"
)
_TURNED = re.compile(
    r"(?<![\w-])(?:[A-Za-z][a-z]*\d+[a-z]\w*|[a-z]{2,}\d+|(?!\d+h\d*\b)\d+[a-z]+\d\w*|\d[a-z]*['’][a-z]\w*|0x[0-9a-f]+)(?![\w-])"
)
_CODE = re.compile(r"\w=(?:=|$)|[A-Za-z0-9]_[A-Za-z0-9]|(?<![\w-])[A-Za-z]{2,}[-_]?\d{2,}[-_]?[A-Za-z]{2,}")
_CAMEL = re.compile(r"[A-Za-z0-9+/]{12,}={0,2}")
_MARKUP = re.compile(r"<\s*[/!?a-zA-Z]|[{}]|\[\[|&#?\w+;|\\[nux]")
_ROMAN = re.compile(r"(?<!\w)(?:[IVXLC]{2,6}|[VXLC])(?!\w)")


def cleaned(text: str) -> str:
    """The same text in plain signs: no unseen ones, no variants of letters, no gaps between signs of Han and kana."""
    plain = unicodedata.normalize("NFKC", UNSEEN.sub("", unicodedata.normalize("NFKC", text)))
    return _APART.sub("", plain)


def bare(text: str) -> str:
    """`cleaned` text in small letters without accents: what words are looked for in."""
    if text.isascii():
        return text.lower()
    parted = unicodedata.normalize("NFD", text.lower().translate(_LETTERS))
    return unicodedata.normalize("NFC", _MARKS.sub("", parted))


def strange(plain: str, known: str) -> Iterator[str]:
    """What of a host's sentence nobody would say like this; not what stands in ``known``, the shop's texts."""
    for pattern in (_MARKUP, _SPACED, _TURNED, _CODE):
        for found in pattern.finditer(plain):
            if bare(found[0]) not in known:
                yield found[0]
    for found in _CAMEL.finditer(plain):
        word = found[0]
        switches = sum(one.islower() and other.isupper() for one, other in pairwise(word))
        if switches >= 2 and bare(word) not in known:
            yield word
    for found in _MIXED.finditer(plain):
        if not found[0].isascii() and _FOREIGN.search(found[0]):
            yield found[0]
    if not any(sign.isalnum() for sign in plain):
        yield plain[:12] or "nothing"


def roman(plain: str) -> Iterator[re.Match[str]]:
    """Roman numbers."""
    return _ROMAN.finditer(plain)


_SCRIPTS = {
    "latin": re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]"),
    "han": re.compile("[\u3400-\u9fff]"),
    "kana": re.compile("[\u3040-\u30ff]"),
    "devanagari": re.compile("[\u0900-\u097f]"),
}
_WRITTEN = {"zh": ("han",), "ja": ("kana", "han"), "hi": ("devanagari",)}
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")


def other_language(
    plain: str, tag: str, known: str, little: Mapping[str, frozenset[str]], counts_something: bool = False
) -> str:
    """Why a sentence is not of a language; "" where it is, or where it is too short to tell.

    Args:
        plain: `cleaned`.
        tag: The language, without a region.
        known: The shop's texts, `bare`: names may be foreign.
        little: The little words of every language in Latin letters.
        counts_something: Whether there is a number in it, in digits or in this language's words: such a sentence
            may have no little word.
    """
    counts = {name: len(pattern.findall(plain)) for name, pattern in _SCRIPTS.items()}
    letters = sum(sign.isalpha() for sign in plain)
    native = _WRITTEN.get(tag, ("latin",))
    own = sum(counts[name] for name in native)
    if native != ("latin",):
        every = re.findall(r"[a-z]{2,}", bare(plain))
        words = sum(word not in known for word in every)
        if (
            (words >= 3 and counts["latin"] > own)
            or (letters and not own and words > 1)
            or (not every and letters and not own)
        ):
            return "letters"
        if (tag == "zh" and counts["kana"]) or (tag == "ja" and counts["han"] > 4 and not counts["kana"]):
            return "letters"
        return ""
    words_ = _WORD.findall(bare(plain))
    for word in words_:
        if not _SCRIPTS["latin"].search(word) and word not in known:
            return str(word)
    said = set(words_)
    scores = {one: len(said & words) for one, words in little.items()}
    mine = scores.pop(tag, 0)
    best = max(scores.values(), default=0)
    if best >= mine + 3 or (not mine and (best >= 2 or (len(words_) >= 4 and not counts_something))):
        return f"{mine} of {len(words_)} words"
    return ""


@lru_cache(maxsize=64)
def bare_pattern(pattern: str) -> str:
    """A regular expression for `bare` text: its letters without accents and small, what is escaped as it is."""
    parted = unicodedata.normalize("NFD", pattern.translate(_LETTERS))
    plain = unicodedata.normalize("NFC", _MARKS.sub("", parted))
    return re.sub(r"(\\.)|([A-Z]+)", _small, plain)


def _small(found: re.Match[str]) -> str:
    whole = str(found[0])
    return whole if found[1] else whole.lower()
