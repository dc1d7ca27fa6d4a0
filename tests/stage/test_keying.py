import cv2
import numpy as np
import pytest

from avatar_engine.contracts import ByteArray
from avatar_engine.media.picture import Planes, blank, planes
from avatar_engine.stage.keying import DIMMEST, TINT, Keyer, Relight

SAME = Relight()
LINEAR = (1, 1)


def grey(width: int, height: int, luma: int, blue: int = 128, red: int = 128) -> ByteArray:
    picture = blank(width, height)
    for plane, value in zip(planes(picture), (luma, blue, red), strict=True):
        plane[:] = value
    return picture


def halves(width: int, height: int) -> ByteArray:
    """None on the left, all on the right, half in the two columns in the middle."""
    alpha = np.zeros((height, width), np.uint8)
    alpha[:, width // 2 + 1 :] = 255
    alpha[:, width // 2 - 1 : width // 2 + 1] = 128
    return alpha


def test_what_is_the_presenters_is_there_and_what_is_not_stays() -> None:
    presenter, behind = grey(64, 32, 200, 100, 150), grey(64, 32, 60, 140, 110)
    shares = Keyer().put(planes(presenter), halves(64, 32), planes(behind), SAME, LINEAR)
    luma, blue, red = planes(behind)
    assert (luma[:, :31] == 60).all()
    assert (luma[:, 33:] == 200).all()  # to the level: the mouth's patch is as it was painted
    assert abs(int(luma[5, 31]) - 130) <= 2
    assert (blue[:, :15] == 140).all()
    assert (blue[:, 17:] == 100).all()
    assert (red[:, 17:] == 150).all()
    assert np.array_equal(shares, halves(64, 32))


def test_a_presenter_of_another_size_is_fitted_without_a_rim() -> None:
    presenter, behind = grey(64, 32, 200), grey(128, 64, 60)
    keyer = Keyer()
    shares = keyer.put(planes(presenter), halves(64, 32), planes(behind), SAME, LINEAR)
    luma = planes(behind)[0].astype(int)
    assert shares.shape == (64, 128)
    assert (luma[:, :58] == 60).all()
    assert (luma[:, 70:] == 200).all()
    assert luma.min() >= 59
    assert luma.max() <= 201  # nothing darker or lighter than either comes about at the edge
    assert (np.diff(luma[3]) >= -1).all()


def test_parts_of_pictures_are_keyed_into_parts() -> None:
    presenter, behind = grey(64, 32, 200), grey(64, 32, 60)
    luma, blue, red = planes(presenter)
    into = planes(behind)
    part = luma[8:24, 32:64], blue[4:12, 16:32], red[4:12, 16:32]
    target = into[0][0:16, 0:32], into[1][0:8, 0:16], into[2][0:8, 0:16]
    Keyer().put(part, np.full((16, 32), 255, np.uint8), target, SAME, LINEAR)
    assert (into[0][0:16, 0:32] == 200).all()
    assert (into[0][16:] == 60).all()
    assert (into[0][:, 32:] == 60).all()


def test_nothing_is_allocated_for_the_second_picture() -> None:
    import tracemalloc

    presenter, behind, alpha = grey(320, 240, 200), grey(640, 480, 60), halves(320, 240)
    keyer, warm = Keyer(), Relight(1.05, 2.0, -2.0)
    keyer.put(planes(presenter), alpha, planes(behind), warm, LINEAR)
    tracemalloc.start()
    keyer.put(planes(presenter), alpha, planes(behind), warm, LINEAR)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000


def test_the_presenter_follows_the_light_within_bounds() -> None:
    filmed = np.array([120, 128, 128], np.float32)
    assert Relight.between(filmed, filmed, 1.0).nothing
    warm = Relight.between(filmed, np.array([160, 118, 145], np.float32), 0.5)
    assert warm.gain > 1.02
    assert warm.blue < -1 < 1 < warm.red
    night = Relight.between(filmed, np.array([17, 230, 20], np.float32), 1.0)
    assert night.gain == pytest.approx(DIMMEST)
    assert (night.blue, night.red) == (TINT, -TINT)
    assert Relight.between(filmed, np.array([17, 230, 20], np.float32), 0.0).nothing

    presenter, behind = grey(64, 32, 116), grey(64, 32, 60)
    Keyer().put(
        planes(presenter), np.full((32, 64), 255, np.uint8), planes(behind), Relight(0.8, 4, -4), LINEAR
    )
    assert planes(behind)[0][3, 3] == 96  # black is 16 and stays so
    assert planes(behind)[1][3, 3] == 132
    assert planes(behind)[2][3, 3] == 124


def slowly(sources: Planes, alpha: ByteArray, targets: Planes, how: tuple[int, int]) -> list[ByteArray]:
    """The same of whole planes."""
    made = []
    for number, (source, target) in enumerate(zip(sources, targets, strict=True)):
        share = alpha if number == 0 else cv2.resize(alpha, source.shape[::-1], interpolation=cv2.INTER_AREA)
        lit = cv2.multiply(source, share, scale=1 / 255)
        if lit.shape != target.shape:
            lit = cv2.resize(lit, target.shape[::-1], interpolation=how[min(number, 1)])
            share = cv2.resize(share, target.shape[::-1], interpolation=cv2.INTER_LINEAR)
        made.append(cv2.add(cv2.multiply(target, cv2.bitwise_not(share), scale=1 / 255), lit))
    return made


@pytest.mark.parametrize("size", [(128, 96), (192, 144), (256, 192), (160, 120), (250, 190), (96, 72)])
def test_only_where_the_presenter_is_anything_is_done_and_it_is_what_the_whole_would_be(
    size: tuple[int, int],
) -> None:
    noise = np.random.default_rng(3).integers(16, 235, (3, 144, 128), np.uint8)
    keyer = Keyer()
    for left, top, width, height in ((37, 21, 40, 50), (0, 0, 33, 20), (90, 41, 38, 55), (60, 40, 1, 1)):
        alpha = np.zeros((96, 128), np.uint8)
        alpha[top : top + height, left : left + width] = cv2.resize(noise[0], (width, height))
        behind = blank(*size)
        for plane in planes(behind):
            plane[:] = cv2.resize(noise[1], plane.shape[::-1])
        was = behind.copy()
        shares = keyer.put(planes(noise[2]), alpha, planes(behind), SAME, (cv2.INTER_CUBIC, cv2.INTER_LINEAR))
        slow = slowly(planes(noise[2]), alpha, planes(was), (cv2.INTER_CUBIC, cv2.INTER_LINEAR))
        for fast, one in zip(planes(behind), slow, strict=True):
            assert np.abs(fast.astype(int) - one).max() <= 1
        fitted = alpha if size == (128, 96) else cv2.resize(alpha, size, interpolation=cv2.INTER_LINEAR)
        assert np.abs(shares.astype(int) - fitted).max() <= 1, (
            "nothing is left of where the presenter was before"
        )


def test_where_nobody_is_seen_the_background_stays() -> None:
    behind = grey(128, 64, 60)
    shares = Keyer().put(
        planes(grey(64, 32, 200)), np.zeros((32, 64), np.uint8), planes(behind), SAME, LINEAR
    )
    assert np.array_equal(behind, grey(128, 64, 60)) and not shares.any()
