"""Recorded or live sound in place of a text: a file, an address or a device, decoded in a process of its own.

The process may hang or die: it is given up and started again with growing patience, and until then the presenter
idles. A recording is read ahead of need, never further than `LEAD`, and goes on where it broke off. A live sound
comes when it comes: what is in the line longer than its source needs is late, and dropped.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from dataclasses import dataclass
from itertools import chain
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

import numpy as np

from avatar_engine.contracts import SAMPLE_RATE, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.live.child_log import ChildLog, log_to
from avatar_engine.live.line import Line
from avatar_engine.live.programme import Piece, Spoken
from avatar_engine.live.voice_process import VoiceFigures
from avatar_engine.media.level import LOOK, levelled
from avatar_engine.media.listen import ANSWER, QUIET, Address, Hearing, NotThereError, listening, softened

log = logging.getLogger(__name__)

LEAD = 4 * SAMPLE_RATE
"""Samples of a recording that are kept ready."""

CUSHION = SAMPLE_RATE // 5
"""Samples (0.2 s) of a live sound that are ready before it is heard, first and after every gap."""

MOST = 30 * SAMPLE_RATE
"""Samples of a live sound that are kept at all."""

WHOLE = 800
"""Samples that are handed over at once: a message within a pipe's 4 KiB is there whole or not at all, and whoever
waits for the rest of one would wait for a process that hangs."""

PATIENCE = (1.0, 1.5, 30.0)
"""Seconds before the first new try, by what they grow, and where they end."""

TRIES = 3
"""Tries without a new sample after which a recording is given up."""

ALSA = "/usr/share/alsa/alsa.conf"

_STARTING = 30.0  # seconds that a new process may take on a busy machine, beside what its source may


class _LostError(Exception):
    """The sound broke off; the text says why, without secrets. One that is ``hopeless`` breaks off there again."""

    hopeless = False


class SoundProcess(Line[Spoken]):
    """A `SpeechSource` that says what is heard elsewhere.

    Args:
        address: A file, an address or a device (see `avatar_engine.media.listen.Address`).
        loop: Start a recording again at its end, for ever.
        patient: Begin without an address that does not answer yet, and try it again.
        patience: As `PATIENCE`.

    Attributes:
        figures: ``said`` counts recordings heard to their end, ``restarts`` further tries.
        name: What the sound is called; nothing secret is in it.
        seconds: Length of a recording; 0 when unknown.
        live: Whether it has no end of its own.
        dropped: Samples of a live sound that came too late.

    Raises:
        AvatarError: There is no such file or kind of address.
    """

    generation = 0

    def __init__(
        self,
        address: str,
        loop: bool = False,
        patient: bool = False,
        patience: tuple[float, float, float] = PATIENCE,
    ) -> None:
        super().__init__()
        self.figures = VoiceFigures()
        self._address = Address.parse(address)
        self.name = self._address.name
        self.live, self.seconds, self.dropped = not self._address.local, 0.0, 0
        self._loop = loop
        self._patient = patient and "://" in address
        self._patience = patience
        self._burst = SAMPLE_RATE
        self._taken, self._least = 0, MOST  # samples taken, and the fewest left, in this stretch of time
        self._filling = True  # a live sound gathers its cushion
        self._cut = False  # something was dropped: what was heard before it must fade
        self._place = 0  # samples of the recording that were heard
        self._ear: _Ear | None = None
        self._thread = threading.Thread(target=self._run, name="sound", daemon=True)

    def launch(self) -> None:
        """Begin to open the sound."""
        self._ear = _Ear(self._address, self._loop, 0)

    def wait_ready(self) -> None:
        """Wait until the sound is open.

        Raises:
            AvatarError: It holds no sound, or can't be opened.
        """
        if self._ear is None:
            raise ValueError("the sound was not launched")
        try:
            self._open(self._ear)
        except NotThereError as error:
            if not self._patient:
                raise
            log.warning("%s The presenter idles until it does.", error.what)
        except _LostError as lost:
            raise AvatarError(f"{self.name} can't be opened: {lost}.", "Look at the log above.") from None

    def go(self) -> None:
        """Begin to listen."""
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """Process id of the listener; None while there is none."""
        return self._ear.process.pid if self._ear else None

    def coming(self) -> list[Spoken]:
        """See `avatar_engine.live.outlook.Foresees`."""
        with self._changed:
            return list(self._line)

    def poll(self) -> Piece | None:
        """The next piece, at once; None when none is ready."""
        with self._changed:
            if self._cut or (self.live and self._filling and self._ready < CUSHION and not self._finished):
                self._cut = False
                return None
            self._filling = not self._line
            if not self._line:
                return None
            piece = self._line.popleft()
            self._ready -= len(piece.samples)
            self._changed.notify_all()
            if self.live:
                self._keep_up(len(piece.samples))
            return piece

    def close(self) -> None:
        """End the process and the thread."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
            ear = self._ear
        if ear:
            ear.process.kill()  # it closes the line, which ends the thread
        if self._thread.is_alive():
            self._thread.join(10)
        if self._ear:
            self._ear.stop()

    def _keep_up(self, taken: int) -> None:
        """Drop what was in the line all through a stretch of time: sound that is late, not sound that came early."""
        self._taken += taken
        self._least = min(self._least, self._ready)
        if self._taken < self._burst:
            return
        if self._least > 2 * CUSHION:
            self._drop(self._ready - self._least + CUSHION)
        self._taken, self._least = 0, MOST

    def _drop(self, left: int) -> None:
        """Leave at most ``left`` samples in the line."""
        before = self._ready
        while self._ready > left:
            self._ready -= len(self._line.popleft().samples)
        self._cut = True
        self.dropped += before - self._ready
        log.warning(
            "%s: %.1f s came too late and were dropped", self.name, (before - self._ready) / SAMPLE_RATE
        )

    def _run(self) -> None:
        first, growth, most = self._patience
        patience, tries = first, 0
        while not self._closing:
            heard, lost = self._listen()
            if lost is None or self._closing:
                break
            patience, tries = (first, 1) if heard else (patience, tries + 1)
            if not self.live and (tries == TRIES or lost.hopeless):
                self.figures.left_out += 1
                log.error("%s is left out from %.1f s on: %s", self.name, self._place / SAMPLE_RATE, lost)
                break
            log.warning("%s: %s; next try in %.1f s", self.name, lost, patience)
            with self._changed:
                self._changed.wait_for(lambda: self._closing, patience)
            patience = min(most, patience * growth)
            self._again()
        self._finish()

    def _again(self) -> None:
        if self._ear:
            self._ear.stop()
        if self._closing:
            return
        ear = _Ear(self._address, self._loop, 0 if self.live else self._place)
        with self._changed:
            self._ear = ear
            self.figures.restarts += 1
            if self._filling:  # too little to be heard, and late by now
                self._line.clear()
                self._ready = 0

    def _open(self, ear: _Ear) -> None:
        opened = ear.wait_open()
        self.live, self.seconds = opened.live, opened.seconds
        self._burst = round(opened.burst * SAMPLE_RATE)

    def _listen(self) -> tuple[bool, _LostError | None]:
        """Listen until the sound ends: whether there was any, and why it ended too early."""
        heard = False
        try:
            if (ear := self._ear) is None:
                raise ValueError("the sound was not launched")
            if not ear.opened:
                self._open(ear)
            while (samples := ear.hear()) is not None:
                heard = True
                self._take(samples)
            return heard, _LostError("it ended") if self.live else None
        except _LostError as lost:
            return heard, lost
        except AvatarError as error:
            broken = _LostError(error.what)
            broken.hopeless = not isinstance(error, NotThereError)
            return heard, broken

    def _take(self, samples: FloatArray) -> None:
        last = not len(samples)
        with self._changed:
            self._line.append(Spoken(samples, last=last))
            self._ready += len(samples)
            self._place = 0 if last else self._place + len(samples)
            self.figures.said += last and not self.live
            self._changed.notify_all()
            if not self.live:
                self._changed.wait_for(lambda: self._ready < LEAD or self._closing)
            elif self._ready > MOST:
                self._drop(CUSHION)


