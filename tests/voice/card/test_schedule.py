from __future__ import annotations

import threading

from avatar_engine.voice.card import schedule
from avatar_engine.voice.card.schedule import Schedule, Work, batch, bucket


def work(columns: int, due: float, kind: str = "sound") -> Work:
    return Work(kind, columns, due, None)


def test_the_most_urgent_goes_first_and_takes_its_like_with_it() -> None:
    late, urgent, alike, other = work(200, 9.0), work(44, 1.0), work(40, 5.0), work(44, 2.0, "body")
    assert batch([late, urgent, alike, other], 1000) == [urgent, alike]
    assert batch([late, other], 1000) == [other]


def test_rows_of_a_batch_are_of_about_one_length_and_no_more_than_fit() -> None:
    assert [bucket(n) for n in (1, 48, 49, 212, 10_000)] == [48, 48, 64, 224, 10_000]
    many = [work(200, float(n)) for n in range(100)]
    assert batch(many, 450) == many[:2]
    assert len(batch([work(40, 0.0) for _ in range(1000)], 10_000)) == schedule.MOST_ROWS
    assert len(batch([work(20_000, 0.0), work(20_000, 1.0)], 8192)) == 1


def test_nobody_is_left_waiting() -> None:
    asked = Schedule(1000)
    assert asked.take(0.01) == []
    first, second = work(40, 2.0), work(400, 1.0)
    asked.put(first)
    asked.put(second)
    assert asked.take(0.01) == [second]
    assert asked.take(0.01) == [first]
    third = work(40, 1.0)
    asked.put(third)
    asked.close()
    assert third.done.is_set() and third.fault
    fourth = work(40, 1.0)
    asked.put(fourth)
    assert fourth.done.is_set() and fourth.fault


def test_one_that_comes_wakes_the_one_that_waits() -> None:
    asked, came = Schedule(1000), work(40, 1.0)
    threading.Timer(0.05, asked.put, (came,)).start()
    assert asked.take(10.0) == [came]
