"""The presenter, picture by picture: body, mouth painted on it, stage around it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, Protocol, TypeVar

import numpy as np

from avatar_engine.bundle import Bundle
from avatar_engine.contracts import (
    AS_FILMED,
    EXPRESSIONS,
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
from avatar_engine.lips.model import LipsModel
from avatar_engine.lips.motion import MotionState, MotionStream
from avatar_engine.lips.placement import PLACEMENT_PART
from avatar_engine.lips.render import Renderer
from avatar_engine.stage.background import Backcloth, check
from avatar_engine.stage.body import Body, BodyFrame, matted
from avatar_engine.stage.card import Look
from avatar_engine.stage.compose import Stage, face_box
from avatar_engine.stage.label import Label
from avatar_engine.stage.layout import Layout
from avatar_engine.timing import StageTimes
from avatar_engine.trust import consent as consents
from avatar_engine.trust.marks.code import consent_number
from avatar_engine.trust.marks.picture import PictureMark

State = TypeVar("State")


class Motion(Protocol[State]):
    """Sound to mouth shapes, streaming (see `avatar_engine.lips.motion.MotionStream`)."""

    def push(
        self, state: State | None, samples: FloatArray, phones: Sequence[Phone], /
    ) -> tuple[MouthMotion, State]:
        """Take the next samples and the phones that are known to be said in them, timed from the first; give the
        rows that they make ready, and the state to go on from."""
        ...


class Painter(Protocol):
    """Mouth shape to pixels (see `avatar_engine.lips.render.Renderer`)."""

    def paint(self, picture_i420: ByteArray, matrix: FloatArray, coefficients: FloatArray, /) -> None:
        """Paint the mouth into the picture, in place."""
        ...


class Footage(Protocol):
    """Body pictures in order (see `avatar_engine.stage.body.Body`).

    Attributes:
        cut_out: Whether pictures are wanted cut out.
    """

    cut_out: bool

    def frame(self, index: int, /) -> BodyFrame:
        """Picture ``index``, ours to paint on, its crop's matrix, and its place in the body."""
        ...

    def begin(self, index: int, home: int, /) -> None:
        """Picture ``index`` comes next, and is the idle presenter's picture ``home``."""
        ...

    def go_round(self) -> None:
        """From picture 0 on the body only runs forwards."""
        ...

    def home(self, place: int, /) -> int:
        """The idle presenter's picture that belongs to a place."""
        ...

    def foresee(self, at: int, outlook: Outlook, /) -> None:
        """What is known of the pictures from ``at`` on."""
        ...

    def close(self) -> None:
        """No more pictures are wanted."""
        ...


class Scenery(Protocol):
    """Fits a body picture into the show (see `avatar_engine.stage.compose.Stage`)."""

    @property
    def cut_out(self) -> bool:
        """Whether the next bodies shall come cut out."""
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
) -> Performer[MotionState]:
    """The presenter of a bundle, on a stage of ``size`` (width, height), warmed up; close it in the end.

    ``expression``, one of `EXPRESSIONS`, is kept all through the show; ``look`` is that of products' cards; ``layout``
    says what else is on the picture, the engine's own words in ``language``. A ``patient`` show waits for drawings. The
    presenter stands before ``behind``.

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
    motion, renderer = MotionStream(lips), Renderer(lips, device, threads=1)
    with Body.load(bundle, lips.size) as rehearsal:
        picture, matrix, _, _ = rehearsal.frame(0)
        face = face_box(rehearsal.transforms, lips.size)
        stage = Stage(size, label, layout, look, face, language, patient, backcloth)
        renderer.paint(picture, matrix, lips.neutral)
        stage.compose(picture)  # what it fills up beside the body is the same whenever a renderer begins
        stage.settle()
    motion.whole(np.random.default_rng(0).normal(0, 0.1, 10 * SAMPLES_PER_FRAME).astype(np.float32))
    offsets = bundle.tensors(PLACEMENT_PART)["offsets"]
    mark = PictureMark(size, consent_number(consents.from_record(bundle.consent).id)).mark
    body = Body.load(bundle, lips.size, stage.cut_out)
    placement = body.placed(offsets)
    return Performer(motion, renderer, body, stage, lips.neutral, placement, expressive, mark, len(body))


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

    Attributes:
        seconds: CPU seconds of the calling thread spent so far on ``motion``, ``body``, ``paint``, ``stage``.
        times: How long they took lately, by the clock on the wall, and ``frame``: all of them.
        length: See above.
        home: Picture of the idle presenter from which one may go on after the last one that was performed.
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
    ) -> None:
        self._mark = mark
        self.neutral, self.length, self.home = neutral, length, 0
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

    def close(self) -> None:
        """End the threads of body and stage."""
        self._body.close()
        self._stage.close()

    def expect(self, scene: Scene) -> None:
        """This will be shown in a few frames."""
        self._stage.expect(scene)

    def begin(self, index: int, home: int) -> None:
        """Picture ``index`` comes next, where the idle presenter is at its picture ``home``."""
        self._body.begin(index, home)

    def go_round(self) -> None:
        """Be the idle presenter: from picture 0 on the body only runs forwards, round and round."""
        self._body.go_round()

    def foresee(self, at: int, outlook: Outlook) -> None:
        """What is known of the frames from ``at`` on."""
        self._body.foresee(at, outlook)

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

    def perform(self, index: int, coefficients: FloatArray, scene: Scene | None = None) -> ByteArray:
        """The show's picture ``index`` with this mouth shape and scene; valid until the next call.

        Without a scene there is only what always stands there, whatever is said.
        """
        self._stage.show(scene, index)
        spent, times = [time.thread_time()], [time.perf_counter()]

        def note() -> None:
            spent.append(time.thread_time())
            times.append(time.perf_counter())

        self._body.cut_out = self._stage.cut_out
        picture, matrix, place, alpha = self._body.frame(index)
        self.home = self._body.home(place)
        note()
        shape = self._expression(coefficients[None])[0] + self._placement[place % len(self._placement)]
        self._painter.paint(picture, matrix, shape)
        note()
        composed = self._mark(self._stage.compose(picture, alpha))
        note()
        for number, name in enumerate(("body", "paint", "stage")):
            self.seconds[name] += spent[number + 1] - spent[number]
            self.times.add(name, times[number + 1] - times[number])
        self.times.add("frame", self._heard + times[-1] - times[0])
        return composed
