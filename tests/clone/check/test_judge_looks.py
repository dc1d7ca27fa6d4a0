"""A good minute is not accused; each flaw is named, alone, with its time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from avatar_engine.clone.check import judge_looks
from avatar_engine.clone.check.finding import Finding, Verdict
from avatar_engine.clone.check.looks import Looks
from tests.clone.check.seen import TIMES, eyes, looks


@pytest.fixture
def good() -> Looks:
    return looks()


def faults(seen: Looks) -> list[Finding]:
    return [finding for finding in judge_looks.pictures(seen) if finding.verdict is not Verdict.GOOD]


def test_a_good_minute_is_not_accused(good: Looks) -> None:
    assert faults(good) == []


def during(start: float, stop: float) -> np.ndarray:
    return (start <= TIMES) & (stop > TIMES)


def hand(seen: Looks) -> Looks:
    seen.mouths[during(20, 22)] = (140, 141, 114)
    seen.mouths[during(20, 22), ::5] = (120, 141, 114)
    return seen


def dark(seen: Looks) -> Looks:
    seen.light[:, 0] *= 0.3
    return replace(seen, thumbs=seen.thumbs * 0.3)


def flickering(seen: Looks) -> Looks:
    return replace(
        seen,
        thumbs=seen.thumbs * (1 + 0.02 * np.sin(TIMES * 2 * np.pi * 5))[:, None, None].astype(np.float32),
    )


def fading(seen: Looks) -> Looks:
    seen.light[:, 0] *= np.linspace(1, 0.7, len(TIMES))
    return seen


def tinted(seen: Looks) -> Looks:
    seen.mouths[during(30, 60), ..., 1] += 12
    return seen


def smeared(seen: Looks) -> Looks:
    seen.sharpness[during(40, 41)] = 0.08
    return seen


def cut(seen: Looks) -> Looks:
    seen.thumbs[TIMES >= 25] = seen.thumbs[0].T.reshape(seen.thumbs[0].shape)
    return seen


def burnt(seen: Looks) -> Looks:
    seen.light[:, 2] = 0.2
    return seen


def asleep(seen: Looks) -> Looks:
    return replace(seen, track=eyes(seen.track, ((5, 5.2), (9, 9.2), (30, 32.5))))


def staring(seen: Looks) -> Looks:
    return replace(seen, track=eyes(seen.track, ()))


def aside(seen: Looks) -> Looks:
    seen.track.pose[:, 0] = 18
    return seen


@pytest.mark.parametrize(
    ("damage", "topic", "said", "at"),
    [
        (hand, "mouth uncovered", "before the mouth", 21.0),
        (dark, "light", "too dark", None),
        (burnt, "light", "too bright", None),
        (flickering, "flicker", "flickers", None),
        (fading, "change of light", "brightness changes by 34%", None),
        (tinted, "change of light", "colour changes by 12 levels", None),
        (smeared, "sharpness", "out of focus or smeared by motion from 40.0 s to 41.0 s", 40.5),
        (cut, "one take", "cut 1 time (25.0 s)", 25.0),
        (asleep, "blinks", "shut from 30.0 s to 32.5 s", 31.0),
        (staring, "blinks", "would stare", None),
        (aside, "head", "yaw 18", None),
    ],
)
def test_each_flaw_is_named_alone(
    good: Looks, damage: Callable[[Looks], Looks], topic: str, said: str, at: float | None
) -> None:
    found = faults(damage(good))
    assert [finding.topic for finding in found] == [topic]
    assert said in found[0].said and found[0].advice
    assert found[0].verdict is Verdict.COULD_BE_BETTER
    if at is not None:
        start, stop = found[0].spans[0]
        assert start - 0.3 <= at <= stop + 0.3


def test_a_dark_face_before_a_window_is_told_so(good: Looks) -> None:
    good.light[:, 0] = 45
    assert "light behind it" in judge_looks.brightness(good).said
    assert "behind it" not in judge_looks.brightness(dark(looks())).said


def test_a_blurred_face_is_told(good: Looks) -> None:
    finding = judge_looks.blur(replace(good, sharpness=good.sharpness * 0.5))
    assert "blurred: sharpness 0.1" in finding.said and finding.spans


def test_pictures_without_a_face_do_not_count(good: Looks) -> None:
    gone = during(10, 14)
    good.light[gone], good.sharpness[gone], good.mouths[gone] = np.nan, np.nan, np.nan
    assert faults(good) == []
    assert judge_looks.strangeness(good)[gone].max() == 0


def test_black_bars_do_not_hide_flicker(good: Looks) -> None:
    seen = flickering(good)
    whole = judge_looks.flickering(seen.thumbs)
    seen.thumbs[:, :, :10] = seen.thumbs[:, :, 22:] = 16.0
    assert judge_looks.flickering(seen.thumbs) == pytest.approx(whole, rel=0.1)
    assert judge_looks.flickering(np.full_like(seen.thumbs, 16.0)) == 0.0
