"""Where a card stands, how it comes, changes and goes, and what it does to the planes."""

from __future__ import annotations

import threading
import time
import tracemalloc
from collections.abc import Callable
from itertools import cycle

import cv2
import numpy as np
import pytest

from avatar_engine.contracts import ByteArray, Card, Scene
from avatar_engine.media.picture import blank, planes
from avatar_engine.stage.card import Look
from avatar_engine.stage.compose import Stage
from avatar_engine.stage.label import Label
from avatar_engine.stage.overlay import STEPS, Manner, Overlay, easel
from avatar_engine.stage.sheet import Sheet

SIZE = (64, 48)
EASEL = easel()
MANNER = Manner(slide=(-2, 0))
ONE, DEARER, OTHER = Card("a", "A", "1"), Card("a", "A", "2"), Card("b", "B", "1")
SHADES = {ONE: (1.0, 1.0, 1.0), DEARER: (0.0, 0.0, 0.0), OTHER: (1.0, 0.0, 0.0)}


class Plates:
    """Every card a plate of one colour, its right half half transparent."""

    def __init__(self) -> None:
        self.size = (16, 8)
        self.drawn: list[Card] = []
        self.may = threading.Event()
        self.may.set()

    def draw(self, card: Card) -> Sheet:
        self.may.wait()
        self.drawn.append(card)
        if card.name == "broken":
            raise ValueError("it can't be drawn")
        drawn = np.empty((8, 16, 4), np.float32)
        drawn[:] = (*SHADES[card], 1.0)
        drawn[:, 8:] *= 0.5
        return Sheet.of(drawn)


def overlay(patient: bool = True) -> tuple[Overlay, Plates]:
    plates = Plates()
    return made_of(plates, patient), plates


def made_of(plates: Plates, patient: bool = True, manner: Manner = MANNER) -> Overlay:
    return Overlay(plates, (8, 20), manner, EASEL, patient, lambda old, new: old.product == new.product)


def grey() -> ByteArray:
    picture = blank(*SIZE)
    planes(picture)[0][:] = 100
    return picture


def shown(made: Overlay, card: Card | None, frames: int = 1) -> ByteArray:
    """The last of so many pictures with this card wanted."""
    for _ in range(frames):
        picture = grey()
        made.show(card)
        made.draw(planes(picture))
    return picture


def test_a_settled_card_is_blended_where_it_stands_and_nowhere_else() -> None:
    made, _ = overlay()
    luma, blue, red = planes(shown(made, OTHER, STEPS + 1))
    want = cv2.cvtColor(np.full((2, 2, 3), (255, 0, 0), np.uint8), cv2.COLOR_RGB2YUV_I420)
    assert luma[22, 10] == pytest.approx(want[0, 0], abs=1)
    assert (blue[11, 5], red[11, 5]) == (pytest.approx(want[2, 0], abs=1), pytest.approx(want[2, 1], abs=1))
    assert luma[22, 20] == pytest.approx((100 + int(want[0, 0])) / 2, abs=1.5)
    outside = np.ones((48, 64), bool)
    outside[20:28, 8:24] = False
    assert (luma[outside] == 100).all() and (blue[outside[::2, ::2]] == 128).all()


def test_it_comes_in_eight_frames_from_its_side_and_goes_the_same_way() -> None:
    made, _ = overlay()
    light = [int(planes(shown(made, ONE))[0].max()) for _ in range(STEPS + 2)]
    assert light[0] > 100 and light == sorted(light) and light[STEPS - 1] == light[-1] == 235
    assert light[STEPS - 2] < 235
    first = np.flatnonzero((planes(shown(made_of(Plates()), ONE))[0] != 100).any(0))
    assert first[0] < 8, "beside its place"
    dark = [int(planes(shown(made, None))[0].max()) for _ in range(STEPS + 1)]
    assert dark == sorted(dark, reverse=True) and dark[0] < 235 and dark[STEPS - 1 :] == [100, 100]


