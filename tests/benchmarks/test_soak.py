"""A soak's own parts, and seconds of it across the end of RTMP's 24 bits."""

from __future__ import annotations

import json

import pytest
import soak
import soak_page
from flv import WRAP_MS, FlvCheck

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
