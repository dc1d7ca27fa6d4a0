"""Nods where the footage has none: the head dips by a few pixels on a stressed word.

A minute of footage holds a handful of nods, and the walk (`avatar_engine.stage.walk`) can seldom reach one in time for
a word. So the picture is bent: what shows the head moves down and up again, what shows the shoulders stays, the neck
gives way between them. Listeners understand speech better where the head moves with it (Munhall et al. 2004), and a
gesture that belongs to a word is farthest out while its vowel sounds (Leonard and Cummins 2011, of the hand).

What lies behind the head would be bent as well. That shows nothing where the presenter is cut out, or stands before
something plain; before anything else the bend keeps to the head's outline (`avatar_engine.stage.outline`), and there is
none where that isn't known.
"""

from __future__ import annotations

import math
import random

import cv2
import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import NOTHING_KNOWN, ByteArray, FloatArray, Outlook
from avatar_engine.media.picture import planes

DIP = (0.0, -0.04, -0.12, -0.10, 0.16, 0.60, 0.92, 1.0, 0.93, 0.78, 0.60, 0.43, 0.28, 0.17, 0.08, 0.03)
"""How low the head is in the pictures of a nod: it rises a little first, and falls faster than it comes back."""

LOWEST = DIP.index(1.0) - 2
"""Pictures from a nod's first to the stressed vowel's: the nod is at its lowest two later, in the vowel's midst."""

LATE = 2
"""Pictures by which a nod may begin too late, where its word was not known in time."""

DEEP = 0.025
"""Depth of a usual nod in sides of the crop, which is nearly as wide as a face: a third of a centimetre."""

VARIES = 0.4
"""Share of its depth by which a nod may be deeper or less deep."""

REST = 14
"""Pictures from one nod's end to the next one's beginning at least."""

OFTEN = 0.7
"""Share of the stressed words that could have a nod and get one."""

PLAIN = 3.0
"""Levels of luma a pixel, up or down, that hardly anything beside the head exceeds where a bend of it can't be seen."""

TOP, BOTTOM, LEFT, RIGHT = (-1.6, -1.2), (0.75, 1.4), (-0.5, -0.2), (1.2, 1.5)
"""In sides of the crop from its upper left corner: between which lines the bend begins, above the hair and at the left,
and ends, in the neck and at the right."""

BEHIND = (((-0.95, -0.45), (-1.7, -0.8)), ((1.45, 1.95), (-1.7, -0.8)), ((-0.45, 1.45), (-1.9, -1.5)))
"""Where what is behind the head is seen, beside it and above it, in the same measure: columns and lines. Long hair is
farther down."""

RIM = 0.02
"""Share of the picture's height at its upper border that is not looked at: cameras leave lines there."""

STEP = 4
"""Places of a body from one outline to the next; between them it goes over from one to the other."""

EDGE = 0.15
"""Sides of the crop over which the bend dies away towards the picture's border."""


Part = tuple[slice, slice]
"""Rows and columns."""


