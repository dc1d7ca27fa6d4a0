from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avatar_engine.device import Device
from avatar_engine.face.track import FaceTrack
from avatar_engine.lips.likeness import rows
from avatar_engine.lips.likeness.motion import Place
from avatar_engine.lips.likeness.rows import REAL, Figures, Measured
from avatar_engine.lips.model import LipsModel
from tests.lips import drawn

DEVICE = Device("cpu", "test", 1, False, False, 1)
COUNT, FIRST = 120, 20
FRAMES = range(FIRST, COUNT)


def gaps() -> np.ndarray:
    """Half speech of many openings with two closures, half silence with the mouth shut."""
    random = np.random.default_rng(4)
    talk = 0.09 + 0.05 * np.convolve(random.normal(0, 1, COUNT), np.hanning(7) / 2, "same")
    talk = np.clip(talk, 0.03, 0.2)
    talk[[34, 35, 52, 53]] = 0.002
    talk[80:] = 0.002
    return talk.astype(np.float32)


class Scene:
    """The drawn clip, its lips, and whatever is painted on it."""

    def __init__(self) -> None:
        self.gaps = gaps()
        self.track: FaceTrack = drawn.still_track(COUNT)
        self.shapes = drawn.put(self.track, self.gaps)
        self.model: LipsModel = drawn.model(self.shapes)
        self.pictures = [drawn.picture(points) for points in self.track.points]
        self.codes = self.model.basis.project(self.shapes)[FIRST:]

    def shut(self) -> np.ndarray:
        return np.repeat(self.model.neutral[None], len(FRAMES), 0)

    def frames(self, path: Path, start: int, stop: int, format: str) -> Iterator[np.ndarray]:  # noqa: A002
        del path
        assert format == "yuv420p"
        yield from (picture.copy() for picture in self.pictures[start:stop])


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


Measure = Callable[..., Measured]


