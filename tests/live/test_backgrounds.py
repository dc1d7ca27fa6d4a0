"""A swap of the background while a show is on air: every picture in time, and never a wrong one in between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event

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


class OnAir:
    """A performer whose backgrounds are made ready only while the gate is open."""

    def __init__(self, bundle: Bundle) -> None:
        self.gate = Event()
        self.cloth = Backcloth(SIZE, bundle)
        self._make = self.cloth._background
        self.cloth._background = self._gated  # type: ignore[method-assign]
        stage = Stage(SIZE, Label("en", "top-right", SIZE), backcloth=self.cloth)
        self.performer = Performer(LaggingMotion(), Dry(), Body.load(bundle, 32), stage, NEUTRAL)
        self.frame = 0

    def _gated(self, background: str) -> Background:
        assert self.gate.wait(60)
        return self._make(background)

    def show(self, background: str, frames: int) -> list[int]:
        """The luma in a corner of each of the next frames."""
        seen = []
        for _ in range(frames):
            picture = self.performer.perform(self.frame, NEUTRAL, Scene(background=background))
            seen.append(int(np.median(planes(picture)[0][150:180, :12])))
            self.frame += 1
        return seen

    def open_gate(self) -> None:
        coming = self.cloth._coming
        assert coming is not None
        self.gate.set()
        coming.result(60)
        self.gate.clear()


@pytest.fixture
def on_air(bundle: Bundle) -> Iterator[OnAir]:
    made = OnAir(bundle)
    yield made
    made.gate.set()
    made.performer.close()


def turns(seen: list[int]) -> list[int]:
    return [at for at in range(1, len(seen)) if abs(seen[at] - seen[at - 1]) > 25]


def test_no_frame_waits_for_a_swap_and_each_is_before_one_wall_or_the_other(
    on_air: OnAir, tmp_path: Path
) -> None:
    sea = tmp_path / "sea.mp4"
    with VideoWriter(sea, WIDTH, HEIGHT, sound=False, crf=8) as writer:
        for _ in range(8):
            writer.picture(np.full((HEIGHT * 3 // 2, WIDTH), 60, np.uint8))
    snow = tmp_path / "snow.png"
    cv2.imwrite(str(snow), np.full((HEIGHT, WIDTH, 3), 255, np.uint8))
    wall = on_air.show("", 20)
    wall += on_air.show(str(snow), 40)  # it is not ready, and none of these waits for it
    assert not turns(wall)
    on_air.open_gate()
    seen = on_air.show(str(snow), 30)
    (turn,) = turns([wall[-1], *seen])
    assert turn <= AHEAD + 3
    assert abs(seen[-1] - 235) < 3
    seen = on_air.show(str(sea), 20)
    assert not turns(seen) and abs(seen[-1] - 235) < 3
    on_air.open_gate()
    seen = on_air.show(str(sea), 20)
    assert abs(seen[0] - 60) < 4  # from one to the next at the first frame
    assert not turns(seen)
    seen = on_air.show(KEEP, 30)
    (turn,) = turns(seen)
    assert turn <= AHEAD + 3
    assert abs(seen[-1] - wall[0]) < 6


def test_orders_that_follow_one_another_fast_show_no_cut_out_body_before_nothing(on_air: OnAir) -> None:
    filmed = on_air.show("", 5)[0]
    on_air.gate.set()
    for _ in range(4):
        for background in ("#ffffff", KEEP):
            for value in on_air.show(background, 9):
                assert min(abs(value - filmed), abs(value - 235)) < 6


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
