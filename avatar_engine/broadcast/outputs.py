"""The outputs: each has a thread, a bounded queue and a state, and can hold up nobody but itself."""

from __future__ import annotations

import logging
import random
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from avatar_engine.broadcast.link import Link, LinkError
from avatar_engine.broadcast.packets import Packet, PacketQueue
from avatar_engine.broadcast.spec import TIME_BASE, OutputSpec, ProgrammeFormat
from avatar_engine.broadcast.status import OutputStatus

log = logging.getLogger(__name__)

_NETWORK_LIMIT = 4 * TIME_BASE
"""Ticks that wait for a network: two GOPs, then whole GOPs are dropped."""

_FILE_LIMIT = 30 * TIME_BASE
"""Ticks that wait for a disk, which stalls for seconds at times and then catches up."""

_STEADY = 10.0
"""Seconds on air after which a connection counts as good, and the next wait is short again."""

_BITRATE_WINDOW = 5.0

WantKeyframe = Callable[[], None]


def backoff(attempt: int, chance: float) -> float:
    """Seconds to wait before attempt ``attempt`` (from 0) to connect again: 0.5 doubling to 8.

    Args:
        attempt: How many attempts have failed in a row.
        chance: Random in [0, 1): takes off up to a half, so that many senders do not come back at once.
    """
    return float(min(8.0, 0.5 * 2.0 ** min(attempt, 10)) * (1.0 - 0.5 * chance))


class Output(ABC):
    """One output of the broadcast process.

    Args:
        spec: Where to.
        queue: What stands between the encoder and this output.
    """

    def __init__(self, spec: OutputSpec, queue: PacketQueue) -> None:
        self._spec, self._queue = spec, queue
        self._status = OutputStatus(spec.display)
        self._sent = 0
        self._recent: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._guarded, name=f"output {spec.display}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @abstractmethod
    def put(self, packet: Packet, patient: bool) -> None:
        """Take a packet; waits only where ``patient`` and the output is a file."""

    @abstractmethod
    def run(self) -> None:
        """The thread's work, until `finish` or the stop event."""

    def finish(self) -> None:
        """No packet follows: send what waits, then end."""
        self._queue.finish()

    def join(self, timeout: float) -> bool:
        """Whether it has ended within ``timeout`` seconds; if not, it is told to stop at once."""
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._stop.set()
            self._queue.shut()
            self._thread.join(1.0)
        return not self._thread.is_alive()

    def status(self) -> OutputStatus:
        """A snapshot."""
        with self._lock:
            now = time.monotonic()
            while self._recent and self._recent[0][0] < now - _BITRATE_WINDOW:
                self._recent.popleft()
            bits = 8 * sum(size for _, size in self._recent)
            span = max(1.0, now - self._recent[0][0]) if self._recent else 1.0
            return replace(
                self._status,
                bitrate_kbps=round(bits / span / 1000, 1),
                sent=self._sent,
                dropped=self._queue.dropped,
            )

    def _set(self, **changes: Any) -> None:
        with self._lock:
            self._status = replace(self._status, **changes)

    def _count(self, gone: Sequence[Packet]) -> None:
        with self._lock:
            self._sent += len(gone)
            self._recent += [(time.monotonic(), len(p.data)) for p in gone]

    def _guarded(self) -> None:
        """A defect in one output must not end the others, nor go unseen."""
        try:
            self.run()
        except Exception as error:
            log.exception("output %s failed", self._spec.display)
            self._set(state="failed", error=self._spec.redact(f"{type(error).__name__}: {error}"))
        finally:
            self._queue.shut()


