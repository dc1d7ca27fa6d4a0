import numpy as np
import pytest

from avatar_engine.contracts import FloatArray
from avatar_engine.stage.matte import Cut, Matting, _resized
from avatar_engine.stage.plate import Plate, plates
from tests.stage.cutting import HEAD, HEIGHT, WIDTH, coarse, picture, share, shifts, wall


@pytest.fixture(scope="module")
def ground() -> list[Plate]:
    alphas = [share(shift) for shift in shifts(24)]
    pictures = [picture(alpha, wall(), index) for index, alpha in enumerate(alphas)]
    return plates(pictures, [coarse(alpha) for alpha in alphas])


@pytest.fixture(scope="module")
def cut(ground: list[Plate]) -> tuple[Cut, FloatArray]:
    alpha = share(7.3)
    return Matting(ground).cut(picture(alpha, wall(), 99), coarse(alpha)), alpha


def test_hairs_that_the_coarse_mask_lacks_are_found(cut: tuple[Cut, FloatArray]) -> None:
    found, alpha = cut
    mask = np.asarray(np.kron(coarse(alpha), np.ones((3, 4))), np.float32)
    hair = (alpha > 0.3) & (mask < 0.15)
    assert hair.sum() > 100
    assert found.alpha[hair].mean() > 0.8 * alpha[hair].mean()
    wrong, rough = np.abs(found.alpha - alpha).mean(), np.abs(mask - alpha).mean()
    assert wrong < 0.35 * rough


def test_the_wall_is_not_in_the_hair(cut: tuple[Cut, FloatArray]) -> None:
    found, alpha = cut
    band = (alpha > 0.25) & (alpha < 0.9) & (found.alpha > 0.2)
    luma = found.colours[..., 0].astype(np.float32)[band]
    assert abs(np.median(luma) - HEAD[0]) < 6  # half a wall in it would be 110
    assert np.percentile(luma, 95) < 0.5 * (HEAD[0] + 150)


def test_noise_of_the_wall_is_no_hair_and_the_inside_is_whole(cut: tuple[Cut, FloatArray]) -> None:
    found, alpha = cut
    assert found.alpha[alpha == 0].mean() < 0.01
    assert (found.alpha[alpha == 0] > 0.1).mean() < 0.02
    assert found.alpha[90:110, WIDTH // 2 - 10 : WIDTH // 2 + 20].min() == 1


def test_light_that_changed_since_is_no_hair_either(ground: list[Plate]) -> None:
    alpha = share(-12)
    found = Matting(ground).cut(picture(alpha, wall() * np.float32(1.05), 5), coarse(alpha))
    assert found.alpha[alpha == 0].mean() < 0.015


def test_an_exact_mask_stays_as_it_is_and_only_colours_are_found(ground: list[Plate]) -> None:
    alpha = share(3)
    found = Matting(ground, exact=True).cut(picture(alpha, wall(), 3), alpha)
    assert np.abs(found.alpha - alpha).max() < 1e-6
    band = (alpha > 0.3) & (alpha < 0.9)
    assert abs(np.median(found.colours[..., 0][band].astype(np.float32)) - HEAD[0]) < 8


def test_an_empty_mask_cuts_out_nobody(ground: list[Plate]) -> None:
    found = Matting(ground).cut(picture(share(0), wall(), 3), np.zeros((64, 64), np.float32))
    assert found.alpha.shape == (HEIGHT, WIDTH)
    assert not found.alpha.any()


@pytest.mark.parametrize("size", [(40, 22), (37, 21), (200, 120)])
def test_many_channels_are_resized_as_one_is(size: tuple[int, int]) -> None:
    many = np.random.default_rng(1).random((90, 160, 7), np.float32)
    apart = np.stack([_resized(np.ascontiguousarray(many[..., channel]), size) for channel in range(7)], 2)
    assert np.allclose(_resized(many, size), apart, atol=1e-5)
