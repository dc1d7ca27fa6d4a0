"""The show of `faults.py`, in a process of its own; and the one that takes its place when that is killed."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Client
from pathlib import Path

from avatar_engine.broadcast.guard import Estate, Successor
from avatar_engine.live.show import ShowStatus, run

COMMAND = (sys.executable, __file__)


def main() -> None:
    """Read the order, go live, and send every status to the address in it."""
    logging.basicConfig(level=logging.WARNING)
    told = json.loads(sys.stdin.readline())
    estate = Estate.from_json(json.dumps(told)) if "ring" in told else None
    avatar, script, url, size, address = told["arguments"]
    width, _, height = size.partition("x")
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    line = Client(address)
    line.send(os.getpid())

    def tell(status: ShowStatus) -> None:
        with suppress(OSError):
            line.send(status)

    run(
        Path(avatar),
        Path(script),
        [url],
        size=(int(width), int(height)),
        loop=True,
        on_status=tell,
        stop=stop,
        successor=Successor(COMMAND, tuple(told["arguments"])),
        estate=estate,
    )


if __name__ == "__main__":
    main()
