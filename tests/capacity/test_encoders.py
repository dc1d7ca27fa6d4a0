"""Which encoder a show gets."""

from __future__ import annotations

import pytest

from avatar_engine.capacity.admission import cost_of
from avatar_engine.capacity.encoders import choose
from avatar_engine.capacity.model import Cost, Limits
from tests.capacity.machines import capacity, demand, seat

BOTH = ("h264_nvenc", "libx264")


def test_the_cards_encoder_is_taken_while_it_has_room():
    machine = capacity(card=True)
    choice = choose(machine, [], demand(), BOTH)
    assert (choice.encoder, choice.verdict.fits, choice.passed) == ("h264_nvenc", True, ())


def test_a_full_card_means_the_processor_where_that_has_room():
    machine = capacity(card=True, limits=Limits(cores=8, memory_mb=6000, sessions=2))
    taken = [seat(cost=cost_of(machine, demand(), "h264_nvenc")) for _ in range(2)]
    choice = choose(machine, taken, demand(), BOTH)
    assert (choice.encoder, choice.verdict.fits) == ("libx264", True)
    assert choice.cost.sessions == 0 and choice.cost.stages["encode"] == 0.2
    assert "h264_nvenc: the card's encoders are full" in choice.passed[0]


def test_a_full_card_and_a_full_processor_mean_refusal():
    machine = capacity(card=True)
    taken = [seat(cost=cost_of(machine, demand(), "h264_nvenc")) for _ in range(2)]
    choice = choose(machine, taken, demand(), BOTH)
    assert (choice.encoder, choice.verdict.fits, choice.verdict.pool) == ("libx264", False, "processor")


def test_the_cards_time_is_counted_not_only_its_sessions():
    machine = capacity(card=True, limits=Limits(cores=8, memory_mb=6000, sessions=None))
    assert choose(machine, [seat(cost=Cost(nvenc=0.95))], demand(), BOTH).encoder == "libx264"


def test_a_card_that_others_have_filled_is_passed_over_and_an_encoder_may_be_all_there_is():
    machine = capacity(card=True)
    assert choose(machine, [], demand(), ("libx264",)).encoder == "libx264"
    refused = choose(machine, [seat(), seat()], demand(codec="hevc"), ("libx265",))
    assert not refused.verdict.fits and refused.verdict.stage == "encode"
    with pytest.raises(ValueError, match="no encoder"):
        choose(machine, [], demand(), ())
