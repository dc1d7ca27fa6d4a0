"""A technician takes the microphone: what he says comes out of the presenter's mouth, and the show waits.

The voice that is heard is his own, as it is; only its loudness is brought to the show's. The show breaks off softly
once there is sound, and not before. When the microphone ends, is silent for long, breaks off, or its process dies, the
show goes on with the line that was cut, from its start.

A microphone comes at its own time. What waits longer than it must is late, and dropped: the air is never further and
further behind it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from avatar_engine.contracts import SAMPLE_RATE, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.live.microphone_process import Ear, GoneError, Source
from avatar_engine.live.outlook import coming
from avatar_engine.live.programme import Piece, SpeechSource, Spoken
from avatar_engine.show.producer import Producer

log = logging.getLogger(__name__)

KIND = "mic"
"""How the name of the socket ends into which a stream is sent."""

OFF, OPENING = "The microphone is off.", "The microphone is being opened."

CUSHION = round(0.4 * SAMPLE_RATE)
"""Samples of a live sound that are ready before it is heard, first and after every gap: the renderer fills the ring
with them at once, and half of a word would be all that there is."""

LATE = SAMPLE_RATE
"""Samples beyond a source's own burst that may wait; of more, only the newest `CUSHION` is heard."""

SPARE, TRICKLE = round(0.25 * SAMPLE_RATE), round(0.1 * SAMPLE_RATE)
"""Samples that have waited all through a stretch of time from which on it is shortened, and what is left of them."""

STRETCH = 2 * SAMPLE_RATE
"""Samples heard in such a stretch, beside the source's burst."""

AHEAD = SAMPLE_RATE
"""Samples of a recording that are kept ready."""

OPENS = 15.0
"""Seconds within which there must be sound."""

STOPS = 3.0
"""Seconds without any more of it after which a microphone is given up."""

SILENT = 10.0
"""Seconds in which nobody speaks after which the show goes on."""

AGAIN = 0.2
"""Seconds from the end of one to the start of the next one's process."""

LONGEST = 1800.0
"""Seconds after which it goes on in any case."""


class Breaks(SpeechSource, Protocol):
    """A voice that can be interrupted (see `avatar_engine.live.voice_process.VoiceProcess`)."""

    def interrupt(self) -> None:
        """Drop what is planned, and go on with what the director says next."""
        ...


@dataclass(frozen=True, slots=True)
class _Heard:
    """Sound, and the moment at which it came."""

    samples: FloatArray
    moment: float


