"""Nods: on stressed words, a few pixels deep, and of the head alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from avatar_engine.contracts import ByteArray, FloatArray, Outlook
from avatar_engine.media.picture import joined, planes
from avatar_engine.stage import nods
from avatar_engine.stage.nods import DEEP, DIP, LATE, LOWEST, OFTEN, REST, Bend, Nodding

SIDE, CROP = 80, 128
WIDTH, HEIGHT = 360, 288


def matrix_at(x: float, y: float, side: float = SIDE) -> FloatArray:
    """To the crop whose upper left corner lies there."""
    scale = CROP / side
    return np.array([[scale, 0, -scale * x], [0, scale, -scale * y]], np.float32)


def presenter(x: int = 140, y: int = 110, wall: ByteArray | None = None) -> ByteArray:
    """A head as a bright disc around the crop, shoulders below, before a plain wall or another one."""
    luma = np.full((HEIGHT, WIDTH), 60, np.uint8) if wall is None else wall.copy()
    cv2.rectangle(luma, (x - 60, y + 125), (x + 140, HEIGHT), 120, -1)
    cv2.ellipse(luma, (x + 40, y + 10), (45, 65), 0, 0, 360, 200, -1)
    cv2.ellipse(luma, (x + 40, y + 50), (12, 4), 0, 0, 360, 90, -1)
    half = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
    red = half.copy()
    cv2.ellipse(red, (x // 2 + 20, y // 2 + 5), (22, 32), 0, 0, 360, 160, -1)
    return joined(luma, half, red)


def line_of(plane: ByteArray, column: int, level: float) -> float:
    """Where a column first rises over a level, between the rows."""
    values = plane[:, column].astype(float)
    row = int(np.argmax(values > level))
    return row - 1 + (level - values[row - 1]) / (values[row] - values[row - 1])


def depths(
    nodding: Nodding, stresses: list[int], frames: range, known: int = 40, free: bool = True
) -> list[float]:
    """How low the head is while ``known`` frames are known ahead."""
    told = []
    for index in frames:
        seen = tuple(stress - index for stress in stresses if 0 <= stress - index < known)
        nodding.foresee(index, Outlook(bytes([1] * known), seen))
        told.append(nodding.depth(index, free))
    return told


def nodded(stress: int) -> bool:
    return any(depths(Nodding(), [stress], range(stress - 30, stress + 30)))


NODDED = next(stress for stress in range(60, 200) if nodded(stress))


def test_the_head_is_lowest_in_the_vowel_and_rests_before_and_after() -> None:
    told = np.array(depths(Nodding(), [NODDED], range(NODDED - 30, NODDED + 30)))
    assert np.argmax(told) == 30 + 2 and 1 - nods.VARIES <= told.max() <= 1 + nods.VARIES
    moved = np.flatnonzero(told)
    assert moved[0] == 30 - LOWEST + 1 and moved[-1] == 30 - LOWEST + len(DIP) - 1, "DIP begins at rest"
    assert np.abs(np.diff(told)).max() < 0.45 * told.max(), "no jump"


def test_most_words_that_could_have_a_nod_get_one_and_nods_keep_apart() -> None:
    words = list(range(100, 100 + 400 * 60, 60))
    told = np.array(depths(Nodding(), words, range(60, words[-1] + 60)))
    begins = np.flatnonzero((told[1:] != 0) & (told[:-1] == 0))
    assert abs(len(begins) / len(words) - OFTEN) < 0.08
    told = np.array(depths(Nodding(), list(range(100, 3000, 9)), range(60, 3000)))
    begins = np.flatnonzero((told[1:] != 0) & (told[:-1] == 0))
    assert len(begins) > 40 and np.diff(begins).min() >= len(DIP) + REST


def test_who_takes_over_nods_on_the_same_words() -> None:
    words = list(range(100, 2000, 60))
    whole = depths(Nodding(), words, range(60, 2000))
    assert depths(Nodding(), words, range(1040, 2000)) == whole[980:]
    assert depths(Nodding(seed=1), words, range(60, 2000)) != whole


@pytest.mark.parametrize("late", range(LATE + 2))
def test_a_word_that_was_known_too_late_gets_none(late: int) -> None:
    told = depths(Nodding(), [NODDED], range(NODDED - LOWEST + late, NODDED + 30), known=40)
    assert any(told) == (late <= LATE)


def test_no_nod_begins_in_an_action() -> None:
    assert not any(depths(Nodding(), [NODDED], range(NODDED - 30, NODDED + 30), free=False))


@pytest.mark.parametrize("low", [1.0, 1.4, 0.3, -0.12])
def test_the_head_moves_the_mouth_along_and_shoulders_and_wall_stay(low: float) -> None:
    before, after = presenter(), presenter()
    bend = Bend(before, matrix_at(140, 110), CROP)
    assert not bend.seen and bend.side == pytest.approx(SIDE, rel=1e-4)
    bend(after, None, matrix_at(140, 110), 0, low)
    (was, _, was_red), (now, blue, red) = planes(before), planes(after)
    assert line_of(now, 180, 130) - line_of(was, 180, 130) == pytest.approx(low * DEEP * SIDE, abs=0.2)
    mouth = slice(150, 170)
    moved = line_of(255 - now[mouth], 180, 120) - line_of(255 - was[mouth], 180, 120)
    assert moved == pytest.approx(low * DEEP * SIDE, abs=0.2)
    assert line_of(red, 90, 144) - line_of(was_red, 90, 144) == pytest.approx(low * DEEP * SIDE / 2, abs=0.2)
    assert (now[110 + round(1.42 * SIDE) :] == was[110 + round(1.42 * SIDE) :]).all()
    assert (now[:, : 140 - round(0.52 * SIDE)] == was[:, : 140 - round(0.52 * SIDE)]).all()
    assert (now[:, 140 + round(1.52 * SIDE) :] == was[:, 140 + round(1.52 * SIDE) :]).all() and (
        blue == 128
    ).all()


def test_nothing_is_touched_without_a_nod() -> None:
    before, after = presenter(), presenter()
    Bend(before, matrix_at(140, 110), CROP)(after, None, matrix_at(140, 110), 0, 0.0)
    assert (after == before).all()


def test_a_wall_that_shows_it_is_not_bent_but_a_presenter_who_is_cut_out_is() -> None:
    wall = np.full((HEIGHT, WIDTH), 60, np.uint8)
    wall[::12] = wall[1::12] = wall[2::12] = 150
    before, after = presenter(wall=wall), presenter(wall=wall)
    bend = Bend(before, matrix_at(140, 110), CROP)
    assert bend.seen
    bend(after, None, matrix_at(140, 110), 0, 1.0)
    assert (after == before).all()
    alpha = planes(presenter())[0].copy()
    was = alpha.copy()
    bend(after, alpha, matrix_at(140, 110), 0, 1.0)
    assert line_of(alpha, 180, 130) - line_of(was, 180, 130) == pytest.approx(DEEP * SIDE, abs=0.2)
    assert (after != before).any()


def test_upright_stripes_behind_are_plain_for_they_stay_what_they_are() -> None:
    wall = np.full((HEIGHT, WIDTH), 60, np.uint8)
    wall[:, ::12] = wall[:, 1::12] = 150
    assert not Bend(presenter(wall=wall), matrix_at(140, 110), CROP).seen


def test_a_head_that_the_upper_border_cuts_stays_at_the_border() -> None:
    before, after = presenter(y=40), presenter(y=40)
    bend = Bend(before, matrix_at(140, 40), CROP)
    bend(after, None, matrix_at(140, 40), 0, 1.4)
    was, now = planes(before)[0], planes(after)[0]
    assert (now[0] == was[0]).all() and (now != was).any()


def outlines_of(x: int, y: int, grown: int = 14) -> ByteArray:
    """The outline of `presenter`'s head and a little more, of one place."""
    seen = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.ellipse(seen, (x + 40, y + 10), (45 + grown, 65 + grown), 0, 0, 360, 255, -1)
    left, top = x + nods.LEFT[0] * SIDE, y + nods.TOP[0] * SIDE
    shift = np.array([[1, 0, -left], [0, 1, -top]])
    shape = round(SIDE * (nods.BOTTOM[1] - nods.TOP[0])), round(SIDE * (nods.RIGHT[1] - nods.LEFT[0]))
    cells = cv2.resize(cv2.warpAffine(seen, shift, shape[::-1]), (40, 60), interpolation=cv2.INTER_AREA)
    return np.asarray(cells, np.uint8)[None]


