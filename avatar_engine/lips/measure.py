"""How good fitted lips are, on pictures that they were not fitted on: rendered ones against the real ones.

The mouth opening of rendered pictures is measured by the landmarker on those pictures, not taken from the
coefficients that drove them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from avatar_engine.contracts import ByteArray, FloatArray, Progress, silent
from avatar_engine.device import Device
from avatar_engine.face import crop
from avatar_engine.face.track import FaceTrack, Landmarker
from avatar_engine.lips.model import LipsModel
from avatar_engine.lips.motion import CPU, MotionStream
from avatar_engine.lips.render import Renderer
from avatar_engine.lips.shape import LANDMARKS, OUTER, opening, width, without_jitter
from avatar_engine.media.read import frames as read_frames

INNER_END = 40
"""Landmarks of a shape that are lips; the rest is jaw."""


@dataclass(frozen=True, slots=True)
class Way:
    """Figures of one way of driving the mouth.

    Attributes:
        correlation: Of the rendered with the real opening, over all measured pictures.
        spread: Standard deviation of the rendered opening over the real one's.
        width_correlation: Of the distance between the corners of the mouth.
        psnr: Of the box round all that is painted (mouth, chin, lower cheeks) against the real pixels, RGB, dB,
            the mean over the pictures.
        lips_psnr: The same of the tight box round the lips alone, where nearly all of the error lies.
        distance: Mean distance of rendered lip landmarks from the real ones, in pixels of the picture.
        sharpness: Strength of fine detail (mean absolute Laplacian) in the mouth box over the real one's.
        opening: float32 (n,), the rendered opening as a share of the crop's side, for plots.
    """

    correlation: float
    spread: float
    width_correlation: float
    psnr: float
    lips_psnr: float
    distance: float
    sharpness: float
    opening: FloatArray = field(repr=False)


@dataclass(frozen=True, slots=True)
class LipsScores:
    """What `score` found.

    Attributes:
        driven: Driven by sound, as in a show.
        painted: The real shapes painted again: the painter alone.
        real_opening: float32 (n,), the real opening as a share of the crop's side.
        predicted_opening: float32 (n,), the opening that the motion net asked for.
        first: Index of the first measured picture.
        unseen: Rendered pictures in which no face was found (their real neighbour's value is kept out).
        pairs: Some pictures, uint8 (height, width * 3, 3) RGB: real, shape painted again, driven by sound.
    """

    driven: Way
    painted: Way
    real_opening: FloatArray
    predicted_opening: FloatArray
    first: int
    unseen: int
    pairs: list[ByteArray] = field(repr=False)

    def figures(self) -> dict[str, float]:
        """The scores as flat numbers, for JSON."""
        names = ("correlation", "spread", "width_correlation", "psnr", "lips_psnr", "distance", "sharpness")
        flat = {f"driven_{name}": float(getattr(self.driven, name)) for name in names}
        flat |= {f"painted_{name}": float(getattr(self.painted, name)) for name in names}
        return flat | {"pictures": float(len(self.real_opening)), "unseen": float(self.unseen)}


@dataclass(slots=True)
class _Tally:
    """What is summed up over the pictures of one way."""

    points: list[FloatArray] = field(default_factory=list)
    found: list[bool] = field(default_factory=list)
    psnr: list[float] = field(default_factory=list)
    lips_psnr: list[float] = field(default_factory=list)
    detail: float = 0.0


def score(
    footage: Path,
    samples: FloatArray,
    track: FaceTrack,
    model: LipsModel,
    frames: range,
    *,
    device: Device = CPU,
    pairs: int = 6,
    progress: Progress = silent,
) -> LipsScores:
    """Render ``frames`` twice, from the real shapes and from the sound, and measure both.

    Args:
        footage: 25 fps video.
        samples: float32, its whole sound at 24 kHz.
        track: Its whole face track.
        model: The fitted lips.
        frames: Which pictures; step 1.
        device: Where the painter runs.
        pairs: How many pictures to keep for the eye, evenly spread.
        progress: Told of stage ``lips score``.
    """
    matrices = crop.transforms(track, model.size)
    real, posed = _real(track, matrices, model)
    asked = _asked(samples, model, frames)
    placed = model.placement.offsets(track, matrices, model.size)[frames.start : frames.stop]
    shapes = model.basis.project(posed[frames.start : frames.stop])
    renderer = Renderer(model, device)
    box = _mouth_box(real, model.size)
    ways = {"painted": (_Tally(), shapes), "driven": (_Tally(), asked + placed)}
    rows, columns = np.flatnonzero(model.mask.any(1)), np.flatnonzero(model.mask.any(0))
    painted_box = (float(columns[0]), float(rows[0]), float(columns[-1]), float(rows[-1]))
    true_detail, kept = 0.0, []
    show = set(np.linspace(0, len(frames) - 1, pairs).astype(int).tolist()) if pairs else set()
    with Landmarker(faces=1) as landmarker:
        pictures = read_frames(footage, frames.start, frames.stop, format="yuv420p")
        for row, (index, picture) in enumerate(zip(frames, pictures, strict=False)):
            true = _rgb(picture)
            area = _area(matrices[index], box, true.shape)
            true_detail += _detail(true[area])
            wide = _area(matrices[index], painted_box, true.shape)
            seen = [true]
            for tally, codes in ways.values():
                canvas = picture.copy()
                renderer.paint(canvas, matrices[index], codes[row])
                rendered = _rgb(canvas)
                _add(tally, rendered, true, area, landmarker)
                tally.psnr.append(_psnr(rendered[wide], true[wide]))
                seen.append(rendered)
            if row in show:
                kept.append(np.concatenate(seen, 1))
            if row % 10 == 0:
                progress("lips score", row / len(frames), "")
    progress("lips score", 1.0, "")
    part = slice(frames.start, frames.start + len(ways["driven"][0].found))
    truth = (real[part], track.found[part], matrices[part])
    done = {name: _way(tally, truth, model.size, true_detail) for name, (tally, _) in ways.items()}
    unseen = sum(len(tally.found) - sum(tally.found) for tally, _ in ways.values())
    predicted = model.basis.opening(asked + placed)
    return LipsScores(
        driven=done["driven"],
        painted=done["painted"],
        real_opening=opening(real[part]),
        predicted_opening=predicted[: len(real[part])],
        first=frames.start,
        unseen=unseen,
        pairs=kept,
    )


def _real(track: FaceTrack, matrices: FloatArray, model: LipsModel) -> tuple[FloatArray, FloatArray]:
    """The real shapes as they are, and as the painter was taught them (without jitter)."""
    takes = crop.takes(track)
    shapes = crop.to_crop(track.points[:, LANDMARKS], matrices) / np.float32(model.size)
    return shapes, without_jitter(shapes, takes)


def _asked(samples: FloatArray, model: LipsModel, frames: range) -> FloatArray:
    return MotionStream(model).whole(samples).coefficients[frames.start : frames.stop]


def _mouth_box(shapes: FloatArray, size: int) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of where the lips ever are, in crop pixels, with a rim."""
    lips = shapes[:, : len(OUTER)] * size
    low, high = np.percentile(lips.min(1), 2, axis=0), np.percentile(lips.max(1), 98, axis=0)
    rim = 0.06 * size
    return float(low[0] - rim), float(low[1] - rim), float(high[0] + rim), float(high[1] + rim)


def _area(
    matrix: FloatArray, box: tuple[float, float, float, float], shape: tuple[int, ...]
) -> tuple[slice, slice]:
    """The mouth box of one picture as slices of its rows and columns."""
    left, top, right, bottom = box
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
    back = cv2.invertAffineTransform(matrix)
    there = corners @ back[:, :2].T + back[:, 2]
    low = np.maximum(np.floor(there.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(there.max(0)).astype(int), (shape[1], shape[0]))
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def _add(
    tally: _Tally, rendered: ByteArray, true: ByteArray, area: tuple[slice, slice], landmarker: Landmarker
) -> None:
    tally.lips_psnr.append(_psnr(rendered[area], true[area]))
    tally.detail += _detail(rendered[area])
    faces = landmarker.detect(rendered)
    tally.found.append(bool(faces))
    points = faces[0][0][:, :2] if faces else np.zeros((478, 2), np.float32)
    tally.points.append(points[list(LANDMARKS)])


def _rgb(picture_i420: ByteArray) -> ByteArray:
    return np.asarray(cv2.cvtColor(picture_i420, cv2.COLOR_YUV2RGB_I420), np.uint8)


def _psnr(a: ByteArray, b: ByteArray) -> float:
    difference = a.astype(np.float32) - b
    return float(10 * np.log10(255**2 / max(float((difference * difference).mean()), 1e-3)))


def _detail(patch: ByteArray) -> float:
    grey = cv2.cvtColor(np.ascontiguousarray(patch), cv2.COLOR_RGB2GRAY)
    return float(np.abs(cv2.Laplacian(grey, cv2.CV_32F)).mean())


def _way(
    tally: _Tally,
    truth: tuple[FloatArray, np.ndarray[tuple[int], np.dtype[np.bool_]], FloatArray],
    size: int,
    true_detail: float,
) -> Way:
    real, real_found, matrices = truth
    shapes = crop.to_crop(np.stack(tally.points), matrices) / np.float32(size)
    both = np.array(tally.found) & real_found
    gaps, true = opening(shapes), opening(real)
    apart = np.linalg.norm(shapes[both, :INNER_END] - real[both, :INNER_END], axis=2).mean(1) * size
    scale = np.hypot(matrices[both, 0, 0], matrices[both, 1, 0])
    return Way(
        correlation=_correlation(gaps[both], true[both]),
        spread=float(gaps[both].std() / max(float(true[both].std()), 1e-9)),
        width_correlation=_correlation(width(shapes[both]), width(real[both])),
        psnr=float(np.mean(tally.psnr)),
        lips_psnr=float(np.mean(tally.lips_psnr)),
        distance=float((apart / scale).mean()),
        sharpness=tally.detail / max(true_detail, 1e-9),
        opening=gaps,
    )


def _correlation(a: FloatArray, b: FloatArray) -> float:
    if len(a) < 2 or a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