class Nodding:
    """Which picture is how low.

    What is known of the words to come decides, and numbers of a word's own, so whoever takes over in the midst of a
    show nods where the one before would have nodded.

    Args:
        seed: Of those numbers.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._known: tuple[int, Outlook] = (0, NOTHING_KNOWN)
        self._began, self._depth = -1000, 0.0

    def foresee(self, at: int, outlook: Outlook) -> None:
        """What is known of the pictures from ``at`` on."""
        self._known = at, outlook

    def depth(self, index: int, free: bool = True) -> float:
        """How low the head is in picture ``index``, in `DEEP`; asked in order. No nod begins where it is not free."""
        if free and index - self._began >= len(DIP) + REST:
            self._begin(index)
        done = index - self._began
        return self._depth * DIP[done] if 0 <= done < len(DIP) else 0.0

    def _begin(self, index: int) -> None:
        at, outlook = self._known
        for stress in outlook.stresses:
            late = index + LOWEST - (at + stress)
            if 0 <= late <= LATE:
                chance = random.Random(f"{self._seed} {at + stress}")
                if chance.random() < OFTEN:
                    self._began, self._depth = index, 1 + VARIES * (2 * chance.random() - 1)
                    return


class _Field:
    """How one plane is bent: rows of the head itself are shifted, which is far quicker than what is done around it.

    Args:
        side: Side of the crop in the plane's pixels.
    """

    def __init__(self, side: float) -> None:
        shape = round((BOTTOM[1] - TOP[0]) * side), round((RIGHT[1] - LEFT[0]) * side)
        y, x = np.mgrid[: shape[0], : shape[1]] / side + np.array([TOP[0], LEFT[0]])[:, None, None]
        weights = _rising(y, *TOP) * _rising(-y, -BOTTOM[1], -BOTTOM[0])
        weights *= _rising(x, *LEFT) * _rising(-x, -RIGHT[1], -RIGHT[0])
        self._weights = weights.astype(np.float32)
        self._y, self._x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
        self._source = np.empty(shape, np.float32)
        self._held, self._moved, self._head = (np.empty(shape, np.uint8) for _ in range(3))
        self._rows = math.ceil((TOP[1] - TOP[0]) * side), math.floor((BOTTOM[0] - TOP[0]) * side)
        self._columns = math.ceil((LEFT[1] - LEFT[0]) * side), math.floor((RIGHT[0] - LEFT[0]) * side)

    def move(
        self, plane: ByteArray, left: int, top: int, pixels: float, fade: float, outline: ByteArray | None
    ) -> None:
        """Bend a plane down by ``pixels``, in place, where the region lies at ``left`` and ``top`` in it; ``fade`` rows
        from its upper border on the bend dies away: a head that the border cuts must not show where it is cut.
        ``outline``: How far each part of the region goes with the head, uint8 of any size; None for all of it."""
        out, aside = max(0, -top), max(0, -left)
        seen = plane[max(0, top) : max(0, top + len(self._y)), max(0, left) : max(0, left + self._y.shape[1])]
        height, width = seen.shape
        if not seen.size:
            return
        held = self._held[:height, :width]
        np.copyto(held, seen)
        dying = min(height, max(0, math.ceil(fade) - max(0, top)))
        if outline is not None:
            self._follow(seen, held, (out, aside), outline, pixels, (max(0, top), dying, fade))
            return
        lines = math.floor(pixels)
        above = min(max(self._rows[0] - out, dying, lines + 1, 0), height)
        below = max(min(self._rows[1] - out, height + min(lines, 0)), above)
        before, after = (min(max(column - aside, 0), width) for column in self._columns)
        for rows, columns in (
            (slice(0, above), slice(0, width)),
            (slice(below, height), slice(0, width)),
            (slice(above, below), slice(0, before)),
            (slice(above, below), slice(after, width)),
        ):
            weights = self._weights[out : out + height, aside : aside + width][rows, columns]
            dies = (max(0, top) + self._y[rows, columns][: max(0, dying - rows.start)]) / fade
            self._stretch(seen, held, (rows, columns), weights, pixels, dies)
        self._shift(seen, held, (slice(above, below), slice(before, after)), pixels)

    def _follow(
        self,
        seen: ByteArray,
        held: ByteArray,
        corner: tuple[int, int],
        outline: ByteArray,
        pixels: float,
        border: tuple[int, int, float],
    ) -> None:
        """Bend what lies in an outline, and let what is around it be."""
        (height, width), (out, aside), (top, dying, fade) = seen.shape, corner, border
        cv2.resize(outline, self._head.shape[::-1], dst=self._head, interpolation=cv2.INTER_LINEAR)
        head = self._head[out : out + height, aside : aside + width]
        part = rows, _ = _filled(head.max(1)), _filled(head.max(0))
        weights = self._weights[out : out + height, aside : aside + width]
        goes = np.multiply(weights[part], head[part], out=self._source[part])
        dies = (top + self._y[part][: max(0, dying - rows.start)]) / fade
        self._stretch(seen, held, part, goes, pixels / 255, dies)

    def _stretch(
        self,
        seen: ByteArray,
        held: ByteArray,
        part: Part,
        weights: FloatArray,
        pixels: float,
        dies: FloatArray,
    ) -> None:
        """What is around the head: each pixel comes from as far above as its weight says, less where the bend dies."""
        source = self._source[part]
        if source.size:
            np.multiply(weights, -pixels, out=source)
            source[: len(dies)] *= dies
            source += self._y[part]
            seen[part] = cv2.remap(
                held,
                self._x[part],
                source,
                cv2.INTER_LINEAR,
                dst=self._moved[part],
                borderMode=cv2.BORDER_REPLICATE,
            )

    def _shift(self, seen: ByteArray, held: ByteArray, part: Part, pixels: float) -> None:
        """The head itself, all of which goes as far."""
        rows, columns = part
        lines = math.floor(pixels)
        lower = held[rows.start - lines : rows.stop - lines, columns]
        if lower.size:
            upper, share = held[rows.start - lines - 1 : rows.stop - lines - 1, columns], pixels - lines
            seen[part] = cv2.addWeighted(lower, 1 - share, upper, share, 0, dst=self._moved[part])


class Bend:
    """Bends pictures of one footage.

    Args:
        picture: One of them, uint8 I420.
        matrix: float32 (2, 3), from it to the crop of the lower face.
        crop: Side of the crop, in pixels.
        outlines: uint8 (n, rows, columns), of every `STEP`-th place of the body: how far each part of the region that
            the bend reaches goes with the head; None where that isn't known.

    Attributes:
        side: That side in the footage's pixels.
        seen: Whether a bend of all that lies behind the head would be seen in a picture as it was filmed.
    """

    def __init__(
        self, picture: ByteArray, matrix: FloatArray, crop: int, outlines: ByteArray | None = None
    ) -> None:
        self._crop, self._outlines = crop, outlines
        x, y, self.side = upright(matrix, crop)
        self.seen = not plain_behind(planes(picture)[0], x, y, self.side)
        self._whole, self._half = _Field(self.side), _Field(self.side / 2)
        self._between = np.empty_like(outlines[0]) if outlines is not None else None

    def __call__(
        self, picture: ByteArray, alpha: ByteArray | None, matrix: FloatArray, place: int, low: float
    ) -> None:
        """Lower the head in a picture, and in its alpha where it comes cut out, by ``low`` times `DEEP`, in place.

        Args:
            picture: uint8 I420.
            alpha: uint8 (height, width); None for as filmed.
            matrix: float32 (2, 3), from the picture to its crop.
            place: The picture's number in the body.
            low: How low.
        """
        if not low:
            return
        outline = None
        if self.seen and alpha is None:
            if self._outlines is None:
                return
            outline = self._outline(self._outlines, place)
        x, y, _ = upright(matrix, self._crop)
        left, top = round((x + LEFT[0] * self.side) / 2), round((y + TOP[0] * self.side) / 2)
        pixels, fade = low * DEEP * self.side, EDGE * self.side
        luma, blue, red = planes(picture)
        for plane in (luma,) if alpha is None else (luma, alpha):
            self._whole.move(plane, 2 * left, 2 * top, pixels, fade, outline)
        for plane in (blue, red):
            self._half.move(plane, left, top, pixels / 2, fade / 2, outline)

    def _outline(self, outlines: ByteArray, place: int) -> ByteArray:
        """Of the picture that is bent; of the last one that has any, in an action that a nod runs into."""
        last = len(outlines) - 1
        before, share = min(place // STEP, last), place % STEP / STEP
        one, other = outlines[before], outlines[min(before + 1, last)]
        return np.asarray(cv2.addWeighted(one, 1 - share, other, share, 0, dst=self._between), np.uint8)


def upright(matrix: FloatArray, crop: int) -> tuple[float, float, float]:
    """Where an upright crop of the same middle has its upper left corner in the picture, and its side.

    Args:
        matrix: float32 (2, 3), from the picture to its crop.
        crop: Side of the crop, in pixels.
    """
    turn, shift = matrix[:, :2].astype(np.float64), matrix[:, 2].astype(np.float64)
    side = crop / math.sqrt(abs(np.linalg.det(turn)))
    middle = np.linalg.solve(turn, np.full(2, crop / 2) - shift)
    return float(middle[0] - side / 2), float(middle[1] - side / 2), side


def plain_behind(luma: ByteArray, x: float, y: float, side: float) -> bool:
    """Whether nothing that is seen of what is behind the head shows that it is bent.

    Args:
        luma: uint8 (height, width).
        x, y: Where the crop's upper left corner lies.
        side: The crop's side in these pixels.
    """
    steps = np.abs(cv2.Sobel(cv2.GaussianBlur(luma, (0, 0), 1.2), cv2.CV_32F, 0, 1, scale=1 / 8))
    for across, down in BEHIND:
        rows = slice(*(max(round(RIM * len(luma)), round(y + line * side)) for line in down))
        columns = slice(*(max(0, round(x + line * side)) for line in across))
        part = steps[rows, columns]
        if part.size and float(np.percentile(part, 98)) >= PLAIN:
            return False
    return True


def _filled(most: ByteArray) -> slice:
    """From the first to the last that is not 0."""
    there = np.flatnonzero(most)
    return slice(int(there[0]), int(there[-1]) + 1) if len(there) else slice(0, 0)


def _rising(values: npt.NDArray[np.float64], start: float, stop: float) -> npt.NDArray[np.float64]:
    """From 0 at ``start`` smoothly to 1 at ``stop``."""
    share = np.clip((values - start) / (stop - start), 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float64)
