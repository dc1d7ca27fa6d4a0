"""Cross-fades: smooth shares, one head instead of two ghosts, a still background."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from avatar_engine.contracts import ByteArray
from avatar_engine.stage.blend import Blender, Head, mixed_head, weight

WIDTH, HEIGHT, CROP = 192, 144, 32
SCALE = 0.9
"""Picture pixels to a pixel of the crop."""


def head(x: float, y: float = 80.0) -> Head:
    return np.array([SCALE, 0.0, x, y])


def picture(x: float) -> ByteArray:
    """A bright disc where the face of ``head(x)`` is, on ground with edges of its own."""
    made = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    made[:HEIGHT] = 60
    made[10:20, 10:30] = 110
    size = (round(WIDTH * 8), round(HEIGHT * 8))
    disc = cv2.circle(np.zeros((size[1], size[0]), np.uint8), (round(x * 8), 70 * 8), 26 * 8, 255, -1)
    share = cv2.resize(disc, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA) / 255
    made[:HEIGHT] = np.round(made[:HEIGHT] * (1 - share) + 200 * share)
    return made


def middle(made: ByteArray) -> float:
    bright = np.maximum(made[:HEIGHT].astype(float) - 115, 0)
    return float((bright.sum(0) * np.arange(WIDTH)).sum() / bright.sum())


def test_shares_rise_from_none_to_all_and_mirror_each_other() -> None:
    shares = [weight(step, 9) for step in range(9)]
    assert shares == sorted(shares) and 0 < shares[0] < 0.05 and 0.95 < shares[-1] < 1
    assert shares[4] == pytest.approx(0.5)
    assert [1 - share for share in reversed(shares)] == pytest.approx(shares)


def test_a_mixed_head_is_the_mean_of_its_points() -> None:
    assert mixed_head(head(80), head(100), 0.25) == pytest.approx(head(85))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.5, 1.0])
def test_the_blend_has_one_head_between_the_two(share: float) -> None:
    left, entered = picture(90), picture(98)
    blended = Blender(WIDTH, HEIGHT, CROP).blend(left, entered, (head(90), head(98)), share)
    assert middle(blended) == pytest.approx(90 + 8 * share, abs=0.7)
    # One disc with one edge: as many half-bright pixels as a single one, where a plain mix has two crescents.
    half = [int(((one[:HEIGHT] > 90) & (one[:HEIGHT] < 170)).sum()) for one in (blended, left)]
    plain = cv2.addWeighted(left, 0.5, entered, 0.5, 0)[:HEIGHT]
    ghost = int(((plain > 90) & (plain < 170)).sum())
    assert half[0] < (half[1] + ghost) / 2


def test_the_ground_stands_still_and_the_sides_are_themselves_at_either_end() -> None:
    left, entered = picture(90), picture(98)
    blender = Blender(WIDTH, HEIGHT, CROP)
    middle_of_all = blender.blend(left, entered, (head(90), head(98)), 0.5)
    assert np.abs(middle_of_all[:25, :40].astype(int) - left[:25, :40]).max() <= 1
    for share, side in ((0.0, left), (1.0, entered)):
        end = blender.blend(left, entered, (head(90), head(98)), share)
        assert np.abs(end.astype(int) - side).mean() < 1
