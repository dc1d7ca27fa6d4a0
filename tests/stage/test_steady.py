import numpy as np

from avatar_engine.stage.matte import Cut
from avatar_engine.stage.plate import colours
from avatar_engine.stage.steady import steady
from tests.stage.cutting import picture, share, wall


def taken(count: int, speed: float, shimmer: float):
    for index in range(count):
        alpha = share(speed * index)
        seen = picture(alpha, wall(), index, 0.5)
        noise = np.random.default_rng(1000 + index).normal(0, shimmer, alpha.shape)
        partial = (alpha > 0) & (alpha < 1)
        noisy = np.clip(alpha + noise * partial, 0, 1).astype(np.float32)
        yield seen, Cut(noisy, colours(seen))


def errors(cuts, speed: float):
    wrong = [cut.alpha - share(speed * index) for index, (_, cut) in enumerate(cuts)]
    band = [(share(speed * index) > 0) & (share(speed * index) < 1) for index in range(len(wrong))]
    return np.mean([np.sqrt((one**2)[part].mean()) for one, part in zip(wrong, band, strict=True)])


def test_a_still_head_shimmers_less_and_a_moving_one_trails_nothing() -> None:
    for speed, gain in ((0.0, 0.75), (2.0, 0.95)):
        before = errors(list(taken(8, speed, 0.15)), speed)
        after = errors(list(steady(taken(8, speed, 0.15))), speed)
        assert after < gain * before, speed


def test_every_picture_comes_once_and_in_order() -> None:
    given = list(taken(5, 1.0, 0.0))
    found = list(steady(iter(given)))
    assert [id(picture) for picture, _ in found] == [id(picture) for picture, _ in given]
    assert list(steady(iter(()))) == []
    (alone,) = steady(iter(given[:1]))
    assert np.array_equal(alone[1].alpha, given[0][1].alpha)


def test_shares_stay_shares() -> None:
    for _, cut in steady(taken(4, 3.0, 0.3)):
        assert cut.alpha.min() >= 0
        assert cut.alpha.max() <= 1
