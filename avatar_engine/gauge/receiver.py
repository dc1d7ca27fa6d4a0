"""What a measured show is sent to: an RTMP server for one publisher, on the loopback, that counts what it gets."""

from __future__ import annotations

import multiprocessing
import signal
import socket
import time
from contextlib import suppress
from typing import Any

import av

from avatar_engine.contracts import FRAME_RATE

PATIENCE = 1.0
"""Seconds without a picture after which those that were due meanwhile are missing: fewer may only be late."""

_PICTURES, _MISSING, _LAST = 0, 1, 2


class Receiver:
    """A receiver in a process of its own; close it in the end.

    Attributes:
        address: Where it listens.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"rtmp://127.0.0.1:{port}/live/measured"
        self._counts: Any = context.RawArray("q", 3)
        self._counts[_LAST] = time.monotonic_ns()
        self._process = context.Process(target=receive, args=(self.address, self._counts), daemon=True)
        self._process.start()

    @property
    def pictures(self) -> int:
        """Pictures that came."""
        return int(self._counts[_PICTURES])

    @property
    def missing(self) -> int:
        """Pictures that a steady 25 a second would have had: between those that came, and since the last of them, or
        since the receiver is there when none came."""
        silence = (time.monotonic_ns() - self._counts[_LAST]) / 1e9
        due = round(silence * FRAME_RATE) if silence > PATIENCE else 0
        return int(self._counts[_MISSING]) + due

    @property
    def pid(self) -> int | None:
        """Its process."""
        return self._process.pid

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.join(5)


def receive(address: str, counts: Any) -> None:
    """What runs in the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    last: float | None = None
    with (
        suppress(av.FFmpegError),  # the publisher's end is an error to FFmpeg's server
        av.open(address, options={"listen": "1"}) as source,
    ):
        for packet in source.demux(source.streams.video[0]):
            if packet.pts is None or packet.time_base is None:
                continue
            now = float(packet.pts * packet.time_base)
            if last is not None:
                counts[_MISSING] += max(0, round((now - last) * FRAME_RATE) - 1)
            last = now
            counts[_PICTURES] += 1
            counts[_LAST] = time.monotonic_ns()
