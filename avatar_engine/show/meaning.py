"""What a viewer's message means: its language, whether it asks, and what; in nine languages.

Words and phrases stand for notions ("shipping", "fdp" and "Versand" are one), and notions that come together for what
is asked (`meanings.yaml`). Nothing is learnt and nothing is guessed from likeness: a message whose notions fit no
intent has none. Short forms of the chat are written out first, and where a message is not understood as it stands,
words that nobody knows are taken for the known word that is one or two typing errors away (optimal string alignment;
Damerau 1964, Levenshtein 1966).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any

import yaml
from babel import Locale
from rapidfuzz import process
from rapidfuzz.distance import OSA

from avatar_engine.show.host.phrases import phrases

LANGUAGES = ("en", "fr", "es", "it", "pt", "de", "zh", "ja", "hi")

MOST_WORDS = 60
"""Words of a message that are looked at."""

SHORT, SHORT_SIGNS = 4, 9
"""Words, and signs of a script without spaces, up to which a message that names what it is about asks for it."""

LONG = 7
"""Letters of a mistyped word that is put right where the message makes sense as it stands."""

DOUBT = 0.6
"""Share of what speaks for a message's language from which another one may be it, too."""

NO_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
"""A sign of a script that writes words without spaces."""

_MARK = re.compile(r"[?？؟]")
_REPEATED = re.compile(r"(.)\1{2,}")
_ELIDED = re.compile(r"[’'`´]")
_SIGNED = re.compile(r"(.)(?:不|没)\1|ですか|ますか|のか$|か[。!！]*$|の[。!！]*$")
"""Chinese "good not good", and how Japanese questions end."""

_SCRIPTS = ((r"[\u3040-\u30ff]", "ja"), (r"[\u4e00-\u9fff]", "zh"), (r"[\u0900-\u097f]", "hi"))
_LATIN = tuple(tag for tag in LANGUAGES if tag not in ("zh", "ja"))

_ASKS, _FIRST, _TOLD = "?", "?first", "."
"""Notions of words that ask, that ask where they come first, and of what is told and not asked."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a message means.

    Attributes:
        intent: What is asked, a name of `meanings.yaml`; "" where that is not known.
        detail: The colour or the country that it names; "" for none.
        asks: Whether it is a question or a wish.
        notions: What its words stand for.
        tongues: How much speaks for each language.
    """

    intent: str = ""
    detail: str = ""
    asks: bool = False
    notions: frozenset[str] = frozenset()
    tongues: Mapping[str, float] = field(default_factory=dict)

    @property
    def topic(self) -> str:
        """What is answered by one answer: the intent, or those that share theirs."""
        return _lexicon().topics.get(self.intent, self.intent)


@dataclass(frozen=True, slots=True)
class _Rule:
    """An intent, and the notions that must and must not be there."""

    intent: str
    needs: frozenset[str]
    lacks: frozenset[str]


_ENDINGS = ("s", "e", "en", "er", "r", "o", "a", "ing")
"""What a mistyped word may end with after the beginning that is known of it."""

Hit = tuple[str, str]
"""A notion, and the language of the word that stands for it."""


@dataclass(slots=True)
class _Lexicon:
    """`meanings.yaml`, made ready for looking up.

    Attributes:
        words, stems, parts, ends: Hits by whole word, beginning, part and end.
        phrases: Words of a phrase and its hit, by the first word.
        signs: Texts of scripts without spaces, and their hits.
        known: Words by language that a mistyped one may be.
        like: The same by language, first letter and length.
        little: Words by language that tell nothing of what is asked.
    """

    words: dict[str, set[Hit]] = field(default_factory=dict)
    stems: dict[str, set[Hit]] = field(default_factory=dict)
    parts: dict[str, set[Hit]] = field(default_factory=dict)
    ends: dict[str, set[Hit]] = field(default_factory=dict)
    phrases: dict[str, list[tuple[tuple[str, ...], Hit]]] = field(default_factory=dict)
    signs: dict[str, set[Hit]] = field(default_factory=dict)
    known: dict[str, dict[str, None]] = field(default_factory=dict)
    like: dict[tuple[str, str, int], list[str]] = field(default_factory=dict)
    little: dict[str, frozenset[str]] = field(default_factory=dict)
    rules: list[_Rule] = field(default_factory=list)
    topics: dict[str, str] = field(default_factory=dict)
    short: dict[str, list[str]] = field(default_factory=dict)

    def add(self, text: str, hit: Hit, mends: bool = True) -> None:
        """Take a word or a phrase up, stars and all; whether a mistyped word may be one of its."""
        written = text.strip()
        if NO_SPACES.search(written):
            self.signs.setdefault(plain(written).replace(" ", ""), set()).add(hit)
            return
        words = plain(written.replace("*", "\x00")).replace("\x00", "*").split()
        known = self.known.setdefault(hit[1], {})
        for word in words:
            stem = word.strip("*")
            if mends and len(stem) > 2 and not word.startswith("*"):
                endings = ("", *_ENDINGS) if word.endswith("*") and len(stem) > 3 else ("",)
                known.update((stem + end, None) for end in endings)
        if len(words) > 1:
            self.phrases.setdefault(words[0], []).append((tuple(words[1:]), hit))
        elif words:
            (word,) = words
            begins, ends = word.startswith("*"), word.endswith("*")
            wild = self.parts if begins and ends else self.ends if begins else self.stems
            place = wild if begins or ends else self.words
            place.setdefault(word.strip("*"), set()).add(hit)


