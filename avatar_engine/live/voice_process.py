"""The voice in a process of its own, ahead of need and never further than a few seconds.

A thread here asks the director what comes next, hands it to the process and lines up what comes back; the
programme polls that line and never waits. A voice that fails or dies is started again and the utterance is tried
once more from where its sound broke off; one that can't be said is left out. The show goes on either way.
"""

from __future__ import annotations

import ctypes
import logging
import multiprocessing
import os
import signal
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import count, islice
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from multiprocessing.sharedctypes import RawValue
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np

from avatar_engine import markup
from avatar_engine.bundle import Bundle
from avatar_engine.contracts import SAMPLE_RATE, FloatArray, Phone, Speech, Utterance, join
from avatar_engine.errors import AvatarError
from avatar_engine.live.child_log import ChildLog, log_to
from avatar_engine.live.heart import Heart, Watch
from avatar_engine.live.line import Line
from avatar_engine.live.programme import Piece, Silence, SpeechSource, Spoken
from avatar_engine.live.sentences import Sentences
from avatar_engine.show.script import Beat, Pause
from avatar_engine.voice.engines.settings import EngineSettings
from avatar_engine.voice.takes import Checker, Reads, Tally, sentences

log = logging.getLogger(__name__)

LEAD = 4.0
"""Seconds of speech and silence that are kept ready."""

BEAT_LEAD = 0.3
"""The same of silence in which somebody may want to say something."""

SLOW = 0.9
"""Seconds of work for a second of speech from which the voice can't keep up: an utterance then waits until it is
whole, because a rest between two sentences is natural and one inside a word is not."""

SLOW_LEAD = 20.0
"""Seconds that such a voice keeps ready instead of `LEAD`: it must not rest while it is behind."""

READS = 0.5
"""Seconds of work for a second of speech up to which a voice leaves room for reading back what it said."""

LOOK = 0.1
"""Seconds between two questions whether something more urgent is ready than what was made ahead."""

LONGEST_HELD = 60.0
"""Seconds of speech that are held back at most."""

STUCK = 60.0
"""Seconds without a sign of life after which the process counts as dead."""

HUNG = 3.0
"""Seconds without a heartbeat after which the process counts as dead."""

MIDDLE = 5.0
"""Seconds that the rest of a message may take that has begun to come."""

SHOWN = 12
"""Pieces in the line that are shown beforehand at most."""

EDGE = SAMPLE_RATE // 200
"""Samples (5 ms) over which every utterance rises from silence and falls back."""

NICENESS = 5
"""The voice has seconds to spare, the painter has milliseconds: it yields to it."""

URGENT = 2.0
"""Seconds of speech in hand below which it has none to spare: then it yields to nobody."""


class Speaks(Protocol):
    """A voice (see `avatar_engine.voice.speak.Voice`)."""

    def speak(self, utterance: Utterance, /) -> Iterator[Speech]:
        """The utterance's sound, piece by piece."""
        ...


class Directs(Protocol):
    """Says what comes next (see `avatar_engine.show.director.Director`)."""

    @property
    def generation(self) -> int:
        """What was planned in an older one is no longer wanted."""
        ...

    def next(self) -> Utterance | Pause | None:
        """The next thing to say or silence; None at the end."""
        ...

    def told(self, seconds: float) -> None:
        """What was handed out last is so long."""
        ...

    def interrupt(self) -> int:
        """Start a new generation."""
        ...


class GivesWay(Protocol):
    """A director who takes back what was not begun (see `avatar_engine.show.producer.Producer`)."""

    def held(self) -> AbstractContextManager[Any]:
        """A context in which nobody else asks or tells it anything; entered before the line is locked."""
        ...

    def pressing(self) -> bool:
        """Whether something is ready that may come before what was not begun."""
        ...

    def give_way(self, unheard: int) -> int:
        """How many of the last ``unheard`` things handed out are taken back for it."""
        ...

    def break_off(self, unheard: int, cut: bool) -> int:
        """Start a new generation; the thing before the last ``unheard`` was ``cut``, if it was."""
        ...


