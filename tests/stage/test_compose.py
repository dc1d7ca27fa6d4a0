import inspect

import numpy as np
import pytest

from avatar_engine.contracts import Card, Scene
from avatar_engine.errors import AvatarError
from avatar_engine.media.picture import blank, planes
from avatar_engine.stage.card import Look
from avatar_engine.stage.compose import Stage, face_box
from avatar_engine.stage.label import Label


def stage(size, position="top-right"):
    return Stage(size, Label("en", position, size))


def body(width, height):
    """A ramp across, a ramp down and a disc in the middle: stretching and shifting show."""
    picture = blank(width, height)
    y, x = np.mgrid[:height, :width]
    luma, blue, red = planes(picture)
    luma[:] = 60
    luma[np.hypot(x - width / 2 + 0.5, y - height / 2 + 0.5) < min(width, height) / 3] = 220
    blue[:] = np.linspace(60, 200, width // 2).astype(np.uint8)[None]
    red[:] = np.linspace(60, 200, height // 2).astype(np.uint8)[:, None]
    return picture


@pytest.mark.parametrize("inner", [(360, 288), (288, 360), (640, 360), (1280, 720), (1920, 1080), (722, 406)])
@pytest.mark.parametrize("show", [(1280, 720), (720, 1280)])
def test_the_body_is_whole_centred_and_not_stretched(inner, show):
    out = stage(show, "bottom-left").compose(body(*inner))
    assert out.shape == (show[1] * 3 // 2, show[0]) and out.dtype == np.uint8
    disc = planes(out)[0] > 190
    disc[int(show[1] * 0.85) :] = False  # the label
    rows, columns = np.flatnonzero(disc.any(1)), np.flatnonzero(disc.any(0))
    tall, wide = rows[-1] - rows[0] + 1, columns[-1] - columns[0] + 1
    assert wide == pytest.approx(tall, rel=0.02, abs=3)
    scale = min(show[0] / inner[0], show[1] / inner[1])
    assert tall == pytest.approx(2 / 3 * min(inner) * scale, rel=0.02, abs=3)
    assert rows[0] + rows[-1] == pytest.approx(show[1], abs=4)
    assert columns[0] + columns[-1] == pytest.approx(show[0], abs=4)


def test_colour_follows_the_picture():
    out = stage((1280, 720)).compose(body(640, 360))
    _, blue, red = planes(out)
    assert np.polyfit(np.arange(640), blue[180].astype(float), 1)[0] == pytest.approx(140 / 640, rel=0.05)
    assert np.polyfit(np.arange(360), red[:, 100].astype(float), 1)[0] == pytest.approx(140 / 360, rel=0.05)


def test_a_body_of_the_shows_size_passes_unchanged_but_for_the_label():
    made = stage((1280, 720))
    source = body(1280, 720)
    kept = source.copy()
    out = made.compose(source)
    np.testing.assert_array_equal(source, kept)
    left, top, width, height = made._label.box
    inside = np.zeros((720, 1280), bool)
    inside[top : top + height, left : left + width] = True
    np.testing.assert_array_equal(planes(out)[0][~inside], planes(kept)[0][~inside])
    assert (planes(out)[0][inside] != planes(kept)[0][inside]).any()


def test_free_sides_are_filled_by_a_dim_copy_that_stands_still():
    made = stage((1280, 720))
    first = made.compose(body(360, 288)).copy()
    sides = planes(first)[0][:, :188]
    assert 20 < sides.mean() < 60
    assert np.abs(np.diff(sides.astype(int), axis=1)).max() <= 6  # soft
    other = body(360, 288)
    planes(other)[0][:] = 200
    second = made.compose(other)
    np.testing.assert_array_equal(planes(second)[0][:, :188], sides)
    assert planes(second)[0][360, 640] == pytest.approx(200, abs=1)


def test_every_picture_carries_the_label_and_no_argument_takes_it_away():
    made = stage((1280, 720))
    left, top, width, height = made._label.box
    for _ in range(3):
        out = made.compose(body(1280, 720))
        assert (planes(out)[0][top : top + height, left : left + width] > 225).sum() > 100
    assert list(inspect.signature(Stage).parameters) == [
        "size",
        "label",
        "layout",
        "look",
        "face",
        "language",
        "patient",
        "backcloth",
    ]
    assert list(inspect.signature(Stage.compose).parameters) == ["self", "body", "alpha"]
    assert list(inspect.signature(Label).parameters) == ["language", "position", "size", "advertising"]
    with pytest.raises((TypeError, AttributeError)):
        Stage((1280, 720), None).compose(body(1280, 720))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(1279, 720), (1280, 719), (32, 32)])
def test_odd_and_tiny_sizes_are_refused(size):
    with pytest.raises(AvatarError, match=f"{size[0]}x{size[1]}"):
        Stage(size, Label("en", "top-left", (1280, 720)))


def test_a_card_beside_the_body_leaves_nothing_behind():
    label = Label("en", "top-right", (1280, 720))
    made = Stage((1280, 720), label, None, Look(), patient=True)
    source = body(360, 288)
    before = made.compose(source).copy()
    made.show(Scene(Card("a", "A", "1")), 0)
    pictures = []
    for index in range(20):
        made.show(Scene(Card("a", "A", "1")), index)
        pictures.append(made.compose(source).copy())
    assert (pictures[8] != before).any()
    np.testing.assert_array_equal(pictures[9], pictures[-1], "it is blended once a picture")
    for index in range(20, 32):
        made.show(Scene(), index)
        after = made.compose(source)
    np.testing.assert_array_equal(after, before)
    made.close()


def test_the_face_is_found_in_the_bodys_pictures():
    # a crop of 100 pixels that shows 50 of the body, from (300, 200) on; one picture of many is far off
    steady = np.array([[2.0, 0.0, -600.0], [0.0, 2.0, -400.0]], np.float32)
    transforms = np.repeat(steady[None], 400, 0)
    transforms[7, :, 2] += 500
    left, top, width, height = face_box(transforms, 100)
    assert (left, left + width) == pytest.approx((300, 350), abs=1)
    assert (top, top + height) == pytest.approx((200 - 47.5, 200 + 43), abs=1)


def test_the_label_beside_the_body_looks_the_same_in_every_picture():
    size = (640, 360)
    stage = Stage(size, Label("en", "top-right", size))
    body = np.random.default_rng(2).integers(90, 200, (360 * 3 // 2, 270), dtype=np.uint8)
    first = stage.compose(body).copy()
    for _ in range(5):
        assert (stage.compose(body) == first).all()
