"""The picture's mark is faint, allocates nothing, and is found after other sizes, cuts and a second encoding."""

from __future__ import annotations

import io
import tracemalloc
from functools import cache

import av
import cv2
import numpy as np
import pytest

from avatar_engine.contracts import ByteArray
from avatar_engine.trust.marks.picture import FAINT, STRONG, PictureMark, PictureSearch, laid, units

NUMBER = 0x3F2A90C1
SIZE = (640, 360)


@cache
def scene(size: tuple[int, int], index: int = 0) -> ByteArray:
    """A wall with soft light, a busy curtain on the right, and a head that moves: I420."""
    width, height = size
    down, across = np.mgrid[0:height, 0:width] / height
    luma = 90 + 60 * np.cos(across * 1.3) * np.sin(down + 0.6)
    weave = np.random.default_rng(5).normal(0, 14, (height // 2, width // 2)).astype(np.float32)
    luma += np.where(across > 1.2, cv2.resize(weave, size), 0)
    head = np.hypot(across - 0.8 - 0.05 * np.sin(index / 5), 1.3 * (down - 0.5)) < 0.28
    luma = np.where(head, 165 + 25 * np.cos(9 * across), luma)
    luma += np.random.default_rng(index).normal(0, 1, luma.shape)
    picture = np.full((height * 3 // 2, width), 128, np.uint8)
    picture[:height] = np.clip(luma, 16, 235)
    return picture


@pytest.fixture(scope="module")
def marked() -> list[ByteArray]:
    mark = PictureMark(SIZE, NUMBER)
    return [mark.mark(scene(SIZE, index)).copy() for index in range(50)]


def luma(picture: ByteArray) -> ByteArray:
    return picture[: picture.shape[0] * 2 // 3]


def search(pictures: list[ByteArray]) -> PictureSearch:
    looking = PictureSearch()
    for picture in pictures[::5]:
        looking.push(picture)
    return looking


def test_it_is_found_and_read_in_what_was_made(marked: list[ByteArray]) -> None:
    found = search([luma(picture) for picture in marked]).found()
    assert found.there and found.number == NUMBER and found.strength > 15


def test_it_is_not_found_where_it_is_not() -> None:
    looking = search([luma(scene(SIZE, index)) for index in range(50)])
    assert not looking.found().there and not looking.found_cut().there
    assert not PictureSearch().found().there and not PictureSearch().found_cut().there


def test_it_is_faint_fainter_on_a_smooth_ground_and_only_in_the_luma(marked: list[ByteArray]) -> None:
    change = luma(marked[0]).astype(float) - luma(scene(SIZE, 0))
    assert 10 * np.log10(255**2 / np.mean(change**2)) > 45
    wall, curtain = change[:, :200].std(), change[:, 460:].std()
    assert 0.7 * FAINT < wall < 1.4 * FAINT and 1.5 * wall < curtain < 1.2 * STRONG
    assert np.abs(change.mean()) < 0.1
    assert np.array_equal(marked[0][SIZE[1] :], scene(SIZE, 0)[SIZE[1] :])


def test_it_stands_still(marked: list[ByteArray]) -> None:
    one = luma(marked[10]).astype(int) - luma(scene(SIZE, 10))
    later = luma(marked[40]).astype(int) - luma(scene(SIZE, 40))
    wall = np.s_[:, :200]
    assert np.corrcoef(one[wall].ravel(), later[wall].ravel())[0, 1] > 0.9


def test_it_follows_what_comes_into_the_picture_within_a_second() -> None:
    mark, plain = PictureMark(SIZE, NUMBER), np.full((540, 640), 128, np.uint8)
    before = luma(mark.mark(plain)).astype(int) - 128
    busy = plain.copy()
    busy[:360] += np.random.default_rng(0).integers(0, 60, (360, 640), np.uint8)
    for _ in range(25):
        after = luma(mark.mark(busy)).astype(int) - luma(busy)
    assert after.std() > 1.7 * before.std()


def test_black_and_white_do_not_turn_over() -> None:
    mark = PictureMark(SIZE, NUMBER)
    for level in (0, 255):
        out = luma(mark.mark(np.full((540, 640), level, np.uint8))).astype(int)
        assert np.abs(out - level).max() <= 16


@pytest.mark.parametrize("size", [(426, 240), (854, 480), (1920, 1080)])
def test_other_sizes_don_t_hide_it(marked: list[ByteArray], size: tuple[int, int]) -> None:
    scaled = [cv2.resize(luma(picture), size, interpolation=cv2.INTER_AREA) for picture in marked]
    found = search(scaled).found()
    assert found.there and found.number == NUMBER


def test_a_cut_and_enlarged_picture_and_one_in_a_frame_have_it_still(marked: list[ByteArray]) -> None:
    cut = [cv2.resize(luma(picture)[30:330, 40:580], SIZE) for picture in marked]
    boxed = [np.pad(luma(picture), ((60, 60), (0, 0))) for picture in marked]
    upright = [cv2.resize(luma(picture)[:, 220:422], (540, 960)) for picture in marked]
    for changed in (cut, boxed, upright):
        found = search(changed).found_cut()
        assert found.there and found.number == NUMBER


def test_portrait_shows_are_marked_too() -> None:
    mark = PictureMark((360, 640), NUMBER)
    pictures = [luma(mark.mark(scene((360, 640), index))).copy() for index in range(10)]
    assert search(pictures).found().number == NUMBER


def test_an_encoder_short_of_bits_leaves_it(marked: list[ByteArray]) -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "veryfast", "crf": "24"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for picture in marked:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="yuv420p")))
        container.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as container:
        pictures = [luma(frame.to_ndarray(format="yuv420p")) for frame in container.decode(video=0)]
    found = search(pictures).found()
    assert found.there and found.number == NUMBER


def test_marking_allocates_nothing_of_the_pictures_size() -> None:
    mark, picture = PictureMark(SIZE, NUMBER), scene(SIZE)
    out = mark.mark(picture)
    tracemalloc.start()
    for _ in range(30):
        assert mark.mark(picture) is out
    assert tracemalloc.get_traced_memory()[1] < 60_000  # NumPy's own buffers
    tracemalloc.stop()


def test_units_and_tiles_go_with_the_shorter_side() -> None:
    assert units((1280, 720)) == (640, 360) and units((1080, 1920)) == (360, 640)
    tile = np.zeros((360, 360), np.float32)
    tile[0, 0] = 1
    assert laid(tile, (640, 720)).shape == (720, 640)