class Microphone:
    """A `SpeechSource`: the show's voice, or the technician's while he has the microphone.

    Args:
        voice: The show's.
        producer: Who plans it; waits meanwhile.
        door: Where a stream is sent to.
        allowed: Whether the show has one.
        clock: Seconds, monotonic.

    Attributes:
        name: What is on air in place of the show's voice; "" for nothing.
        waited: Seconds that its newest sound on its way to the air waited here.
        dropped: Samples that came too late.
        taken: How often it was on.
    """

    def __init__(
        self,
        voice: Breaks,
        producer: Producer,
        door: Path,
        allowed: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.waited, self.dropped, self.taken = "", 0.0, 0, 0
        self._voice, self._producer, self._door, self._allowed = voice, producer, door, allowed
        self._clock = clock
        self._changed = threading.Condition()
        self._line: deque[_Heard] = deque()
        self._ready = 0  # samples in the line
        self._live, self._burst = True, 0
        self._filling = True  # the cushion
        self._torn = False  # what was heard last must fade before anything else
        self._heard, self._least = 0, LATE  # samples taken, and the fewest left, in this stretch of time
        self._wanted: Source | None = None  # what is being opened or heard
        self._off = self._over = self._closing = False
        self._began = 0.0
        self._last = OFF
        self._failed: AvatarError | None = None
        self._ear: Ear | None = None
        self._thread = threading.Thread(target=self._run, name="microphone", daemon=True)

    # What the track asks.

    @property
    def generation(self) -> int:
        """See `SpeechSource`."""
        return self._voice.generation

    @property
    def ended(self) -> bool:
        """See `SpeechSource`."""
        return not self.name and self._voice.ended

    def poll(self) -> Piece | None:
        """See `SpeechSource`."""
        with self._changed:
            if self._torn:
                self._torn = False
                return None
            if self.name:
                return self._next()
        return self._voice.poll()

    def coming(self) -> Sequence[Piece]:
        """See `avatar_engine.live.outlook.Foresees`: what a technician will say nobody knows."""
        return () if self.name else coming(self._voice)

    # What a technician asks.

    @property
    def pid(self) -> int | None:
        """Process id of what listens; None while there is nothing."""
        return self._ear.process.pid if self._ear else None

    def order(self, text: str) -> str:
        """Take the microphone from a source, give it back (``off``), or tell how it stands ("").

        Raises:
            AvatarError: It may not be taken, it is taken already, or it could not be opened.
        """
        if text == "off":
            return self._give_back()
        return self._take(text) if text else self._told()

    def _take(self, text: str) -> str:
        if not self._allowed:
            raise AvatarError(
                "This show has no microphone.",
                "Another's voice in the presenter's mouth has to be allowed before the show by who answers for it: "
                "microphone: on in the script's front matter.",
            )
        source = Source.parse(text)
        with self._changed:
            if self._wanted:
                raise AvatarError(
                    f"The microphone is taken ({self._wanted.name}).", "End it first: control SHOW mic off."
                )
            if self._closing or not self._thread.is_alive():
                raise AvatarError("The show has ended.", "Start it again.")
            self._wanted, self._off, self._failed = source, False, None
            self._changed.notify_all()
        log.info("a technician takes the microphone: %s", source.name)
        return OPENING

    def _give_back(self) -> str:
        with self._changed:
            if self._wanted is None:
                raise AvatarError(OFF, "Take it with: control SHOW mic SOURCE.")
            self._off = True
            self._changed.notify_all()
        return OFF

    def _told(self) -> str:
        with self._changed:
            if self.name:
                since = self._clock() - self._began
                return f"The microphone is on: {self.name}, for {since:.0f} s."
            if self._wanted:
                return OPENING
            if self._failed:
                raise self._failed
            return self._last

    # The show's side.

    def launch(self) -> None:
        """Load the process that listens, where the show has a microphone, so that it is ready when it is wanted."""
        if self._allowed:
            self._thread.start()

    def close(self) -> None:
        """End it."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        while not self._closing:
            try:
                self._ear = Ear(self._door)
                with self._changed:
                    self._changed.wait_for(lambda: self._wanted or self._closing)
                    source = self._wanted
                if source and not self._ear.process.is_alive():
                    self._ear.stop()
                    self._ear = Ear(self._door)
                if source:
                    self._hear(self._ear, source)
            except Exception:
                log.exception("the microphone has failed")
                self._wanted = None
            self._done()

    def _done(self) -> None:
        """Ready for the next one; after a failure of our own not at once."""
        ear, self._ear = self._ear, None
        if ear:
            ear.stop()
        with self._changed:
            self._changed.wait_for(lambda: self._closing, AGAIN)

    def _hear(self, ear: Ear, source: Source) -> None:
        """From the order to the end of it."""
        try:
            ear.take(source)
            opened = self._await(ear)
        except (AvatarError, GoneError) as error:
            with self._changed:
                self._failed, self._wanted = _refusal(source, error), None
            log.warning("%s", self._failed.what)
            return
        if opened is None:
            self._wanted = None
            return
        self._begin(source, *opened)
        why = "it ended"
        try:
            why = self._listen(ear)
        except AvatarError as error:
            why = error.what
        except GoneError as error:
            why = str(error)
        finally:
            self._end(source, why)

    def _await(self, ear: Ear) -> tuple[bool, float] | None:
        """Whether it is live and its burst, once there is sound; None where it is not wanted any more."""
        until = self._clock() + OPENS
        while not (self._off or self._closing):
            if message := ear.hear(0.05):
                return bool(message[1]), float(message[2])
            if self._clock() > until:
                raise GoneError(f"there was no sound within {OPENS:.0f} s")
        return None

    def _begin(self, source: Source, live: bool, burst: float) -> None:
        """The show breaks off, and waits."""
        with self._changed:
            self._line.clear()
            self._ready, self._live, self._burst = 0, live, round(burst * SAMPLE_RATE)
            self._filling, self._over, self._torn = True, False, False
            self._began = self._clock()
            self._heard, self._least = 0, LATE + self._burst
            self.waited = 0.0
            self.taken += 1
        with self._producer.held():
            self._producer.take_over(source.name)
            self._voice.interrupt()
            self.name = source.name
        log.info("the microphone is on: %s", source.name)

    def _end(self, source: Source, why: str) -> None:
        """The show goes on."""
        seconds = self._clock() - self._began
        with self._producer.held():
            with self._changed:
                self.name, self._wanted = "", None
                self._torn = True
                self._line.clear()
                self._ready = 0
                self._last = f"{OFF[:-1]}: {why}."
            self._producer.give_back(seconds, why)
        log.info("the microphone is off after %.1f s (%s): %s", seconds, why, source.name)

    def _listen(self, ear: Ear) -> str:
        """Line up what is heard, until it ends; why it did."""
        came = spoken = self._clock()
        while True:
            now = self._clock()
            if self._off or self._closing:
                return "the technician gave it back"
            if now > self._began + LONGEST:
                return f"it was on for {LONGEST / 60:.0f} min"
            if now > spoken + SILENT:
                return f"nobody has spoken for {SILENT:.0f} s"
            if now > came + STOPS:
                return f"no sound has come for {STOPS:.0f} s"
            message = ear.hear(0.05)
            if message is None:
                continue
            if message[0] == "over":
                self._drain()
                return "it ended"
            _, moment, loud, samples = message
            came, spoken = now, now if loud else spoken
            self._put(samples, moment)

    def _put(self, samples: FloatArray, moment: float) -> None:
        with self._changed:
            self._line.append(_Heard(samples, moment))
            self._ready += len(samples)
            if not self._live:
                self._changed.wait_for(lambda: self._ready < AHEAD or self._off or self._closing, STOPS)
            elif self._ready > LATE + self._burst:
                self._drop(CUSHION)

    def _drain(self) -> None:
        """What was heard to its end is said to its end."""
        with self._changed:
            self._over = True
            wait = self._ready / SAMPLE_RATE + 1.0
            self._changed.wait_for(lambda: not self._line or self._off or self._closing, wait)

    def _next(self) -> Piece | None:
        if self._live and self._filling and self._ready < CUSHION and not self._over:
            return None
        self._filling = not self._line
        if not self._line:
            return None
        piece = self._line.popleft()
        self._ready -= len(piece.samples)
        self.waited = self._clock() - piece.moment if self._live else 0.0
        if self._live:
            self._keep_up(len(piece.samples))
        self._changed.notify_all()
        return Spoken(piece.samples, self.generation)

    def _keep_up(self, taken: int) -> None:
        """Drop what waited all through a stretch of time."""
        self._heard += taken
        self._least = min(self._least, self._ready)
        if self._heard < STRETCH + 2 * self._burst:
            return
        if self._least > SPARE:
            self._drop(self._ready - self._least + TRICKLE)
        self._heard, self._least = 0, LATE + self._burst

    def _drop(self, left: int) -> None:
        """Leave at most ``left`` samples in the line, the newest."""
        before = self._ready
        while self._ready > left:
            self._ready -= len(self._line.popleft().samples)
        self._torn = True
        self.dropped += before - self._ready
        log.warning("the microphone: %.2f s came too late", (before - self._ready) / SAMPLE_RATE)


def _refusal(source: Source, error: AvatarError | GoneError) -> AvatarError:
    if isinstance(error, AvatarError):
        return error
    return AvatarError(f"{source.name} can't be heard: {error}.", "Try again.")


__all__ = ["KIND", "OFF", "OPENING", "Microphone", "Source"]
