"""A picture without a ground: laid over any other it is what the engine makes before that one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from avatar_engine.bundle import Bundle, BundleWriter
from avatar_engine.contracts import ByteArray, FloatArray, Scene
from avatar_engine.errors import AvatarError
from avatar_engine.media.picture import planes
from avatar_engine.stage import cutout, layout_file
from avatar_engine.stage.background import TRANSPARENT, Backcloth, chosen, refuse_on_air
from avatar_engine.stage.body import TRACK_PART, VIDEO_PART, Body, BodyFrame
from avatar_engine.stage.compose import Stage
from avatar_engine.stage.label import Label
from tests.stage.cutting import HEIGHT, WIDTH, film, network

GROUNDS = ("#101828", "#ffffff", "#00a040", "#d02030")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder = tmp_path_factory.mktemp("clone")
    film(folder / "body.mp4", 20)
    made = cutout.bake([folder / "body.mp4"], folder / "work", network(folder / "own.onnx"))
    transforms = np.tile(np.eye(2, 3, dtype=np.float32), (20, 1, 1))
    with BundleWriter(folder / "a.avatar", "A", {}, {}) as writer:
        writer.add_file(VIDEO_PART, folder / "body.mp4")
        writer.add_tensors(TRACK_PART, {"transforms": transforms, "crop_size": np.array([32], np.int32)})
        made.save(writer)
    return Bundle.open(folder / "a.avatar")


@pytest.fixture(scope="module")
def frame(bundle: Bundle) -> BodyFrame:
    with Body.load(bundle, 32, cut_out=True) as body:
        return body.frame(0)


LAYOUT = """
[[element]]
kind = "text"
text = "Half over the head"
at = "left"
lasts = 0
enter = "cut"
size = 9
"""


def staged(bundle: Bundle, size: tuple[int, int], background: str, folder: Path) -> Iterator[Stage]:
    """A stage with something on the picture, over the presenter and beside."""
    (folder / "plan.toml").write_text(LAYOUT)
    cloth = Backcloth(size, bundle, patient=True, relight=0.0)
    cloth.want(background)
    label = Label("en", "top-right", size)
    stage = Stage(size, label, layout_file.load(str(folder / "plan.toml")), patient=True, backcloth=cloth)
    yield stage
    stage.close()


def shown(bundle: Bundle, frame: BodyFrame, size: tuple[int, int], background: str, folder: Path) -> Stage:
    for stage in staged(bundle, size, background, folder):
        stage.show(Scene(), 0)
        stage.kept = stage.compose(frame.picture, frame.alpha).copy()  # type: ignore[attr-defined]
        return stage
    raise AssertionError


def over(picture: ByteArray, shares: ByteArray, ground: str) -> FloatArray:
    """The picture laid over a colour, BGR, as whoever gets the file does it."""
    colour = np.array([int(ground[at : at + 2], 16) for at in (5, 3, 1)], np.float32)
    pixels = cv2.cvtColor(picture, cv2.COLOR_YUV2BGR_I420).astype(np.float32)
    share = shares[..., None].astype(np.float32) / 255
    return np.asarray(share * pixels + (1 - share) * colour, np.float32)


def laid(picture: ByteArray, shares: ByteArray, ground: str) -> list[FloatArray]:
    """The same in the planes of the engine's own pictures, in which chroma is half as fine."""
    pixel = np.array([[[int(ground[at : at + 2], 16) for at in (5, 3, 1)]]], np.uint8)
    wall = planes(cv2.cvtColor(np.tile(pixel, (*shares.shape, 1)), cv2.COLOR_BGR2YUV_I420))
    share = shares.astype(np.float32) / 255
    half = cv2.resize(share, (share.shape[1] // 2, share.shape[0] // 2), interpolation=cv2.INTER_AREA)
    parts = zip((share, half, half), planes(picture), wall, strict=True)
    return [np.asarray(part * own + (1 - part) * behind, np.float32) for part, own, behind in parts]


def psnr(one: FloatArray, other: ByteArray, aside: tuple[slice, slice]) -> float:
    error = np.square(one - other.astype(np.float32))
    error[aside] = 0
    return float(10 * np.log10(255**2 / error.mean()))


@pytest.mark.parametrize(
    ("size", "least"), [((WIDTH, HEIGHT), 55), ((WIDTH, WIDTH), 55), ((2 * WIDTH, 2 * HEIGHT), 36)]
)
def test_laid_over_a_colour_it_is_what_the_engine_makes_before_that_colour(
    bundle: Bundle, frame: BodyFrame, size: tuple[int, int], least: float, tmp_path: Path
) -> None:
    clear = shown(bundle, frame, size, TRANSPARENT, tmp_path)
    picture, shares = clear.kept, clear.shares  # type: ignore[attr-defined]
    assert shares is not None and shares.shape == size[::-1]
    left, top, width, height = Label("en", "top-right", size).box
    for ground in GROUNDS:
        wanted = shown(bundle, frame, size, ground, tmp_path).kept  # type: ignore[attr-defined]
        for shift, made, plane in zip((0, 1, 1), laid(picture, shares, ground), planes(wanted), strict=True):
            # The label's plate is opaque here, and only dark there.
            aside = (
                slice(top >> shift, (top + height) >> shift),
                slice(left >> shift, (left + width) >> shift),
            )
            assert psnr(made, plane, aside) > least


def test_what_stands_beside_the_presenter_is_there_and_nothing_else(
    bundle: Bundle, frame: BodyFrame, tmp_path: Path
) -> None:
    shares = shown(bundle, frame, (WIDTH, HEIGHT), TRANSPARENT, tmp_path).shares
    assert shares is not None and frame.alpha is not None
    assert shares[HEIGHT // 2, WIDTH // 2] == 255  # the head
    assert shares[HEIGHT - 20, WIDTH - 5] == 0  # the wall
    words = shares[HEIGHT // 2 - 12 : HEIGHT // 2 + 12, 12:40].astype(int)
    assert words.max() > 200 and frame.alpha[HEIGHT // 2, 14] == 0


@pytest.mark.parametrize("ground", GROUNDS)
def test_the_label_is_read_on_any_ground(
    bundle: Bundle, frame: BodyFrame, tmp_path: Path, ground: str
) -> None:
    clear = shown(bundle, frame, (WIDTH, HEIGHT), TRANSPARENT, tmp_path)
    left, top, width, height = Label("en", "top-right", (WIDTH, HEIGHT)).box
    seen = over(clear.kept, clear.shares, ground)[top : top + height, left : left + width]  # type: ignore[attr-defined, arg-type]
    light = seen.mean(-1)
    assert light.max() > 225 and np.median(light) < 12
    dark, bright = (np.percentile(light, share) / 255 for share in (50, 99))
    assert (bright**2.2 + 0.05) / (dark**2.2 + 0.05) > 10


def test_a_show_on_air_is_never_transparent() -> None:
    assert chosen(" Transparent", Path()) == TRANSPARENT
    refuse_on_air("#00ff00")
    with pytest.raises(AvatarError, match="RTMP"):
        refuse_on_air(TRANSPARENT)


def test_the_planes_of_a_clear_picture_hold_nothing_of_the_wall(
    bundle: Bundle, frame: BodyFrame, tmp_path: Path
) -> None:
    """Straight colours: where a hair takes a tenth of a pixel the pixel has the hair's colour, not a tenth of it."""
    clear = shown(bundle, frame, (WIDTH, HEIGHT), TRANSPARENT, tmp_path)
    assert clear.shares is not None
    thin = (clear.shares > 20) & (clear.shares < 120)
    thin[: HEIGHT // 4] = thin[:, : WIDTH // 4] = False  # the words and the label
    luma = planes(clear.kept)[0][thin]  # type: ignore[attr-defined]
    assert np.median(luma) < 95  # the head's is 70, the wall's 130 to 180
