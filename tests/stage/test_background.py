from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from avatar_engine.bundle import Bundle, BundleWriter
from avatar_engine.contracts import Scene
from avatar_engine.errors import AvatarError
from avatar_engine.media.picture import planes
from avatar_engine.media.write import VideoWriter
from avatar_engine.stage import cutout
from avatar_engine.stage.background import (
    KEEP,
    TRANSPARENT,
    Backcloth,
    Background,
    Film,
    Footing,
    check,
    chosen,
)
from avatar_engine.stage.body import VIDEO_PART, matted
from avatar_engine.stage.compose import Stage
from avatar_engine.stage.label import Label
from tests.stage.cutting import HEIGHT, WIDTH, film, network, share, shifts

SIZE = (WIDTH, HEIGHT)
COUNT = 12


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("clone")
    film(folder / "body.mp4", COUNT)
    made = cutout.bake([folder / "body.mp4"], folder / "work", network(folder / "own.onnx"))
    with BundleWriter(folder / "a.avatar", "A", {}, {}) as writer:
        writer.add_file(VIDEO_PART, folder / "body.mp4")
        made.save(writer)
    return Bundle.open(folder / "a.avatar")


@pytest.fixture
def cloth(bundle: Bundle) -> Iterator[Backcloth]:
    made = Backcloth(SIZE, bundle, patient=True)
    yield made
    made.close()


