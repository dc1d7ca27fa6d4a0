"""The drawn face, seen by the landmarker: found, measured, the same again."""

from collections.abc import Iterator

import numpy as np
import pytest
from portrait.figure import Face, draw_face, lip_points
from portrait.mouth import Mouth

from avatar_engine.face.track import Landmarker

SIZE = (640, 360)


@pytest.fixture(scope="module")
def landmarker() -> Iterator[Landmarker]:
    with Landmarker() as made:
        yield made


def lips(landmarker: Landmarker, face: Face) -> np.ndarray:
    """Where the inner lips are seen, upper and lower (2, 2), in pixels."""
    faces = landmarker.detect(draw_face(face, SIZE))
    assert len(faces) == 1
    return np.asarray(faces[0][0][[13, 14], :2])


@pytest.mark.weights
@pytest.mark.parametrize("opening", [0.0, 0.4, 0.9])
@pytest.mark.parametrize(("yaw", "pitch", "roll"), [(0, 0, 0), (7, 3, 3), (-7, -4, -3)])
def test_face_and_lips_are_found(
    landmarker: Landmarker, opening: float, yaw: float, pitch: float, roll: float
) -> None:
    face = Face(mouth=Mouth(opening=opening), yaw=yaw, pitch=pitch, roll=roll)
    drawn = lip_points(face, SIZE)
    seen = lips(landmarker, face)
    assert np.abs(seen - [drawn["upper_in"], drawn["lower_in"]]).max() < 6


@pytest.mark.weights
def test_the_seen_opening_rises_with_the_drawn_one(landmarker: Landmarker) -> None:
    seen = [
        np.ptp(lips(landmarker, Face(mouth=Mouth(opening=o)))[:, 1]) for o in (0, 0.15, 0.3, 0.5, 0.7, 0.9)
    ]
    assert np.all(np.diff(seen) > 0.5)
    assert seen[0] < 1.0


def test_the_same_face_is_the_same_picture() -> None:
    face = Face(mouth=Mouth(opening=0.3), yaw=2, grain=4)
    first = draw_face(face, (320, 240))
    draw_face(Face(mouth=Mouth(opening=0.9), blink=1.0, grain=1), (320, 240))
    assert first.shape == (240, 320, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, draw_face(face, (320, 240)))
