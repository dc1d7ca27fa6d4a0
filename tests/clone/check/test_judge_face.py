"""One face, near, whole, turned to us: else it is refused with its time, or told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from avatar_engine.clone.check.finding import Verdict, settle
from avatar_engine.clone.check.judge_face import face as judged
from avatar_engine.contracts import FRAME_RATE, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.face.track import FaceTrack
from tests.clone.speaking import face_track

SECONDS = 30
FRAMES = SECONDS * FRAME_RATE


@pytest.fixture
def opening() -> FloatArray:
    return np.full(FRAMES, 0.1, np.float32)


@pytest.fixture
def face(opening: FloatArray) -> FaceTrack:
    return face_track(opening)


def test_a_good_face_passes_without_a_word(face: FaceTrack) -> None:
    warnings = settle(judged(face))
    assert warnings == []


def flagged(start: float, stop: float) -> np.ndarray:
    flags = np.zeros(FRAMES, np.bool_)
    flags[round(start * FRAME_RATE) : round(stop * FRAME_RATE)] = True
    return flags


def test_no_face_is_refused(face: FaceTrack) -> None:
    with pytest.raises(AvatarError, match=r"No face is seen from 0 s to 30\.0 s"):
        settle(judged(replace(face, found=np.zeros(FRAMES, np.bool_))))


def test_a_face_that_is_gone_for_long_is_refused_and_for_a_moment_is_told(face: FaceTrack) -> None:
    with pytest.raises(
        AvatarError, match=r"No face is seen in 33% of the clip, longest from 10\.0 s to 20\.0 s"
    ):
        settle(judged(replace(face, found=~flagged(10, 20))))
    warnings = settle(judged(replace(face, found=~flagged(10, 11))))
    assert len(warnings) == 1 and "from 10.0 s to 11.0 s" in warnings[0]
    warnings = settle(judged(replace(face, found=~flagged(10, 10.2))))
    assert warnings == []


def test_two_faces_are_refused_with_their_time(face: FaceTrack) -> None:
    faces = np.where(flagged(4, 12), 2, 1).astype(np.uint8)
    with pytest.raises(AvatarError, match=r"Two or more faces .* from 4\.0 s to 12\.0 s.* alone"):
        settle(judged(replace(face, faces=faces)))
    warnings = settle(judged(replace(face, faces=np.where(flagged(4, 5), 2, 1).astype(np.uint8))))
    assert len(warnings) == 1


def test_a_small_face_is_refused_with_its_size(opening: FloatArray) -> None:
    with pytest.raises(AvatarError, match=r"too small: 60 pixels .* 90 is the least.* nearer"):
        settle(judged(face_track(opening, height=60.0)))


@pytest.mark.parametrize(("axis", "said"), [(0, "yaw up to 50"), (1, "pitch up to 50")])
def test_a_face_turned_away_is_refused(face: FaceTrack, axis: int, said: str) -> None:
    pose = face.pose.copy()
    pose[flagged(6, 24), axis] = -50.0
    with pytest.raises(
        AvatarError, match=rf"turned away .*{said}.* in 60% of the clip, longest from 6\.0 s to 24"
    ):
        settle(judged(replace(face, pose=pose)))


def test_a_mouth_outside_the_picture_is_refused(face: FaceTrack) -> None:
    points = face.points.copy()
    points[:, :, 1] += 200
    with pytest.raises(AvatarError, match="outside the picture"):
        settle(judged(replace(face, points=points)))


def test_a_face_of_middling_size_is_told(opening: FloatArray) -> None:
    (small,) = [f for f in judged(face_track(opening, height=150.0)) if f.verdict is not Verdict.GOOD]
    assert small.topic == "face size" and "150 pixels" in small.said and "nearer" in small.advice
