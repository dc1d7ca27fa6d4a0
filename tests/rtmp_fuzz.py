"""Senders against a server that answers with broken RTMP: nothing may hang, and there is always a reason.

What FFmpeg's own server says to a publisher is recorded once, then said with random faults in it. The senders are the
real ones, forked from a process that has PyAV loaded already, for speed.
"""

from __future__ import annotations

import collections
import concurrent.futures
import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from avatar_engine.broadcast import link as link_module
from avatar_engine.broadcast.encoder import Encoder
from avatar_engine.broadcast.link import Link, LinkError
from avatar_engine.broadcast.packets import Packet
from avatar_engine.broadcast.spec import OutputSpec, ProgrammeFormat
from tests.servers import Receiver, Relay, SilentServer, free_port, programme

KEY = "SECRETKEY"
HANDSHAKE = 3073
LIMIT = 15.0
"""Seconds for the whole of a connection: five to connect, four for a packet, two for the end, and a busy machine."""

_NURSERY = """
import os, signal, socket, sys
from avatar_engine.broadcast import sender
pipe = socket.socket(fileno=int(sys.argv[1]))
while True:
    words, handles, _, _ = socket.recv_fds(pipe, 64, 1)
    if not words:
        break
    if not handles:
        _, status = os.waitpid(int(words), 0)
        pipe.sendall(b"%12d" % os.waitstatus_to_exitcode(status))
        continue
    child = os.fork()
    if child == 0:
        pipe.close()
        os.dup2(handles[0], 0), os.dup2(handles[0], 1), os.close(handles[0])
        sender.serve(open(0, "rb"), open(1, "wb"))
    os.close(handles[0])
    pipe.sendall(b"%12d" % child)
"""


class Nursery:
    """Where sender processes are born quickly; stands in for `link.started`."""

    def __init__(self) -> None:
        self._pipe, theirs = socket.socketpair()
        with theirs:
            words = [sys.executable, "-c", _NURSERY, str(theirs.fileno())]
            self._process = subprocess.Popen(words, pass_fds=[theirs.fileno()], stderr=subprocess.DEVNULL)
        self._lock = threading.Lock()
        self.codes: collections.Counter[int] = collections.Counter()
        """How senders ended: 0, or less where a signal did it."""

    def __call__(self, theirs: socket.socket) -> Any:
        with self._lock:
            socket.send_fds(self._pipe, [b"+"], [theirs.fileno()])
            return Child(self, int(self._pipe.recv(12)))

    def wait(self, pid: int) -> None:
        with self._lock:
            self._pipe.sendall(b"%d" % pid)
            self.codes[int(self._pipe.recv(12))] += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.close()
        self._process.wait(20)


class Child:
    """What `Link` needs of a process."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self._nursery, self.pid = nursery, pid

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> None:
        self._nursery.wait(self.pid)


class Tape(Relay):
    """A relay that keeps what the server says."""

    def __init__(self, target: int) -> None:
        super().__init__(target)
        self.said = b""

    def heard(self, source: socket.socket, data: bytes) -> None:
        if source.getpeername()[1] == self._target:
            self.said += data


class Broken(SilentServer):
    """Answers every publisher with the next of its replies, then hangs up."""

    def __init__(self, replies: Sequence[bytes]) -> None:
        super().__init__()
        self._replies = iter(replies)

    def converse(self, connection: socket.socket) -> None:
        threading.Thread(target=self._answer, args=(connection, next(self._replies)), daemon=True).start()

    def _answer(self, connection: socket.socket, reply: bytes) -> None:
        with contextlib.suppress(OSError):
            connection.sendall(reply)
            connection.settimeout(0.05)
            while connection.recv(65_536):
                pass
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        connection.close()


@dataclass
class Trial:
    """How one connection went: seconds, and what the link said (empty: it took what it was sent)."""

    seconds: float
    reason: str


def programme_packets(frames: int = 10) -> tuple[bytes, list[Packet]]:
    """A description and packets of the test programme."""
    encoder = Encoder(ProgrammeFormat(320, 180), "libx264")
    packets: list[Packet] = []
    for index in range(frames):
        frame = programme(index)
        packets += encoder.encode(index, frame.picture, frame.sound)
    packets += encoder.flush()
    description = encoder.description
    encoder.close()
    return description, packets


def spoken(description: bytes, packets: Sequence[Packet]) -> bytes:
    """What FFmpeg's server says to a publisher."""
    for _ in range(20):
        port = free_port()
        Receiver(f"rtmp://127.0.0.1:{port}/live/{KEY}", listen="1")
        time.sleep(0.3)
        with Tape(port) as tape:
            trial = tried(tape.port, description, packets)
            if not trial.reason:
                return tape.said
    raise RuntimeError(f"no server to record: {trial.reason}")


def mutated(reply: bytes, seed: int) -> bytes:
    """The reply with one to eight faults, most of them behind the handshake; now and then nothing but noise."""
    chance = random.Random(seed)
    if chance.random() < 0.05:
        return chance.randbytes(chance.randrange(5000))
    data = bytearray(reply)
    for _ in range(chance.randint(1, 8)):
        begin = HANDSHAKE if chance.random() < 0.9 and len(data) > HANDSHAKE else 0
        at = chance.randrange(begin, max(begin + 1, len(data)))
        length = chance.choice([1, 1, 2, 4, 16, 200])
        match chance.randrange(6):
            case 0:
                data[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                data[at : at + length] = bytes([chance.choice([0, 127, 128, 255])]) * length
            case 2:
                del data[at : at + length]
            case 3:
                data[at:at] = data[at : at + length]
            case 4:
                data[at:at] = chance.randbytes(length)
            case 5:
                del data[at if chance.random() < 0.2 else len(data) :]
    return bytes(data)


def tried(port: int, description: bytes, packets: Sequence[Packet]) -> Trial:
    """One connection from beginning to end."""
    began, reason = time.monotonic(), ""
    link = Link(OutputSpec.parse(f"rtmp://127.0.0.1:{port}/live/{KEY}"), description, 1_000_000)
    try:
        link.connect()
        for packet in packets:
            link.send(packet)
        link.end()
    except LinkError as error:
        reason = str(error) or "NONE"
    finally:
        if (peer := link.close()) is not None:
            peer.close()
    return Trial(time.monotonic() - began, reason)


def fuzzed(count: int, seed: int = 0, workers: int = 4) -> tuple[list[Trial], collections.Counter[int]]:
    """``count`` connections, each to another broken server; how they went, and how their senders ended."""
    description, packets = programme_packets()
    reply = spoken(description, packets)
    started = link_module.started
    with Nursery() as nursery, Broken([mutated(reply, seed + n) for n in range(count)]) as server:
        link_module.started = nursery
        try:
            with concurrent.futures.ThreadPoolExecutor(workers) as pool:
                jobs = [pool.submit(tried, server.port, description, packets) for _ in range(count)]
                return [job.result() for job in jobs], nursery.codes
        finally:
            link_module.started = started
