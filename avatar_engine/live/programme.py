"""The programme: pictures with their own sound, counted by one clock, the frame index.

Nothing in here knows the time of day. Speech comes from a source that runs ahead; every frame takes exactly its
`SAMPLES_PER_FRAME` samples of it, or silence. The mouth motion of a frame needs some sound that comes after it,
so frames wait in a short line until their motion is there: sound and mouth can't part.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from avatar_engine.contracts import (
    BARE,
    NOTHING_KNOWN,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    ByteArray,
    FloatArray,
    Outlook,
    Phone,
    ProgrammeFrame,
    Scene,
    phones_within,
)
from avatar_engine.live.calls import Calls, Wearing
from avatar_engine.live.outlook import Ahead, coming

if TYPE_CHECKING:  # the voice's process reads this module, too, and needs no lips
    from avatar_engine.live.performer import Performer

EDGE = SAMPLE_RATE // 100
"""Samples (10 ms) over which speech that is cut off falls to silence, so that nothing clicks."""

OPENING, CLOSING = 3, 6
"""Frames in which the mouth leaves its rest before speech, and returns to it afterwards."""

TAIL = 15
"""Frames of rest at the programme's end."""

STILL = 0.05
"""By how much the mouth may differ from its rest, in standard deviations of its shapes, and be at rest."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """Samples of one utterance, mono float32 (n,); ``last`` marks the piece that ends it.

    Attributes:
        phones: Those that are said in it, timed from its first sample.
        sentence: Number of the sentence that it belongs to, new for every one; -1 for sound that has none.
        then: See `avatar_engine.contracts.Utterance`; what counts is that of the ``last`` piece.
        product: Id of what it is about.
        utterance: The utterance's number in the show's journal; 0 for none.
        action: Name of what the presenter does as it begins; "" for nothing.
        look: Name of the look that is worn in it; "" for whichever is.
    """

    samples: FloatArray
    generation: int = 0
    last: bool = False
    phones: tuple[Phone, ...] = ()
    sentence: int = -1
    then: int = 0
    product: str = ""
    utterance: int = 0
    action: str = ""
    look: str = ""


@dataclass(frozen=True, slots=True)
class Silence:
    """Exactly ``samples`` samples in which nothing is said."""

    samples: int
    generation: int = 0


Piece: TypeAlias = Spoken | Silence


class SpeechSource(Protocol):
    """Speech and silences in order, made ahead of need."""

    @property
    def generation(self) -> int:
        """Pieces of an older generation are no longer wanted."""
        ...

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more."""
        ...

    def poll(self) -> Piece | None:
        """The next piece; None when none is ready now."""
        ...


SceneFor: TypeAlias = Callable[[str], Scene]
"""The scene for what is heard, a product's id or "": asked once a frame."""


def bare(_: str) -> Scene:
    """The `SceneFor` of a show in which nothing changes."""
    return BARE


class Track(Protocol):
    """Sound in frames (see `SoundTrack`)."""

    @property
    def scene(self) -> Scene:
        """The scene of the last frame's sound."""
        ...

    @property
    def outlook(self) -> Outlook:
        """What is known of the frames after the last one."""
        ...

    @property
    def ended(self) -> bool:
        """Whether only silence will come."""
        ...

    def next(self) -> tuple[FloatArray, bool, Sequence[Phone]]:
        """The next `SAMPLES_PER_FRAME` samples, float32, whether something is said in them, and its phones."""
        ...


