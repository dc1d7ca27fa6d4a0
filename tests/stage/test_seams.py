"""Where footage may be joined: heads, cuts, stretches, and the best round through them."""

from __future__ import annotations

import numpy as np
import pytest

from avatar_engine.errors import AvatarError
from avatar_engine.stage import seams
from avatar_engine.stage.seams import Footage, Stretch, heads_of, matrices_of


def footage(count: int = 120, cut: int | None = None, place: int = 60) -> Footage:
    """Still pictures whose head sways a little; at ``cut`` both jump."""
    thumbs = np.full((count, seams.THUMB[0] * seams.THUMB[1]), 90, np.uint8)
    heads = np.tile([0.8, 0.0, place, 70.0], (count, 1))
    heads[:, 2] += np.sin(np.arange(count) / 5)
    steps = np.full(count, 0.3, np.float32)
    steps[0] = 0
    if cut is not None:
        thumbs[cut:] += 40
        heads[cut:, 2] += 20
        steps[cut] = 40
    return Footage(thumbs, steps, heads, 50.0, np.ones(count, np.float32), np.ones(count, np.bool_))


def test_heads_and_matrices_are_each_others_inverse() -> None:
    random = np.random.default_rng(1)
    heads = np.column_stack(
        [random.uniform(0.5, 2, 9), random.uniform(-0.3, 0.3, 9), random.uniform(0, 500, (9, 2))]
    )
    assert heads_of(matrices_of(heads, 256).astype(np.float64), 256) == pytest.approx(heads, abs=1e-6)
    middle = matrices_of(heads, 256) @ np.array([0, 0, 1.0])
    turned = np.einsum("nij,nj->ni", matrices_of(heads, 256)[:, :, :2], heads[:, 2:]) + middle
    assert turned == pytest.approx(np.full((9, 2), 128.0))


def test_a_cut_is_found_and_a_sway_is_none() -> None:
    assert seams.cuts(footage()) == []
    assert seams.cuts(footage(cut=70)) == [70]


def test_stretches_lie_between_cuts_and_bad_frames() -> None:
    film = footage(cut=70)
    film.good[30:33] = False
    assert seams.stretches(film) == [Stretch(0, 30), Stretch(33, 70), Stretch(70, 120)]
    film.good[::8] = False
    with pytest.raises(AvatarError, match=r"0\.3 s at most"):
        seams.stretches(film)


def test_a_round_uses_every_stretch_once_and_leaves_each_before_its_end() -> None:
    film = footage(160, cut=80)
    parts = [Stretch(0, 40), Stretch(40, 80), Stretch(80, 120), Stretch(120, 160)]
    made = seams.plan(film, parts)
    assert sorted(part.start for part, _ in made) == [0, 40, 80, 120]
    for (part, seam), (following, _) in zip(made, [*made[1:], made[0]], strict=True):
        assert part.start < seam.leave and seam.leave + seam.length <= part.stop
        assert following.start <= seam.enter and seam.enter + seam.length < following.stop
    # The two places are left and entered once each: never to and fro.
    order = [part.start >= 80 for part, _ in made]
    assert sum(a != b for a, b in zip(order, [*order[1:], order[0]], strict=True)) == 2


def test_the_cheapest_round_is_found() -> None:
    random = np.random.default_rng(4)
    costs = random.uniform(5, 9, (7, 7))
    best = [0, 3, 5, 1, 6, 2, 4]
    for one, other in zip(best, [*best[1:], best[0]], strict=True):
        costs[one, other] = 1.0
    order = seams._tour(costs)
    at = order.index(0)
    assert order[at:] + order[:at] == best
