"""The inbox: from thousands of messages a minute to the question that is worth most now.

The same question in other words is one question with many askers. Words and their groups of three letters are hashed
into a vector of `WIDTH` numbers (feature hashing; Weinberger et al. 2009), and a message joins the question that it is
most like. Everything is bounded: questions, authors, texts that are remembered.
"""

from __future__ import annotations

import re
import threading
import unicodedata
import zlib
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from avatar_engine.contracts import FloatArray
from avatar_engine.show.chat.message import Count, Message
from avatar_engine.show.host.embedded import phrases

WIDTH = 512
MOST = 300
"""Questions that wait; the one that is worth least goes."""

ALIKE = 0.4
"""Cosine from which two messages ask the same."""

EXPIRES = 600.0
"""Seconds after which a question that nobody asks again is not answered any more."""

AGAIN = 240.0
"""Seconds in which a question that was answered is not answered again, unless a wave of people asks it."""

WAVE = 10
"""Askers of an answered question who make a wave."""

PER_AUTHOR = (5, 10.0)
"""Messages of one author that are taken at once, and the seconds in which so many more are."""

AUTHORS, TEXTS, NAMES = 20_000, 20_000, 3
"""Authors and texts that are remembered, and names that are kept of a question."""

_QUESTION = re.compile(
    r"[?？؟]|\b(?:how|what|which|when|where|who|why|does|do you|is it|are there|can i|can it|could|price|link|size|"
    r"comment|combien|quel\w*|quand|où|pourquoi|est-ce|y a|c est quoi|prix|taille|"
    r"cómo|cuánto|cuanto|qué|cuál|cuándo|dónde|hay|precio|talla|"
    r"come|quanto|quale|quando|dove|perché|prezzo|taglia|"
    r"quanto|qual|quando|onde|tem|preço|tamanho|"
    r"wie|was|welche\w*|wann|wo|warum|gibt es|kann man|preis|größe|"
    r"कितना|कितने|क्या|कब|कहाँ|कैसे|दाम)\b|多少|什么|怎么|哪|吗|几|呢|有没有|能不能|いくら|何|どう|どこ|いつ|ですか|ますか",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"(?:is|are|do|does|can|could|will|would|has|any|whats)\b|.*\b(?:please|pls|i want it)\b|"
    r"(?:vous (?:avez|en avez|faites|pouvez|prenez|acceptez|remboursez|l avez)|on peut|je peux|il en reste|il faut|y a|"
    r"c est (?:dispo|fait|possible|lavable|pour|livré|garanti|compatible|en|du)|"
    r"ça (?:passe|existe|résiste|se|marche|tient))\b|"
    r".*\b(?:svp|stp|s il vous pla[iî]t|je le veux|je la veux|possible)\b|"
    r"(?:hay|tenéis|tienen|tienes|puedo|se puede|podéis|pueden|aceptáis|quedan|llega|sirve|resiste|lo tenéis)\b|"
    r"(?:alg[uú]n|a[uú]n)\b|"
    r".*\b(?:por favor|lo quiero|la quiero)\b|"
    r"(?:ist|sind|hat|habt|haben sie|kann|können|könnt|kommt|geht|gibts|darf|muss|nehmt|läuft|hält|passt)\b|"
    r"(?:woher|woraus)\b|"
    r".*\b(?:bitte|ich will|wieviel|möglich)\b|"
    r".*(?:请问|多久|多大|谁|是不是|能不能|能用|想要|可以|没事|发一下|防不防|会不会)",
    re.IGNORECASE | re.DOTALL,
)
"""Questions without a mark or a word that asks: by their verb, which comes first, or by a wish."""
_GREETING = re.compile(
    r"\W*(?:hi|hello|hey|hola|bonjour|salut|coucou|bonsoir|hallo|moin|servus|ciao|buonasera|olá|oi|"
    r"good (?:morning|evening)|你好|大家好|主播好|こんにちは|こんばんは|नमस्ते)\b.{0,25}",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"https?:|www\.|\b[\w-]+\.(?:com|net|org|ru|shop|info|biz|xyz|io|cn)\b|t\.me/|@\w+\.\w+", re.IGNORECASE
)
_NUMBERS = re.compile(r"(?:\d[ .-]?){9,}")
_RUDE = re.compile(
    r"\b(?:f+u+c+k\w*|sh[i1]t\w*|b[i1]tch\w*|whore|slut|idiots?|moron|retard\w*|nazi\w*|kill yourself|kys|"
    r"putes?|connards?|salopes?|enculé\w*|merde|nique\w*|ta gueule|"
    r"puta\w*|mierda|cabr[oó]n\w*|gilipollas|pendejo\w*|"
    r"cazzo|puttana|stronz\w+|vaffanculo|"
    r"caralho|porra|merda|filho da puta|"
    r"schei(?:ß|ss)e\w*|fotze|arschloch|hure|wichser|"
    r"रंडी|चूतिया|मादरचोद)\b|傻逼|操你|妈的|滚蛋|死ね|ばか|くそ",
    re.IGNORECASE,
)
_WORTH = re.compile(
    r"price|cost|how much|prix|combien|precio|cuánto|cuesta|prezzo|quanto|preço|preis|kostet|"
    r"多少钱|价格|いくら|値段|कीमत|दाम|"
    r"stock|available|disponib|lager|库存|在庫|size|taille|talla|größe|尺码|サイズ|ship|livr|envío|versand|deliver|快递|配送|"
    r"return|refund|rembours|retour|devol|rückgabe|退|返品",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")
_NO_SPACES = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_LEET = str.maketrans("013457@$", "oieastas")


@dataclass(slots=True)
class Question:
    """What one or many viewers ask.

    Attributes:
        text: In the words of the one whose message is most like all others.
        language: BCP 47 tag.
        authors: Names of the first who asked that may be said aloud.
        count: How many asked since it was last answered.
        first, last: When it was asked first and last, in seconds of the show.
        product: Id of the product that it is about; None for none.
        again: Whether it was answered a while ago.
    """

    text: str
    language: str
    authors: tuple[str, ...]
    count: int
    first: float
    last: float
    product: str | None = None
    again: bool = False
    vector: FloatArray = field(repr=False, default_factory=lambda: np.zeros(WIDTH, np.float32))
    idents: list[str] = field(default_factory=list, repr=False)
    answered: float = -AGAIN
    likeness: float = 0.0

    def worth(self, now: float) -> float:
        """How much it is worth to answer it: askers, what is asked, and how long it waits."""
        useful = 2.0 if _WORTH.search(self.text) or self.product else 1.0
        return float(useful * (1 + np.log2(self.count)) + min(3.0, (now - self.first) / 30.0))


@dataclass(slots=True)
class Figures:
    """What came of all messages.

    Attributes:
        kinds: Messages by what became of them: question, greeting, talk, spam, rude, private, link, twice, ...
        answered, unanswered: Questions.
        waits: Seconds between a question and its first answer, the last thousand.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    answered: int = 0
    unanswered: int = 0
    waits: deque[float] = field(default_factory=lambda: deque(maxlen=1000))


class Inbox:
    """Takes messages from any thread, and gives the question that is worth most.

    Args:
        clock: Seconds of the show.
        languages: BCP 47 tags that the show speaks, its own first.
        product: Finds the product that a text names; "" for none.
        rivals: Names that are not to be spoken of.

    Attributes:
        watch: Told of everything that came: what became of a message, and when in seconds of the show.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        languages: Sequence[str] = ("en",),
        product: Callable[[str], str] = lambda text: "",
        rivals: Sequence[str] = (),
    ) -> None:
        self.figures = Figures()
        self.watch: Callable[[Message | Count, str, float], None] = lambda came, sort, now: None
        self._clock, self._languages, self._product = clock, tuple(languages), product
        self._rivals = [name.casefold() for name in rivals if name.strip()]
        self._lock = threading.Lock()
        self._questions: list[Question] = []
        self._vectors = np.zeros((MOST, WIDTH), np.float32)
        self._authors: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tokens, and when
        self._texts: OrderedDict[str, float] = OrderedDict()  # of whom, and when
        self._idents: OrderedDict[str, None] = OrderedDict()
        self._times: deque[float] = deque(maxlen=20_000)
        self._counts: dict[str, float] = {}
        self._events: dict[str, deque[float]] = {"sales": deque(maxlen=5000), "clicks": deque(maxlen=5000)}
        self._viewers: deque[tuple[float, float]] = deque(maxlen=600)
        self._last_author = ""

    def put(self, came: Message | Count) -> None:
        """Take what a source brings; never waits long and never raises for what is in it."""
        now = self._clock()
        with self._lock:
            if isinstance(came, Count):
                self._counted(came, now)
                self.watch(came, "", now)
            else:
                sort = self._sorted(came, now)
                self.figures.kinds[sort] += 1
                self.watch(came, sort, now)

    def choose(self, now: float, busy: bool = False) -> Question | None:
        """The question that is worth most now; none that is worth little while the show is ``busy`` with its script."""
        with self._lock:
            self._expire(now)
            open_ = [
                one
                for one in self._questions
                if (one.count and now - one.answered >= AGAIN) or one.count >= WAVE
            ]
            fresh = [one for one in open_ if not one.authors or one.authors[0] != self._last_author] or open_
            best = max(fresh, key=lambda one: one.worth(now), default=None)
            if best is None or (busy and best.worth(now) < 1.0):
                return None
            best.again = best.answered > -AGAIN
            self._last_author = best.authors[0] if best.authors else ""
            if not best.again:
                self.figures.waits.append(now - best.first)
            best.answered = now
            taken = Question(
                best.text,
                best.language,
                best.authors,
                best.count,
                best.first,
                best.last,
                best.product,
                best.again,
            )
            best.count, best.authors = 0, ()
            return taken

    def done(self, question: Question, how: str) -> None:
        """What became of a question that was chosen."""
        with self._lock:
            if how == "answered":
                self.figures.answered += 1
            else:
                self.figures.unanswered += 1

    def audience(self) -> dict[str, float]:
        """Figures for the rules of a show; those that no source tells are not there."""
        now = self._clock()
        with self._lock:
            told = dict(self._counts)
            recent = sum(1 for at in self._times if at > now - 60)
            before = sum(1 for at in self._times if now - 120 < at <= now - 60)
            told |= {
                "chat": float(recent), "chat_trend": float(recent - before),
                "questions": float(sum(1 for one in self._questions if one.count)),
            }  # fmt: skip
            for name, times in self._events.items():
                if times:
                    told[name] = float(sum(1 for at in times if at > now - 60))
            if len(self._viewers) > 1:
                past = next((value for at, value in self._viewers if at > now - 60), self._viewers[-1][1])
                told["viewers_trend"] = self._viewers[-1][1] - past
                told["arrivals"] = max(0.0, told["viewers_trend"])
            return told

    def waiting(self) -> list[Question]:
        """The questions that wait, the one that is worth most first."""
        now = self._clock()
        with self._lock:
            return sorted((one for one in self._questions if one.count), key=lambda one: -one.worth(now))

    def _counted(self, came: Count, now: float) -> None:
        if came.figure == "viewers":
            self._counts["viewers"] = came.value
            self._viewers.append((now, came.value))
        elif came.figure in self._events:
            self._events[came.figure].extend([now] * min(100, max(0, int(came.value))))

    def _sorted(self, message: Message, now: float) -> str:
        """Put a message where it belongs; what it was."""
        if message.kind == "retracted":
            self._retract(message)
            return "retracted"
        if message.ident and not self._remembered(self._idents, f"{message.source} {message.ident}"):
            return "twice"
        self._times.append(now)
        if message.kind != "text":
            return message.kind
        if not self._allowed(message.author, now):
            return "flood"
        text = message.text
        if not any(letter.isalpha() for letter in text):
            return "signs"
        own = f"{message.author}\0{text.casefold()}"
        last = self._texts.get(own)
        self._texts[own] = now
        self._texts.move_to_end(own)
        if len(self._texts) > TEXTS:
            self._texts.popitem(last=False)
        if last is not None and now - last < 60:
            return "twice"
        if reason := self._unwanted(text):
            return reason
        plain = _WORD_SIGNS.sub(" ", text)
        if not _QUESTION.search(plain) and not _ASKS.match(plain.strip()):
            return "greeting" if _GREETING.fullmatch(text) else "talk"
        self._ask(message, now)
        return "question"

    def _unwanted(self, text: str) -> str:
        """Why a message is not to be spoken of; "" where it may."""
        plain = text.casefold()
        if _RUDE.search(plain) or _RUDE.search(plain.translate(_LEET)):
            return "rude"
        if _NUMBERS.search(text):
            return "private"
        if _LINK.search(text):
            return "link"
        if any(name in plain for name in self._rivals):
            return "rival"
        letters = [letter for letter in plain if letter.isalnum()]
        most = max(Counter(letters).values(), default=0)
        return "spam" if len(letters) > 12 and most > 0.5 * len(letters) else ""

    def _ask(self, message: Message, now: float) -> None:
        vector, language = vector_of(message.text), self._language(message.text)
        count = len(self._questions)
        likenesses = self._vectors[:count] @ vector
        for n in np.argsort(likenesses)[::-1][:5]:
            if likenesses[n] >= ALIKE and self._questions[n].language == language:
                self._join(int(n), message, vector, float(likenesses[n]), now)
                return
        question = Question(
            message.text, language, _names((), message.author), 1, now, now,
            self._product(message.text) or None, vector=vector, idents=[message.ident], likeness=ALIKE,
        )  # fmt: skip
        if count == MOST:
            at = min(
                range(count), key=lambda n: (self._questions[n].count > 0, self._questions[n].worth(now))
            )
            self._questions[at] = question
        else:
            at = count
            self._questions.append(question)
        self._vectors[at] = vector

    def _join(self, at: int, message: Message, vector: FloatArray, likeness: float, now: float) -> None:
        question = self._questions[at]
        if not question.count:
            question.first = now
        question.count, question.last = question.count + 1, now
        question.authors = _names(question.authors, message.author)
        question.product = question.product or self._product(message.text) or None
        if len(question.idents) < 100:
            question.idents.append(message.ident)
        if likeness > question.likeness and len(message.text) >= 4:
            question.text, question.likeness = message.text, likeness
        whole = question.vector + vector / question.count
        question.vector = np.asarray(whole / max(1e-6, float(np.linalg.norm(whole))), np.float32)
        self._vectors[at] = question.vector

    def _retract(self, message: Message) -> None:
        for question in self._questions:
            if message.ident and message.ident in question.idents:
                question.idents.remove(message.ident)
                question.count = max(0, question.count - 1)
            if not message.ident or message.author:
                question.authors = tuple(name for name in question.authors if name != message.author)

    def _expire(self, now: float) -> None:
        kept = [n for n, one in enumerate(self._questions) if now - max(one.last, one.answered) < EXPIRES]
        if len(kept) < len(self._questions):
            lost = sum(1 for n, one in enumerate(self._questions) if one.count and n not in set(kept))
            self.figures.unanswered += lost
            self._vectors[: len(kept)] = self._vectors[kept]
            self._questions = [self._questions[n] for n in kept]

    def _allowed(self, author: str, now: float) -> bool:
        """Whether an author has not written too much lately (a bucket of tokens)."""
        most, seconds = PER_AUTHOR
        tokens, then = self._authors.pop(author, (float(most), now))
        tokens = min(float(most), tokens + (now - then) * most / seconds)
        self._authors[author] = (max(0.0, tokens - 1.0), now)
        if len(self._authors) > AUTHORS:
            self._authors.popitem(last=False)
        return tokens >= 1.0

    @staticmethod
    def _remembered(known: OrderedDict[str, None], key: str) -> bool:
        """Whether ``key`` is new; it is known from now on."""
        if key in known:
            return False
        known[key] = None
        if len(known) > TEXTS:
            known.popitem(last=False)
        return True

    def _language(self, text: str) -> str:
        return language_of(text, self._languages)


