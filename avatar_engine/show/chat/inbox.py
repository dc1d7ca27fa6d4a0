"""The inbox: from thousands of messages a minute to the question that is worth most now.

The same question in other words is one question with many askers: messages of one language that mean the same
(`avatar_engine.show.meaning`) are one. What has no known meaning is compared by its words: they and their groups of
three letters are hashed into a vector of `WIDTH` numbers (feature hashing; Weinberger et al. 2009), and a message joins
the question that it is most like.

Which one comes next: that with the most askers times the longest wait (R x W; Aksoy and Franklin 1999, for broadcasts,
where one answer serves all who asked). What was answered just now is left out, for the answer is still on its way to
whoever asks; soon afterwards it is answered again, shortly, and after what is new. Everything is bounded: questions,
authors, texts that are remembered.
"""

from __future__ import annotations

import re
import threading
import unicodedata
import zlib
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from avatar_engine.contracts import FloatArray
from avatar_engine.show.chat.message import Count, Message
from avatar_engine.show.host.phrases import phrases
from avatar_engine.show.meaning import NO_SPACES, Meaning, folded, tongue_of, understood, without

WIDTH = 512
MOST = 300
"""Questions that wait; the one that is worth least goes."""

ALIKE = 0.5
"""Cosine from which two messages whose meaning is not known ask the same."""

EXPIRES = 600.0
"""Seconds after which a question that nobody asks again is not answered any more."""

JUST = 20.0
"""Seconds after an answer was begun in which the same question is left out: its answer is on air, or just was."""

AGAIN = 240.0
"""Seconds in which a question that was answered is answered shortly, and while the script runs for a wave alone."""

WAVE = 10
"""Askers of an answered question who make a wave."""

BUSY = 8.0
"""Seconds between two questions that interrupt a script."""

HELD = 40.0
"""Seconds that are added to every wait: how much a question of many is preferred to one that waits long."""

CROWD = 8
"""Questions that wait from which on nobody is called by name: in that time somebody else gets an answer."""

THANKS, GREETS = 30.0, 60.0
"""Seconds between two thanks, and two greetings, by name."""

FRESH = {"greet": 60.0, "thank": 120.0}
"""Seconds after which it is too late for them."""

GIVING = ("purchase", "gift", "member", "follow")
"""Kinds of messages whose authors are thanked; what comes first is thanked first."""

BACK = 300.0
"""Seconds of silence after which somebody who comes in again is back."""

PER_AUTHOR = (5, 10.0)
"""Messages of one author that are taken at once, and the seconds in which so many more are."""

AUTHORS, TEXTS, NAMES, IDENTS = 20_000, 20_000, 3, 500
"""Authors and texts that are remembered, and names and ids of messages that are kept of a question."""

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
_WORD = re.compile(r"\w+")
_LEET = str.maketrans("013457@$", "oieastas")
_EITHER = ("", "zh", "ja", "hi")
"""Languages whose viewers have names in their own letters and in Latin ones; of the others, in Latin ones alone."""


_SMALL_TALK = ("host_", "music", "language", "next_show", "replay")
"""How names of intents begin that sell nothing."""

