"""The card on the picture: where it stands, how it comes and goes, and the blend of its planes.

A card is drawn beside the show, in a thread of its own. What every frame costs is one pass over the pixels under it,
in arrays that are there beforehand.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from avatar_engine.contracts import ByteArray, Card, FloatArray
from avatar_engine.media.picture import NEUTRAL, Planes, planes
from avatar_engine.stage.card import SIDES, Draughtsman, Look

log = logging.getLogger(__name__)

STEPS = 8
"""Frames in which a card comes or goes."""

KEPT = 4
"""Drawn cards that are kept."""

NICENESS = 10
"""Of the thread that draws: the painter must not wait for it."""

Box = tuple[float, float, float, float]
"""Left, top, width and height in pixels."""


class Draws(Protocol):
    """Draws cards of one size (see `avatar_engine.stage.card.Draughtsman`)."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what it draws, both even."""
        ...

    def draw(self, card: Card, anchor: str, /) -> FloatArray:
        """The card, float32 RGBA (height, width, 4), colours multiplied by alpha."""
        ...


@dataclass(frozen=True, slots=True)
class _Sheet:
    """A drawn card in the planes of I420: what is kept of the picture, and what is added, uint8, 255 for all."""

    card: Card
    keep: tuple[ByteArray, ByteArray, ByteArray]
    add: tuple[ByteArray, ByteArray, ByteArray]

    @classmethod
    def of(cls, card: Card, drawn: FloatArray) -> _Sheet:
        """Of a drawn card, float32 RGBA, multiplied by alpha: BT.601 in limited range."""
        red, green, blue, alpha = (drawn[..., channel] for channel in range(4))
        luma = 16 * alpha + 65.481 * red + 128.553 * green + 24.966 * blue
        first = NEUTRAL * alpha - 37.797 * red - 74.203 * green + 112.0 * blue
        second = NEUTRAL * alpha + 112.0 * red - 93.786 * green - 18.214 * blue
        small = _rounded(255 * (1 - _halved(alpha)))
        return cls(
            card,
            (_rounded(255 * (1 - alpha)), small, small),
            (_rounded(luma), _rounded(_halved(first)), _rounded(_halved(second))),
        )


