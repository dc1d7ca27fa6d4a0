"""The show's picture: the presenter's body framed by a layout, the layout's elements, and the label on it.

All of it stays in I420, the encoder's own form, so no colour conversion is paid for.
"""

from __future__ import annotations

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from avatar_engine.contracts import ByteArray, FloatArray, Scene
from avatar_engine.errors import AvatarError
from avatar_engine.media.picture import Planes, blank, planes
from avatar_engine.stage import layout_file
from avatar_engine.stage.arrangement import Arrangement, Setting
from avatar_engine.stage.background import TRANSPARENT, Backcloth, Background, Footing
from avatar_engine.stage.card import Look
from avatar_engine.stage.clear import Clear
from avatar_engine.stage.framing import Framing, Slices, frame
from avatar_engine.stage.ground import ground
from avatar_engine.stage.keying import Keyer
from avatar_engine.stage.label import Label
from avatar_engine.stage.layout import PLAIN, Layout
from avatar_engine.stage.overlay import easel
from avatar_engine.stage.pen import Pen
from avatar_engine.stage.placing import Box

log = logging.getLogger(__name__)

DISSOLVE = 10
"""Frames in which one layout becomes another."""

SOFTLY = 6
"""Frames in which one look of the presenter becomes another: it is over before the next word is well begun."""


def face_box(transforms: FloatArray, crop: int) -> Box:
    """Left, top, width and height in the body's pictures of where the face is, in one of them or another.

    Args:
        transforms: float32 (n, 2, 3), from the body's pictures to crops of the lower face, ``crop`` pixels a side.
        crop: Side of the crop.
    """
    turns, shifts = transforms[:, :, :2].astype(np.float64), transforms[:, :, 2].astype(np.float64)
    corners = crop * np.array([[0.0, -0.95], [1.0, -0.95], [1.0, 0.86], [0.0, 0.86]])  # from hair to chin
    points = np.linalg.solve(turns[:, None], (corners[None] - shifts[:, None])[..., None])[..., 0]
    # Of a thousand pictures the ten strangest may stray.
    left, top = np.percentile(points.min(1), 1, 0)
    right, bottom = np.percentile(points.max(1), 99, 0)
    return float(left), float(top), float(right - left), float(bottom - top)


def _interpolation(scale: float, chroma: bool) -> int:
    """Area averaging costs ten times the linear kernel, which is clean down to a half."""
    if scale < 0.5:
        return int(cv2.INTER_AREA)
    return int(cv2.INTER_LINEAR if chroma or scale < 1 else cv2.INTER_CUBIC)


@dataclass(frozen=True, slots=True)
class Filmed:
    """Footage of the presenter as a stage has to know it.

    Attributes:
        picture: One of its pictures, uint8 I420.
        face: Of the face, hair to chin, in its pictures; None where that is not known.
        footing: What a backcloth has to know of it; None where nobody was cut out of it.
    """

    picture: ByteArray
    face: Box | None
    footing: Footing | None


@dataclass(frozen=True, slots=True)
class Fitted:
    """Footage made ready for a layout.

    Attributes:
        filmed: The footage.
        plan: The layout.
        before: What stood on the picture then.
        set: How it lies in it.
    """

    filmed: Filmed
    plan: Layout
    before: Arrangement | None
    set: _Set


@dataclass(frozen=True, slots=True)
class _Set:
    """A layout for one show and one size of the body.

    Attributes:
        framing: Where the body lies.
        seen: The part of the body's planes that is seen, and ``into``: where, in those of the picture.
        ground: What lies where it does not; None where it covers everything.
        arrangement: What stands on it.
    """

    framing: Framing
    seen: Slices
    into: Planes
    ground: Planes | None
    arrangement: Arrangement


