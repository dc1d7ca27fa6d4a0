"""How good fitted lips are, on pictures that they were not fitted on: rendered ones against the real ones.

`score` is what a clone's report needs; `avatar_engine.lips.likeness` holds the figures and how each is measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import ByteArray, FloatArray, Progress, silent
from avatar_engine.device import Device
from avatar_engine.face import crop
from avatar_engine.face.track import FaceTrack
from avatar_engine.lips.likeness.rows import REAL, Figures, Measured, measure
from avatar_engine.lips.model import LipsModel
from avatar_engine.lips.motion import CPU, MotionStream
from avatar_engine.lips.shape import LANDMARKS, without_jitter

PAINTED, DRIVEN = "painted", "driven"
"""Ways of driving: the real shapes painted again, and the sound."""


@dataclass(frozen=True, slots=True)
class Way:
    """Figures of one way of driving the mouth; `avatar_engine.lips.likeness.rows.Figures` says how they are measured.

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
        rows: All figures of both ways.
    """

    driven: Way
    painted: Way
    real_opening: FloatArray
    predicted_opening: FloatArray
    first: int
    unseen: int
    pairs: list[ByteArray] = field(repr=False)
    rows: Mapping[str, Figures] = field(default_factory=dict)

    def figures(self) -> dict[str, float]:
        """The scores as flat numbers, for JSON."""
        names = ("correlation", "spread", "width_correlation", "psnr", "lips_psnr", "distance", "sharpness")
        flat = {f"driven_{name}": float(getattr(self.driven, name)) for name in names}
        flat |= {f"painted_{name}": float(getattr(self.painted, name)) for name in names}
        for way, row in self.rows.items():
            known = {f"{way}_{name}": value for name, value in row.as_json().items()}
            flat |= {name: float(value) for name, value in known.items() if value is not None}
        return flat | {"pictures": float(len(self.real_opening)), "unseen": float(self.unseen)}


@dataclass(frozen=True, slots=True)
class Drives:
    """Coefficients of every measured picture, float32 (n, coefficients): real shapes, sound, and the mouth's place."""

    painted: FloatArray
    asked: FloatArray
    placed: FloatArray

    @property
    def driven(self) -> FloatArray:
        """What the sound asks for, where the mouth sits in each picture, as a show has it."""
        return self.asked + self.placed


def drives(samples: FloatArray, track: FaceTrack, model: LipsModel, frames: range) -> Drives:
    """What the painter is given for ``frames``: the real shapes as it was taught them, and what the sound asks for.

    Args:
        samples: float32, the clip's whole sound at 24 kHz.
        track: Its whole face track.
        model: The fitted lips.
        frames: Which pictures; step 1.
    """
    part = slice(frames.start, frames.stop)
    matrices = crop.transforms(track, model.size)
    shapes = crop.to_crop(track.points[:, LANDMARKS], matrices) / np.float32(model.size)
    posed = without_jitter(shapes, crop.takes(track))
    seen = model.basis.project(posed)
    asked = MotionStream(model).whole(samples).coefficients[: len(seen)]
    placed = model.placement.settled(track, matrices, model.size, seen, asked, model.basis)
    return Drives(painted=seen[part], asked=asked[part], placed=placed[part])


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
    quiet: npt.NDArray[np.bool_] | None = None,
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
        progress: Told of stage ``likeness``.
        quiet: bool (len(frames),), pictures in which nothing is said; motion in silence is measured where given.
    """
    given = drives(samples, track, model, frames)
    show = set(np.linspace(frames.start, frames.stop - 1, pairs).astype(int).tolist()) if pairs else set()
    kept: dict[int, list[ByteArray]] = {}

    def look(index: int, _: str, picture: ByteArray) -> None:
        if index in show:
            kept.setdefault(index, []).append(picture)

    ways = {PAINTED: given.painted, DRIVEN: given.driven}
    found = measure(
        footage, samples, track, model, frames, ways,
        device=device, quiet=quiet, look=look, progress=progress,
    )  # fmt: skip
    count = len(found.openings[REAL])
    return LipsScores(
        driven=_way(found, DRIVEN),
        painted=_way(found, PAINTED),
        real_opening=found.openings[REAL],
        predicted_opening=model.basis.opening(given.driven)[:count],
        first=frames.start,
        unseen=sum(found.figures[name].unseen for name in ways),
        pairs=[np.concatenate(seen, 1) for seen in kept.values()],
        rows={name: found.figures[name] for name in ways},
    )


def _way(found: Measured, name: str) -> Way:
    row = found.figures[name]
    return Way(
        correlation=row.correlation,
        spread=row.spread,
        width_correlation=row.width_correlation,
        psnr=row.psnr,
        lips_psnr=row.lips_psnr,
        distance=row.distance,
        sharpness=row.sharpness,
        opening=found.openings[name],
    )