def without(text: str, names: Iterable[str]) -> str:
    """A text without names of products, whose words ("silk scarf") tell nothing of what is asked; all of it where
    nothing else is said."""
    left = f" {plain(_ELIDED.sub(' ', text))} "
    for name in sorted(map(plain, names), key=len, reverse=True):
        if name:
            left = left.replace(name if NO_SPACES.search(name) else f" {name} ", " ")
    if left.strip() == plain(_ELIDED.sub(" ", text)) or not left.strip():
        return text
    return left.strip() + ("?" if _MARK.search(text) else "")


@lru_cache(maxsize=4096)
def understood(text: str) -> Meaning:
    """What a message means."""
    joined = _ELIDED.sub(" ", text)
    words = [part for word in plain(joined).split() for part in _written_out(word)][:MOST_WORDS]
    found = _read(words, text)
    best, shortest = _best(found.tongues), LONG if found.intent and found.asks else 3
    mended = [part for word in words for part in (_mended(word, best, shortest) or word).split()]
    other = _read(mended, text) if mended != words else found
    return other if other.intent or not found.intent else found


def _read(words: Sequence[str], text: str) -> Meaning:
    """What words mean that are written as they should be."""
    hits = list(_hits(words))
    tongues = _tongues(words, hits)
    tongue = _script(text) or _best(tongues)
    own = {at for at, _, tag in hits if tag == tongue}
    little = _lexicon().little.get(tongue, frozenset())
    # A word of another language is one where it may be it: English everywhere, others where the language is in doubt.
    lent = {"en"} | {tag for tag, told in tongues.items() if told >= DOUBT * tongues.get(tongue, 0.0)}
    notions = {
        notion
        for at, notion, tag in hits
        if tag == tongue or (tag in lent and at not in own and (at < 0 or words[at] not in little))
    }
    asking = [(at, notion) for at, notion, tag in hits if tag == tongue or not tongue]
    named = frozenset(notion for notion in notions if notion not in (_ASKS, _FIRST, _TOLD))
    detail = next((notion for notion in sorted(named) if notion.startswith(("tint ", "country "))), "")
    whole = named | {detail.partition(" ")[0]} if detail else named
    intent = next(
        (rule.intent for rule in _lexicon().rules if rule.needs <= whole and not rule.lacks & whole), ""
    )
    return Meaning(intent, detail, _is_question(words, text, asking, intent), named, tongues)


def _tongues(words: Sequence[str], hits: Sequence[tuple[int, str, str]]) -> dict[str, float]:
    """How much speaks for each language: a word that several have counts for a part in each."""
    told: dict[str, float] = {}
    for at, word in enumerate(words):
        tags = {tag for place, _, tag in hits if place == at} | set(_little_in(word))
        for tag in tags:
            told[tag] = told.get(tag, 0.0) + 1 / len(tags)
    return told


