"""Servers that say broken RTMP: a sender may die of it, the broadcast does not wait and always knows a reason."""

from __future__ import annotations

from tests.rtmp_fuzz import KEY, LIMIT, fuzzed, mutated


def test_three_hundred_broken_replies_hang_nobody_and_have_reasons() -> None:
    trials, codes = fuzzed(300, seed=7)
    assert len(trials) == sum(codes.values()) == 300, "every sender has ended"
    assert max(trial.seconds for trial in trials) < LIMIT
    refused = [trial.reason for trial in trials if trial.reason]
    assert 150 < len(refused) < 300
    assert all(reason != "NONE" and reason.isprintable() and len(reason) <= 200 for reason in refused)
    assert not any(KEY in reason for reason in refused)


def test_faults_are_the_same_for_a_seed_and_others_for_another() -> None:
    reply = bytes(range(256)) * 20
    assert mutated(reply, 3) == mutated(reply, 3)
    assert len({mutated(reply, seed) for seed in range(50)}) > 40
