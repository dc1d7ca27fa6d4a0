"""What drives the painter: the real shapes, and what the sound asks for where the mouth sits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from avatar_engine.contracts import MouthMotion
from avatar_engine.lips import drive
from avatar_engine.lips.placement import Placement
from avatar_engine.lips.shape import opening, width, without
from tests.lips.likeness.test_rows import COUNT, Scene


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


@pytest.fixture
def heard(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """What a motion net hears that knows the words, but not that this person sits otherwise in this clip."""
    codes = scene.model.basis.project(scene.shapes)
    asked = (codes - posture(scene)).astype(np.float32)

    class Net:
        def __init__(self, model: object) -> None:
            assert model is scene.model

        def whole(self, samples: np.ndarray) -> MouthMotion:
            assert len(samples) == (COUNT + 2) * 960
            return MouthMotion(np.concatenate([asked, asked[-2:]]))

    monkeypatch.setattr(drive, "MotionStream", Net)
    return asked


def posture(scene: Scene) -> np.ndarray:
    """An offset that neither opens nor widens the mouth."""
    return without(np.ones((1, 4)), scene.model.basis, (opening, width))


def test_sound_asks_and_the_footage_says_where_the_mouth_sits(scene: Scene, heard: np.ndarray) -> None:
    sound = np.ones((COUNT + 2) * 960, np.float32)  # two pictures more than there are
    given = drive.drives(iter(()), sound, scene.track, scene.model)
    np.testing.assert_array_equal(given.asked, heard)
    assert np.corrcoef(scene.model.basis.opening(given.painted), scene.gaps)[0, 1] > 0.99

    def away(codes: np.ndarray) -> float:
        """How far from where the real lips sit, words aside, in the mean over the clip."""
        rest = without(codes - given.painted, scene.model.basis, (opening, width))
        return float(np.linalg.norm(rest.mean(0)))

    assert away(given.driven) < 0.25 * away(given.asked)
    np.testing.assert_array_equal(given.driven, given.asked + given.placed)


def test_textures_are_seen_in_the_pictures_and_settle_as_places_do(
    scene: Scene, heard: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A texture that the sound knows nothing of: its slow part is placed, its quick part is for the painter alone."""
    quick = np.sin(np.arange(COUNT) * 1.5)
    real = np.stack([2 + quick, -1 + quick], 1).astype(np.float32)

    class Texture:
        def seen(self, pictures: object, matrices: np.ndarray, shapes: np.ndarray, size: int) -> np.ndarray:
            assert next(iter(pictures)) == "first" and size == scene.model.size  # type: ignore[call-overload]
            assert len(matrices) == len(shapes) == COUNT
            return real.copy()

    hears = drive.MotionStream

    class Net(hears):  # type: ignore[misc, valid-type]
        def __init__(self, model: object) -> None:
            super().__init__(scene.model)

        def whole(self, samples: np.ndarray) -> MouthMotion:
            shapes = super().whole(samples).coefficients
            return MouthMotion(np.concatenate([shapes, np.zeros((len(shapes), 2), np.float32)], 1))

    monkeypatch.setattr(drive, "MotionStream", Net)
    track = replace(scene.track, found=np.arange(COUNT) != 5)
    wide: Any = replace(scene.model, texture=Texture(), placement=Placement.none(6))  # type: ignore[arg-type]
    given = drive.drives(iter(["first"]), np.ones((COUNT + 2) * 960, np.float32), track, wide)
    assert given.painted[6:, 4:] == pytest.approx(real[6:]) and not given.painted[5, 4:].any()
    assert given.placed[:, 4:].mean(0) == pytest.approx([2, -1], abs=0.1)
    assert given.placed[20:-20, 4:].std(0).max() < 0.1
    np.testing.assert_array_equal(given.asked[:, :4], heard)


def test_a_part_is_of_its_own_pictures() -> None:
    rows = np.arange(20, dtype=np.float32).reshape(10, 2)
    part = drive.Drives(rows, rows + 100, rows + 1000).part(range(3, 5))
    assert part.painted.tolist() == [[6, 7], [8, 9]]
    assert part.driven.tolist() == [[1112, 1114], [1116, 1118]]
