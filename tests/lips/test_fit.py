from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import av
import cv2
import numpy as np
import pytest
import torch

from avatar_engine.device import Device, onnx_session
from avatar_engine.errors import AvatarError
from avatar_engine.face.crop import Crop, extract, takes, to_crop, transforms
from avatar_engine.face.track import FaceTrack
from avatar_engine.lips import fit as lips_fit
from avatar_engine.lips import shape
from avatar_engine.lips.crops import Crops
from avatar_engine.lips.echo import Echo
from avatar_engine.lips.expression import smile
from avatar_engine.lips.fit import fit, painted_again
from avatar_engine.lips.fit_motion import fit_motion
from avatar_engine.lips.model import VERSION, LipsModel
from avatar_engine.lips.painter import TINTS, Appearance, Painter, export
from avatar_engine.lips.render import Renderer
from avatar_engine.media.picture import planes
from avatar_engine.media.read import frames
from tests.face.test_crop import make_track
from tests.lips.drawn_lesson import SIZE, drawn_lesson
from tests.lips.test_shape import make_shapes

DEVICE = Device("cpu", "test", 1, False, False, 1)
COUNT = 160


def frozen() -> float:
    """A clock that stands still: no budget runs out, however slow the machine."""
    return 0.0


class Parts(dict[str, Any]):
    """A bundle in memory."""

    add_bytes = add_json = add_tensors = dict.__setitem__

    read = json = tensors = dict.__getitem__


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray, FaceTrack]:
    """A face of drawn lips whose opening follows the loudness of a hum."""
    track = make_track(COUNT)
    gaps = np.clip(0.12 * np.sin(np.arange(COUNT) / 4), 0, None).astype(np.float32)
    matrices = transforms(track, 64)
    inverse = np.stack([cv2.invertAffineTransform(m) for m in matrices]).astype(np.float32)
    track.points[:, shape.LANDMARKS, :2] = to_crop(make_shapes(gaps) * 64, inverse)
    # As a tracker's: without noise all shapes are one line, and the basis' other directions mean nothing.
    noise = np.random.default_rng(3).normal(0, 0.3, (COUNT, len(shape.LANDMARKS), 2))
    track.points[:, shape.LANDMARKS, :2] += noise.astype(np.float32)
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 288, "yuv420p"
        for points in track.points:
            picture = np.full((288, 320, 3), (170, 130, 110), np.uint8)
            for line, colour in ((shape.OUTER, (170, 60, 60)), (shape.INNER, (30, 10, 10))):
                cv2.fillPoly(picture, [np.round(points[list(line), :2]).astype(np.int32)], colour)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))
    time = np.arange(COUNT * 960) / 24000
    loud = np.interp(np.arange(COUNT * 960) / 960, np.arange(COUNT) + 0.5, gaps)
    samples = (4 * loud * np.sin(2 * np.pi * 200 * time) + 0.0005 * np.sin(time * 9000)).astype(np.float32)
    return path, samples, track


def fitted_in(work: Path, clip: tuple[Path, np.ndarray, FaceTrack], steps: int) -> LipsModel:
    """Lips fitted to the clip's first 140 pictures in so many steps."""
    return fit(
        *clip, train=range(140), device=DEVICE, budget=100, clock=frozen, work=work, size=64, steps=steps
    )


