from __future__ import annotations

from dataclasses import replace

import pytest

from avatar_engine.clone.check import judge_clip
from avatar_engine.clone.check.finding import Verdict
from tests.clone.check.seen import INFO


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(20, Verdict.WILL_FAIL), (40, Verdict.COULD_BE_BETTER), (60, Verdict.GOOD)],
)
def test_length(seconds: float, verdict: Verdict) -> None:
    assert judge_clip.length("a.mp4", seconds).verdict is verdict


def test_a_slow_or_damaged_file_is_told() -> None:
    assert judge_clip.file(INFO).verdict is Verdict.GOOD
    slow = judge_clip.file(replace(INFO, frame_rate=15.0, warnings=("The sound has a gap.",)))
    assert slow.verdict is Verdict.COULD_BE_BETTER
    assert "only 15.0 pictures a second" in slow.said and "The sound has a gap." in slow.said
