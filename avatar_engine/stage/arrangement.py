"""A layout made ready for one show: its elements drawn and placed, and what they show from frame to frame."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from avatar_engine.contracts import BARE, FRAME_RATE, Card, Comment, FloatArray, Scene
from avatar_engine.media.picture import Planes
from avatar_engine.stage import image, layout, placing
from avatar_engine.stage import template as templates
from avatar_engine.stage.card import Draughtsman, Look
from avatar_engine.stage.card_words import OFFER_ENDS
from avatar_engine.stage.framing import Slices
from avatar_engine.stage.inset import Inset
from avatar_engine.stage.layout import COMMENT_SLOTS, Layout
from avatar_engine.stage.overlay import Content, Manner, Overlay
from avatar_engine.stage.pen import Pen
from avatar_engine.stage.placing import Box
from avatar_engine.stage.plates import Clockface, Hand, Ink, Own, Plate, Row, Ticking, told
from avatar_engine.stage.qr import Code
from avatar_engine.stage.sheet import Sheet
from avatar_engine.stage.typeface import Typeface

log = logging.getLogger(__name__)

AUTHOR = 32
"""Letters of a viewer's name that are shown."""

OVER = 3.0
"""Seconds for which a countdown stands at zero."""

_DIGITS = 5
"""Signs of ``mm:ss``."""


class Seen(Protocol):
    """One thing on the picture: an `Overlay` or an `Inset`."""

    @property
    def reach(self) -> tuple[int, int, int, int]:
        """Left, top, width and height of all that it may touch."""
        ...

    @property
    def spots(self) -> Slices:
        """The same as rows and columns in each plane."""
        ...

    @property
    def visible(self) -> bool:
        """Whether something of it was in the last picture."""
        ...

    def expect(self, content: Content | None, /) -> None:
        """This is wanted soon."""
        ...

    def settle(self) -> None:
        """Wait for what is being made."""
        ...

    def show(self, content: Content | None, frames: int, /) -> None:
        """From the next picture on this is wanted, which is ``frames`` after the last one."""
        ...

    def draw(self, picture: Planes, /) -> None:
        """Blend what is to be seen, in place."""
        ...


@dataclass(frozen=True, slots=True)
class Moment:
    """A frame: its index, that on which the layout came, and its scene; None for what stands there whatever is said."""

    index: int
    since: int
    scene: Scene | None


