"""The painter's network: how well its textures are known is a bias, which can be put into it afterwards."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import onnxruntime as ort
import torch

from avatar_engine.lips.painter import HEARD, SHAPE_PLANES, Painter, believing, certain, export
from tests.engine import painters

SIZE, COUNT = 64, 3


def given() -> tuple[torch.Tensor, ...]:
    random = np.random.default_rng(1)
    planes = (random.integers(0, 256, (COUNT, *shape), np.uint8) for shape in (
        (1, SIZE, SIZE), (2, SIZE // 2, SIZE // 2), (SHAPE_PLANES, SIZE, SIZE),
    ))  # fmt: skip
    codes = random.normal(0, 1, (COUNT, painters.CODES)).astype(np.float32)
    return *(torch.from_numpy(part) for part in planes), torch.from_numpy(codes)


def painted(network: bytes) -> np.ndarray:
    session = ort.InferenceSession(network, providers=["CPUExecutionProvider"])
    names = ("luma", "chroma", "shapes", "coefficients")
    return session.run(None, {n: part.numpy() for n, part in zip(names, given(), strict=True)})[0]


def told(painter: Painter, sure: float | None) -> np.ndarray:
    with torch.no_grad():
        much = None if sure is None else torch.full((COUNT, 1), sure)
        return painter(*given(), much)[0].add(0.5).clamp(0, 255).byte().numpy()


def apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one.astype(np.float32) - other).mean())


def test_a_show_has_the_painter_that_is_told_what_sound_tells() -> None:
    painter = painters.painter(SIZE, 5)
    torch.nn.init.normal_(painter.sure, std=0.5)
    heard = told(painter, None)
    assert apart(heard, told(painter, HEARD)) < 0.01
    assert apart(painted(export(painter)), heard) < 0.01


def test_it_can_be_told_that_textures_are_true() -> None:
    painter = painters.painter(SIZE, 5)
    torch.nn.init.normal_(painter.sure, std=0.5)
    seen, heard = told(painter, 1.0), told(painter, None)
    assert apart(seen, heard) > 0.2
    assert apart(painted(believing(export(painter), certain(painter))), seen) < 0.01


def test_lips_that_believe_paint_so_and_are_the_same_otherwise() -> None:
    lips = painters.model(SIZE, 7)
    sure = lips.believing()
    assert apart(painted(sure.painter), painted(lips.painter)) > 0.01
    assert replace(sure, painter=lips.painter) == lips
    older = replace(lips, certain=np.zeros(0, np.float32))
    assert older.believing() is older, "a painter of before takes all for true"