_WORD_SIGNS = re.compile(r"[’']")


def language_of(text: str, languages: Sequence[str]) -> str:
    """The language of a text among those that a show speaks, its own first; that one where the text leaves a doubt."""
    own = languages[0]
    tags = {tag.partition("-")[0]: tag for tag in reversed(languages)}
    for pattern, tag in _SCRIPTS:
        if re.search(pattern, text):
            return tags.get(tag, own)
    latin = [tag for tag in tags if tag not in ("zh", "ja", "hi")]
    if len(latin) < 2:
        return tags[latin[0]] if latin else own
    words = set(_WORD.findall(text.casefold()))
    scores = {tag: len(words & _common()[tag]) for tag in latin if tag in _common()}
    best = max(scores, key=lambda tag: (scores[tag], tags[tag] == own), default=own)
    return tags.get(best, own) if scores.get(best) else own


_SCRIPTS = ((r"[\u3040-\u30ff]", "ja"), (r"[\u4e00-\u9fff]", "zh"), (r"[\u0900-\u097f]", "hi"))


@lru_cache(maxsize=1)
def _common() -> dict[str, frozenset[str]]:
    """Little words by language: they tell which one it is, and nothing of what is asked."""
    return {tag: frozenset(_WORD.findall(told["passed_over"].casefold())) for tag, told in phrases().items()}