def test_grain_is_fitted_on_what_a_show_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are painted with the slow part of their textures, and only those whose next one counts, too."""
    lesson = drawn_lesson()
    slow = np.random.default_rng(1).normal(0, 1, (len(lesson.coefficients), 2)).astype(np.float32)
    whole = np.concatenate([lesson.coefficients, slow + 3], 1)
    lesson = replace(lesson, coefficients=whole, slow=slow, rows=np.array([0, 1, 2, 5, 6, 9]))
    asked: list[np.ndarray] = []

    class Session:
        def run(self, _: Any, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
            asked.append(feeds["coefficients"][0])
            return [feeds["luma"]]

    monkeypatch.setattr(lips_fit, "onnx_session", lambda *_: Session())
    model = cast(LipsModel, SimpleNamespace(painter=b"", size=SIZE, basis=lesson.basis))
    pairs = [(one, other) for one, other, _ in painted_again(model, lesson, DEVICE)]
    rows, own = [0, 1, 5], lesson.basis.coefficients
    assert np.stack(asked) == pytest.approx(np.concatenate([lesson.coefficients[rows, :own], slow[rows]], 1))
    for row, (one, other) in zip(rows, pairs, strict=True):
        assert (one == lesson.crops.luma[row, 0]).all() and (other == lesson.crops.luma[row + 1, 0]).all()


@pytest.fixture(scope="module")
def fitted(clip: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[LipsModel, Path]:
    work = tmp_path_factory.mktemp("work")
    model = fitted_in(work, clip, 100)
    return model, work


def test_the_painter_learns(fitted: tuple[LipsModel, Path]) -> None:
    figures = fitted[0].figures
    assert figures["painter_steps"] == 100
    # The painter starts from a linear fit of the pixels; without a step of training this stays at 1.02.
    assert figures["painter_loss"] < 0.98 * figures["painter_first_loss"]


def test_the_painted_mouth_opens_as_its_shape_does(clip: Any, fitted: tuple[LipsModel, Path]) -> None:
    path, _, track = clip
    matrices, renderer = transforms(track, 64), Renderer(fitted[0], DEVICE)
    shapes = to_crop(track.points[:, shape.LANDMARKS, :2], matrices) / np.float32(64)
    codes = np.zeros((COUNT, len(fitted[0].neutral)), np.float32)  # the usual look of each shape
    codes[:, : shape.COEFFICIENTS] = fitted[0].basis.project(shape.without_jitter(shapes, takes(track)))
    real, true, painted = Crop.empty(64), [], []
    for picture, matrix, code in zip(frames(path, format="yuv420p"), matrices, codes, strict=True):
        extract(picture, matrix, real)
        true.append(real.luma[28:38, 20:44].mean())  # the lips: the wider open, the darker
        painted.append(renderer.painted(picture, matrix, code).luma[28:38, 20:44].mean())
    assert np.ptp(true) > 40
    assert np.corrcoef(painted, true)[0, 1] > 0.95


def test_the_motion_net_hears_the_opening(fitted: tuple[LipsModel, Path]) -> None:
    assert fitted[0].figures["motion_correlation"] > 0.6


def test_neutral_is_closed(fitted: tuple[LipsModel, Path]) -> None:
    model = fitted[0]
    assert model.basis.opening(model.neutral[None])[0] < 0.03


def test_expressions_and_grain_are_the_persons_own(fitted: tuple[LipsModel, Path]) -> None:
    model = fitted[0]
    biased = model.neutral + model.expressions.biases
    happy, serious = smile(model.basis.shape(biased))
    usual = smile(model.basis.shape(model.neutral[None]))[0]
    assert happy > usual + 0.002 and usual > serious + 0.002  # shares of the crop's side
    assert np.isfinite(model.expressions.lowest).all() and np.isfinite(model.expressions.highest).all()
    assert (model.expressions.lowest < model.expressions.highest).all()
    assert model.grain.strength[model.mask > 0.5].mean() > 0.2 and model.grain.tiles(1).any()
    assert not model.grain.strength[model.mask == 0].any()


def test_a_saved_model_paints_the_same(clip: Any, fitted: tuple[LipsModel, Path]) -> None:
    model, parts = fitted[0], Parts()
    model.save(parts)
    again = LipsModel.load(parts)
    matrix = transforms(clip[2], 64)[3]
    pictures = [np.full((288 * 3 // 2, 320), 120, np.uint8) for _ in range(2)]
    for which, picture in zip((model, again), pictures, strict=True):
        Renderer(which, DEVICE).paint(picture, matrix, model.neutral)
    assert (pictures[0] == pictures[1]).all()
    luma = planes(pictures[0])[0]
    assert 500 < (luma != 120).sum() < luma.size / 3


def test_mismatched_parts_are_refused(fitted: tuple[LipsModel, Path]) -> None:
    parts = Parts()
    replace(fitted[0], size=96).save(parts)
    with pytest.raises(AvatarError, match="don't fit together"):
        LipsModel.load(parts)
    fitted[0].save(parts)
    parts["lips/lips.json"] = {**parts["lips/lips.json"], "version": 99}
    with pytest.raises(AvatarError, match="version 99"):
        LipsModel.load(parts)
    del parts["lips/lips.json"]["gate"]
    parts["lips/lips.json"]["version"] = VERSION
    with pytest.raises(AvatarError, match="incomplete"):
        LipsModel.load(parts)


def test_an_interrupted_fit_goes_on(clip: Any, fitted: tuple[LipsModel, Path]) -> None:
    model, work = fitted
    before = {
        name: (work / name).stat().st_mtime_ns for name in ("motion-0.safetensors", "motion-7.safetensors")
    }
    more = fitted_in(work, clip, 103)
    assert more.figures["painter_steps"] == 103
    assert more.figures["painter_first_loss"] == model.figures["painter_first_loss"]  # not begun again
    assert all((work / name).stat().st_mtime_ns == time for name, time in before.items())


def test_the_motion_begins_with_others_ears_and_hears_the_echoes(
    clip: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}
    order: list[str] = []

    def stop(*_: Any, **more: Any) -> Any:
        given.update(more)
        raise KeyboardInterrupt

    def paint(*_: Any, **more: Any) -> Any:
        order.append("painter")
        return None, {"painter_loss": 0.0}

    def echoes() -> list[Echo]:
        order.append("echoes")  # the voice that says them is fitted while the painter is
        return [echo]

    monkeypatch.setattr(lips_fit, "fit_motion", stop)
    monkeypatch.setattr(lips_fit, "fit_painter", paint)
    echo = Echo(np.zeros(960, np.float32), np.zeros(1))
    with pytest.raises(KeyboardInterrupt):
        fit(*clip, train=range(140), device=DEVICE, budget=100, work=tmp_path, size=64, echoes=echoes)
    assert given["echoes"] == [echo]
    assert len(given["ears"]) == 2
    assert order == ["painter", "echoes"]


def test_too_few_faces_are_refused(clip: Any, tmp_path: Path) -> None:
    path, samples, track = clip
    blind = replace(track, found=np.arange(COUNT) < 40)
    with pytest.raises(AvatarError, match="Only 40 pictures"):
        fit(path, samples, blind, train=range(140), device=DEVICE, budget=5, work=tmp_path)


@pytest.mark.parametrize("size", [64, 192])
def test_onnx_painter_agrees_with_torch(size: int) -> None:
    random = np.random.default_rng(0)
    torch.manual_seed(0)
    mask = np.zeros((size, size), np.float32)
    mask[size // 4 : -size // 4, size // 4 : -size // 4] = 1
    look = Appearance(
        luma=random.uniform(0, 9, (14 + TINTS, size, size)).astype(np.float32),
        chroma=random.uniform(0, 9, (14 + TINTS, 2, size // 2, size // 2)).astype(np.float32),
        skin=(1 - mask) * (np.arange(size) < size // 2)[:, None],
        tint=np.array([128, 110, 140], np.float32),
        spread=np.array([6, 2, 2], np.float32),
    )
    look.luma[0] += 120
    painter = Painter(size, mask, look, 7).eval()
    torch.nn.init.normal_(painter.paint.weight, 0, 0.02)
    session = onnx_session(export(painter), DEVICE, 1)
    for batch in (1, 3):
        feeds = {
            "luma": random.integers(0, 256, (batch, 1, size, size)).astype(np.uint8),
            "chroma": random.integers(0, 256, (batch, 2, size // 2, size // 2)).astype(np.uint8),
            "shapes": random.integers(0, 256, (batch, 3, size, size)).astype(np.uint8),
            "coefficients": random.normal(0, 1, (batch, 7)).astype(np.float32),
        }
        got = session.run(None, feeds)
        with torch.no_grad():
            want = painter(*(torch.from_numpy(value) for value in feeds.values()))
        for ours, theirs in zip(got, want, strict=True):
            assert ours.dtype == np.uint8
            assert np.abs(ours - np.clip(theirs.numpy(), 0, 255)).max() <= 0.51
        feeds["luma"][:, :, mask > 0] = 0  # what lies under the mask is not looked at
        hidden = session.run(None, feeds)[0]
        assert (hidden == got[0]).all()


@pytest.mark.parametrize("size", [64, 192])
def test_painted_skin_follows_the_light_of_the_picture(size: int) -> None:
    """In footage with steady light a picture in another light is painted in that light, as far as the rim."""
    random = np.random.default_rng(0)
    mask = np.zeros((size, size), np.float32)
    mask[size // 3 : -size // 8, size // 4 : -size // 4] = 1
    skin = (1 - mask) * (np.arange(size) < size // 2)[:, None]
    luma = np.tile(random.integers(90, 150, (1, 1, size, size)), (60, 1, 1, 1)).astype(np.uint8)
    chroma = np.tile(random.integers(100, 150, (1, 2, size // 2, size // 2)), (60, 1, 1, 1)).astype(np.uint8)
    codes = random.normal(0, 1, (60, 4)).astype(np.float32)
    look = Crops(luma, chroma).appearance(codes, np.arange(60), skin)
    painter = Painter(size, mask, look, 4).eval()
    other = torch.tensor([1.5, -1.0, 1.8])
    with torch.no_grad():
        shapes, code = torch.zeros(1, 3, size, size), torch.zeros(1, 4)
        real = torch.from_numpy(luma[:1]).float(), torch.from_numpy(chroma[:1]).float()
        lit = real[0] + other[0], real[1] + other[1:, None, None]
        steady, followed = painter(*real, shapes, code), painter(*lit, shapes, code)
        wild = painter(real[0], real[1] + 60, shapes, code)
    inside, half = mask > 0, mask[::2, ::2] > 0
    assert np.abs(steady[0][0, 0].numpy() - luma[0, 0])[inside].max() < 1
    assert (followed[0] - steady[0])[0, 0].numpy()[inside] == pytest.approx(1.5, abs=0.1)
    assert (followed[1] - steady[1])[0, 0].numpy()[half] == pytest.approx(-1.0, abs=0.1)
    assert (followed[1] - steady[1])[0, 1].numpy()[half] == pytest.approx(1.8, abs=0.1)
    assert (wild[1] - steady[1])[0, 0].numpy()[
        half
    ].max() < 3  # something else than skin came before the cheek


def test_gate_lies_between_noise_and_speech() -> None:
    random = np.random.default_rng(0)
    loud = np.repeat(np.arange(100) % 10 < 7, 960)
    samples = (random.normal(0, 1, 96000) * np.where(loud, 0.2, 0.002)).astype(np.float32)
    gate = lips_fit._gate(samples)
    assert -54 < gate.shut < gate.open < gate.speech - 15
    assert gate.speech == pytest.approx(-14, abs=1)


def test_spread_is_made_up_for(tmp_path: Path) -> None:
    """A shape that sound tells only in part is predicted at nearly its full spread."""
    random = np.random.default_rng(1)
    gaps = np.repeat(random.uniform(0, 0.15, 60), 5)[:300]
    loud = np.repeat(0.02 + gaps, 960)
    samples = (random.normal(0, 1, len(loud)) * loud).astype(np.float32)
    real = make_shapes((gaps + random.normal(0, 0.03, 300)).clip(0).astype(np.float32))
    basis = shape.fit_basis(real, 4)
    onnx, figures = fit_motion(
        samples,
        basis.project(real),
        np.ones(300, bool),
        basis,
        budget=30,
        work=tmp_path,
        members=4,
        epochs=12,
    )
    assert figures["motion_gain"] > 1.02 and len(onnx) > 1000
