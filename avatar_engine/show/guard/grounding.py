"""Whether the words of a language model stand on what the shop says.

A list of what must not be said never ends. So what a model says of its own is held the other way round, too: each word
must stand in the shop's texts, mean the same as one that does (``same_words.yaml``), or be one of the words with which
nothing can be claimed of a product (``everyday.yaml``). Endings are cut off by Snowball's stemmers (Porter 2001);
Chinese and Japanese are cut into the fewest known pieces. What the texts deny must not be affirmed, nor the other way
round. That is no proof that a sentence follows from the texts: true words can be put together into a false claim.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import snowballstemmer
import yaml

from avatar_engine.show.catalogue import Catalogue, Product
from avatar_engine.show.guard.readings import bare

LONGEST = 6
"""Signs of a piece of a shop's Chinese or Japanese text that is looked for as one."""

PART = 4
"""Letters of a part of a German compound, at least."""

NAME = 20
"""Letters of a viewer's name."""

_STEMMERS = {
    "en": "english", "fr": "french", "de": "german", "es": "spanish", "it": "italian", "pt": "portuguese",
    "hi": "hindi",
}  # fmt: skip
_UNSPACED, _PROPER = ("zh", "ja"), ("en", "fr", "es", "it", "pt")
"""Languages without spaces, and those in which only names begin with a large letter within a sentence."""
FREE, _GUARDED = ("little", "talk", "taste", "shop"), ("people", "apart", "time", "asking")
"""Lists of words with which nothing is told of a product, and of those that are harmless in some clauses only."""
_WORD = re.compile("[^\\W\\d_\u0900-\u0963\u0971-\u097f]+|[\u0900-\u0963\u0971-\u097f]+")
_LARGE = re.compile(r"(?<=[^\W\d_] )[A-Z]\w+")
_CLAUSE = re.compile('[,;:.!?…—–()「」『』、。，；：！？।“”«»"]+')
_SENTENCE = re.compile("[.!?…。！？।]+|\n")
_ASKS = re.compile(r"[?？]\s*$|か[。.]?\s*$")
_HIRAGANA = re.compile("[\u3041-\u309f\u30fc]")
_WRITTEN = re.compile("[\u3040-\u30ff\u3400-\u9fff\u3005]+|[^\\W\\d_\u3040-\u30ff\u3400-\u9fff\u3005]+")
_CALLED = re.compile("([^\\s、。，！？!?]{1,8}?)(?:さん|様|ちゃん|くん)")
_PROFESSIONS = re.compile("医|先生|客|師|員|者")
_PIECES = re.compile(
    "pieces?|units?|exemplaires?|stuck|unidades?|piezas?|pezz[oi]|unita|pecas?|पीस|more|left|plus|mehr|mas|mais|altr[ei]"
)
_PIECES_OF_SIGNS = re.compile(
    "[条件个只枚個台本つ盏套点](?:了|吧|哦|呢|しか|だけ|です|で|が|も|のみ|ほど|[,。!！、]|$)"
)
_BORNE_OUT, _MEANING = "\0", "="
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a viewer asked, and the names of who did."""

    text: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """A text of the shop's.

    Attributes:
        text: It.
        language: Its language; "" where that is not told.
        asks: The question that it is the answer to; "" for none.
        name: Whether it is what a product is called.
    """

    text: str
    language: str = ""
    asks: str = ""
    name: bool = False


@dataclass(frozen=True, slots=True)
class Said:
    """A word of a sentence.

    Attributes:
        word: As it is looked for.
        kind: Which list of everyday words it is on; "" for none.
        keys: What it stands for in a shop's texts: itself, and its meanings.
    """

    word: str
    kind: str
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Ground:
    """What a sentence may stand on.

    Attributes:
        affirmed, denied: Words and meanings in clauses of the texts that say so, and that say it is not so.
        names: Those of names.
    """

    affirmed: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    def __or__(self, other: Ground) -> Ground:
        """Both of them."""
        return Ground(self.affirmed | other.affirmed, self.denied | other.denied, self.names | other.names)

    def has(self, said: Said) -> bool:
        """Whether the texts have a word."""
        return bool(said.keys & self.affirmed or said.keys & self.denied)

    def tells(self, said: Said) -> bool:
        """Whether a word tells something of a product: it is neither an everyday word nor its name."""
        return said.kind not in FREE and self.has(said) and not said.keys & self.names


@dataclass(frozen=True, slots=True)
class Everyday:
    """The everyday words of a language, and meanings that words of it share with others.

    Attributes:
        tag: The language.
        exact, stems: Which list a word, or its stem, is on.
        it, denying, self: What stands for the product; what turns a clause round; what stands for the host.
        agreed, refused: How an answer begins that bears its question out, or does not.
        claims, fixed, unsure, greeting: Patterns for `bare` text.
        same: Meanings by stem.
        longest: Signs of the longest word, in scripts without spaces.
    """

    tag: str
    exact: Mapping[str, str]
    stems: Mapping[str, str]
    it: frozenset[str]
    denying: frozenset[str]
    self: frozenset[str]
    agreed: tuple[str, ...]
    refused: tuple[str, ...]
    claims: re.Pattern[str]
    fixed: re.Pattern[str]
    unsure: re.Pattern[str]
    greeting: re.Pattern[str]
    same: Mapping[str, frozenset[str]]
    longest: int

    @property
    def unspaced(self) -> bool:
        """Whether it is written without spaces."""
        return self.tag in _UNSPACED

    def words(self, clause: str, ground: frozenset[str] = frozenset()) -> list[Said]:
        """The words of a `bare` clause."""
        if self.tag in _UNSPACED:
            pieces = (one for run in _WRITTEN.findall(clause) for one in self._pieces(run, ground))
            return [Said(one, self.exact.get(one, ""), self._keys(one, one)) for one in pieces]
        return [self.said(word) for word in _WORD.findall(clause)]

    def said(self, word: str) -> Said:
        """One word of a language with spaces."""
        root = stem(word, self.tag)
        kind = self.exact.get(word) or self.stems.get(root, "")
        if not kind and self.tag == "de" and len(word) > 2 * PART:
            kind = self._compound(word)
        return Said(word, kind, self._keys(word, root))

    def _compound(self, word: str) -> str:
        """The list of the last part of a German compound of everyday words ("Lieblingsfarbe"); "" for another."""
        for at in range(PART, len(word) - PART + 1):
            first, last = word[:at].removesuffix("s"), word[at:]
            kinds = [
                self.exact.get(part) or self.stems.get(stem(part, self.tag), "") for part in (first, last)
            ]
            if all(kind in FREE[1:] for kind in kinds):
                return kinds[1]
        return ""

    def _keys(self, word: str, root: str) -> frozenset[str]:
        return self.same.get(root, frozenset()) | {root, word}

    def _pieces(self, run: str, ground: frozenset[str]) -> list[str]:
        """A run of signs cut into the fewest known pieces; signs that are of none stay together."""
        if not _WRITTEN.match(run) or run.isascii():
            return [run]
        most = max(self.longest, LONGEST)
        costs: list[tuple[float, int, bool]] = [(0.0, 0, True)]
        for end in range(1, len(run) + 1):
            best = (costs[end - 1][0] + (3 if _HIRAGANA.match(run[end - 1]) else 10), end - 1, False)
            for begin in range(max(0, end - most), end):
                piece = run[begin:end]
                if piece in self.exact or piece in self.same or piece in ground:
                    best = min(best, (costs[begin][0] + 1, begin, True))
            costs.append(best)
        pieces: list[str] = []
        end, loose = len(run), ""
        while end:
            _, begin, known = costs[end]
            if known:
                pieces += [loose] if loose else []
                pieces.append(run[begin:end])
                loose = ""
            else:
                loose = run[begin:end] + loose
            end = begin
        return [*pieces, loose][::-1] if loose else pieces[::-1]


def stands(
    plain: str,
    everyday: Everyday,
    ground: Ground,
    borne_out: Sequence[re.Pattern[str]] = (),
    asked: Sequence[Asked] = (),
) -> Iterator[tuple[str, str]]:
    """What of a sentence does not stand on the shop's texts: what is wrong, and the word.

    Args:
        plain: `cleaned`, with blanks for figures, which were checked.
        everyday: Of its language.
        ground: What the shop says.
        borne_out: Colours and materials that the product has.
        asked: What viewers asked last.
    """
    names = frozenset(bare(name) for one in asked for name in one.names)
    for sentence in _sentences(unnamed(plain, everyday, names)):
        low = bare(sentence)
        echoes = bool(_ASKS.search(low) or everyday.unsure.search(low))
        heard: frozenset[str] = frozenset()
        if echoes:
            words = (word for one in asked for word in everyday.words(bare(one.text)))
            heard = frozenset(key for one in words for key in one.keys)
        large = (
            frozenset(bare(word) for word in _LARGE.findall(sentence))
            if everyday.tag in _PROPER
            else frozenset()
        )
        low = everyday.fixed.sub(" ", low)
        for pattern in borne_out:
            low = pattern.sub(_BORNE_OUT, low)
        for clause in _CLAUSE.split(low):
            yield from _clause(clause, everyday, ground, heard, echoes, large)


def _clause(
    clause: str,
    everyday: Everyday,
    ground: Ground,
    heard: frozenset[str],
    echoes: bool,
    large: frozenset[str],
) -> Iterator[tuple[str, str]]:
    words = everyday.words(clause, ground.affirmed | ground.denied)
    known = [one for one in words if one.kind not in FREE and ground.has(one)]
    about = (
        bool(known)
        or _BORNE_OUT in clause
        or any(one.word in everyday.it or one.kind == "shop" for one in words)
    )
    talks = any(one.kind == "talk" for one in words) and not any(map(ground.tells, words))
    denied = any(one.word in everyday.denying for one in words)
    itself = denied and any(one.word in everyday.self for one in words)
    if not (echoes or itself) and (found := everyday.claims.search(clause)):
        yield "a claim", found[0]
    for one in words:
        if one.kind in FREE or (heard and one.keys & heard):
            continue
        if ground.has(one):
            sides = ground.denied if denied else ground.affirmed
            if not (echoes or itself or one.keys & (sides | ground.names)):
                yield "turned round", one.word
        elif one.kind not in _GUARDED:
            if not ((not about and one.word in large) or _loose(one.word, everyday.tag)):
                yield "not of the shop", one.word
        elif not echoes and not _harmless(one.kind, about, talks):
            yield "not of the product", one.word


def counted(after: str, clause: str, everyday: Everyday, ground: Ground, shop: Ground) -> str:
    """What of the product a small number counts; "" for nothing that its texts, and not the shop's, tell of it.

    Args:
        after: What follows the number, `bare`.
        clause: The clause that it stands in, `bare`.
        everyday: Of the language.
        ground, shop: What is said of the product, and by the shop.
    """
    words = everyday.words(clause if everyday.tag in _UNSPACED else after, ground.affirmed | ground.denied)
    words = words if everyday.tag in _UNSPACED else words[:1]
    return next(
        (one.word for one in words if ground.tells(one) and not shop.has(one) and len(one.word) > 1), ""
    )


def of_pieces(after: str, everyday: Everyday, ground: Ground) -> bool:
    """Whether a number counts pieces of the product: nothing else that it could count follows it.

    Args:
        after: What follows the number, `bare`.
        everyday: Of the language.
        ground: What is said of the product.
    """
    if everyday.unspaced:
        return _PIECES_OF_SIGNS.match(after) is not None
    clause = _CLAUSE.split(after, maxsplit=1)[0]
    word = next(iter(_WORD.findall(clause)), "")
    said = everyday.said(word)
    return not word or said.kind == "little" or bool(_PIECES.fullmatch(word) or said.keys & ground.names)


def clause_at(plain: str, at: int) -> str:
    """The clause of a text that has a place in it."""
    cuts = [*_CLAUSE.finditer(plain)]
    begin = max((cut.end() for cut in cuts if cut.end() <= at), default=0)
    return plain[begin : min((cut.start() for cut in cuts if cut.start() >= at), default=len(plain))]


def _harmless(kind: str, about: bool, talks: bool) -> bool:
    """Whether words of a list claim nothing in a clause that is about the product, or in which the host talks."""
    return {"people": talks, "time": talks or not about, "apart": not about}.get(kind, False)


def _loose(word: str, tag: str) -> bool:
    """Whether signs that are known of nothing are an ending."""
    return tag == "ja" and len(word) <= 2 and all(_HIRAGANA.match(sign) for sign in word)


def unnamed(plain: str, everyday: Everyday, names: frozenset[str] = frozenset()) -> str:
    """A sentence with blanks for the names of people who are spoken to.

    A name stands after a greeting or thanks, or apart from the sentence at its beginning or end, and has a large letter
    or is one of ``names`` (`bare`).
    """
    if everyday.tag in _UNSPACED:
        return _unnamed_signs(plain, everyday, names)
    text = plain
    words = [*_WORD.finditer(plain)]
    at = 0
    while at < len(words):
        run = _named(words, at, plain, everyday, names)
        if run:
            begin, end = words[at].start(), words[at + run - 1].end()
            text = text[:begin] + " " * (end - begin) + text[end:]
        at += run or 1
    return text


def _named(
    words: Sequence[re.Match[str]], at: int, plain: str, everyday: Everyday, names: frozenset[str]
) -> int:
    """How many words from ``at`` on are the name of somebody who is spoken to."""
    before, low = plain[: words[at].start()], bare(plain)
    greeted = re.search(rf"(?<!\w)(?:{everyday.greeting.pattern})[\s,:!]*\Z", bare(before))
    for run in (3, 2, 1):
        if at + run > len(words):
            continue
        begin, end = words[at].start(), words[at + run - 1].end()
        name, after = plain[begin:end], plain[end:].lstrip()
        apart = not after or after[0] in ",.!?:;।"
        if len(name) > NAME or not (apart or (greeted and run == 1 and plain[begin].isupper())):
            continue
        told = bare(name) in names
        parts = [words[at + n][0] for n in range(run)]
        strangers = all(not everyday.said(bare(part)).kind for part in parts)
        large = all(part[0].isupper() for part in parts) or (everyday.tag == "hi" and bool(greeted))
        if not told and not (strangers and large):
            continue
        first = not before.strip() and after[:1] in (",", "!", ":")
        last = before.rstrip().endswith(",") and (
            told or everyday.tag != "de" or bool(everyday.greeting.search(low))
        )
        if greeted or first or last:
            return run
    return 0


def _unnamed_signs(plain: str, everyday: Everyday, names: frozenset[str]) -> str:
    low = plain
    for name in sorted(names, key=len, reverse=True):
        if name:
            low = re.sub(
                rf"{re.escape(name)}(?=さん|様|[\s、,，。！!？?:：]|と|和|$)", " ", low, flags=re.IGNORECASE
            )
    if everyday.tag == "ja":
        return _CALLED.sub(lambda found: found[0] if _PROFESSIONS.search(found[1]) else " ", low)
    greeting = rf"((?:{everyday.greeting.pattern}))([^\s、,，。！!？?]{{1,4}})(?=[\s、,，。！!？?]|$)"
    return re.sub(greeting, r"\1 ", low)


def _sentences(plain: str) -> Iterator[str]:
    begin = 0
    for end in _SENTENCE.finditer(plain):
        yield plain[begin : end.end()]
        begin = end.end()
    yield plain[begin:]


def ground_of(texts: Iterable[Told], tag: str) -> Ground:
    """What texts say to who speaks the language ``tag``."""
    affirmed: set[str] = set()
    denied: set[str] = set()
    names: set[str] = set()
    for told in texts:
        known = told.language in languages()
        among = (tag, "en") if told.name else languages()  # "lâmpada" is a bulb, "lampada" a lamp
        for one in (told.language,) if known else among:
            everyday = everyday_of(one)
            own = one == tag or not known
            for turned, words in _claimed(told, everyday):
                keys = (key for word in words for key in word.keys)
                kept = {key for key in keys if own or key[0] == _MEANING}
                (denied if turned else affirmed).update(kept)
                if told.name:
                    names |= kept
    return Ground(frozenset(affirmed), frozenset(denied), frozenset(names))


def texts_of(product: Product) -> Iterator[Told]:
    """All that is told of a product."""
    yield from (Told(name, name=True) for name in product.also)
    yield from (Told(claim.text) for claim in product.claims if claim.source)
    for language, texts in product.texts.items():
        yield Told(texts.name, language, name=True)
        yield Told(texts.description, language)
        yield from (Told(f"{fact} {value}", language) for fact, value in texts.facts.items())
        yield from (Told(answer, language, question) for question, answer in texts.faq)


def answers_of(catalogue: Catalogue) -> Iterator[Told]:
    """The shop's own answers."""
    for language, pairs in catalogue.faq.items():
        yield from (Told(answer, language, question) for question, answer in pairs)


