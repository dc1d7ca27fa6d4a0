"""A drawing in the planes: blended where it is not clear, exactly, and dissolved into another."""

from __future__ import annotations

import numpy as np
import pytest

from avatar_engine.contracts import ByteArray
from avatar_engine.media.picture import Planes, blank, planes
from avatar_engine.stage.sheet import Blender, Sheet

SIZE = (32, 16)


def plate(left: int, right: int, level: float, alpha: float = 1.0) -> Sheet:
    """Grey of a level from column to column."""
    drawn = np.zeros((SIZE[1], SIZE[0], 4), np.float32)
    drawn[4:12, left:right] = (level * alpha, level * alpha, level * alpha, alpha)
    return Sheet.of(drawn)


def grey(level: int = 100) -> tuple[ByteArray, Planes]:
    picture = blank(64, 48)
    planes(picture)[0][:] = level
    return picture, planes(picture)


def test_what_is_clear_costs_nothing_and_changes_nothing() -> None:
    sheet = plate(9, 20, 1.0)
    assert sheet.box == (8, 4, 20, 12)
    picture, parts = grey()
    Blender(SIZE).blend(parts, (10, 20), sheet, 1.0)
    want = np.full((48, 64), 100)
    want[24:32, 19:30] = 235
    np.testing.assert_array_equal(parts[0], want)
    assert (parts[1] == 128).all() and picture.dtype == np.uint8


@pytest.mark.parametrize(
    ("alpha", "share", "want"), [(0.5, 1.0, 167.5), (1.0, 0.25, 133.75), (0.5, 0.5, 133.75)]
)
def test_a_half_clear_sheet_and_one_that_comes_leave_the_rest_of_the_picture(
    alpha: float, share: float, want: float
) -> None:
    _, parts = grey()
    Blender(SIZE).blend(parts, (0, 0), plate(8, 16, 1.0, alpha), share)
    assert parts[0][8, 10] == pytest.approx(want, abs=1.5) and parts[0][8, 20] == 100


def test_a_dissolve_reaches_over_both_and_never_shows_what_is_under_them() -> None:
    for share in (0.0, 0.3, 1.0):
        _, parts = grey(235)
        Blender(SIZE).blend(parts, (0, 0), plate(4, 12, 0.0), share, plate(8, 20, 0.0))
        assert parts[0][8, 10] <= 17, "under both, all the time"
        assert parts[0][8, 5] == pytest.approx(235 - 219 * share, abs=2)
        assert parts[0][8, 18] == pytest.approx(16 + 219 * share, abs=2)


def test_a_patch_takes_the_place_of_what_was_there() -> None:
    sheet, part = plate(0, 32, 1.0), plate(0, 32, 0.0).part(8, 4, 4, 8)
    sheet.patch(part, 16, 4)
    _, parts = grey()
    Blender(SIZE).blend(parts, (0, 0), sheet, 1.0)
    assert (
        parts[0][8, 15] == 235 and parts[0][8, 16] == 16 and parts[0][8, 19] == 16 and parts[0][8, 20] == 235
    )
