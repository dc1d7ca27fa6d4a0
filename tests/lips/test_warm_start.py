"""A painter that begins as another one paints what the other one did."""

import numpy as np
import pytest
import torch

from avatar_engine.lips import lesson as lessons
from avatar_engine.lips.lesson import Batches, Lesson
from avatar_engine.lips.painter import Painter, export
from avatar_engine.lips.warm_start import begin_as
from tests.lips.drawn_lesson import SIZE, drawn_lesson


@pytest.fixture
def lesson(monkeypatch: pytest.MonkeyPatch) -> Lesson:
    monkeypatch.setattr(lessons, "OTHER_LIGHT", (0.0, 0.0, 0.0))
    return drawn_lesson()


def painter(lesson: Lesson, seed: int) -> Painter:
    """With weights of its own, and normalisations that do something."""
    torch.manual_seed(seed)
    look = lesson.crops.appearance(lesson.coefficients, lesson.rows, lesson.skin)
    made = Painter(SIZE, lesson.mask, look, lesson.coefficients.shape[1])
    for name, value in made.state_dict().items():
        if "running_var" in name:
            value.uniform_(0.5, 2)
        elif value.is_floating_point() and name not in ("kept", "linear", "skin", "usual"):
            value.add_(0.03 * torch.randn_like(value))
    return made


def test_it_paints_the_same_in_use_and_while_it_learns(lesson: Lesson) -> None:
    one, other = painter(lesson, 1).eval(), painter(lesson, 2)
    batch = Batches(lesson, np.random.default_rng(3), "cpu").next()
    given = (*batch.context, batch.shapes, batch.coefficients)
    network = export(one)
    before = {name: value.clone() for name, value in other.state_dict().items()}
    with torch.no_grad():
        wanted = one(*given)[0]
        assert (other.eval()(*given)[0] - wanted).abs().mean() > 1
        assert not begin_as(other.train(), network.replace(b"painter.canvas", b"painter.canvaz"), batch)
        assert all(torch.equal(value, before[name]) for name, value in other.state_dict().items())
        assert begin_as(other, network, batch)
        assert other.training
        for begun in (other(*given)[0], other.eval()(*given)[0]):
            assert (begun - wanted).abs().max() < 0.02  # of 255
