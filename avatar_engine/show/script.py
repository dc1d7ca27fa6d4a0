"""A show written as Markdown: what is said, in which order, with which pauses.

A paragraph is said; so is every item of a list. A heading names a segment. ``<!-- pause 2s -->`` waits, on its
own or inside a paragraph; every other HTML comment is a note to the author. How something is said stands in the text:
``[excited]`` until the next such tag or the paragraph's end, ``[pause 500ms]``, ``*emphasis*``, and the tags of SSML
(`avatar_engine.markup`). The YAML front matter between two ``---`` lines sets what holds for the whole show::

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
    on_fault: repeat    # or skip: a sentence that a fault has cut is said again from its start, or left out
    ---

Every mistake in a script is reported at once, each with its line number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from avatar_engine import markup
from avatar_engine.contracts import AS_FITTED, CONTROL_LIMITS, EMOTIONS, EXPRESSIONS, Controls
from avatar_engine.errors import AvatarError
from avatar_engine.trust.consent import USES

ON_FAULT = ("repeat", "skip")
"""What may become of a sentence that a fault has cut."""

LABEL_POSITIONS = ("top-left", "top-right", "bottom-left", "bottom-right")
SPEEDS = CONTROL_LIMITS["speed"]
LONGEST_PAUSE = 3600.0

_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min)")
_UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0}
_LANGUAGE = re.compile(r"auto|[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_MARKDOWN = MarkdownIt("commonmark").disable("text_join")  # so that ``\\[`` can be told from ``[``
_MARKS = {"em_open": "<emphasis>", "em_close": "</emphasis>",
          "strong_open": '<emphasis level="strong">', "strong_close": "</emphasis>",
          "softbreak": "\n", "hardbreak": "\n"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph or list item to be said: text with the marks of `avatar_engine.markup`, and the script's line
    (from 1) that it starts on."""

    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence of ``seconds``; ``line`` is 0 for a pause that the script does not spell out."""

    seconds: float
    line: int = 0


@dataclass(frozen=True, slots=True)
class Segment:
    """A heading: what follows belongs to the segment ``name``. It is not said."""

    name: str
    line: int


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
        on_fault: What becomes of a sentence that a fault has cut, one of `ON_FAULT`.
    """

    items: tuple[Line | Pause | Segment, ...]
    language: str = "en"
    controls: Controls = AS_FITTED
    label: str = "top-right"
    pause: float = 0.4
    use: str = "live-shopping"
    expression: str = EXPRESSIONS[0]
    on_fault: str = ON_FAULT[0]

    @property
    def languages(self) -> tuple[str, ...]:
        """Every language that is spoken, the script's own first."""
        texts = (item.text for item in self.items if isinstance(item, Line))
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
    mistakes: list[tuple[int, str]] = []
    front, body, offset = _split(text, mistakes)
    settings = _settings(front, mistakes)
    controls = Controls(**{name: settings.pop(name) for name in _CONTROLS if name in settings})
    reader = _Reader(settings.get("language", "en"), mistakes)
    items = tuple(reader.items(_MARKDOWN.parse(body), offset))
    if not mistakes and not any(isinstance(item, Line) for item in items):
        mistakes.append((1, "nothing is said: write at least one paragraph"))
    if mistakes:
        lines = "\n".join(f"  line {line}: {what}" for line, what in sorted(set(mistakes)))
        count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        raise AvatarError(f"{name} has {count}:\n{lines}", "Correct the script and start again.")
    return Script(items, controls=controls, **settings)


