"""Percentiles are right within a bin, and what is old is forgotten."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from avatar_engine.timing import TURN, StageTimes, clock


def test_percentiles_are_right_within_five_per_cent() -> None:
    times = StageTimes("paint", "idle")
    seconds = np.random.default_rng(3).lognormal(-5, 0.7, TURN - 1)
    for each in seconds:
        times.add("paint", float(each))
    found = times.lately()
    assert list(found) == ["paint"]
    for name, share in (("p50", 50), ("p95", 95), ("p99", 99), ("max", 100)):
        assert found["paint"][name] == pytest.approx(1e3 * np.percentile(seconds, share), rel=0.06)


def test_what_no_histogram_holds_lies_in_its_last_bins() -> None:
    times = StageTimes("a", "b")
    times.add("a", 0.0)
    times.add("b", 1e6)
    assert times.lately()["a"]["max"] < 0.02
    assert times.lately()["b"]["p50"] == pytest.approx(1e4, rel=0.06)


def test_the_minute_before_the_last_is_forgotten() -> None:
    times = StageTimes("paint")
    times.add("paint", 1.0)
    for _ in range(TURN):
        times.add("paint", 0.001)
    assert times.lately()["paint"]["max"] > 900
    for _ in range(TURN):
        times.add("paint", 0.001)
    assert times.lately()["paint"]["max"] < 1.1


def test_a_frame_allocates_nothing_that_stays() -> None:
    times = StageTimes("paint")
    for _ in range(2 * TURN):
        times.add("paint", 0.003)
    tracemalloc.start()
    try:
        for _ in range(3 * TURN):
            times.add("paint", 0.003)
        assert tracemalloc.get_traced_memory()[0] < 2000
    finally:
        tracemalloc.stop()


def test_the_clock_has_hours() -> None:
    assert clock(3723.9) == "1:02:03"
    assert clock(15 * 3600) == "15:00:00"
