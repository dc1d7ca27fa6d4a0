"""Wordings compared: what is counted for each, and that nothing is said which the figures do not bear."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from avatar_engine.kpis.compare import (
    Arm,
    Exposure,
    Rate,
    chance,
    compare,
    dispersion,
    more_loops,
    ratio,
    trials,
)
from avatar_engine.kpis.count import Window
from avatar_engine.kpis.night import read
from tests.kpis.nights import EVENING, loops, write


def drawn(rates: tuple[float, ...], count: int, seed: int, clustered: float = 0.0) -> list[Arm]:
    """Arms with so many exposures of one minute each; ``clustered`` is the variance of each one's own rate."""
    chosen = np.random.default_rng(seed)
    arms = []
    for number, rate in enumerate(rates):
        own = chosen.gamma(1 / clustered, clustered * rate, count) if clustered else np.full(count, rate)
        counts = chosen.poisson(own)
        arms.append(Arm(f"W{number}", [Exposure(1.0, {"clicks": float(one)}) for one in counts]))
    return arms


def test_an_exposure_has_the_minutes_and_what_came_in_them(tmp_path: Path) -> None:
    night = read(write(tmp_path, EVENING))
    line, choice = trials([night])
    assert (line.title, line.kind, choice.kind) == ("line 5", "line", "choice")
    first, second = line.arms.values()
    assert (first.label, second.label) == ("Look at {this|that}: {name}!", "Only {price} today.")
    # said from 2 to 12 s: what comes until 72 s is its own, 58 s with 100 viewers and 12 with 200
    assert first.minutes == pytest.approx((58 * 100 + 12 * 200) / 60)
    assert (first.count("clicks"), first.count("sales")) == (4, 4)
    assert first.count("questions") == pytest.approx(6 - 0.2 + 12 * 12 / 62)
    # said from 102 to 105 s: until the end
    assert second.minutes == pytest.approx(20 * 200 / 60)
    assert (second.count("clicks"), second.count("sales")) == (6, 0)
    assert [len(arm.exposures) for arm in choice.arms.values()] == [1, 0]
    short = trials([night], Window(0.0))[0].arms[0]
    assert short.minutes == pytest.approx(10 * 100 / 60) and short.count("sales") == 1
    later = trials([night], Window(0.0, delay=25.0))[0].arms[0]
    assert later.count("clicks") == 4 and later.count("sales") == 0


def test_too_few_loops_tell_nothing(tmp_path: Path) -> None:
    (first, *_) = trials([read(write(tmp_path, EVENING))])[0].compared()
    assert not first.told and "must have been heard 3 times" in first.sentence and first.loops is None


def test_a_clear_difference_is_told_and_the_same_wordings_of_two_nights_are_one(tmp_path: Path) -> None:
    one = read(write(tmp_path, loops((9, 3), 20), "a.jsonl"))
    (trial,) = trials([one])
    (clicks,) = trial.compared()
    assert clicks.told and clicks.sentence.startswith("“Wording 0.” brings more clicks than “Wording 1.”")
    assert clicks.rates[0].rate == pytest.approx(9, rel=0.1) and clicks.rates[1].rate == pytest.approx(
        3, rel=0.1
    )
    assert clicks.rates[0].low > clicks.rates[1].high
    (both,) = trials([one, read(write(tmp_path, loops((9, 3), 20), "b.jsonl"))])
    assert [len(arm.exposures) for arm in both.arms.values()] == [20, 20]


def test_no_difference_says_how_many_more_loops_would_show_one(tmp_path: Path) -> None:
    (trial,) = trials([read(write(tmp_path, loops((5, 4), 8)))])
    (clicks,) = trial.compared()
    assert not clicks.told and clicks.sentence.startswith("No difference can be told yet: “Wording 0.”")
    assert clicks.loops and f"about {clicks.loops} more loops" in clicks.sentence
    (same,) = trials([read(write(tmp_path, loops((4, 4), 12)))])[0].compared()
    assert not same.told and "even a difference of 10%" in same.sentence


def test_a_figure_of_which_nothing_came_is_not_spoken_of(tmp_path: Path) -> None:
    (trial,) = trials([read(write(tmp_path, loops((0, 0), 12, viewers=10)))])
    assert [one.metric for one in trial.compared()] == ["clicks"], "no sales, no questions"
    assert compare(drawn((0.0, 0.0), 9, 1), "clicks").told is False


def test_without_viewers_it_counts_by_the_minute(tmp_path: Path) -> None:
    told = [entry for entry in loops((9, 3), 20) if entry["event"] != "audience"]
    (trial,) = trials([read(write(tmp_path, told))])
    assert not trial.known and trial.arms[0].minutes == pytest.approx(10, rel=0.1)