def _claimed(told: Told, everyday: Everyday) -> Iterator[tuple[bool, list[Said]]]:
    """The clauses of a text: whether each denies something, and its words.

    A question claims nothing but where the answer agrees or refuses.
    """
    answer = bare(told.text)
    for clause in _CLAUSE.split(answer):
        words = _every(clause, everyday)
        yield any(word.word in everyday.denying for word in words), words
    first = answer if everyday.tag in _UNSPACED else f"{next(iter(_WORD.findall(answer)), '')} "
    gap = "" if everyday.tag in _UNSPACED else " "
    for begins, turned in ((everyday.refused, True), (everyday.agreed, False)):
        if told.asks and first.startswith(tuple(word + gap for word in begins)):
            yield turned, _every(bare(told.asks), everyday)
            return


def _every(clause: str, everyday: Everyday) -> list[Said]:
    """The words of a clause; in scripts without spaces every piece that may be one."""
    if everyday.tag not in _UNSPACED:
        return everyday.words(clause)
    runs = _WRITTEN.findall(clause)
    pieces = {run for run in runs if run.isascii()}
    pieces |= {
        run[begin : begin + size]
        for run in runs
        if not run.isascii()
        for size in range(1, LONGEST + 1)
        for begin in range(len(run) - size + 1)
    }
    return [Said(one, "", everyday.same.get(one, frozenset()) | {one}) for one in pieces]