VoiceMaker = Callable[[], Speaks]
"""Loads the voice, in the voice's own process: a module's function or a `functools.partial` of one."""


def load_voice(
    bundle: Bundle, language: str, lexicon: Path | None = None, among: Sequence[str] = ()
) -> Speaks:
    """The voice of a bundle: the `VoiceMaker` of every show.

    ``lexicon`` is a file of the user's pronunciations; ``among`` are the languages to choose from where a text's is
    to be found.

    Raises:
        AvatarError: The bundle has no voice, it does not speak the language, or the lexicon is wrong.
    """
    # Imported here: only the voice's own process pays for the network's libraries.
    from avatar_engine.voice.lexicon import Lexicon
    from avatar_engine.voice.pack import VoicePack
    from avatar_engine.voice.speak import Voice

    words = Lexicon.load(lexicon) if lexicon else None
    return Voice(VoicePack.load(bundle), language, threads=1, lexicon=words, among=among)


def load_engine(
    settings: EngineSettings,
    bundle: Bundle,
    language: str,
    lexicon: Path | None = None,
    among: Sequence[str] = (),
    patient: bool = False,
) -> Speaks:
    """Another engine's voice in place of the bundle's own, which may step in, with the user's ``lexicon``.

    Raises:
        AvatarError: The engine can't be loaded, or the bundle's voice is to step in and can't be.
    """
    from avatar_engine.voice.engines.aligned import aligned
    from avatar_engine.voice.engines.server import load_server
    from avatar_engine.voice.lexicon import Lexicon

    words = Lexicon.load(lexicon) if lexicon else None
    own = partial(load_voice, bundle, language, lexicon, among)
    return load_server(settings, own, partial(aligned, lexicon=words, patient=patient))


def voice_of(
    director: Directs,
    bundle: Bundle,
    rehearsal: Utterance,
    *,
    server: EngineSettings | None = None,
    lexicon: Path | None = None,
    among: Sequence[str] = (),
    niceness: int = NICENESS,
    patient: bool = False,
    read_back: bool = True,
    on_fault: str = "",
) -> VoiceProcess:
    """What a director plans, in the bundle's voice or that of a speech ``server``; the rehearsal names the language,
    and ``among`` are those to choose from where a text's is to be found.

    A ``patient`` listener does not hear it as it is made: every sentence of a server may wait for its phones.
    """
    language = rehearsal.language
    said: Directs = director
    make: VoiceMaker = partial(load_voice, bundle, language, lexicon, among)
    if server:
        said = Sentences(director, language, among)
        make = partial(load_engine, server, bundle, language, lexicon, among, patient)
    return VoiceProcess(said, make, rehearsal, niceness=niceness, read_back=read_back, on_fault=on_fault)


def rehearsal(language: str) -> Utterance:
    """Words that every language can say: numbers."""
    return Utterance("1, 2, 3.", language, source="rehearsal")


@dataclass(slots=True)
class VoiceFigures:
    """What the voice did.

    Attributes:
        said: Utterances said.
        left_out: Utterances that could not be said.
        restarts: Times that the process was started anew.
        repeated: Sentences of which a fault was heard, and which were said again from their start.
        skipped: Those that were not.
        pace: Seconds of work for a second of speech, lately.
        first_sound: Seconds from a text to its first piece, for each of the last utterances.
        checks: What the checks of every sentence found.
    """

    said: int = 0
    left_out: int = 0
    restarts: int = 0
    repeated: int = 0
    skipped: int = 0
    pace: float = 0.0
    first_sound: deque[float] = field(default_factory=lambda: deque(maxlen=1000))
    checks: Tally = field(default_factory=Tally)


class Teller(SpeechSource, Protocol):
    """A `SpeechSource` that has to be started and is made ahead of need: a voice, or a recording."""

    figures: VoiceFigures

    @property
    def lead(self) -> float:
        """Seconds ready to be said."""
        ...

    @property
    def pid(self) -> int | None:
        """Process id of what speaks; None while it is down."""
        ...

    def launch(self) -> None:
        """Begin to load."""
        ...

    def wait_ready(self) -> None:
        """Wait until it can speak.

        Raises:
            AvatarError: It can't.
        """
        ...

    def go(self) -> None:
        """Begin to speak."""
        ...

    def wait(self, timeout: float = 1.0) -> None:
        """Wait until a piece is ready or nothing will come, at most ``timeout`` seconds."""
        ...

    def close(self) -> None:
        """End it; whatever was still to be said is not."""
        ...


