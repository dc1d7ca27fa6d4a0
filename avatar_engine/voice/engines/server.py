"""A voice on a speech server: asked sentence by sentence, heard as it comes, with a limit on every step."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

import httpx2
import numpy as np
import soxr

from avatar_engine.contracts import SAMPLE_RATE, FloatArray, Speech, Utterance
from avatar_engine.errors import AvatarError
from avatar_engine.media.level import Leveller
from avatar_engine.voice import checks
from avatar_engine.voice.engines.protocols import Question, question
from avatar_engine.voice.engines.settings import EngineSettings
from avatar_engine.voice.engines.wave import WaveError, WaveLine
from avatar_engine.voice.takes import Sentence, watched_sentence

log = logging.getLogger(__name__)

LIMITS = httpx2.Timeout(10.0, connect=5.0, read=20.0)
"""Seconds for each step of a request; 20 between two pieces of an answer."""

TRIES = 3
"""Times that a server which is busy, broken or away is asked for a sentence."""

PATIENCE = 0.5
"""Seconds before the second try; twice as long before the third, or what the server asks for."""

MOST_PATIENCE = 5.0

REST = SAMPLE_RATE // 4
"""Samples of silence after a sentence."""

REHEARSAL = "rehearsal"
"""Source of an utterance that nobody hears."""

_LONGEST = (20.0, 0.5)  # seconds of sound that are believed: for any text, and more for each letter
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})


class EngineError(AvatarError):
    """The server did not say the sentence."""


class _BusyError(EngineError):
    """It may say it when asked again."""

    def __init__(self, what: str, patience: float = 0.0) -> None:
        super().__init__(what, "Look at the server.")
        self.patience = patience


class Voice(Protocol):
    """Whatever speaks (see `avatar_engine.voice.speak.Voice`)."""

    def speak(self, utterance: Utterance, /) -> Iterator[Speech]:
        """The utterance's sound, piece by piece."""
        ...


