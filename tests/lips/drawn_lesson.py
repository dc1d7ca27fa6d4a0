"""A lesson whose crops are the drawn mouth shapes themselves."""

import numpy as np

from avatar_engine.lips import shape
from avatar_engine.lips.crops import Crops
from avatar_engine.lips.lesson import Lesson
from tests.lips.test_shape import GAPS, make_shapes

SIZE = 128
COUNT = 40


def drawn_lesson() -> Lesson:
    """Crops whose luma is the drawn lips and whose chroma is the same at half the size, in steady light."""
    random = np.random.default_rng(5)
    shapes = make_shapes(GAPS[:COUNT]) + random.normal(0, 0.02, (COUNT, 1, 2)).astype(np.float32)
    basis = shape.fit_basis(shapes + random.normal(0, 2e-3, shapes.shape).astype(np.float32))
    codes = basis.project(shapes)
    luma = np.stack([shape.draw(one, np.empty((3, SIZE, SIZE), np.uint8))[:1] for one in basis.shape(codes)])
    half = luma.reshape(COUNT, 1, SIZE // 2, 2, SIZE // 2, 2).mean((3, 5)).astype(np.uint8)
    crops = Crops(luma, np.repeat(half, 2, axis=1))
    everywhere = np.ones((SIZE, SIZE), np.float32)
    return Lesson(
        crops, codes, np.empty((COUNT, 0), np.float32), np.arange(COUNT), basis, everywhere, everywhere
    )