class SoundTrack:
    """Cuts what a source gives into frames.

    A piece of an older generation is cut off within `EDGE` samples; when speech runs dry in the middle of an
    utterance, its last samples fade out and what follows fades in.

    Args:
        source: Pieces of speech.
        scenes: What is shown with it.
        product: What was spoken of before.
        calls: The actions that are called for; those of another track go on where this one takes its place.
        wearing: The looks that are asked for, likewise.

    Attributes:
        mended: The frame before the last one, where the last call changed it; None otherwise.
        product: Id of what is spoken of, or was last.
        scene, outlook: See `Track`.
    """

    def __init__(
        self,
        source: SpeechSource,
        scenes: SceneFor = bare,
        product: str = "",
        calls: Calls | None = None,
        wearing: Wearing | None = None,
    ) -> None:
        self.product, self._scenes = product, scenes
        self._wearing, self._look = wearing or Wearing(), ""  # and the look in which something is said
        self.scene = BARE
        self.outlook = NOTHING_KNOWN
        self._ahead = Ahead()
        self._calls = calls or Calls()
        self._source = source
        self._piece: Piece | None = None
        self._at = 0
        self._inside = False  # between the pieces of one utterance
        self._torn = False  # the source ran dry there
        self._before = np.zeros(SAMPLES_PER_FRAME, np.float32)
        self.mended: FloatArray | None = None

    @property
    def ended(self) -> bool:
        """Whether only silence will come."""
        return self._piece is None and self._source.ended

    def next(self) -> tuple[FloatArray, bool, list[Phone]]:
        """The next `SAMPLES_PER_FRAME` samples, float32, whether something is said in them, and its phones."""
        sound = np.zeros(SAMPLES_PER_FRAME, np.float32)
        self.mended = None
        phones: list[Phone] = []
        filled, speaking = 0, False
        while filled < SAMPLES_PER_FRAME:
            if self._piece is None and not self._take():
                if self._inside and not self._torn:
                    self._torn = True
                    self._tear(sound[:filled])
                break
            piece = self._piece
            assert piece is not None  # noqa: S101 - for the type checker: _take() has set it
            if isinstance(piece, Spoken):
                at = self._at - filled  # where the frame begins, counted in the piece
                taken = self._speak(piece, sound[filled:])
                phones += phones_within(piece.phones, at, filled + taken)
                speaking = speaking or taken > 0
            else:
                taken = self._rest(piece, SAMPLES_PER_FRAME - filled)
            filled += taken
        self._before = sound
        pieces = self._pieces()
        said = [piece for piece in pieces if isinstance(piece, Spoken)]
        if not speaking and said:  # what is said next: the look changes in the pause before it
            self._look = said[0].look
        look = self._wearing.next(self._look)
        self.scene = self._scenes(self.product)
        if look:
            self.scene = replace(self.scene, look=look)
        looks = tuple(dict.fromkeys(piece.look for piece in said if piece.look))
        self.outlook = self._ahead.outlook(pieces, self._at, self._calls.next(), looks)
        return sound, speaking, phones

    def act(self, name: str) -> None:
        """Call for an action of the presenter; may be called by any thread."""
        self._calls.ask(name)

    def _pieces(self) -> Sequence[Piece]:
        """What will be heard, as far as that is known; the first piece is perhaps begun."""
        if self._piece is None:
            self._at = 0
            return coming(self._source)
        stale = self._piece.generation < self._source.generation
        return () if stale else [self._piece, *coming(self._source)]

    def _tear(self, sound: FloatArray) -> None:
        """Fade out what was last said; its end may lie in the frame before, which still waits for its motion."""
        ramp = np.linspace(1, 0, EDGE, dtype=np.float32)
        here = min(EDGE, len(sound))
        sound[len(sound) - here :] *= ramp[EDGE - here :]
        if here < EDGE:
            self._before[SAMPLES_PER_FRAME - (EDGE - here) :] *= ramp[: EDGE - here]
            self.mended = self._before

    def _take(self) -> bool:
        self._piece, self._at = self._source.poll(), 0
        return self._piece is not None

    def _speak(self, piece: Spoken, room: FloatArray) -> int:
        if piece.generation < self._source.generation and (len(room) >= EDGE or not self._inside):
            return self._cut(piece, room)
        self.product, self._look = piece.product, piece.look
        if not self._at:
            self._calls.begin(piece.utterance, piece.action)
            self._wearing.begin(piece.utterance)
        taken = min(len(room), len(piece.samples) - self._at)
        room[:taken] = piece.samples[self._at : self._at + taken]
        if self._torn:
            _fade_in(room[: min(EDGE, taken)])
            self._torn = False
        self._at += taken
        self._inside = True
        if self._at == len(piece.samples):
            self._piece, self._inside = None, not piece.last
        return taken

    def _cut(self, piece: Spoken, room: FloatArray) -> int:
        """Leave a stale piece: at once if it was not begun, over `EDGE` samples if it was."""
        taken = min(EDGE, len(piece.samples) - self._at) if self._inside and not self._torn else 0
        fading = piece.samples[self._at : self._at + taken]
        room[:taken] = fading * np.linspace(1, 0, taken, dtype=np.float32)
        self._piece, self._inside, self._torn = None, False, False
        return taken

    def _rest(self, piece: Silence, room: int) -> int:
        self._inside = self._torn = False
        if piece.generation < self._source.generation:
            self._piece = None
            return 0
        taken = min(room, piece.samples - self._at)
        self._at += taken
        if self._at == piece.samples:
            self._piece = None
        return taken


