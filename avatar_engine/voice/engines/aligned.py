"""Phone times for an engine that gives none: what it says is warped onto an outline of the same words.

A sentence has to be whole before it can be warped. Where nobody waits for it, it is always made whole. On air it is
made whole while there is speech in hand; what must be handed on before that goes without phones, and the lips follow
its sound alone. Whatever fails here costs phones and never a word.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from avatar_engine.contracts import SAMPLE_RATE, SILENCE, FloatArray, Phone, Speech, Utterance, join
from avatar_engine.errors import AvatarError
from avatar_engine.voice import recorded
from avatar_engine.voice.engines.server import Voice
from avatar_engine.voice.lexicon import Lexicon
from avatar_engine.voice.outlines import Outline, Outliner, heard

log = logging.getLogger(__name__)

GRACE = 0.7
"""Seconds that a sentence may wait for its phones although nothing is in hand: a breath before it, no gap within."""

MARGIN = 0.3
"""Seconds before the speech in hand ends at which what is held is handed on."""

PATIENCE = 30.0
"""Seconds that a sentence is held at most, whoever listens: a voice that is silent for long is taken for dead."""

LONGEST = 30.0
"""Seconds of the longest sentence that is warped."""

WORST = 1.8
"""Mean cost of the way above which a sound is not taken for the outline's words: of the right ones it is at most 1.6,
of wrong ones at least 1.9 (docs/measurements-voice.md)."""

_BLOCK = SAMPLE_RATE // 100
_DEPTH = 10 ** (-35 / 20)  # of the loudest block: below it nobody speaks
_ROOM = round(recorded.RIM * SAMPLE_RATE)


class Outlines(Protocol):
    """Outlines texts (see `avatar_engine.voice.outlines.Outliner`)."""

    def outline(self, utterance: Utterance, /) -> Outline:
        """The outline of ``utterance``."""
        ...


class AlignedVoice:
    """Another voice, with phones where it gives none.

    Args:
        voice: Gives sound.
        outlines: Outlines what it says.
        patient: Nobody hears it as it is made: every sentence waits until it is whole, or for `PATIENCE`.
        clock: Seconds.
    """

    def __init__(
        self,
        voice: Voice,
        outlines: Outlines,
        patient: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._voice, self._outlines = voice, outlines
        self._patient, self._clock = patient, clock
        self._heard_until = 0.0  # when all that was handed on will have been heard
        self._generation = 0
        self._per_letter = 0.0  # seconds that an outline takes

    def speak(self, utterance: Utterance) -> Iterator[Speech]:
        """The voice's sound of ``utterance``; its phones lie from 0 to the end of a piece or are not known."""
        if utterance.generation != self._generation:
            self._generation, self._heard_until = utterance.generation, 0.0  # what was in hand was dropped
        begun = self._clock()
        with _Ahead(self._voice.speak(utterance)) as ahead:
            outline = self._outline(utterance)
            said: list[Speech] = []
            given = 0  # pieces of `said` that were handed on without phones
            while not ahead.ended:
                if (piece := ahead.take(self._time_left(begun, given, len(said)))) is not None:
                    said.append(piece)
                    if piece.phones:
                        outline = None  # the voice knows better
                if outline is None or self._time_left(begun, given, len(said)) == 0:
                    for held in said[given:]:
                        yield self._handed(held)
                    given = len(said)
        phones = self._phones(outline, said, utterance) if given < len(said) else ()
        at = sum(len(piece.samples) for piece in said[:given])
        whole = Speech(join(said).samples, phones)
        for piece in said[given:]:
            yield self._handed(whole.part(at, at + len(piece.samples)))
            at += len(piece.samples)

    def _handed(self, piece: Speech) -> Speech:
        self._heard_until = max(self._heard_until, self._clock()) + piece.seconds
        return piece

    def _time_left(self, begun: float, given: int, said: int) -> float | None:
        """Seconds for which what is held may still be held; None where nothing is."""
        if said == given:
            return None
        last = begun + PATIENCE
        if not self._patient:
            in_hand = self._heard_until - MARGIN
            last = min(last, in_hand if given else max(in_hand, begun + GRACE))
        return max(0.0, last - self._clock())

    def _outline(self, utterance: Utterance) -> Outline | None:
        """The outline, unless it fails or would keep the listener waiting."""
        begun, length = self._clock(), max(1, len(utterance.text))
        if not self._patient and self._per_letter * length > max(GRACE, self._heard_until - begun):
            self._per_letter /= 2  # looked at again soon
            return None
        try:
            outline = self._outlines.outline(utterance)
            self._per_letter = (self._clock() - begun) / length
            return outline
        except AvatarError as error:
            log.info("no phones of %r: %s", utterance.text[:40], error)
        except Exception:
            log.exception("no phones of %r", utterance.text[:40])
        return None

    def _phones(self, outline: Outline | None, said: list[Speech], utterance: Utterance) -> tuple[Phone, ...]:
        samples = join(said).samples
        if outline is None or len(samples) > LONGEST * SAMPLE_RATE:
            return ()
        try:
            phones, cost = placed(outline, samples)
        except AvatarError as error:
            log.info("no phones of %r: %s", utterance.text[:40], error)
        except Exception:
            log.exception("no phones of %r", utterance.text[:40])
        else:
            if cost <= WORST:
                return phones
            log.info("no phones of %r: it sounds like other words (%.1f)", utterance.text[:40], cost)
        return ()


