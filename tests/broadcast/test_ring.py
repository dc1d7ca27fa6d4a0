"""The ring of shared memory: order, fullness, and what survives the reader's death."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator

import numpy as np
import pytest

from avatar_engine.broadcast.ring import FrameRing, FrameRingReader, slot_bytes, slots_for
from tests.servers import programme

WIDTH, HEIGHT, SLOTS = 320, 180, 4


@pytest.fixture
def ring() -> Iterator[FrameRing]:
    made = FrameRing(multiprocessing.get_context("spawn"), WIDTH, HEIGHT, SLOTS)
    yield made
    made.close()


def read(reader: FrameRingReader) -> int:
    assert reader.wait(1)
    frame = reader.peek()
    assert frame is not None
    index, _, picture, sound = frame
    np.testing.assert_array_equal(picture, programme(index).picture)
    np.testing.assert_array_equal(sound, programme(index).sound)
    reader.release()
    return index


def test_frames_come_out_as_they_went_in_many_times_round(ring: FrameRing) -> None:
    reader = FrameRingReader(ring.handle)
    for index in range(3 * SLOTS + 1):
        assert ring.put(programme(index), patient=False)
        assert read(reader) == index
    reader.close()


def test_a_full_ring_says_so_and_keeps_what_it_has(ring: FrameRing) -> None:
    reader = FrameRingReader(ring.handle)
    taken = [ring.put(programme(i), patient=False) for i in range(SLOTS + 2)]
    assert taken == [True] * SLOTS + [False] * 2
    assert ring.depth == reader.depth == SLOTS
    assert [read(reader) for _ in range(SLOTS)] == list(range(SLOTS))
    assert not reader.wait(0)
    assert reader.peek() is None
    reader.close()


def test_patience_travels_with_the_frame(ring: FrameRing) -> None:
    reader = FrameRingReader(ring.handle)
    ring.put(programme(0), patient=True)
    frame = reader.peek()
    assert frame is not None
    assert frame[1] is True
    del frame
    reader.close()


def test_a_new_reader_goes_on_where_the_dead_one_stopped(ring: FrameRing) -> None:
    dead = FrameRingReader(ring.handle)
    for index in range(SLOTS):
        ring.put(programme(index), patient=False)
    assert read(dead) == 0
    assert dead.wait(1)  # it dies with the semaphore taken and the frame not
    dead.close()
    ring.renew()
    heir = FrameRingReader(ring.handle)
    assert [read(heir) for _ in range(SLOTS - 1)] == [1, 2, 3]
    assert [ring.put(programme(i), patient=False) for i in range(4, 9)] == [True] * SLOTS + [False]
    heir.close()


@pytest.mark.parametrize(("drain", "left"), [(True, 2), (False, 0)])
def test_the_end(ring: FrameRing, drain: bool, left: int) -> None:
    reader = FrameRingReader(ring.handle)
    ring.put(programme(0), patient=False)
    ring.put(programme(1), patient=False)
    assert not reader.exhausted
    ring.finish(drain)
    read_count = 0
    while not reader.exhausted:
        read(reader)
        read_count += 1
    assert read_count == left
    reader.close()


def test_rings_fit_a_container() -> None:
    for width, height in ((640, 360), (1280, 720), (1920, 1080)):
        assert 4 <= slots_for(width, height) <= 25
        assert slots_for(width, height) * slot_bytes(width, height) < 64 << 20
    assert slots_for(1280, 720) == 25
