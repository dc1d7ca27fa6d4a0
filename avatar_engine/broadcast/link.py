"""The broadcast process's end of a sender: bounded in time, whatever the network does."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

from avatar_engine.broadcast import sender
from avatar_engine.broadcast.packets import Packet
from avatar_engine.broadcast.peer import Peer
from avatar_engine.broadcast.spec import TIME_BASE, OutputSpec

_START_LIMIT = 30.0
"""Seconds that a sender may take to start; a busy machine imports slowly."""
_CONNECT_LIMIT = 5.0
_ANSWER_LIMIT = 4.0
"""Seconds that a packet may take to leave."""
_END_LIMIT = 2.0
_UNDERWAY = TIME_BASE
"""Ticks of programme that may be with the sender; the rest waits in the queue, where GOPs can be dropped."""


_WORDS = 200
"""Characters of a reason that are kept: a server may say anything."""


class LinkError(Exception):
    """The connection is lost; the text says why, without the stream key.

    Attributes:
        away: Whether nobody seems to be there, rather than one who says no.
    """

    @property
    def away(self) -> bool:
        return any(words in str(self) for words in (sender.REFUSED, sender.NO_ANSWER))


class Link:
    """One sender process with one connection; used by one thread, but `kill` by any.

    Args:
        spec: Where to; a network output.
        description: Both streams as an MP4 without media.
        bitrate: Bits per second of picture and sound, sizes the system's send buffer: small, so that a
            slow link is noticed here and not minutes later.
    """

    def __init__(self, spec: OutputSpec, description: bytes, bitrate: int) -> None:
        self._spec = spec
        self._underway: deque[Packet] = deque()
        self._heard = time.monotonic()
        self._peer: Peer | None = None
        self._silent = False
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = started(theirs)
        place = sender.target(spec.url, options(spec, bitrate)).encode()
        # The key goes through the socket, for everyone can read a command line.
        self._order = sender.ORDER.pack(len(place), len(description)) + place + description

    @property
    def pid(self) -> int:
        return self._process.pid

    def connect(self) -> None:
        """Return once the server takes packets.

        Raises:
            LinkError: It does not, or not in time.
        """
        self._write(self._order)
        self._await(1, _START_LIMIT)
        self._await(1, _CONNECT_LIMIT)

    def send(self, packet: Packet) -> list[Packet]:
        """Hand over a packet, waiting while a second of programme is underway; those that have left by now.

        Raises:
            LinkError: The connection is lost, or nothing leaves.
        """
        if not self._underway:
            self._heard = time.monotonic()
        self._underway.append(packet)
        head = (packet.video, packet.keyframe, packet.pts, packet.duration, len(packet.data))
        self._write(sender.PACKET.pack(*head) + packet.data)
        gone = self.collect()
        while self._underway and packet.pts - self._underway[0].pts > _UNDERWAY:
            gone += self.collect(0.1)
        return gone

    @property
    def waiting(self) -> int | None:
        """Time in ticks of the oldest packet that has not left; None where all have."""
        try:
            return self._underway[0].pts
        except IndexError:
            return None

    def collect(self, wait: float = 0.0) -> list[Packet]:
        """Packets that have left since the last call.

        Args:
            wait: Seconds to wait for one at most.

        Raises:
            LinkError: The connection is lost, or nothing has left for too long.
        """
        count = self._read(wait)
        now = time.monotonic()
        if (peer := self._peer) is not None and peer.silent():
            raise self._gone_silent("the server takes nothing more")
        if count or not self._underway:
            self._heard = now
        elif now - self._heard > _ANSWER_LIMIT:
            raise self._gone_silent("the link is dead")
        return [self._underway.popleft() for _ in range(min(count, len(self._underway)))]

    def end(self) -> list[Packet]:
        """Tell the server that the stream ends, and wait for that a moment; packets that left meanwhile."""
        gone: list[Packet] = []
        deadline = time.monotonic() + _END_LIMIT
        try:
            self._socket.shutdown(socket.SHUT_WR)
            while time.monotonic() < deadline:
                gone += self.collect(0.1)
        except (LinkError, OSError):
            pass  # its end of the pipe is closed: it has ended
        self._let_go()
        return gone

    def kill(self) -> None:
        """End the process and its connection at once, if they have not ended."""
        self._process.kill()
        self._let_go()

    def _let_go(self) -> None:
        """Our handle of the connection would keep it open."""
        peer, self._peer = self._peer, None
        if peer is not None:
            peer.close()

    def close(self) -> Peer | None:
        """End the process. Where the connection went silent, its other end, which still waits to be told; else None."""
        self._process.kill()
        self._process.wait()
        self._socket.close()
        peer = self._peer if self._silent else None
        if peer is None:
            self._let_go()
        return peer

    def _gone_silent(self, how: str) -> LinkError:
        self._silent = True
        return LinkError(f"{sender.NO_ANSWER}: {how}")

    def _await(self, count: int, limit: float) -> None:
        deadline = time.monotonic() + limit
        while count > 0:
            left = deadline - time.monotonic()
            if left <= 0:
                raise LinkError(sender.NO_ANSWER)
            count -= self._read(min(left, 0.5), count)

    def _write(self, data: bytes) -> None:
        self._socket.settimeout(_ANSWER_LIMIT)
        try:
            self._socket.sendall(data)
        except TimeoutError:
            raise self._gone_silent("the link is dead") from None
        except OSError:
            # It has ended; its last words say why.
            while True:
                self._read(1.0)

    def _read(self, wait: float, most: int = 4096) -> int:
        """How many acknowledgements have come, ``most`` at most."""
        self._socket.settimeout(wait)
        try:
            data, handles, _, _ = socket.recv_fds(self._socket, most, 1)
        except (BlockingIOError, TimeoutError):
            return 0
        except OSError:
            data, handles = b"", []
        for handle in handles:
            self._peer = Peer(socket.socket(fileno=handle))
        if not data:
            raise LinkError("the sender has ended")
        if b"!" in data:
            raise LinkError(self._last_words(data))
        return len(data)

    def _last_words(self, data: bytes) -> str:
        self._socket.settimeout(1.0)
        try:
            while more := self._socket.recv(4096):
                data += more
        except OSError:
            pass
        words = self._spec.redact(data.partition(b"!")[2].decode(errors="replace"))
        # A server's own words go to a terminal and into logs.
        return "".join(c if c.isprintable() else " " for c in words)[:_WORDS].strip() or "no reason given"


def started(theirs: socket.socket) -> subprocess.Popen[bytes]:
    """A sender process that speaks through ``theirs``."""
    # Not by multiprocessing: it would import the caller's whole program.
    return subprocess.Popen(
        [sys.executable, "-P", sender.__file__],
        stdin=theirs.fileno(),
        stdout=theirs.fileno(),
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def options(spec: OutputSpec, bitrate: int) -> dict[str, str]:
    """FFmpeg's options for an output's protocols."""
    if spec.kind == "srt":
        return {"f": "mpegts"}
    chosen = {
        # FFmpeg would guess from the address which part is the application.
        "rtmp_app": spec.app,
        "rtmp_playpath": spec.key,
        "send_buffer_size": str(max(64 << 10, bitrate // 8)),
    }
    if spec.tls:
        chosen["tls_verify"] = "1"
        if authorities := _authorities():
            chosen["ca_file"] = authorities
    return chosen


def _authorities() -> str | None:
    """The machine's trusted certificates; the TLS library that comes with PyAV does not know every system's."""
    paths = ssl.get_default_verify_paths()
    usual = (paths.cafile, "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
    return next((p for p in usual if p and Path(p).is_file()), None)
