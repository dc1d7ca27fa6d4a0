"""The supervisor among machines that die, fall silent and come back: never two publishers, and one in the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.fleet.ledger import Ledger
from avatar_engine.fleet.plan import ShowPlan
from avatar_engine.fleet.record import NO_ROOM, Record, Report
from avatar_engine.fleet.supervisor import Supervisor
from tests.fleet.simulated import LEASE, World


def state(world: World, task: str = "show0") -> str:
    return Ledger.model_validate_json(world.saved).records[task].state


def alone(world: World) -> None:
    for task in world.tasks:
        assert len(world.publishers(task)) <= 1, f"{task} at {world.now}"


def on_air(world: World) -> bool:
    return all(len(world.publishers(task)) == 1 for task in world.tasks)


def test_shows_come_on_air_on_machines_that_have_room(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, 1, tasks=6)
    world.pass_(10)
    assert on_air(world)
    assert all(sum(one.lives.values()) == 2 for one in world.machines.values())


def test_one_too_many_waits_with_the_reason_and_comes_when_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, 1, tasks=3, machines=1)
    world.pass_(10)
    assert world.supervisor is not None
    waiting = [one for one in world.supervisor.status()["tasks"] if one["state"] == "waiting"]
    assert len(waiting) == 1 and "a: 1.00 cores are needed, 0.00 of 2.00 are left" in waiting[0]["why"]
    plan = ShowPlan(avatar=Path("a"), script=Path("b"), to=("env:OTHER",))
    with pytest.raises(AvatarError, match="no room for more: a: 1"):
        world.supervisor.add("more", plan, {})
    ended = next(one["name"] for one in world.supervisor.status()["tasks"] if one["state"] == "running")
    world.supervisor.remove(ended)
    world.pass_(20)
    assert on_air(world) and ended not in world.tasks


def test_what_waits_is_gone_when_its_removal_is_answered_and_its_token_never_goes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, 1, tasks=1)
    world.pass_(10)
    assert world.supervisor is not None
    plan = world.supervisor.kept.records["show0"].plan
    assert "ends" in world.supervisor.remove("show0")
    world.pass_(10)
    assert not world.tasks and not world.publishers("show0")
    world.supervisor.add("show0", plan, {})
    assert Ledger.model_validate_json(world.saved).records["show0"].token == 1, (
        "a machine knows the first one"
    )
    assert "is removed" in world.supervisor.remove("show0")
    assert not world.tasks, "before any look"
    world.begin()
    world.pass_(1)
    world.supervisor.add("show0", plan, {})
    world.pass_(10, lambda: alone(world))
    assert on_air(world) and Ledger.model_validate_json(world.saved).records["show0"].token == 2


def test_a_dead_machines_show_goes_on_elsewhere_from_its_place_once_its_lease_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, 2, tasks=1)
    world.pass_(30)
    (first,) = world.publishers("show0")
    world.machines[first].die()
    world.pass_(LEASE - 2, lambda: None)
    assert not world.publishers("show0") and state(world) == "silent"
    world.pass_(10, lambda: alone(world))
    (second,) = world.publishers("show0")
    assert second != first
    record = Ledger.model_validate_json(world.saved).records["show0"]
    assert 20 <= record.aired <= 32 and record.restarts == 1 and not record.deaths


def test_a_machine_that_lost_the_supervisor_stops_before_another_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, 3, tasks=1)
    world.pass_(20)
    (first,) = world.publishers("show0")
    world.machines[first].reachable = False
    gap = []
    world.pass_(40, lambda: (alone(world), gap.append(world.publishers("show0")))[0])
    assert [first] in gap and [] in gap and gap[-1] not in ([], [first])
    world.machines[first].reachable = True
    world.pass_(20, lambda: alone(world))
    assert on_air(world)


def test_a_short_silence_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, 4, tasks=1)
    world.pass_(20)
    (first,) = world.publishers("show0")
    world.machines[first].reachable = False
    world.pass_(LEASE / 2)
    assert state(world) == "silent"
    world.machines[first].reachable = True
    world.pass_(60, lambda: alone(world))
    assert world.publishers("show0") == [first] and state(world) == "running"


def test_a_new_supervisor_finds_what_runs_and_starts_nothing_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, 5, tasks=3)
    world.pass_(20)
    before = {task: world.publishers(task) for task in world.tasks}
    world.supervisor = None
    world.pass_(5)
    world.begin()
    world.pass_(30, lambda: alone(world))
    assert {task: world.publishers(task) for task in world.tasks} == before


def test_a_new_supervisor_reckons_with_what_its_predecessor_granted_last(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, 5, tasks=2)
    world.pass_(20)
    for machine in world.machines.values():
        machine.reachable = machine.name == "c"
    before = {task: world.publishers(task) for task in world.tasks}
    assert ["a"] in before.values() or ["b"] in before.values()
    world.begin()
    world.pass_(60, lambda: alone(world))
    assert all(world.publishers(task) == ["c"] for task in world.tasks)


def test_a_machine_that_seems_alive_and_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, 8, tasks=1)
    world.pass_(20)
    (first,) = world.publishers("show0")
    world.blind, world.machines[first].reachable = True, False
    world.pass_(60, lambda: alone(world))
    assert world.publishers("show0") not in ([], [first])


def test_a_drained_machine_is_left_one_show_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, 6, tasks=2, machines=2)
    world.pass_(10)
    assert world.supervisor is not None
    world.supervisor.drain("a")
    world.pass_(30, lambda: alone(world))
    assert on_air(world) and not any(world.machines["a"].lives.values())
    world.supervisor.drain("b")
    world.pass_(30)
    assert on_air(world), "there is no room elsewhere, so they stay"
    assert "drained" in world.supervisor.status()["tasks"][0]["why"]
    world.supervisor.drain("a", back=True)
    world.pass_(30, lambda: alone(world))
    assert on_air(world) and not any(world.machines["b"].lives.values())


def test_down_ends_all_even_over_the_supervisors_own_death(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(monkeypatch, 7, tasks=2)
    world.pass_(10)
    assert world.supervisor is not None
    world.supervisor.end()
    world.supervisor._write()
    world.begin()
    world.pass_(10)
    assert world.supervisor.idle and world.supervisor.ending
    assert not any(world.publishers(task) for task in world.tasks)
    assert {state(world, task) for task in world.tasks} == {"stopped"}


def test_a_machine_that_refuses_a_show_is_not_asked_again_while_another_has_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(monkeypatch, 9, tasks=1)

    def full(fleet: str, name: str, token: int, kind: str, until: float | None, journal: int) -> Report:
        world.machines["a"].lives[name] = False
        return Report(token, "failed", error=f"{NO_ROOM}: others are on air", stamp=world.machines["a"].clock)

    monkeypatch.setattr(world.machines["a"], "do_beat", full)
    world.pass_(15, lambda: alone(world))
    record = Ledger.model_validate_json(world.saved).records["show0"]
    assert on_air(world) and record.node != "a" and (record.token, record.deaths) == (2, [])


def test_a_show_at_which_a_look_fails_costs_the_others_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(monkeypatch, 7, tasks=3)
    world.pass_(20)
    assert world.supervisor is not None and on_air(world)
    before = {task: world.publishers(task) for task in world.tasks}
    monkeypatch.setattr(type(world.supervisor), "_failed", Supervisor._failed)
    tend = world.supervisor._tend

    def failing(one: Record) -> None:
        if one.name == "show0":
            raise ValueError("broken")
        tend(one)

    monkeypatch.setattr(world.supervisor, "_tend", failing)
    world.pass_(2 * LEASE)
    assert not world.publishers("show0"), "its lease is over"
    assert all(world.publishers(task) == before[task] for task in ("show1", "show2"))
    assert caplog.text.count("show0: a look at it failed") == 1 and "broken" in caplog.text


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_there_are_never_two_publishers(monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    world = World(monkeypatch, seed, tasks=2, machines=3)
    dice = world.dice
    for _ in range(40):
        machine = dice.choice(list(world.machines.values()))
        match dice.randrange(7):
            case 0:
                machine.die()
            case 1:
                machine.boot()
            case 2:
                machine.reachable = not machine.reachable
            case 3:
                world.slow = not world.slow
            case 4:
                world.supervisor = None
            case 5:
                world.blind = not world.blind
            case _ if world.supervisor is None:
                world.begin()
        world.pass_(dice.choice((1.0, 5.0, 20.0)), lambda: alone(world))
    world.slow = world.blind = False
    for machine in world.machines.values():
        machine.reachable = True
        machine.boot()
    if world.supervisor is None:
        world.begin()
    world.pass_(240, lambda: alone(world))
    assert on_air(world)
