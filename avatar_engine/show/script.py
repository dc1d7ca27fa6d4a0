"""A show written as Markdown: what is said, in which order, with which pauses.

A paragraph is said; so is every item of a list. A heading names a segment. ``<!-- pause 2s -->`` waits, on its
own or inside a paragraph; every other HTML comment is a note to the author. How something is said stands in the text:
``[excited]`` until the next such tag or the paragraph's end, ``[pause 500ms]``, ``*emphasis*``, and the tags of SSML
(`avatar_engine.markup`).

A show that goes round and round need not sound the same twice: ``<!-- or -->`` between two paragraphs makes them two
wordings of one, ``{Hello|Good evening|Hi}`` does so with words, and ``{name}``, ``{price}``, ``{was}``, ``{saving}``
and ``{stock}`` are those of the segment's product at the moment at which they are said. A quotation (``>``) is a hard
line: it is said word for word, and never left out. ``<!-- chat 90s -->`` leaves so much time for answers
to the chat, ``<!-- host 2min: how it is cleaned -->`` for what the host finds to say. A heading may end in what holds
for its segment::

    ## The mug {#mug product=M-17 for=5min}     # its name for rules, its product, and how long it lasts at least
    ## Happy hour {at=20:00}                    # not before this time of day
    ## Flash offer {#flash_offer asked}         # only when a rule or a technician asks for it

The YAML front matter between two ``---`` lines sets what holds for the whole show::

    ---
    language: fr        # BCP 47, what is spoken and the language of the label (en); auto finds each sentence's
    speed: 1.0          # 0.5 to 2.0
    pitch: 0            # semitones, -4 to 4
    range: 1.0          # how wide the melody is, 0.4 to 1.6
    energy: 0           # dB, -12 to 6
    emotion: neutral    # or warm, excited, calm, serious
    label: top-right    # corner of the label: top-left, top-right, bottom-left, bottom-right
    pause: 400ms        # silence between two paragraphs
    use: live-shopping  # what the show is for; the presenter's consent must cover it
    expression: neutral # or happy, serious
    nods: on            # or off: the head dips on some of the stressed words
    look: blue-dress    # the look of the clone in which the show begins (avatar-engine look list)
    background: keep    # or blur, a colour ("#101828"), a picture, a video: what the presenter stands before; in a
                        # rehearsal into a .webm or .mov file transparent, too
    on_fault: repeat    # or skip: a sentence that a fault has cut is said again from its start, or left out
    catalogue: shop.csv # file or address of the products
    chat: [twitch:marie, inlet:8787]
    host: host.toml     # a language model that fills gaps and answers; without one the catalogue's answers do
    persona: Marie is warm, quick and honest.
    rules: ["when viewers > 1000 for 60s: flash_offer", "every 10min: repeat offer"]
    rivals: [Brand X]   # names that are never said
    notice: 15min       # how often viewers are told that its images are virtual, and that it sells; or once
    advertising: off    # or on: the label says that something is sold; with a catalogue it says so whatever stands here
    microphone: off     # or on: a technician may speak through the presenter's mouth (`avatar_engine.live.microphone`)
    card: left          # or right, off: where a product's card stands; or [left, card.svg, font.ttf]: how it looks
    layout: shopping    # a layout of the engine's, or a .toml file (`avatar_engine.stage.layout`); plain by default
    names: hidden       # or kept: how names of viewers are written into the journal
    ---

``<look blue-dress>`` at the beginning of a paragraph, or alone before one, says in which look of the clone it is said,
and all that follows until the next such mark; in a segment that is asked for it holds for that segment.

Every mistake in a script is reported at once, each with its line number.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import time
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from avatar_engine import markup
from avatar_engine.contracts import AS_FITTED, CONTROL_LIMITS, EXPRESSIONS, Controls
from avatar_engine.errors import AvatarError
from avatar_engine.show import rules
from avatar_engine.show.front_matter import (
    CONTROLS,
    NAMES,
    ON_FAULT,
    Mistakes,
    read_duration,
    read_front_matter,
)
from avatar_engine.show.paragraphs import sentences
from avatar_engine.show.rules import Rule
from avatar_engine.show.wording import SLOTS, choices_of, slots_of, verbatim

SPEEDS = CONTROL_LIMITS["speed"]
LOOK_REST = 0.6
"""Seconds of silence at least before a line that is said in another look: it changes while the mouth rests."""

NOTICE = 900.0
"""Seconds between two announcements that the images are virtual."""

_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_ATTRIBUTES = re.compile(r"\s*\{([^{}|]*)\}\s*$")
_MARKDOWN = MarkdownIt("commonmark").disable("text_join")  # so that ``\\[`` can be told from ``[``
_MARKS = {"em_open": "<emphasis>", "em_close": "</emphasis>",
          "strong_open": '<emphasis level="strong">', "strong_close": "</emphasis>",
          "softbreak": "\n", "hardbreak": "\n"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph or list item to be said.

    Attributes:
        text: With the marks of `avatar_engine.markup`, and the choices and slots of `avatar_engine.show.wording`.
        line: The script's line (from 1) that it starts on.
        hard: Whether it is said word for word, whatever happens.
        others: Other wordings of it.
        goes_on: Whether its paragraph goes on from the line before: nothing is between them.
        look: Name of the look in which it is said; "" for that which is worn already.
    """

    text: str
    line: int
    hard: bool = False
    others: tuple[str, ...] = ()
    goes_on: bool = False
    look: str = ""


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence of ``seconds``; ``line`` is 0 for a pause that the script does not spell out."""

    seconds: float
    line: int = 0


@dataclass(frozen=True, slots=True)
class Beat(Pause):
    """Silence while nothing is to be said: little of it is made ahead, so that an answer is not kept waiting."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A heading: what follows belongs to the segment. It is not said.

    Attributes:
        name: The heading's words.
        line: The script's line.
        ident: What rules and technicians call it; "" for its name.
        product: Id of the product that it is about; "" for none.
        seconds: How long it lasts at least; what is left of it belongs to chat and host.
        at: Time of day before which it does not begin.
        asked: Whether it is left out unless a rule or a technician asks for it.
    """

    name: str
    line: int
    ident: str = ""
    product: str = ""
    seconds: float = 0.0
    at: time | None = None
    asked: bool = False

    def called(self, name: str) -> bool:
        """Whether a rule or a technician means it by ``name``."""
        return name.casefold() in (self.ident.casefold(), self.name.casefold())


@dataclass(frozen=True, slots=True)
class Gap:
    """Time that the chat (and the host, where ``host``) may fill: ``seconds`` of it; ``about`` says with what."""

    seconds: float
    line: int
    host: bool = False
    about: str = ""


Item = Line | Pause | Segment | Gap


@dataclass(frozen=True, slots=True)
class Script:
    """A whole show.

    Attributes:
        items: What happens, in order.
        language: BCP 47 tag of what is said and of the label, or ``auto``.
        controls: How all of it is said where no mark asks for more.
        label: Corner of the label, one of `LABEL_POSITIONS`.
        pause: Seconds of silence between two paragraphs.
        use: What the show is for, as the presenter's consent names it.
        expression: The presenter's, one of `EXPRESSIONS`.
        nods: Whether the head dips on stressed words (`avatar_engine.stage.nods`).
        background: What the presenter stands before, as it is written; "" for as filmed.
        look: Name of the look of the clone in which it begins; "" for that in which the first line is said, or the one
            that the clone was made with.
        on_fault: What becomes of a sentence that a fault has cut, one of `ON_FAULT`.
        catalogue: File or address of the products; "" for none.
        chat: Where messages come from (`avatar_engine.show.chat`).
        host: File of a language model's settings; "" for none.
        persona: Who the host is, in words.
        rules: What fits the show to its audience.
        rivals: Names that are never said.
        names: Whether names of viewers are enciphered in the journal (``hidden``) or ``kept``.
        notice: Seconds between two announcements that the images are virtual; 0 for one at the beginning alone.
        among: Where the language is ``auto``, those that may be spoken, the main one first.
        microphone: Whether a technician may speak through the presenter's mouth.
        advertising: Whether the label says that it is advertising though there is no catalogue; see `sells`.
        card: Its side, its SVG and its fonts (`avatar_engine.stage.card.Look.of`).
        layout: Name or file of its layout (`avatar_engine.stage.layout`); "" for the plain one.
    """

    items: tuple[Item, ...]
    language: str = "en"
    controls: Controls = AS_FITTED
    label: str = "top-right"
    pause: float = 0.4
    use: str = "live-shopping"
    expression: str = EXPRESSIONS[0]
    nods: bool = True
    background: str = ""
    look: str = ""
    on_fault: str = ON_FAULT[0]
    catalogue: str = ""
    chat: tuple[str, ...] = ()
    host: str = ""
    persona: str = ""
    rules: tuple[Rule, ...] = ()
    rivals: tuple[str, ...] = ()
    notice: float = NOTICE
    microphone: bool = False
    advertising: bool = False
    card: tuple[str, ...] = ()
    layout: str = ""
    names: str = NAMES[0]
    among: tuple[str, ...] = ()

    @property
    def sells(self) -> bool:
        """Whether something is sold, which the label then says: always where there is a catalogue."""
        return self.advertising or bool(self.catalogue)

    @property
    def hosted(self) -> bool:
        """Whether more is said than what is written, or when it is said depends on more than its order."""
        asks = any(
            isinstance(item, Gap) or (isinstance(item, Segment) and (item.asked or item.at or item.seconds))
            for item in self.items
        )
        return bool(self.catalogue or self.chat or self.host or self.rules or asks)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """All of them, in order."""
        return tuple(item for item in self.items if isinstance(item, Segment))

    @property
    def answers(self) -> tuple[str, ...]:
        """The languages in which a host speaks, its own first: with ``auto`` those of the consent."""
        named = tuple(tag for tag in self.languages if tag.lower() != "auto")
        return tuple(dict.fromkeys((*self.among, *named))) if self.among else named or ("en",)

    @property
    def looks(self) -> tuple[str, ...]:
        """The looks that its lines name, in order."""
        named = (item.look for item in self.items if isinstance(item, Line) and item.look)
        return tuple(dict.fromkeys(named))

    @property
    def said_first_in(self) -> str:
        """The look that the line which is said first names; "" where it names none."""
        return next((item.look for item in _unasked(self.items)), "")

    def dressed(self, first: str) -> Script:
        """The same for a show that begins in the look ``first``: every line knows in which look it is said.

        So a show that jumps, goes round or is resumed is in the right one. Where no line names a look none does.
        """
        if not self.looks:
            return replace(self, look=first)
        worn, own, asked = first, "", False
        items: list[Item] = []
        for item in self.items:
            if isinstance(item, Segment):
                asked, own = item.asked, ""
            if isinstance(item, Line):
                worn, own = (worn, item.look or own) if asked else (item.look or worn, own)
                item = replace(item, look=own if asked else worn)
            items.append(item)
        return replace(self, items=tuple(items), look=first)

    @property
    def languages(self) -> tuple[str, ...]:
        """Every language that is spoken, the script's own first."""
        lines = (item for item in self.items if isinstance(item, Line))
        texts = (text for line in lines for text in (line.text, *line.others))
        parts = (part for text in texts for part in markup.read(text).parts)
        asked = (part.language for part in parts if isinstance(part, markup.Words) and part.language)
        return tuple(dict.fromkeys((self.language, *asked)))


