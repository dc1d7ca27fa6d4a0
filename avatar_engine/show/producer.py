"""What a hosted show says next: script, technician, rules, chat and host, brought into one order.

Whoever speaks hands over between two lines, never within one. First comes what a technician wants said, then the
announcements that the law asks for, then the rest of an answer that was begun, then a question from the chat, then the
script. Every sentence passes the guard before it is handed out, whoever wrote it.

What was handed out and not begun on air can be taken back, and comes again: an answer that is ready need not wait for
what was made ahead, and what a technician breaks off is neither lost nor said twice.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from itertools import count
from typing import Any, Protocol

from avatar_engine.contracts import CONTROL_LIMITS, Controls, Utterance
from avatar_engine.errors import AvatarError
from avatar_engine.show import journal, rules
from avatar_engine.show.chat.standing import Standing
from avatar_engine.show.host.reply import OWN, Reply, Request
from avatar_engine.show.rules import RuleBook
from avatar_engine.show.scenes import Scenes
from avatar_engine.show.script import Beat, Gap, Line, Pause, Script, Segment
from avatar_engine.show.showcase import Showcase
from avatar_engine.show.wording import choices_of, filled, worded

log = logging.getLogger(__name__)

BEAT = 0.2
"""Seconds of silence that are planned at once while somebody may still want to say something."""

BREATH = 0.3
"""Seconds between a question's answer and what was going on."""

ANSWER, FILL = 15.0, 12.0
"""Seconds that an answer, and one thing that a host says of itself, may take."""

LOOK = 1.0
"""Seconds between two looks at the rules."""

QUIET = 6.0
"""Seconds between two things that a host says of itself in a gap."""

TECHNICIAN, NOTICE = "technician", "notice"
"""Where words come from that come again when they were broken off."""

KEPT = 512
"""Things handed out that are remembered: a few seconds of them."""

FASTER, SLOWER = 1.08, 0.92
"""Factors of the speed of a show that is sped up or slowed down."""


class Question(Protocol):
    """Something that the chat wants to know, or somebody who came or gave something (`avatar_engine.show.chat`)."""

    @property
    def text(self) -> str:
        """The question."""
        ...

    @property
    def language(self) -> str:
        """BCP 47 tag."""
        ...

    @property
    def authors(self) -> Sequence[str]:
        """Names of who asked that may be said aloud."""
        ...

    @property
    def count(self) -> int:
        """How many asked."""
        ...

    @property
    def product(self) -> str | None:
        """Id of the product that it is about."""
        ...

    @property
    def first(self) -> float:
        """When it was asked first, in seconds of the show."""
        ...

    @property
    def again(self) -> bool:
        """Whether it was answered a while ago."""
        ...

    @property
    def kind(self) -> str:
        """``answer``; ``greet`` and ``thank`` for people, whose ``text`` says what for."""
        ...


class Chat(Protocol):
    """Where questions wait."""

    def choose(self, now: float, busy: bool = False) -> Question | None:
        """The question that is worth most now, or people to greet or to thank."""
        ...

    def done(self, question: Any, how: str) -> None:
        """It was ``answered``, or is left ``unanswered`` or ``refused``."""
        ...


class Verdict(Protocol):
    """What the guard says of a sentence."""

    @property
    def text(self) -> str:
        """What may be said, with wrong figures put right."""
        ...

    @property
    def allowed(self) -> bool:
        """Whether it may be said."""
        ...


Check = Callable[[str, str, str, str], Verdict]
"""Text, language, product ("" for none) and origin of what is about to be said; what the guard says of it."""


class Hosts(Protocol):
    """Who finds words (`avatar_engine.show.host`)."""

    def reply(self, request: Request) -> Reply:
        """Sentences for a request."""
        ...

    def embedded(self, request: Request) -> Reply:
        """The embedded host's sentences, where none of another's may be said."""
        ...