Wants = Callable[[Moment], Content | None]
"""What an element shows at a moment."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """An element: what draws it, what it is about, and what it shows, which is that within its time."""

    element: Any
    seen: Seen
    about: Wants
    wants: Wants

    @classmethod
    def of(cls, element: Any, seen: Seen, about: Wants) -> _Placed:
        return cls(element, seen, about, _timed(element, about))


@dataclass(frozen=True, slots=True)
class Setting:
    """For which picture a layout is made ready.

    Attributes:
        size: Width and height of the show's picture.
        label: Box of the label.
        face: Of the face in the show's picture; None where that is not known.
        look: How products' cards look; None for no cards.
        language: BCP 47 tag of the show.
        patient: Wait for every drawing; without it, what is not drawn yet comes later.
    """

    size: tuple[int, int]
    label: Box
    face: Box | None = None
    look: Look | None = None
    language: str = "en"
    patient: bool = False


class Arrangement:
    """The elements of a layout on the pictures of one show.

    Args:
        plan: The layout.
        setting: The picture.
        pen: Draws.
        easel: Where it is drawn.

    Raises:
        AvatarError: A file that it needs is gone.
    """

    def __init__(self, plan: Layout, setting: Setting, pen: Pen, easel: Executor) -> None:
        self._setting, self._pen, self._easel = setting, pen, easel
        fonts = tuple(Path(font) for font in plan.fonts) or (setting.look.fonts if setting.look else ())
        self._hand = Hand(pen, Typeface(fonts), setting.language)
        self._ink = Ink(**plan.colours.model_dump())
        self._warmed = (
            easel.submit(pen.warm, self._hand.face.files("1"), self._hand.face.family)
            if plan.element
            else None
        )
        self._index = -1
        self._since = -1
        self._placed = [
            placed
            for one in sorted(plan.element, key=lambda one: one.z)
            if (placed := self._place(one)) is not None
        ]
        for placed in self._placed:
            placed.seen.expect(placed.about(Moment(0, 0, BARE)))

    @property
    def boxes(self) -> tuple[tuple[str, tuple[int, int, int, int]], ...]:
        """Kind and box (left, top, width, height) of every element, from the lowest up."""
        return tuple((one.element.kind, one.seen.reach) for one in self._placed)

    def stays(self, face: Box | None) -> bool:
        """Whether everything stands where it would with the face there."""
        return all(
            self._stood(placed, face) == self._stood(placed, self._setting.face) for placed in self._placed
        )

    def follow(self, other: Arrangement) -> None:
        """Take another one's place: the time goes on."""
        self._index, self._since = other._index, other._since

    def settle(self) -> None:
        """Wait until all that is asked for so far is drawn."""
        if self._warmed:
            self._warmed.result()
        for placed in self._placed:
            placed.seen.settle()

    def expect(self, scene: Scene) -> None:
        """This is wanted soon."""
        for placed in self._placed:
            placed.seen.expect(placed.about(Moment(self._index, self._since, scene)))

    def show(self, scene: Scene | None, index: int) -> None:
        """From the next picture on, frame ``index``, this is wanted; None for what always stands there alone."""
        if self._since < 0:
            self._since = index
        frames = max(1, index - self._index) if self._index >= 0 else 1
        self._index = index
        moment = Moment(index, self._since, scene)
        for placed in self._placed:
            placed.seen.show(placed.wants(moment), frames)
            if isinstance(placed.seen, _Clock):
                placed.seen.tell(_left(placed.element, moment))

    def touched(self) -> Iterator[Slices]:
        """Where the last picture was touched."""
        return (placed.seen.spots for placed in self._placed if placed.seen.visible)

    def draw(self, picture: Planes) -> None:
        """Blend everything into ``picture``, in place."""
        for placed in self._placed:
            placed.seen.draw(picture)

    def close(self) -> None:
        """End what decodes."""
        for placed in self._placed:
            if isinstance(placed.seen, Inset):
                placed.seen.close()

    def _place(self, one: Any) -> _Placed | None:
        """An element drawn and placed; None for a card in a show without products."""
        if isinstance(one, layout.ProductCard):
            return self._card(one) if self._setting.look else None
        if isinstance(one, layout.Video):
            return self._video(one)
        draws, wants = self._drawn(one)
        place = self._at(one, draws.size)
        manner = Manner(
            one.enter, one.leave, one.frames, placing.slide(place, draws.size, one.at, self._setting.size)
        )
        kind = _Clock if isinstance(one, layout.Countdown) else Overlay
        follows = _never if isinstance(one, layout.Chat) else _always
        seen = kind(draws, place, manner, self._easel, self._setting.patient, follows)
        return _Placed.of(one, seen, wants)

    def _at(self, one: Any, size: tuple[int, int]) -> tuple[int, int]:
        unit = min(self._setting.size) / 100
        offset = one.offset[0] * unit, one.offset[1] * unit
        return placing.placed(size, one.at, offset, self._setting.size, self._setting.label)

    def _stood(self, placed: _Placed, face: Box | None) -> tuple[int, int, str] | None:
        """Where a card stands that keeps clear of a face; None for all else."""
        look, setting, one = self._setting.look, self._setting, placed.element
        if not isinstance(one, layout.ProductCard) or one.at != "auto" or look is None:
            return None
        draws = Draughtsman(look, setting.size, self._pen)
        return placing.stand(draws.size, draws.shade, setting.size, look.side, setting.label, face)

    def _card(self, one: layout.ProductCard) -> _Placed:
        look, setting = self._setting.look, self._setting
        assert look is not None  # noqa: S101 - for the type checker: `_place` has looked
        draws = Draughtsman(look, setting.size, self._pen)
        if one.at == "auto":
            left, top, draws.side = placing.stand(
                draws.size, draws.shade, setting.size, look.side, setting.label, setting.face
            )
        else:
            left, top = self._at(one, draws.size)
            draws.side = placing.SIDES[placing.ANCHORS[one.at][0] > 0.5]
        slide = placing.slide((left, top), draws.size, draws.side, setting.size)
        manner = Manner(one.enter, one.leave, one.frames, slide)
        seen = Overlay(draws, (left, top), manner, self._easel, setting.patient, _same_product)
        return _Placed.of(one, seen, lambda at: at.scene.card if at.scene else None)

    def _video(self, one: layout.Video) -> _Placed:
        width = _even(one.width * self._setting.size[0] / 100)
        size = width, _even(width / one.shape)
        manner = Manner(one.enter, one.leave, one.frames)
        seen = Inset(Path(one.file), size, self._at(one, size), manner, self._setting.patient)
        return _Placed.of(one, seen, lambda at: one.file if at.scene else None)

    def _drawn(self, one: Any) -> tuple[Any, Wants]:
        """What draws an element, and what it shows."""
        width, unit = one.width * self._setting.size[0] / 100, min(self._setting.size) / 100
        if isinstance(one, layout.Logo):
            return _Emblem(one, _even(width), self._hand), lambda at: one.file
        if isinstance(one, layout.Code):
            return Code(_even(one.width * unit)), lambda at: _first(_filled(one.texts, at))
        if isinstance(one, layout.Countdown):
            face = Clockface(self._hand, one.size * unit, width, one.at, self._ink)
            return face, self._counted(one)
        if one.template:
            names = COMMENT_SLOTS if isinstance(one, layout.Chat) else _SLOTS[one.kind]
            draws: Any = Own(self._hand, templates.read(Path(one.template)), width, names)
        else:
            draws = Plate(
                self._hand, _rows(one, unit), width, one.at, self._ink, isinstance(one, layout.LowerThird)
            )
        if isinstance(one, layout.Chat):
            return draws, lambda at: _written(at.scene.comment) if at.scene and at.scene.comment else None
        return draws, lambda at: _filled(one.texts, at)

    def _counted(self, one: layout.Countdown) -> Wants:
        caption = one.caption
        if one.to == "offer" and not caption:
            caption = OFFER_ENDS.get(self._setting.language.partition("-")[0].lower(), "")

        def wants(at: Moment) -> Content | None:
            left = _left(one, at)
            return None if left is None else (caption, max(_DIGITS, len(told(left))))

        return wants