class _VoiceError(Exception):
    """The voice could not say it; ``died`` tells that its process is gone, too."""

    def __init__(self, reason: str, died: bool) -> None:
        super().__init__(reason)
        self.died = died


class _Ready(NamedTuple):
    """A piece that waits to be heard, and which of the things handed out it is of."""

    whose: int
    piece: Piece


class VoiceProcess(Line[_Ready]):
    """A `SpeechSource` that says what a director plans.

    Args:
        director: What is said; asked from one thread only.
        make: Loads the voice in the other process.
        rehearsal: Said by the voice for nobody as soon as it is loaded: it is warm then, and its pace known.
        lead: Seconds to keep ready.
        niceness: How far the voice yields to the other processes while there is speech in hand.
        read_back: Whether sentences are read back where there is time for it.
        on_fault: What becomes of a sentence that was heard to break off: ``repeat`` or ``skip`` it; "" goes on where it
            broke off, for a listener who waits and hears no gap.
    """

    def __init__(
        self,
        director: Directs,
        make: VoiceMaker,
        rehearsal: Utterance,
        lead: float = LEAD,
        niceness: int = NICENESS,
        read_back: bool = True,
        on_fault: str = "",
    ) -> None:
        super().__init__()
        self.figures = VoiceFigures()
        self._director = director
        self._in_hand = RawValue("d", 0.0)  # `lead`, where the process sees it
        self._order = (make, rehearsal, niceness, read_back, self._in_hand)
        self._lead = round(lead * SAMPLE_RATE)
        self._on_fault = on_fault
        self._numbers = count()  # of sentences
        self._held: list[Piece] = []  # of an utterance that waits until it is whole
        self._made = 0  # samples of speech
        self.tells: Callable[[Utterance], None] = _nobody  # told of everything that is about to be said
        self._yields: GivesWay | None = None
        self._handed = self._begun = 0  # things handed out; the last one of which anything was taken
        self._whole = True  # and that one was taken whole
        self._worker: _Worker | None = None
        self._thread = threading.Thread(target=self._run, name="voice", daemon=True)

    def give_way_to(self, director: GivesWay) -> None:
        """Let what is urgent come before what was made ahead; before `go`, and with the director that is asked."""
        self._yields = director

    def launch(self) -> None:
        """Begin to load the voice; nothing is asked of the director yet."""
        self._worker = _Worker(*self._order)

    def wait_ready(self) -> None:
        """Wait until the voice can speak.

        Raises:
            AvatarError: It can't be loaded.
        """
        if self._worker is None:
            raise ValueError("the voice was not launched")
        self.figures.pace = self._worker.wait_ready()

    def go(self) -> None:
        """Begin to ask the director."""
        self._thread.start()

    @property
    def generation(self) -> int:
        """The director's generation."""
        return self._director.generation

    @property
    def pid(self) -> int | None:
        """Process id of the voice; None while it is down."""
        return self._worker.process.pid if self._worker else None

    def poll(self) -> Piece | None:
        """The next piece, at once; None when none is ready."""
        with self._changed:
            while self._line:
                whose, piece = self._line.popleft()
                self._begun = max(self._begun, whose)
                self._whole = isinstance(piece, Silence) or piece.last
                self._count(-_length(piece))
                self._changed.notify_all()
                if piece.generation >= self._director.generation:
                    return piece
            return None

    def coming(self) -> list[Piece]:
        """See `avatar_engine.live.outlook.Foresees`."""
        with self._changed:
            wanted = self._director.generation
            return [piece for _, piece in islice(self._line, SHOWN) if piece.generation >= wanted]

    def interrupt(self) -> None:
        """Drop what is planned, in the line and in the process, and go on with what the director says next."""
        with self._ordered(), self._changed:
            if self._yields:
                self._yields.break_off(self._handed - self._begun, not self._whole)
                self._begun, self._whole = self._handed, True
            else:
                self._director.interrupt()
            self._line = deque(one for one in self._line if one.piece.generation >= self.generation)
            self._count(sum(_length(one.piece) for one in self._line) - self._ready)
            self._changed.notify_all()

    def close(self) -> None:
        """End the process and the thread; whatever was still to be said is not."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        given_up = time.monotonic() + 10
        while self._thread.is_alive() and time.monotonic() < given_up:
            if self._worker:
                self._worker.process.kill()  # the thread sees the end of its line
            self._thread.join(0.1)
        if self._worker:
            self._worker.stop()

    def _run(self) -> None:
        try:
            while not self._closing:
                item = self._asked()
                if item is None:
                    if self._over():
                        break
                    continue
                lead = self._wanted()
                if isinstance(item, Pause):
                    self._put(Silence(round(item.seconds * SAMPLE_RATE), self.generation))
                    lead = round(BEAT_LEAD * SAMPLE_RATE) if isinstance(item, Beat) else lead
                else:
                    before = self._made
                    self._say(item)
                    self._director.told((self._made - before) / SAMPLE_RATE)
                self._wait_for_room(self.generation, lead)
        except Exception:
            log.exception("nothing more will be said")
        self._finish()

    def _ordered(self) -> AbstractContextManager[Any]:
        """What is locked before the line."""
        return self._yields.held() if self._yields else nullcontext()

    def _asked(self) -> Utterance | Pause | None:
        """What comes next; counted before anybody can break it off."""
        with self._ordered():
            item = self._director.next()
            self._handed += item is not None
            return item

    def _over(self) -> bool:
        """Nothing more is planned: whether it stays so. A director who takes back is asked anew once all was taken."""
        if self._yields is None:
            return True
        generation = self.generation
        with self._changed:
            if not self._line:
                return True
            self._changed.wait_for(lambda: not self._line or self._closing or generation < self.generation)
            return False

    def _put(self, *pieces: Piece) -> None:
        with self._changed:
            wanted = [piece for piece in pieces if piece.generation >= self.generation]
            self._line.extend(_Ready(self._handed, piece) for piece in wanted)
            self._count(sum(map(_length, wanted)))
            self._changed.notify_all()

    def _count(self, samples: int) -> None:
        self._ready += samples
        self._in_hand.value = self._ready / SAMPLE_RATE

    def _offer(self, piece: Piece) -> None:
        """Put a piece of speech into the line, or hold it back while the voice is too slow."""
        self._held.append(piece)
        self._made += _length(piece)
        held = sum(map(_length, self._held)) / SAMPLE_RATE
        whole = isinstance(piece, Spoken) and piece.last
        if whole or self.figures.pace < SLOW or held > LONGEST_HELD:
            self._put(*self._held)
            self._held.clear()

    def _wanted(self) -> int:
        """Samples that are kept ready."""
        slow = round(SLOW_LEAD * SAMPLE_RATE) if self.figures.pace >= SLOW else 0
        return max(self._lead, slow)

    def _wait_for_room(self, generation: int, lead: int) -> bool:
        """Wait until more may be made; whether what was handed out last was taken back meanwhile."""
        room = False
        while not room:
            if self._gave_way():
                return True
            with self._changed:
                room = self._changed.wait_for(
                    lambda: self._ready < lead or self._closing or generation < self.generation,
                    LOOK if self._yields else None,
                )
        return False

    def _gave_way(self) -> bool:
        """Drop what was made and not begun, where something else is ready; whether it was anything."""
        if self._yields is None or not self._yields.pressing():
            return False
        with self._yields.held(), self._changed:
            count = self._yields.give_way(self._handed - self._begun)
            self._handed -= count
            while self._line and self._line[-1].whose > self._handed:
                self._count(-_length(self._line.pop().piece))
            if count:
                self._held.clear()
            return count > 0

    def _say(self, utterance: Utterance) -> None:
        """Say it, trying twice; what was delivered before a failure is not said again."""
        self.tells(utterance)
        progress = _Delivery(utterance, self._numbers, self._heard_to_break_off)
        for again in (True, False):
            try:
                if self._receive(utterance, progress):
                    self.figures.said += 1
                    _tell_of("said", utterance)
                return
            except _VoiceError as failure:
                if self._closing:
                    return
                log.warning("%s: the voice failed (%s)", utterance.source or "utterance", failure)
                if (failure.died and not self._revive()) or progress.unwanted:
                    return
                if not again:
                    _tell_of("left out", utterance)
        self.figures.left_out += 1
        for piece in progress.finish():
            self._offer(piece)

    def _heard_to_break_off(self) -> str:
        """What becomes of the sentence that is at hand; "" while its listener has noticed nothing."""
        if self._ready or self._held or not self._on_fault:
            return ""
        self.figures.repeated += self._on_fault == "repeat"
        self.figures.skipped += self._on_fault == "skip"
        return self._on_fault

    def _receive(self, utterance: Utterance, progress: _Delivery) -> bool:
        """Take the utterance's sound; whether it is still wanted in the end."""
        worker = self._worker
        if worker is None:
            raise _VoiceError("it is not running", died=True)
        progress.begin()
        asked, stale = time.monotonic(), False
        for speech, sentence in worker.speak(utterance, self._tell):
            if progress.unwanted:
                continue  # it was on its way
            if progress.fresh:
                self.figures.first_sound.append(time.monotonic() - asked)
            for piece in progress.take(speech, sentence):
                self._offer(piece)
            progress.unwanted = self._wait_for_room(utterance.generation, self._wanted())
            if not stale and (progress.unwanted or self._closing or utterance.generation < self.generation):
                stale = True
                worker.drop()
        if progress.unwanted:
            return False
        for piece in progress.finish():
            self._offer(piece)
        return True

    def _tell(self, tally: Tally, pace: float) -> None:
        self.figures.checks += tally
        self.figures.pace = pace

    def _revive(self) -> bool:
        """Start the process anew, with growing patience; whether it runs."""
        patience = 0.5
        while not self._closing:
            self.figures.restarts += 1
            if self._worker:
                self._worker.stop()
            self._worker = _Worker(*self._order)
            try:
                self.figures.pace = self._worker.wait_ready()
                return True
            except AvatarError as error:
                log.error("the voice does not start: %s", error)
            with self._changed:
                self._changed.wait_for(lambda: self._closing, patience)
            patience = min(30.0, patience * 2)
        return False


