from pathlib import Path

import numpy as np
import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.face.track import FaceTrack, _pose, bridge, lasting, people
from tests.face.test_crop import make_track


def test_track_survives_its_file(tmp_path: Path) -> None:
    track = make_track()
    track.save(tmp_path / "track")
    again = FaceTrack.load(tmp_path / "track")
    assert (again.points == track.points).all() and (again.found == track.found).all()
    assert again.found.dtype == bool and (again.width, again.height) == (320, 288)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"\x08\0\0\0\0\0\0\0{}      "])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "track").write_bytes(content)
    with pytest.raises(AvatarError, match="is not a face track"):
        FaceTrack.load(tmp_path / "track")


def test_missing_pictures_are_bridged() -> None:
    values = np.array([0, 0, 2, 0, 0, 8, 0], np.float32).reshape(-1, 1)
    found = np.array([0, 0, 1, 0, 0, 1, 0], bool)
    assert bridge(values, found)[:, 0].tolist() == [2, 2, 2, 4, 6, 8, 8]
    assert bridge(values[:, 0], found).tolist() == [2, 2, 2, 4, 6, 8, 8]
    assert bridge(values, np.zeros(7, bool)) is values  # nothing is known


@pytest.mark.parametrize("angle", [-20.0, 0.0, 35.0])
def test_pose_is_in_degrees(angle: float) -> None:
    a = np.radians(angle)
    yaw = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
    assert _pose(yaw) == pytest.approx([angle, 0, 0], abs=1e-3)
    roll = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    assert _pose(roll) == pytest.approx([0, 0, angle], abs=1e-3)


def face(left: float, top: float, width: float) -> tuple[np.ndarray, np.ndarray]:
    corners = np.array([(left, top, 0), (left + width, top + 1.3 * width, 0)], np.float32)
    return corners, np.zeros(3, np.float32)


def test_a_face_found_twice_is_one_person_and_a_far_smaller_one_is_none() -> None:
    presenter = face(100, 100, 200)
    assert people([]) == 0
    assert people([presenter]) == 1
    assert people([presenter, face(90, 110, 180)]) == 1  # the same head again
    assert people([presenter, face(400, 100, 60)]) == 1  # a picture on the wall
    assert people([presenter, face(400, 100, 150)]) == 2


def test_a_second_person_stays_and_a_ghost_does_not() -> None:
    counts = np.ones(100, np.uint8)
    counts[[10, 12, 70]] = 2
    counts[30:55] = 2
    counts[90:] = 0
    kept = lasting(counts)
    assert kept[:30].tolist() == [1] * 30 and kept[55:90].tolist() == [1] * 35
    assert kept[30:55].tolist() == [2] * 25 and kept[90:].tolist() == [0] * 10
    assert lasting(np.full(3, 2, np.uint8)).tolist() == [2, 2, 2]
