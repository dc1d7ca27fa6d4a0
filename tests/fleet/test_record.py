"""What becomes of a show: every way from state to state."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from avatar_engine.capacity import cost_of, room
from avatar_engine.fleet import record
from avatar_engine.fleet.plan import ClonePlan, ShowPlan
from avatar_engine.fleet.record import Record, Report
from tests.capacity import machines

NOW = 1_000_000.0


def show(**more: Any) -> Record:
    plan = ShowPlan(avatar=Path("a"), script=Path("b"), to=("env:A",), **more)
    return record.fresh("marie", plan, NOW)


def on_air(one: Record, place: int = 0, seconds: float = 10.0) -> Record:
    record.begun(one, "a", NOW)
    record.heard(one, Report(one.token, "running", place, seconds), NOW, 3)
    return one


def test_every_start_has_a_higher_token() -> None:
    one = on_air(show())
    assert (one.token, one.state, one.restarts) == (1, "running", 0)
    record.heard(one, Report(1, "cut off"), NOW, 3)
    record.begun(one, "b", NOW)
    assert (one.token, one.node, one.restarts) == (2, "b", 1)


def test_a_show_that_dies_goes_on_from_its_place_after_a_while_that_grows() -> None:
    one = on_air(show(), place=7, seconds=30)
    waits = []
    for _ in range(3):
        record.heard(one, Report(one.token, "cut off"), NOW, 3)
        assert one.state == "waiting" and not record.due(one, NOW)
        waits.append(one.not_before - NOW)
        assert record.due(one, one.not_before)
        record.begun(one, "a", NOW)
    assert one.place == 7 and one.aired == 30
    assert 0.8 <= waits[0] <= 1.2 and waits[2] > 2 * waits[0]
    record.heard(one, Report(one.token, "cut off", error="no memory"), NOW, 3)
    assert one.state == "failed" and "no memory; it died 4 times" in one.why


def test_deaths_of_long_ago_do_not_count() -> None:
    one = show()
    for step in range(10):
        record.begun(one, "a", NOW)
        record.heard(one, Report(one.token, "cut off"), NOW + step * record.PER, 1)
    assert one.state == "waiting"


def test_a_place_may_be_put_back_by_a_technician_but_not_by_an_old_run() -> None:
    one = on_air(show(), place=9)
    record.heard(one, Report(1, "running", 4, 20.0), NOW, 3)
    assert one.place == 4
    record.heard(one, Report(0, "running", 99, 20.0), NOW, 3)
    record.heard(one, Report(1, "starting"), NOW, 3)
    assert one.place == 4


def test_a_lost_machine_costs_the_show_no_start() -> None:
    one = on_air(show(), place=5)
    for _ in range(20):
        record.silent(one, NOW)
        assert one.holds
        record.lost(one, NOW)
        assert record.due(one, NOW) and one.place == 5
        record.begun(one, "b", NOW)
    assert not one.deaths


def test_what_fails_before_it_is_on_air_is_tried_once_more() -> None:
    one = show()
    record.begun(one, "a", NOW)
    record.heard(one, Report(1, "failed", error="The consent does not cover it."), NOW, 5)
    assert one.state == "waiting"
    record.begun(one, "b", NOW)
    record.heard(one, Report(2, "failed", error="The consent does not cover it."), NOW, 5)
    assert (one.state, one.why) == ("failed", "The consent does not cover it.")


def test_a_machine_that_turns_out_to_be_full_is_no_fault_of_the_show() -> None:
    verdict = room(
        machines.capacity(), [machines.seat()] * 2, cost_of(machines.capacity(), machines.demand())
    )
    one = show()
    waits = []
    for _ in range(2000):
        record.begun(one, "a", NOW)
        record.heard(one, Report(one.token, "failed", error=verdict.why), NOW, 3)
        assert one.state == "waiting" and "0.98 cores" in one.why
        waits.append(one.not_before - NOW)
    assert 0.8 <= waits[0] <= 1.2 and waits[1] > 1.5 and 48 <= waits[-1] <= 72
    assert not one.deaths and one.refused == 2000
    record.begun(one, "b", NOW)
    record.heard(one, Report(one.token, "running", 3, 9.0), NOW, 3)
    assert one.refused == 0
    for _ in range(3):
        record.heard(one, Report(one.token, "cut off"), NOW, 3)
        assert one.state == "waiting", "all its deaths are left to it"
        record.begun(one, "b", NOW)
    assert len(one.deaths) == 3


def test_a_file_that_is_not_there_and_an_input_that_is_refused_are_no_deaths() -> None:
    one = show()
    for times in range(1, 9):
        record.begun(one, "a", NOW)
        record.not_begun(one, "clip.mp4 can't be read: No such file.", NOW)
        assert (one.state, one.refused, one.deaths) == ("waiting", times, [])
    record.begun(one, "a", NOW)
    record.heard(one, Report(one.token, "failed", error="The script has no line."), NOW, 0)
    assert one.state == "waiting" and one.refused == 9, "it has its second machine though no death is allowed"
    record.begun(one, "b", NOW)
    record.heard(one, Report(one.token, "cut off"), NOW, 0)
    assert one.state == "failed" and one.refused == 0 and len(one.deaths) == 1


def test_a_fit_that_fails_has_failed() -> None:
    one = record.fresh("paul", ClonePlan(video=Path("v"), consent=Path("c"), output=Path("o")), NOW)
    record.begun(one, "a", NOW)
    record.heard(one, Report(1, "failed", error="There is no face."), NOW, 5)
    assert one.state == "failed"


def test_the_end_of_the_script_is_the_end_and_the_next_time_begins_at_the_top() -> None:
    one = on_air(show(), place=12)
    record.heard(one, Report(1, "ended", 12, 60.0), NOW, 3)
    assert one.state == "ended" and one.over and one.place == 0


@pytest.mark.parametrize(("wanted", "state"), [("move", "waiting"), ("stop", "stopped"), ("gone", "stopped")])
def test_what_was_asked_to_end_ends_as_asked_and_keeps_its_place(wanted: Any, state: str) -> None:
    one = on_air(show(), place=3)
    one.wanted = wanted
    record.heard(one, Report(1, "ended", 3, 20.0), NOW, 3)
    assert one.state == state and one.place == 3
    assert record.due(one, NOW) == (wanted == "move")


def test_one_that_is_to_end_and_dies_is_not_started_again() -> None:
    for report in (Report(1, "cut off"), Report(1, "failed", error="x")):
        one = on_air(show())
        one.wanted = "stop"
        record.heard(one, report, NOW, 3)
        assert one.state == "stopped"
    one = on_air(show())
    one.wanted = "stop"
    record.lost(one, NOW)
    assert one.state == "stopped"


def test_a_show_begins_at_its_time_and_has_its_length_on_all_machines_together() -> None:
    begin = datetime.fromtimestamp(NOW + 60, UTC)
    one = show(begin=begin, length=100.0)
    assert not record.due(one, NOW + 59) and record.due(one, NOW + 60) and "begins" in one.why
    on_air(one, seconds=70.0)
    record.heard(one, Report(1, "cut off"), NOW, 3)
    assert one.left == 30
    record.begun(one, "b", NOW)
    record.heard(one, Report(2, "running", 0, 40.0), NOW, 3)
    record.lost(one, NOW)
    assert one.left == 0
