"""The patch holds all that painting looks at."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from avatar_engine.engine import patch
from avatar_engine.lips.model import LipsModel
from avatar_engine.lips.render import Renderer
from tests.engine.conftest import DEVICE
from tests.lips import drawn


def turned(angle: float, scale: float, x: float, y: float) -> np.ndarray:
    """A crop of which the middle lies at (x, y), turned and scaled."""
    matrix = cv2.getRotationMatrix2D((x, y), angle, scale)
    matrix[:, 2] += np.array([drawn.SIZE / 2 - x, drawn.SIZE / 2 - y])
    return matrix.astype(np.float32)


@pytest.mark.parametrize(
    ("angle", "scale", "x", "y"),
    [
        (0, 1, 160, 140),
        (7, 0.8, 163.3, 141.7),
        (-12, 1.3, 150.1, 150.9),
        (3, 0.9, 20, 30),
        (3, 0.9, 310, 280),
    ],
)
def test_a_patch_is_painted_as_the_picture_is(
    model: LipsModel, angle: float, scale: float, x: float, y: float
) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (drawn.HEIGHT * 3 // 2, drawn.WIDTH)).astype(np.uint8)
    matrix = turned(angle, scale, x, y)
    whole, parted = picture.copy(), picture.copy()
    Renderer(model, DEVICE).paint(whole, matrix, model.neutral + 1)
    where = patch.place(matrix, drawn.SIZE, picture, *patch.sides(matrix, drawn.SIZE, picture))
    assert where is not None
    piece = np.empty((where.height * 3 // 2, where.width), np.uint8)
    where.take(parted, piece)
    Renderer(model, DEVICE).paint(piece, where.matrix(matrix), model.neutral + 1)  # type: ignore[arg-type]
    where.put(parted, piece)
    assert (whole != picture).any()
    assert (whole != parted).mean() < 1e-4  # what the picture's own rounding of the matrix moves
    assert np.abs(whole.astype(int) - parted).max() <= 16


def test_patches_have_one_size_while_the_face_moves_and_turns() -> None:
    picture = np.zeros((drawn.HEIGHT * 3 // 2, drawn.WIDTH), np.uint8)
    sides = patch.sides(turned(0, 1, 160, 140), drawn.SIZE, picture)
    assert sides == (192, 192)
    for angle, scale, x, y in ((5, 1, 100, 100), (-8, 0.9, 300, 200), (0, 1.1, -10, 400)):
        where = patch.place(turned(angle, scale, x, y), drawn.SIZE, picture, *sides)
        assert where is not None and (where.width, where.height) == sides
        assert where.x % 2 == where.y % 2 == 0
        assert 0 <= where.x <= drawn.WIDTH - 192 and 0 <= where.y <= drawn.HEIGHT - 192


def test_a_face_that_is_larger_does_not_fit() -> None:
    picture = np.zeros((drawn.HEIGHT * 3 // 2, drawn.WIDTH), np.uint8)
    assert patch.place(turned(0, 0.6, 160, 140), drawn.SIZE, picture, 192, 192) is None
    assert patch.place(turned(0, 1, 160, 140), drawn.SIZE, picture, 512, 192) is None


def test_a_small_picture_is_its_own_patch() -> None:
    picture = np.zeros((96 * 3 // 2, 100), np.uint8)
    sides = patch.sides(turned(0, 0.5, 50, 50), drawn.SIZE, picture)
    assert sides == (100, 96)
    where = patch.place(turned(0, 0.5, 50, 50), drawn.SIZE, picture, *sides)
    assert where == patch.Patch(0, 0, 100, 96)