class _Clock(Overlay):
    """A countdown: the seconds that are left are put into what is shown."""

    _left = 0

    def tell(self, left: int | None) -> None:
        """So many seconds are left; None leaves what stands there."""
        if left is not None:
            self._left = left
        if self._shown is not None and isinstance(sheet := self._shown[1], Ticking):
            sheet.tell(told(self._left))


class _Emblem:
    """Draws a picture file in a width; its height follows."""

    def __init__(self, one: layout.Logo, width: int, hand: Hand) -> None:
        self._one, self._hand = one, hand
        path = Path(one.file)
        self._svg = templates.read(path) if path.suffix.lower() == ".svg" else ""
        if self._svg:
            over, high = templates.aspect(templates.parsed(self._svg))
            shape = over / high
        else:
            shape = image.aspect(path)
        self.size = width, _even(width / shape)

    def draw(self, path: str) -> Sheet:
        """The picture.

        Raises:
            ValueError: It can't be read or drawn.
        """
        if self._svg:
            root = templates.parsed(self._svg)
            svg, written = templates.sized(root, self.size), "".join(root.itertext())
            drawn: FloatArray = self._hand.draw(svg, self.size, written)
        else:
            drawn = image.scaled(Path(path), self.size)
        return Sheet.of(drawn * np.float32(self._one.opacity))


_SLOTS = {"lower-third": ("name", "title"), "text": ("text",)}
"""What the texts of an element are called in its template."""


def _rows(one: Any, unit: float) -> Sequence[Row]:
    size = one.size * unit
    if isinstance(one, layout.LowerThird):
        return Row(size), Row(0.66 * size, 1, True)
    if isinstance(one, layout.Chat):
        return Row(0.8 * size, 1, True), Row(size, one.lines)
    return (Row(size, one.lines),)


def _timed(one: Any, wants: Wants) -> Wants:
    """The same within the time in which an element is on."""
    after, lasts, every = (round(seconds * FRAME_RATE) for seconds in (one.after, one.lasts, one.every))

    def at_its_time(at: Moment) -> Content | None:
        if at.scene is None and not one.always:
            return None
        since = at.index - at.since - after
        if since < 0 or (lasts and (since % every if every else since) >= lasts):
            return None
        return wants(at)

    return at_its_time


def _first(texts: tuple[str, ...] | None) -> str | None:
    return texts[0] if texts else None


def _filled(texts: Sequence[str], at: Moment) -> tuple[str, ...] | None:
    """Texts with the product put in; None while something of it is missing."""
    card = at.scene.card if at.scene else None
    values = {} if card is None else {
        "product": card.name, "price": card.price, "was": card.was, "saving": card.saving, "link": card.link
    }  # fmt: skip
    if any(not values.get(name) for text in texts for name in templates.SLOT.findall(text)):
        return None
    return tuple(templates.put(text, values) for text in texts)


def _written(comment: Comment) -> Content:
    return comment.author[:AUTHOR], comment.text


def _left(one: layout.Countdown, at: Moment) -> int | None:
    """Whole seconds that a countdown shows; None where it has no end, or had it a while ago."""
    scene = at.scene
    if scene is None:
        return None
    now = at.index / FRAME_RATE
    if one.to == "offer":
        end = scene.card.ends - scene.began if scene.card and scene.card.ends and scene.began else None
    elif one.clock:
        end = _of_day(one.clock, scene.began) - scene.began if scene.began else None
    else:
        end = one.seconds
    if end is None or now > end + OVER:
        return None
    return max(0, math.ceil(end - now - 1e-9))


def _of_day(clock: tuple[int, int, int], began: float) -> float:
    """The first time of this hour, minute and second after a moment, by the machine's own zone."""
    start = datetime.fromtimestamp(began).astimezone()
    end = start.replace(hour=clock[0], minute=clock[1], second=clock[2], microsecond=0)
    return (end if end > start else end + timedelta(days=1)).timestamp()


def _same_product(old: Card, new: Card) -> bool:
    return old.product == new.product


def _always(old: Content, new: Content) -> bool:
    return True


def _never(old: Content, new: Content) -> bool:
    return False


def _even(pixels: float) -> int:
    return max(2, round(pixels / 2) * 2)