def _nobody(_: Utterance) -> None:
    """Nobody keeps a record."""


def _tell_of(event: str, utterance: Utterance) -> None:
    """Log what became of an utterance."""
    level = logging.INFO if event == "said" else logging.ERROR
    extra = {"event": event, "text": utterance.text}
    log.log(level, "%s is %s: %r", utterance.source or "utterance", event, utterance.text, extra=extra)


def _length(piece: Piece) -> int:
    return len(piece.samples) if isinstance(piece, Spoken) else piece.samples


class _Delivery:
    """Turns an utterance's sound into pieces with soft edges. A second try goes on where the first broke off, or,
    where ``torn`` asks for it, with the sentence that broke off or the one after it."""

    def __init__(self, utterance: Utterance, numbers: Iterator[int], torn: Callable[[], str]) -> None:
        self.fresh = True  # nothing was delivered yet
        self.unwanted = False  # it was taken back
        self._utterance, self._numbers, self._torn = utterance, numbers, torn
        self._sentence, self._number = (
            -1,
            next(numbers),
        )  # the last one delivered, counted here and in the show
        self._left = -1  # the sentence that is left out
        self._delivered = 0
        self.begin()

    def begin(self) -> None:
        """A try begins."""
        self._skip = self._delivered
        self._base = self._at = -1
        self._soft = not self._delivered
        self._held = _NOTHING

    def _enter(self, sentence: int) -> None:
        """What comes is of the sentence, counted from the utterance's first."""
        self._at = sentence
        if sentence > self._sentence:
            self._sentence = sentence
            self._number = next(self._numbers) if self._delivered else self._number
        elif sentence == self._sentence and self._skip and (fate := self._torn()):
            self._skip, self._soft = 0, True
            self._number = next(self._numbers)
            self._left = sentence if fate == "skip" else -1

    def take(self, speech: Speech, begun: int) -> Iterator[Piece]:
        """The pieces that ``speech`` makes ready; ``begun`` counts the sentences that its process has begun."""
        self._base = begun if self._base < 0 else self._base
        if begun - self._base != self._at:
            self._enter(begun - self._base)
        if self._at == self._left:
            return
        skipped = min(self._skip, len(speech.samples))
        self._skip -= skipped
        known = join([self._held, speech.part(skipped, len(speech.samples))])
        edge = max(0, len(known.samples) - EDGE)
        ready, self._held = known.part(0, edge), known.part(edge, len(known.samples))
        if edge:
            if self._soft:
                self._soft = False
                rise = min(EDGE, edge)
                ready.samples[:rise] *= np.linspace(0, 1, rise, dtype=np.float32)
            action = next(iter(markup.actions(self._utterance.text)), "") if self.fresh else ""
            self.fresh = False
            self._delivered += edge
            yield self._piece(ready.samples, ready.phones, action=action)

    def finish(self) -> Iterator[Piece]:
        """The held end, faded out; empty when nothing was held, to mark the utterance's end all the same."""
        end, self._held = self._held, _NOTHING
        faded = end.samples * np.linspace(1, 0, len(end.samples), dtype=np.float32)
        yield self._piece(faded, end.phones, last=True)

    def _piece(
        self, samples: FloatArray, phones: tuple[Phone, ...], last: bool = False, action: str = ""
    ) -> Spoken:
        said = self._utterance
        return Spoken(
            samples, said.generation, last, phones, self._number, said.then, said.product, said.number, action,
            said.look,
        )  # fmt: skip