@dataclass(frozen=True)
class Studio:
    """What a hosted show works with; the default is nothing of it.

    Attributes:
        slots: The values of a product's slots in a language, by product's id.
        chat: Where questions wait.
        hosts: Who answers them and fills gaps.
        check: The guard.
        audience: Figures for the rules, by their names.
        notice: The announcement that the images are virtual, by language; "" for none.
        tongue: The language of a text, where the script leaves it open (``language: auto``).
        journal: Told of everything that is decided.
        today: The time of day, for segments that begin at one.
        showcase: Shows the card of the product that is spoken of; None for no cards.
        scenes: What is on the picture; None for the cards alone.
        chats: How the chat's sources stand.
        close: Ends what it opened.
    """

    slots: Callable[[str, str], Mapping[str, str]] = lambda product, language: {}
    chat: Chat | None = None
    hosts: Hosts | None = None
    check: Check | None = None
    audience: Callable[[], Mapping[str, float]] = dict
    notice: Callable[[str], str] = lambda language: ""
    tongue: Callable[[str], str] = lambda text: ""
    journal: Callable[[Mapping[str, Any]], None] = lambda entry: None
    today: Callable[[], datetime] = datetime.now
    showcase: Showcase | None = None
    scenes: Scenes | None = None
    chats: Callable[[], tuple[Standing, ...]] = tuple
    close: Callable[[], None] = lambda: None


@dataclass(slots=True)
class _Walk:
    """A place in the script.

    Attributes:
        place: The next item, counted over all rounds.
        end: Where it ends; -1 for not before the script does.
        segment: That it is in.
        ends: When the segment may end.
        gap: That is open in it, and when it ends; a segment that is put in between does not wait for it.
    """

    place: int
    end: int = -1
    segment: Segment | None = None
    ends: float = 0.0
    gap: tuple[Gap, float] | None = None


@dataclass(slots=True)
class _Answer:
    """A reply that is being said: to a question, or in a gap."""

    reply: Reply
    request: Request
    question: Question | None = None
    said: int = 0
    refused: int = 0
    number: int = 0
    beside: bool = False
    """Whether it was asked for while something else is said, which goes on until it is there."""
    first: str | None = None
    """A sentence that was looked at already."""
    handed_over: bool = False
    """Whether the embedded host took over, because nothing of what was written may be said."""
    told: set[str] = field(default_factory=set)
    """What was said of it."""

    def next(self) -> str | None:
        """The next sentence, at once."""
        sentence, self.first = self.first, None
        return sentence or self.reply.poll()

    @property
    def ended(self) -> bool:
        return self.first is None and self.reply.ended

    @property
    def ready(self) -> bool:
        """Whether there is a sentence."""
        self.first = self.first or self.reply.poll()
        return self.first is not None

    @property
    def speechless(self) -> bool:
        """Whether all of it was refused, and the embedded host was not asked yet."""
        own = self.reply.by in OWN
        return bool(self.refused and not self.said and not self.handed_over and not own)

    def hand_over(self, hosts: Hosts) -> None:
        """The embedded host answers in another's place."""
        self.reply, self.handed_over = hosts.embedded(self.request), True

    @property
    def waits(self) -> bool:
        """Whether it waits for its first sentence, and nobody else does."""
        return self.beside and not self.said


@dataclass(frozen=True, slots=True)
class _Handed:
    """What was handed out.

    Attributes:
        item: It.
        place: Where in the script the show stood before.
        segment, product: Of the show then.
        line: That it is of; None where it is not the script's.
        inserted: Whether it is of a segment that was put in between.
        notes: What the journal tells of it besides.
    """

    item: Utterance | Pause
    place: int
    segment: str
    product: str
    line: Line | None
    inserted: bool
    notes: Mapping[str, Any]

    @property
    def then(self) -> int:
        """Where in the script the show stands after it."""
        return self.item.then if isinstance(self.item, Utterance) else self.place

    @property
    def scripted(self) -> bool:
        """Whether it is a line or a silence."""
        return self.line is not None or isinstance(self.item, Pause)

    @property
    def again(self) -> bool:
        """Whether it comes again when it was broken off: an answer ends."""
        if isinstance(self.item, Pause):
            return not isinstance(self.item, Beat)
        return self.line is not None or self.item.source in (TECHNICIAN, NOTICE)