def test_lines_that_always_come_together_are_said_to_be_one(tmp_path: Path) -> None:
    told = loops((9, 3), 12)
    told.insert(4, {"event": "wordings", "at": 0, "line": 8, "texts": ["P", "Q"]})
    extra = []
    for entry in told:
        if entry["event"] == "say":
            extra += [{"event": "segment", "at": entry["at"], "segment": "A", "product": ""}, entry]
            number, at = entry["number"] + 100, entry["at"] + 5
            extra.append({**entry, "source": "script:8", "line": 8, "number": number, "at": at})
            extra.append({"event": "spoke", "at": at, "number": number, "seconds": 2.0})
        else:
            extra.append(entry)
    line, other, segment = trials([read(write(tmp_path, extra))])
    assert "always came together" in line.notes[0] and "line 8" in line.notes[0] and other.notes
    assert segment.kind == "segment" and [arm.label for arm in segment.arms.values()] == [
        "line 3: A, line 8: A", "line 3: B, line 8: B",
    ]  # fmt: skip
    assert sum(arm.count("clicks") for arm in segment.arms.values()) == sum(
        arm.count("clicks") for arm in line.arms.values()
    )


def test_chance_and_interval_are_those_of_many_draws() -> None:
    one, other = Rate("a", 5, 3000.0, 40, 0, 0, 0), Rate("b", 5, 2500.0, 22, 0, 0, 0)
    clustered = 1.7
    draws = np.random.default_rng(1)
    first = draws.gamma(0.5 + 40 / clustered, clustered / 3000, 400_000)
    second = draws.gamma(0.5 + 22 / clustered, clustered / 2500, 400_000)
    assert chance(one, other, clustered) == pytest.approx(float((first > second).mean()), abs=0.003)
    edges = np.percentile(first / second, [2.5, 97.5])
    assert ratio(one, other, clustered) == pytest.approx(tuple(edges), rel=0.01)


def test_clusters_are_seen() -> None:
    assert dispersion(drawn((5.0, 5.0), 400, 1), "clicks") == pytest.approx(1.0, abs=0.15)
    assert dispersion(drawn((5.0, 5.0), 400, 1, clustered=0.6), "clicks") == pytest.approx(4.0, abs=0.6)
    assert dispersion(drawn((5.0, 5.0), 1, 1), "clicks") == float("inf")


@pytest.mark.parametrize(
    ("arms", "count", "clustered"),
    [(2, 6, 0.0), (2, 20, 0.0), (2, 6, 1.0), (2, 20, 1.0), (4, 10, 0.5), (2, 4, 0.5)],
)
def test_where_nothing_differs_a_difference_is_seldom_told(arms: int, count: int, clustered: float) -> None:
    rates = (3.0,) * arms
    wrong = sum(compare(drawn(rates, count, seed, clustered), "clicks").told for seed in range(400))
    # one in twenty is the promise; 400 draws of it are 20 with a standard deviation of 4.4
    assert wrong <= 31


def test_the_loops_that_are_said_to_be_needed_are_enough() -> None:
    first = [compare(drawn((6.0, 4.0), 5, seed, 0.2), "clicks") for seed in range(60)]
    arms = drawn((6.0, 4.0), 5000, 1, 0.2)
    spread = dispersion(arms, "clicks")
    needed = more_loops(Rate("a", 0, 10.0, 60, 6000, 0, 0), Rate("b", 0, 10.0, 40, 4000, 0, 0), spread, 20)
    assert needed and not all(one.told for one in first)
    found = sum(
        compare(drawn((6.0, 4.0), (20 + needed) // 2, seed, 0.2), "clicks").told for seed in range(200)
    )
    assert 0.7 < found / 200 < 0.92, "eighty of a hundred is the promise"


def test_an_interval_holds_the_true_rate() -> None:
    inside = 0
    for seed in range(300):
        (rate,) = compare(drawn((4.0,), 12, seed, 0.3), "clicks").rates
        inside += rate.low <= 4000 <= rate.high
    assert 0.92 <= inside / 300 <= 1.0
    exact = compare([Arm("a", [Exposure(100.0, {"clicks": 7.0})] * 4)], "clicks").rates[0]
    assert exact.rate == 70 and exact.low == pytest.approx(
        1000 * stats.gamma.ppf(0.025, 0.5 + 28 / _wider(3), scale=_wider(3) / 400)
    )


def _wider(free: int) -> float:
    return float((stats.t.ppf(0.975, free) / stats.norm.ppf(0.975)) ** 2)