class RtmpOutput(Output):
    """Publishes to a server, and comes back whenever the connection is lost.

    Args:
        spec: Where to.
        description: Both streams, see `Encoder.description`.
        want_keyframe: Called when a connection needs a picture to begin with.
        bitrate: Bits per second, sizes the system's send buffer.
    """

    def __init__(
        self, spec: OutputSpec, description: bytes, want_keyframe: WantKeyframe, bitrate: int
    ) -> None:
        super().__init__(spec, PacketQueue(_NETWORK_LIMIT))
        self._description, self._want_keyframe, self._bitrate = description, want_keyframe, bitrate
        self._link: Link | None = None

    def put(self, packet: Packet, patient: bool) -> None:
        if self._queue.put(packet) and packet.video:
            self._want_keyframe()

    def run(self) -> None:
        attempt = 0
        while not (self._stop.is_set() or self._queue.finishing):
            began = time.monotonic()
            error = self._connection()
            if error is None:
                break
            reason = self._spec.redact(error)
            if self._queue.finishing:
                # What was never on air has nothing to lose, and was told to end by us.
                if self._status.state == "on air":
                    self._set(error=reason)
                break
            attempt = 0 if time.monotonic() - began > _STEADY else attempt + 1
            wait = backoff(attempt, random.random())
            log.warning("%s: %s; again in %.1f s", self._spec.display, reason, wait)
            self._set(state="reconnecting", error=reason, reconnects=self._status.reconnects + 1)
            self._pause(wait)
        self._set(state="ended")

    def _pause(self, seconds: float) -> None:
        """Wait, but not past the end of the broadcast."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self._queue.finishing:
            if self._stop.wait(0.1):
                return

    def finish(self) -> None:
        super().finish()
        if self._status.state != "on air":
            self._abandon()

    def join(self, timeout: float) -> bool:
        ended = super().join(timeout)
        self._abandon()
        return ended

    def _abandon(self) -> None:
        if (link := self._link) is not None:
            link.kill()

    def _connection(self) -> str | None:
        """One connection from beginning to end; what broke it, or None after the last packet."""
        link = self._link = Link(self._spec, self._description, self._bitrate)
        try:
            link.connect()
            log.info("%s: on air", self._spec.display)
            self._set(state="on air")
            self._queue.open()
            self._want_keyframe()
            return self._pump(link)
        except (LinkError, OSError) as error:
            return str(error)
        finally:
            self._link = None
            self._queue.shut()
            link.close()

    def _pump(self, link: Link) -> str | None:
        while not self._stop.is_set():
            packet = self._queue.get(timeout=0.25)
            if packet is None and self._queue.finished:
                self._count(link.end())
                return None
            self._count(link.collect() if packet is None else link.send(packet))
        return "stopped"


class FileOutput(Output):
    """Records into an .mp4 or .flv file.

    MP4 is written in fragments, one a GOP, so that everything up to the last two seconds can be played after
    a crash or a power cut, and turned into an ordinary MP4 with one index when it is closed (FFmpeg's
    ``hybrid_fragmented``): no second copy, no remux. FLV needs no index.

    Times in a file begin at 0 with its first picture. An earlier recording is never overwritten by a
    restarted process: it goes on in ``name-2.mp4``.

    Args:
        spec: Which file.
        streams: The encoders' streams, for their descriptions.
        programme: For its metadata.
        restart: How often the process was started before; over 0 the file gets a new name.
    """

    def __init__(
        self, spec: OutputSpec, streams: tuple[Any, Any], programme: ProgrammeFormat, restart: int
    ) -> None:
        super().__init__(spec, PacketQueue(_FILE_LIMIT, open_=True))
        path = spec.path or Path("recording.mp4")
        if restart:
            path = _free_name(path)
        self._path = path
        self._set(name=str(path))
        self._container = _open_file(path, dict(programme.metadata))
        self._streams = [self._container.add_stream_from_template(s) for s in streams]
        self._origin: int | None = None

    def put(self, packet: Packet, patient: bool) -> None:
        self._queue.put(packet, patient)

    def run(self) -> None:
        try:
            while not self._stop.is_set():
                packet = self._queue.get(timeout=0.5)
                if packet is not None:
                    self._write(packet)
                elif self._queue.finished:
                    break
            self._container.close()
        except (OSError, av.FFmpegError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            log.error("%s: %s", self._path, reason)
            self._set(state="failed", error=str(reason))
            return
        self._set(state="ended")

    def _write(self, packet: Packet) -> None:
        if self._origin is None:
            self._origin = packet.pts
            self._set(state="on air")
        copy = av.Packet(packet.data)
        copy.pts = copy.dts = packet.pts - self._origin
        copy.duration, copy.time_base = packet.duration, Fraction(1, TIME_BASE)
        copy.is_keyframe = packet.keyframe
        copy.stream = self._streams[0 if packet.video else 1]
        self._container.mux_one(copy)
        self._count([packet])


def _open_file(path: Path, metadata: dict[str, str]) -> Any:
    if path.suffix.lower() == ".flv":
        container = av.open(str(path), "w", format="flv")
    else:
        flags = "hybrid_fragmented+frag_keyframe+default_base_moof+negative_cts_offsets"
        # flush_packets: a fragment is handed to the system when it is whole, not when the next fills a buffer.
        options = {"movflags": flags, "flush_packets": "1"}
        container = av.open(str(path), "w", format="mp4", options=options)
    container.metadata.update(metadata)
    return container


def _free_name(path: Path) -> Path:
    """``name-2.mp4`` and so on: the first that does not exist."""
    number = 2
    while (candidate := path.with_stem(f"{path.stem}-{number}")).exists():
        number += 1
    return candidate
