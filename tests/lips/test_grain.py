"""Grain: noise that the footage has and the painting lacks comes back; what moves or is merely blurred does not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, laplace

from avatar_engine.contracts import ByteArray
from avatar_engine.lips.grain import TILES, Grain, Grainer, fit_grain

SIZE = 96
MASK = np.zeros((SIZE, SIZE), np.float32)
MASK[16:80, 16:80] = 1
SKIN = 120 + gaussian_filter(np.random.default_rng(1).normal(0, 40, (SIZE, SIZE)), 1.2)


def film(noise: float, painted_noise: float = 0.0, moving: bool = False) -> Iterator[tuple[ByteArray, ...]]:
    """Real, next and painted pictures: still skin with texture, twice the noise on the right."""
    rng = np.random.default_rng(4)
    twice = np.where(np.arange(SIZE) < SIZE // 2, 1.0, 2.0)
    for step in range(40):
        real = [SKIN + rng.normal(0, 1, SKIN.shape) * noise * twice for _ in range(2)]
        if moving and step % 4 == 0:
            real[1] = np.roll(real[1], 3, axis=0)
        painted = SKIN + rng.normal(0, 1, SKIN.shape) * painted_noise * twice
        yield tuple(np.clip(np.round(p), 0, 255).astype(np.uint8) for p in (*real, painted))


@pytest.mark.parametrize("moving", [False, True])
def test_noise_is_measured_place_by_place(moving: bool) -> None:
    grain = fit_grain(film(3.0, moving=moving), MASK)
    left, right = grain.strength[20:76, 24:40].mean(), grain.strength[20:76, 56:72].mean()
    assert 2.0 < left < 3.4 and 4.2 < right < 6.8 and 1.7 < right / left < 2.3
    assert not grain.strength[MASK == 0].any()
    tiles = grain.tiles()
    assert tiles.shape == (TILES, SIZE, SIZE)
    assert tiles[:, 20:76, 56:72].std() == pytest.approx(right, rel=0.15)
    assert abs(tiles.mean()) < 0.05
    assert len({tile.tobytes() for tile in tiles}) == TILES
    assert (grain.tiles() == tiles).all()


def test_a_painting_with_its_own_grain_gets_less_and_a_clean_clip_none() -> None:
    whole, rest = fit_grain(film(3.0), MASK), fit_grain(film(3.0, painted_noise=2.9), MASK)
    assert rest.strength.mean() < 0.5 * whole.strength.mean()
    assert fit_grain(film(0.0), MASK).strength.max() < 0.3
    assert not fit_grain(list(film(3.0))[:3], MASK).strength.any()  # too few pictures to tell


def test_lost_texture_is_no_grain() -> None:
    """What the painter blurs but what does not change from picture to picture is not made up for by noise."""
    pairs = [(a, b, gaussian_filter(c, 2)) for a, b, c in film(0.5)]
    assert fit_grain(pairs, MASK).strength.max() < 1.5


def test_every_picture_has_other_grain_and_black_stays_black() -> None:
    grainer = Grainer(fit_grain(film(3.0), MASK))
    grey = np.full((SIZE, SIZE), 100, np.uint8)
    seen = [grainer.add(grey).copy() for _ in range(40)]
    assert all((a != b).any() for a, b in pairwise(seen))
    assert np.stack(seen).mean() == pytest.approx(100, abs=0.1)
    assert grainer.add(np.zeros_like(grey)).max() < 40
    plain = Grainer(Grain.none(SIZE))
    assert (plain.add(grey) == 100).all()


@pytest.mark.parametrize(("noise", "blur"), [(1.0, 0.8), (3.0, 0.5)])
def test_painted_detail_is_brought_to_the_footages(noise: float, blur: float) -> None:
    """Grain alone, as strong as what changes, leaves a slightly blurred painting too smooth."""
    pairs = [(a, b, gaussian_filter(c, blur)) for a, b, c in film(noise)]
    grainer = Grainer(fit_grain(pairs, MASK))
    inside = MASK > 0.5
    real = np.mean([np.abs(laplace(a.astype(float)))[inside].mean() for a, _, _ in pairs])
    made = np.mean([np.abs(laplace(grainer.add(c).astype(float)))[inside].mean() for _, _, c in pairs])
    bare = np.mean([np.abs(laplace(c.astype(float)))[inside].mean() for _, _, c in pairs])
    assert bare < 0.9 * real
    assert made == pytest.approx(1.025 * real, rel=0.03)