class _Ear:
    """The process and the line to it."""

    def __init__(self, address: Address, loop: bool, place: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe(duplex=False)
        told = ChildLog(context)
        self.opened = False
        self.process: SpawnProcess = context.Process(
            target=_serve, args=(theirs, told.end, address, loop, place), name="avatar-sound", daemon=True
        )
        self.process.start()
        theirs.close()
        told.listen()

    def wait_open(self) -> Opened:
        """Return when there is sound.

        Raises:
            AvatarError: There will be none.
            NotThereError: There is none now.
            _LostError: The process hangs or died.
        """
        message = self._next(_STARTING + ANSWER)
        _refuse(message)
        self.opened = True
        opened: Opened = message[1]
        return opened

    def hear(self) -> FloatArray | None:
        """The next samples; none of them at a recording's end, None when nothing more comes.

        Raises:
            AvatarError: The sound is damaged.
            NotThereError: It broke off.
            _LostError: The process hangs or died.
        """
        while (message := self._next(2 * QUIET))[0] == "open":
            continue  # the recording begins anew
        _refuse(message)
        samples: FloatArray | None = message[1]
        return samples

    def stop(self) -> None:
        """End the process; it holds nothing worth saving."""
        self.process.kill()
        self.process.join(5)
        self._line.close()

    def _next(self, timeout: float) -> tuple[Any, ...]:
        try:
            if not self._line.poll(timeout):
                raise _LostError(f"no sign of life for {timeout:.0f} s")
            message: tuple[Any, ...] = self._line.recv()
            return message
        except (EOFError, OSError) as error:
            raise _LostError(str(error) or "its process ended") from None


def _refuse(message: tuple[Any, ...]) -> None:
    if message[0] in ("lost", "refused"):
        raise (NotThereError if message[0] == "lost" else AvatarError)(*message[1:])


@dataclass(frozen=True, slots=True)
class Opened:
    """What is known of a sound that is open; see `avatar_engine.media.listen.Hearing`."""

    live: bool
    seconds: float
    burst: float


def _serve(
    line: Connection[Any, Any], told: Connection[Any, Any], address: Address, loop: bool, place: int
) -> None:
    """What runs in the listener's process: decode from sample ``place`` on until the sound or the line ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group; the show ends us in order
    log_to(told)
    os.environ.setdefault("ALSA_CONFIG_PATH", ALSA)  # FFmpeg's wheel looks where it was built
    try:
        again = True
        while again:
            with listening(address) as hearing:
                _pass_on(line, hearing, place)
                again, place = loop and not hearing.live, 0
        line.send(("over", None))
    except NotThereError as error:
        line.send(("lost", error.what, error.advice))
    except AvatarError as error:
        line.send(("refused", error.what, error.advice))
    except (BrokenPipeError, ConnectionResetError):
        return


def _pass_on(line: Connection[Any, Any], hearing: Hearing, place: int) -> None:
    pieces = levelled(hearing.pieces(), 0.0 if hearing.live else LOOK)
    first = next(pieces, None)
    if first is None:
        raise AvatarError(
            f"{hearing.name} holds no sound: it is 0 s long.", "Give one in which somebody speaks."
        )
    line.send(("open", Opened(hearing.live, hearing.seconds, hearing.burst)))
    for piece in softened(chain([first], pieces)):
        skipped = min(place, len(piece))
        place -= skipped
        if skipped < len(piece):
            for at in range(skipped, len(piece), WHOLE):
                line.send(("sound", piece[at : at + WHOLE]))
    line.send(("sound", np.zeros(0, np.float32)))
