import cv2
import numpy as np
import pytest

from avatar_engine.stage.picture import blank, planes


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