def test_before_a_wall_that_shows_it_the_bend_keeps_to_the_head() -> None:
    wall = np.full((HEIGHT, WIDTH), 60, np.uint8)
    wall[::12] = wall[1::12] = wall[2::12] = 100
    before, after = presenter(wall=wall), presenter(wall=wall)
    bend = Bend(before, matrix_at(140, 110), CROP, outlines_of(140, 110))
    assert bend.seen
    bend(after, None, matrix_at(140, 110), 0, 1.0)
    (was, _, was_red), (now, _, red) = planes(before), planes(after)
    mouth = slice(150, 170)
    moved = line_of(255 - now[mouth], 180, 120) - line_of(255 - was[mouth], 180, 120)
    assert moved == pytest.approx(DEEP * SIDE, abs=0.2), "the head goes"
    assert line_of(red, 90, 144) - line_of(was_red, 90, 144) == pytest.approx(DEEP * SIDE / 2, abs=0.2)
    far = np.full((HEIGHT, WIDTH), True)
    cv2.ellipse(far.view(np.uint8), (180, 120), (65, 85), 0, 0, 360, 0, -1)
    assert (now == was)[far].all(), "and the wall stays"


def test_outlines_go_over_from_one_to_the_next() -> None:
    wall = np.full((HEIGHT, WIDTH), 60, np.uint8)
    wall[::12] = wall[1::12] = wall[2::12] = 100
    none = np.zeros((1, 60, 40), np.uint8)
    bend = Bend(
        presenter(wall=wall), matrix_at(140, 110), CROP, np.concatenate([none, outlines_of(140, 110)])
    )
    was, moved = planes(presenter(wall=wall))[0], []
    for place in (0, nods.STEP // 2, nods.STEP, 50 * nods.STEP):
        after = presenter(wall=wall)
        bend(after, None, matrix_at(140, 110), place, 1.0)
        mouth = slice(150, 170)
        now = planes(after)[0]
        moved.append(line_of(255 - now[mouth], 180, 120) - line_of(255 - was[mouth], 180, 120))
    deep = DEEP * SIDE
    assert moved == pytest.approx([0, deep / 2, deep, deep], abs=0.2), (
        "beyond the last one it is the last one"
    )


@pytest.mark.parametrize("outlined", [False, True])
@pytest.mark.parametrize("x", [-300, -70, 0, 140, 290, 500])
@pytest.mark.parametrize("y", [-400, -60, 0, 110, 200, 500])
@pytest.mark.parametrize("low", [1.4, -0.12])
def test_wherever_the_head_is_it_is_bent_as_a_slow_way_would(
    x: int, y: int, low: float, outlined: bool
) -> None:
    noise = np.random.default_rng(5).integers(40, 200, (HEIGHT * 3 // 2, WIDTH), np.uint8)
    noise[:HEIGHT] = cv2.GaussianBlur(noise[:HEIGHT], (0, 0), 2)
    outlines = outlines_of(x, y, grown=0) if outlined else None
    bend = Bend(noise, matrix_at(x, y), CROP, outlines)
    bend.seen = outlined
    after = noise.copy()
    bend(after, None, matrix_at(x, y), 0, low)
    luma = planes(noise)[0]
    line, column = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    left, top = 2 * round((x + nods.LEFT[0] * SIDE) / 2), 2 * round((y + nods.TOP[0] * SIDE) / 2)
    v, u = (line - top) / SIDE + nods.TOP[0], (column - left) / SIDE + nods.LEFT[0]

    def smooth(values: FloatArray, start: float, stop: float) -> FloatArray:
        share = np.clip((values - start) / (stop - start), 0, 1)
        return np.asarray(share * share * (3 - 2 * share), np.float32)

    weights = (
        smooth(v, *nods.TOP)
        * (1 - smooth(v, *nods.BOTTOM))
        * smooth(u, *nods.LEFT)
        * (1 - smooth(u, *nods.RIGHT))
    )
    weights *= np.minimum(1, line / (nods.EDGE * SIDE))
    if outlines is not None:
        shape = round(SIDE * (nods.BOTTOM[1] - nods.TOP[0])), round(SIDE * (nods.RIGHT[1] - nods.LEFT[0]))
        wide = cv2.resize(outlines[0], shape[::-1], interpolation=cv2.INTER_LINEAR)
        weights *= cv2.warpAffine(wide, np.array([[1.0, 0, left], [0, 1, top]]), (WIDTH, HEIGHT)) / 255
    source = (line - low * DEEP * SIDE * weights).astype(np.float32)
    slow = cv2.remap(luma, column, source, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    assert np.abs(planes(after)[0].astype(int) - slow).max() <= 3
