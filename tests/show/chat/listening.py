"""Listens to a source as a show does, in a thread of its own."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from avatar_engine.show.chat.message import Put
from avatar_engine.show.chat.source import Source


@contextmanager
def listening(source: Source, put: Put | None = None) -> Iterator[queue.Queue[Any]]:
    """What a source brings, unless ``put`` takes it; at the end it must let go."""
    got, stop = queue.Queue[Any](), threading.Event()
    thread = threading.Thread(target=source.run, args=(put or got.put, stop), daemon=True)
    thread.start()
    try:
        yield got
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


def until(got: queue.Queue[Any], wanted: Callable[[Any], bool] | object) -> list[Any]:
    """All that came up to what is ``wanted``, or of which that holds."""
    came, limit = list[Any](), time.monotonic() + 10.0
    while time.monotonic() < limit:
        try:
            came.append(got.get(timeout=0.1))
        except queue.Empty:
            continue
        if wanted(came[-1]) if callable(wanted) else came[-1] == wanted:
            return came
    raise AssertionError(f"{wanted} did not come; {came}")
