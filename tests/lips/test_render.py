import cv2
import numpy as np
import pytest

from avatar_engine.device import Device
from avatar_engine.face import crop
from avatar_engine.lips.render import Renderer
from avatar_engine.media.picture import planes
from tests.lips import drawn

DEVICE = Device("cpu", "test", 1, False, False, 1)
GAPS = np.linspace(0, 0.16, 40).astype(np.float32)


@pytest.fixture(scope="module")
def scene() -> tuple[Renderer, np.ndarray, np.ndarray]:
    """A renderer, the picture with a closed mouth, and the matrix to its crop."""
    shapes = drawn.mouths(GAPS)
    track = drawn.still_track(1)
    drawn.put(track, np.zeros(1, np.float32))
    return (
        Renderer(drawn.model(shapes), DEVICE),
        drawn.picture(track.points[0]),
        crop.transforms(track, drawn.SIZE)[0],
    )


def codes(gap: float) -> np.ndarray:
    basis = drawn.model(drawn.mouths(GAPS)).basis
    return basis.project(drawn.mouths(np.array([gap], np.float32)))[0]


def test_the_mouth_opens_as_the_coefficients_say(scene: tuple[Renderer, np.ndarray, np.ndarray]) -> None:
    renderer, picture, matrix = scene
    dark = []
    for gap in (0.0, 0.05, 0.1, 0.15):
        canvas = picture.copy()
        renderer.paint(canvas, matrix, codes(gap))
        dark.append(int((planes(canvas)[0] < 70).sum()))
    assert dark[0] < 100 < dark[1] < dark[2] < dark[3]
    assert dark[3] - dark[0] == pytest.approx(3 * (dark[1] - dark[0]), rel=0.2)


def test_only_what_the_mask_covers_is_touched(scene: tuple[Renderer, np.ndarray, np.ndarray]) -> None:
    renderer, picture, matrix = scene
    random = np.random.default_rng(0)
    canvas = random.integers(0, 256, picture.shape, np.uint8)
    before = canvas.copy()
    renderer.paint(canvas, matrix, codes(0.1))
    back = cv2.invertAffineTransform(matrix)
    covered = cv2.warpAffine(drawn.mask(), back, (drawn.WIDTH, drawn.HEIGHT)) > 0
    covered = cv2.dilate(covered.astype(np.uint8), np.ones((3, 3))) > 0
    luma, was = planes(canvas)[0], planes(before)[0]
    assert (luma[~covered] == was[~covered]).all()
    assert (luma[covered] != was[covered]).mean() > 0.6
    half = cv2.resize(covered.astype(np.uint8), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    half = cv2.dilate(half, np.ones((3, 3))) > 0
    for plane, old in zip(planes(canvas)[1:], planes(before)[1:], strict=True):
        assert (plane[~half] == old[~half]).all()


def test_painting_follows_the_matrix(scene: tuple[Renderer, np.ndarray, np.ndarray]) -> None:
    renderer, picture, matrix = scene
    moved = matrix.copy()
    moved[:, 2] -= moved[:, :2] @ [16, 10]  # the face lies 16 to the right and 10 down
    there, here = (np.full_like(picture, drawn.SKIN) for _ in range(2))
    renderer.paint(here, matrix, codes(0.1))
    renderer.paint(there, moved, codes(0.1))
    assert (planes(there)[0][10:, 16:] == planes(here)[0][:-10, :-16]).mean() > 0.999


def test_painted_does_not_touch_the_picture_and_is_what_is_pasted(
    scene: tuple[Renderer, np.ndarray, np.ndarray],
) -> None:
    renderer, picture, matrix = scene
    canvas = picture.copy()
    patch = renderer.painted(canvas, matrix, codes(0.12))
    assert (canvas == picture).all()
    assert patch.luma.shape == (drawn.SIZE, drawn.SIZE) and patch.chroma.shape[1:] == (drawn.SIZE // 2,) * 2
    renderer.paint(canvas, matrix, codes(0.12))
    again = crop.extract(canvas, matrix, crop.Crop.empty(drawn.SIZE))
    inside = drawn.mask() > 0.99
    assert np.abs(again.luma.astype(int) - patch.luma)[inside].mean() < 3


def test_the_same_again_after_other_pictures(scene: tuple[Renderer, np.ndarray, np.ndarray]) -> None:
    """Buffers are used again: nothing of one picture may stay in the next."""
    renderer, picture, matrix = scene
    first, other, again = picture.copy(), np.full_like(picture, 9), picture.copy()
    renderer.paint(first, matrix, codes(0.03))
    renderer.paint(other, matrix, codes(0.15))
    renderer.paint(again, matrix, codes(0.03))
    assert (first == again).all()
