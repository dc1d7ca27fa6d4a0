"""Expressions: a smile is what the minute showed, keeps the lips as far apart, and never goes beyond the minute."""

from __future__ import annotations

import numpy as np
import pytest

from avatar_engine.contracts import FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.lips.expression import Expressions, fit_expressions, smile
from avatar_engine.lips.shape import (
    INNER,
    LANDMARKS,
    LEFT_CORNER,
    OUTER,
    RIGHT_CORNER,
    ShapeBasis,
    fit_basis,
    opening,
    width,
)


@pytest.fixture(scope="module")
def minute() -> tuple[ShapeBasis, FloatArray]:
    """A mouth that opens and shuts, and beside that, slowly, smiles: its basis and coefficients."""
    rng = np.random.default_rng(2)
    lips = len(OUTER + INNER)
    angle = np.concatenate([np.arange(20), np.arange(20)]) / 10 * np.pi
    size = np.repeat([0.2, 0.18], 20)[:, None]
    rest = np.full((len(LANDMARKS), 2), 0.6)
    rest[:lips] = 0.5 + size * np.stack([-np.cos(angle), 0.4 * np.sin(angle)], 1)
    count = 600
    gap, joy = np.abs(rng.normal(0, 0.03, count)), np.sin(np.arange(count) / 50)
    shapes = np.repeat(rest[None], count, 0)
    shapes[:, :lips, 1] += gap[:, None] * np.sin(angle)
    corner = np.zeros(lips)
    corner[[LEFT_CORNER, RIGHT_CORNER, 20, 30]] = 1
    shapes[:, :lips, 1] -= 0.02 * joy[:, None] * corner
    shapes[:, :lips, 0] += 0.01 * joy[:, None] * corner * np.sign(-np.cos(angle))
    shapes = (shapes + rng.normal(0, 5e-4, shapes.shape)).astype(np.float32)
    basis = fit_basis(shapes, 4)
    return basis, basis.project(shapes)


def test_happy_smiles_as_the_minute_did_and_serious_does_not(minute: tuple[ShapeBasis, FloatArray]) -> None:
    basis, codes = minute
    found = fit_expressions(codes, np.ones(len(codes), bool), basis)
    rest = np.median(codes, axis=0)[None].astype(np.float32)
    plain, happy, serious = (basis.shape(found.apply(n, rest)) for n in ("neutral", "happy", "serious"))
    seen = smile(basis.shape(codes))
    assert smile(happy)[0] > smile(plain)[0] + 0.015 and smile(serious)[0] < smile(plain)[0] - 0.015
    assert np.percentile(seen, 90) < smile(happy)[0] <= seen.max() + 1e-3
    assert width(happy)[0] > width(plain)[0] > width(serious)[0]
    for shape in (happy, serious):
        assert opening(shape)[0] == pytest.approx(opening(plain)[0], abs=0.004)


def test_a_biased_shape_stays_inside_the_minute_and_words_are_left_alone(
    minute: tuple[ShapeBasis, FloatArray],
) -> None:
    basis, codes = minute
    found = fit_expressions(codes, np.ones(len(codes), bool), basis)
    for name in ("happy", "serious"):
        biased = found.apply(name, codes)
        inside = (codes >= found.lowest) & (codes <= found.highest)
        assert (biased <= found.highest + 1e-6)[inside].all() and (biased >= found.lowest - 1e-6)[
            inside
        ].all()
        assert np.abs(biased - codes).max() <= np.abs(found.biases).max() + 1e-6
    assert found.apply("neutral", codes) is codes


def test_an_unknown_expression_is_refused() -> None:
    with pytest.raises(AvatarError, match="no expression 'angry'"):
        Expressions.none(4).apply("angry", np.zeros((1, 4), np.float32))
