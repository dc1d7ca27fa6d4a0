"""A soak's own parts, and seconds of it across the end of RTMP's 24 bits."""

from __future__ import annotations

import json

import numpy as np
import pytest
import soak
import soak_page
from flv import WRAP_MS, FlvCheck
from scipy.stats import linregress

from avatar_engine.contracts import FRAME_RATE


@pytest.mark.timeout(120)
def test_a_show_crosses_the_24_bits_in_rtmp_and_file(tmp_path):
    watch = soak.Watch(soak.Receiver(), 1.0)
    record = tmp_path / "soak.flv"
    sent = soak.fast(10.0, watch, record, begin=(WRAP_MS // 1000 - 5) * FRAME_RATE)
    made = soak.figures(watch, sent, watch.receiver.judged(), soak.file_judged(record))
    received = made["received"]
    assert sent == 10 * FRAME_RATE and made["dropped"] == 0
    assert received["extended"] == [0, 1] and received["wrapped_well"]
    assert received["pictures_missing"] == received["time_faults"] == 0
    assert abs(received["offset_ms"]) <= 1
    assert made["recorded"]["pictures_missing"] == 0 and abs(made["recorded"]["offset_ms"]) <= 1
    assert len(made["points"]) >= 8 and {"show", "voice", "broadcast", "sender"} <= set(made["rss_mb"])
    page = soak_page.page(json.loads(json.dumps(made)))
    assert page.count("<svg") == 5 and "0 to 1, in order" in page


def figures(hours: float = 15.0, gain: float = 0.5):
    parts = {"show": 100.0, "broadcast": 50.0}
    points = [
        soak.Point(60.0 * n, n, 1500 * n, 0.0, 3, 0, {**parts, "show": 100 + gain * n / 60})
        for n in range(round(60 * hours))
    ]
    watch = soak.Watch.__new__(soak.Watch)
    watch.points = points
    return soak.figures(watch, round(hours * 3600 * FRAME_RATE), FlvCheck(), None)


def test_memory_is_a_slope_over_what_follows_the_first_hour():
    made = figures(gain=2.5)
    assert made["rss_mb_per_hour"]["all"] == pytest.approx(2.5) == made["rss_mb_per_hour"]["show"]
    assert made["rss_mb_per_hour"]["broadcast"] == pytest.approx(0, abs=1e-9)
    assert soak_page.page(made).count("24 bits") >= 15


def test_the_section_takes_the_place_of_the_older_one(tmp_path):
    document = tmp_path / "reliability.md"
    document.write_text("# Reliability\n\n## Faults\n\ntext\n")
    soak_page.write(document, figures(1.0))
    soak_page.write(document, figures(2.0))
    text = document.read_text()
    assert text.count("## Soak") == text.count(soak_page.BEGIN) == 1 and "## Faults\n\ntext" in text
    assert "| programme | 2.00 h" in text and "1.00 h" not in text


def test_a_longer_soak_tells_of_its_first_night(tmp_path):
    rows = {what: value for what, value, _ in soak_page.rows(figures(20.0, gain=0.25))}
    assert rows["its first 15 h: frames and packets dropped"] == "0"
    assert rows["its first 15 h: memory, all: MB gained an hour"] == "+0.25"
    assert not any("first" in what for what, _, _ in soak_page.rows(figures(15.0)))


SHOW = {
    "late": 4, "late_warm": 3, "worst_delay": 0.0124, "dropped": 2, "filled": 7, "held": 5, "moved": 0.0,
    "said": 31, "left_out": 1, "longest_gap_ms": 91.4,
}  # fmt: skip
SEEN = {
    "stretches": 60, "clear": 58, "median_ms": -19.0, "p99_ms": 31.2, "ms_per_hour": 4.94,
    "ms_per_hour_error": 2.06, "points": [(60.0, -19.0)],
}  # fmt: skip


def test_a_real_show_has_rows_and_a_section_of_its_own(tmp_path):
    made = figures(1.0) | {"show": SHOW, "seen": SEEN}
    rows = {what: value for what, value, _ in soak_page.rows(made)}
    assert rows["frames of the show on air, none of them idle"] == "99.9900%"
    assert rows["frames that went out late"] == "3, worst 12 ms"
    assert rows["sentences said, left out"] == "31, 1"
    assert rows["mouth against sound, as received: P99"] == "31 ms (58 of 60 stretches are clear)"
    assert rows["mouth against sound: slope"] == "+4.9 ms/h, standard error 2.1"
    document = tmp_path / "reliability.md"
    soak_page.write(document, figures(1.0))
    soak_page.write(document, made)
    soak_page.write(document, made)
    text = document.read_text()
    assert text.count("## Soak") == text.count("## A real show") == text.count(soak_page.REAL_BEGIN) == 1


def test_a_show_whose_mouth_was_never_clear_says_nothing_of_it():
    unseen = SEEN | {"clear": 0, "median_ms": None, "p99_ms": None, "ms_per_hour": None}
    rows = [what for what, _, _ in soak_page.rows(figures(1.0) | {"show": SHOW, "seen": unseen})]
    assert not any(what.startswith("mouth") for what in rows)


def test_the_error_of_a_slope_is_that_of_least_squares():
    fit = linregress(hours := np.linspace(0, 1, 40), hours * 3 + np.random.default_rng(1).normal(size=40))
    values = hours * 3 + np.random.default_rng(1).normal(size=40)
    assert soak._slope_error(3600 * hours, values) == pytest.approx(fit.stderr)
