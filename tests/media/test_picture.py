import cv2
import numpy as np
import pytest

from avatar_engine.media.picture import blank, joined, planes


@pytest.mark.parametrize(("width", "height"), [(8, 6), (16, 10), (1280, 720), (722, 406)])
def test_planes_are_views_of_the_right_parts(width, height):
    picture = blank(width, height)
    luma, blue, red = planes(picture)
    assert luma.shape == (height, width)
    assert blue.shape == red.shape == (height // 2, width // 2)
    luma[:], blue[:], red[:] = 81, 90, 240  # red
    colour = cv2.cvtColor(picture, cv2.COLOR_YUV2RGB_I420).reshape(-1, 3)
    assert (colour == colour[0]).all()
    assert colour[0][0] > 250 and colour[0][1] < 5 and colour[0][2] < 5


def test_blank_is_black():
    assert not cv2.cvtColor(blank(16, 16), cv2.COLOR_YUV2RGB_I420).any()
    assert np.unique(planes(blank(16, 16))[0]).tolist() == [16]


def test_joined_planes_are_a_picture_of_their_own():
    whole = np.random.default_rng(2).integers(0, 256, (24, 12), dtype=np.uint8)
    np.testing.assert_array_equal(joined(*planes(whole)), whole)
    luma, blue, red = planes(whole)
    part = joined(luma[4:12, 2:8], blue[2:6, 1:4], red[2:6, 1:4])
    for cut, (rows, columns), plane in zip(
        planes(part), [((4, 12), (2, 8)), ((2, 6), (1, 4)), ((2, 6), (1, 4))], planes(whole), strict=True
    ):
        np.testing.assert_array_equal(cut, plane[slice(*rows), slice(*columns)])
    assert not np.shares_memory(part, whole)