_Key = tuple[str, str, str, str]
"""Language, intent or topic, detail and product."""


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
        kind: ``answer`` for a question; ``greet`` and ``thank`` for people, whose ``text`` says what for: ``new``,
            ``back``, ``gift`` or ``purchase``.
        intent, detail: What it means, where that is known.
    """

    text: str
    language: str
    authors: tuple[str, ...]
    count: int
    first: float
    last: float
    product: str | None = None
    again: bool = False
    kind: str = "answer"
    intent: str = ""
    detail: str = ""
    vector: FloatArray = field(repr=False, default_factory=lambda: np.zeros(WIDTH, np.float32))
    idents: list[str] = field(default_factory=list, repr=False)
    answered: float = -AGAIN
    likeness: float = 0.0

    def worth(self, now: float) -> float:
        """How much it is worth to answer it: askers, what is asked, and how long it waits."""
        useful = 2.0 if self.product or (self.intent and not self.intent.startswith(_SMALL_TALK)) else 1.0
        lately = 0.5 if now - self.answered < AGAIN else 1.0
        return useful * lately * self.count * (HELD + now - self.first) / HELD

    @property
    def key(self) -> _Key:
        """What makes two questions one, where their meaning is known."""
        return self.language, self.intent, self.detail, self.product or ""


@dataclass(slots=True)
class Figures:
    """What came of all messages.

    Attributes:
        kinds: Messages by what became of them: question, greeting, talk, spam, rude, private, link, twice, ...
        answered, unanswered: Questions.
        greeted, thanked: People.
        waits: Seconds between a question and its first answer, the last thousand.
    """

    kinds: Counter[str] = field(default_factory=Counter)
    answered: int = 0
    unanswered: int = 0
    greeted: int = 0
    thanked: int = 0
    waits: deque[float] = field(default_factory=lambda: deque(maxlen=1000))


class Inbox:
    """Takes messages from any thread, and gives the question that is worth most.

    Args:
        clock: Seconds of the show.
        languages: BCP 47 tags that the show speaks, its own first.
        product: Finds the product that a text names; "" for none.
        rivals: Names that are not to be spoken of.
        names: The names of a product, by its id.

    Attributes:
        watch: Told of everything that came: what became of a message, and when in seconds of the show.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        languages: Sequence[str] = ("en",),
        product: Callable[[str], str] = lambda text: "",
        rivals: Sequence[str] = (),
        names: Callable[[str], Sequence[str]] = lambda product: (),
    ) -> None:
        understood("")  # what it knows is read now, not while a viewer waits
        self.figures = Figures()
        self.watch: Callable[[Message | Count, str, float], None] = lambda came, sort, now: None
        self._names = names
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
        self._places: dict[_Key, int] = {}  # of questions whose meaning is known
        self._told: OrderedDict[_Key, float] = OrderedDict()  # topics, and when their last answer was begun
        self._interrupted = -BUSY
        self._people: dict[str, deque[tuple[float, str, str]]] = {
            kind: deque(maxlen=50) for kind in FRESH
        }  # when, name, what for
        self._spoken_to = {"greet": -GREETS, "thank": -THANKS}
        self._seen: OrderedDict[str, float] = OrderedDict()  # authors, and their last sign of life

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
        """What to speak to next: thanks, the question that is worth most, or a greeting; None for nothing.

        While the show is ``busy`` with its script a question that was answered lately needs a wave of askers, and after
        one there is time for the script.
        """
        with self._lock:
            self._expire(now)
            if thanks := self._spoken(now, "thank", THANKS):
                return thanks
            best = self._best(now, busy)
            if best is None:
                return None if busy else self._spoken(now, "greet", GREETS)
            best.again = now - best.answered < AGAIN
            self._last_author = best.authors[0] if best.authors else ""
            if best.answered == -AGAIN:
                self.figures.waits.append(now - best.first)
            best.answered = now
            if busy:
                self._interrupted = now
            if best.intent:
                self._told[_topic(best)] = now
                self._told.move_to_end(_topic(best))
                if len(self._told) > MOST:
                    self._told.popitem(last=False)
            crowded = sum(1 for one in self._questions if one.count) > CROWD
            taken = replace(best, idents=list(best.idents), authors=() if crowded else best.authors)
            best.count, best.authors, best.idents = 0, (), []
            return taken

    def _best(self, now: float, busy: bool) -> Question | None:
        """The question that is worth most now."""
        if busy and now - self._interrupted < BUSY:
            return None
        open_ = [
            one
            for one in self._questions
            if one.count and (not busy or now - one.answered >= AGAIN or one.count >= WAVE)
        ]
        fresh = [one for one in open_ if not one.authors or one.authors[0] != self._last_author] or open_
        return max(fresh, key=lambda one: one.worth(now), default=None)

    def _spoken(self, now: float, kind: str, rest: float) -> Question | None:
        """People to greet or to thank by name, if it is time; some at once, for the same thing."""
        waiting = self._people[kind]
        while waiting and now - waiting[0][0] > FRESH[kind]:
            waiting.popleft()
        if not waiting or now - self._spoken_to[kind] < rest:
            return None
        reasons = {one[2] for one in waiting}
        reason = next((one for one in GIVING if one in reasons), waiting[-1][2])
        same = [one for one in waiting if one[2] == reason]
        names = tuple(dict.fromkeys(name for _, name, _ in reversed(same)))[:NAMES]
        first = same[0][0]
        waiting.clear()
        self._spoken_to[kind] = now
        return Question(reason, self._languages[0], names, len(names), first, now, kind=kind)

    def done(self, question: Question, how: str) -> None:
        """What became of what was chosen."""
        with self._lock:
            if question.kind != "answer":
                said = len(question.authors) if how == "answered" else 0
                self.figures.greeted += said if question.kind == "greet" else 0
                self.figures.thanked += said if question.kind == "thank" else 0
            elif how == "answered":
                self.figures.answered += 1
            else:
                self.figures.unanswered += 1
                self._told.pop(_topic(question), None)  # nobody heard an answer

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
            self._noticed(message, now)
            return message.kind
        self._remember(message.author, now)
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
        meaning = understood(text)
        if not meaning.asks:
            return "greeting" if _GREETING.fullmatch(text) else "talk"
        product = self._product(text)
        if product:
            meaning = understood(without(text, self._names(product)))
        return self._ask(message, meaning, product, now)

    def _noticed(self, message: Message, now: float) -> None:
        """Somebody came in, gave or bought something: who may be named is greeted or thanked."""
        last = self._seen.get(message.author)
        self._remember(message.author, now)
        for name in _names(message.author, self._languages[0]):
            if message.kind in GIVING:
                self._people["thank"].append((now, name, message.kind))
            elif message.kind == "join" and (last is None or now - last > BACK):
                self._people["greet"].append((now, name, "new" if last is None else "back"))

    def _remember(self, author: str, now: float) -> None:
        """Keep when an author last gave a sign of life."""
        self._seen[author] = now
        self._seen.move_to_end(author)
        if len(self._seen) > AUTHORS:
            self._seen.popitem(last=False)

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

    def _ask(self, message: Message, meaning: Meaning, product: str, now: float) -> str:
        """Put a question to those that ask the same; what became of it."""
        language = tongue_of(message.text, self._languages)
        question = Question(
            message.text, language, _names(message.author, language), 1, now, now,
            product or None, intent=meaning.intent, detail=meaning.detail,
            vector=vector_of(message.text), idents=[message.ident], likeness=ALIKE,
        )  # fmt: skip
        if question.intent and now - self._told.get(_topic(question), -JUST) < JUST:
            return "answered just now"
        at = self._place_of(question)
        if at is not None:
            if not question.intent and now - self._questions[at].answered < JUST:
                return "answered just now"
            self._join(at, question, now)
            return "question"
        at = len(self._questions)
        if at == MOST:
            at = min(range(at), key=lambda n: (self._questions[n].count > 0, self._questions[n].worth(now)))
            self._places.pop(self._questions[at].key, None)
            self._questions[at] = question
        else:
            self._questions.append(question)
        if question.intent:
            self._places[question.key] = at
            self._vectors[at] = 0.0  # it is found by its meaning, never by its words
        else:
            self._vectors[at] = question.vector
        return "question"

    def _place_of(self, question: Question) -> int | None:
        """Where the same is asked already."""
        if question.intent:
            return self._places.get(question.key)
        count = len(self._questions)
        likenesses = self._vectors[:count] @ question.vector
        for n in np.argsort(likenesses)[::-1][:5]:
            same = self._questions[n].language == question.language
            if likenesses[n] >= ALIKE and same and not self._questions[n].intent:
                return int(n)
        return None

    def _join(self, at: int, one: Question, now: float) -> None:
        """Another viewer asks it."""
        question = self._questions[at]
        if not question.count:
            question.first = now
        question.count, question.last = question.count + 1, now
        question.authors = (
            *question.authors,
            *(name for name in one.authors if name not in question.authors),
        )[:NAMES]
        question.product = question.product or one.product
        if len(question.idents) < IDENTS:
            question.idents += one.idents
        likeness = float(question.vector @ one.vector)
        if likeness > question.likeness and len(one.text) >= 4:
            question.text, question.likeness = one.text, likeness
        whole = question.vector + one.vector / question.count
        question.vector = np.asarray(whole / max(1e-6, float(np.linalg.norm(whole))), np.float32)
        if not question.intent:
            self._vectors[at] = question.vector

    def _retract(self, message: Message) -> None:
        """Forget a message, or whoever wrote it; Twitch tells of these by names in small letters."""
        gone = {name.casefold() for name in _names(message.author, "")}
        for question in self._questions:
            if message.ident and message.ident in question.idents:
                question.idents.remove(message.ident)
                question.count = max(0, question.count - 1)
            left = tuple(name for name in question.authors if name.casefold() not in gone)
            if not message.ident and len(left) < len(question.authors):
                question.count = max(0, question.count - 1)
            question.authors = left
        if not message.ident:
            for kind, waiting in self._people.items():
                kept = (one for one in waiting if one[1].casefold() not in gone)
                self._people[kind] = deque(kept, maxlen=waiting.maxlen)

    def _expire(self, now: float) -> None:
        kept = [n for n, one in enumerate(self._questions) if now - max(one.last, one.answered) < EXPIRES]
        if len(kept) < len(self._questions):
            lost = sum(1 for n, one in enumerate(self._questions) if one.count and n not in set(kept))
            self.figures.unanswered += lost
            self._vectors[: len(kept)] = self._vectors[kept]
            self._questions = [self._questions[n] for n in kept]
            self._places = {one.key: n for n, one in enumerate(self._questions) if one.intent}

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