def test_a_new_price_takes_the_old_ones_place_and_another_product_comes_after_it() -> None:
    made, _ = overlay()
    shown(made, ONE, STEPS)
    crossing = [int(planes(shown(made, DEARER))[0][22, 10]) for _ in range(STEPS + 1)]
    assert crossing == sorted(crossing, reverse=True) and 200 < crossing[0] < 235 and crossing[-1] == 16
    following = [planes(shown(made, OTHER))[2][11, 5] for _ in range(2 * STEPS)]
    assert following[STEPS - 2] == 128 and following[-1] > 230


def test_a_card_that_is_asked_for_again_while_it_goes_comes_back() -> None:
    made, plates = overlay()
    shown(made, ONE, STEPS)
    shown(made, None, 3)
    shown(made, ONE, 3)
    assert planes(shown(made, ONE))[0].max() == 235 and plates.drawn == [ONE]


def test_nobody_waits_for_a_card_that_is_being_drawn() -> None:
    made, plates = overlay(patient=False)
    plates.may.clear()
    made.expect(ONE)
    began = time.perf_counter()
    assert (planes(shown(made, ONE, 5))[0] == 100).all() and time.perf_counter() - began < 1
    plates.may.set()
    made._made[ONE].result(5)
    assert planes(shown(made, ONE, STEPS))[0].max() == 235


def test_a_card_that_can_not_be_drawn_is_none_and_takes_the_old_price_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made, _ = overlay()
    shown(made, ONE, STEPS)
    broken = Card("a", "broken", "2")
    assert (planes(shown(made, broken, STEPS + 2))[0] == 100).all()
    assert caplog.text.count("the card of a can't be drawn") == 1
    assert planes(shown(made, ONE, STEPS + 1))[0].max() == 235


def test_a_card_is_drawn_once_and_few_are_kept() -> None:
    made, plates = overlay()
    shown(made, ONE, 40)
    assert plates.drawn == [ONE]
    for number in range(20):
        made.expect(Card(f"{number}", "broken", "1"))
    assert len(made._made) <= 4


def peak_of(draw: Callable[[], None]) -> int:
    """Bytes that fifty pictures take at most; what other threads do meanwhile counts, too."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    for _ in range(50):
        draw()
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize(
    "wanted", [[ONE], [ONE] * 6 + [None] * 4, [ONE] * 10 + [DEARER] * 10], ids=["stands", "moves", "changes"]
)
def test_what_every_frame_costs_is_no_new_array(wanted: list[Card | None]) -> None:
    size, cards = (640, 480), cycle(wanted)
    stage = Stage(size, Label("en", "bottom-left", size), None, Look(), patient=True)
    body = blank(360, 480)  # so that card and label lie beside it, too

    def draw() -> None:
        stage.show(Scene(next(cards)), 0)
        stage.compose(body)

    for _ in range(STEPS * 4):
        draw()
    assert min(peak_of(draw) for _ in range(5)) < 4000, "views alone"
    stage.close()


def test_frames_that_were_left_out_count_when_something_comes() -> None:
    made, other = made_of(Plates()), made_of(Plates())
    shown(made, ONE, 6)
    other.show(ONE, 6)
    picture = grey()
    other.draw(planes(picture))
    np.testing.assert_array_equal(picture, again(made))
    other.show(ONE, 500)
    other.draw(planes(picture := grey()))
    assert planes(picture)[0].max() == 235


def again(made: Overlay) -> ByteArray:
    """What is on the picture now."""
    picture = grey()
    made.draw(planes(picture))
    return picture


@pytest.mark.parametrize(("way", "frames"), [("cut", 1), ("fade", 5), ("slide", 5)])
def test_ways_to_come(way: str, frames: int) -> None:
    made = made_of(Plates(), manner=Manner(way, way, 5, (-4, 0)))
    light, starts = [], []
    for _ in range(6):
        luma = planes(shown(made, ONE))[0]
        light.append(int(luma.max()))
        starts.append(int(np.flatnonzero((luma != 100).any(0))[0]))
    assert light.index(235) == frames - 1
    assert starts[0] < 8 if way == "slide" else set(starts) == {8}
    gone = [int(planes(shown(made, None))[0].max()) for _ in range(6)]
    assert gone.index(100) == frames - 1
