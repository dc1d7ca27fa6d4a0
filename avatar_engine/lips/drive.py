"""What the painter is given for every picture of a clip: its real shapes, and what its sound asks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.face import crop
from avatar_engine.face.track import FaceTrack
from avatar_engine.lips.model import LipsModel
from avatar_engine.lips.motion import MotionStream
from avatar_engine.lips.shape import LANDMARKS, without_jitter


@dataclass(frozen=True, slots=True)
class Drives:
    """Coefficients of every picture, float32 (n, coefficients) each.

    Attributes:
        painted: The real shapes and textures, as the painter was taught them.
        asked: What the sound asks for.
        placed: Where the mouth sits.
    """

    painted: FloatArray
    asked: FloatArray
    placed: FloatArray

    @property
    def driven(self) -> FloatArray:
        """What the sound asks for, where the mouth sits in each picture, as a show has it."""
        return self.asked + self.placed

    def part(self, frames: range) -> Drives:
        """The same of ``frames`` alone; step 1."""
        rows = slice(frames.start, frames.stop)
        return Drives(self.painted[rows], self.asked[rows], self.placed[rows])


def drives(pictures: Iterable[ByteArray], samples: FloatArray, track: FaceTrack, model: LipsModel) -> Drives:
    """What drives the painter in every picture of a clip.

    Args:
        pictures: The clip's, as I420, from the first on; read once.
        samples: float32, the clip's whole sound at 24 kHz.
        track: Its whole face track.
        model: The fitted lips.
    """
    matrices = crop.transforms(track, model.size)
    shapes = crop.to_crop(track.points[:, LANDMARKS], matrices) / np.float32(model.size)
    posed = without_jitter(shapes, crop.takes(track))
    shape = model.basis.project(posed)
    texture = model.texture.seen(pictures, matrices, shape, model.size)
    texture[~track.found] = 0.0
    seen = np.concatenate([shape, texture], 1)
    asked = MotionStream(model).whole(samples).coefficients[: len(seen)]
    placed = model.placement.settled(track, matrices, model.size, seen, asked, model.basis)
    return Drives(painted=seen, asked=asked, placed=placed)
