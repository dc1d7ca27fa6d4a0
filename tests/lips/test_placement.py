"""Placement: a turn of the head is foretold from the rest of the face, and never opens the mouth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from avatar_engine.contracts import FloatArray
from avatar_engine.face import crop
from avatar_engine.face.track import FaceTrack
from avatar_engine.lips import placement as room
from avatar_engine.lips.shape import LANDMARKS, ShapeBasis, fit_basis, opening, width, without

SIZE = 128


@pytest.fixture(scope="module")
def turned() -> tuple[FaceTrack, FloatArray, FloatArray]:
    """A head that slowly turns (the nose moves in the face) while the mouth moves fast: track, matrices, turn."""
    rng = np.random.default_rng(3)
    face = np.concatenate([rng.uniform(60, 180, (478, 2)), rng.uniform(-20, 20, (478, 1))], 1)
    count = 300
    turn = np.sin(np.arange(count) / 40)
    points = np.repeat(face[None], count, 0)
    points[:, room.NOSE, 0] += 3 * turn[:, None]
    points[:, LANDMARKS, 0] += 2 * turn[:, None]
    track = FaceTrack(
        points=points.astype(np.float32),
        found=np.ones(count, bool),
        faces=np.ones(count, np.uint8),
        pose=np.zeros((count, 3), np.float32),
        width=240,
        height=240,
    )
    return track, crop.transforms(track, SIZE), turn.astype(np.float32)


def _basis(rng: np.random.Generator) -> ShapeBasis:
    return fit_basis(rng.normal(0.5, 0.05, (200, len(LANDMARKS), 2)).astype(np.float32), 4)


def test_the_turn_is_foretold_and_the_words_are_not(turned: tuple[FaceTrack, FloatArray, FloatArray]) -> None:
    track, matrices, turn = turned
    rng = np.random.default_rng(5)
    basis = _basis(rng)
    words = rng.normal(0, 1, (len(track), 4)).astype(np.float32)
    owed = without(np.outer(turn, [1.0, -0.5, 0.3, 0.0]), basis, (opening,))
    seen = words + owed.astype(np.float32)
    fitted = room.fit_placement(track, matrices, SIZE, seen, words, track.found, basis)
    offsets = fitted.offsets(track, matrices, SIZE)
    assert np.corrcoef(offsets[:, 0], owed[:, 0])[0, 1] > 0.97
    assert np.abs(offsets - owed).mean() < 0.15
    assert abs(np.corrcoef(offsets[:, 0], words[:, 0])[0, 1]) < 0.2


def test_offsets_do_not_part_the_lips(turned: tuple[FaceTrack, FloatArray, FloatArray]) -> None:
    track, matrices, turn = turned
    rng = np.random.default_rng(6)
    basis = _basis(rng)
    seen = np.outer(turn, rng.normal(0, 1, 4)).astype(np.float32)
    fitted = room.fit_placement(track, matrices, SIZE, seen, np.zeros_like(seen), track.found, basis)
    step = np.eye(4, dtype=np.float32)
    opens = (basis.opening(step) - basis.opening(-step)) / 2
    along = np.abs(fitted.offsets(track, matrices, SIZE) @ opens).max()
    assert along < 1e-4 * np.abs(opens).max() + 1e-6


def test_a_posture_is_measured_on_the_lips_and_the_words_are_not(
    turned: tuple[FaceTrack, FloatArray, FloatArray],
) -> None:
    """Another posture through the whole take is found; words, fast or wide, are left to the sound."""
    track, matrices, _ = turned
    rng = np.random.default_rng(7)
    basis = _basis(rng)
    basis.mean[:20, 0] += 0.4 * np.cos(np.arange(20) / 10 * np.pi)  # lips apart, corners far from each other
    basis.mean[20:40, 1] += 0.2 * np.sin(np.arange(20) / 10 * np.pi)
    posture = without(rng.normal(0, 1, (1, 4)), basis, (opening, width))
    words = rng.normal(0, 1, (len(track), 4)).astype(np.float32)
    seen = (words + posture).astype(np.float32)
    lost = np.arange(len(track)) % 10 == 0
    seen[lost] = 40.0
    seen[120:126] += 3.0
    fitted = room.Placement.none(4)
    blind = replace(track, found=~lost)
    offsets = fitted.settled(blind, matrices, SIZE, seen, words, basis)
    assert np.abs(offsets[:60] - posture).max() < 0.05
    assert np.abs(offsets - posture).max() < 0.5  # six pictures of another shape hardly move it
    for measure in (opening, width):
        shapes = basis.shape(offsets), basis.shape(np.zeros_like(offsets))
        assert np.abs(measure(shapes[0]) - measure(shapes[1])).max() < 0.03 * measure(shapes[1]).mean()


def test_none_is_nothing(turned: tuple[FaceTrack, FloatArray, FloatArray]) -> None:
    track, matrices, _ = turned
    assert not room.Placement.none(4).offsets(track, matrices, SIZE).any()


def test_a_baked_body_has_its_sources_offsets_and_no_jump_at_its_joints() -> None:
    offsets = np.zeros((100, 2), np.float32)
    offsets[50:] = 1.0
    source = np.concatenate([np.arange(0, 40), np.arange(60, 100)]).astype(np.int32)
    baked = room.Placement.none(2).of_body(offsets, source)
    assert baked.shape == (80, 2)
    assert baked[20, 0] < 0.01
    assert baked[60, 0] > 0.99
    assert np.abs(np.diff(baked[:, 0])).max() < 0.15
    assert abs(float(baked[0, 0] - baked[-1, 0])) < 0.15