class Stage:
    """Composes the show's pictures.

    Args:
        size: Width and height of the show, both even.
        label: What stands on every picture; made for the same size.
        layout: What else does, and where the presenter is; None for the engine's plain one.
        look: How products' cards look; None for no cards.
        face: Of the face, hair to chin, in the body's pictures; None where that is not known.
        language: BCP 47 tag of the words that the engine itself puts there.
        patient: Wait for every drawing; without it, what is not drawn yet comes as soon as it is.
        backcloth: What the presenter stands before, where that may change; None for as filmed.

    Attributes:
        shares: The presenter's share of every pixel of the last picture, uint8 (height, width), where it came cut out;
            before nothing that of all that is on it.

    Raises:
        AvatarError: The size is odd or too small, or the layout is made for another one.
    """

    def __init__(
        self,
        size: tuple[int, int],
        label: Label,
        layout: Layout | None = None,
        look: Look | None = None,
        face: Box | None = None,
        language: str = "en",
        patient: bool = False,
        backcloth: Backcloth | None = None,
    ) -> None:
        width, height = size
        if width % 2 or height % 2 or min(size) < 64:
            raise AvatarError(
                f"A show can't be {width}x{height}: both sides must be even and at least 64.",
                "Choose a size such as 1280x720.",
            )
        self.size, self._label = size, label
        self._backcloth, self._keyer, self._keyed = backcloth, Keyer(), False
        self._background = backcloth.wanted if backcloth else ""
        self.shares: ByteArray | None = None
        self._groundless = Clear(size) if self._background == TRANSPARENT else None
        self._layout = layout or layout_file.load(PLAIN)
        self._plan = self._layout
        self._layout.refuse_other(size, "Choose another size or layout.")
        self._setting = Setting(size, label.box, None, look, language, patient)
        self._pen, self._easel = Pen(), easel()
        self._builder = ThreadPoolExecutor(1, "layout")
        self._picture = blank(width, height)
        self._planes = planes(self._picture)
        self._filmed = Filmed(np.empty((0, 0), np.uint8), face, None)  # every ground is made of its picture
        self._set: _Set | None = None
        self._next: tuple[tuple[str, int], Future[tuple[Layout, _Set] | None]] | None = None
        self._on = ("", 0)  # which layout is on, as scenes name it
        self._wanted: tuple[Scene | None, int] = (None, 0)
        self._step = self._steps = DISSOLVE
        self._before = self._mixed = np.empty((0, 0), np.uint8)
        self._last = self._picture  # what was given last
        self._fresh = True  # nothing was shown yet: nobody waits for a layout

    def expect(self, scene: Scene) -> None:
        """This will be shown soon."""
        self._prepare(scene)
        if self._set is not None:
            self._set.arrangement.expect(scene)

    def show(self, scene: Scene | None, index: int) -> None:
        """Show this from the next picture on, which is frame ``index``; None for what always stands there alone."""
        self._step = min(self._steps, self._step + max(1, index - self._wanted[1]))
        self._wanted = scene, index
        if scene is not None:
            self._prepare(scene)
            self._change()
            self._fresh = False
            if self._backcloth is not None:
                self._backcloth.want(scene.background or self._background)

    def settle(self) -> None:
        """Wait until what always stands there is drawn."""
        if self._set is not None:
            self._set.arrangement.settle()
        if self._backcloth is not None:
            self._backcloth.settle()

    @property
    def cut_out(self) -> bool:
        """Whether the body's next pictures shall come cut out."""
        return self._backcloth is not None and self._backcloth.cut_out

    def close(self) -> None:
        """Nothing more is drawn."""
        if self._set is not None:
            self._set.arrangement.close()
        if self._backcloth is not None:
            self._backcloth.close()
        self._builder.shutdown(wait=False, cancel_futures=True)
        self._easel.shutdown(wait=False, cancel_futures=True)
        self._pen.close()

    def compose(self, body: ByteArray, alpha: ByteArray | None = None) -> ByteArray:
        """The show's picture of one body frame.

        Args:
            body: uint8 I420 (height * 3 // 2, width) of any even size.
            alpha: uint8 (height, width), where it comes cut out.

        Returns:
            uint8 I420 of the show's size; in memory that the next pictures use again, so copy it to keep it.
        """
        if self._set is None or body.shape != self._filmed.picture.shape:
            self._begin(body)
        here = self._set
        assert here is not None  # noqa: S101 - for the type checker: `_begin` has made it
        scene, index = self._wanted
        behind = self._backcloth.take(alpha is not None) if self._backcloth else None
        if self._groundless is not None:
            self._groundless.begin(self._planes)
            _paste(body, here.seen, here.into)
            self._groundless.stand(
                None if alpha is None else alpha[here.seen[0]], here.framing.target.planes()[0]
            )
        elif behind is None or alpha is None:
            self._clear(here)
            _paste(body, here.seen, here.into)
        else:
            self._key(body, alpha, here, behind)
        here.arrangement.show(scene, index)
        if self._groundless is not None:
            self._groundless.lay(self._planes, here.arrangement.draw, list(here.arrangement.touched()))
            self.shares = self._groundless.shares
        else:
            here.arrangement.draw(self._planes)
        picture = self._picture
        if self._step < self._steps:
            share = (self._step + 1) / (self._steps + 1)
            cv2.addWeighted(self._picture, share, self._before, 1 - share, 0, dst=self._mixed)
            picture = self._mixed
        if self._groundless is not None:
            self._label.draw_alone(picture, self._groundless.shares)
        else:
            self._label.draw(picture)  # last: nothing ever covers it
        self._last = picture
        return picture

    def fit(self, filmed: Filmed) -> Fitted:
        """Make other footage of the presenter ready, with all that stands on the picture drawn; may be called beside
        the show, for it takes a while."""
        plan, before = self._plan, self._set.arrangement if self._set else None
        made = self._ready(plan, filmed, before)
        made.arrangement.settle()
        self._make_room()
        return Fitted(filmed, plan, before, made)

    def wear(self, fitted: Fitted, softly: bool) -> bool:
        """From the next picture on show other footage; whether that is possible now.

        It is not while another layout is being made ready or comes on. ``softly``: What was seen last goes over to it.
        """
        here = self._set
        if here is None or self._next is not None or self._step < self._steps:
            return False
        if fitted.plan is not self._plan or fitted.before is not here.arrangement:
            fitted = self.fit(fitted.filmed)
        if softly and self._groundless is None:
            self._dissolve(SOFTLY)
        self._filmed = fitted.filmed
        if fitted.set.arrangement is not here.arrangement:
            fitted.set.arrangement.follow(here.arrangement)
            here.arrangement.close()
        self._enter(fitted.set)
        if self._backcloth is not None and fitted.filmed.footing is not None:
            self._backcloth.stand(fitted.filmed.footing)
        return True

    def _key(self, body: ByteArray, alpha: ByteArray, here: _Set, behind: Background) -> None:
        """Put the cut-out body before a background, which takes the whole picture."""
        for plane, clean in zip(self._planes, behind.next(), strict=True):
            np.copyto(plane, clean)
        luma, blue, red = (plane[spot] for plane, spot in zip(planes(body), here.seen, strict=True))
        scale = here.into[0].shape[0] / luma.shape[0]
        how = _interpolation(scale, False), _interpolation(scale, True)
        assert self._backcloth is not None  # noqa: S101 - for the type checker: it gave `behind`
        relight = self._backcloth.relight
        self.shares = self._keyer.put((luma, blue, red), alpha[here.seen[0]], here.into, relight, how)
        self._keyed = True

    def _clear(self, here: _Set) -> None:
        """Put the ground back where the last picture had something that the body does not cover."""
        if here.ground is None:
            return
        if self._keyed:
            self._keyed, self.shares = False, None
            self._enter(here)
        self._label.wipe(self._planes, here.ground)
        for spots in here.arrangement.touched():
            for plane, clean, spot in zip(self._planes, here.ground, spots, strict=True):
                np.copyto(plane[spot], clean[spot])

    def _begin(self, body: ByteArray) -> None:
        """Make the show's own layout ready for a body of this shape."""
        self._filmed = replace(self._filmed, picture=body.copy())
        if self._set is not None:
            self._set.arrangement.close()
        self._enter(self._ready(self._plan, self._filmed))

    def _enter(self, chosen: _Set) -> None:
        self._set = chosen
        if chosen.ground is not None:
            for plane, clean in zip(self._planes, chosen.ground, strict=True):
                np.copyto(plane, clean)

    def _ready(self, plan: Layout, filmed: Filmed, before: Arrangement | None = None) -> _Set:
        """A layout for footage; what stood there ``before`` stays where it would stand now."""
        where, (rows, width) = plan.presenter, filmed.picture.shape
        framing = frame(
            (width, rows * 2 // 3),
            self.size,
            box=where.box,
            fit=where.fit,
            scale=where.scale,
            anchor=where.anchor,
            face=filmed.face,
        )
        face = framing.on_show(filmed.face) if filmed.face else None
        under = None if framing.covers(self.size) else ground(filmed.picture, self.size, plan.background)
        arrangement = before
        if arrangement is None or not arrangement.stays(face):
            arrangement = Arrangement(plan, replace(self._setting, face=face), self._pen, self._easel)
        into = tuple(plane[at] for plane, at in zip(self._planes, framing.target.planes(), strict=True))
        return _Set(framing, framing.source.planes(), into, under, arrangement)  # type: ignore[arg-type]

    def _prepare(self, scene: Scene) -> None:
        """Begin to make another layout ready, if that is wanted."""
        key = scene.layout, scene.version
        if key == self._on or self._set is None or (self._next is not None and self._next[0] == key):
            return
        self._make_room()
        self._next = key, self._builder.submit(self._made, *key)

    def _made(self, name: str, version: int) -> tuple[Layout, _Set] | None:
        """Another layout, with all that always stands there drawn; None where something is wrong with it."""
        try:
            plan = layout_file.load(name, Path("/")) if name else self._layout
            plan.refuse_other(self.size, "The size of a picture on air can't change.")
            made = self._ready(plan, self._filmed)
        except AvatarError as error:
            log.error("the layout stays as it is: %s", error)
            return None
        made.arrangement.settle()
        return plan, made

    def _change(self) -> None:
        """Go over to the layout that is ready, if one is; a patient show waits for it."""
        if self._next is None:
            return
        key, future = self._next
        if not (self._setting.patient or self._fresh or future.done()):
            return
        self._next, self._on = None, key
        ready = future.result()
        if ready is None or self._set is None:
            return
        plan, made = ready
        self._dissolve(DISSOLVE)
        self._set.arrangement.close()
        self._plan = plan
        self._enter(made)

    def _make_room(self) -> None:
        if not self._mixed.size:
            self._before, self._mixed = (blank(*self.size) for _ in range(2))

    def _dissolve(self, frames: int) -> None:
        """From the next picture on go over, in so many, from what was given last to what comes."""
        np.copyto(self._before, self._last)
        self._step, self._steps = 0, frames


def _paste(body: ByteArray, seen: Slices, into: Planes) -> None:
    """Put the part of the body that is seen where it is seen."""
    for number, (source, spot, part) in enumerate(zip(planes(body), seen, into, strict=True)):
        shown = source[spot]
        if part.shape == shown.shape:
            np.copyto(part, shown)
        else:
            how = _interpolation(part.shape[0] / shown.shape[0], number > 0)
            cv2.resize(shown, part.shape[::-1], dst=part, interpolation=how)
