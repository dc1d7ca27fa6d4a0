from __future__ import annotations

import json
import os
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from avatar_engine.figures import folder, plots, report
from avatar_engine.figures.series import Series
from tests.figures.shows import shown
from tests.kpis.nights import EVENING
from tests.kpis.nights import write as write_journal


@pytest.fixture
def made(home):
    """A show of an hour that lost a voice and left out a sentence."""
    show = folder.new("marie")
    series = Series(show.series)
    series.add({"show": show.show, "state": "starting"})
    for minute in range(61):
        series.add(shown(60.0 * minute, 500 + minute / 10, av_offset_ms=45.0 if minute == 30 else 1.0))
    lines = [
        {"level": "INFO", "message": "p1 is said", "event": "said", "text": "Hello <b>you</b>."},
        {"level": "ERROR", "message": "p2 is left out", "event": "left out", "text": "Lost words."},
        {"level": "WARNING", "message": "the voice failed (its process ended)"},
        {"level": "INFO", "message": "rtmp://a.example/live/****: on air"},
    ]
    base = {"time": "2027-01-01T20:00:05.000+00:00", "logger": "x", "show": show.show, "part": "voice"}
    show.log.write_text("".join(json.dumps({**base, **line}) + "\n" for line in lines))
    show.tell(
        {"show": show.show, "state": "ended", "pid": 1, "avatar": "marie.avatar", "outputs": ["a", "b"]}
    )
    return show


def test_the_page_has_figures_plots_faults_and_what_was_said(made):
    page = report.write(made).read_text()
    for text in (
        "1:00:00",
        "ended as it should",
        "the voice failed",
        "Lost words.",
        "Hello &lt;b&gt;you",
        "disk full",
    ):
        assert text in page, text
    assert "99.992 %" in page and "45 ms" in page and "estimate: 10 W a core" in page
    assert page.count("<svg") == 11 and not re.findall(r"(?:src|href)=\W?http", page)
    assert "on air</td><td" in page and page.count("p1 is said") == 0


def test_memory_is_judged_by_its_slope(made):
    told = report.read(made)
    assert report.growth(told.points)["show"] == pytest.approx(6.0, rel=0.01)
    assert report.growth(told.points)["voice"] == pytest.approx(0.0, abs=1e-9)
    assert report.growth(told.points[:5]) == {}
    over = shown(3602.0, 0.0)
    over["processes"]["voice"] = {"pids": [], "rss_mb": 0.0, "cpu_seconds": 1.0}
    assert report.growth([*told.points, over])["voice"] == pytest.approx(0.0, abs=1e-9)
    cards = {card["what"]: card for card in report._cards(told)}
    assert not cards["memory gained an hour"]["good"] and not cards["largest A/V offset"]["good"]
    assert cards["frames delivered"]["good"]


@pytest.mark.parametrize(
    ("about", "words"),
    [
        ({"state": "failed", "error": "Every output has failed"}, "Every output has failed"),
        ({"state": "starting", "pid": 2**22 + 1}, "cut off"),
        ({"state": "starting", "pid": os.getpid()}, "still on air"),
        ({}, "cut off"),
    ],
)
def test_the_end_is_told(about, words):
    assert words in report.ending(about)


def test_a_show_that_was_killed_or_never_began_has_a_page_too(made, home):
    (made.path / "show.json").unlink()
    assert "cut off" in report.write(made).read_text()
    empty = folder.new("nothing")
    assert "never got on air" in report.write(empty, home / "r.html").read_text()


def test_a_plot_keeps_every_peak_of_a_long_show():
    values = np.zeros(20_000)
    values[[777, 15_001]] = 5, -3
    kept = plots.outermost(values, 1000)
    assert len(kept) <= 1000 and {0, 777, 15_001, 19_999} <= set(kept.tolist())
    svg = plots.over_time(
        [0.0, 4000, 9000], {"a": [1, None, 2], "b": [0, 1, 2]}, "MB", marks=[(3600, "an hour")]
    )
    texts = " ".join(node.text or "" for node in ET.fromstring(svg).iter())
    assert "hours on air" in texts and "MB" in texts and "an hour" in texts


def test_hours_are_the_unit_of_a_slope():
    assert report.slope([(0, 1.0), (1800, None), (3600, 3.0)]) == pytest.approx(2.0)
    assert report.slope([(5, 1.0)]) == 0


def test_a_hosted_shows_report_leads_to_its_key_figures(made, tmp_path):
    write_journal(made.path, EVENING, "journal.jsonl")
    assert 'href="kpis.html"' in report.write(made).read_text()
    assert "37.50 EUR" in made.kpis.read_text()
    assert made.kpis.as_uri() in report.write(made, tmp_path / "r.html").read_text()
    made.kpis.unlink()
    made.journal.write_text('{"event": "show"}\n')
    assert "kpis.html" not in report.write(made).read_text() and not made.kpis.exists()


def test_a_show_that_might_not_go_on_says_why_it_ended() -> None:
    told = report.ending({"state": "ended", "ending": "Marie's consent was revoked."})
    assert "in order" in told and "Marie's consent was revoked." in told