def load(path: Path) -> Script:
    """Read the script at ``path``.

    Raises:
        AvatarError: It can't be read, or has mistakes: all of them are listed with their line numbers.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise AvatarError(f"There is no script {path}.", "Check the path.") from None
    except UnicodeDecodeError as error:
        raise AvatarError(
            f"The script {path} is not UTF-8 text (byte {error.start}).", "Save it as UTF-8."
        ) from None
    except OSError as error:
        raise AvatarError(f"The script {path} can't be read: {error.strerror}.", "Check the path.") from None
    return parse(text, str(path))


def parse(text: str, name: str = "script") -> Script:
    """Read a script from its text; ``name`` stands in the messages.

    Raises:
        AvatarError: There are mistakes: all of them are listed with their line numbers.
    """
    mistakes: Mistakes = []
    front, body, offset = _split(text, mistakes)
    settings = read_front_matter(front, mistakes)
    controls = Controls(**{name: settings.pop(name) for name in CONTROLS if name in settings})
    reader = _Reader(settings.get("language", "en"), mistakes)
    read_items = _joined(_attached(reader.items(_MARKDOWN.parse(body), offset), mistakes), mistakes)
    items = tuple(_rested(_looking(item, mistakes) for item in read_items))
    if not mistakes and not any(_unasked(items)):
        mistakes.append((1, "nothing is said: write at least one paragraph"))
    _check_slots(items, bool(settings.get("catalogue")), mistakes)
    read = Script(items, controls=controls, **settings)
    _check_rules(settings.get("rules", ()), items, mistakes)
    if mistakes:
        lines = "\n".join(f"  line {line}: {what}" for line, what in sorted(set(mistakes)))
        count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise AvatarError(f"{name} has {count}:\n{lines}", "Correct the script and start again.")
    return replace(read, items=tuple(_parted(items))) if read.hosted else read


def lines(paragraphs: Sequence[str]) -> tuple[Item, ...]:
    """Paragraphs that stand in no script as its items, with the looks that they name and the silences before these.

    Raises:
        AvatarError: A look is named where it can't change.
    """
    mistakes: Mistakes = []
    read_items = (item for number, text in enumerate(paragraphs, 1) for item in _line(text, number))
    items = tuple(
        _rested(_looking(item, mistakes) for item in _joined(_attached(read_items, mistakes), mistakes))
    )
    for number, what in mistakes:
        raise AvatarError(f"Paragraph {number}: {what}.", "An empty line ends a paragraph.")
    return items


def _attached(items: Iterator[Item | _Or | _Wear], mistakes: Mistakes) -> Iterator[Item | _Or]:
    """The items, a look that stands alone put into the line that follows it."""
    waiting: _Wear | None = None
    for item in items:
        if isinstance(item, _Wear):
            waiting = item
            continue
        if isinstance(item, Line) and waiting:
            item, waiting = replace(item, text=f"<look {waiting.look}> {item.text}"), None
        yield item
    if waiting:
        mistakes.append(
            (waiting.line, f"nothing is said in the look {waiting.look!r}: write a paragraph after it")
        )


def _looking(item: Item, mistakes: Mistakes) -> Item:
    """A line with the look that it names."""
    if not isinstance(item, Line):
        return item
    texts = (item.text, *item.others)
    if not all(map(markup.begins_with_look, texts)):
        mistakes.append(
            (item.line, "a look changes at a pause: write one <look ...> at the beginning of a paragraph")
        )
    return replace(item, look=next((look for text in texts for look in markup.looks(text)), ""))


def _rested(items: Iterable[Item]) -> Iterator[Item]:
    """The items, with a silence before every line that names a look."""
    said, rest = False, 0.0
    for item in items:
        if isinstance(item, Line) and item.look and said and rest < LOOK_REST:
            yield Pause(LOOK_REST - rest)
        rest = item.seconds if isinstance(item, Pause) else 0.0
        said = said or isinstance(item, Line)
        yield item


def _parted(items: Iterable[Item]) -> Iterator[Item]:
    """The items, with every paragraph that an answer may interrupt as its sentences.

    A hard line is one, and so is a paragraph with several wordings or choices: they are counted as one thing said.
    """
    for item in items:
        whole = isinstance(item, Line) and (item.hard or item.others or choices_of(item.text))
        if isinstance(item, Line) and not whole:
            for number, text in enumerate(sentences(item.text)):
                yield replace(item, text=text, goes_on=number > 0, look="" if number else item.look)
        else:
            yield item


def _joined(items: Iterator[Item | _Or], mistakes: Mistakes) -> Iterator[Item]:
    """The items, wordings of one line made one."""
    before: Item | None = None
    other: _Or | None = None
    for item in items:
        if isinstance(item, _Or):
            if other or not isinstance(before, Line):
                mistakes.append((item.line, "'or' stands between two paragraphs"))
            other = item
        elif other and isinstance(before, Line) and isinstance(item, Line):
            if before.hard or item.hard:
                mistakes.append((other.line, "a hard line has one wording"))
            before, other = replace(before, others=(*before.others, item.text)), None
        else:
            if other:
                mistakes.append((other.line, "'or' stands between two paragraphs"))
            if before:
                yield before
            before, other = item, None
    if other:
        mistakes.append((other.line, "'or' stands between two paragraphs"))
    if before:
        yield before


def _unasked(items: Sequence[Item]) -> Iterator[Line]:
    """What is said though nobody asks for it."""
    asked = False
    for item in items:
        asked = item.asked if isinstance(item, Segment) else asked
        if isinstance(item, Line) and not asked:
            yield item


def _check_slots(items: Sequence[Item], catalogue: bool, mistakes: Mistakes) -> None:
    """Every slot needs a product to be filled from."""
    product = ""
    for item in items:
        if isinstance(item, Segment):
            product = item.product
            if product and not catalogue:
                mistakes.append(
                    (item.line, f"the product {product!r} is in no catalogue: set catalogue: FILE")
                )
        elif isinstance(item, Line):
            for text in (item.text, *item.others):
                for slot in slots_of(text):
                    if slot not in SLOTS:
                        known = ", ".join(f"{{{name}}}" for name in SLOTS)
                        mistakes.append((item.line, f"{{{slot}}} is no slot; there are {known}"))
                    elif not product:
                        mistakes.append((item.line, f"{{{slot}}} needs a segment with {{product=...}}"))


def _check_rules(asked: Sequence[Rule], items: Sequence[Item], mistakes: Mistakes) -> None:
    segments = [item for item in items if isinstance(item, Segment)]
    for rule in asked:
        named = any(segment.called(rule.action) for segment in segments)
        if rule.action not in (*rules.WHILE, *rules.ONCE) and not named:
            known = ", ".join((*rules.WHILE, *rules.ONCE))
            mistakes.append((1, f"rules: {rule.action!r} is neither a segment nor one of {known}"))


def _split(text: str, mistakes: Mistakes) -> tuple[str, str, int]:
    """The front matter, the Markdown after it, and how many lines lie before the Markdown."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0].rstrip() != "---":
        return "", text, 0
    for end in range(1, len(lines)):
        if lines[end].rstrip() in ("---", "..."):
            return "\n".join(lines[1:end]), "\n".join(lines[end + 1 :]), end + 1
    mistakes.append((1, "the front matter has no end: close it with a line of three dashes"))
    return "", "", 0