def _split(text: str, mistakes: list[tuple[int, str]]) -> tuple[str, str, int]:
    """The front matter, the Markdown after it, and how many lines lie before the Markdown."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0].rstrip() != "---":
        return "", text, 0
    for end in range(1, len(lines)):
        if lines[end].rstrip() in ("---", "..."):
            return "\n".join(lines[1:end]), "\n".join(lines[end + 1 :]), end + 1
    mistakes.append((1, "the front matter has no end: close it with a line of three dashes"))
    return "", "", 0


def _settings(front: str, mistakes: list[tuple[int, str]]) -> dict[str, Any]:
    """What the front matter sets: fields of `Script` by name."""
    try:
        root = yaml.compose(front, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1
        mistakes.append((line, f"the front matter is not YAML: {error.problem}"))
        return {}
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        mistakes.append((2, "the front matter must be lines of the form 'key: value'"))
        return {}
    read: dict[str, Any] = {}
    for key_node, value_node in root.value:
        line, key = key_node.start_mark.line + 2, str(key_node.value)
        if key not in _READERS:
            mistakes.append((line, f"unknown key {key!r}; known keys are {', '.join(_READERS)}"))
        elif key in read:
            mistakes.append((line, f"the key {key!r} is there twice"))
        else:
            value = value_node.value if isinstance(value_node, yaml.ScalarNode) else "a list or table"
            try:
                read[key] = _READERS[key](str(value).strip())
            except ValueError as error:
                mistakes.append((line, f"{key}: {value!r} {error}"))
    return read


def _read_language(value: str) -> str:
    if not _LANGUAGE.fullmatch(value):
        raise ValueError("is no language tag such as en, fr or pt-BR, nor auto")
    return value


def _read_control(name: str, unit: str, value: str) -> float:
    low, high = CONTROL_LIMITS[name]
    try:
        number = float(value.lower().removesuffix(unit))
    except ValueError:
        number = float("nan")
    if not low <= number <= high:
        raise ValueError(f"is no {name} from {low:g} to {high:g}")
    return number


def _read_emotion(value: str) -> str:
    if value not in EMOTIONS:
        raise ValueError(f"is no emotion; choose one of {', '.join(EMOTIONS)}")
    return value


def _read_label(value: str) -> str:
    if value not in LABEL_POSITIONS:
        raise ValueError(f"is no corner; choose one of {', '.join(LABEL_POSITIONS)}")
    return value


def _read_expression(value: str) -> str:
    if value not in EXPRESSIONS:
        raise ValueError(f"is no expression; choose one of {', '.join(EXPRESSIONS)}")
    return value


def _read_on_fault(value: str) -> str:
    if value not in ON_FAULT:
        raise ValueError(f"is no way to go on after a fault; choose one of {', '.join(ON_FAULT)}")
    return value


def _read_use(value: str) -> str:
    if value not in USES:
        raise ValueError(f"is no known use; choose one of {', '.join(USES)}")
    return value


def _read_duration(value: str) -> float:
    found = _DURATION.fullmatch(value)
    if not found or (seconds := float(found[1]) * _UNITS[found[2]]) > LONGEST_PAUSE:
        raise ValueError("is no time such as 400ms, 2s or 1min (an hour at most)")
    return seconds


_READERS: dict[str, Callable[[str], str | float]] = {
    "language": _read_language,
    "speed": partial(_read_control, "speed", ""),
    "pitch": partial(_read_control, "pitch", "st"),
    "range": partial(_read_control, "range", ""),
    "energy": partial(_read_control, "energy", "db"),
    "emotion": _read_emotion,
    "label": _read_label,
    "pause": _read_duration,
    "use": _read_use,
    "expression": _read_expression,
    "on_fault": _read_on_fault,
}

_CONTROLS = (*CONTROL_LIMITS, "emotion")


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the items of a script in ``language``; what can't be said goes to ``mistakes``, with its line."""

    language: str
    mistakes: list[tuple[int, str]]

    def items(self, tokens: Sequence[Token], offset: int) -> Iterator[Line | Pause | Segment]:
        heading = False
        for token in tokens:
            line = offset + (token.map[0] if token.map else 0) + 1
            if token.type == "heading_open":
                heading = True
            elif token.type == "heading_close":
                heading = False
            elif token.type == "inline" and heading:
                yield Segment(_plain(token.children or []), line)
            elif token.type == "inline":
                yield from self._paragraph(list(self._pieces(token.children or [], line)), line)
            elif token.type == "html_block":
                yield from self._paragraph(list(self._block(token.content, line)), line)
            elif token.type in ("fence", "code_block"):
                self.mistakes.append(
                    (line, "a code block can't be said: take out the fence or the indentation")
                )

    def _pieces(self, tokens: Sequence[Token], line: int) -> Iterator[str | Pause]:
        """A paragraph of Markdown as marked text, its line ends kept, and the pauses that comments ask for."""
        for token in tokens:
            text = _marked(token)
            comment = _COMMENT.fullmatch(text) if token.type == "html_inline" else None
            if comment:
                yield from self._comment(comment[1], line)
                text = "\n" * text.count("\n")
            line += text.count("\n")
            yield text

    def _block(self, content: str, line: int) -> Iterator[str | Pause]:
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

    def _comment(self, content: str, line: int) -> Iterator[Pause]:
        words = content.split(maxsplit=1)
        if not words or words[0].lower().rstrip(":") != "pause":
            return
        length = words[1].strip() if len(words) > 1 else ""
        try:
            yield Pause(_read_duration(length), line)
        except ValueError as error:
            self.mistakes.append((line, f"pause: {length!r} {error}"))

    def _paragraph(self, pieces: Sequence[str | Pause], line: int) -> Iterator[Line | Pause]:
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


def _line(said: str, line: int) -> Iterator[Line | Pause]:
    """Marked text as a line; as a pause where it asks for silence alone."""
    parts = markup.read(said).parts
    if any(isinstance(part, markup.Words) and not part.text.isspace() for part in parts):
        yield Line(said, line)
        return
    seconds = sum(part.seconds or 0.0 for part in parts if isinstance(part, markup.Break))
    if seconds:
        yield Pause(seconds, line)


_STRAY = re.compile(r"<!--|</?[A-Za-z!?][^<\n]*")


def _marked(token: Token) -> str:
    """An inline token as marked text: what the author wrote as text or code is never a mark."""
    if token.type == "text_special":
        return "".join(f"&#{ord(letter)};" if letter in "[]<*&" else letter for letter in token.content)
    if token.type == "code_inline":
        return markup.literal(token.content)
    if token.type == "image":
        return markup.literal(_plain(token.children or []))
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
