"""The presenter, picture by picture: body, mouth painted on it, stage around it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, Protocol, TypeVar

import numpy as np

from avatar_engine.bundle import Bundle
from avatar_engine.contracts import (
    AS_FILMED,
    EXPRESSIONS,
    NOTHING_KNOWN,
    SAMPLES_PER_FRAME,
    Behind,
    ByteArray,
    FloatArray,
    MouthMotion,
    Outlook,
    Phone,
    Scene,
)
from avatar_engine.device import Device
from avatar_engine.engine.client import Painter, painter_of
from avatar_engine.engine.wanted import Settled
from avatar_engine.lips.model import PAINTER, LipsModel
from avatar_engine.lips.motion import MotionState, MotionStream
from avatar_engine.lips.placement import PLACEMENT_PART
from avatar_engine.live.wardrobe import Attire, Footage, Ready, Wardrobe
from avatar_engine.stage import outline
from avatar_engine.stage.background import Backcloth, check
from avatar_engine.stage.body import Body, matted
from avatar_engine.stage.card import Look
from avatar_engine.stage.compose import Filmed, Fitted, Stage, face_box
from avatar_engine.stage.idle import LOOKS_APART
from avatar_engine.stage.label import Label
from avatar_engine.stage.layout import Layout
from avatar_engine.stage.nods import Bend, Nodding
from avatar_engine.timing import StageTimes
from avatar_engine.trust import consent as consents
from avatar_engine.trust.marks.code import consent_number
from avatar_engine.trust.marks.picture import PictureMark

log = logging.getLogger(__name__)

State = TypeVar("State")

NEAR = 0.35
"""Crop sides by which a head may jump from one look to another and go over softly; farther, or larger, it is cut: two
heads in one picture are worse."""


class Motion(Protocol[State]):
    """Sound to mouth shapes, streaming (see `avatar_engine.lips.motion.MotionStream`)."""

    def push(
        self, state: State | None, samples: FloatArray, phones: Sequence[Phone], /
    ) -> tuple[MouthMotion, State]:
        """Take the next samples and the phones that are known to be said in them, timed from the first; give the
        rows that they make ready, and the state to go on from."""
        ...


class Scenery(Protocol):
    """Fits a body picture into the show (see `avatar_engine.stage.compose.Stage`)."""

    @property
    def cut_out(self) -> bool:
        """Whether the next bodies shall come cut out."""
        ...

    @property
    def shares(self) -> ByteArray | None:
        """See `avatar_engine.stage.compose.Stage`."""
        ...

    def compose(self, body: ByteArray, alpha: ByteArray | None, /) -> ByteArray:
        """The show's picture, uint8 I420, of a body as filmed, or of one cut out with its alpha; the same buffer every
        time."""
        ...

    def expect(self, scene: Scene, /) -> None:
        """This will be shown soon."""
        ...

    def show(self, scene: Scene | None, index: int, /) -> None:
        """Show this from the next picture on, which is ``index``; None for what always stands there alone."""
        ...

    def wear(self, fitted: Fitted, softly: bool, /) -> bool:
        """Show other footage from the next picture on; whether that is possible now."""
        ...

    def close(self) -> None:
        """No more pictures are wanted."""
        ...


def load(
    bundle: Bundle,
    label: Label,
    size: tuple[int, int],
    device: Device,
    expression: str = EXPRESSIONS[0],
    look: Look | None = None,
    layout: Layout | None = None,
    language: str = "en",
    patient: bool = False,
    behind: Behind = AS_FILMED,
    engine: Settled = "off",
    nods: bool = True,
) -> Performer[MotionState]:
    """The presenter of a bundle, on a stage of ``size`` (width, height), warmed up; close it in the end.

    ``expression``, one of `EXPRESSIONS`, is kept all through the show; ``look`` is that of products' cards; ``layout``
    says what else is on the picture, the engine's own words in ``language``. A ``patient`` show waits for drawings. The
    presenter stands before ``behind``. Mouths are painted by the machine's render engine where ``engine`` says so.
    ``nods``: the head dips on some of the stressed words (`avatar_engine.stage.nods`).

    Raises:
        AvatarError: The bundle lacks a part, or the device can't run it.
    """
    lips = LipsModel.load(bundle)
    expressive = partial(lips.expressions.apply, expression)
    expressive(lips.neutral[None])  # an unknown one is refused before the body's thread starts
    check(bundle, behind.background)
    backcloth = Backcloth(size, bundle, patient, behind.relight) if matted(bundle) else None
    if backcloth is not None:
        backcloth.want(behind.background)
    motion, opener = MotionStream(lips), _Opener(bundle, device, backcloth, engine, nods)
    worn = opener.open(bundle.look)
    stage = Stage(size, label, layout, look, worn.filmed.face, language, patient, backcloth)
    stage.compose(
        worn.filmed.picture
    )  # what it fills up beside the body is the same whenever a renderer begins
    stage.settle()
    motion.whole(np.random.default_rng(0).normal(0, 0.1, 10 * SAMPLES_PER_FRAME).astype(np.float32))
    mark = PictureMark(size, consent_number(consents.from_record(bundle.consent).id)).mark
    worn.body.cut_out = stage.cut_out
    worn.body.begin(0, 0)
    wardrobe = Wardrobe(bundle.looks, worn, opener.open, stage.fit, patient)
    return Performer(
        motion, worn.painter, worn.body, stage, lips.neutral, worn.placement, expressive, mark, worn.length, wardrobe,
        worn.bend,
    )  # fmt: skip


class _Opener:
    """Opens looks of a clone.

    Args:
        bundle: The clone.
        device: Where mouths are painted.
        backcloth: What is told of the background that it was filmed before; None where nothing changes that.
        engine: Whether the render engine paints.
        nods: Whether the head dips on stressed words.
    """

    def __init__(
        self, bundle: Bundle, device: Device, backcloth: Backcloth | None, engine: Settled, nods: bool
    ) -> None:
        self._bundle, self._device, self._backcloth, self._engine = bundle, device, backcloth, engine
        self._nods = nods
        self._painters: dict[str, Painter] = {}  # by their network: looks may share one

    def open(self, look: str, cut_out: bool = False) -> Attire:
        """A look with its body begun, and a painter that has painted once.

        Raises:
            AvatarError: The bundle lacks it, or is damaged.
        """
        bundle = self._bundle.wearing(look)
        lips = LipsModel.load(bundle)
        body = Body.load(bundle, lips.size)
        picture, matrix, _, _ = body.frame(0)
        filmed = Filmed(
            picture.copy(),
            face_box(body.transforms, lips.size),
            self._backcloth.footing(bundle) if self._backcloth is not None else None,
        )
        network = bundle.parts[PAINTER].sha256
        if network not in self._painters:
            self._painters[network] = painter_of(bundle, lips, self._device, self._engine)
            self._painters[network].paint(picture, matrix, lips.neutral)
        placement = body.placed(bundle.tensors(PLACEMENT_PART)["offsets"])
        body.cut_out = cut_out
        still = body.graph.round + body.graph.joined
        bend = Bend(filmed.picture, matrix, lips.size, outline.load(bundle)) if self._nods else None
        return Attire(look, self._painters[network], body, placement, len(body), still, filmed, cut_out, bend)


class Performer(Generic[State]):
    """Joins motion, body, painter and stage.

    Args:
        motion: Sound to mouth shapes.
        painter: Mouth shapes to pixels.
        body: Where the pictures come from.
        stage: Where they go.
        neutral: The closed mouth at rest, float32 (coefficients,).
        placement: float32 (places of the body, coefficients), where the mouth sits in each; None for nowhere else.
        expression: Turns mouth shapes (n, coefficients) into those with the show's expression.
        mark: Hides in a picture, in a copy of it, whose consent it belongs to.
        length: Pictures after which the idle presenter begins anew.
        wardrobe: The looks that may be put on; None where there is but one.
        bend: Bends the body's pictures where the presenter nods; None where they don't.

    Attributes:
        seconds: CPU seconds of the calling thread spent so far on ``motion``, ``body``, ``paint``, ``stage``.
        times: How long they took lately, by the clock on the wall, and ``frame``: all of them.
        length: See above.
        home: Picture of the idle presenter from which one may go on after the last one that was performed; those of
            different looks are `avatar_engine.stage.idle.LOOKS_APART` apart.
    """

    def __init__(
        self,
        motion: Motion[State],
        painter: Painter,
        body: Footage,
        stage: Scenery,
        neutral: FloatArray,
        placement: FloatArray | None = None,
        expression: Callable[[FloatArray], FloatArray] = lambda shapes: shapes,
        mark: Callable[[ByteArray], ByteArray] = lambda picture: picture,
        length: int = 1,
        wardrobe: Wardrobe | None = None,
        bend: Callable[[ByteArray, ByteArray | None, FloatArray, int, float], None] | None = None,
    ) -> None:
        self._bend, self._nodding = bend, Nodding()
        self._mark, self._wardrobe = mark, wardrobe
        self._matrix: FloatArray | None = None  # of the last picture's crop
        self._place = 0  # of the last picture
        self._known: tuple[int, Outlook] = (0, NOTHING_KNOWN)
        self.neutral, self.length = neutral, length
        self.home = LOOKS_APART * wardrobe.number if wardrobe is not None else 0
        self.seconds = {"motion": 0.0, "body": 0.0, "paint": 0.0, "stage": 0.0}
        self.times = StageTimes(*self.seconds, "frame")
        self._heard = 0.0  # seconds that the frame's motion took
        self._motion = motion
        self._painter = painter
        self._body = body
        self._stage = stage
        self._state: State | None = None
        self._expression = expression
        self._placement = np.zeros((1, len(neutral)), np.float32) if placement is None else placement

    @property
    def shares(self) -> ByteArray | None:
        """See `avatar_engine.stage.compose.Stage`; of the last picture."""
        return self._stage.shares

    def close(self) -> None:
        """End the threads of body, looks and stage, and leave the render engine."""
        if self._wardrobe is not None:
            self._wardrobe.close()
        self._painter.close()
        self._body.close()
        self._stage.close()

    def expect(self, scene: Scene) -> None:
        """This will be shown in a few frames."""
        self._stage.expect(scene)
        self._foretell(scene.look, *self._known[1].looks)

    def begin(self, index: int, home: int) -> None:
        """Picture ``index`` comes next, where the idle presenter is at its picture ``home``."""
        number, home = divmod(home, LOOKS_APART)
        if self._wardrobe is not None and number != self._wardrobe.number:
            self._put_on(self._wardrobe.now(self._wardrobe.named(number)), index, softly=False)
        self._body.begin(index, home)

    def go_round(self) -> None:
        """Be the idle presenter: from picture 0 on the body only runs forwards, round and round."""
        self._body.go_round()

    def foresee(self, at: int, outlook: Outlook) -> None:
        """What is known of the frames from ``at`` on."""
        self._known = at, outlook
        self._body.foresee(at, outlook)
        self._nodding.foresee(at, outlook)

    def forget(self) -> None:
        """What comes next does not follow what was heard: a fault has cut it."""
        self._state = None

    def hear(self, samples: FloatArray, phones: Sequence[Phone] = ()) -> FloatArray:
        """Push one frame's samples and its phones; mouth shapes that became ready, float32 (frames, coefficients)."""
        started, began = time.thread_time(), time.perf_counter()
        motion, self._state = self._motion.push(self._state, samples, phones)
        self.seconds["motion"] += time.thread_time() - started
        self._heard = time.perf_counter() - began
        self.times.add("motion", self._heard)
        return motion.coefficients

    def perform(
        self, index: int, coefficients: FloatArray, scene: Scene | None = None, still: bool = False
    ) -> ByteArray:
        """The show's picture ``index`` with this mouth shape and scene; valid until the next call.

        Without a scene there is only what always stands there, whatever is said. ``still``: The mouth rests, so that
        another look may be put on.
        """
        self._stage.show(scene, index)
        if still and scene is not None and self._wardrobe is not None and scene.look:
            self._change(self._wardrobe, scene.look, index)
        spent, times = [time.thread_time()], [time.perf_counter()]

        def note() -> None:
            spent.append(time.thread_time())
            times.append(time.perf_counter())

        self._body.cut_out = self._stage.cut_out
        picture, self._matrix, place, alpha = self._body.frame(index)
        self._place, self.home = place, self._body.home(place)
        if self._wardrobe is not None:
            self.home += LOOKS_APART * self._wardrobe.number
        note()
        shape = self._expression(coefficients[None])[0] + self._placement[place % len(self._placement)]
        self._painter.paint(picture, self._matrix, shape)
        note()
        if self._bend is not None:
            acting = self._wardrobe is not None and place >= self._wardrobe.worn.still
            self._bend(picture, alpha, self._matrix, place, self._nodding.depth(index, not acting))
        composed = self._mark(self._stage.compose(picture, alpha))
        note()
        for number, name in enumerate(("body", "paint", "stage")):
            self.seconds[name] += spent[number + 1] - spent[number]
            self.times.add(name, times[number + 1] - times[number])
        self.times.add("frame", self._heard + times[-1] - times[0])
        return composed

    def _foretell(self, *looks: str) -> None:
        """These will be worn soon, in this order; the first that is not worn yet is made ready."""
        if self._wardrobe is not None and self._matrix is not None:  # which the head goes on from
            worn = self._wardrobe.worn.name
            for look in looks:
                if look and look != worn:
                    self._wardrobe.expect(look, self._stage.cut_out, self._matrix)
                    return

    def _change(self, wardrobe: Wardrobe, look: str, index: int) -> None:
        """Put a look on at picture ``index``, if it is another one, is ready, and no action is being done."""
        if self._matrix is None or self._place >= wardrobe.worn.still:
            return
        ready = wardrobe.ready(look, self._stage.cut_out, self._matrix)
        if ready is not None:
            self._put_on(ready, index, softly=ready.away <= NEAR)

    def _put_on(self, ready: Ready | None, index: int, softly: bool) -> None:
        if ready is None or self._wardrobe is None or not self._stage.wear(ready.fitted, softly):
            return
        began, attire = time.perf_counter(), ready.attire
        self._wardrobe.put_on(ready)
        self._painter, self._body, self._placement = attire.painter, attire.body, attire.placement
        self._bend = attire.bend
        attire.body.enter(index)
        attire.body.foresee(*self._known)
        log.info(
            "the look is %s from frame %d on (%.1f ms)",
            attire.name,
            index,
            1e3 * (time.perf_counter() - began),
        )
