"""Looking at pictures: what is measured is what was drawn, whatever the picture's size and the head's tilt."""

from __future__ import annotations

from typing import Any

import av
import cv2
import numpy as np
import pytest

from avatar_engine.clone.check import looks
from avatar_engine.clone.check.looks import STEP, STILL_EVERY, Watcher, patch, reduced, sharpness
from avatar_engine.contracts import ByteArray, FloatArray

SIZE = (640, 480)


class Detector:
    """Finds the face that it was given, in any picture, and none where there is none."""

    def __init__(self, scale: float = 1.0) -> None:
        self.points = placed() / scale
        self.faces = 1
        self.shapes: list[tuple[int, ...]] = []

    def detect(self, picture: ByteArray) -> list[tuple[FloatArray, FloatArray]]:
        self.shapes.append(picture.shape)
        other = self.points + np.float32(400)
        found = [(points, np.array([5, 0, 0], np.float32)) for points in (self.points, other)]
        return found[: self.faces]


def placed(angle: float = 0.0, size: float = 80.0, middle: complex = 320 + 200j) -> FloatArray:
    """Landmarks of an average face: eye corners ``size`` apart, tilted by ``angle`` degrees."""
    points = np.zeros((478, 3), np.float32)
    turn = size * np.exp(1j * np.radians(angle))
    for number, (x, y) in {**looks._STABLE, 10: (0.0, -0.6), 152: (0.0, 1.4)}.items():
        at = middle + turn * complex(x, y)
        points[number, :2] = at.real, at.imag
    points[points[:, 0] == 0, :2] = middle.real, middle.imag
    return points


def frame(grey: int = 100) -> Any:
    rgb = np.full((SIZE[1], SIZE[0], 3), grey, np.uint8)
    return av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")


def test_every_second_picture_is_looked_at_and_the_rest_is_never_converted() -> None:
    watcher = Watcher(Detector(), SIZE)  # type: ignore[arg-type]
    asked = []
    for index in range(41):
        watcher(index, lambda index=index: asked.append(index) or frame(60 + 2 * index))
    seen = watcher.looks()
    assert asked == list(range(0, 41, STEP)) == seen.looked.tolist()
    assert len(seen.track) == 41 and seen.track.found.all()
    assert (seen.track.width, seen.track.height) == SIZE
    assert seen.track.pose[:, 0] == pytest.approx(5)
    assert list(seen.stills) == list(range(0, 41, STILL_EVERY))
    grey = seen.thumbs.mean(axis=(1, 2))
    assert np.diff(grey) == pytest.approx(4 * 219 / 255, abs=0.7)  # limited range, whole levels
    assert seen.light[:, 0] == pytest.approx(grey, abs=1.5)


def test_where_there_is_no_face_nothing_is_measured() -> None:
    detector = Detector()
    watcher = Watcher(detector, SIZE)  # type: ignore[arg-type]
    for index in range(20):
        detector.faces = 0 if 8 <= index < 12 else 1
        watcher(index, frame)
    seen = watcher.looks()
    assert seen.track.found.tolist() == [True] * 8 + [False] * 4 + [True] * 8
    gone = (seen.looked >= 8) & (seen.looked < 12)
    assert np.isnan(seen.light[gone]).all() and np.isfinite(seen.light[~gone]).all()
    assert np.isnan(seen.sharpness[gone]).all() and np.isnan(seen.mouths[gone]).all()
    assert np.isfinite(seen.track.points).all() and (seen.track.points[9] > 0).any()
    assert not seen.stills[8].face and seen.stills[0].face


def test_two_people_are_counted_where_they_stay() -> None:
    detector = Detector()
    watcher = Watcher(detector, SIZE)  # type: ignore[arg-type]
    for index in range(120):
        detector.faces = 2 if index == 10 or index >= 60 else 1
        detector.points = placed()
        watcher(index, frame)
    faces = watcher.looks().track.faces
    assert faces[:50].tolist() == [1] * 50
    assert faces[70:].tolist() == [2] * 50


def test_a_patch_is_upright_and_of_one_size_for_every_head() -> None:
    base = np.zeros((480, 640), np.uint8)
    points = placed(0, 80)
    cv2.circle(base, (320, 200 + 70), 9, 255, -1)  # on the mouth: 70 / 80 below the eyes
    first = patch(base, points, looks._MOUTH, looks.PATCH)
    turn = cv2.getRotationMatrix2D((320, 200), -25, 1.5)
    turned = cv2.warpAffine(base, turn, (640, 480))
    second = patch(np.asarray(turned, np.uint8), placed(25, 120), looks._MOUTH, looks.PATCH)
    assert first.shape == (24, 36)
    assert np.abs(first.astype(float) - second).mean() < 6
    y, x = np.argwhere(first > 128).mean(axis=0)
    assert x == pytest.approx(17.5, abs=0.7)
    assert y == pytest.approx((70 / 80 - 0.55) / 1.24 * 36 - 0.5, abs=0.7)


def test_sharpness_falls_with_blur_and_not_with_light_or_contrast() -> None:
    random = np.random.default_rng(1)
    fine = cv2.GaussianBlur(random.normal(128, 300, (120, 120)).astype(np.float32), (0, 0), 1.0)
    picture = np.clip(fine, 0, 255).astype(np.uint8)
    values = [sharpness(np.asarray(cv2.GaussianBlur(picture, (0, 0), s), np.uint8)) for s in (0.3, 1, 2, 4)]
    assert values == sorted(values, reverse=True) and values[0] > 2 * values[2]
    dim = (picture * 0.4 + 20).astype(np.uint8)
    assert sharpness(dim) == pytest.approx(sharpness(picture), rel=0.1)
    assert sharpness(np.full((9, 9), 80, np.uint8)) == 0.0


def test_large_pictures_are_reduced_with_their_colours_and_scale() -> None:
    rgb = np.zeros((1080, 1920, 3), np.uint8)
    rgb[:] = (200, 80, 40)
    rgb[400:600, 800:1000] = (20, 160, 90)
    i420 = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2YUV_I420), np.uint8)
    few, scale = reduced(i420, (1920, 1080))
    small = np.asarray(cv2.cvtColor(few, cv2.COLOR_YUV2RGB_I420))
    assert scale == 2.0 and small.shape == (540, 960, 3)
    assert small[100, 100].astype(int) == pytest.approx((200, 80, 40), abs=4)
    assert small[250, 450].astype(int) == pytest.approx((20, 160, 90), abs=4)
    as_it_is = np.full((720, 640), 90, np.uint8)
    assert reduced(as_it_is, (640, 480))[0] is as_it_is


def test_landmarks_found_in_a_reduced_picture_are_in_pixels_of_the_large_one() -> None:
    detector = Detector(scale=2.0)
    watcher = Watcher(detector, (1920, 1080))  # type: ignore[arg-type]
    rgb = np.full((1080, 1920, 3), 90, np.uint8)
    watcher(0, lambda: av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p"))
    assert detector.shapes == [(540, 960, 3)]
    assert watcher.looks().track.points[0] == pytest.approx(placed(), abs=0.01)
