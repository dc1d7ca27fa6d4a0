from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.lips import measure
from avatar_engine.lips.drive import Drives
from avatar_engine.lips.grain import Grain
from avatar_engine.lips.likeness import rows
from avatar_engine.lips.model import LipsModel
from tests.lips import drawn
from tests.lips.likeness.test_rows import COUNT, DEVICE, FRAMES, Scene


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


@pytest.fixture
def scores(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> measure.LipsScores:
    """Lips whose sound asks for the true opening, 40 ms late and four fifths of it."""
    monkeypatch.setattr(rows, "Landmarker", drawn.Eye)
    monkeypatch.setattr(rows, "read_frames", scene.frames)
    return scored(scene)


def scored(scene: Scene) -> measure.LipsScores:
    neutral, true = scene.model.neutral, scene.model.basis.project(scene.shapes)
    heard = (neutral + 0.8 * (np.roll(true, 1, 0) - neutral)).astype(np.float32)
    return measure.score(
        Path("none"),
        np.ones(COUNT * 960, np.float32),
        scene.track,
        scene.model,
        FRAMES,
        Drives(true, heard, np.zeros_like(true)),
        device=DEVICE,
        pairs=3,
    )


def test_both_ways_are_measured(scores: measure.LipsScores) -> None:
    assert scores.painted.correlation > 0.97 > scores.driven.correlation > 0.3
    assert scores.driven.spread == pytest.approx(0.8, abs=0.06)
    assert scores.painted.psnr > scores.driven.psnr > 15
    assert scores.painted.distance < scores.driven.distance
    assert scores.driven.offset_ms == pytest.approx(40, abs=12)


def test_openings_and_pictures_are_kept(scene: Scene, scores: measure.LipsScores) -> None:
    assert len(scores.real_opening) == len(scores.driven_opening) == len(FRAMES)
    assert scores.driven_opening.std() == pytest.approx(0.8 * scores.real_opening.std(), rel=0.08)
    assert scores.first == FRAMES.start and scores.unseen == 0
    assert np.corrcoef(scores.real_opening, scene.gaps[FRAMES.start :])[0, 1] > 0.99
    assert [pair.shape for pair in scores.pairs] == [(drawn.HEIGHT, 3 * drawn.WIDTH, 3)] * 3
    real, painted, driven = np.split(np.stack(scores.pairs).astype(int), 3, 2)
    assert np.abs(real - painted).mean() < np.abs(real - driven).mean()


def test_real_textures_are_believed_and_those_that_sound_foretells_are_not(
    scene: Scene, scores: measure.LipsScores, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = scene.model.size
    loud = Grain(np.full((size, size), 20, np.float32), np.ones((size, size // 2 + 1), np.float32))
    monkeypatch.setattr(LipsModel, "believing", lambda lips: replace(lips, grain=loud))
    found = scored(scene)
    assert found.painted.psnr < scores.painted.psnr - 3
    assert found.driven.psnr == pytest.approx(scores.driven.psnr)


def test_figures_are_flat_numbers(scores: measure.LipsScores) -> None:
    flat = scores.figures()
    assert all(isinstance(value, float) and np.isfinite(value) for value in flat.values())
    assert flat["driven_correlation"] == pytest.approx(scores.driven.correlation)
    assert flat["pictures"] == len(FRAMES) and "painted_seam" in flat
    assert "driven_rest_lips" not in flat  # silence was not told
