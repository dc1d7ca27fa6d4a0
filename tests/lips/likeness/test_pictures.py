import cv2
import numpy as np
import pytest

from avatar_engine.lips.likeness import pictures
from avatar_engine.lips.likeness.pictures import Flicker, Seam
from tests.lips.drawn import SIZE, mask


def skin(seed: int = 0) -> np.ndarray:
    """Luma with detail of every size."""
    random = np.random.default_rng(seed)
    coarse = cv2.GaussianBlur(random.normal(0, 1, (SIZE, SIZE)), (0, 0), 8) * 300
    return np.clip(128 + coarse + random.normal(0, 8, (SIZE, SIZE)), 0, 255).astype(np.uint8)


def film(count: int, grain: float, seed: int = 0) -> np.ndarray:
    """A still face filmed with grain, uint8 (count, size, size)."""
    random = np.random.default_rng(seed)
    still = cv2.GaussianBlur(skin().astype(np.float32), (0, 0), 2)
    return np.clip(still + random.normal(0, grain, (count, SIZE, SIZE)), 0, 255).astype(np.uint8)


def flicker(frames: np.ndarray, silent: np.ndarray | None = None) -> Flicker:
    found = Flicker(mask())
    for index, frame in enumerate(frames):
        found.push(frame, silent=silent is not None and bool(silent[index]))
    return found


def seam(frames: np.ndarray) -> Seam:
    found = Seam(mask())
    for frame in frames:
        found.push(frame)
    return found


def test_psnr_of_a_known_error() -> None:
    picture = np.full((20, 20, 3), 100, np.uint8)
    assert pictures.psnr(picture, picture + np.uint8(5)) == pytest.approx(20 * np.log10(255 / 5), abs=1e-3)
    assert pictures.psnr(picture, picture) > 75


def test_ssim_is_one_for_the_same_and_falls_with_blur_and_noise() -> None:
    true = skin()
    blurred = cv2.GaussianBlur(true, (0, 0), 2)
    shifted = true + np.uint8(1)
    values = [float(pictures.ssim_map(picture, true).mean()) for picture in (true, shifted, blurred, skin(1))]
    assert values[0] == pytest.approx(1, abs=1e-5)
    assert values[1] > 0.98 > 0.9 > values[2] > values[3]


def test_detail_falls_with_blur() -> None:
    true = skin()
    values = [pictures.detail(cv2.GaussianBlur(true, (0, 0), sigma)) for sigma in (0.5, 1, 2)]
    assert pictures.detail(true) > values[0] > values[1] > 2 * values[2]


def test_area_follows_the_crop_and_stays_inside_the_picture() -> None:
    matrix = np.array([[2, 0, -40], [0, 2, -20]], np.float32)  # crop pixel = 2 * picture - shift
    assert pictures.area(matrix, (0, 0, 64, 64), 100, 100) == (slice(10, 42), slice(20, 52))
    assert pictures.area(matrix, (-90, -90, 900, 900), 100, 90) == (slice(0, 100), slice(0, 90))
    joined = pictures.around((slice(3, 9), slice(5, 6)), (slice(1, 4), slice(5, 9)))
    assert joined == (slice(1, 9), slice(5, 9))


def test_the_same_film_has_no_flicker_of_its_own() -> None:
    real = flicker(film(40, 3))
    assert real.against(real) == 1 and real.plain(real) == 1
    assert flicker(film(40, 3, seed=1)).against(real) < 1.06  # other grain of the same strength


def test_jitter_is_flicker() -> None:
    frames = film(40, 3)
    shaken = np.stack([np.roll(frame, (-1) ** k, 1) for k, frame in enumerate(frames)])
    assert flicker(shaken).against(flicker(frames)) > 1.15


def test_stillness_elsewhere_does_not_pay_for_flicker() -> None:
    frames = film(40, 4)
    still = np.repeat(film(1, 0), 40, 0)
    pulsing = still.copy()
    pulsing[::2, 70:90, 50:70] += 12  # a small patch whose light goes up and down, in a picture without grain
    real = flicker(frames)
    assert flicker(still).against(real) == 1
    assert flicker(pulsing).plain(real) < 1 < 1.2 < flicker(pulsing).against(real)


