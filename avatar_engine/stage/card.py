"""The card of a product: picture, name, price, crossed-out price, saving, and how few are left.

It is an SVG picture, drawn once when it changes, by resvg: which shapes every script, and breaks no line by itself, so
that lines are measured here. A user's own SVG takes its place where the show names one: elements whose ``id`` is
``name``, ``price``, ``was``, ``saving``, ``left`` (texts) or ``picture`` (an image) are filled, or hidden where there
is nothing for them; a text with ``data-width`` gets smaller letters where it would be wider than that.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import cv2
import numpy as np

from avatar_engine.contracts import Card, FloatArray
from avatar_engine.stage import image
from avatar_engine.stage import template as templates
from avatar_engine.stage.card_words import runs_back, texts_of
from avatar_engine.stage.pen import Pen
from avatar_engine.stage.placing import SIDES
from avatar_engine.stage.sheet import Sheet
from avatar_engine.stage.typeface import KINDS, Typeface

OFF = "off"
"""What `Look.of` takes for the side, and for no card at all."""

SHADE = np.float32(0.38)
"""How dark the shadow is."""

_FROM_RIGHT = ("ar", "fa", "he", "ur")
_INK, _QUIET, _ACCENT, _ALARM, _PAPER, _TILE = (
    "#16181d",
    "#6b7078",
    "#c4122f",
    "#8a4b00",
    "#ffffff",
    "#f1f2f4",
)
_NAMES = ("name", "price", "was", "saving", "left")


@dataclass(frozen=True, slots=True)
class Look:
    """How a show's cards look.

    Attributes:
        side: One of `SIDES`; "" for that away from the face.
        template: An SVG of the user's, as text; "" for the engine's own.
        fonts: Font files of the user.
    """

    side: str = ""
    template: str = ""
    fonts: tuple[Path, ...] = ()

    @classmethod
    def of(cls, entries: Sequence[str], folder: Path) -> Look | None:
        """The look that a script asks for by a side, an SVG file and font files, in any order; None for no cards.

        Raises:
            AvatarError: A file can't be read, or is no SVG and no font.
        """
        if OFF in entries:
            return None
        side, template, fonts = "", "", []
        for entry in entries:
            path = folder / entry
            if entry in SIDES:
                side = entry
            elif path.suffix.lower() in KINDS:
                fonts.append(path)
            elif path.suffix.lower() == ".svg":
                template = templates.read(path)
        look = cls(side, template, tuple(fonts))
        Typeface(look.fonts)
        return look


class Draughtsman:
    """Draws cards of one size.

    Args:
        look: How they look.
        size: Width and height of the show's picture.
        pen: What draws.

    Attributes:
        size: Width and height of the drawn cards in pixels, both even; the shadow is part of it.
        side: At which of `SIDES` one stands that needs less than its width.
        shade: Pixels of the shadow on every side.

    Raises:
        AvatarError: A font is missing.
    """

    def __init__(self, look: Look, size: tuple[int, int], pen: Pen) -> None:
        self._pen, self.side = pen, SIDES[0]
        self._look, self._face = look, Typeface(look.fonts)
        width, height = size
        unit = min(size) / 720
        self.shade = max(2, round(12 * unit / 2) * 2)
        wide, tall = _shape(width / height)
        self._inner = _even(min(wide * unit, 0.9 * width)), _even(min(tall * unit, 0.4 * height))
        if look.template:
            over, high = templates.aspect(templates.parsed(look.template))
            scale = min(self._inner[0] / over, 0.4 * height / high)
            self._inner = _even(over * scale), _even(high * scale)
        self.size = self._inner[0] + 2 * self.shade, self._inner[1] + 2 * self.shade

    def draw(self, card: Card) -> Sheet:
        """The card, ready to be blended.

        Raises:
            ValueError: A user's SVG can't be drawn with these texts.
        """
        return Sheet.of(self.drawing(card))

    def drawing(self, card: Card) -> FloatArray:
        """The card, float32 RGBA (height, width, 4) in [0, 1], colours multiplied by alpha.

        Raises:
            ValueError: A user's SVG can't be drawn with these texts.
        """
        texts = {name: self._face.drawable(text) for name, text in texts_of(card).items()}
        svg = self._filled(card, texts) if self._look.template else self._own(card, texts)
        drawn = self._pen.draw(
            svg, self.size, self._face.files("".join(texts.values())), self._face.family, card.language
        )
        if not self._look.template:
            self._shadow(drawn)
        return drawn

    def _shadow(self, drawn: FloatArray) -> None:
        """Put a soft shadow under what is drawn, in place."""
        under = np.roll(drawn[..., 3], round(self.shade * 0.15), 0)
        dark = np.asarray(cv2.GaussianBlur(under, (0, 0), self.shade * 0.32), np.float32) * SHADE
        drawn[..., 3] += dark * (1 - drawn[..., 3])

    def _own(self, card: Card, texts: dict[str, str]) -> str:
        """The engine's own card as SVG; its shadow is made apart, in a tenth of the time."""
        width, height = self._inner
        shade, pad, radius = self.shade, height * 0.075, height * 0.1
        backwards = card.language.partition("-")[0] in _FROM_RIGHT
        side = height - 2 * pad
        picture = image.as_address(card.picture, round(side), round(side))
        taken = side + pad if picture else pad * 0.6
        room = 2 * pad + taken + (0 if picture else pad * 0.6)
        body = _Lines(self._face, width - room, backwards)
        body.name(texts["name"], height)
        body.price(texts["price"], texts["was"], height)
        body.pills(texts["saving"], texts["left"], height, card.left == 0)
        # Without a picture the plate is as wide as its words.
        plate = width if picture else max(body.widest + room, width * 0.4)
        start = width - plate if self.side == "right" else 0.0
        edge = plate - pad - taken if backwards else pad + taken
        tile = "" if not picture else (
            f'<g transform="translate({width - pad - side if backwards else pad:.1f} {pad:.1f})">'
            f'<clipPath id="round"><rect width="{side:.1f}" height="{side:.1f}" rx="{radius * 0.7:.1f}"/></clipPath>'
            f'<g clip-path="url(#round)"><rect width="{side:.1f}" height="{side:.1f}" fill="{_TILE}"/>'
            f'<image width="{side:.1f}" height="{side:.1f}" href="{picture}"/></g></g>'
        )  # fmt: skip
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.size[0]} {self.size[1]}">'
            f'<g transform="translate({shade + start:.1f} {shade})" font-family="{escape(self._face.family)}" '
            f'font-weight="700" xml:lang="{escape(card.language)}">'
            f'<rect width="{plate:.1f}" height="{height}" rx="{radius:.1f}" fill="{_PAPER}"/>{tile}'
            f'<g transform="translate({edge:.1f} {(height - body.height) / 2:.1f})">{"".join(body.parts)}</g></g></svg>'
        )  # fmt: skip

    def _filled(self, card: Card, texts: dict[str, str]) -> str:
        """The user's card as SVG, on the engine's shadowless margin."""
        root = templates.parsed(self._look.template)
        over = templates.aspect(root)[0]
        scale = over / self._inner[0]
        for element in root.iter():
            name = element.get("id") or ""
            if name in _NAMES:
                self._write(element, texts[name])
            elif name == "picture":
                _hang(element, card.picture, scale)
        return templates.sized(root, self.size, self.shade * scale)

    def _write(self, element: ET.Element, text: str) -> None:
        for child in list(element):
            element.remove(child)
        element.text = text
        if not text:
            element.set("display", "none")
        templates.narrowed(element, self._face)


