"""How good fitted lips are, on pictures that they were not fitted on: rendered ones against the real ones.

`score` is what a clone's report needs; `avatar_engine.lips.likeness` holds the figures and how each is measured.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import ByteArray, FloatArray, Progress, silent
from avatar_engine.device import Device
from avatar_engine.face.track import FaceTrack
from avatar_engine.lips.drive import Drives
from avatar_engine.lips.likeness.rows import REAL, Figures, measure
from avatar_engine.lips.model import LipsModel
from avatar_engine.lips.motion import CPU

PAINTED, DRIVEN = "painted", "driven"
"""Ways of driving: the real shapes painted again, and the sound."""


@dataclass(frozen=True, slots=True)
class LipsScores:
    """What `score` found.

    Attributes:
        driven: Driven by sound, as in a show.
        painted: The real shapes painted again: the painter alone.
        real_opening: float32 (n,), the real opening as a share of the crop's side.
        driven_opening: The same of the pictures that were driven by sound.
        first: Index of the first measured picture.
        unseen: Rendered pictures in which no face was found (their real neighbour's value is kept out).
        pairs: Some pictures, uint8 (height, width * 3, 3) RGB: real, shape painted again, driven by sound.
    """

    driven: Figures
    painted: Figures
    real_opening: FloatArray
    driven_opening: FloatArray
    first: int
    unseen: int
    pairs: list[ByteArray] = field(repr=False)

    def figures(self) -> dict[str, float]:
        """The scores as flat numbers, for JSON."""
        flat: dict[str, float] = {}
        for way, row in ((DRIVEN, self.driven), (PAINTED, self.painted)):
            known = {f"{way}_{name}": value for name, value in row.as_json().items()}
            flat |= {name: float(value) for name, value in known.items() if value is not None}
        return flat | {"pictures": float(len(self.real_opening)), "unseen": float(self.unseen)}


def score(
    footage: Path,
    samples: FloatArray,
    track: FaceTrack,
    model: LipsModel,
    frames: range,
    given: Drives,
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
        given: What `avatar_engine.lips.drive.drives` made of the whole clip.
        device: Where the painter runs.
        pairs: How many pictures to keep for the eye, evenly spread.
        progress: Told of stage ``likeness``.
        quiet: bool (len(frames),), pictures in which nothing is said; motion in silence is measured where given.
    """
    given = given.part(frames)
    show = set(np.linspace(frames.start, frames.stop - 1, pairs).astype(int).tolist()) if pairs else set()
    kept: dict[int, list[ByteArray]] = {}

    def look(index: int, _: str, picture: ByteArray) -> None:
        if index in show:
            kept.setdefault(index, []).append(picture)

    ways = {PAINTED: given.painted, DRIVEN: given.driven}
    found = measure(
        footage, samples, track, model, frames, ways,
        device=device, seen=(PAINTED,), quiet=quiet, look=look, progress=progress,
    )  # fmt: skip
    return LipsScores(
        driven=found.figures[DRIVEN],
        painted=found.figures[PAINTED],
        real_opening=found.openings[REAL],
        driven_opening=found.openings[DRIVEN],
        first=frames.start,
        unseen=sum(found.figures[name].unseen for name in ways),
        pairs=[np.concatenate(seen, 1) for seen in kept.values()],
    )
