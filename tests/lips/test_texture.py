"""Textures: what is seen beside the shape is found, read off any crop, and nothing where shape and light tell all."""

import numpy as np
import pytest

from avatar_engine.face.crop import Crop, extract
from avatar_engine.lips import texture as room
from avatar_engine.lips.texture import TextureBasis, fit_texture, slowly

SIZE, COUNT = 64, 240
MASK = np.zeros((SIZE, SIZE), np.float32)
MASK[24:56, 12:52] = 1.0
SKIN = np.zeros((SIZE, SIZE), np.float32)
SKIN[4:16, 8:56] = 1.0
TEETH, FOLD = (slice(36, 42), slice(24, 40)), (slice(50, 54), slice(16, 48))


BLUSH = (0, slice(20, 24), slice(10, 22))


def footage(seed: int, count: int = COUNT) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Crops of a mouth whose darkness is the shape's first number, with teeth and a fold that no shape tells of, and a
    blush that not even these tell of.

    The light on skin and mouth changes, too. Luma, chroma, shapes and what is hidden.
    """
    random = np.random.default_rng(seed)
    shapes, hidden = random.normal(0, 1, (count, 4)), random.normal(0, 1, (count, 3))
    crops = np.full((count, SIZE, SIZE), 140.0)
    crops += 6 * random.normal(0, 1, (count, 1, 1))
    crops[:, 32:44, 20:44] += 20 * shapes[:, :1, None]
    crops[:, *TEETH] += 18 * hidden[:, :1, None]
    crops[:, *FOLD] -= 9 * hidden[:, 1:2, None]
    crops += random.normal(0, 1, crops.shape)
    tinted = np.full((count, 2, SIZE // 2, SIZE // 2), 120.0)
    tinted += 3 * random.normal(0, 1, (count, 2, 1, 1))
    tinted[:, :, 18:21, 12:20] += (4 * hidden[:, 0] + 6 * shapes[:, 0])[:, None, None, None]
    tinted[:, *BLUSH] += 7 * hidden[:, 2, None, None]
    tinted += random.normal(0, 0.5, tinted.shape)
    luma, chroma = (np.clip(np.round(part), 0, 255).astype(np.uint8) for part in (crops[:, None], tinted))
    return luma, chroma, shapes.astype(np.float32), hidden


@pytest.fixture(scope="module")
def basis() -> TextureBasis:
    luma, chroma, shapes, _ = footage(1)
    return fit_texture(luma, chroma, shapes, np.arange(COUNT), MASK, SKIN, 2, 1)


def test_what_no_shape_tells_is_read_off_crops_that_were_never_seen(basis: TextureBasis) -> None:
    luma, chroma, shapes, hidden = footage(2)
    read = basis.read(luma, chroma, shapes)
    assert read.shape == (COUNT, 3) and read.dtype == np.float32
    assert abs(np.corrcoef(read[:, 0], hidden[:, 0])[0, 1]) > 0.95  # the strongest comes first
    told = np.linalg.lstsq(read[:, :2], hidden[:, :2], rcond=None)[0]
    for number in range(2):
        assert np.corrcoef(read[:, :2] @ told[:, number], hidden[:, number])[0, 1] > 0.95
    assert read.std(0) == pytest.approx([1, 1, 1], abs=0.15)  # of one size for the nets


def test_a_colour_is_what_neither_shape_nor_luma_tells(basis: TextureBasis) -> None:
    luma, chroma, shapes, hidden = footage(2)
    read = basis.read(luma, chroma, shapes)
    assert abs(np.corrcoef(read[:, 2], hidden[:, 2])[0, 1]) > 0.9
    light = luma[:, 0, 4:16, 8:56].mean((1, 2)), *chroma[:, :, 2:8, 4:28].mean((2, 3)).T
    for known in (*hidden[:, :2].T, *shapes.T, *light):
        assert abs(np.corrcoef(read[:, 2], known)[0, 1]) < 0.3


def test_shape_and_light_are_no_texture(basis: TextureBasis) -> None:
    luma, chroma, shapes, _ = footage(3)
    plain, tinted = np.full_like(luma, 140), np.full_like(chroma, 120)
    wanted = basis.read(plain, tinted, np.zeros_like(shapes))
    lit, warm = np.full_like(luma, 152), np.full_like(chroma, 126)  # two standard deviations of the light
    assert basis.read(lit, warm, np.zeros_like(shapes)) == pytest.approx(wanted, abs=0.15)
    dark, reddish = plain.copy(), tinted.copy()
    held = shapes[:, 0].clip(-2, 2)
    dark[:, 0, 32:44, 20:44] = np.clip(140 + 20 * held, 0, 255).round()[:, None, None]
    reddish[:, :, 18:21, 12:20] = np.clip(120 + 6 * held, 0, 255).round()[:, None, None, None]
    told = np.zeros_like(shapes)
    told[:, 0] = held
    assert np.abs(basis.read(dark, reddish, told) - wanted).max() < 0.5
    assert np.abs(basis.read(dark, reddish, np.zeros_like(shapes)) - wanted).max() > 0.8  # the shape counts


def test_a_hand_before_the_mouth_is_held_at_the_rim(basis: TextureBasis) -> None:
    luma, chroma, shapes, _ = footage(4, 3)
    luma[:, 0, 24:56] = 255
    assert np.abs(basis.read(luma, chroma, shapes)).max() <= room.FARTHEST


def test_large_crops_are_read_at_half_their_size() -> None:
    luma, chroma, shapes, hidden = footage(5)
    large, tinted = (part.repeat(4, 2).repeat(4, 3) for part in (luma, chroma))
    mask, skin = MASK.repeat(4, 0).repeat(4, 1), SKIN.repeat(4, 0).repeat(4, 1)
    basis = fit_texture(large, tinted, shapes, np.arange(COUNT), mask, skin, 2, 1)
    assert basis.pixels.shape == (3, 128, 128) and basis.colours.shape == (1, 2, 64, 64)
    read = basis.read(large, tinted, shapes)
    assert abs(np.corrcoef(read[:, 0], hidden[:, 0])[0, 1]) > 0.95
    assert abs(np.corrcoef(read[:, 2], hidden[:, 2])[0, 1]) > 0.95


def test_few_pictures_have_few_textures() -> None:
    luma, chroma, shapes, _ = footage(6, 30)
    few = fit_texture(luma, chroma, shapes, np.arange(30), MASK, SKIN)
    assert (few.textures, len(few.colours)) == (6 + 3, 3)


def test_colour_that_never_changes_is_not_blown_up() -> None:
    luma, chroma, shapes, _ = footage(6)
    grey = np.full_like(chroma, 128)
    basis = fit_texture(luma, grey, shapes, np.arange(COUNT), MASK, SKIN, 2, 1)
    assert np.abs(basis.read(luma, grey, shapes)[:, 2]).max() < 0.1
    assert np.abs(basis.read(luma, grey + 1, shapes)[:, 2]).max() < 1


def test_whole_pictures_are_cut_first_and_missing_ones_have_none(basis: TextureBasis) -> None:
    luma, chroma, shapes, _ = footage(7, 3)
    picture = np.full((144, 96), 128, np.uint8)
    picture[10 : 10 + SIZE, 20 : 20 + SIZE] = luma[0, 0]
    matrices = np.tile(np.array([[1, 0, -20], [0, 1, -10]], np.float32), (3, 1, 1))
    cut = Crop.empty(SIZE)
    extract(picture, matrices[0], cut)
    seen = basis.seen(iter([picture]), matrices, shapes, SIZE)
    assert seen[0] == pytest.approx(
        basis.read(cut.luma[None, None], cut.chroma[None], shapes[:1])[0], abs=1e-5
    )
    assert seen[0, :2] == pytest.approx(basis.read(luma[:1], chroma[:1], shapes[:1])[0, :2], abs=0.2)
    assert not seen[1:].any()


def test_lips_without_textures_read_no_picture() -> None:
    none = TextureBasis.none(SIZE, 4)
    luma, chroma, *_ = footage(8, 3)
    assert none.read(luma, chroma, np.zeros((3, 4), np.float32)).shape == (3, 0)
    endless = iter(lambda: pytest.fail("a picture was read"), None)
    assert none.seen(endless, np.zeros((2, 2, 3), np.float32), np.zeros((2, 4), np.float32), SIZE).shape == (
        2,
        0,
    )


def test_slow_changes_stay_within_their_take() -> None:
    words = np.sin(np.arange(200) * 1.5)[:, None]  # four times a second
    take = np.where(np.arange(200) < 100, -1.0, 1.0)[:, None]
    slow = slowly((words + take).astype(np.float32), [(0, 100), (100, 200)])
    assert np.abs(slow - take)[30:60].max() < 0.05  # a take's ends are its last word
    assert (slow[:100] < -0.5).all() and (slow[100:] > 0.5).all()
