"""Who has room, and what is said to who has not."""

from __future__ import annotations

import pytest

from avatar_engine.capacity.admission import advice, cost_of, fitting, hosts, room, shortest
from avatar_engine.capacity.model import Cost, Limits
from tests.capacity.machines import HD, STAGES, capacity, demand, seat


def test_shows_have_room_until_the_processor_is_full():
    machine = capacity()
    cost = cost_of(machine, demand())
    assert cost.cores == pytest.approx(0.98) and not cost.estimated
    assert room(machine, [], cost).fits and room(machine, [seat()], cost).fits
    third = room(machine, [seat("anna"), seat("june")], cost)
    assert not third.fits and (third.pool, third.stage) == ("processor", "voice")
    assert third.needs == pytest.approx(0.98) and third.left == pytest.approx(0.04) and third.of == 2.0
    for word in ("0.98 cores", "the voice 0.40", "0.04 of 2.00", "anna (1280x720)", "june"):
        assert word in third.why
    assert hosts(machine, demand()) == 2 and hosts(machine, demand(), [seat()]) == 1


def test_the_seat_of_a_show_that_began_before_the_measuring_counts_as_measured():
    machine, cost = capacity(), Cost(stages={"voice": 0.5})
    assert room(machine, [seat(cost=Cost(stages={"voice": 1.4}))], cost).fits
    assert not room(machine, [seat(cost=None), seat(cost=None)], cost).fits


@pytest.mark.parametrize(
    ("cost", "pool"),
    [
        (Cost(memory_mb=5001), "memory"),
        (Cost(sessions=1), "sessions"),
        (Cost(nvenc=0.8), "nvenc"),
        (Cost(card=0.6), "card"),
        (Cost(card_mb=600), "card memory"),
    ],
)
def test_whatever_is_short_is_named(cost, pool):
    limits = Limits(cores=2, memory_mb=6000, sessions=1, card_mb=1000)
    taken = seat(cost=Cost(memory_mb=1000, sessions=1, nvenc=0.3, card=0.5, card_mb=500))
    verdict = room(capacity(limits=limits), [taken], cost)
    assert (verdict.fits, verdict.pool, verdict.stage) == (False, pool, pool)
    assert room(capacity(limits=limits), [], cost).fits


def test_a_card_without_a_limit_of_sessions_has_room():
    limits = Limits(cores=2, memory_mb=6000, sessions=None)
    assert room(capacity(limits=limits), [seat(cost=Cost(sessions=50))], Cost(sessions=1)).fits


def test_other_sizes_and_clones_are_reckoned_from_what_was_measured():
    machine = capacity()
    full = cost_of(machine, demand((1920, 1080)))
    assert full.estimated
    assert full.stages["encode"] == pytest.approx(0.45) and full.stages["stage"] == pytest.approx(0.1125)
    assert full.stages["voice"] == 0.4 and full.stages["paint"] == 0.2
    other = cost_of(machine, demand(footage=(960, 540), crop=384))
    assert other.stages["body"] == pytest.approx(0.02) and other.stages["paint"] == pytest.approx(0.8)
    unknown = cost_of(machine, demand(footage=(0, 0), crop=0))
    assert unknown.stages == STAGES and not unknown.estimated
    assert cost_of(machine, demand(speaks=False)).stages["voice"] == 0


def test_another_encoder_takes_what_was_measured_of_it():
    machine = capacity(card=True)
    card, cpu = cost_of(machine, demand(), "h264_nvenc"), cost_of(machine, demand(), "libx264")
    assert (card.sessions, card.nvenc, card.stages["encode"]) == (1, 0.1, 0.04)
    assert (cpu.sessions, cpu.nvenc, cpu.stages["encode"]) == (0, 0.0, 0.2)
    assert cost_of(machine, demand((640, 360)), "libx264").stages["encode"] == pytest.approx(0.05)


def test_what_is_advised_has_room():
    machine = capacity()
    text = advice(machine, [seat(cost=Cost(stages={"voice": 1.2}))], demand())
    assert "640x360 has room" in text or "960x540 has room" in text
    assert "has room" not in advice(machine, [seat(), seat()], demand())
    assert "--seat force" in advice(machine, [], demand())


def test_the_number_that_fits_and_what_runs_out_first():
    limits = Limits(cores=2, memory_mb=6000)
    cost = Cost(stages=STAGES, memory_mb=1000)
    assert fitting(limits, cost) == 2 and shortest(limits, cost) == ("processor", "voice")
    heavy = Cost(stages={"voice": 0.1}, memory_mb=4000)
    assert fitting(limits, heavy) == 1 and shortest(limits, heavy) == ("memory", "memory")
    assert HD == (1280, 720)
