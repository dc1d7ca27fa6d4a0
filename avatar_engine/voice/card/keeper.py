"""Keeps the card's process running beside whatever serves this machine's shows."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from avatar_engine.voice.card import line

log = logging.getLogger(__name__)

PAUSE = 5.0
"""Seconds before a process that has ended is started again."""


@contextlib.contextmanager
def kept(kind: Literal["cuda", "cpu"], door: Path | None = None) -> Iterator[None]:
    """Run the process while the block runs; one that dies is started anew, for a fault in a kernel ends it. While
    another one answers there, of a show's or of somebody else's keeping, none is started.

    Args:
        kind: Where voices are made.
        door: Its socket; this user's when None.
    """
    ended = threading.Event()
    running: list[subprocess.Popen[bytes]] = []

    def keep() -> None:
        path = door or line.door()
        while not ended.is_set():
            if line.answers(path):
                ended.wait(PAUSE)
                continue
            with contextlib.suppress(OSError):
                running[:] = [line.launch(path, kind, keep=True)]
                while running[0].poll() is None and not ended.wait(0.2):
                    pass
            if not ended.is_set():
                log.warning("the voices' process has ended; again in %.0f s (%s)", PAUSE, line.records())
            ended.wait(PAUSE)

    thread = threading.Thread(target=keep, name="voices", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        for process in running:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
