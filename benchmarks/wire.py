"""A network link that misbehaves as it is told: two TUN interfaces in two network namespaces, and this between them.

For kernels without netem; whole IP packets are lost, delayed or queued, so TCP on both sides is the system's own.
Run by `faults_network.py`, as root of a namespace of its own:

    python benchmarks/wire.py FD FD      one JSON object a line on the standard input: `Wire`'s attributes
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import select
import struct
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

_TUNSETIFF = 0x400454CA
_TUN_NO_HEADER = 0x1001
_QUEUE = 0.25
"""Seconds of packets that wait for a link of limited bandwidth, as in a home router; the rest is lost."""


@dataclass
class Wire:
    """What happens to packets.

    Attributes:
        delay: Seconds each way.
        loss: Share of packets that vanish, each way.
        bandwidth: Bits per second of the way up; 0 for no limit.
        dark: Whether all packets vanish.
    """

    delay: float = 0.0
    loss: float = 0.0
    bandwidth: float = 0.0
    dark: bool = False


class Way:
    """One direction of the wire."""

    def __init__(self, sink: int, limited: bool) -> None:
        self._sink, self._limited = sink, limited
        self._flying: deque[tuple[float, bytes]] = deque()
        self._free = 0.0

    def put(self, packet: bytes, wire: Wire, now: float) -> None:
        if wire.dark or random.random() < wire.loss:
            return
        arrival = now
        if self._limited and wire.bandwidth:
            if self._free - now > _QUEUE:
                return
            arrival = self._free = max(now, self._free) + 8 * len(packet) / wire.bandwidth
        self._flying.append((arrival + wire.delay, packet))

    def deliver(self, now: float) -> float:
        """Hand over what has arrived; seconds until the next packet does."""
        while self._flying and self._flying[0][0] <= now:
            with contextlib.suppress(OSError):
                os.write(self._sink, self._flying.popleft()[1])
        return max(0.0, self._flying[0][0] - now) if self._flying else 1.0


def tun(name: str) -> int:
    """The descriptor of a new TUN interface in this process's network namespace."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH14x", name.encode(), _TUN_NO_HEADER))
    os.set_inheritable(descriptor, True)
    return descriptor


class Neighbour:
    """Another network namespace, ``10.9.0.2``, at the far end of a wire; this process is ``10.9.0.1``.

    Needs root's rights over a network namespace of this process's own (``unshare --net``).
    """

    address, other = "10.9.0.2", "10.9.0.3"

    def __init__(self) -> None:
        ends = [tun("wire0"), tun("wire1")]
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        while Path(f"/proc/{self._holder.pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink():
            time.sleep(0.01)
        shell("ip link set wire1 netns", str(self._holder.pid))
        shell("ip link set lo up")
        shell("ip addr add 10.9.0.1/24 dev wire0")
        shell("ip link set wire0 mtu 1500 up")
        for line in ("lo up", "wire1 mtu 1500 up"):
            shell(*self.inside, "ip link set", line)
        shell(*self.inside, "ip addr add 10.9.0.2/24 dev wire1")
        command = [sys.executable, __file__, *map(str, ends)]
        self._wire = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=ends, text=True)
        for end in ends:
            os.close(end)

    @property
    def inside(self) -> tuple[str, ...]:
        """What a command is prefixed with to run over there."""
        return "nsenter", "--net", "--target", str(self._holder.pid)

    def move(self, old: str, new: str) -> None:
        """From one address to another: at the old one nobody is any more."""
        shell(*self.inside, "ip addr del", f"{old}/24", "dev wire1")
        shell(*self.inside, "ip addr add", f"{new}/24", "dev wire1")

    def set(self, **changes: float | bool) -> None:
        """`Wire`'s attributes from now on; those that are not named are as at first."""
        assert self._wire.stdin is not None
        self._wire.stdin.write(json.dumps(changes) + "\n")
        self._wire.stdin.flush()

    def close(self) -> None:
        for process in (self._wire, self._holder):
            process.kill()
            process.wait()


def shell(*words: str) -> None:
    subprocess.run(" ".join(words).split(), check=True)


def main(first: int, second: int) -> None:
    """Carry packets until the standard input ends."""
    wire = Wire()
    ways = {first: Way(second, limited=True), second: Way(first, limited=False)}
    while True:
        patience = min(way.deliver(time.monotonic()) for way in ways.values())
        ready, _, _ = select.select([first, second, 0], [], [], patience)
        if 0 in ready:
            line = os.read(0, 4096).splitlines()
            if not line:
                return
            wire = Wire(**json.loads(line[-1]))
        for end in ready:
            if end in ways:
                ways[end].put(os.read(end, 65_536), wire, time.monotonic())


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
