"""Where things stand: by anchors, within the picture, never on the label, a card not on the face."""

from __future__ import annotations

from itertools import product

import pytest

from avatar_engine.stage.card import Draughtsman, Look
from avatar_engine.stage.label import POSITIONS, Label
from avatar_engine.stage.pen import Pen
from avatar_engine.stage.placing import ANCHORS, common, placed, slide, stand

NOWHERE = (0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("anchor", "expected"),
    [
        ("top-left", (10, 20)),
        ("top-right", (1280 - 200 - 10, 20)),
        ("bottom", (540 + 10, 720 - 100 - 20)),
        ("centre", (540 + 10, 310 + 20)),
        ("right", (1070, 330)),
    ],
)
def test_an_offset_is_inwards_from_the_anchor(anchor: str, expected: tuple[int, int]) -> None:
    assert placed((200, 100), anchor, (10, 20), (1280, 720), NOWHERE) == expected


@pytest.mark.parametrize("corner", POSITIONS)
@pytest.mark.parametrize("anchor", ANCHORS)
def test_nothing_is_on_the_label_or_outside(anchor: str, corner: str) -> None:
    for size, wanted in product([(1280, 720), (720, 1280), (720, 720)], [(100, 60), (400, 200), (640, 300)]):
        box = Label("en", corner, size, True).box
        left, top = placed(wanted, anchor, (5, -300), size, box)
        assert left % 2 == top % 2 == 0
        assert left >= 0 and left + wanted[0] <= size[0] and top >= 0 and top + wanted[1] <= size[1]
        assert not common((left, top, *wanted), box)


@pytest.mark.parametrize(
    ("anchor", "expected"),
    [("top-left", (-36, 0)), ("right", (36, 0)), ("bottom", (0, 36)), ("top", (0, -36)), ("centre", (0, 0))],
)
def test_things_come_from_their_edge_and_stay_within_the_picture(
    anchor: str, expected: tuple[int, int]
) -> None:
    place = placed((200, 100), anchor, (50, 50), (1280, 720), NOWHERE)
    assert slide(place, (200, 100), anchor, (1280, 720)) == expected
    at_edge = placed((200, 100), anchor, (0, 0), (1280, 720), NOWHERE)
    assert slide(at_edge, (200, 100), anchor, (1280, 720)) == (0, 0)


@pytest.mark.parametrize("corner", POSITIONS)
@pytest.mark.parametrize("size", [(1920, 1080), (1280, 720), (720, 1280), (1080, 1080)])
def test_a_card_is_never_on_the_label_nor_outside_nor_on_the_face(size: tuple[int, int], corner: str) -> None:
    label, pen = Label("en", corner, size), Pen()
    for side, at in product(("", "left", "right"), (0.25, 0.5, 0.75)):
        drawer = Draughtsman(Look(side), size, pen)
        face = (size[0] * (at - 0.1), size[1] * 0.15, size[0] * 0.2, size[1] * 0.35)
        left, top, chosen = stand(drawer.size, drawer.shade, size, side, label.box, face)
        width, height = drawer.size
        assert left % 2 == top % 2 == 0
        assert min(left, top) >= 0 and left + width <= size[0] and top + height <= size[1]
        assert not common((left, top, width, height), label.box)
        assert not common((left, top, width, height), face)
        assert chosen == side if side else True
        if not side and at != 0.5:
            assert chosen == ("right" if at < 0.5 else "left")


def test_a_face_that_is_low_sends_the_card_up() -> None:
    size, face = (1280, 720), (300.0, 300.0, 700.0, 420.0)
    _, top, _ = stand((524, 212), 12, size, "", Label("en", "top-right", size).box, face)
    assert top < 60