def _topic(question: Question) -> _Key:
    """What one answer answers."""
    topic = Meaning(question.intent).topic
    return (
        question.language,
        topic,
        question.detail if topic == question.intent else "",
        question.product or "",
    )


@lru_cache(maxsize=1)
def _little() -> frozenset[str]:
    """Words that tell nothing of what is asked, in languages with spaces."""
    told = (said["passed_over"] for tag, said in phrases().items() if tag not in ("zh", "ja"))
    return frozenset(_bare(word) for text in told for word in _WORD.findall(text.casefold())) - _ASKING


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
    for word in _WORD.findall(folded(text)):
        if NO_SPACES.search(word):
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


def spoken_name(author: str, language: str) -> str:
    """The name of an author as it may be said in a language; "" where it may not."""
    return next(iter(_names(author, language)), "")


def _names(author: str, language: str) -> tuple[str, ...]:
    """The name of an author as it may be said aloud in a language ("" for any); empty where it may not."""
    said = " ".join(re.sub(r"[_.\-\d]+", " ", author).split())
    letters = [letter for letter in said if letter.isalpha()]
    good = 3 <= len(said) <= 20 and len(letters) >= 0.7 * len(said) and not _RUDE.search(said)
    if language.partition("-")[0] not in _EITHER:
        good = good and all(unicodedata.name(letter, "").startswith("LATIN") for letter in letters)
    return (said,) if good else ()
