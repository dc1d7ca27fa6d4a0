"""Lips with a real painter, as a bundle holds it: random weights that nothing was taught to."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

from avatar_engine.lips.expression import Expressions
from avatar_engine.lips.grain import Grain
from avatar_engine.lips.model import Gate, LipsModel
from avatar_engine.lips.painter import TINTS, Appearance, Painter, certain, export
from avatar_engine.lips.placement import Placement
from avatar_engine.lips.shape import fit_basis
from avatar_engine.lips.texture import TextureBasis
from tests.lips import drawn

CODES = 10


def mask(size: int) -> np.ndarray:
    y, x = np.mgrid[:size, :size] / size
    away = np.maximum(np.abs(x - 0.5) / 0.38, np.abs(y - 0.58) / 0.3)
    return np.clip((1 - away) / 0.2, 0, 1).astype(np.float32)


def painter(size: int, seed: int) -> Painter:
    """What it paints is a pattern of the shape's code and the true pixels, and strong enough to be seen."""
    random, count = np.random.default_rng(seed), CODES + 7 + TINTS
    torch.manual_seed(seed)
    look = Appearance(
        luma=_smooth(random, (count, size, size)), chroma=_smooth(random, (count, 2, size // 2, size // 2)),
        skin=(mask(size) <= 0).astype(np.float32), tint=np.array([120, 118, 140], np.float32),
        spread=np.array([9, 4, 4], np.float32),
    )  # fmt: skip
    made = Painter(size, mask(size), look, CODES)
    for value in made.parameters():
        value.data += 0.05 * torch.randn_like(value)
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean = 0.1 * torch.randn_like(module.running_mean)
            module.running_var = 0.5 + torch.rand_like(module.running_var)
    return made.eval()


@cache
def model(size: int, seed: int) -> LipsModel:
    """A person with such a painter."""
    network = painter(size, seed)
    basis = fit_basis(drawn.mouths(np.linspace(0, 0.16, 40).astype(np.float32)), 4)
    grain = Grain(np.full((size, size), 1.5, np.float32), np.ones((size, size // 2 + 1), np.float32))
    return LipsModel(
        basis=basis, texture=TextureBasis.none(size, 4), neutral=np.zeros(CODES, np.float32), size=size,
        mask=mask(size), gate=Gate(-50, -40, -15), placement=Placement.none(CODES),
        expressions=Expressions.none(CODES), grain=grain, motion=b"", painter=export(network),
        certain=certain(network), figures={},
    )  # fmt: skip


def _smooth(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    coarse = random.normal(0, 3, (*shape[:-2], 4, 4)).astype(np.float32)
    made = np.kron(coarse, np.ones((shape[-2] // 4, shape[-1] // 4), np.float32))
    made[0] += 128
    return made