@dataclass(frozen=True, slots=True)
class _Or:
    """What follows is another wording of what is before."""

    line: int


@dataclass(frozen=True, slots=True)
class _Wear:
    """What follows is said in another look."""

    look: str
    line: int


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the items of a script in ``language``; what can't be said goes to ``mistakes``, with its line."""

    language: str
    mistakes: Mistakes

    def items(self, tokens: Sequence[Token], offset: int) -> Iterator[Item | _Or | _Wear]:
        """Items in order."""
        depth = 0
        for item in self._read(tokens, offset):
            if isinstance(item, int):
                depth += item
            else:
                yield replace(item, hard=True) if depth and isinstance(item, Line) else item

    def _read(self, tokens: Sequence[Token], offset: int) -> Iterator[Item | _Or | _Wear | int]:
        """Items, and 1 and -1 where a quotation begins and ends."""
        heading = False
        for token in tokens:
            line = offset + (token.map[0] if token.map else 0) + 1
            if token.type in ("blockquote_open", "blockquote_close"):
                yield token.nesting
            elif token.type == "heading_open":
                heading = True
            elif token.type == "heading_close":
                heading = False
            elif token.type == "inline" and heading:
                yield self._segment(_plain(token.children or []), line)
            elif token.type == "inline":
                yield from self._paragraph(list(self._pieces(token.children or [], line)), line)
            elif token.type == "html_block":
                yield from self._paragraph(list(self._block(token.content, line)), line)
            elif token.type in ("fence", "code_block"):
                self.mistakes.append(
                    (line, "a code block can't be said: take out the fence or the indentation")
                )

    def _segment(self, words: str, line: int) -> Segment:
        """A heading with what holds for its segment."""
        found = _ATTRIBUTES.search(words)
        if not found:
            return Segment(words, line)
        read: dict[str, Any] = {}
        for part in found[1].split():
            key, sign, value = part.partition("=")
            try:
                name, setting = _ATTRIBUTE_READERS[
                    key if sign else "#" if key.startswith("#") else f"{key} "
                ](value or key)
                read[name] = setting
            except KeyError:
                known = "#name, product=ID, for=5min, at=20:00 and asked"
                self.mistakes.append((line, f"a segment has no {part!r}; there are {known}"))
            except ValueError as error:
                self.mistakes.append((line, f"{part!r} {error}"))
        return Segment(words[: found.start()], line, **read)

    def _pieces(self, tokens: Sequence[Token], line: int) -> Iterator[str | _Mark]:
        """A paragraph of Markdown as marked text, its line ends kept, and the pauses that comments ask for."""
        for token in tokens:
            text = _marked(token)
            comment = _COMMENT.fullmatch(text) if token.type == "html_inline" else None
            if comment:
                yield from self._comment(comment[1], line)
                text = "\n" * text.count("\n")
            line += text.count("\n")
            yield text

    def _block(self, content: str, line: int) -> Iterator[str | _Mark]:
        """A block of HTML: comments, words after them, and tags that say how something is said."""
        end = 0
        for comment in _COMMENT.finditer(content):
            yield self._tagged(content[end : comment.start()], line + content.count("\n", 0, end))
            yield from self._comment(comment[1], line + content.count("\n", 0, comment.start()))
            yield "\n" * comment[0].count("\n")
            end = comment.end()
        yield self._tagged(content[end:], line + content.count("\n", 0, end))

    def _tagged(self, content: str, line: int) -> str:
        """``content``, or its line ends alone where it holds what is neither a tag nor text."""
        stray = _STRAY.search(markup.unmarked(content))
        if not stray:
            return content
        line += content[: content.find(stray[0])].count("\n")
        if stray[0].startswith("<!--"):
            self.mistakes.append((line, "a comment has no end: close it with -->"))
        else:
            self.mistakes.append((line, f"HTML can't be said: {stray[0]!r}; write plain text"))
        return "\n" * content.count("\n")

    def _comment(self, content: str, line: int) -> Iterator[_Mark]:
        words = content.split(maxsplit=1)
        name = words[0].lower().rstrip(":") if words else ""
        rest = words[1].strip() if len(words) > 1 else ""
        if name == "or" and not rest:
            yield _Or(line)
        elif name in ("pause", "chat", "host"):
            length, _, about = rest.partition(":") if name == "host" else (rest, "", "")
            try:
                seconds = read_duration(length.strip())
                about = " ".join(about.split())
                yield Pause(seconds, line) if name == "pause" else Gap(seconds, line, name == "host", about)
            except ValueError as error:
                self.mistakes.append((line, f"{name}: {length.strip()!r} {error}"))

    def _paragraph(self, pieces: Sequence[str | _Mark], line: int) -> Iterator[Line | _Mark | _Wear]:
        """The marked text between the pauses; marks that are open at a pause hold on after it."""
        whole = "".join(piece for piece in pieces if isinstance(piece, str))
        for at, mistake in markup.read(whole, language=self.language).mistakes:
            self.mistakes.append((line + whole.count("\n", 0, at), mistake))
        text = carried = ""
        for piece in (*pieces, None):
            if isinstance(piece, str):
                text += piece
                continue
            start = line + text[: len(text) - len(text.lstrip())].count("\n")
            line += text.count("\n")
            said = carried + " ".join(text.split())
            carried = markup.read(said).open if piece else ""
            yield from _line(said, start)
            if piece:
                yield piece
            text = ""


