"""Outlines: where a network sees the head, in cells around the face, calm from picture to picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avatar_engine.bundle import Bundle, BundleWriter
from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.media.picture import joined
from avatar_engine.media.write import VideoWriter
from avatar_engine.stage import nods, outline
from avatar_engine.stage.outline import CELLS, COLUMNS, GIVES, MARGIN, ROWS
from tests.stage.test_nods import CROP, HEIGHT, SIDE, WIDTH, matrix_at, presenter


class Bright:
    """Takes what is bright for the person."""

    def mask(self, picture: ByteArray) -> FloatArray:
        return np.asarray(picture.mean(2) > 160, np.float32)

    def close(self) -> None:
        """Nothing to do."""


def shares(x: int, y: int, at: list[tuple[float, float]], picture: ByteArray | None = None) -> list[float]:
    """How far what lies at points of a picture (columns, lines) goes with the head."""
    seen = presenter(x, y) if picture is None else picture
    cells = outline.outline(seen, matrix_at(x, y), CROP, Bright())
    assert cells.shape == (ROWS, COLUMNS) and cells.dtype == np.uint8
    left, top = x + nods.LEFT[0] * SIDE, y + nods.TOP[0] * SIDE
    return [cells[int((v - top) * CELLS / SIDE), int((u - left) * CELLS / SIDE)] / 255 for u, v in at]


@pytest.mark.parametrize(("x", "y"), [(140, 110), (131, 97), (250, 70)])
def test_the_head_goes_and_the_wall_stays(x: int, y: int) -> None:
    reach = 65 + (MARGIN + GIVES + 2 / CELLS) * SIDE
    crown, middle = (x + 40, y + 10 - 61), (x + 40, y + 10)
    above, beside = (x + 40, y + 10 - reach), (x + 40 - reach + 20, y + 10)
    assert shares(x, y, [crown, middle]) == [1, 1]
    assert shares(x, y, [above, beside]) == [0, 0]


def test_a_head_that_the_border_cuts_goes_on_beyond_it() -> None:
    assert shares(140, 20, [(180, 2), (180, -3)]) == [1, 1]


def test_the_face_goes_whatever_the_network_says() -> None:
    dark = joined(
        *(np.full(shape, 60, np.uint8) for shape in ((HEIGHT, WIDTH), *[(HEIGHT // 2, WIDTH // 2)] * 2))
    )
    told = shares(140, 110, [(180, 150), (180, 110 - 20)], dark)
    assert told == [1, 0]


def test_every_so_many_pictures_have_one_and_flicker_is_calmed(tmp_path: Path) -> None:
    heads = [(140, 110), (142, 111), (144, 112), (146, 110)]
    reels, transforms = [tmp_path / "round.mp4", tmp_path / "joins.mp4"], []
    for reel, frames in zip(reels, (range(10), range(10, 14)), strict=True):
        with VideoWriter(reel, WIDTH, HEIGHT, sound=False, crf=10, preset="fast") as writer:
            for frame in frames:
                writer.picture(presenter(*heads[frame // nods.STEP]))
                transforms.append(matrix_at(*heads[frame // nods.STEP]))
    made = outline.bake(reels, np.stack(transforms), CROP, Bright())
    assert made.shape == (4, ROWS, COLUMNS), "of pictures 0, 4, 8 and 12, which is the second film's third"
    assert np.abs(made.astype(int) - made[0]).mean() < 4, (
        "they are as the head sees them, which stays as it is"
    )

    class Flickering(Bright):
        shown = 0

        def mask(self, picture: ByteArray) -> FloatArray:
            self.shown += 1
            return super().mask(picture) * np.float32(self.shown != 2)

    hurt = outline.bake(reels, np.stack(transforms), CROP, Flickering())
    assert 0.4 < np.median(hurt[1][made[1] == 255][:40] / 255) < 0.6, "half of it is its neighbours'"


def test_a_bundle_gives_them_back_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    kept = np.random.default_rng(1).integers(0, 256, (3, ROWS, COLUMNS), np.uint8)
    for name, told in (("whole", kept), ("torn", kept[:, 1:])):
        with BundleWriter(tmp_path / f"{name}.avatar", name=name, made={}, consent={}) as writer:
            writer.add_tensors(outline.PART, {"outlines": told})
    with BundleWriter(tmp_path / "none.avatar", name="none", made={}, consent={}) as writer:
        writer.add_json("facts.json", {})
    found = outline.load(Bundle.open(tmp_path / "whole.avatar"))
    assert found is not None and (found == kept).all()
    assert outline.load(Bundle.open(tmp_path / "none.avatar")) is None
    with pytest.raises(AvatarError, match="damaged"):
        outline.load(Bundle.open(tmp_path / "torn.avatar"))