_NOTHING = Speech(np.zeros(0, np.float32))


class _Worker:
    """The process and the line to it."""

    def __init__(self, *order: Any) -> None:
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        told = ChildLog(context)
        _limit(self._line, min(MIDDLE, STUCK))
        heart = Heart()
        self._watch: Watch | None = None
        self._beats = heart.count
        self.process: SpawnProcess = context.Process(
            target=_serve, args=(theirs, told.end, heart, *order), name="avatar-voice", daemon=True
        )
        self.process.start()
        theirs.close()
        told.listen()

    def wait_ready(self) -> float:
        """Return when the voice is loaded and warm: its seconds of work for a second of speech.

        Raises:
            AvatarError: It can't be.
        """
        try:
            message = self._next()
        except _VoiceError as failure:
            raise AvatarError(
                f"The voice's process did not start ({failure}).", "Look at the log above; try again."
            ) from None
        if message[0] == "refused":
            raise AvatarError(message[1], message[2])
        self._watch = Watch(self._beats)
        return float(message[1])

    def speak(
        self, utterance: Utterance, tell: Callable[[Tally, float], None]
    ) -> Iterator[tuple[Speech, int]]:
        """The utterance's sound, in pieces that the caller owns, each with the count of the sentences begun so far;
        ``tell`` is told what its checks found, and its pace.

        Raises:
            _VoiceError: It could not be said.
        """
        try:
            self._line.send(("speak", utterance))
        except (OSError, ValueError) as error:
            raise _VoiceError(str(error), died=True) from None
        while (message := self._next())[0] == "sound":
            try:
                samples = np.frombuffer(self._line.recv_bytes(), np.float32).copy()
            except (EOFError, OSError) as error:
                raise _VoiceError(str(error) or "its process ended", died=True) from None
            yield Speech(samples, message[1]), message[2]
        tell(*message[1:3])
        if message[0] == "failed":
            raise _VoiceError(message[3], died=False)

    def drop(self) -> None:
        """Ask the process to leave the utterance it is at; what it sent already still comes."""
        try:
            self._line.send(("drop", None))
        except (OSError, ValueError):
            log.debug("the voice was gone when told to drop")

    def stop(self) -> None:
        """End the process; it holds nothing worth saving, and one that hangs hears nothing else."""
        self.process.kill()
        self.process.join(5)
        self._line.close()

    def _next(self) -> tuple[Any, ...]:
        try:
            given_up = time.monotonic() + STUCK
            while not self._line.poll(0.1):
                if self._watch and self._watch.still() > HUNG:
                    raise _VoiceError(f"no sign of life for {HUNG:.0f} s", died=True)
                if time.monotonic() > given_up:
                    raise _VoiceError(f"not a word for {STUCK:.0f} s", died=True)
            message: tuple[Any, ...] = self._line.recv()
            return message
        except (EOFError, OSError) as error:
            raise _VoiceError(str(error) or "its process ended", died=True) from None