def _line(said: str, line: int) -> Iterator[Line | Pause | _Wear]:
    """Marked text as a line; as a pause where it asks for silence alone, and as a look where it names one alone."""
    parts = markup.read(said).parts
    if any(isinstance(part, markup.Words) and not part.text.isspace() for part in parts):
        yield Line(said, line)
        return
    seconds = sum(part.seconds or 0.0 for part in parts if isinstance(part, markup.Break))
    if seconds:
        yield Pause(seconds, line)
    if look := next(iter(markup.looks(said)), ""):
        yield _Wear(look, line)


_Mark = Pause | Gap | _Or
"""What a comment asks for."""


def _time_of_day(value: str) -> time:
    found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", value)
    if not found:
        raise ValueError("is no time of day such as 20:00")
    return time(int(found[1]), int(found[2]))


_ATTRIBUTE_READERS: Mapping[str, Any] = {
    "#": lambda value: ("ident", value[1:]),
    "product": lambda value: ("product", value),
    "for": lambda value: ("seconds", read_duration(value, 86_400.0)),
    "at": lambda value: ("at", _time_of_day(value)),
    "asked ": lambda value: ("asked", True),
}
"""By key; a word that stands alone has a blank after it."""


_STRAY = re.compile(r"<!--|</?[A-Za-z!?][^<\n]*")


def _marked(token: Token) -> str:
    """An inline token as marked text: what the author wrote as text or code is never a mark."""
    if token.type == "text_special":
        return "".join(f"&#{ord(letter)};" if letter in "[]<*&{|}" else letter for letter in token.content)
    if token.type == "code_inline":
        return verbatim(markup.literal(token.content))
    if token.type == "image":
        return verbatim(markup.literal(_plain(token.children or [])))
    if token.type in ("text", "html_inline"):
        return token.content
    return _MARKS.get(token.type, "")


def _plain(tokens: Sequence[Token]) -> str:
    """The words of inline tokens: emphasis, links and code without their marks, images by their description."""
    parts: list[str] = []
    for token in tokens:
        if token.type in ("text", "text_special", "code_inline"):
            parts.append(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif token.type == "image":
            parts.append(_plain(token.children or []))
    return " ".join("".join(parts).split())
