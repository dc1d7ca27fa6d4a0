"""The wire of the network's faults: what it delays, loses and holds up."""

from __future__ import annotations

import os
from collections.abc import Iterator

import faults_network
import numpy as np
import pytest
from wire import Way, Wire


class End:
    """The far end of one direction."""

    def __init__(self, limited: bool = True) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        self.way = Way(self._write, limited)

    def got(self) -> bytes:
        try:
            return os.read(self._read, 1 << 20)
        except BlockingIOError:
            return b""

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)


@pytest.fixture
def end() -> Iterator[End]:
    made = End()
    yield made
    made.close()


def test_packets_arrive_after_their_delay_in_order(end: End) -> None:
    end.way.put(b"a", Wire(delay=0.2), 10.0)
    end.way.put(b"b", Wire(delay=0.2), 10.1)
    assert end.way.deliver(10.19) == pytest.approx(0.01)
    assert end.got() == b""
    end.way.deliver(10.3)
    assert end.got() == b"ab"


def test_the_dark_and_the_lossy_lose(end: End) -> None:
    for _ in range(1000):
        end.way.put(b"x", Wire(dark=True), 1.0)
        end.way.put(b"y", Wire(loss=0.1), 1.0)
    end.way.deliver(2.0)
    got = end.got()
    assert b"x" not in got
    assert 850 < len(got) < 950


def test_bandwidth_is_kept_and_a_full_queue_loses(end: End) -> None:
    wire = Wire(bandwidth=80_000)  # ten packets of 1000 bytes a second
    for _ in range(100):
        end.way.put(b"z" * 1000, wire, 0.0)
    end.way.deliver(0.25)
    assert len(end.got()) == 2000
    end.way.deliver(100.0)
    assert len(end.got()) <= 2000


def test_a_picture_shows_its_number() -> None:
    picture = np.full((540, 640), 128, np.uint8)
    for index in (0, 1, 77, 700_000):
        assert faults_network.number(faults_network.marked(picture, index)) == index
