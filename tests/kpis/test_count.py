"""Key figures of an evening that was counted by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from avatar_engine.kpis.count import Window, counted, owner, pooled
from avatar_engine.kpis.night import Bought, Night, read
from tests.kpis.nights import EVENING, write


@pytest.fixture
def night(tmp_path: Path) -> Night:
    return read(write(tmp_path, EVENING))


def test_a_whole_night(night: Night) -> None:
    whole = counted(night).night
    assert (whole.times, whole.lines, whole.speech, whole.seconds) == (1, 4, 19, 122)
    assert (whole.start, whole.peak, whole.end) == (100, 200, 100)
    assert whole.viewer_minutes == pytest.approx((60 * 100 + 62 * 200) / 60)
    assert whole.mean == pytest.approx((60 * 100 + 62 * 200) / 122)
    assert (whole.messages, whole.asking, whole.answered) == (90, 18, 1)
    assert whole.unanswered == {"refused by the guard": 1, "waited too long": 2}
    assert whole.responses == [7.0] and whole.response(50) == 7 and whole.response(95) == 7
    assert (whole.clicks, whole.sales, whole.revenue) == (10, 4, {"EUR": 37.5})
    assert whole.rate(whole.sales) == pytest.approx(1000 * 4 / (18400 / 60))
    assert counted(night).greets == 1 and counted(night).waiting == 2
    assert counted(night).sorts == {"talk": 70, "question": 18, "spam": 2}


def test_its_segments(night: Night) -> None:
    mug, lamp = counted(night).segments
    assert (mug.name, mug.times, mug.lines, mug.speech, mug.seconds) == ("Mug", 2, 3, 15, 80)
    assert (lamp.name, lamp.times, lamp.lines, lamp.speech, lamp.seconds) == ("Lamp", 1, 1, 4, 40)
    assert mug.viewer_minutes == pytest.approx((58 * 100 + 2 * 200 + 20 * 200) / 60)
    assert (mug.start, mug.end, mug.peak) == ((100 + 200) / 2, (200 + 100) / 2, 200)
    # 30 messages in the first minute, 60 in the 62 seconds after it
    assert mug.messages == pytest.approx(29 + 2 * 60 / 62 + 20 * 60 / 62)
    assert lamp.messages == pytest.approx(40 * 60 / 62)
    assert (mug.answered, mug.responses, lamp.answered, lamp.unanswered) == (
        1,
        [7.0],
        0,
        {"refused by the guard": 1},
    )
    # two mugs are bought while the lamp is shown, eight seconds after the mug's segment
    assert (mug.sales, mug.revenue, lamp.sales, lamp.revenue) == (3, {"EUR": 37.5}, 1, {})
    assert (mug.clicks, lamp.clicks) == (10, 0)
    short = counted(night, Window(5)).segments
    assert (short[0].sales, short[1].sales) == (1, 3)


def test_its_products(night: Night) -> None:
    mug, lamp = counted(night).products
    assert (mug.name, mug.lines, mug.sales, mug.clicks, mug.answered) == ("M", 3, 3, 10, 1)
    assert (lamp.name, lamp.lines, lamp.sales, lamp.clicks, lamp.unanswered.total()) == ("L", 1, 1, 0, 1)
    other = replace(night, bought=(*night.bought, Bought("sales", 121.0, 5.0, "X")))
    assert counted(other).products[2].name == "X" and counted(other).products[2].sales == 5


def test_whose_a_sale_is(night: Night) -> None:
    def whose(at: float, product: str = "", **window: float) -> int | None:
        return owner(night, Bought("sales", at, 1.0, product), Window(**window))

    assert [whose(at) for at in (0, 2, 61.9, 62, 101, 500)] == [None, 0, 0, 1, 1, 2]
    assert whose(70, "M") == 0 and whose(70, "L") == 1 and whose(70, "other") == 1
    assert whose(70, "M", seconds=5) == 1 and whose(64, delay=5.0) == 0


def test_nights_add_up(night: Night) -> None:
    other = replace(night, name="other", bought=(), questions=())
    both = pooled([counted(night), counted(other)], "2 nights")
    assert (both.night.seconds, both.night.sales, both.night.messages, both.greets) == (244, 4, 180, 2)
    assert both.night.mean == counted(night).night.mean and both.night.peak == 200
    assert [part.times for part in both.segments] == [4, 2] and both.segments[0].start == 150


def test_a_night_without_viewers(night: Night) -> None:
    blind = read_without_viewers(night)
    whole = counted(blind).night
    assert whole.mean is None and whole.viewer_minutes is None and whole.rate(3) is None and whole.sales == 4
    both = pooled([counted(night), counted(blind)], "2 nights")
    assert both.night.viewer_minutes == counted(night).night.viewer_minutes


def read_without_viewers(night: Night) -> Night:
    return replace(
        night, viewers=replace(night.viewers, times=night.viewers.times[:0], values=night.viewers.values[:0])
    )