def _halved(plane: FloatArray) -> FloatArray:
    rows, columns = plane.shape
    return np.asarray(plane.reshape(rows // 2, 2, columns // 2, 2).mean((1, 3)), np.float32)


def _rounded(plane: FloatArray) -> ByteArray:
    return np.ascontiguousarray(np.clip(np.rint(plane), 0, 255).astype(np.uint8))


class Overlay:
    """Cards on the pictures of one show.

    Args:
        size: Width and height of the show's picture, both even.
        draws: Draws the cards.
        place: Left and top of where they stand, even.
        anchor: The side that they come from.
        patient: Wait for a card that is not drawn yet; without it, it comes as soon as it is.
    """

    def __init__(
        self, size: tuple[int, int], draws: Draws, place: tuple[int, int], anchor: str, patient: bool = False
    ) -> None:
        self._place, self._anchor = place, anchor
        self._draws, self._patient = draws, patient
        width, height = draws.size
        shapes = (height, width), (height // 2, width // 2), (height // 2, width // 2)
        self._scratch = [(np.empty(shape, np.uint8), np.empty(shape, np.uint8)) for shape in shapes]
        self._slide = _slide(size, place, width, anchor)
        self._reach = place[0] + min(0, self._slide), place[1], width + abs(self._slide), height
        self._made: dict[Card, Future[_Sheet | None]] = {}
        self._drawer: ThreadPoolExecutor | None = None
        self._wanted: Card | None = None
        self._shown: _Sheet | None = None
        self._under: _Sheet | None = None  # what `_shown` takes the place of
        self._step = 0

    @classmethod
    def of(
        cls, look: Look, size: tuple[int, int], label: Box, face: Box | None, patient: bool = False
    ) -> Overlay:
        """The overlay of a show whose picture has the ``label`` and, where that is known, the ``face`` there.

        Raises:
            AvatarError: A font is missing.
        """
        draws = Draughtsman(look, size)
        left, top, anchor = stand(draws.size, draws.shade, size, look.side, label, face)
        return cls(size, draws, (left, top), anchor, patient)

    def expect(self, card: Card | None) -> None:
        """This card is wanted soon: begin to draw it."""
        if card is None or card in self._made:
            return
        while len(self._made) >= KEPT:
            self._made.pop(next(iter(self._made)))
        if self._drawer is None:
            self._drawer = ThreadPoolExecutor(1, "card", _yield_to_others)
        self._made[card] = self._drawer.submit(self._draw, card)

    def show(self, card: Card | None) -> None:
        """From the next picture on this card is wanted; None for none."""
        if card != self._wanted:
            self.expect(card)
            self._wanted = card

    def draw(self, picture: ByteArray) -> None:
        """Blend what is to be seen into ``picture``, uint8 I420 (height * 3 // 2, width), in place."""
        self._move_on()
        if self._shown is None:
            return
        if self._under is not None:
            self._blend(picture, self._under, STEPS, 0)
            self._blend(picture, self._shown, self._step, 0)
        else:
            self._blend(picture, self._shown, self._step, self._slide)

    def wipe(self, picture: Planes, ground: Planes) -> None:
        """Put back what lies under the cards where nothing else does: ``ground``, of the picture's size."""
        if self._shown is None:  # as in the last picture: only `draw` changes it
            return
        left, top, width, height = self._reach
        for shift, plane, clean in zip((0, 1, 1), picture, ground, strict=True):
            spot = (
                slice(top >> shift, (top + height) >> shift), slice(left >> shift, (left + width) >> shift)
            )  # fmt: skip
            np.copyto(plane[spot], clean[spot])

    def close(self) -> None:
        """End the thread."""
        if self._drawer is not None:
            self._drawer.shutdown(wait=False, cancel_futures=True)

    def _move_on(self) -> None:
        """One frame further: towards the card that is wanted, by way of none unless it is of the same product."""
        shown, wanted = self._shown, self._wanted
        if wanted is not None and self._failed(wanted):
            wanted = None  # rather nothing than an old price
        if shown is not None and shown.card == wanted:
            self._step = min(STEPS, self._step + 1)
            if self._step == STEPS:
                self._under = None
        elif shown is not None and wanted is not None and wanted.product == shown.card.product:
            if self._step == STEPS and (sheet := self._sheet(wanted)):
                self._under, self._shown, self._step = shown, sheet, 1
            else:
                self._step = min(STEPS, self._step + 1)
        elif shown is not None and self._step > 1:
            self._step = (STEPS if self._under else self._step) - 1
            self._under = None
        else:
            self._shown = self._sheet(wanted) if wanted is not None else None
            self._step = 1

    def _failed(self, card: Card) -> bool:
        """Whether a card can't be drawn."""
        made = self._made.get(card)
        return made is not None and made.done() and made.result() is None

    def _sheet(self, card: Card) -> _Sheet | None:
        """A card as drawn; None while it is not, and for one that can't be."""
        self.expect(card)
        made = self._made[card]
        return made.result() if self._patient or made.done() else None

    def _draw(self, card: Card) -> _Sheet | None:
        began = time.perf_counter()
        try:
            sheet = _Sheet.of(card, self._draws.draw(card, self._anchor))
        except Exception:
            log.exception("the card of %s can't be drawn", card.product)
            return None
        log.info("the card of %s was drawn in %.0f ms", card.product, 1e3 * (time.perf_counter() - began))
        return sheet

    def _blend(self, picture: ByteArray, sheet: _Sheet, step: int, slide: int) -> None:
        share = step / STEPS
        share = share * share * (3 - 2 * share)
        left, top = self._place[0] + round(slide * (1 - share) / 2) * 2, self._place[1]
        for number, plane in enumerate(planes(picture)):
            shift = min(number, 1)
            keep, add = sheet.keep[number], sheet.add[number]
            rows, columns = keep.shape
            part = plane[top >> shift : (top >> shift) + rows, left >> shift : (left >> shift) + columns]
            if step < STEPS:
                less, more = self._scratch[number]
                cv2.convertScaleAbs(keep, dst=less, alpha=share, beta=255 * (1 - share))
                cv2.convertScaleAbs(add, dst=more, alpha=share)
                keep, add = less, more
            cv2.multiply(part, keep, dst=part, scale=1 / 255)
            cv2.add(part, add, dst=part)


def _slide(size: tuple[int, int], place: tuple[int, int], width: int, anchor: str) -> int:
    """Pixels beside its place at which a card appears, towards its side and within the picture."""
    room = place[0] if anchor == SIDES[0] else size[0] - place[0] - width
    far = min(room, round(0.05 * min(size))) // 2 * 2
    return -far if anchor == SIDES[0] else far


def stand(
    card: tuple[int, int], shade: int, size: tuple[int, int], side: str, label: Box, face: Box | None
) -> tuple[int, int, str]:
    """Where cards stand: left and top, even, and the side.

    Never on the label; not on the face where there is another place; on the side away from the face, low in the
    picture. In an upright picture the lowest fifth is left to what phones write there.

    Args:
        card: Width and height of a drawn card.
        shade: Pixels of its shadow on every side, which may lie in the margin.
        size: Width and height of the picture.
        side: One of `SIDES`; "" to choose it.
        label: Of the label.
        face: Of the face in all pictures; None where that is not known.
    """
    away = SIDES[1] if face and face[0] + face[2] / 2 < size[0] * 0.47 else SIDES[0]
    if not face or abs(face[0] + face[2] / 2 - size[0] / 2) < size[0] * 0.03:
        away = SIDES[1] if label[0] + label[2] < size[0] / 2 and label[1] > size[1] / 2 else SIDES[0]
    others = [side] if side else [away, *(one for one in SIDES if one != away)]
    margin = round(0.045 * min(size)) - shade
    lowest = round(size[1] * 0.8) + shade if size[1] > 1.15 * size[0] else size[1] - margin
    places = []
    for top in (lowest - card[1], margin):
        for one in others:
            left = margin if one == SIDES[0] else size[0] - margin - card[0]
            moved = _beside(label, (left, top, *card), size)
            places.append((_even(left), _even(moved), one))
    return min(places, key=lambda place: _common((place[0], place[1], *card), face) if face else 0.0)


def _beside(label: Box, box: Box, size: tuple[int, int]) -> float:
    """The top of a card that does not touch the label: above one that is low, below one that is high."""
    left, top, width, height = box
    if not _common((left, top, width, height), label):
        return top
    gap = 0.01 * size[1]
    return label[1] - gap - height if label[1] > size[1] / 2 else label[1] + label[3] + gap


def _common(one: Box, other: Box) -> float:
    """Pixels that two boxes have in common."""
    wide = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    tall = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(0.0, wide) * max(0.0, tall)


def _even(at: float) -> int:
    return max(0, int(at) // 2 * 2)


def _yield_to_others() -> None:
    """This thread alone."""
    if sys.platform == "linux":  # where every thread has its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
