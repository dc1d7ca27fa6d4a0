"""A swap of the background while a show is on air: every picture in time, and never a wrong one in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import cv2
import numpy as np
import pytest

from avatar_engine.bundle import Bundle, BundleWriter
from avatar_engine.contracts import Behind, Scene
from avatar_engine.errors import AvatarError
from avatar_engine.live.performer import Performer
from avatar_engine.live.renderers import Feed
from avatar_engine.live.show import _stand
from avatar_engine.media.picture import planes
from avatar_engine.media.write import VideoWriter
from avatar_engine.stage import cutout
from avatar_engine.stage.background import KEEP, Backcloth, Background, behind_of
from avatar_engine.stage.body import AHEAD, TRACK_PART, VIDEO_PART, Body
from avatar_engine.stage.compose import Stage
from avatar_engine.stage.label import Label
from tests.live.fakes import NEUTRAL, Ink, LaggingMotion
from tests.stage.cutting import HEIGHT, WIDTH, film, network

SIZE = (WIDTH, HEIGHT)
SLOW = 0.6
"""Seconds that a background takes to be made ready: fifteen frames."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("clone")
    film(folder / "body.mp4", 30)
    made = cutout.bake([folder / "body.mp4"], folder / "work", network(folder / "own.onnx"))
    transforms = np.tile(np.eye(2, 3, dtype=np.float32), (30, 1, 1))
    with BundleWriter(folder / "a.avatar", "A", {}, {}) as writer:
        writer.add_file(VIDEO_PART, folder / "body.mp4")
        writer.add_tensors(TRACK_PART, {"transforms": transforms, "crop_size": np.array([32], np.int32)})
        made.save(writer)
    return Bundle.open(folder / "a.avatar")


class Dry(Ink):
    """Paints nothing."""

    def paint(self, *_: object) -> None:
        pass


@pytest.fixture
def on_air(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> Iterator[Performer[list[float]]]:
    cloth = Backcloth(SIZE, bundle)
    make = cloth._background

    def slowly(background: str) -> Background:
        sleep(SLOW)
        return make(background)

    monkeypatch.setattr(cloth, "_background", slowly)
    stage = Stage(SIZE, Label("en", "top-right", SIZE), backcloth=cloth)
    performer = Performer(LaggingMotion(), Dry(), Body.load(bundle, 32), stage, NEUTRAL)
    yield performer
    performer.close()


def test_no_picture_waits_for_a_swap_and_each_is_before_one_wall_or_the_other(
    on_air: Performer[list[float]], tmp_path: Path
) -> None:
    sea = tmp_path / "sea.mp4"
    with VideoWriter(sea, WIDTH, HEIGHT, sound=False, crf=8) as writer:
        for _ in range(8):
            writer.picture(np.full((HEIGHT * 3 // 2, WIDTH), 60, np.uint8))
    cv2.imwrite(str(tmp_path / "snow.png"), np.full((HEIGHT, WIDTH, 3), 255, np.uint8))
    orders = {30: str(tmp_path / "snow.png"), 80: str(sea), 130: KEEP}
    wanted, corner, times = "", [], []
    began = monotonic()
    for index in range(170):
        sleep(max(0.0, began + index * 0.02 - monotonic()))  # twice the pace of a show
        wanted = orders.get(index, wanted)
        before = monotonic()
        picture = on_air.perform(index, NEUTRAL, Scene(background=wanted))
        times.append(monotonic() - before)
        corner.append(int(np.median(planes(picture)[0][150:180, :12])))
    assert max(times) < SLOW / 2  # a picture that waits for a background would take all of it
    filmed, snow, water = corner[0], 235, 60
    turns = [index for index in range(1, 170) if abs(corner[index] - corner[index - 1]) > 25]
    assert len(turns) == 3, corner  # from one to the next at one frame, with nothing in between
    for place, seen in zip(
        ([0], turns[:1], turns[1:2], turns[2:]), (filmed, snow, water, filmed), strict=True
    ):
        assert abs(corner[place[0]] - seen) < 8
    for order, turn in zip(orders, turns, strict=True):
        assert order < turn <= order + 45
    assert turns[2] - 130 <= AHEAD + 2  # going back needs nothing but the pictures


def test_an_order_is_looked_at_before_it_is_followed(bundle: Bundle, tmp_path: Path) -> None:
    class Told:
        background = ""

    told = Told()

    def feed() -> Feed:
        return told  # type: ignore[return-value]

    assert "blur" in _stand(bundle, feed, "blur")
    assert told.background == "blur"
    for wrong in ("none.png", "blue", "transparent"):
        with pytest.raises(AvatarError):
            _stand(bundle, feed, wrong)
    assert told.background == "blur"
    with BundleWriter(tmp_path / "b.avatar", "B", {}, {}) as writer:
        writer.add_parts(bundle, cutout.PARTS)
    with pytest.raises(AvatarError, match="no matte"):
        _stand(Bundle.open(tmp_path / "b.avatar"), feed, "blur")


def test_what_is_asked_for_goes_before_what_the_script_says(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((4, 4, 3), 9, np.uint8))
    assert behind_of("", "", tmp_path, 0.3) == Behind(KEEP, 0.3)
    assert behind_of("", "wall.png", tmp_path, 0.5).background == str(tmp_path / "wall.png")
    assert behind_of("blur", "wall.png", tmp_path, 0.5).background == "blur"
