"""Words on plates: texts, lower thirds, lines of the chat, a user's own template, and the face of a countdown."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

import numpy as np

from avatar_engine.contracts import FloatArray
from avatar_engine.stage import template as templates
from avatar_engine.stage.pen import Pen
from avatar_engine.stage.placing import ANCHORS
from avatar_engine.stage.sheet import Sheet
from avatar_engine.stage.typeface import Typeface

LEADING = 1.28
"""Height of a line by the size of its letters."""

PAD, SIDE_PAD = 0.42, 0.7
"""Free above and below, and on the sides, by the size of the first row's letters."""

Texts = tuple[str, ...]
"""What stands in the rows of a plate, from the top."""


@dataclass(frozen=True, slots=True)
class Ink:
    """The colours of a plate, ``#rrggbb``, and how dense it is."""

    paper: str = "#14161b"
    words: str = "#ffffff"
    quiet: str = "#c9ced6"
    accent: str = "#ff6b4a"
    opacity: float = 0.84


@dataclass(frozen=True, slots=True)
class Row:
    """Lines of one size.

    Attributes:
        size: Of the letters in pixels.
        lines: How many at most.
        quiet: Whether it stands back.
    """

    size: float
    lines: int = 1
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Hand:
    """With what words are drawn: the process, the fonts, the language."""

    pen: Pen
    face: Typeface
    language: str = "en"

    def draw(self, svg: str, size: tuple[int, int], text: str) -> FloatArray:
        """An SVG in which this text stands, as float32 RGBA, colours multiplied by alpha.

        Raises:
            ValueError: It can't be drawn.
        """
        return self.pen.draw(svg, size, self.face.files(text), self.face.family, self.language)


class Plate:
    """Draws rows of words on a plate that is as large as they are.

    Args:
        hand: What draws.
        rows: From the top.
        width: Of the plate at most, in pixels.
        anchor: Where in its room the plate stands; one of `ANCHORS`.
        ink: Its colours.
        bar: Whether a bar in the accent's colour stands where lines begin.
    """

    def __init__(
        self, hand: Hand, rows: Sequence[Row], width: float, anchor: str, ink: Ink, bar: bool = False
    ) -> None:
        self._hand, self._rows, self._ink, self._bar = hand, tuple(rows), ink, bar
        self._anchor = ANCHORS[anchor]
        first = rows[0].size
        self._pad, self._side = PAD * first, SIDE_PAD * first
        tall = sum(row.lines * row.size * LEADING for row in rows) + 2 * self._pad
        self.size = _even_up(width), _even_up(tall)

    def draw(self, texts: Texts) -> Sheet:
        """The plate with these texts, one a row.

        Raises:
            ValueError: It can't be drawn.
        """
        return Sheet.of(self.drawing(texts))

    def drawing(self, texts: Texts) -> FloatArray:
        """The same as float32 RGBA, colours multiplied by alpha."""
        face = self._hand.face
        texts = tuple(face.drawable(text) for text in texts)
        backwards = runs_back(next((text for text in texts if text), ""))
        bar = 0.28 * self._rows[0].size if self._bar else 0.0
        room = self.size[0] - 2 * self._side - bar
        lines = [
            (line, row)
            for row, text in zip(self._rows, texts, strict=True)
            if text
            for line in face.lines(text, room, row.size, row.lines)[0]
        ]
        wide = max((face.width(line, row.size) for line, row in lines), default=0.0) + 2 * self._side + bar
        tall = sum(row.size * LEADING for _, row in lines) + 2 * self._pad
        left, top = (self.size[0] - wide) * self._anchor[0], (self.size[1] - tall) * self._anchor[1]
        ink, first = self._ink, self._rows[0].size
        parts = [
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{tall:.1f}" rx="{0.24 * first:.1f}" '
            f'fill="{ink.paper}" fill-opacity="{ink.opacity}"/>'
        ]
        if bar:
            at = left + wide - 1.6 * bar if backwards else left + 0.6 * bar
            parts.append(
                f'<rect x="{at:.1f}" y="{top + self._pad:.1f}" width="{bar:.1f}" height="{tall - 2 * self._pad:.1f}" '
                f'rx="{bar / 2:.1f}" fill="{ink.accent}"/>'
            )
        start = left + wide - self._side - bar if backwards else left + self._side + bar
        down = top + self._pad
        for line, row in lines:
            parts.append(
                _text(
                    line,
                    start,
                    down + row.size * 0.98,
                    row.size,
                    ink.quiet if row.quiet else ink.words,
                    backwards,
                )
            )
            down += row.size * LEADING
        return self._hand.draw(_svg(self.size, parts, self._hand), self.size, "".join(texts))


class Own:
    """Draws a user's SVG with its slots filled.

    Args:
        hand: What draws.
        svg: As `avatar_engine.stage.template.read` let it through.
        width: In pixels.
        names: Of the slots, in the order in which their texts come.
    """

    def __init__(self, hand: Hand, svg: str, width: float, names: Sequence[str]) -> None:
        self._hand, self._svg, self._names = hand, svg, tuple(names)
        over, high = templates.aspect(templates.parsed(svg))
        self.size = _even_up(width), _even_up(width * high / over)

    def draw(self, texts: Texts) -> Sheet:
        """It with these texts.

        Raises:
            ValueError: It can't be drawn.
        """
        face = self._hand.face
        values = {name: face.drawable(text) for name, text in zip(self._names, texts, strict=True)}
        root = templates.filled(self._svg, values, face)
        written = "".join(root.itertext())  # what stands in the template itself needs its fonts, too
        return Sheet.of(self._hand.draw(templates.sized(root, self.size), self.size, written))