def test_calm_speech_does_not_pay_for_a_restless_silence() -> None:
    random = np.random.default_rng(5)
    silent = np.arange(60) >= 40
    real = film(60, 1)
    moving = np.stack([np.roll(frame, int(random.integers(-3, 4)), 0) for frame in real])
    real[~silent] = moving[~silent]  # speech moves far more than silence
    made = film(60, 1, seed=4)
    made[silent] = np.stack([np.roll(frame, k % 2, 0) for k, frame in enumerate(made[silent])])
    assert flicker(made).against(flicker(real)) < 1.05
    assert flicker(made, silent).against(flicker(real, silent)) > 1.1


def test_a_cut_is_no_flicker() -> None:
    real, cut = Flicker(mask()), Flicker(mask())
    frames = film(20, 2)
    other = 255 - frames
    for index in range(20):
        real.push(frames[index], index == 10)
        cut.push(frames[index] if index < 10 else other[index], index == 10)
    assert cut.against(real) == pytest.approx(1, abs=0.02)


def box(frames: np.ndarray, levels: float, where: np.ndarray) -> np.ndarray:
    return np.clip(frames + where * levels, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("levels", [-8, 8])
def test_a_box_edge_is_a_seam(levels: int) -> None:
    real = film(20, 3)
    clean, boxed = seam(real), seam(box(real, levels, mask() > 0.5))
    assert clean.against(clean) == clean.plain(clean) == 1 and clean.worst(clean) == 0
    assert boxed.against(clean) > 1.1
    assert boxed.worst(clean) == pytest.approx(8, abs=1.5)


def test_the_softer_the_edge_the_fainter_the_seam() -> None:
    real = film(20, 3)
    soft, hard = (seam(box(real, 8, where)) for where in (mask(), mask() > 0.5))
    assert soft.worst(seam(real)) < 0.6 * hard.worst(seam(real))
    assert soft.against(seam(real)) < hard.against(seam(real))


def test_a_soft_blend_of_the_same_skin_has_no_seam() -> None:
    real, other = film(20, 3), film(20, 3, seed=3)
    alpha = mask()[None]
    blended = seam(np.round(real * (1 - alpha) + other * alpha).astype(np.uint8))
    assert blended.against(seam(real)) < 1.04 and blended.worst(seam(real)) < 1.5


def test_a_smooth_painter_does_not_hide_its_box() -> None:
    real = film(20, 4)
    calm = np.stack([cv2.GaussianBlur(frame, (0, 0), 2) for frame in real])
    alpha = mask()[None]
    blurred = real * (1 - alpha) + calm * alpha
    made = seam(box(blurred, 6, mask() > 0.5))
    assert seam(blurred.astype(np.uint8)).plain(seam(real)) < 0.9  # this is what could hide an edge
    assert seam(blurred.astype(np.uint8)).against(seam(real)) < 1.08
    assert made.against(seam(real)) > 1.3 and made.worst(seam(real)) == pytest.approx(6, abs=1)


def test_one_bad_corner_is_as_steep_as_a_whole_box() -> None:
    real = film(20, 3)
    corner = mask() > 0.5
    corner[:, :90] = False
    corner[:80] = False
    part, whole = (seam(box(real, 10, where)) for where in (corner, mask() > 0.5))
    assert part.worst(seam(real)) > 0.5 * whole.worst(seam(real))
    assert part.against(seam(real)) < whole.against(seam(real))


def test_light_that_differs_between_takes_does_not_cancel() -> None:
    real = film(40, 2)
    made = real.astype(float)
    made[:20] += (mask() > 0.5) * 8
    made[20:] -= (mask() > 0.5) * 8
    parts: list[Seam] = []
    for frames in (real, made.astype(np.uint8)):
        parts.append(Seam(mask()))
        for index, frame in enumerate(frames):
            parts[-1].push(frame, index == 20)
    assert parts[1].against(parts[0]) > 1.1
    assert seam(made.astype(np.uint8)).against(seam(real)) < 1.03  # one take of both would show nothing
