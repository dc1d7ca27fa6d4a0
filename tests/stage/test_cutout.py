from pathlib import Path

import cv2
import numpy as np
import pytest

from avatar_engine.bundle import Bundle, BundleWriter
from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.media.read import frames
from avatar_engine.media.write import VideoWriter
from avatar_engine.stage import cutout
from avatar_engine.stage.matte import Cut
from avatar_engine.stage.plate import colours, i420
from tests.stage.cutting import HEAD, HEIGHT, WIDTH, coarse, film, network, picture, share, wall

COUNT = 30


class Segmenter:
    """A coarse network: dark is the person."""

    shown = 0

    def mask(self, seen: ByteArray) -> FloatArray:
        Segmenter.shown += 1
        dark = (cv2.cvtColor(seen, cv2.COLOR_RGB2GRAY) < 105).astype(np.float32)
        return coarse(dark)

    def close(self) -> None:
        pass


@pytest.fixture
def coarsely(monkeypatch: pytest.MonkeyPatch) -> type[Segmenter]:
    Segmenter.shown = 0
    monkeypatch.setattr(cutout, "SelfieSegmenter", Segmenter)
    return Segmenter


@pytest.fixture(scope="module")
def body(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[FloatArray]]:
    path = tmp_path_factory.mktemp("body") / "body.mp4"
    return path, film(path, COUNT)


def test_every_picture_of_the_body_is_cut_out_in_its_place(
    tmp_path: Path, body: tuple[Path, list[FloatArray]], coarsely: type[Segmenter]
) -> None:
    told: list[float] = []
    made = cutout.bake([body[0]], tmp_path / "work", progress=lambda stage, done, note="": told.append(done))
    pictures = list(frames(made.video, format="yuv420p"))
    assert len(pictures) == COUNT
    wrong = []
    for seen, alpha in zip(pictures, body[1], strict=True):
        shown, found = cutout.parted(seen)
        assert shown.shape == (HEIGHT * 3 // 2, WIDTH)
        wrong.append(np.abs(found / 255 - alpha).mean())
        assert found[alpha == 0].mean() < 4
    assert np.mean(wrong) < 0.012
    assert coarsely.shown == COUNT // 2
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert made.figures["backgrounds"] == 1
    plate = cv2.imread(str(made.plate))
    assert (
        np.abs(
            plate[:20].astype(float)
            - cv2.cvtColor(i420(wall().astype(np.uint8)), cv2.COLOR_YUV2BGR_I420)[:20]
        ).mean()
        < 3
    )
    assert cutout.light_of(made.figures)[0] == pytest.approx(wall()[..., 0].mean(), abs=4)


def test_reels_follow_one_another_and_a_stop_loses_only_the_piece_begun(
    tmp_path: Path,
    body: tuple[Path, list[FloatArray]],
    coarsely: type[Segmenter],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cutout, "PIECE", 25)
    work = tmp_path / "work"

    class Stopped(Exception):
        pass

    def stop(stage: str, done: float, note: str = "") -> None:
        if done > 0.6:
            raise Stopped

    with pytest.raises(Stopped):
        cutout.bake([body[0], body[0]], work, progress=stop)
    kept = {path: path.stat().st_mtime_ns for path in work.glob("cut*.mp4")}
    assert kept
    assert not (work / "cutout.mp4").exists()
    made = cutout.bake([body[0], body[0]], work)
    assert coarsely.shown == COUNT  # once for both runs
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())
    pictures = [cutout.parted(seen)[1] for seen in frames(made.video, format="yuv420p")]
    assert len(pictures) == 2 * COUNT
    for index in (5, 17, 24):
        assert np.abs(pictures[index] / 255 - pictures[index + COUNT] / 255).mean() < 0.01


def test_a_network_of_the_users_own_takes_the_engines_place(
    tmp_path: Path, body: tuple[Path, list[FloatArray]]
) -> None:
    made = cutout.bake([body[0]], tmp_path / "work", network(tmp_path / "own.onnx"))
    assert made.figures["model"] == "own.onnx"
    found = [cutout.parted(seen)[1] for seen in frames(made.video, format="yuv420p")]
    assert np.mean([np.abs(one / 255 - two).mean() for one, two in zip(found, body[1], strict=True)]) < 0.02


def test_a_place_without_anybody_or_without_a_wall_is_refused(
    tmp_path: Path, coarsely: type[Segmenter]
) -> None:
    for name, alpha, words in (
        ("empty", np.zeros((HEIGHT, WIDTH), np.float32), "nobody"),
        ("full", np.ones((HEIGHT, WIDTH), np.float32), "background"),
    ):
        clip = tmp_path / f"{name}.mp4"
        with VideoWriter(clip, WIDTH, HEIGHT, sound=False) as writer:
            for index in range(8):
                writer.picture(picture(alpha, wall(), index))
        with pytest.raises(AvatarError, match=words):
            cutout.bake([clip], tmp_path / name)


def test_the_presenters_colours_go_on_over_the_edge() -> None:
    alpha = share(0)
    seen = picture(alpha, wall(), 1)
    shown, found = cutout.parted(cutout.stacked(Cut(alpha, colours(seen))))
    assert np.array_equal(found, np.rint(255 * alpha))
    corner = shown[:4, :4].astype(float)
    assert abs(corner.mean() - HEAD[0]) < 60 < abs(wall()[:4, :4, 0].mean() - HEAD[0])


def test_a_cutout_lies_in_the_bundle(
    tmp_path: Path, body: tuple[Path, list[FloatArray]], coarsely: type[Segmenter]
) -> None:
    made = cutout.bake([body[0]], tmp_path / "work")
    with BundleWriter(tmp_path / "a.avatar", "A", {}, {}) as writer:
        made.save(writer)
    bundle = Bundle.open(tmp_path / "a.avatar")
    assert set(bundle.parts) == set(cutout.PARTS)
    assert cutout.light_of(bundle.json(cutout.FIGURES_PART)).shape == (3,)
    with pytest.raises(AvatarError, match="damaged"):
        cutout.light_of({"light": [1, 2]})