class Clockface:
    """Draws a plate with a caption and the room for digits, and the digits once.

    A second costs the copy of as many cells as changed. What is shown is ``(caption, how many digits)``.

    Args:
        hand: What draws.
        size: Of the digits in pixels.
        width: Of the plate at most.
        anchor: Where in its room the plate stands; one of `ANCHORS`.
        ink: Its colours.
    """

    SIGNS = "0123456789:"

    def __init__(self, hand: Hand, size: float, width: float, anchor: str, ink: Ink) -> None:
        self._hand, self._digit, self._ink = hand, size, ink
        self._anchor = ANCHORS[anchor]
        self._small, self._pad = 0.42 * size, 0.3 * size
        self._cell = _even_up(max(hand.face.width(sign, size) for sign in self.SIGNS[:10]) * 1.04)
        self._tall = _even_up(size * 1.08)
        least = 8 * self._cell + 2 * self._pad
        self.size = _even_up(max(least, width)), _even_up(self._tall + self._small * LEADING + 2 * self._pad)

    def draw(self, content: tuple[str, int]) -> Ticking:
        """The plate, before any time is set.

        Raises:
            ValueError: It can't be drawn.
        """
        caption, count = self._hand.face.drawable(content[0]), content[1]
        caption = self._hand.face.lines(caption, self.size[0] - 2 * self._pad, self._small, 1)[0][0]
        head = self._small * LEADING if caption else 0.0
        digits = count * self._cell
        wide = max(digits, self._hand.face.width(caption, self._small)) + 2 * self._pad
        tall = self._tall + head + 2 * self._pad
        left, top = (self.size[0] - wide) * self._anchor[0], (self.size[1] - tall) * self._anchor[1]
        ink, middle = self._ink, left + wide / 2
        plate = (
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{tall:.1f}" rx="{self._pad:.1f}" '
            f'fill="{ink.paper}" fill-opacity="{ink.opacity}"/>'
        )
        words = _text(
            caption, middle, top + self._pad + self._small * 0.95, self._small, ink.quiet, middle=True
        )
        drawn = self._hand.draw(_svg(self.size, [plate, words], self._hand), self.size, caption)
        place = (int(middle - digits / 2) // 2 * 2, int(top + self._pad + head) // 2 * 2)
        return Ticking(Sheet.of(drawn), self._cells(), place, self._cell, count)

    def _cells(self) -> Mapping[str, Sheet]:
        """Every sign on its piece of the plate."""
        size = self._cell * len(self.SIGNS), self._tall
        ink = self._ink
        ground = (
            f'<rect width="{size[0]}" height="{size[1]}" fill="{ink.paper}" fill-opacity="{ink.opacity}"/>'
        )
        signs = [
            _text(sign, (at + 0.5) * self._cell, self._digit * 0.88, self._digit, ink.words, middle=True)
            for at, sign in enumerate(self.SIGNS)
        ]
        whole = Sheet.of(self._hand.draw(_svg(size, [ground, *signs], self._hand), size, self.SIGNS))
        return {
            sign: whole.part(at * self._cell, 0, self._cell, self._tall) for at, sign in enumerate(self.SIGNS)
        }


class Ticking(Sheet):
    """A countdown's plate whose digits are put in.

    Args:
        plate: Without digits.
        cells: A sheet of one size for every sign.
        place: Left and top of the first digit, even.
        step: Pixels from a digit to the next, even.
        count: How many signs have room.
    """

    __slots__ = ("_cells", "_place", "_set", "_step")

    def __init__(
        self, plate: Sheet, cells: Mapping[str, Sheet], place: tuple[int, int], step: int, count: int
    ) -> None:
        super().__init__(plate.keep, plate.add, plate.box)
        self._cells, self._place, self._step, self._set = cells, place, step, " " * count

    def tell(self, time: str) -> None:
        """Show these signs; only those that changed are copied. Of another length they belong to the next plate."""
        if len(time) != len(self._set):
            return
        for at, (old, new) in enumerate(zip(self._set, time, strict=True)):
            if old != new:
                self.patch(self._cells[new], self._place[0] + at * self._step, self._place[1])
        self._set = time


def told(seconds: int) -> str:
    """Seconds as ``mm:ss``, from an hour on as ``h:mm:ss``."""
    minutes, rest = divmod(max(0, seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{min(hours, 99)}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def runs_back(text: str) -> bool:
    """Whether a text begins in letters that are written from the right."""
    for letter in text:
        way = unicodedata.bidirectional(letter)
        if way in ("R", "AL", "L"):
            return way != "L"
    return False


def _text(
    text: str, x: float, y: float, size: float, fill: str, backwards: bool = False, middle: bool = False
) -> str:
    if not text:
        return ""
    anchor = "middle" if middle else "end" if backwards else "start"
    shown = f"\u202b{text}\u202c" if runs_back(text) else text  # so that it is ordered from the right
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:.1f}" fill="{fill}" text-anchor="{anchor}">'
        f"{escape(shown)}</text>"
    )


def _svg(size: tuple[int, int], parts: Sequence[str], hand: Hand) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}">'
        f'<g font-family="{escape(hand.face.family)}" font-weight="700" xml:lang="{escape(hand.language)}">'
        f"{''.join(parts)}</g></svg>"
    )


def _even_up(pixels: float) -> int:
    return max(2, int(np.ceil(pixels / 2)) * 2)