@pytest.fixture
def measure(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Measure:
    monkeypatch.setattr(rows, "Landmarker", drawn.Eye)
    monkeypatch.setattr(rows, "read_frames", scene.frames)

    def run(ways: dict[str, np.ndarray], **more: Any) -> Measured:
        loud = np.repeat(scene.gaps, 960) * np.sin(np.arange(COUNT * 960) / 9)
        samples = loud.astype(np.float32)
        return rows.measure(
            Path("none"), samples, scene.track, scene.model, FRAMES, ways, device=DEVICE,
            phones=(Place("p", 14), Place("b", 33), Place("m", 50), Place("a", 20)),
            quiet=np.arange(FIRST, COUNT) >= 84, **more,
        )  # fmt: skip

    return run


def test_the_real_pictures_are_like_themselves(measure: Measure) -> None:
    figures = measure({}).figures
    assert list(figures) == [REAL]
    real = figures[REAL]
    ones = (
        real.correlation,
        real.spread,
        real.width_correlation,
        real.phone_correlation,
        real.ssim,
        real.sharpness,
    )
    assert ones == pytest.approx((1,) * 6, abs=1e-6)
    assert (real.flicker, real.flicker_plain, real.seam, real.seam_plain) == pytest.approx((1,) * 4)
    assert real.seam_worst == 0
    assert real.distance == 0 and abs(real.offset_ms) < 1e-6 and real.psnr > 75 and real.unseen == 0
    assert (real.closings, real.closings_real, real.closings_hit, real.closures) == (3, 2, 2, 1.0)


def test_a_perfect_painter_comes_close(scene: Scene, measure: Measure) -> None:
    found = measure({"painted": scene.codes})
    painted = found.figures["painted"]
    assert painted.correlation > 0.99 and painted.spread == pytest.approx(1, abs=0.05)
    assert painted.distance < 0.5 and painted.distance_share < 0.01
    assert painted.closures == 1 and painted.wrongly_closed == 0
    assert painted.psnr > 28 and painted.ssim > 0.95
    assert (
        painted.face_psnr > painted.psnr > painted.lips_psnr - 1
    )  # the smaller the box, the more of it is mouth
    assert abs(painted.offset_ms) < 4 and painted.seam < 1.05
    assert len(found.errors["painted"]) == len(found.openings["painted"]) == len(FRAMES)
    assert found.first == FIRST


def test_a_mouth_that_comes_late_is_told(scene: Scene, measure: Measure) -> None:
    late = measure({"late": np.roll(scene.codes, 2, 0)}).figures["late"]
    assert late.offset_ms == pytest.approx(80, abs=8)
    assert late.sound_offset_ms == pytest.approx(80, abs=25)
    assert late.correlation < 0.9


def test_a_mouth_that_opens_half_as_far_has_half_the_spread(scene: Scene, measure: Measure) -> None:
    neutral = scene.model.neutral
    half = measure({"half": neutral + (scene.codes - neutral) / 2}).figures["half"]
    assert half.spread == pytest.approx(0.5, abs=0.06)
    assert half.distance > 0.5


def test_a_mouth_that_stays_shut_closes_everywhere_also_where_it_must_not(
    scene: Scene, measure: Measure
) -> None:
    shut = measure({"shut": scene.shut()}).figures["shut"]
    assert shut.closures == 1 and shut.wrongly_closed == 1
    assert shut.correlation == 0 and shut.spread < 0.01


def test_a_mouth_that_trembles_in_silence_is_told(scene: Scene, measure: Measure) -> None:
    codes = scene.codes.copy()
    codes[70::2] = scene.model.basis.project(scene.shapes[FIRST:])[0]
    figures = measure({"restless": codes, "calm": scene.codes}).figures
    restless, calm = figures["restless"], figures["calm"]
    assert restless.rest_opening is not None and calm.rest_opening is not None
    assert restless.rest_opening > 3 and calm.rest_lips_px is not None
    assert restless.rest_lips_px is not None and restless.rest_lips_px > calm.rest_lips_px + 0.5
    assert restless.rest_open is not None and calm.rest_open is not None
    assert restless.rest_open > calm.rest_open + 0.01
    assert restless.flicker > 1.3 > 1.1 > calm.flicker


def test_what_is_not_known_is_not_made_up(scene: Scene, measure: Measure) -> None:
    figures = rows.measure(
        Path("none"), np.zeros(COUNT * 960, np.float32), scene.track, scene.model, FRAMES, {}, device=DEVICE
    ).figures[REAL]
    none = (
        figures.closures,
        figures.closings,
        figures.phone_correlation,
        figures.rest_lips,
        figures.rest_open,
    )
    assert none == (None,) * 5
    flat = figures.as_json()
    assert flat["closures"] is None and flat["correlation"] == pytest.approx(1)


def test_pictures_without_a_face_count_in_nothing_that_needs_one(
    scene: Scene, measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Blind(drawn.Eye):
        seen = 0

        def detect(self, rgb: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
            Blind.seen += 1
            return [] if Blind.seen % 10 == 0 else super().detect(rgb)

    monkeypatch.setattr(rows, "Landmarker", Blind)
    painted = measure({"painted": scene.codes}).figures["painted"]
    assert painted.unseen == len(FRAMES) * 2 // 10
    assert painted.correlation > 0.98 and painted.distance < 0.5


def test_every_picture_of_every_way_is_shown(scene: Scene, measure: Measure) -> None:
    seen: list[tuple[int, str]] = []
    told: list[float] = []

    def look(index: int, way: str, picture: np.ndarray) -> None:
        assert picture.shape == (drawn.HEIGHT, drawn.WIDTH, 3)
        seen.append((index, way))

    measure({"painted": scene.codes}, look=look, progress=lambda stage, done, note: told.append(done))
    assert seen == [(index, way) for index in FRAMES for way in (REAL, "painted")]
    assert told[-1] == 1 and told == sorted(told)


def test_a_clip_that_ends_early_is_measured_as_far_as_it_goes(
    scene: Scene, measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut(path: Path, start: int, stop: int, format: str) -> Iterator[np.ndarray]:  # noqa: A002
        return scene.frames(path, start, min(stop, 100), format)

    monkeypatch.setattr(rows, "read_frames", cut)
    found = measure({"painted": scene.codes})
    assert len(found.openings["painted"]) == 100 - FIRST and found.silent is not None
    assert len(found.silent) == 100 - FIRST
    assert found.figures["painted"].correlation > 0.99


def test_closures_are_a_share_of_the_real_ones(measure: Measure) -> None:
    real: Figures = measure({}).figures[REAL]
    assert replace(real, closings_real=4, closings_hit=3).closures == 0.75
    assert replace(real, closings_real=0, closings_hit=0).closures is None