def _fade_in(samples: FloatArray) -> None:
    samples *= np.linspace(0, 1, len(samples), dtype=np.float32)


class Programme:
    """Yields `ProgrammeFrame` after `ProgrammeFrame`; a pure function of what the source gives.

    While nothing is said the body goes on and the mouth rests closed. The programme ends `TAIL` frames after the
    source has ended; a source that never ends makes a programme that never ends.

    Args:
        track: What is heard.
        performer: Makes the pictures. A frame's picture is valid until the next frame is asked for.
        start: Index of the first frame.
        hurried: Asked before every picture; where there is no time for it the last one is shown again, never twice, so
            that the sound is not kept waiting.

    Attributes:
        index: Index of the next frame; set it to go on at another one.
        held: Pictures that were shown again.
    """

    def __init__(
        self,
        track: Track,
        performer: Performer[Any],
        start: int = 0,
        hurried: Callable[[], bool] = lambda: False,
    ) -> None:
        self.index = start
        self.held = 0
        self._hurried = hurried
        self._picture: ByteArray | None = None  # the last one, if it was shown once
        self._track = track
        self._performer = performer
        self._line: deque[tuple[FloatArray, bool, Scene]] = deque()
        self._awake = 0.0  # 0 the mouth rests, 1 it follows the sound

    def __iter__(self) -> Iterator[ProgrammeFrame]:
        quiet = 0
        while quiet < TAIL:
            sound, speaking, phones = self._track.next()
            self._line.append((sound, speaking, self._track.scene))
            self._performer.expect(self._track.scene)
            self._performer.foresee(self.index + len(self._line), self._track.outlook)
            for coefficients in self._performer.hear(sound, phones):
                frame = self._frame(coefficients)
                quiet = quiet + 1 if not frame.speaking and self._over() else 0
                yield frame

    def _over(self) -> bool:
        return self._track.ended and not any(speaking for _, speaking, _ in self._line)

    def _frame(self, coefficients: FloatArray) -> ProgrammeFrame:
        sound, speaking, scene = self._line.popleft()
        soon = speaking or any(later for _, later, _ in self._line)
        step = 1 / OPENING if soon else -1 / CLOSING
        self._awake = min(1.0, max(0.0, self._awake + step))
        rest = self._performer.neutral
        shape = rest + np.float32(self._awake) * (coefficients - rest)
        picture = self._picture
        if picture is not None and self._hurried():
            self._picture = None
            self.held += 1
        else:
            still = bool(np.abs(shape - rest).max() < STILL)
            picture = self._picture = self._performer.perform(self.index, shape, scene, still)
        frame = ProgrammeFrame(self.index, picture, sound, speaking, self._performer.home)
        self.index += 1
        return frame
