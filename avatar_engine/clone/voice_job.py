"""The voice's fit in a process of its own, so that it has the second core while the painter is fitted on the first.

As soon as the voice is fitted it says the minute's words again, and the lips learn to follow it, while its likeness
is measured.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.queues import Queue
from pathlib import Path
from typing import TYPE_CHECKING, Any

from avatar_engine.contracts import FloatArray, Progress, Utterance
from avatar_engine.device import Device
from avatar_engine.errors import AvatarError
from avatar_engine.voice.pack import VoicePack

if TYPE_CHECKING:  # heavy: the new process must soon notice that its parent has gone
    from avatar_engine.clone.voice_report import Example
    from avatar_engine.lips.echo import Echo
    from avatar_engine.voice.align import Stretch
    from avatar_engine.voice.measure import VoiceScores

Message = tuple[str, Any]

GOODBYE = 10.0
"""Seconds that a process which has done its work gets to end."""

VOICE_SHARE = 0.6  # of the fits' seconds: it has to be there when the painter is done
ECHO_SHARE = 0.12  # of the fits' seconds, for saying the minute again
CHECK_SHARE = 0.3  # of the fits' seconds, for reading back: what is left of them, while the motion is fitted

EXAMPLES, SHORT = 5, 60.0
"""Sentences of the person to hear in both voices; in so few seconds of measuring only two."""

STRANGERS = ("af_heart", "bf_emma", "am_michael", "bm_george")
"""Stock voices, two women and two men, that stand for other people when a clone is judged."""

STRANGERS_SAY = Utterance(
    "The quick boat went down the river, and nobody on the bank had seen where it came from."
)


@dataclass(frozen=True, slots=True)
class FittedVoice:
    """A fitted voice, and the fitted part of the recording said again by it and by the stock voice nearest to it."""

    pack: VoicePack
    echoes: tuple[Echo, ...]


@dataclass(frozen=True, slots=True)
class VoiceOutcome:
    """A fitted voice, how good it is on held-out speech, the seconds that it took, and what it sounds like."""

    pack: VoicePack
    scores: VoiceScores
    seconds: float
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True)
class VoiceJob:
    """What is to be fitted: the first ``train_samples`` of ``sound``.

    ``budget`` is what lips and voice have together, in seconds of a core each; the voice and its echoes are ready
    after `VOICE_SHARE` and `ECHO_SHARE` of it, and are measured in `CHECK_SHARE`, in the presenter's own language and
    the ``languages`` that were agreed to.
    """

    sound: Path
    train_samples: int
    language: str
    budget: float
    device: Device
    work: Path
    languages: tuple[str, ...] = ()

    @contextmanager
    def running(self, progress: Progress) -> Iterator[RunningVoiceJob]:
        """Start the process; it is ended when the block is left, finished or not."""
        context = multiprocessing.get_context("spawn")
        messages: Queue[Message] = context.Queue()
        process = context.Process(target=_run, args=(self, messages), name="voice-fit", daemon=True)
        process.start()
        running = RunningVoiceJob(process, messages, progress)
        try:
            yield running
        finally:
            running.stop()


class RunningVoiceJob:
    """A `VoiceJob` under way: forwards its progress and hands over its outcome."""

    def __init__(self, process: Any, messages: Queue[Message], progress: Progress) -> None:
        self._process = process
        self._messages = messages
        self._progress = progress
        self._outcome: VoiceOutcome | None = None
        self._fitted: FittedVoice | None = None
        self._ready = threading.Event()  # fitted, failed or dead
        self._error: AvatarError | str | None = None
        self._listener = threading.Thread(target=self._listen, name="voice-fit-progress", daemon=True)
        self._listener.start()

    def fitted(self) -> FittedVoice:
        """Wait for the voice and its echoes; its likeness is measured after that.

        Raises:
            AvatarError: The fit refused the sound.
            RuntimeError: The process died or failed.
        """
        self._ready.wait()
        self._raise()
        if self._fitted is None:
            raise RuntimeError(f"The voice's fit ended with exit status {self._process.exitcode}.")
        return self._fitted

    def result(self) -> VoiceOutcome:
        """Wait for the outcome.

        Raises:
            AvatarError: The fit refused the sound.
            RuntimeError: The process died or failed; its traceback is in the message.
        """
        self._listener.join()
        self._raise()
        if self._outcome is None:
            raise RuntimeError(f"The voice's fit ended with exit status {self._process.exitcode}.")
        return self._outcome

    def watched(self, stage: str, done: float, note: str = "") -> None:
        """A `Progress` for work beside this: it ends that work as soon as the voice has failed."""
        self._raise()
        self._progress(stage, done, note)

    def _raise(self) -> None:
        if isinstance(self._error, AvatarError):
            raise self._error
        if self._error is not None:
            raise RuntimeError(f"The voice's fit failed: {self._error}")

    def stop(self) -> None:
        """End the process if it still runs; the working folder keeps what it made."""
        if self._outcome is not None:
            self._process.join(GOODBYE)  # it ends by itself; a killed process leaks its queue's semaphore
        if self._process.is_alive():
            self._process.terminate()
        self._process.join()
        self._listener.join()

    def _listen(self) -> None:
        try:
            self._forward()
        finally:
            self._ready.set()

    def _forward(self) -> None:
        while True:
            alive = self._process.is_alive()
            try:
                kind, value = self._messages.get(timeout=0.2)
            except queue.Empty:
                if alive:
                    continue
                return
            if kind == "progress":
                self._progress(*value)
            elif kind == "fitted":
                self._fitted = value
                self._ready.set()
            elif kind == "outcome":
                self._outcome = value
                return
            else:
                self._error = value
                return


def _end_with_parent() -> None:
    """A clone that was killed can't stop its voice: it would train on, unseen, on the second core."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run(job: VoiceJob, messages: Queue[Message]) -> None:
    """The process: fit, measure, report; heavy imports happen here and not in the parent."""
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    import torch

    from avatar_engine.clone import echoes
    from avatar_engine.media.read import sound as read_sound
    from avatar_engine.voice import fit

    torch.set_num_threads(1)

    def progress(stage: str, done: float, note: str = "") -> None:
        messages.put(("progress", (stage, done, note)))

    started = time.monotonic()
    try:
        samples = read_sound(job.sound)
        train = slice(0, job.train_samples)
        pack = fit.fit(
            samples,
            language=job.language,
            device=job.device,
            budget=VOICE_SHARE * job.budget,
            work=job.work,
            progress=progress,
            train=train,
        )
        pieces, _ = fit.transcript(samples[train], job.language, job.work)
        again = echoes.echoes(
            samples[train], pieces, [pack, *echoes.nearest(samples[train], pack.language)[:1]], pack.language,
            job.work, progress, budget=ECHO_SHARE * job.budget, clock=time.process_time,
        )  # fmt: skip
        messages.put(("fitted", FittedVoice(pack, tuple(again))))
        scores, shown = _judged(job, pack, samples, pieces, progress)
        messages.put(("outcome", VoiceOutcome(pack, scores, time.monotonic() - started, shown)))
    except AvatarError as error:
        messages.put(("error", AvatarError(error.what, error.advice)))
    except Exception:
        messages.put(("error", traceback.format_exc()))


def _judged(
    job: VoiceJob, pack: VoicePack, samples: FloatArray, pieces: Sequence[Stretch], progress: Progress
) -> tuple[VoiceScores, tuple[Example, ...]]:
    """The voice's scores, and sentences to hear, within `CHECK_SHARE` of the budget."""
    from avatar_engine.clone.voice_report import examples
    from avatar_engine.voice import measure
    from avatar_engine.voice.speak import Voice, say

    progress(measure.STAGE, 0.0, "strangers")
    seconds = CHECK_SHARE * job.budget
    strangers = [say(Voice(VoicePack.stock(name)), STRANGERS_SAY).samples for name in STRANGERS]
    voice, claimed = Voice(pack, pack.language), measure.claimed(pack.language, job.languages)
    try:
        scores = measure.score(
            voice, samples[: job.train_samples], samples[job.train_samples :], strangers, claimed,
            transcript=pieces, seconds=seconds, progress=progress,
        )  # fmt: skip
        read = [score.language for score in scores.languages]
        shown = examples(samples, pieces, voice, read, EXAMPLES if seconds > SHORT else 2)
    finally:
        voice.close()
    progress(measure.STAGE, 1.0, f"word errors {scores.word_errors:.1%}")
    return scores, tuple(shown)
