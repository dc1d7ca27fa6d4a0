"""The ring of shared memory: order, fullness, and what survives the death of either side."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from avatar_engine.broadcast.ring import ENDLESS, FrameRing, slot_bytes, slots_for
from tests.servers import programme

WIDTH, HEIGHT, SLOTS = 320, 180, 4


@pytest.fixture
def ring() -> Iterator[FrameRing]:
    made = FrameRing.make(WIDTH, HEIGHT, SLOTS)
    yield made
    made.discard()


def read(reader: FrameRing) -> int:
    frame = reader.peek()
    assert frame is not None
    np.testing.assert_array_equal(frame.picture, programme(frame.index).picture)
    np.testing.assert_array_equal(frame.sound, programme(frame.index).sound)
    reader.release()
    return frame.index


def test_frames_come_out_as_they_went_in_many_times_round(ring: FrameRing) -> None:
    reader = FrameRing.open(ring.handle)
    for index in range(3 * SLOTS + 1):
        assert ring.put(programme(index))
        assert read(reader) == index
    reader.close()


def test_a_full_ring_says_so_and_keeps_what_it_has(ring: FrameRing) -> None:
    reader = FrameRing.open(ring.handle)
    taken = [ring.put(programme(i)) for i in range(SLOTS + 2)]
    assert taken == [True] * SLOTS + [False] * 2
    assert ring.depth == reader.depth == SLOTS
    assert [read(reader) for _ in range(SLOTS)] == list(range(SLOTS))
    assert reader.peek() is None
    reader.close()


def test_what_is_known_of_a_frame_travels_with_it(ring: FrameRing) -> None:
    ring.put(programme(7), patient=True, epoch=3, content=5)
    frame = ring.peek()
    assert frame is not None
    assert (frame.index, frame.patient, frame.epoch, frame.content, frame.speaking) == (7, True, 3, 5, False)
    del frame


def test_a_new_reader_and_a_new_writer_go_on_where_the_dead_ones_stopped(ring: FrameRing) -> None:
    writer, dead = FrameRing.open(ring.handle), FrameRing.open(ring.handle)
    for index in range(SLOTS):
        writer.put(programme(index))
    assert read(dead) == 0
    assert dead.peek() is not None  # it dies while it encodes
    dead.close()
    writer.close()
    heirs = FrameRing.open(ring.handle), FrameRing.open(ring.handle)
    assert [heirs[0].put(programme(i)) for i in (4, 5)] == [True, False]
    assert [read(heirs[1]) for _ in range(SLOTS)] == [1, 2, 3, 4]
    for heir in heirs:
        heir.close()


def test_counters_are_shared_and_apart_from_one_another(ring: FrameRing) -> None:
    names = [name for name, kind in vars(FrameRing).items() if type(kind).__name__ == "_Counter"]
    assert len(names) == 24 and ring.last == ENDLESS
    for value, name in enumerate(names, 1):
        setattr(ring, name, value << 40)
    other = FrameRing.open(ring.handle)
    assert [getattr(other, name) >> 40 for name in names] == list(range(1, len(names) + 1))
    other.close()


def test_a_new_supervisor_makes_stale_what_the_last_one_left(ring: FrameRing) -> None:
    ring.put(programme(0), epoch=ring.epoch)
    ring.heard = 7
    heir = FrameRing.open(ring.handle)
    heir.succeed()
    frame = ring.peek()
    assert frame is not None and frame.epoch < ring.epoch
    assert ring.heard == 0
    del frame
    heir.close()


@pytest.mark.parametrize(("drain", "left"), [(True, 2), (False, 0)])
def test_the_end(ring: FrameRing, drain: bool, left: int) -> None:
    ring.put(programme(0))
    ring.put(programme(1))
    assert not ring.exhausted
    ring.finish(drain)
    count = 0
    while not ring.exhausted:
        read(ring)
        count += 1
    assert count == left


def test_rings_fit_a_container() -> None:
    for width, height in ((640, 360), (1280, 720), (1920, 1080)):
        assert 4 <= slots_for(width, height) <= 25
        assert slots_for(width, height) * slot_bytes(width, height) < 64 << 20
    assert slots_for(1280, 720) == 25