def _limit(line: Connection[Any, Any], seconds: float) -> None:
    """Let no read wait longer: a process may hang in the middle of a message, of which a poll knows nothing."""
    if hasattr(socket, "AF_UNIX"):
        with socket.socket(fileno=os.dup(line.fileno())) as pair:
            pair.setsockopt(
                socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", *divmod(int(seconds * 1e6), 10**6))
            )


def _serve(
    line: Connection[Any, Any],
    told: Connection[Any, Any],
    heart: Heart,
    make: VoiceMaker,
    rehearsal: Utterance,
    niceness: int,
    read_back: bool,
    ready: ctypes.c_double,
) -> None:
    """What runs in the voice's process: load, then speak until the line closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the show ends us in order
    log_to(told)
    checker, hands = Checker(), _Hands(niceness)
    try:
        voice = hands.do(True, make)
        hands.do(True, deque, checker.said(sentences(voice, rehearsal)), 0)
    except AvatarError as error:
        line.send(("refused", error.what, error.advice))
        return
    checker.taken()
    checker.reader = _reader() if read_back and checker.pace < READS else None
    heart.start()
    line.send(("ready", checker.pace))
    try:
        while True:
            order, utterance = line.recv()
            if order == "speak":
                _speak(line, voice, utterance, checker, ready, hands)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def _reader() -> Reads | None:
    """Reads back, where the recogniser and its weights are here; they are loaded when there is time."""
    # Imported here: a voice that is too slow for it does without.
    from avatar_engine.voice.recogniser import Reader

    return Reader() if Reader.available() else None


T = TypeVar("T")


class _Hands:
    """Two threads that go on with the same work: one that yields to the other processes, and one that does not.

    A process of a usual user's may yield, and then never take it back; of its threads each yields for itself (Linux).

    Args:
        niceness: How far the patient one yields.
    """

    def __init__(self, niceness: int) -> None:
        self._urgent = ThreadPoolExecutor(1, "voice-urgent")
        self._patient = ThreadPoolExecutor(1, "voice-patient", _yield_by, (niceness,))

    def do(self, patient: bool, work: Callable[..., T], *given: Any) -> T:
        """Let one of them do a piece of work, and wait for it."""
        return (self._patient if patient else self._urgent).submit(work, *given).result()


def _yield_by(niceness: int) -> None:
    if sys.platform == "linux":
        os.setpriority(
            os.PRIO_PROCESS, threading.get_native_id(), os.getpriority(os.PRIO_PROCESS, 0) + niceness
        )


def _speak(
    line: Connection[Any, Any],
    voice: Speaks,
    utterance: Utterance,
    checker: Checker,
    ready: ctypes.c_double,
    hands: _Hands,
) -> None:
    def in_hand() -> float:
        return -1.0 if line.poll() else ready.value  # only "drop" comes while something is said

    try:
        sounds = checker.said(sentences(voice, utterance), in_hand)
        while (speech := hands.do(ready.value >= URGENT, next, sounds, None)) is not None:
            if line.poll():
                line.recv()
                break
            line.send(("sound", speech.phones, checker.begun))
            line.send_bytes(np.ascontiguousarray(speech.samples, np.float32).tobytes())
    except (EOFError, BrokenPipeError, ConnectionResetError):
        raise
    except Exception as error:
        log.exception("%s can't be said", utterance.source or "an utterance")
        line.send(("failed", checker.taken(), checker.pace, f"{type(error).__name__}: {error}"))
        return
    line.send(("done", checker.taken(), checker.pace))
