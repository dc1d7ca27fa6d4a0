"""The queue between the encoder and an output: what it drops, and that it never tears a GOP."""

from __future__ import annotations

import random
import threading

import pytest

from avatar_engine.broadcast.packets import Packet, PacketQueue
from avatar_engine.broadcast.spec import TICKS_PER_FRAME, TIME_BASE

GOP = 5


def picture(index: int, key: bool | None = None) -> Packet:
    keyframe = index % GOP == 0 if key is None else key
    return Packet(True, index * TICKS_PER_FRAME, TICKS_PER_FRAME, keyframe, b"v")


def sound(index: int) -> Packet:
    return Packet(False, index * TICKS_PER_FRAME, 1024, True, b"a")


def taken(queue: PacketQueue) -> list[Packet]:
    out = []
    while (packet := queue.get(0)) is not None:
        out.append(packet)
    return out


def indices(packets: list[Packet], video: bool) -> list[int]:
    return [p.pts // TICKS_PER_FRAME for p in packets if p.video == video]


def test_a_closed_queue_takes_nothing_and_an_open_one_begins_with_a_keyframe() -> None:
    queue = PacketQueue(TIME_BASE)
    assert queue.put(picture(0)) is False
    assert taken(queue) == []
    queue.open()
    for packet in (sound(3), picture(3), sound(4), picture(4), picture(5), sound(5), picture(6)):
        queue.put(packet)
    kept = taken(queue)
    assert indices(kept, True) == [5, 6]
    assert indices(kept, False) == [5]
    assert queue.dropped == 5


def test_waiting_for_a_keyframe_is_said() -> None:
    queue = PacketQueue(TIME_BASE)
    queue.open()
    assert queue.put(picture(3)) is True
    assert queue.put(picture(5)) is False


def test_overflow_drops_whole_gops_and_keeps_sound() -> None:
    queue = PacketQueue(12 * TICKS_PER_FRAME, open_=True)
    for index in range(14):
        queue.put(picture(index))
        queue.put(sound(index))
    kept = taken(queue)
    assert indices(kept, True) == list(range(5, 14))
    assert indices(kept, False) == list(range(1, 14))
    assert queue.dropped == 6


def test_overflow_without_a_keyframe_waits_for_one() -> None:
    queue = PacketQueue(3 * TICKS_PER_FRAME, open_=True)
    wants = [queue.put(picture(i, key=i == 0)) for i in range(8)]
    assert wants == [False] * 4 + [True] * 4
    assert queue.put(picture(8, key=True)) is False
    queue.put(picture(9, key=False))
    assert indices(taken(queue), True) == [8, 9]


@pytest.mark.parametrize("seed", range(20))
def test_what_comes_out_can_always_be_decoded(seed: int) -> None:
    chance = random.Random(seed)
    limit = chance.randint(2, 20)
    queue = PacketQueue(limit * TICKS_PER_FRAME, thin=(limit // 2) * TICKS_PER_FRAME * (seed % 2), open_=True)
    out: list[Packet] = []
    for index in range(300):
        queue.put(picture(index))
        queue.put(sound(index))
        got = (queue.get(0) for _ in range(chance.choice([0, 0, 1, 2, 3, 9])))
        out += [p for p in got if p is not None]
    out += taken(queue)
    assert queue.dropped + len(out) == 600
    shown = indices(out, True)
    assert shown == sorted(shown)
    heard = indices(out, False)
    assert heard == sorted(heard)
    for before, after in zip([-1, *shown], shown, strict=False):
        assert after == before + 1 or after % GOP == 0, "a picture whose reference was dropped"


def test_an_output_that_falls_behind_loses_the_rest_of_the_gop_but_no_keyframe_and_no_sound() -> None:
    queue = PacketQueue(30 * TICKS_PER_FRAME, thin=6 * TICKS_PER_FRAME)
    queue.open()
    for index in range(18):
        wish = queue.put(picture(index))
        assert not wish, "a keyframe costs the others bits"
        queue.put(sound(index))
    kept = taken(queue)
    assert indices(kept, True) == [0, 1, 2, 3, 4, 5, 6, 10, 15]
    assert indices(kept, False) == list(range(18))
    # Free again: whole GOPs from the next keyframe on, for what was dropped is referred to until then.
    for index in range(18, 26):
        queue.put(picture(index))
    assert indices(taken(queue), True) == [20, 21, 22, 23, 24, 25]


def test_shutting_loses_what_waits_and_finishing_does_not() -> None:
    queue = PacketQueue(TIME_BASE, open_=True)
    queue.put(picture(0))
    queue.finish()
    assert not queue.finished
    assert queue.finishing
    assert len(taken(queue)) == 1
    assert queue.finished
    queue = PacketQueue(TIME_BASE, open_=True)
    queue.put(picture(0))
    queue.shut()
    assert taken(queue) == []
    assert queue.dropped == 1


def test_a_patient_sender_waits_for_room_and_loses_nothing() -> None:
    queue = PacketQueue(3 * TICKS_PER_FRAME, open_=True)
    out: list[Packet] = []

    def drain() -> None:
        while not queue.finished:
            if (packet := queue.get(0.5)) is not None:
                out.append(packet)

    reader = threading.Thread(target=drain)
    reader.start()
    for index in range(200):
        queue.put(picture(index), patient=True)
    queue.finish()
    reader.join(10)
    assert indices(out, True) == list(range(200))
    assert queue.dropped == 0


def test_shutting_frees_a_patient_sender() -> None:
    queue = PacketQueue(TICKS_PER_FRAME, open_=True)
    for index in range(2):
        queue.put(picture(index))
    sender = threading.Thread(target=lambda: queue.put(picture(2), patient=True))
    sender.start()
    queue.shut()
    sender.join(5)
    assert not sender.is_alive()
