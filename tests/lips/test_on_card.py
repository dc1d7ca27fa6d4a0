"""A fit on a card, on a device that only knows shapes: a tensor that lies elsewhere can't be computed with there."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch

from avatar_engine.lips import lesson as lessons
from avatar_engine.lips.fit_painter import _Judge, _learn, _Run, _weight
from avatar_engine.lips.lesson import Batches
from avatar_engine.lips.painter import Painter
from tests.lips.drawn_lesson import drawn_lesson

ELSEWHERE = "meta"


def test_a_painters_step_needs_nothing_of_the_processors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[object, ...]] = []

    def autocast(*given: object, **named: object) -> nullcontext[None]:
        asked.append((*given, named))
        return nullcontext()

    monkeypatch.setattr(lessons, "OTHER_CONTEXT", 1.0)
    monkeypatch.setattr(torch, "autocast", autocast)  # shapes have no arithmetic
    lesson = drawn_lesson()
    batches = Batches(lesson, np.random.default_rng(1), ELSEWHERE)
    size = lesson.mask.shape[0]
    look = lesson.crops.appearance(lesson.coefficients, lesson.rows, lesson.skin)
    painter = Painter(size, lesson.mask, look, lesson.coefficients.shape[1]).to(ELSEWHERE)
    weight = torch.from_numpy(_weight(lesson)).to(ELSEWHERE)
    run = _Run(painter, torch.optim.AdamW(painter.parameters()), tmp_path / "painter.safetensors")
    for _ in range(2):
        examples = batches.next()
        given = (*examples.real, *examples.context, examples.shapes, examples.coefficients)
        assert {part.device.type for part in given} == {ELSEWHERE}
        assert examples.real[0].shape == (lessons.CARD_BATCH, 1, size, size)
        _learn(run, painter, examples, weight, True)
    assert run.step == 2 and [loss.device.type for loss in run._losses] == [ELSEWHERE] * 2
    assert asked.count((ELSEWHERE, torch.bfloat16, {"enabled": True})) == 2
    assert {given[0] for given in asked} == {ELSEWHERE}
    assert {value.device.type for value in run.average.values()} == {ELSEWHERE}
    assert all(value.grad is not None for value in painter.parameters())
    with pytest.raises(RuntimeError, match="device"):
        _learn(run, painter, Batches(lesson, np.random.default_rng(1), "cpu").next(), weight, True)
    judge = _Judge(lesson, weight, ELSEWHERE)
    assert {part.device.type for part in judge._given} == {ELSEWHERE}


def test_what_is_drawn_ahead_is_what_is_drawn_at_once() -> None:
    lesson = drawn_lesson()
    there = Batches(lesson, np.random.default_rng(3), ELSEWHERE)
    here = Batches(lesson, np.random.default_rng(3), "cpu")
    here._count = there._count
    here._planes = there._planes
    for _ in range(3):
        ahead, now = there._next_drawn(), here._next_drawn()
        for one, other in zip(ahead, now, strict=True):
            assert np.array_equal(one, other)