def stem(word: str, tag: str) -> str:
    """A `bare` word without its ending."""
    return _stem(word, tag) if tag in _STEMMERS else word


@lru_cache(maxsize=50_000)
def _stem(word: str, tag: str) -> str:
    with _lock:  # a stemmer keeps the word that it works on
        return str(_stemmer(tag).stemWord(word))


@lru_cache(maxsize=16)
def _stemmer(tag: str) -> Any:
    return snowballstemmer.stemmer(_STEMMERS[tag])


@lru_cache(maxsize=1)
def languages() -> tuple[str, ...]:
    """Those whose everyday words are known."""
    return tuple(_table("everyday.yaml"))


@lru_cache(maxsize=16)
def everyday_of(tag: str) -> Everyday:
    """The everyday words of a language; English where it is not known."""
    table = _table("everyday.yaml")
    tag = tag if tag in table else "en"
    told = table[tag]
    exact: dict[str, str] = {}
    stems: dict[str, str] = {}
    for kind in (*FREE, *_GUARDED):
        for word in bare(told[kind]).split():
            exact.setdefault(word.rstrip("!"), kind)
            if kind != "little" and word[-1] != "!" and tag not in _UNSPACED:
                stems.setdefault(stem(word, tag), kind)
    same: dict[str, set[str]] = {}
    for meaning, by in _table("same_words.yaml").items():
        for word in bare(by[tag]).split():
            same.setdefault(stem(word, tag), set()).add(f"{_MEANING}{meaning}")
    return Everyday(
        tag, exact, stems, frozenset(bare(told["it"]).split()), frozenset(bare(told["denying"]).split()),
        frozenset(bare(told["self"]).split()),
        tuple(bare(told["agreed"]).split()), tuple(bare(told["refused"]).split()),
        _pattern(told["claims"], tag), _pattern(told["fixed"], tag),
        re.compile(told["unsure"]), re.compile(told["greeting"]),
        {word: frozenset(meanings) for word, meanings in same.items()}, max(map(len, exact)),
    )  # fmt: skip


def _pattern(told: str, tag: str) -> re.Pattern[str]:
    return re.compile(told if tag in (*_UNSPACED, "hi") else rf"(?<!\w)(?:{told})(?!\w)")


@lru_cache(maxsize=2)
def _table(name: str) -> Mapping[str, Mapping[str, str]]:
    text = files("avatar_engine.show.guard").joinpath(name).read_text(encoding="utf-8")
    read: Mapping[str, Mapping[str, str]] = yaml.safe_load(text)
    return read
