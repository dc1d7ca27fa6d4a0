"""Speech that can be heard again: what was given to the renderer is kept until it went out.

When a fault cuts a sentence, what follows begins with that sentence's start again, or after its end.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass

from avatar_engine.contracts import SAMPLE_RATE, SAMPLES_PER_FRAME, FloatArray, Outlook, Phone, Scene
from avatar_engine.live.calls import Calls, Wearing
from avatar_engine.live.outlook import coming
from avatar_engine.live.programme import Piece, SceneFor, Silence, SoundTrack, SpeechSource, Spoken, bare

log = logging.getLogger(__name__)

BREATH = SAMPLE_RATE // 2
"""Samples of silence between what was cut and its second start."""

MOST = 2
"""Times that one sentence is said again: perhaps it is the sentence that kills the renderer."""


@dataclass(slots=True)
class _Given:
    """A piece that was given away: the frames of content in which it begins and ends; -1 while it is going on.

    ``before`` is the product that was spoken of until then.
    """

    piece: Piece
    begins: int
    before: str
    ends: int = -1


class _Kept:
    """A `SpeechSource` that remembers what it gave; the frame that is being filled is told to it."""

    def __init__(self, source: SpeechSource) -> None:
        self.source = source
        self.frame = 0
        self.given: deque[_Given] = deque()
        self.again: deque[Piece] = deque()
        self.left_out = -1  # sentence of which the rest is not wanted
        self.product = ""  # of the last piece of speech that was given
        self.closing = False  # nothing is given after the sentence that is being given
        self.over = False

    @property
    def generation(self) -> int:
        return self.source.generation

    @property
    def ended(self) -> bool:
        return self.over or (not self.again and self.source.ended)

    def coming(self) -> list[Piece]:
        """See `avatar_engine.live.outlook.Foresees`."""
        pieces = [] if self.over else [*self.again, *coming(self.source)]
        return [piece for piece in pieces if not 0 <= _sentence(piece) == self.left_out]

    def poll(self) -> Piece | None:
        if self.given and self.given[-1].ends < 0:
            self.given[-1].ends = self.frame
        piece = self._next()
        while isinstance(piece, Spoken) and 0 <= piece.sentence == self.left_out:
            piece = self._next()
        if self.closing and not self._goes_on(piece):
            self.over = True
            return None
        if isinstance(piece, Silence) or (piece is not None and piece.sentence >= 0):
            self.given.append(_Given(piece, self.frame, self.product))
        self.product = piece.product if isinstance(piece, Spoken) else self.product
        return piece

    def _goes_on(self, piece: Piece | None) -> bool:
        """Whether a piece, or one that is still to come, is of the sentence that was given last."""
        before = self.given[-1].piece if self.given and not self.over else None
        if not isinstance(before, Spoken) or before.last:
            return False
        return piece is None or before.sentence == _sentence(piece)

    def _next(self) -> Piece | None:
        return self.again.popleft() if self.again else self.source.poll()


class Retold:
    """A `Track` whose sentences can be told again; used by one thread at a time.

    Args:
        source: Speech; pieces without a number of their sentence (live sound) are told once.
        on_fault: ``repeat`` or ``skip`` the sentence that was cut.
        start: The item to begin with, counted over all rounds.
        scenes, calls, wearing: See `SoundTrack`.

    Attributes:
        frame: Frames of content given so far.
        then: Where the show goes on, by what was heard whole (`avatar_engine.contracts.Utterance`).
        repeated: Sentences said again from their start.
        skipped: Sentences that were cut and left out.
        went: Sentences that went out since somebody looked: their utterance's number, the frame of content in which
            they began, and that in which they ended.
    """

    def __init__(
        self,
        source: SpeechSource,
        on_fault: str,
        start: int = 0,
        scenes: SceneFor = bare,
        calls: Calls | None = None,
        wearing: Wearing | None = None,
    ) -> None:
        self.then = start
        self.repeated = self.skipped = 0
        self.went: deque[tuple[int, int, int]] = deque(maxlen=1000)
        self._on_fault = on_fault
        self._kept = _Kept(source)
        self._scenes, self._calls, self._wearing = scenes, calls or Calls(), wearing or Wearing()
        self._track = SoundTrack(self._kept, scenes, calls=self._calls, wearing=self._wearing)
        self._cuts: tuple[int, int] = (-1, 0)  # the sentence that was cut last, and how often

    @property
    def frame(self) -> int:
        return self._kept.frame

    @property
    def ended(self) -> bool:
        """Whether only silence will come."""
        return self._track.ended

    @property
    def scene(self) -> Scene:
        """See `Track`."""
        return self._track.scene

    @property
    def outlook(self) -> Outlook:
        """See `Track`."""
        return self._track.outlook

    @property
    def mended(self) -> FloatArray | None:
        """See `SoundTrack`."""
        return self._track.mended

    def act(self, name: str) -> None:
        """See `SoundTrack.act`; may be called by any thread."""
        self._track.act(name)

    def next(self) -> tuple[FloatArray, bool, list[Phone]]:
        """See `SoundTrack.next`."""
        given = self._track.next()
        self._kept.frame += 1
        return given

    def finish(self) -> None:
        """End with the sentence that is being given; what waits behind it is never heard."""
        self._kept.closing = True

    def heard(self, frames: int) -> None:
        """The first ``frames`` frames of content went out: what is whole in them is forgotten."""
        given = self._kept.given
        while given and (whole := self._whole(frames)):
            first = given[0]
            if isinstance(first.piece, Spoken) and first.piece.utterance:
                self.went.append((first.piece.utterance, first.begins, given[whole - 1].ends))
            for _ in range(whole):
                piece = given.popleft().piece
                if isinstance(piece, Spoken) and piece.last:
                    self.then = max(self.then, piece.then)

    def _whole(self, frames: int) -> int:
        """How many pieces the first sentence or silence has, once it went out to its end; 0 before."""
        given = self._kept.given
        number = _sentence(given[0].piece)
        for count, one in enumerate(given):
            if count and _sentence(one.piece) != number:
                return count
            if not 0 <= one.ends < frames:
                return 0
            if isinstance(one.piece, Silence) or one.piece.last:
                return count + 1
        return 0

    def cut(self, frames: int, begun: int | None = None) -> None:
        """Only the first ``frames`` frames of content were heard for sure, and ``begun`` (the same by default)
        perhaps: go on from there."""
        self.heard(frames)
        kept = self._kept
        again: list[Piece] = [given.piece for given in kept.given]
        if again and isinstance(first := again[0], Silence):
            gone = max(0, frames - kept.given[0].begins) * SAMPLES_PER_FRAME
            again[0] = Silence(max(0, first.samples - gone), first.generation)
        went = frames if begun is None else begun
        for at, given in enumerate(kept.given):
            if isinstance(given.piece, Spoken) and given.begins < went:
                again[at:] = self._told_again(given.piece, again[at:])
                break
        kept.product = self._spoken_of(went)
        kept.given.clear()
        kept.again.extendleft(reversed([piece for piece in again if not _empty(piece)]))
        self._track = SoundTrack(kept, self._scenes, kept.product, self._calls, self._wearing)

    def _spoken_of(self, frames: int) -> str:
        """The product that was spoken of when the first ``frames`` frames of content were over."""
        given = self._kept.given
        product = given[0].before if given else self._kept.product
        for one in given:
            if one.begins < frames and isinstance(one.piece, Spoken):
                product = one.piece.product
        return product

    def _told_again(self, first: Spoken, again: list[Piece]) -> list[Piece]:
        """What is told instead of pieces that begin with the sentence that was cut."""
        number = first.sentence
        self._cuts = (number, self._cuts[1] + 1 if self._cuts[0] == number else 1)
        breath = Silence(BREATH, first.generation)
        if self._on_fault == "repeat" and self._cuts[1] <= MOST:
            self.repeated += 1
            log.warning("a sentence was cut and is said again")
            return [breath, *again]
        self.skipped += 1
        log.warning("a sentence was cut and is left out")
        self._kept.left_out = number
        return [breath, *(piece for piece in again if _sentence(piece) != number)]


def _sentence(piece: Piece) -> int:
    return piece.sentence if isinstance(piece, Spoken) else -1


def _empty(piece: Piece) -> bool:
    return isinstance(piece, Silence) and piece.samples <= 0
