"""Batches by deadline, as pure logic."""

from __future__ import annotations

import pytest

from avatar_engine.engine.schedule import ACTIVE, FARTHEST, MARGIN, PACE, PERIOD, Request, Schedule


def ask(show: int, came: float, due: float, key: str = "128") -> Request[str]:
    return Request(show, key, came, due, f"{show}@{came:g}")


def shows(batch: object) -> list[int]:
    return [request.show for request in batch]  # type: ignore[attr-defined]


def test_nothing_waits_at_first() -> None:
    schedule: Schedule[str] = Schedule()
    assert schedule.wait(0.0) is None and not schedule.take(0.0)


def test_one_by_one_the_earliest_deadline_goes_first() -> None:
    schedule: Schedule[str] = Schedule(most=1)
    for show, due in ((1, 0.03), (2, 0.01), (3, 0.02)):
        schedule.add(ask(show, 0.0, due))
    assert [shows(schedule.take(0.0)) for _ in range(4)] == [[2], [3], [1], []]


def test_of_equal_deadlines_who_came_first_goes_first() -> None:
    schedule: Schedule[str] = Schedule(most=1)
    for show, due in ((1, 0.02), (2, 0.02), (3, 0.01), (4, 0.02)):
        schedule.add(ask(show, 0.0, due))
    assert [shows(schedule.take(0.0)) for _ in range(4)] == [[3], [1], [2], [4]]


def test_a_full_batch_closes_at_once_with_the_earliest_of_one_kind() -> None:
    schedule: Schedule[str] = Schedule(most=2)
    for show, due, key in (
        (1, 0.5, "128"),
        (2, 0.4, "128"),
        (3, 0.3, "256"),
        (4, 0.2, "128"),
        (5, 0.6, "256"),
    ):
        schedule.add(ask(show, 0.0, due, key))
    assert shows(schedule.take(0.0)) == [4, 2]
    assert shows(schedule.take(0.0)) == [3, 5]
    assert len(schedule) == 1


def test_a_batch_waits_for_others_until_its_deadline_would_be_missed() -> None:
    schedule: Schedule[str] = Schedule(most=8)
    schedule.add(ask(1, 0.0, 0.02))
    schedule.add(ask(2, 0.0, 0.02))
    assert shows(schedule.take(0.0)) == [1, 2]  # nobody else is known: nothing to wait for
    schedule.took("128", 2, 0.004)
    schedule.took("128", 1, 0.003)
    schedule.add(ask(1, 0.04, 0.06))
    assert not schedule.take(0.04)  # the second show may come yet
    left = 0.06 - MARGIN - 0.004 - 0.04
    assert schedule.wait(0.04) == pytest.approx(left)
    assert not schedule.take(0.04 + left - 1e-4)
    assert shows(schedule.take(0.04 + left + 1e-4)) == [1]


def test_a_batch_closes_when_all_who_send_have_joined() -> None:
    schedule: Schedule[str] = Schedule(most=8)
    for show in (1, 2, 3):
        schedule.add(ask(show, 0.0, 0.02))
    assert len(schedule.take(0.0)) == 3
    for show in (1, 2):
        schedule.add(ask(show, 0.04, 0.06))
    assert not schedule.take(0.04)
    schedule.add(ask(3, 0.045, 0.065))
    assert shows(schedule.take(0.045)) == [1, 2, 3]


def test_a_show_that_fell_silent_or_left_is_not_waited_for() -> None:
    schedule: Schedule[str] = Schedule(most=8)
    schedule.add(ask(1, 0.0, 0.02))
    schedule.add(ask(2, 0.0, 0.02))
    schedule.take(0.0)
    later = ACTIVE + 0.01
    schedule.add(ask(1, later, later + 0.02))
    assert shows(schedule.take(later)) == [1]
    schedule.add(ask(2, later, later + 0.02))
    schedule.add(ask(1, later + 0.01, later + 0.03))
    schedule.forget(2)
    assert shows(schedule.take(later + 0.01)) == [1]


def test_who_sends_too_often_takes_what_the_others_leave() -> None:
    schedule: Schedule[str] = Schedule(most=1)
    now, served = 0.0, []
    for turn in range(
        40
    ):  # a step takes 10 ms: show 9 asks again at once, always with a deadline that is over
        schedule.add(ask(9, now, 0.0))
        if turn % 4 == 0:
            for show in (1, 2):
                schedule.add(ask(show, now, now + 0.02))
        (request,) = schedule.take(now)
        served.append(request.show)
        now += 0.01
        if request.show != 9:
            schedule._waiting = [p for p in schedule._waiting if p.request.show != 9]  # it has one at a time
    assert served.count(1) == served.count(2) == 10


def test_a_file_is_put_off_but_not_for_ever() -> None:
    schedule: Schedule[str] = Schedule(most=1)
    for _ in range(100):
        schedule.add(ask(9, 0.0, 0.0))
        schedule.take(0.0)
    schedule.add(ask(9, 0.0, 0.0))
    schedule.add(ask(1, FARTHEST - 0.1, FARTHEST - 0.05))
    assert shows(schedule.take(FARTHEST - 0.1)) == [1]
    schedule.add(ask(1, FARTHEST, FARTHEST + PERIOD))
    assert shows(schedule.take(FARTHEST)) == [9]


def test_expected_times_rise_at_once_and_fall_slowly() -> None:
    schedule: Schedule[str] = Schedule(expected=0.007)
    assert schedule.expected("128", 4) == 0.007
    schedule.took("128", 4, 0.010)
    assert schedule.expected("128", 4) == schedule.expected("128", 2) == schedule.expected("128", 9) == 0.010
    schedule.took("128", 4, 0.020)
    up = schedule.expected("128", 4)
    schedule.took("128", 4, 0.010)
    assert 0.010 < schedule.expected("128", 4) < up
    assert up - schedule.expected("128", 4) < 0.001
    assert schedule.expected("256", 4) == 0.007
    assert PACE < PERIOD
