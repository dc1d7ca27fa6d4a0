"""The front door: hand over frames, never wait, never fail because of an output."""

from __future__ import annotations

import atexit
import json
import logging
import multiprocessing
import socket
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from multiprocessing import connection as mpc
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from avatar_engine.broadcast import process
from avatar_engine.broadcast.air import FillerMaker, FinishMaker
from avatar_engine.broadcast.guard import Adopted, Estate, Successor
from avatar_engine.broadcast.ring import FAILED, FrameRing, slots_for
from avatar_engine.broadcast.spec import OutputSpec, ProgrammeFormat
from avatar_engine.broadcast.status import BroadcastStatus, OutputStatus
from avatar_engine.contracts import SAMPLES_PER_FRAME, FloatArray, ProgrammeFrame
from avatar_engine.errors import AvatarError

log = logging.getLogger(__name__)

_START_LIMIT = 60.0
"""Seconds that the process may take to start; a busy machine imports slowly."""
_END_LIMIT = 75.0
_SILENCE_LIMIT = 20.0
"""Seconds without a word after which the process counts as hung; it reports four times a second."""
_HUNG = 2.5
"""The same for a live one, and the seconds that it may be at one and the same frame."""
_STEADY = 30.0
"""Seconds of life after which a death is not held against the process."""


def restart_wait(deaths: int) -> float:
    """Seconds before the process is started again after ``deaths`` (from 1) in a row: 0 at first, then
    0.5 doubling to 8."""
    return 0.0 if deaths <= 1 else min(8.0, 0.5 * 2.0 ** min(deaths - 2, 10))