def _is_question(words: Sequence[str], text: str, hits: Sequence[tuple[int, str]], intent: str) -> bool:
    if _MARK.search(text):
        return True
    told = any(notion == _TOLD for _, notion in hits)
    signs = len(NO_SPACES.findall(text))
    short = signs <= SHORT_SIGNS if signs else len(words) <= SHORT
    if told and not intent:
        return not short and any(notion == _ASKS for _, notion in hits)
    if any(notion == _ASKS for _, notion in hits) or (signs and _SIGNED.search(text.strip())):
        return True
    if told:
        return False
    begin = next((at for at, word in enumerate(words) if not _is_filler(word)), 0)
    first = len(words) > 1 and any(notion == _FIRST and at == begin for at, notion in hits)
    return first or bool(intent and short)


_FILLER = frozenset(
    (
        "hi", "hello", "hey", "ok", "okay", "so", "and", "but", "et", "mais", "y", "e", "mas", "ma", "und", "aber",
        "ah", "oh", "hmm", "hola", "bonjour", "salut", "hallo", "ciao",
    )
)  # fmt: skip
"""Words that may stand before the one that a question begins with."""


def _is_filler(word: str) -> bool:
    return word in _FILLER


def _hits(words: Sequence[str]) -> Iterable[tuple[int, str, str]]:
    """Where a notion stands (-1 for somewhere), which, and in which language."""
    lexicon = _lexicon()
    for at, word in enumerate(words):
        if NO_SPACES.search(word):
            for sign, hits in lexicon.signs.items():
                if sign in word:
                    yield from ((-1, *hit) for hit in hits)
        yield from ((at, *hit) for hit in _hits_of(word))
        for rest, hit in lexicon.phrases.get(word, ()):
            if _follows(words, at + 1, rest):
                yield from ((place, *hit) for place in range(at, at + 1 + len(rest)))


def _follows(words: Sequence[str], at: int, rest: Sequence[str]) -> bool:
    """Whether the words of a phrase stand at a place."""
    if at + len(rest) > len(words):
        return False
    return all(
        words[at + n].startswith(want[:-1]) if want.endswith("*") else words[at + n] == want
        for n, want in enumerate(rest)
    )


@lru_cache(maxsize=50_000)
def _hits_of(word: str) -> tuple[Hit, ...]:
    """What one word stands for."""
    lexicon = _lexicon()
    hits = set(lexicon.words.get(word, ()))
    for size in range(2, len(word) + 1):
        hits |= lexicon.stems.get(word[:size], set())
        hits |= lexicon.ends.get(word[-size:], set())
    for part, found in lexicon.parts.items():
        if part in word:
            hits |= found
    return tuple(sorted(hits))


@lru_cache(maxsize=50_000)
def _little_in(word: str) -> tuple[str, ...]:
    """The languages of which a word is a little one."""
    return tuple(tag for tag, words in _lexicon().little.items() if word in words)


@lru_cache(maxsize=50_000)
def _written_out(word: str) -> tuple[str, ...]:
    """A word as it should be written: short forms whole, letters that are drawn out once."""
    once = _REPEATED.sub(r"\1", word)
    return tuple(_lexicon().short.get(once, (once,)))


@lru_cache(maxsize=50_000)
def _mended(word: str, tongue: str, shortest: int) -> str:
    """The known word that a mistyped one was meant to be; "" for none, or where it is one itself."""
    if len(word) < shortest or not word.isalpha() or NO_SPACES.search(word):
        return ""
    tags = tuple(dict.fromkeys((tongue, "en") if tongue else _LATIN))
    if any(tag in tags for _, tag in _hits_of(word)) or any(tag in tags for tag in _little_in(word)):
        return ""
    lexicon, slips = _lexicon(), _slips(word)
    for tag in tags:
        like = [
            one
            for begin in dict.fromkeys(word[:2])
            for size in range(len(word) - slips, len(word) + slips + 1)
            for one in lexicon.like.get((tag, begin, size), ())
        ]
        near = process.extract(word, like, scorer=OSA.distance, score_cutoff=slips, limit=5)
        good = [
            (distance, sorted(word) != sorted(one), -_same_begin(word, one), one)
            for one, distance, _ in near
            if _may_be(word, one)
        ]
        if good:
            return min(good)[-1]
    return ""


def _slips(word: str) -> int:
    """Typing errors that a word of this length may have."""
    return 2 if len(word) >= 8 else 1


def _same_begin(word: str, other: str) -> int:
    return next((n for n, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), len(word))


