import numpy as np
import pytest

from avatar_engine.lips import shape


def make_shapes(gaps: np.ndarray) -> np.ndarray:
    """Mouths 0.4 wide in the middle of the crop whose inner lips are ``gaps`` apart (n, landmarks, 2)."""
    shapes = np.zeros((len(gaps), len(shape.LANDMARKS), 2), np.float32)
    turn = np.linspace(np.pi, -np.pi, 20, endpoint=False)
    jaw = np.linspace(np.pi, 0, len(shape.JAW))
    for row, gap in zip(shapes, gaps, strict=True):
        row[:20] = np.stack([0.5 + 0.2 * np.cos(turn), 0.55 + (0.05 + gap / 2) * np.sin(turn)], 1)
        row[20:40] = np.stack([0.5 + 0.16 * np.cos(turn), 0.55 + gap / 2 * np.sin(turn)], 1)
        row[40:] = np.stack([0.5 + 0.4 * np.cos(jaw), 0.6 + (0.25 + gap / 2) * np.sin(jaw)], 1)
    return shapes


GAPS = (0.06 + 0.05 * np.sin(np.arange(200) / 3)).astype(np.float32)


def test_opening_measures_the_gap() -> None:
    measured = shape.opening(make_shapes(GAPS))
    assert np.corrcoef(measured, GAPS)[0, 1] > 0.999
    assert measured == pytest.approx(GAPS, rel=0.1)


def test_basis_gives_the_shapes_back() -> None:
    random = np.random.default_rng(0)
    shapes = make_shapes(GAPS) + random.normal(0, 0.001, (200, len(shape.LANDMARKS), 2)).astype(np.float32)
    basis = shape.fit_basis(shapes)
    code = basis.project(shapes)
    assert code.shape == (200, shape.COEFFICIENTS) and code.dtype == np.float32
    assert code.std(0) == pytest.approx(np.ones(shape.COEFFICIENTS), abs=0.05)
    assert np.abs(basis.shape(code) - shapes).max() < 0.006
    assert basis.opening(code) == pytest.approx(shape.opening(shapes), abs=0.004)


def test_slow_turns_are_taken_out_and_openings_kept() -> None:
    yaw = 10 * np.sin(np.arange(200) / 60)
    pose = np.stack([yaw, 0 * yaw, 0 * yaw], 1).astype(np.float32)
    moved = make_shapes(GAPS) + (0.004 * yaw[:, None, None] * np.array([1, 0])).astype(np.float32)
    still = shape.without_pose(moved, pose, [(0, 200)])
    assert still[:, 0, 0].std() < 0.25 * moved[:, 0, 0].std()
    assert np.corrcoef(shape.opening(still), GAPS)[0, 1] > 0.999


def test_jitter_is_taken_off_inside_takes_only() -> None:
    shapes = make_shapes(np.where(np.arange(40) < 20, 0.02, 0.1).astype(np.float32))
    smooth = shape.without_jitter(shapes, [(0, 20), (20, 40)])
    assert smooth == pytest.approx(shapes, abs=1e-5)


def test_drawn_planes_hold_lips_mouth_and_jaw() -> None:
    planes = shape.draw(make_shapes(np.array([0.1]))[0], np.empty((3, 128, 128), np.uint8))
    lips, inner, jaw = planes
    assert inner[70, 64] == 255 and lips[70, 64] == 255
    assert lips[:, 64].sum() > inner[:, 64].sum() > 10 * 255
    assert not inner[:55].any() and jaw[95, 64] == 255
    closed = shape.draw(make_shapes(np.array([0.0]))[0], planes)
    assert (closed[1] == 255).sum() < 100