class Broadcast:
    """Encodes the programme once and sends it to every output, in a process of its own.

    Args:
        programme: Size, bitrates and metadata.
        outputs: Where to; at least one.
        encoder: ``auto`` or one of `codecs.ENCODERS`.
        slots: Frames that may wait for the encoder; 0 chooses (a second at 720p).
        ring: A live broadcast's: frames are put there by whoever makes them, and not sent here. The process keeps
            time: it takes every frame at its moment, and the idle face in its place where it is not there.
        filler: Makes the idle pictures, in the process.
        room: What is heard under a live broadcast, see `avatar_engine.broadcast.air.Air`.
        finish: Makes what changes a live broadcast's sound last of all, in the process.
        seat: A file that the process keeps locked as long as it lives, also while another show takes this one's place.
        successor: How the process of a live broadcast starts another show when this one dies; None for not at all.
        estate: What a show left that died: its broadcast goes on, and this is a new front door to it.

    Raises:
        AvatarError: The encoder cannot be opened, a file cannot be written, or a preview's port is taken.
    """

    def __init__(
        self,
        programme: ProgrammeFormat,
        outputs: Sequence[OutputSpec],
        *,
        encoder: str = "auto",
        slots: int = 0,
        ring: FrameRing | None = None,
        filler: FillerMaker | None = None,
        room: FloatArray | None = None,
        finish: FinishMaker | None = None,
        seat: Path | None = None,
        successor: Successor | None = None,
        estate: Estate | None = None,
    ) -> None:
        if not outputs:
            raise AvatarError("There is no output.", "Name at least one address or file.")
        twice = [o.display for n, o in enumerate(outputs) if o in outputs[:n]]
        if twice:
            raise AvatarError(f"The output {twice[0]} is named twice.", "Name each output once.")
        if not estate:
            _touch(outputs)
        self._programme, self._outputs, self._encoder = programme, tuple(outputs), encoder
        self._context = multiprocessing.get_context("spawn")
        width, height = programme.width, programme.height
        self._live, self._filler, self._room, self._successor = ring is not None, filler, room, successor
        self._finish, self._seat = finish, seat
        self._ring = ring or FrameRing.make(width, height, slots or slots_for(width, height))
        self._progress = (0, 0.0)  # the frame that is on air, and since when
        self._lock = threading.RLock()
        self._last = -1
        self._refused = 0
        self._closing = False
        self._closed = False
        self._deaths = self._restarts = 0
        self._fatal: AvatarError | None = None
        self._status = BroadcastStatus(tuple(OutputStatus(o.display) for o in outputs))
        self._base = self._status
        self._ready = threading.Event()
        self._up = False  # the process that runs now has said that it works
        self._born = time.monotonic()
        self._wake = threading.Event()
        self._process: Any
        self._connection: mpc.Connection[Any, Any]
        if estate:
            self._process = Adopted(estate.broadcast)
            self._connection = mpc.Connection(estate.line, writable=False)
        else:
            self._process, self._connection = self._spawn()
        self._monitor = threading.Thread(target=self._watch, name="broadcast monitor", daemon=True)
        self._monitor.start()
        # Before multiprocessing's own exit hook, which would wait for a process that nobody has told to end.
        atexit.register(self.close)
        self._await_start()

    def __enter__(self) -> Broadcast:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._successor and isinstance(error, Exception) and not isinstance(error, AvatarError):
            # Nobody asked for this end: the broadcast goes on, and its guard starts another show.
            log.critical("the show has failed", exc_info=error)
            atexit.unregister(self.close)
            self._ring.tended = FAILED
        else:
            self.close()

    def send(self, frame: ProgrammeFrame, wait: bool = False) -> bool:
        """Hand over a frame; whether it was taken. One copy.

        Args:
            frame: Its index is greater than the last one's; a gap is silence and a held picture.
            wait: Offline: wait for room (and while the process is started again), and let files hold the
                encoder up rather than lose a frame. Live, False at once when the ring is full.

        Raises:
            ValueError: The frame has another shape than the programme, or comes out of order.
        """
        self._check(frame)
        while True:
            with self._lock:
                if self._closed or self._fatal is not None:
                    return False
                if self._ring.put(frame, wait):
                    self._last = frame.index
                    return True
                if not wait:
                    self._refused += 1
                    return False
            # Only offline: the encoder needs milliseconds a frame, and nothing is late.
            self._wake.wait(0.002)

    def await_network(self, limit: float = 10.0) -> bool:
        """Wait until every network output has connected or failed to once; whether all are on air.

        For the moment before the show: what is sent before a connection stands is not seen there.

        Args:
            limit: Seconds to wait at most.
        """
        network = [i for i, o in enumerate(self._outputs) if o.network]
        deadline = time.monotonic() + limit
        while True:
            states = [self.status().outputs[i].state for i in network]
            if "connecting" not in states or time.monotonic() > deadline:
                return all(s == "on air" for s in states)
            self._wake.wait(0.05)

    def status(self) -> BroadcastStatus:
        """A snapshot, at most a quarter of a second old."""
        with self._lock:
            return replace(
                self._status,
                queue_depth=0 if self._closed else self._ring.depth,
                refused=self._refused,
                restarts=self._restarts,
                alive=self._process.is_alive() if not self._closed else False,
            )

    def close(self, drain: bool = True) -> None:
        """End the broadcast and finish its files.

        Args:
            drain: Encode and send what still waits in the ring; otherwise it is lost.
        """
        with self._lock:
            if self._closing:
                return
            self._closing = True
            self._ring.finish(drain)
        self._wake.set()
        self._monitor.join(_END_LIMIT)
        if self._process.is_alive():
            log.error("the broadcast process did not end; it is stopped")
            self._process.kill()
            self._process.join()
            self._monitor.join(5.0)
        atexit.unregister(self.close)
        with self._lock:
            self._closed = True
            if not self._live:
                self._ring.discard()

    @property
    def failure(self) -> AvatarError | None:
        """Why it can't be started again; None while it can."""
        return self._fatal

    @property
    def pid(self) -> int | None:
        """The process's number, for those who measure it."""
        pid: int | None = self._process.pid
        return pid

    def _check(self, frame: ProgrammeFrame) -> None:
        shape = (self._programme.height * 3 // 2, self._programme.width)
        if frame.picture.shape != shape or frame.picture.dtype != np.uint8:
            raise ValueError(f"picture {frame.picture.dtype}{frame.picture.shape}, wanted uint8{shape}")
        if frame.sound.shape != (SAMPLES_PER_FRAME,):
            raise ValueError(f"sound {frame.sound.shape}, wanted ({SAMPLES_PER_FRAME},)")
        if frame.index <= self._last:
            raise ValueError(f"frame {frame.index} after frame {self._last}")

    def _spawn(self) -> tuple[Any, mpc.Connection[Any, Any]]:
        receiver, sender = self._context.Pipe(duplex=False)
        child = self._context.Process(
            target=process.main,
            args=(
                self._ring.handle,
                sender,
                self._programme,
                self._outputs,
                self._encoder,
                self._restarts,
                self._live,
                self._filler,
                self._successor,
                self._room,
                self._finish,
                self._seat,
            ),
            name="avatar-engine broadcast",
            daemon=True,
        )
        child.start()
        # Ours must go, or the child's death would never show as the end of the pipe.
        sender.close()
        return child, receiver

    def _await_start(self) -> None:
        if not self._ready.wait(_START_LIMIT) and self._fatal is None:
            self._fatal = AvatarError(
                f"The broadcast process did not start within {_START_LIMIT:.0f} seconds.",
                "Look at the log, and at what else runs on this machine.",
            )
            self._process.kill()
        if self._fatal is not None:
            fatal = self._fatal
            self.close(drain=False)
            raise fatal

    def _watch(self) -> None:
        """The monitor's work: read messages, and start the process again when it dies."""
        while True:
            self._born = time.monotonic()
            ended = self._read_until_end()
            self._process.join()
            if ended or self._fatal is not None:
                self._ready.set()
                return
            if not self._revive(time.monotonic() - self._born):
                self._ready.set()
                return

    def _read_until_end(self) -> bool:
        """Messages until the pipe ends; whether the process ended as it should."""
        ended = False
        while True:
            try:
                limit = _HUNG if self._live else _SILENCE_LIMIT
                if not self._connection.poll(limit):
                    self._end_hung_process(limit)
                    continue
                if self._stands_still():
                    self._end_hung_process(limit)
                message = json.loads(self._connection.recv_bytes())
            except (EOFError, OSError):
                self._connection.close()
                return ended
            ended = ended or message["kind"] == "ended"
            self._handle(message)

    def _stands_still(self) -> bool:
        """Whether a live broadcast speaks, but is at the same frame as `_HUNG` seconds ago."""
        if not self._live or self._closing or not self._up or not 0 < self._ring.next < self._ring.last:
            return False
        now = time.monotonic()
        if self._ring.next != self._progress[0]:
            self._progress = self._ring.next, now
        return now - self._progress[1] > _HUNG

    def _end_hung_process(self, limit: float) -> None:
        """Kill a process that says nothing, unless it has a reason: it starts, or finishes long files."""
        starting = not self._up and time.monotonic() - self._born < _START_LIMIT
        if not starting and not self._closing:
            log.error("the broadcast process has shown no life for %.1f s; it is stopped", limit)
            self._up = False
            self._process.kill()

    def _handle(self, message: dict[str, Any]) -> None:
        match message["kind"]:
            case "ready":
                self._up = True
                self._progress = -1, time.monotonic()
                self._ready.set()
            case "fatal":
                self._fatal = AvatarError(message["what"], message["advice"])
            case "log":
                logging.getLogger(message["name"]).log(message["level"], "%s", message["text"])
            case "status":
                with self._lock:
                    self._status = _combined(self._base, message)

    def _revive(self, lived: float) -> bool:
        """After a death: start the process again, unless the broadcast is at its end."""
        code = self._process.exitcode
        self._deaths = 1 if lived > _STEADY else self._deaths + 1
        reason = f"the broadcast process died (exit code {code})"
        wait = restart_wait(self._deaths)
        log.error("%s; it starts again in %.1f s", reason, wait)
        with self._lock:
            self._base = self._status = _bereaved(self._status, reason)
        if not self._closing:
            self._wake.wait(wait)
        with self._lock:
            # While closing, what waits in the ring is still worth a new process once: files end whole.
            if self._closing and self._deaths > 2:
                return False
            self._restarts += 1
            self._up = False
        # Not under the lock: starting a process takes a while, and `send` must not wait for it.
        process_, connection = self._spawn()
        with self._lock:
            self._process, self._connection = process_, connection
        return True


def _combined(base: BroadcastStatus, message: dict[str, Any]) -> BroadcastStatus:
    """A report of the process, on top of what its dead predecessors had counted."""
    outputs = tuple(
        replace(
            OutputStatus(**now),
            reconnects=before.reconnects + now["reconnects"],
            sent=before.sent + now["sent"],
            dropped=before.dropped + now["dropped"],
            error=now["error"] or before.error,
        )
        for before, now in zip(base.outputs, message["outputs"], strict=True)
    )
    return replace(
        base,
        outputs=outputs,
        encoder=message["encoder"],
        video_kbps=message["video_kbps"],
        encoded=base.encoded + message["encoded"],
        av_offset_ms=message["av_offset_ms"],
        cpu_seconds=round(base.cpu_seconds + message["cpu_seconds"], 3),
        stage_times=message["stage_times"],
    )


def _bereaved(status: BroadcastStatus, reason: str) -> BroadcastStatus:
    """The status after a death: every output has to come back."""
    outputs = tuple(
        replace(o, state="reconnecting", reconnects=o.reconnects + 1, bitrate_kbps=0.0, error=reason)
        for o in status.outputs
    )
    return replace(status, outputs=outputs)


def _touch(outputs: Sequence[OutputSpec]) -> None:
    """Find out now, not in an hour, whether the files can be written."""
    for output in outputs:
        if output.kind == "preview":
            _listen(output)
        if output.path is None:
            continue
        try:
            if output.cut:  # its pieces have names of their own
                tempfile.TemporaryFile(dir=output.path.parent).close()
                continue
            with output.path.open("wb"):
                pass
        except OSError as error:
            raise AvatarError(
                f"The file '{output.path}' cannot be written ({error.strerror}).", "Choose another place."
            ) from error


def _listen(output: OutputSpec) -> None:
    family = socket.AF_INET6 if ":" in output.host else socket.AF_INET
    try:
        socket.create_server((output.host, output.port), family=family).close()
    except OSError as error:
        raise AvatarError(
            f"The preview cannot listen on port {output.port} ({error.strerror}).", "Choose another port."
        ) from error