def placed(outline: Outline, samples: FloatArray) -> tuple[tuple[Phone, ...], float]:
    """The phones of a whole sentence's sound, from its start to its end, and the mean cost of the way.

    Args:
        outline: Of the sentence.
        samples: float32 (n,) at 24 kHz, with any silence around it.

    Raises:
        AvatarError: Nothing is said in it.
    """
    blocks = samples[: len(samples) // _BLOCK * _BLOCK].reshape(-1, _BLOCK)
    levels = np.sqrt(np.mean(np.square(blocks), axis=1)) if len(blocks) else np.zeros(0, np.float32)
    loud = np.flatnonzero(levels > _DEPTH * levels.max(initial=0.0))
    if not len(loud):
        raise AvatarError("The sentence is silent.", "Look at the engine.")
    start = max(0, int(loud[0]) * _BLOCK - _ROOM)
    stop = min(len(samples), (int(loud[-1]) + 1) * _BLOCK + _ROOM)
    real, seconds = heard(samples[start:stop]), (stop - start) / SAMPLE_RATE
    known, cost = recorded.placed(outline.phones, outline.features, real, 0.0, seconds)
    at, end = start / SAMPLE_RATE, len(samples) / SAMPLE_RATE
    phones = [Phone(phone.symbol, phone.start + at, phone.end + at) for phone in known]
    lead, tail = Phone(SILENCE, 0.0, phones[0].end), Phone(SILENCE, phones[-1].start, end)
    first = [lead] if phones[0].symbol == SILENCE else [Phone(SILENCE, 0.0, at), phones[0]]
    last = [tail] if phones[-1].symbol == SILENCE else [phones[-1], Phone(SILENCE, phones[-1].end, end)]
    return (*first, *phones[1:-1], *last), cost


def aligned(voice: Voice, lexicon: Lexicon | None = None, patient: bool = False) -> Voice:
    """``voice`` with phones, where this machine has what is needed for them."""
    try:
        return AlignedVoice(voice, Outliner(lexicon), patient)
    except AvatarError as error:
        log.warning("The lips will follow the engine's sound alone: %s", error)
        return voice


class _Ahead:
    """Pieces of a stream, read in a thread of its own, so that one can stop waiting for the next."""

    def __init__(self, pieces: Iterator[Speech]) -> None:
        self.ended = False
        self._pieces = pieces
        self._line: queue.SimpleQueue[Speech | Exception | None] = queue.SimpleQueue()
        self._left = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._read, name="engine", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left.set()

    def take(self, seconds: float | None) -> Speech | None:
        """The next piece; None at the end, and when ``seconds`` have passed."""
        try:
            found = self._line.get(timeout=seconds)
        except queue.Empty:
            return None
        if isinstance(found, Exception):
            self.ended = True
            raise found
        self.ended = found is None
        return found

    def _read(self) -> None:
        try:
            for piece in self._pieces:
                if self._left.is_set():
                    break
                self._line.put(piece)
        except Exception as error:
            self._line.put(error)
        else:
            self._line.put(None)
        finally:
            if close := getattr(self._pieces, "close", None):
                close()
