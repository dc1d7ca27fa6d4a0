"""How the footage lies in the picture: whole as it always did, filled, or head and shoulders with the face safe."""

from __future__ import annotations

from itertools import product

import pytest

from avatar_engine.stage.framing import FITS, SAFE, Part, frame

FACE = (515.0, 90.0, 250.0, 330.0)


@pytest.mark.parametrize(
    ("body", "show", "expected"),
    [
        ((360, 288), (1280, 720), Part(190, 0, 900, 720)),
        ((1280, 720), (1280, 720), Part(0, 0, 1280, 720)),
        ((1920, 1080), (1280, 720), Part(0, 0, 1280, 720)),
        ((1080, 1920), (1280, 720), Part(438, 0, 404, 720)),
        ((1280, 720), (720, 1280), Part(0, 438, 720, 404)),
        ((722, 406), (1280, 720), Part(0, 0, 1280, 720)),
    ],
)
def test_the_whole_footage_is_centred_and_not_stretched(
    body: tuple[int, int], show: tuple[int, int], expected: Part
) -> None:
    made = frame(body, show, face=FACE)
    assert made.target == expected and made.source == Part(0, 0, *body)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("show", [(1280, 720), (720, 1280), (720, 720), (1920, 1080)])
def test_the_face_is_whole_and_in_the_upper_half_whatever_the_shape(show: tuple[int, int], fit: str) -> None:
    for body, box, scale in product(
        [(1280, 720), (1920, 1080), (720, 1280)],
        [(0, 0, 100, 100), (0, 0, 60, 100), (20, 0, 80, 60)],
        [1.0, 1.3],
    ):
        share = body[0] / 1280, body[1] / 720
        face = FACE[0] * share[0], FACE[1] * share[1], FACE[2] * share[0], FACE[3] * share[1]
        made = frame(body, show, box=box, fit=fit, scale=scale, face=face)
        for part, within in ((made.source, body), (made.target, show)):
            assert all(side % 2 == 0 for side in (part.left, part.top, part.width, part.height))
            assert part.left >= 0 and part.left + part.width <= within[0]
            assert part.top >= 0 and part.top + part.height <= within[1]
        across, down = made.target.width / made.source.width, made.target.height / made.source.height
        assert across == pytest.approx(down, rel=0.02), "not stretched"
        left, top, width, height = made.on_show(face)
        if scale == 1.0 or fit != "whole":
            assert left >= made.target.left - 2 and left + width <= made.target.left + made.target.width + 2
        if fit != "whole":
            assert width <= SAFE * show[0] * box[2] / 100 + 4
            assert top + height / 2 < made.target.top + made.target.height * 0.62


def test_a_rectangle_is_filled_where_the_face_leaves_room() -> None:
    made = frame((1280, 720), (720, 1280), box=(0, 0, 100, 62.5), fit="fill", face=FACE)
    assert made.target == Part(0, 0, 720, 800) and not made.covers((720, 1280))
    assert made.source.height == 720 and made.source.width == pytest.approx(648, abs=4)
    assert frame((1280, 720), (720, 1280), fit="fill", face=None).covers((720, 1280))


def test_head_and_shoulders_are_nearer_than_the_footage_is() -> None:
    small = (600.0, 200.0, 80.0, 110.0)
    made = frame((1280, 720), (720, 720), fit="bust", face=small)
    assert made.on_show(small)[3] == pytest.approx(0.36 * 720, abs=6)
    assert made.on_show(small)[0] + made.on_show(small)[2] / 2 == pytest.approx(360, abs=4)


def test_smaller_footage_lies_at_its_anchor() -> None:
    made = frame((1280, 720), (1280, 720), scale=0.5, anchor="bottom-right")
    assert made.target == Part(640, 360, 640, 360)
