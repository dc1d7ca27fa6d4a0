from __future__ import annotations

import av
import numpy as np
import pytest

from avatar_engine.contracts import YUV_MATRIX, YUV_RANGE
from avatar_engine.media.colour import Converter, is_hdr


def tagged(rgb: tuple[int, int, int], matrix: int, full: bool) -> av.VideoFrame:
    picture = np.empty((32, 32, 3), np.uint8)
    picture[:] = rgb
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    return frame.reformat(format="yuv420p", dst_colorspace=matrix, dst_color_range=2 if full else 1)


@pytest.mark.parametrize("matrix", [1, 5, 9])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("rgb", [(200, 60, 30), (20, 200, 90), (30, 40, 220), (250, 250, 250), (5, 5, 5)])
def test_a_colour_survives_any_matrix_and_range(matrix: int, full: bool, rgb: tuple[int, int, int]) -> None:
    converter = Converter()
    frame = converter.i420(tagged(rgb, matrix, full), 32, 32)
    assert (frame.colorspace, frame.color_range) == (YUV_MATRIX, YUV_RANGE)
    back = converter.array(frame, "rgb24")
    assert np.abs(back[16, 16].astype(int) - rgb).max() <= 6


def test_known_levels_of_bt601_limited_range() -> None:
    planes = Converter().i420(tagged((255, 0, 0), 1, full=True), 32, 32).to_ndarray()
    assert [int(planes[0, 0]), int(planes[32, 0]), int(planes[40, 0])] == pytest.approx([81, 90, 240], abs=2)


def test_a_frame_that_fits_is_not_copied() -> None:
    converter = Converter()
    once = converter.i420(tagged((9, 90, 190), 1, full=False), 32, 32)
    assert converter.i420(once, 32, 32) is once


def test_hdr_transfers_are_known() -> None:
    assert [is_hdr(transfer) for transfer in (1, 2, 16, 18)] == [False, False, True, True]
