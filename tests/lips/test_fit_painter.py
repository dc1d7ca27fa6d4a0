from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from avatar_engine.lips import fit_painter, growing
from avatar_engine.lips import lesson as lessons
from avatar_engine.lips.lesson import Lesson
from tests.lips.drawn_lesson import drawn_lesson


@pytest.fixture
def lesson(monkeypatch: pytest.MonkeyPatch) -> Lesson:
    monkeypatch.setattr(lessons, "OTHER_LIGHT", (0.0, 0.0, 0.0))
    return drawn_lesson()


def test_a_fit_that_was_interrupted_twice_goes_on(lesson: Lesson, tmp_path: Path) -> None:
    for steps in (1, 2, 3):
        _, figures = fit_painter.fit_painter(lesson, budget=100, work=tmp_path, bf16=False, steps=steps)
        assert figures["painter_steps"] == steps


def test_what_is_painted_by_now_lies_beside_the_real_pictures(lesson: Lesson, tmp_path: Path) -> None:
    shown = tmp_path / growing.FILE
    fit_painter.fit_painter(lesson, budget=100, work=tmp_path, bf16=False, steps=1)
    with Image.open(shown) as first:
        before = np.asarray(first, np.int16)
    real, painted = np.split(before, 2)
    assert before.shape == (2 * growing.SIDE, len(fit_painter._split(lesson.rows)[1]) * growing.SIDE, 3)
    first_one, last_one = real[:, : growing.SIDE], real[:, -growing.SIDE :]
    assert np.abs(real - painted).mean() < 30 and np.abs(first_one - last_one).mean() > 1
    fit_painter.fit_painter(lesson, budget=100, work=tmp_path, bf16=False, steps=12)
    fit_painter.fit_painter(lesson, budget=100, work=tmp_path, bf16=False, steps=12)
    with Image.open(shown) as last:
        later = np.asarray(last, np.int16)
    assert np.abs(np.split(later, 2)[0] - real).max() == 0, "the same pictures are shown all through"
    assert np.abs(np.split(later, 2)[1] - painted).any(), "they are painted as the painter is now"


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