def video(path: Path, lumas: list[int], size: tuple[int, int] = SIZE) -> Path:
    with VideoWriter(path, *size, sound=False, crf=10, gop=5) as writer:
        for luma in lumas:
            picture = np.full((size[1] * 3 // 2, size[0]), 128, np.uint8)
            picture[: size[1]] = luma
            writer.picture(picture)
    return path


def taken(cloth: Backcloth) -> Background:
    behind = cloth.take(True)
    assert behind is not None
    return behind


def luma(background: Background) -> int:
    return int(np.median(background.next()[0]))


def test_words_colours_and_files_are_backgrounds_and_nothing_else(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((40, 60, 3), 90, np.uint8))
    video(tmp_path / "sea.mp4", [100] * 3)
    assert chosen("Keep", tmp_path) == KEEP
    assert chosen("Transparent", tmp_path) == TRANSPARENT
    assert chosen(" #A0b0C0 ", tmp_path) == "#a0b0c0"
    assert chosen("wall.png", tmp_path) == str(tmp_path / "wall.png")
    assert chosen("sea.mp4", tmp_path) == str(tmp_path / "sea.mp4")
    (tmp_path / "bad.png").write_bytes(b"\x89PNG nothing")
    (tmp_path / "bad.mp4").write_bytes(b"nothing")
    (tmp_path / "empty.jpg").touch()
    for wrong in ("", "see-through", "#12345", "blue", "none.png", "bad.png", "bad.mp4", "empty.jpg"):
        with pytest.raises(AvatarError):
            chosen(wrong, tmp_path)


def test_only_who_is_cut_out_stands_elsewhere(bundle: Bundle, tmp_path: Path) -> None:
    check(bundle, "blur")
    film(tmp_path / "other.mp4", 3)
    with BundleWriter(tmp_path / "b.avatar", "B", {}, {}) as writer:
        writer.add_parts(bundle, [VIDEO_PART])
        writer.add_file(VIDEO_PART, tmp_path / "other.mp4")  # a matte of pictures that are no more
    other = Bundle.open(tmp_path / "b.avatar")
    assert matted(bundle)
    assert not matted(other)
    check(other, KEEP)
    with pytest.raises(AvatarError, match="no matte") as refused:
        check(other, "blur")
    assert "avatar-engine matte" in refused.value.advice


def test_a_colour_a_picture_and_the_own_wall_out_of_focus(cloth: Backcloth, tmp_path: Path) -> None:
    cloth.want("#ffffff")
    assert luma(taken(cloth)) == 235
    picture = np.zeros((100, 400, 3), np.uint8)
    picture[:, 150:250] = 255  # what fills this size is the middle
    cv2.imwrite(str(tmp_path / "wide.png"), picture)
    cloth.want(str(tmp_path / "wide.png"))
    shown = taken(cloth).next()[0]
    assert shown.shape == (HEIGHT, WIDTH)
    assert shown[90, 128] > 230
    assert shown[90, 10] < 20
    cloth.want("blur")
    soft = taken(cloth).next()[0]
    assert 120 < np.median(soft) < 190  # the wall's
    assert np.abs(np.diff(soft.astype(int), axis=1)).max() <= 4
    assert cloth.relight.nothing  # it is the light that the presenter stood in


def test_a_video_begins_again_at_its_end(tmp_path: Path) -> None:
    playing = Film(video(tmp_path / "a.mp4", [40, 80, 120, 160]), SIZE, patient=True)
    playing.next()
    seen = [int(playing.next()[0][5, 5]) for _ in range(8)]
    playing.close()
    assert [round(value, -1) for value in seen] == [80, 120, 160, 40, 80, 120, 160, 40]


def test_a_video_that_is_late_keeps_nobody_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Film, "_decode", lambda self: None)  # which is as late as can be
    playing = Film(video(tmp_path / "a.mp4", [40, 80]), SIZE, patient=False)
    assert [round(int(playing.next()[0][5, 5]), -1) for _ in range(5)] == [40] * 5
    playing.close()


def test_one_that_can_not_be_had_leaves_things_as_they_are(cloth: Backcloth, tmp_path: Path) -> None:
    cloth.want("#ffffff")
    assert luma(taken(cloth)) == 235
    cloth.want(str(tmp_path / "gone.png"))
    assert luma(taken(cloth)) == 235
    fresh = Backcloth(SIZE, cloth._bundle, patient=True)
    fresh.want(str(tmp_path / "gone.png"))
    with pytest.raises(AvatarError):
        fresh.settle()
    fresh.close()


def stage(bundle: Bundle, background: str) -> Stage:
    backcloth = Backcloth(SIZE, bundle, patient=True)
    backcloth.want(background)
    return Stage(SIZE, Label("en", "top-right", SIZE), patient=True, backcloth=backcloth)


def test_the_presenter_stands_before_it_and_comes_back(bundle: Bundle) -> None:
    alpha = np.rint(255 * share(shifts(COUNT)[3])).astype(np.uint8)
    filmed = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    filmed[:HEIGHT] = np.where(alpha > 128, 70, 150)
    cut = np.full_like(filmed, 128)
    cut[:HEIGHT] = 70
    made = stage(bundle, "#ffffff")
    made.show(Scene(), 0)
    assert made.cut_out
    white = planes(made.compose(cut, alpha))[0].copy()
    assert white[150, 10] == 235
    face = int(white[HEIGHT // 2, WIDTH // 2 + 20])
    assert 65 <= face <= 90  # lit a little by all that white
    made.show(Scene(background=KEEP), 1)
    assert not made.cut_out
    still = planes(made.compose(cut, alpha))[0]  # what was decoded before is still cut out
    assert still[150, 10] == 235
    made.show(Scene(background=KEEP), 2)
    assert planes(made.compose(filmed))[0][150, 10] == 150
    made.show(Scene(background="#000000"), 3)
    assert planes(made.compose(filmed))[0][150, 10] == 150  # and what was not, is as filmed
    made.show(Scene(background="#000000"), 4)
    assert planes(made.compose(cut, alpha))[0][150, 10] == 16
    made.close()


def test_the_label_is_on_every_background(bundle: Bundle) -> None:
    made = stage(bundle, "#ffffff")
    left, top, width, height = Label("en", "top-right", SIZE).box
    made.show(Scene(), 0)
    cut, alpha = np.full((HEIGHT * 3 // 2, WIDTH), 100, np.uint8), np.zeros((HEIGHT, WIDTH), np.uint8)
    first = made.compose(cut, alpha).copy()
    second = made.compose(cut, alpha)
    assert np.array_equal(first, second)  # drawn afresh, not darker and darker
    plate = planes(second)[0][top : top + height, left : left + width]
    assert np.median(plate) < 100
    made.close()


def test_other_footage_keeps_what_hangs_there_and_follows_its_own_light(bundle: Bundle) -> None:
    cloth = Backcloth(SIZE, bundle, patient=True, relight=1.0)
    cloth.want("#ffffff")
    white = cloth.take(True)
    own = cloth.footing(bundle)
    assert own is not None and own.blurred is None
    bright = Footing(bundle, np.array([225.0, 128.0, 128.0], np.float32), None)
    before = cloth.relight
    cloth.stand(bright)
    assert cloth.take(True) is white and cloth.relight.gain < before.gain
    cloth.stand(own)
    assert cloth.relight == before
    cloth.want("blur")
    first = cloth.take(True)
    own = cloth.footing(bundle)
    assert own is not None and own.blurred is not None
    cloth.stand(own)
    assert cloth.take(True) is own.blurred and own.blurred is not first and cloth.relight.nothing
    cloth.stand(bright)  # made ready before the blur was asked for
    assert cloth.take(True) not in (own.blurred, first)
    cloth.close()