class ServerVoice:
    """Speaks by a server; no phone is known of what it says.

    Args:
        settings: Which server.
        limits: Time limits of each step.
        sleep: Waits between two tries.

    Raises:
        AvatarError: The key's variable is not set.
    """

    def __init__(
        self,
        settings: EngineSettings,
        limits: httpx2.Timeout = LIMITS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = settings
        self._key = settings.key
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        self._client = httpx2.Client(timeout=limits, headers=headers, follow_redirects=False)
        self._sleep = sleep
        self._leveller = Leveller()

    def speak(self, utterance: Utterance) -> Iterator[Speech]:
        """The sound of ``utterance`` at the show's loudness, as it comes, and a short rest.

        Before its first sound the server is asked up to `TRIES` times; what breaks off later is an error at once.

        Raises:
            EngineError: The server is away, refuses, is too slow, breaks off or answers what is no sound.
            FaultError: What it sends is overdriven or noise.
        """
        if not utterance.text.strip():
            return
        asked = question(self._settings, utterance)
        heard = False
        for again in range(1, TRIES + 1):
            try:
                for samples in self._heard(asked, utterance):
                    # before it is levelled: what is overdriven is so at its own full scale
                    checks.refuse(checks.sound(samples))
                    heard = True
                    yield Speech(self._leveller.push(samples))
                break
            except _BusyError as busy:
                if heard or again == TRIES:
                    raise EngineError(busy.what, busy.advice) from None
                log.info("%s Try %d of %d follows.", busy.what, again + 1, TRIES)
                self._sleep(min(MOST_PATIENCE, busy.patience or PATIENCE * 2 ** (again - 1)))
        yield Speech(np.zeros(REST, np.float32))

    def close(self) -> None:
        """End the connections."""
        self._client.close()

    def _heard(self, asked: Question, utterance: Utterance) -> Iterator[FloatArray]:
        """Samples at `SAMPLE_RATE`, as they come."""
        line = WaveLine(asked.pcm)
        resampler: soxr.ResampleStream | None = None
        count, most = 0, (_LONGEST[0] + _LONGEST[1] * len(utterance.text)) * SAMPLE_RATE
        with self._answered(asked) as answer:
            for data in answer.iter_bytes():
                samples = line.push(data)
                if not len(samples):
                    continue
                resampler = resampler or soxr.ResampleStream(line.rate, SAMPLE_RATE, 1, dtype="float32")
                samples = resampler.resample_chunk(samples)
                count += len(samples)
                if count > most:
                    raise self._failed(
                        f"does not end: {count / SAMPLE_RATE:.0f} s for {utterance.text[:40]!r}"
                    )
                if len(samples):
                    yield samples
            tail = resampler.resample_chunk(np.zeros(0, np.float32), last=True) if resampler else ()
            if not count + len(tail):
                raise self._busy("gave no sound")
            if line.lacks:
                raise self._busy(f"broke off {line.lacks:,} bytes before the end")
            yield np.asarray(tail, np.float32)

    @contextmanager
    def _answered(self, asked: Question) -> Iterator[httpx2.Response]:
        address = f"{self._settings.url.rstrip('/')}/{asked.path}"
        try:
            with self._client.stream("POST", address, **asked.body) as answer:
                if answer.status_code != 200:
                    raise self._refusal(answer)
                yield answer
        except httpx2.TimeoutException as error:
            raise self._busy(f"is too slow ({type(error).__name__})") from None
        except httpx2.HTTPError as error:
            raise self._busy(f"broke off ({str(error) or type(error).__name__})") from None
        except WaveError as error:
            raise self._failed(str(error)) from None

    def _refusal(self, answer: httpx2.Response) -> EngineError:
        """What the server says to a request that it does not serve."""
        words = next(answer.iter_bytes(300), b"").decode("utf-8", "replace").strip()
        what = f"answered {answer.status_code} {answer.reason_phrase}: {words}"
        if answer.status_code in _BUSY:
            asked = answer.headers.get("retry-after", "")
            return self._busy(what, float(asked) if asked.isdigit() else 0.0)
        return self._failed(what)

    def _busy(self, what: str, patience: float = 0.0) -> _BusyError:
        return _BusyError(self._hidden(what), patience)

    def _failed(self, what: str) -> EngineError:
        return EngineError(self._hidden(what), "Check the server, its voice and the key.")

    def _hidden(self, what: str) -> str:
        said = f"The speech server {self._settings.url} {what}."
        return said.replace(self._key, "****") if self._key else said


class SteppedInVoice:
    """A server's voice, and the clone's own, of the same person, for what the server can't say.

    Never made of voices of two people: a sentence that one of them can't say is then left out (by whoever asked).

    Args:
        server: The server's voice.
        own: The clone's own.
    """

    def __init__(self, server: Voice, own: Voice) -> None:
        self._server, self._own = server, own

    def sentences(self, utterance: Utterance) -> Iterator[Sentence | Speech]:
        """What the server says wrongly it is asked once more, and then the clone's own voice says it."""
        voices: dict[str, Voice] = {"by the server": self}
        if utterance.source != REHEARSAL:
            voices |= {"by the server, once more": self, "by the clone's own voice": self._own}
        yield watched_sentence(utterance, voices)

    def speak(self, utterance: Utterance) -> Iterator[Speech]:
        """The sound of ``utterance``; one that broke off is said again from its start.

        Raises:
            EngineError: The server fails at the rehearsal: whoever starts a show is told.
        """
        try:
            yield from self._server.speak(utterance)
        except EngineError as error:
            if utterance.source == REHEARSAL:
                raise
            log.error("%s The clone's own voice says %r.", error.what, utterance.text[:60])
            yield Speech(np.zeros(REST, np.float32))
            yield from self._own.speak(utterance)


def load_server(
    settings: EngineSettings, own: Callable[[], Voice], heard: Callable[[Voice], Voice] = lambda voice: voice
) -> Voice:
    """The voice that ``settings`` ask for.

    Args:
        settings: Which engine.
        own: Loads the clone's voice, where it is the same person's.
        heard: Makes a voice that gives phones of one that may give none.

    Raises:
        AvatarError: The key's variable is not set, or the engine or the own voice can't be loaded.
    """
    if settings.protocol == "pocket-tts":
        # imported here: it needs this module, and an extra
        from avatar_engine.voice.engines.pocket import PocketVoice

        engine = heard(PocketVoice(settings))
    else:
        engine = heard(ServerVoice(settings))
    return SteppedInVoice(engine, own()) if settings.same_person else engine
