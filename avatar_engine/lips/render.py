"""Painted mouths in live pictures: crop, paint, paste, in place, on planar I420."""

from __future__ import annotations

import numpy as np

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.device import Device
from avatar_engine.face.crop import Crop, Paster, extract
from avatar_engine.inference import Session, ready
from avatar_engine.lips.grain import Grainer
from avatar_engine.lips.model import LipsModel
from avatar_engine.lips.shape import draw


class Renderer:
    """Paints one person's mouth shapes into pictures of that person.

    Args:
        model: The fitted lips.
        device: Where the painter runs (CUDA where the device says so).
        threads: Threads of the painter; a show on a shared machine wants 1.
        session: The painter's session, where several renderers of one person share it; None for one of its own.
    """

    def __init__(
        self,
        model: LipsModel,
        device: Device,
        threads: int = 1,
        session: Session | None = None,
    ) -> None:
        self._session = session or ready(model.painter, device, threads)
        self._basis = model.basis
        self._paster = Paster(model.mask)
        self._grainer = Grainer(model.grain)
        size = model.size
        self._crop = Crop.empty(size)
        self._shapes = np.empty((1, 3, size, size), np.uint8)

    def paint(self, picture_i420: ByteArray, matrix: FloatArray, coefficients: FloatArray) -> None:
        """Paint one mouth shape into one picture, in place.

        Args:
            picture_i420: uint8 (height * 3 // 2, width), contiguous and writable.
            matrix: float32 (2, 3), picture to crop, from `avatar_engine.face.crop.transforms`.
            coefficients: float32 (coefficients,), one row of a `MouthMotion`.
        """
        painted = self.painted(picture_i420, matrix, coefficients)
        self._paster.paste(picture_i420, painted, matrix)

    def close(self) -> None:
        """No more pictures are wanted: nothing is held that has to be given back."""

    def painted(self, picture_i420: ByteArray, matrix: FloatArray, coefficients: FloatArray) -> Crop:
        """The painted crop alone, not pasted; valid until the next call."""
        row = np.asarray(coefficients, np.float32).reshape(1, -1)
        extract(picture_i420, matrix, self._crop)
        draw(self._basis.shape(row)[0], self._shapes[0])
        feeds = {
            "luma": self._crop.luma[None, None],
            "chroma": self._crop.chroma[None],
            "shapes": self._shapes,
            "coefficients": row,
        }
        luma, chroma = self._session.run(None, feeds)
        return Crop(self._grainer.add(luma[0, 0]), chroma[0])
