"""What a receiver counts: pictures that came, and those that should have."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from fractions import Fraction

import av
import numpy as np
import pytest

from avatar_engine.contracts import FRAME_RATE
from avatar_engine.gauge import receiver as room
from avatar_engine.gauge.receiver import Receiver


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.05)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.close()


def published(address: str, indices: list[int]) -> av.container.OutputContainer:
    """A stream of these pictures, which stays open."""
    deadline = time.monotonic() + 30
    while True:
        sent = av.open(address, "w", format="flv")
        stream = sent.add_stream(
            "libx264", rate=FRAME_RATE, options={"preset": "ultrafast", "tune": "zerolatency"}
        )
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        try:
            sent.start_encoding()
            break
        except (OSError, av.FFmpegError):
            assert time.monotonic() < deadline, "nobody listens"
            time.sleep(0.2)
    for index in indices:
        picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), index % 250, np.uint8), format="rgb24")
        picture.pts, picture.time_base = index, Fraction(1, FRAME_RATE)
        sent.mux(stream.encode(picture))
    sent.mux(stream.encode(None))
    return sent


def test_what_comes_and_what_is_left_out_is_counted(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "PATIENCE", 600.0)
    sent = published(receiver.address, [*range(200), *range(207, 300)])
    until(lambda: receiver.pictures == 293)
    assert receiver.missing == 7
    sent.close()


def test_a_stream_that_stops_misses_what_is_due_from_then_on(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = published(receiver.address, [*range(250)])
    until(lambda: receiver.pictures == 250)
    came = time.monotonic()
    assert receiver.missing == 0 or time.monotonic() - came > room.PATIENCE, "a moment is no loss"
    monkeypatch.setattr(room, "PATIENCE", 0.4)
    until(lambda: receiver.missing > 0)
    before, began = receiver.missing, time.monotonic()
    assert before >= 0.4 * FRAME_RATE - 1
    time.sleep(1.0)
    passed = time.monotonic() - began
    assert receiver.missing - before == pytest.approx(passed * FRAME_RATE, abs=3)
    sent.close()


def test_one_that_gets_nothing_misses_everything(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PATIENCE", 0.2)
    time.sleep(1.0)
    assert receiver.pictures == 0 and receiver.missing >= 0.9 * FRAME_RATE
