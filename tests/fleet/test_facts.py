"""What a machine tells of itself, and what a show takes of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from avatar_engine import __version__, device
from avatar_engine.capacity import machine
from avatar_engine.fleet import facts, placing
from avatar_engine.fleet.facts import Facts
from avatar_engine.fleet.placing import default_cost
from avatar_engine.fleet.plan import ClonePlan, ShowPlan
from tests.capacity import machines

PLAN = ShowPlan(avatar=Path("a"), script=Path("b"), to=("env:A",))
PLAIN = Facts("one", __version__, 4.0, 16000.0)
MEASURED = replace(PLAIN, capacity=machines.capacity())


def test_a_measured_machine_has_what_was_measured() -> None:
    node = MEASURED.node("a", "one")
    assert (node.cores, node.memory_mb, node.measured) == (2.0, 6000.0, True)
    cost = MEASURED.cost(PLAN, node)
    assert cost.cores == pytest.approx(0.98) and cost.memory_mb == 1000 and cost.measured
    smaller = MEASURED.cost(PLAN.model_copy(update={"size": "640x360"}), node)
    assert 0.7 < smaller.cores < 0.9, "stage and encoder follow the size, the voice does not"


def test_without_a_measurement_there_is_a_guess_and_a_plan_may_know_better() -> None:
    node = PLAIN.node("a", "one")
    assert (node.cores, node.measured) == (4.0, False)
    assert PLAIN.cost(PLAN, node) == default_cost("show")
    known = PLAIN.cost(PLAN.model_copy(update={"cores": 0.3, "card": 0.1}), node)
    assert (known.cores, known.card) == (0.3, 0.1)


def test_where_there_is_a_card_everything_has_a_share_of_it() -> None:
    carded = replace(PLAIN, cards=1)
    assert carded.cost(PLAN, carded.node("a", "one")).card > 0
    assert PLAIN.cost(PLAN, PLAIN.node("a", "one")).card == 0


def test_a_cluster_may_lend_less_than_there_is() -> None:
    assert MEASURED.node("a", "one", cores=1.0).cores == 1.0
    assert MEASURED.node("a", "one", cores=64.0).cores == 2.0


def test_a_fit_takes_what_a_small_machine_has() -> None:
    small = replace(PLAIN, cores=1.0)
    plan = ClonePlan(video=Path("v"), consent=Path("c"), output=Path("o"))
    assert small.cost(plan, small.node("a", "one")).cores == 1.0


def test_a_machine_with_another_engine_is_told() -> None:
    assert "engine 0.0" in replace(PLAIN, engine="0.0").node("a", "one").trouble


def test_a_containers_limits_are_what_there_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path))
    whole = facts.here()
    monkeypatch.setattr(machine, "memory_limit", lambda: 64_000_000)
    monkeypatch.setattr(device, "cgroup_quota", lambda: 0.5)
    limited = facts.here()
    assert (limited.memory_mb, limited.cores) == (64.0, 0.5) and whole.memory_mb > 64
    assert "MB are needed" in placing.choose(
        {"a": limited.cost(PLAN.model_copy(update={"cores": 0.1}), limited.node("a", "one"))},
        [limited.node("a", "one")], {}, {},
    ).why  # fmt: skip


def test_this_machine_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path))
    here = facts.here()
    assert (
        here.cores >= 1 and here.memory_mb > 100 and here.capacity is None and not here.node("a", "b").trouble
    )