def _shape(aspect: float) -> tuple[float, float]:
    """Width and height of a card for a picture of this aspect, where its shorter side is 720."""
    if aspect < 0.85:
        return 612, 208
    return (500, 188) if aspect > 1.2 else (470, 184)


class _Lines:
    """The column of texts, from the top down, in SVG.

    Args:
        face: The fonts.
        width: Of the column in pixels, at most.
        backwards: Whether its lines run from the right: then its zero is the right edge.

    Attributes:
        parts: The SVG's elements.
        height: Of all of them.
        widest: Pixels of the longest line.
    """

    def __init__(self, face: Typeface, width: float, backwards: bool) -> None:
        self.parts: list[str] = []
        self.height = self.widest = 0.0
        self._face, self._width, self._backwards = face, width, backwards

    def name(self, text: str, height: float) -> None:
        """In two lines at most, with smaller letters rather than less of it."""
        for share in (0.148, 0.135, 0.122):
            size = height * share
            lines, whole = self._face.lines(text, self._width, size, 2)
            if whole:
                break
        for line in lines:
            self._text(line, 0.0, self.height + size * 0.98, size, _INK)
            self.height += size * 1.22
        self.height += height * 0.02

    def price(self, price: str, was: str, height: float) -> None:
        """The price, and after it the one that was."""
        size, small, gap = height * 0.235, height * 0.128, height * 0.06
        wide = self._face.width(price, size) + (gap + self._face.width(was, small) if was else 0)
        shrink = min(1.0, self._width / max(wide, 1))
        size, small, gap = size * shrink, small * shrink, gap * shrink
        base = self.height + size * 0.92
        self._text(price, 0.0, base, size, _ACCENT if was else _INK)
        if was:
            start = self._face.width(price, size) + gap
            self._text(was, start, base, small, _QUIET, 'text-decoration="line-through" font-weight="500"')
        self.height += size * 1.12

    def pills(self, saving: str, left: str, height: float, none: bool) -> None:
        """What is saved, on a plate, and how few are left."""
        if not saving and not left:
            return
        size, gap = height * 0.108, height * 0.05
        inside = size * 0.6
        wide = self._face.width(saving, size) + 2 * inside if saving else 0.0
        rest = (gap if saving else 0) + self._face.width(left, size) if left else 0.0
        shrink = min(1.0, self._width / max(wide + rest, 1))
        size, wide, gap, inside = size * shrink, wide * shrink, gap * shrink, inside * shrink
        self.height += height * 0.035
        base = self.height + size * 1.12
        if saving:
            left_edge = -wide if self._backwards else 0.0
            self.parts.append(
                f'<rect x="{left_edge:.1f}" y="{self.height:.1f}" width="{wide:.1f}" height="{size * 1.55:.1f}" '
                f'rx="{size * 0.4:.1f}" fill="{_ACCENT}"/>'
            )
            self._text(saving, inside, base, size, _PAPER)
            self.widest = max(self.widest, wide)
        self._text(left, wide + (gap if saving else 0), base, size, _QUIET if none else _ALARM)
        self.height += size * 1.55

    def _text(self, text: str, start: float, base: float, size: float, fill: str, more: str = "") -> None:
        """A line, ``start`` pixels from where lines begin."""
        if not text:
            return
        at = -start if self._backwards else start
        self.widest = max(self.widest, start + self._face.width(text, size))
        told = f"\u202b{text}\u202c" if runs_back(text) else text  # so that it is ordered from the right
        anchor = ' text-anchor="end"' if self._backwards else ""
        self.parts.append(
            f'<text x="{at:.1f}" y="{base:.1f}" font-size="{size:.1f}" fill="{fill}"{anchor} {more}>'
            f"{escape(told)}</text>"
        )


def _hang(element: ET.Element, path: str, scale: float) -> None:
    """Fill an image of a user's SVG."""
    try:
        sides = [
            max(1, min(4096, round(float(element.get(side, "")) / scale))) for side in ("width", "height")
        ]
    except ValueError:
        sides = [256, 256]
    element.attrib.pop("href", None)
    element.attrib.pop(templates.LINK, None)
    if picture := image.as_address(path, *sides):
        element.set("href", picture)
    else:
        element.set("display", "none")


def _even(pixels: float) -> int:
    return max(2, round(pixels / 2) * 2)