class Producer:
    """A director of hosted shows (see `avatar_engine.show.director.Director`); asked from one thread, told by any.

    Args:
        script: The show.
        studio: What it works with.
        loop: Start again from the top after the last line, for ever.
        start: The item of the script to begin with, counted over all rounds.
        seed: Which wordings are taken.
        clock: Seconds of the show; what was planned so far when None, so that a rehearsal can be repeated exactly.
        heard: The item that comes after what was heard whole: where an interrupted show goes on.

    Attributes:
        generation: Rises when what was planned is no longer wanted.
        segment: Name of the segment that the last item handed out belongs to.
        product: Id of the product that is spoken of; "" for none.
        planned: Seconds of speech and silence handed out so far.
        microphone: Who speaks in place of the show; "" for nobody.
        audience: The newest figures of the audience, by name.
    """

    def __init__(
        self,
        script: Script,
        studio: Studio,
        *,
        loop: bool = False,
        start: int = 0,
        seed: int = 0,
        clock: Callable[[], float] | None = None,
        heard: Callable[[], int] | None = None,
    ) -> None:
        self.generation = 0
        self.segment = self.product = self.microphone = ""
        self.planned = 0.0
        self.audience: Mapping[str, float] = {}
        self._numbers, self._asks = count(1), count(1)  # of what is said, and of what hosts are asked
        self._notes: dict[
            int, dict[str, Any]
        ] = {}  # what the journal tells besides, by number, until it is said
        self._last = 0  # number of what was handed out last
        self._worded: set[int] = set()  # lines whose wordings the journal knows
        self._script, self._studio, self._loop, self._seed = script, studio, loop, seed
        self._clock = clock or (lambda: self.planned)
        self._heard = heard
        self._book = RuleBook(script.rules)
        self._lock = threading.RLock()
        length = max(1, len(script.items))
        self._ends = float("inf") if loop else (start // length + (start % length > 0 or not start)) * length
        self._walks = [self._walk_from(start)]
        self._orders: deque[Utterance] = deque()
        self._wanted: deque[Request] = deque()  # what rules ask the host for
        self._answer: _Answer | None = None
        self._handed: deque[_Handed] = deque(maxlen=KEPT)
        self._again: deque[_Handed] = deque()
        self._line_said: Line | None = None  # of what is being handed out
        self._pressed = False  # what is ready was told of
        self._spoke = False
        self._halted = self._muted = False
        self._looked = -LOOK
        self._notice = 0.0  # when the next announcement is due
        self._filled = -QUIET  # when the host last said something of itself
        self._back_in(self._walks[0])
        # Who asks before the first segment asks about what it will show.
        self.product = self.product or next((one.product for one in script.segments if one.product), "")

    @property
    def showcase(self) -> Showcase | None:
        """Shows the cards of products; None for none."""
        return self._studio.showcase

    @cached_property
    def scenes(self) -> Scenes:
        """What is on the picture besides the presenter."""
        return self._studio.scenes or Scenes(self._studio.showcase)

    def next(self) -> Utterance | Pause | None:
        """The next thing to say or the next silence; ``None`` when the show is over."""
        with self._lock:
            now = self._clock()
            if not self.microphone:
                self._look(now)
            self._line_said, place = None, self._place
            item, notes = self._next(now), dict[str, Any]()
            if isinstance(item, Pause):
                self._tell("rest", seconds=item.seconds)
                self.planned += item.seconds
            self._spoke = isinstance(item, Utterance)
            if isinstance(item, Utterance):
                if self._studio.showcase:
                    self._studio.showcase.plan(item.product)
                self._last = item.number
                notes = {"segment": self.segment} | self._notes.pop(item.number, {})
                self._tell(**journal.said(item), **notes)
            if item is not None:
                inserted = len(self._walks) > 1
                self._handed.append(
                    _Handed(item, place, self.segment, self.product, self._line_said, inserted, notes)
                )
            return item

    def _next(self, now: float) -> Utterance | Pause | None:
        if self.microphone:
            return Beat(BEAT)
        if self._spoke and self._script.pause and not self._goes_on():
            return Pause(self._script.pause)
        while True:
            if self._orders:
                self._pressed = False
                return replace(self._orders.popleft(), generation=self.generation, then=self._place)
            if self._halted:
                return Beat(BEAT)
            for source in (self._announced, self._answered, self._asked, self._said_again, self._filled_in):
                if item := source(now):
                    return item
            walked, item = self._walked(now)
            if item or walked:
                return item

    def _goes_on(self) -> bool:
        """Whether a paragraph goes on, as far as is known now."""
        if self._again:
            line = self._again[0].line
            return line is not None and line.goes_on
        walk, items = self._walks[-1], self._script.items
        if walk.gap or walk.place >= (walk.end if walk.end >= 0 else self._ends):
            return False
        item = items[walk.place % len(items)]
        return isinstance(item, Line) and item.goes_on

    @property
    def _place(self) -> int:
        """Where the show goes on if nothing more of it is heard."""
        return self._again[0].place if self._again else self._walks[0].place

    def told(self, seconds: float) -> None:
        """By the voice: what was handed out last is so long."""
        with self._lock:
            self.planned += seconds
            self._tell("spoke", number=self._last, seconds=round(seconds, 3))

    def went(self, number: int, begins: float, ends: float) -> None:
        """By whoever is on air: a sentence of the utterance of this number was heard from when to when."""
        self._studio.journal(
            {"event": "heard", "at": round(begins, 3), "until": round(ends, 3), "number": number}
        )

    def acts(self, action: str, number: int, frame: int) -> None:
        """By whoever is on air: a technician's action is called for, so many frames after the utterance of this number
        was first heard (0: after the show's beginning)."""
        self._tell("action", action=action, number=number, frame=frame)

    def wears(self, look: str, number: int, frame: int) -> None:
        """The same of a look that a technician asks for."""
        self._tell("look", look=look, number=number, frame=frame)

    def interrupt(self) -> int:
        """Start a new generation: what was handed out before is stale, and its lines come again. Returns it."""
        with self._lock:
            self.generation += 1
            self._spoke = self._pressed = False
            self._drop("interrupted")
            self._handed.clear()
            if self._heard:
                self._again.clear()
                self._walks = [self._walk_from(self._heard())]
                self._back_in(self._walks[0])
            return self.generation

    @property
    def chats(self) -> tuple[Standing, ...]:
        """How the chat's sources stand."""
        return self._studio.chats()

    # What a voice says of what was handed out, if it knows (`avatar_engine.live.voice_process.GivesWay`).

    def pressing(self) -> bool:
        """Whether something is ready that may come before what was handed out and not begun; told once.

        A technician's words are; so is an answer, for which the hosts are asked as soon as there is a question.
        """
        with self._lock:
            if self._pressed or self.microphone or self._halted or self.answering:
                return False
            if not self._orders:
                self._ask_beside(self._clock())
            ready = bool(self._orders) or (self._answer is not None and self._answer.ready)
            self._pressed = ready
            return ready

    def give_way(self, unheard: int) -> int:
        """Take back lines and silences of the script, of the last ``unheard`` things handed out; how many.

        What somebody else says is kept, and what comes before it.
        """
        with self._lock:
            count = 0
            while count < min(unheard, len(self._handed)) and self._handed[-1 - count].scripted:
                count += 1
            self._take_back(count)
            return count

    def break_off(self, unheard: int, cut: bool) -> int:
        """Start a new generation: the last ``unheard`` things handed out were not begun, and the one before them was
        ``cut``. Those that come again do so from their start; an answer ends. Returns the generation.
        """
        with self._lock:
            self.generation += 1
            self._pressed = False
            if self.answering:
                self._forget(unheard)
                self._drop("interrupted")
            self._take_back(unheard)
            if cut and self._handed and self._handed[-1].again:
                self._take_back(1)
            self._handed.clear()
            self._spoke = False
            return self.generation

    def _take_back(self, count: int) -> None:
        """The last ``count`` things handed out come again."""
        back = [self._handed.pop() for _ in range(min(count, len(self._handed)))][::-1]
        if not back:
            return
        numbers = [one.item.number for one in back if isinstance(one.item, Utterance)]
        self._tell("taken back", count=len(back), numbers=numbers)
        self._again.extendleft(one for one in reversed(back) if one.again)
        # The rest between two paragraphs is put there anew.
        while self._again and isinstance(pause := self._again[0].item, Pause) and not pause.line:
            self._again.popleft()
        if self._again:
            self._here(self._again[0])
        self._spoke = bool(self._handed) and isinstance(self._handed[-1].item, Utterance)

    def _here(self, one: _Handed) -> None:
        """The show is in its segment (again); a product that a technician chose meanwhile stays."""
        if one.segment != self.segment:
            self.segment, self.product = one.segment, one.product

    def _forget(self, unheard: int) -> None:
        """Of the answer that is being said the last ``unheard`` things handed out were not heard."""
        last = [self._handed[-1 - back] for back in range(min(unheard, len(self._handed)))]
        assert self._answer is not None  # noqa: S101 - for the type checker: callers looked
        self._answer.said -= sum(one.notes.get("answer") == self._answer.number for one in last)

    def _ask_beside(self, now: float) -> None:
        """Ask the hosts about a question while something else is said."""
        if self._answer or self._wanted or not self._studio.hosts:
            return
        if chosen := self._chosen(now):
            self._ask(*chosen, beside=True)

    # What a technician may do.

    def ordered(self, what: Mapping[str, Any]) -> None:
        """By the desk: somebody gave an order, and what became of it."""
        self._tell("order", **what)

    def held(self) -> threading.RLock:
        """A context in which nobody else asks or tells it anything."""
        return self._lock

    @property
    def answering(self) -> bool:
        """Whether an answer, or what the host says of itself, was begun."""
        return self._answer is not None and not self._answer.waits

    def say(self, text: str, language: str = "") -> None:
        """Say this next.

        Raises:
            AvatarError: There is nothing to say, or the guard forbids it.
        """
        with self._lock:
            tag = language or self._studio.tongue(text) or self._tag
            passed = self._passed(" ".join(text.split()), tag, TECHNICIAN, self.product)
            if not passed:
                raise AvatarError(f"{text!r} may not be said.", "Look at the show's journal for the reasons.")
            self._orders.append(self._utterance(passed, tag, TECHNICIAN, self._shown))

    def skip(self) -> None:
        """Leave out what is being said: the rest of an answer, of a gap or of a segment."""
        with self._lock:
            self._tell("skip")
            again = [one for one in self._again if one.line]
            self._again.clear()
            if self.answering:
                self._drop("skipped")
            elif again and not again[0].inserted:
                self._walks = [self._walk_from(self._after(again[0].then))]
            elif again:
                self._again.extend(one for one in again if not one.inserted)
                self._walks = self._walks[:1]
            elif self._walks[-1].gap:
                self._walks[-1].gap = None
            elif len(self._walks) > 1:
                self._walks.pop()
            else:
                self._walks[0].place = self._after(self._walks[0].place)

    def take_over(self, name: str) -> None:
        """Somebody else speaks until `give_back`: nothing is handed out, and chat and rules wait."""
        with self._lock:
            self.microphone = name
            self._tell("microphone", on=True, source=name)

    def give_back(self, seconds: float, why: str) -> None:
        """The show goes on; for ``seconds`` it stood still, and its gaps and segments last so much longer."""
        with self._lock:
            self._tell("microphone", on=False, source=self.microphone, seconds=round(seconds, 2), why=why)
            self.microphone = ""
            for walk in self._walks:
                walk.ends += seconds if walk.ends else 0.0
                walk.gap = walk.gap and (walk.gap[0], walk.gap[1] + seconds)

    def standing(self) -> str:
        """How the show stands, for a technician."""
        with self._lock:
            on = f"the microphone is on ({self.microphone})" if self.microphone else "the microphone is off"
            chat = "the chat is muted" if self._muted else "the chat is answered"
            paused = "paused, " if self._halted else ""
            return f"{self.segment or 'No segment'}: {paused}{on}, {chat}."

    def halt(self, on: bool = True) -> None:
        """Stay silent until further notice; a technician's own words are said."""
        with self._lock:
            self._tell("pause" if on else "resume")
            self._halted = on

    def mute(self, on: bool = True) -> None:
        """Answer the chat no more."""
        with self._lock:
            self._tell("mute chat" if on else "hear chat")
            self._muted = on

    def jump(self, name: str) -> str:
        """Go on with a segment; its name.

        Raises:
            AvatarError: There is none of this name.
        """
        with self._lock:
            place = self._find(name)
            self._drop("jumped")
            self._again.clear()
            here, length = self._walks[0].place, len(self._script.items)
            goal = max(0, here - 1) // length * length + place + 1
            if goal <= here:  # places only grow: what was heard is behind every place
                goal += length
                self._ends += length
            self._walks = [self._walk_from(goal)]
            self._tell("jump", segment=name)
            return self._enter(self._walks[0], self._clock())

    def speak_of(self, product: str) -> None:
        """The product that host and answers speak of, until the next segment; its card is shown at once.

        Raises:
            AvatarError: The catalogue has no such product.
        """
        with self._lock:
            if self._studio.showcase:
                self._studio.showcase.order(product)
            self._tell("product", product=product)
            self.product = product

    def show_cards(self, on: bool) -> None:
        """Show the cards of products, or none.

        Raises:
            AvatarError: The show has none.
        """
        if self._studio.showcase is None:
            raise AvatarError(
                "This show has no cards.", "Take `card: off` out of its script, and name a catalogue."
            )
        self._tell("cards on" if on else "cards off")
        self._studio.showcase.switch(on)

    def play(self, name: str, why: str) -> None:
        """Put a segment in between.

        Raises:
            AvatarError: There is none of this name.
        """
        with self._lock:
            place = self._find(name)
            if any(walk.place <= place < walk.end for walk in self._walks[1:]):
                return
            self._tell("segment", segment=name, why=why)
            round_ = self._walks[0].place // len(self._script.items) * len(self._script.items)
            begin = round_ + place + 1
            self._walks.append(replace(self._walk_from(begin), end=self._after(begin)))
            self._enter(self._walks[-1], self._clock())

    # Where the next thing comes from.

    def _look(self, now: float) -> None:
        """See what the audience does, and what follows from the rules."""
        if now < self._looked + LOOK:
            return
        self._looked = now
        self.audience = self._studio.audience()
        for decision in self._book.look(self.audience, now):
            self._tell("rule", action=decision.action, why=decision.why)
            log.info("%s", decision.why)
            if decision.ends or decision.action in rules.WHILE:
                continue
            if decision.action in rules.ONCE:
                kind = "greet" if decision.action == "greet" else "offer"
                request = Request(kind, "", self._tag, product=self.product, segment=self.segment)
                self._wanted.append(request)
            else:
                self.play(decision.action, decision.why)

    def _announced(self, now: float) -> Utterance | None:
        """The announcement that the images are virtual."""
        if now < self._notice or not (text := self._studio.notice(self._tag)):
            return None
        self._notice = now + self._script.notice if self._script.notice else float("inf")
        return self._utterance(text, self._tag, NOTICE, self._shown)

    def _answered(self, now: float) -> Utterance | Pause | None:
        """The next sentence of an answer that was begun."""
        while answer := self._answer:
            if answer.waits and not answer.ready and not answer.ended:
                return None
            if self._spoke and self._script.pause and not answer.said:
                return Pause(BREATH)
            sentence = answer.next()
            if sentence is None and not answer.ended:
                return Beat(BEAT)
            if sentence is None and answer.speechless and self._studio.hosts:
                self._tell("embedded", number=answer.number, by=answer.reply.by)
                answer.hand_over(self._studio.hosts)
                continue
            if sentence is None:
                how = "answered" if answer.said else "unanswered"
                self._drop(how)
                return Pause(BREATH) if answer.said else None
            request = answer.request
            origin = f"{request.kind}:{answer.reply.by}"
            passed = self._passed(sentence, request.language, origin, request.product)
            if passed in answer.told:
                continue  # the guard had the catalogue's own sentence for two of them
            if passed:
                self._pressed = False
                answer.said += 1
                answer.told.add(passed)
                about = request.product or self._shown  # thanks are about nothing, and take no card away
                return self._utterance(passed, request.language, origin, about, answer=answer.number)
            answer.refused += 1
        return None

    def _asked(self, now: float) -> Utterance | Pause | None:
        """Begin to answer what the chat, or a rule, wants."""
        if self._answer or not self._studio.hosts:
            return None
        if self._wanted:
            return self._begin(self._wanted.popleft(), now)
        chosen = self._chosen(now)
        return self._begin(chosen[0], now, chosen[1]) if chosen else None

    def _chosen(self, now: float) -> tuple[Request, Question | None] | None:
        """The question that is answered next; None in its place where people are greeted or thanked."""
        if self._muted or not self._studio.chat:
            return None
        gap = self._walks[-1].gap  # one that is over is none: a flood of questions must not make it longer
        question = self._studio.chat.choose(now, busy=gap is None or now >= gap[1])
        if question is None:
            return None
        if question.kind != "answer":
            self._studio.chat.done(question, "answered")
            people = Request(question.kind, question.text, self._tag, tuple(question.authors), question.count)
            return people, None
        language = question.language if question.language in self._languages else self._tag
        request = Request(
            "answer", question.text, language, tuple(question.authors), question.count,
            question.product or self.product, self.segment, ANSWER, question.again,
        )  # fmt: skip
        return request, question

    def _said_again(self, now: float) -> Utterance | Pause | None:
        """What was taken back, as far as it may still be said."""
        while self._again:
            one = self._again.popleft()
            self._here(one)
            if isinstance(one.item, Pause):
                return one.item
            said, product = one.item, one.item.product or one.product
            passed = self._passed(said.text, said.language, said.source, product)
            if passed and not (one.line and one.line.hard and passed != said.text):
                self._line_said = one.line
                number = next(self._numbers)  # what went out is told by number: it is not what was taken back
                self._notes[number] = {**one.notes, "again": said.number}
                return replace(said, text=passed, generation=self.generation, number=number)
        walk = self._walks[-1]
        if self.segment != (walk.segment.name if walk.segment else ""):
            self._back_in(walk)
        return None

    def _filled_in(self, now: float) -> Utterance | Pause | None:
        """What a gap is filled with."""
        walk = self._walks[-1]
        if walk.gap is None:
            return None
        gap, ends = walk.gap
        if now >= ends:
            walk.gap = None
            return None
        deep = "go deeper" in self._book.active
        free = self._studio.hosts and self._answer is None
        if free and (gap.host or deep) and now >= self._filled + QUIET:
            self._filled = now
            left = min(FILL, ends - now)
            request = Request(
                "fill", gap.about, self._tag, product=self.product, segment=self.segment, seconds=left
            )
            return self._begin(request, now)
        return Beat(min(BEAT, max(0.04, ends - now)))

    def _walked(self, now: float) -> tuple[bool, Utterance | Pause | None]:
        """The next item of the script; whether that was it (an item of None is the end), or to look again."""
        walk, items = self._walks[-1], self._script.items
        over = walk.place >= (walk.end if walk.end >= 0 else self._ends)
        item = None if over else items[walk.place % len(items)]
        if (over or isinstance(item, Segment)) and now < walk.ends:
            self._open(Gap(walk.ends - now, 0, host=True), now)
            walk.ends = now
            return False, None
        if over:
            if len(self._walks) == 1:
                return True, None
            self._walks.pop()
            self._back_in(self._walks[-1])
            return False, None
        if isinstance(item, Segment):
            return self._entered(walk, item, now)
        walk.place += 1
        if isinstance(item, Gap):
            self._open(item, now)
            return False, None
        if isinstance(item, Pause):
            return True, item
        line = self._line(item, walk) if isinstance(item, Line) else None
        return line is not None, line

    def _entered(self, walk: _Walk, segment: Segment, now: float) -> tuple[bool, Pause | None]:
        """Begin a segment, or wait for its time."""
        if segment.asked:
            walk.place = self._after(walk.place + 1)
            return False, None
        if segment.at and self._studio.today().time() < segment.at:
            if walk.gap is None:
                self._open(Gap(60.0, segment.line, host=True), now)
            return False, None
        walk.place, walk.segment = walk.place + 1, segment
        self._enter(walk, now)
        return False, None

    def _enter(self, walk: _Walk, now: float) -> str:
        """A segment begins; its name."""
        self._back_in(walk)
        walk.ends = now + walk.segment.seconds if walk.segment else 0.0
        self._tell("segment", segment=self.segment, product=self.product)
        return self.segment

    def _back_in(self, walk: _Walk) -> None:
        self.segment = walk.segment.name if walk.segment else ""
        self.product = walk.segment.product if walk.segment else ""

    def _walk_from(self, place: int) -> _Walk:
        """From any item on, in the segment that it belongs to."""
        items = self._script.items
        before = items[: place % len(items)] if items else ()
        return _Walk(place, segment=next((one for one in reversed(before) if isinstance(one, Segment)), None))

    def _line(self, line: Line, walk: _Walk) -> Utterance | None:
        """A line as it is worded and figured now; None where it may not be said."""
        turn = (walk.place - 1) // len(self._script.items)
        wording = worded((line.text, *line.others), self._seed, line.line, turn)
        text = wording.text
        self._tell_wordings(line)
        product = walk.segment.product if walk.segment else self.product
        tag = self._studio.tongue(text) or self._tag
        try:
            text = filled(text, self._studio.slots(product, tag))
        except KeyError as error:
            log.warning("line %d is left out: the catalogue has no %s of %r", line.line, error, product)
            self._tell("left out", source=f"script:{line.line}", why=f"no {error} of {product!r}")
            return None
        passed = self._passed(text, tag, f"script:{line.line}", product)
        if passed and line.hard and passed != text:
            log.error("line %d is a hard line and would have to be changed: it is left out", line.line)
            passed = ""
        if not passed:
            return None
        self._line_said = line
        chosen = {"choices": list(wording.choices)} if wording.choices else {}
        shown = walk.segment.product if walk.segment else ""
        said = self._utterance(
            passed,
            self._script.language,
            f"script:{line.line}",
            shown,
            line=line.line,
            wording=wording.which,
            **chosen,
        )
        return replace(said, look=line.look)

    def _tell_wordings(self, line: Line) -> None:
        """Once in a show: between what the line chooses."""
        texts = (line.text, *line.others)
        if line.line not in self._worded and (line.others or choices_of(line.text)):
            self._worded.add(line.line)
            self._tell("wordings", line=line.line, texts=list(texts))

    # What all of them share.

    @property
    def _tag(self) -> str:
        """The language of what nobody asked for: slots, announcements, gaps."""
        return self._languages[0]

    @property
    def _languages(self) -> tuple[str, ...]:
        return self._script.answers

    @property
    def _shown(self) -> str:
        """The product of the segment that is going on."""
        segment = self._walks[-1].segment
        return segment.product if segment else ""

    def _utterance(self, text: str, language: str, source: str, product: str, **notes: Any) -> Utterance:
        """What is said next, about a product or none; ``notes`` are what the journal tells of it besides."""
        active = self._book.active
        pace = (FASTER if "speed up" in active else 1.0) * (SLOWER if "slow down" in active else 1.0)
        controls: Controls = self._script.controls
        if pace != 1.0:
            low, high = CONTROL_LIMITS["speed"]
            controls = replace(controls, speed=min(high, max(low, controls.speed * pace)))
        number = next(self._numbers)
        if notes:
            self._notes[number] = notes
        return Utterance(text, language, controls, source, self.generation, self._place, product, number)

    def _passed(self, text: str, language: str, origin: str, product: str) -> str:
        """``text`` as the guard lets it pass; "" where it does not."""
        if not text:
            return ""
        if self._studio.check is None:
            return text
        verdict = self._studio.check(text, language, product, origin)
        if not verdict.allowed:
            self._tell("refused", text=text, source=origin)
            return ""
        return verdict.text

    def _begin(
        self, request: Request, now: float, question: Question | None = None
    ) -> Utterance | Pause | None:
        """Ask the hosts, and say their first sentence if it is there."""
        self._ask(request, question)
        return self._answered(now)

    def _ask(self, request: Request, question: Question | None, beside: bool = False) -> None:
        assert self._studio.hosts is not None  # noqa: S101 - for the type checker: callers looked
        number = next(self._asks)
        reply = self._studio.hosts.reply(request)
        self._answer = _Answer(reply, request, question, number=number, beside=beside)
        asked = {"asked": round(question.first, 3)} if question else {}
        self._tell(
            "ask", number=number, kind=request.kind, text=request.text, count=request.count,
            product=request.product, segment=self.segment, **asked,
        )  # fmt: skip

    def _drop(self, how: str) -> None:
        """Be done with an answer."""
        answer, self._answer, self._pressed = self._answer, None, False
        if answer is None:
            return
        answer.reply.drop()
        if answer.question is not None and self._studio.chat:
            done = "answered" if answer.said else "unanswered"
            self._studio.chat.done(answer.question, done)
            told = {"number": answer.number, "text": answer.request.text, "by": answer.reply.by, "how": how}
            if how == "unanswered":
                told["why"] = "refused by the guard" if answer.refused else "no answer came"
            self._tell(done, **told)

    def _open(self, gap: Gap, now: float) -> None:
        self._walks[-1].gap = gap, now + gap.seconds
        self._filled = -QUIET if gap.host else self._filled

    def _after(self, place: int) -> int:
        """The next segment from ``place`` on, counted over all rounds; the round's end where there is none."""
        items = self._script.items
        round_, at = divmod(place, len(items))
        following = (n for n in range(at, len(items)) if isinstance(items[n], Segment))
        return round_ * len(items) + next(following, len(items))

    def _find(self, name: str) -> int:
        for place, item in enumerate(self._script.items):
            if isinstance(item, Segment) and item.called(name):
                return place
        known = ", ".join(repr(segment.ident or segment.name) for segment in self._script.segments)
        raise AvatarError(f"There is no segment {name!r}.", f"Segments: {known or 'none'}.")

    def _tell(self, event: str, **what: Any) -> None:
        self._studio.journal({"event": event, "at": round(self._clock(), 3), **what})
