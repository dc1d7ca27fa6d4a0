"""The renderer's supervisor: feeds it with sound, watches it, and has a second one ready to take its place."""

from __future__ import annotations

import logging
import multiprocessing
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.context import SpawnProcess

import numpy as np

from avatar_engine.broadcast.ring import ENDLESS, FrameRing
from avatar_engine.contracts import FRAME_RATE, SAMPLES_PER_FRAME, Scene
from avatar_engine.errors import AvatarError
from avatar_engine.live.child_log import ChildLog
from avatar_engine.live.heart import Watch
from avatar_engine.live.renderer_process import Answer, PerformerMaker, Times, serve
from avatar_engine.live.retold import Retold

log = logging.getLogger(__name__)

HUNG, ALONE = 1.0, 5.0
"""Seconds without a sign of life after which the renderer counts as dead: where another one is ready, and where a
hasty judgement would leave nobody."""

START_LIMIT = 180.0
"""Seconds that one may take to load."""

SPARE_AFTER = 3 * FRAME_RATE
"""Frames on air after which the second one is loaded: the start has work enough."""

BUDGET, PER = 20, 3600.0
"""Deaths within so many seconds after which only one start a minute is tried."""

SHIFTS = 1000
"""Idle faces between that are remembered, to tell when something went out."""

SURE = FRAME_RATE
"""Frames after which a frame that was encoded counts as heard: what is newer may die with the broadcast."""

_SILENCE = np.zeros(SAMPLES_PER_FRAME, np.float32).tobytes()


def _nobody(utterance: int, begins: float, ends: float) -> None:
    """Nobody keeps a journal."""


class Feed:
    """What the renderer is told to show, frame by frame.

    Args:
        track: What is said.
        ring: Where its frames go; tells what was heard.

    Attributes:
        hold: Give silence, and keep what is to be said for later.
        limit: The show ends before this frame index, whatever is said.
        background: What the presenter shall stand before by a technician's word; "" for what the show began with.
        told: Told of every sentence that went out: its utterance's number, and when it began and ended, in seconds on
            air.
    """

    def __init__(self, track: Retold, ring: FrameRing) -> None:
        self.hold, self.limit, self.background = False, ENDLESS, ""
        self.told: Callable[[int, float, float], None] = _nobody
        self._track, self._ring = track, ring
        self._lock = threading.Lock()
        # From which frame of content on so many frames on air had no content: idle faces in between.
        self._shifts: deque[tuple[int, int]] = deque(maxlen=SHIFTS)

    def answer(self) -> Answer:
        """The next frame's sound."""
        with self._lock:
            track, epoch = self._track, self._ring.epoch
            if self.hold:
                return Answer(epoch, track.frame - 1, False, False, (), _SILENCE, scene=self._scene(track))
            content = track.frame
            sound, speaking, phones = track.next()
            mended = track.mended
            return Answer(
                epoch, content, track.ended, speaking, phones, sound.tobytes(),
                None if mended is None else mended.tobytes(), self._scene(track), track.outlook,
            )  # fmt: skip

    def _scene(self, track: Retold) -> Scene:
        return replace(track.scene, background=self.background) if self.background else track.scene

    def finish(self) -> None:
        """End the show with the sentence that is on its way."""
        with self._lock:
            self._track.finish()

    def heard(self, sure: int = SURE) -> int:
        """Forget what was heard, all but the last ``sure`` frames; where the show goes on."""
        with self._lock:
            heard = self._ring.heard
            shift = self._ring.next - heard
            if not self._shifts or self._shifts[-1][1] != shift:
                self._shifts.append((heard, shift))
            self._track.heard(heard - sure)
            went = [self._track.went.popleft() for _ in range(len(self._track.went))]
            place = self._track.then
        for utterance, begins, ends in went:
            self.told(utterance, self._on_air(begins), self._on_air(ends))
        return place

    def _on_air(self, content: int) -> float:
        """When a frame of content went out, in seconds on air; wrong by a few frames where idle ones came between."""
        before = [shift for begins, shift in self._shifts if begins <= content]
        shift = before[-1] if before else self._shifts[0][1]
        return (content + shift) / FRAME_RATE

    def cut(self, unsure: bool = False) -> None:
        """What is on its way will not be heard: begin anew with what follows the last frame that went out.

        ``unsure``: Perhaps even the last second was not heard.
        """
        with self._lock:
            self._ring.epoch += 1
            heard = self._ring.heard
            self._track.cut(heard - (SURE if unsure else 0), heard)
            self._ring.last = self.limit


