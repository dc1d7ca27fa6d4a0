"""Eight bits cost little, and are told in levels."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import quantised

from avatar_engine.errors import AvatarError
from tests.engine import painters
from tests.engine.conftest import DEVICE

SIZE = 64


def pictures(count: int) -> list[dict[str, np.ndarray]]:
    random = np.random.default_rng(0)
    shapes = {"luma": (1, SIZE, SIZE), "chroma": (2, SIZE // 2, SIZE // 2), "shapes": (3, SIZE, SIZE)}
    made = [
        {name: random.integers(60, 200, (1, *shape)).astype(np.uint8) for name, shape in shapes.items()}
        for _ in range(count)
    ]
    return [
        one | {"coefficients": random.normal(0, 1, (1, painters.CODES)).astype(np.float32)} for one in made
    ]


def test_a_painter_in_eight_bits_paints_nearly_the_same() -> None:
    painter, seen = painters.model(SIZE, 1).painter, pictures(16)
    made = quantised.int8(painter, seen[::2])
    nodes = onnx.load_from_string(made).graph.node
    assert sum(node.op_type == "QuantizeLinear" for node in nodes) > 10
    assert len(made) < len(painter)
    lost = quantised.loss(painter, made, seen[1::2], DEVICE)
    assert 0 < lost.mean < 5 and lost.mean <= lost.p99 <= lost.most
    assert quantised.loss(painter, painter, seen[1::2], DEVICE) == quantised.Loss(0, 0, 0)


def test_too_few_pictures_are_refused() -> None:
    with pytest.raises(AvatarError, match="too little"):
        quantised.int8(painters.model(SIZE, 1).painter, pictures(3))