def _may_be(word: str, other: str) -> bool:
    """Whether a word can be another, mistyped: short ones only with two letters in the wrong order."""
    turned = sorted(word) == sorted(other)
    if min(len(word), len(other)) < 4:
        return turned
    return turned or (word[0] == other[0] and (len(word) >= 5 or len(other) >= 5 or word[-1] == other[-1]))


def tongue_of(text: str, languages: Sequence[str]) -> str:
    """The language of a text among those that a show speaks, its own first; that one where the text leaves a doubt."""
    own = languages[0]
    tags = {tag.partition("-")[0]: tag for tag in reversed(languages)}
    if script := _script(text):
        return tags.get(script, own)
    spoken = [tag for tag in tags if tag not in ("zh", "ja")]
    if len(spoken) < 2:
        return tags[spoken[0]] if spoken else own
    counts = understood(text).tongues
    best = max(spoken, key=lambda tag: (counts.get(tag, 0.0), tags[tag] == own))
    spoken_best = counts.get(best, 0.0)
    return tags[best] if spoken_best and spoken_best >= DOUBT * max(counts.values()) else own


def _script(text: str) -> str:
    return next((tag for pattern, tag in _SCRIPTS if re.search(pattern, text)), "")


def _best(tongues: Mapping[str, float]) -> str:
    return max(tongues, key=lambda tag: (tongues[tag], -LANGUAGES.index(tag)), default="")


@lru_cache(maxsize=20_000)
def plain(text: str) -> str:
    """Words in small letters, without accents and signs, parted by blanks."""
    return " ".join(re.findall(r"[\w\x00\u0900-\u097f]+", folded(text)))


def folded(text: str) -> str:
    """In small letters, without accents; the signs of Devanagari, which are vowels, stay."""
    bare = unicodedata.normalize("NFKD", text.casefold())
    kept = "".join(
        letter for letter in bare if not unicodedata.combining(letter) or "\u0900" <= letter < "\u0980"
    )
    return unicodedata.normalize("NFC", kept)


@lru_cache(maxsize=1)
def _lexicon() -> _Lexicon:
    text = files("avatar_engine.show").joinpath("meanings.yaml").read_text(encoding="utf-8")
    told: Mapping[str, Any] = yaml.safe_load(text)
    made = _Lexicon()
    for notion, by_language in told["notions"].items():
        for tag, listed in by_language.items():
            for written in listed.split(","):
                made.add(_ELIDED.sub(" ", written), (notion, tag))
    for notion, place in ((_ASKS, "anywhere"), (_FIRST, "first"), (_TOLD, "statement")):
        for tag, listed in told["asking"][place].items():
            for written in listed.split(","):
                made.add(_ELIDED.sub(" ", written), (notion, tag))
    for tint, by_language in told["colours"].items():
        for tag, listed in by_language.items():
            for written in listed.split():
                made.add(written, (f"tint {tint}", tag))
    _add_countries(made)
    for tag, said in phrases().items():
        words = frozenset(
            plain(_ELIDED.sub(" ", f"{said['passed_over']} {told['ordinary'].get(tag, '')}")).split()
        )
        if tag not in ("zh", "ja"):
            made.little[tag] = words
            made.known.setdefault(tag, {}).update(dict.fromkeys(word for word in words if len(word) > 2))
    for tag, words_known in made.known.items():
        for word in words_known:
            made.like.setdefault((tag, word[0], len(word)), []).append(word)
    made.rules = [_rule(intent, line.split()) for rule in told["intents"] for intent, line in rule.items()]
    made.topics = {intent: topic for topic, listed in told["topics"].items() for intent in listed}
    made.short = {plain(short): plain(whole).split() for short, whole in told["short"].items()}
    return made


def _rule(intent: str, notions: Sequence[str]) -> _Rule:
    lacks = frozenset(notion[1:] for notion in notions if notion.startswith("-"))
    return _Rule(intent, frozenset(notion for notion in notions if notion[0] != "-"), lacks)


def _add_countries(lexicon: _Lexicon) -> None:
    """Names of countries, in every language."""
    for tag in LANGUAGES:
        for code, name in Locale(tag).territories.items():
            if (
                len(code) == 2
                and code.isalpha()
                and "(" not in name
                and len(plain(name)) > 2 - (tag in "zhja")
            ):
                lexicon.add(_ELIDED.sub(" ", name), (f"country {code}", tag), mends=False)