class _Worker:
    """One renderer's process, and the thread that answers it."""

    def __init__(self, ring: FrameRing, make: PerformerMaker, gently: bool) -> None:
        context = multiprocessing.get_context("spawn")
        self._line, theirs = context.Pipe()
        told = ChildLog(context)
        self._ring = ring
        order = (theirs, told.end, ring.handle, make, gently)
        self.process: SpawnProcess = context.Process(
            target=serve, args=order, name="avatar-renderer", daemon=True
        )
        self.process.start()
        theirs.close()
        told.listen()
        self.born = time.monotonic()
        self.seconds: dict[str, float] = {}
        self.times: Times = {}
        self.watch: Watch | None = None
        self._ready = False
        self._thread: threading.Thread | None = None

    def ready(self, timeout: float = 0.0) -> bool:
        """Whether it has loaded, at the latest after ``timeout`` seconds.

        Raises:
            AvatarError: It can't.
        """
        if self._ready:
            return True
        try:
            if not self._line.poll(timeout):
                return False
            message = self._line.recv()
        except (EOFError, OSError):
            raise AvatarError("The renderer's process did not start.", "Look at the log above.") from None
        if message[0] == "refused":
            raise AvatarError(message[1], message[2])
        self._ready = True
        return True

    def go(self, feed: Feed) -> None:
        """Render what the feed says."""
        self.watch = Watch(lambda: self._ring.beat)
        self._line.send(("go",))
        self._thread = threading.Thread(target=self._feed, args=(feed,), name="feed", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it at once; it holds nothing worth saving."""
        self.process.kill()
        self.process.join(5)
        if self._thread:
            self._thread.join(5)
        self._line.close()

    def _feed(self, feed: Feed) -> None:
        try:
            while True:
                self.seconds, times = self._line.recv()
                self.times = self.times if times is None else times
                self._line.send(feed.answer())
        except (EOFError, OSError):
            return


class Renderers:
    """The renderer that works and the one that is ready.

    Args:
        make: Makes the performer in each process.
        ring: Where its frames go.
        feed: What it is told.

    Attributes:
        restarts: Renderers that died or hung and were replaced.
    """

    def __init__(self, make: PerformerMaker, ring: FrameRing, feed: Feed) -> None:
        self.restarts = 0
        self._make, self._ring, self._feed = make, ring, feed
        self._active: _Worker | None = None
        self._spare: _Worker | None = None
        self._deaths: deque[float] = deque(maxlen=BUDGET)
        self._not_before = 0.0
        self._spent: dict[str, float] = {}

    @property
    def pid(self) -> int | None:
        """Process id of the renderer; None while there is none."""
        return self._active.process.pid if self._active else None

    @property
    def spare_ready(self) -> bool:
        """Whether another one can take over."""
        try:
            return self._spare is not None and self._spare.process.is_alive() and self._spare.ready()
        except AvatarError:
            return False

    @property
    def seconds(self) -> dict[str, float]:
        """CPU seconds by stage, of all of them."""
        now = self._active.seconds if self._active else {}
        return {name: self._spent.get(name, 0.0) + now.get(name, 0.0) for name in {**self._spent, **now}}

    @property
    def times(self) -> Times:
        """How long the stages took lately in the one that works, in milliseconds."""
        return self._active.times if self._active else {}

    def launch(self) -> None:
        """Begin to load the first one."""
        self._spare = _Worker(self._ring, self._make, gently=False)

    def wait_ready(self) -> None:
        """Wait until it has loaded.

        Raises:
            AvatarError: It can't.
        """
        if self._spare is None:
            raise ValueError("the renderer was not launched")
        if not self._spare.ready(START_LIMIT):
            raise AvatarError(
                f"The renderer has not loaded within {START_LIMIT:.0f} s.",
                "Look at what else runs on this machine.",
            )

    def watch(self) -> None:
        """Replace a renderer that has died or hangs; to be called several times a second."""
        if self._active and (reason := self._fault(self._active)):
            log.error("the renderer %s; the idle face is on air until the next one goes on", reason)
            self._bury(self._active)
            self._active = None
            self.restarts += 1
            self._feed.cut()
        if self._active is None and self.spare_ready and self._spare:
            self._active, self._spare = self._spare, None
            self._active.go(self._feed)
        self._keep_a_spare()

    def close(self) -> None:
        """End them."""
        for worker in (self._active, self._spare):
            if worker:
                worker.stop()
        self._active = self._spare = None

    def _fault(self, worker: _Worker) -> str:
        """What is wrong with it; "" for nothing."""
        if not worker.process.is_alive():
            return f"has died (exit code {worker.process.exitcode})"
        still = worker.watch.still() if worker.watch else 0.0
        return f"has shown no life for {still:.1f} s" if still > (HUNG if self.spare_ready else ALONE) else ""

    def _bury(self, worker: _Worker) -> None:
        for name, seconds in worker.seconds.items():
            self._spent[name] = self._spent.get(name, 0.0) + seconds
        worker.stop()
        self._mourn()

    def _mourn(self) -> None:
        """Settle when the next one may be loaded: at once, then later and later, at most one a minute."""
        now = time.monotonic()
        recent = sum(now - death < 60.0 for death in self._deaths)
        spent = len(self._deaths) == BUDGET and now - self._deaths[0] < PER
        self._not_before = now + (60.0 if spent else min(30.0, 0.5 * 2.0**recent - 0.5))
        self._deaths.append(now)

    def _keep_a_spare(self) -> None:
        spare = self._spare
        if spare is None:
            wanted = self._active is None or self._ring.next >= SPARE_AFTER
            if wanted and time.monotonic() >= self._not_before:
                self._spare = _Worker(self._ring, self._make, gently=self._active is not None)
            return
        try:
            late = not spare.ready() and time.monotonic() - spare.born > START_LIMIT
            if spare.process.is_alive() and not late:
                return
            reason = "has not loaded in time" if late else "has died"
        except AvatarError as error:
            reason = f"can't be loaded: {error}"
        log.error("the second renderer %s", reason)
        spare.stop()
        self._spare = None
        self._mourn()
