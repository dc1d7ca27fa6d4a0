from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from avatar_engine.lips import fit_painter, shape
from avatar_engine.lips.crops import Crops
from avatar_engine.lips.fit_painter import BATCH, Lesson, _Batches
from tests.lips.test_shape import GAPS, make_shapes

SIZE = 128
COUNT = 40


@pytest.fixture
def lesson(monkeypatch: pytest.MonkeyPatch) -> Lesson:
    """Crops whose luma is the drawn lips and whose chroma is the same at half the size, in steady light."""
    monkeypatch.setattr(fit_painter, "OTHER_LIGHT", (0.0, 0.0, 0.0))
    random = np.random.default_rng(5)
    shapes = make_shapes(GAPS[:COUNT]) + random.normal(0, 0.02, (COUNT, 1, 2)).astype(np.float32)
    basis = shape.fit_basis(shapes + random.normal(0, 2e-3, shapes.shape).astype(np.float32))
    codes = basis.project(shapes)
    luma = np.stack([shape.draw(one, np.empty((3, SIZE, SIZE), np.uint8))[:1] for one in basis.shape(codes)])
    half = luma.reshape(COUNT, 1, SIZE // 2, 2, SIZE // 2, 2).mean((3, 5)).astype(np.uint8)
    crops = Crops(luma, np.repeat(half, 2, axis=1))
    everywhere = np.ones((SIZE, SIZE), np.float32)
    return Lesson(crops, codes, np.arange(COUNT), basis, everywhere, everywhere)


def middle(plane: np.ndarray) -> np.ndarray:
    """The centre of what is bright."""
    weights = plane.astype(np.float64).clip(0)
    rows, columns = np.indices(plane.shape)
    return np.array([(columns * weights).sum(), (rows * weights).sum()]) / weights.sum()


def test_an_example_is_moved_as_one(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit_painter, "OTHER_PLACE", 0.05)
    batches = _Batches(lesson, np.random.default_rng(1), "cpu")
    for _ in range(5):
        (luma, chroma), _, shapes, code = batches.next()
        for one in range(BATCH):
            there = middle(luma[one, 0].numpy())
            assert middle(chroma[one, 1].numpy()) * 2 + 0.5 == pytest.approx(there, abs=0.1)
            # A polygon is drawn to half a pixel; moves are six pixels here.
            assert middle(shapes[one, 0].numpy()) == pytest.approx(there, abs=0.75)
            told = lesson.basis.shape(code[one].numpy()[None])[0, :20].mean(0) * SIZE
            assert told == pytest.approx(there, abs=1.0)


def test_an_example_is_never_quite_where_it_was_filmed(lesson: Lesson) -> None:
    row = 7
    batches = _Batches(replace(lesson, rows=np.array([row])), np.random.default_rng(2), "cpu")
    seen = [middle(part) for _ in range(40) for part in batches.next()[0][0][:, 0].numpy()]
    away = np.array(seen) - middle(lesson.crops.luma[row, 0])
    assert away.std(0) == pytest.approx(np.full(2, fit_painter.OTHER_PLACE * SIZE), rel=0.25)
    assert np.abs(away.mean(0)).max() < 0.4


def test_surroundings_of_another_moment_are_moved_alike(
    lesson: Lesson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_painter, "OTHER_CONTEXT", 1.0)
    monkeypatch.setattr(fit_painter, "OTHER_PLACE", 0.05)
    lesson.crops.luma[:], lesson.crops.chroma[:] = lesson.crops.luma[:1], lesson.crops.chroma[:1]
    real, context, _, _ = _Batches(lesson, np.random.default_rng(3), "cpu").next()
    assert all((a == b).all() for a, b in zip(real, context, strict=True))
    assert any(
        np.abs(middle(part) - middle(lesson.crops.luma[0, 0])).max() > 1 for part in real[0][:, 0].numpy()
    )


def test_a_fit_that_was_interrupted_twice_goes_on(lesson: Lesson, tmp_path: Path) -> None:
    for steps in (1, 2, 3):
        _, figures = fit_painter.fit_painter(lesson, budget=100, work=tmp_path, bf16=False, steps=steps)
        assert figures["painter_steps"] == steps


def test_a_budget_that_is_gone_already_ends_the_fit_at_once(lesson: Lesson, tmp_path: Path) -> None:
    ticks = iter(range(200))
    _, figures = fit_painter.fit_painter(
        lesson, budget=-5.0, work=tmp_path, bf16=False, clock=lambda: float(next(ticks))
    )
    assert figures["painter_steps"] == 0


def test_two_stretches_are_not_learnt() -> None:
    taught, held = fit_painter._split(np.arange(100, 1300))
    assert len(taught) == 1200 - 24 and not set(taught) & set(held)
    assert (np.diff(held) > 1).sum() == 1  # two stretches, each in a row
    taught, held = fit_painter._split(np.arange(10))
    assert len(held) == 1 and len(taught) == 9


@pytest.mark.parametrize(
    ("errors", "ends"),
    [
        ([1 / (k + 1) for k in range(12)], np.inf),  # still gaining
        ([1.0, 0.8, 0.7, 0.65, 0.65, 0.65, 0.65, 0.65], 70 * 1.25),  # nothing since the fourth look, at 40 s
        ([1.0] * 3, np.inf),  # too early to tell
    ],
)
def test_a_run_ends_when_its_error_has_stopped_falling(
    errors: list[float], ends: float, tmp_path: Path
) -> None:
    net: Any = torch.nn.Linear(1, 1)
    run = fit_painter._Run(net, torch.optim.AdamW(net.parameters()), tmp_path / "painter.safetensors")
    for look, error in enumerate(errors, 1):
        judge: Any = SimpleNamespace(error=lambda net, error=error: error)
        run.spent, run.step = 10.0 * look, look * fit_painter.SOONEST // 5
        run.judged(judge)
    assert run.until == pytest.approx(ends)


def test_a_run_that_stopped_gaining_ends_before_its_budget(
    lesson: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fit_painter, "SOONEST", 4)
    monkeypatch.setattr(fit_painter, "SAVE_EVERY", 2.5)
    monkeypatch.setattr(fit_painter._Judge, "error", lambda *_: 0.5)
    ticks = iter(range(10_000))
    _, figures = fit_painter.fit_painter(
        lesson, budget=90, work=tmp_path, bf16=False, clock=lambda: float(next(ticks))
    )
    assert figures["painter_seconds"] < 45 and figures["painter_held_out"] == 0.5


def test_the_best_weights_so_far_are_what_a_fit_gives(
    lesson: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error is made to rise after the second look, also over an interruption."""
    errors = iter([0.5, 0.4, 0.6, 0.7, 0.8, 0.9])
    seen: list[dict[str, torch.Tensor]] = []

    def error(judge: object, painter: fit_painter.Painter) -> float:
        seen.append({name: value.clone() for name, value in painter.state_dict().items()})
        return next(errors)

    monkeypatch.setattr(fit_painter._Judge, "error", error)
    for steps in (1, 2, 3, 4):
        painter, figures = fit_painter.fit_painter(lesson, budget=100, work=tmp_path, bf16=False, steps=steps)
    assert figures["painter_held_out"] == 0.4
    state = painter.state_dict()
    assert all(torch.equal(state[name], value) for name, value in seen[1].items())
    assert not all(torch.equal(state[name], value) for name, value in seen[3].items())