@lru_cache(maxsize=1)
def _little() -> frozenset[str]:
    every = (word for tag, words in _common().items() if tag not in ("zh", "ja") for word in words)
    return frozenset(_bare(word) for word in every) - _ASKING


@lru_cache(maxsize=1)
def _particles() -> re.Pattern[str]:
    """The same of scripts without spaces."""
    signs = {sign for tag in ("zh", "ja") for sign in phrases()[tag]["passed_over"].split()}
    return re.compile("|".join(sorted(map(re.escape, signs), key=len, reverse=True)))


def _bare(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def vector_of(text: str) -> FloatArray:
    """float32 (`WIDTH`,), of length 1: what a message is about, hashed."""
    vector = np.zeros(WIDTH, np.float32)
    bare = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(
        letter for letter in bare if not unicodedata.combining(letter) or "\u0900" <= letter < "\u0980"
    )
    plain = unicodedata.normalize("NFC", plain)
    for word in _WORD.findall(plain):
        if _NO_SPACES.search(word):
            for part in _particles().sub(" ", word).split() or [word]:
                for n in range(len(part)):
                    _hash(vector, part[n : n + 2], 1.0)
                    _hash(vector, part[n], 0.5)
            continue
        weight = _LITTLE if word in _little() else 1.0
        _hash(vector, word, 0.6 * weight)
        groups = [f"^{word}$"[n : n + 3] for n in range(len(word))]
        for group in groups:
            _hash(vector, group, 1.4 * weight / len(groups) ** 0.5)
    return vector / max(1e-6, float(np.linalg.norm(vector)))


_LITTLE = 0.2
"""Weight of words that tell little; where there are no others they tell all."""

_ASKING = frozenset(
    (
        "much", "many", "long", "combien", "quand", "cuanto", "cuanta", "cuando", "donde", "quanto", "quanta", "quando",
        "dove", "onde", "viel", "viele", "lange", "wann", "wo",
    )
)  # fmt: skip


def _hash(vector: FloatArray, term: str, weight: float) -> None:
    code = zlib.crc32(term.encode("utf-8", "surrogatepass"))
    vector[code % WIDTH] += weight if code & 0x80000000 else -weight


def _names(names: tuple[str, ...], author: str) -> tuple[str, ...]:
    """Names that may be said aloud, with one more if it may."""
    plain = re.sub(r"[_.\-\d]+", " ", author).strip()
    said = " ".join(plain.split())
    good = (
        3 <= len(said) <= 20
        and sum(letter.isalpha() for letter in said) >= 0.7 * len(said)
        and not _RUDE.search(said)
    )
    return (*names, said) if good and len(names) < NAMES and said not in names else names
