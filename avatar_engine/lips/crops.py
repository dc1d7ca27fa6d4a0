"""The crops of a stretch of footage, on disk, and the linear appearance model that is read off them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.face.crop import Crop, extract
from avatar_engine.lips.painter import TINTS, Appearance, terms, tints
from avatar_engine.media.read import frames

STILL = 0.5  # of 255: what the tint's spread is at least, in footage with steady light


@dataclass(frozen=True, slots=True)
class Crops:
    """The canonical crops of a stretch of footage, on disk and mapped: flat memory whatever the size.

    Attributes:
        luma: uint8 (n, 1, size, size).
        chroma: uint8 (n, 2, size // 2, size // 2).
    """

    luma: ByteArray
    chroma: ByteArray

    @classmethod
    def cut(
        cls,
        footage: Path,
        matrices: FloatArray,
        size: int,
        work: Path,
        told: Callable[[float, str], None] = lambda done, note: None,
    ) -> Crops:
        """Cut the crops of the first ``len(matrices)`` pictures, or take those that an earlier run cut."""
        count, half = len(matrices), size // 2
        pixels = size * size
        path = work / f"crops-{count}-{size}.u8"
        if not path.exists():
            partial = path.with_suffix(".part")
            with partial.open("wb") as file:
                crop, done = Crop.empty(size), 0
                for picture in frames(footage, 0, count, format="yuv420p"):
                    extract(picture, matrices[done], crop)
                    file.write(crop.luma.tobytes())
                    file.write(crop.chroma.tobytes())
                    done += 1
                    if done % 50 == 0:
                        told(done / count, "crops")
                for _ in range(count - done):  # the container promised more pictures than it holds
                    file.write(crop.luma.tobytes())
                    file.write(crop.chroma.tobytes())
            partial.replace(path)
        data = np.memmap(path, np.uint8, "r", shape=(count, pixels * 3 // 2))
        return cls(
            data[:, :pixels].reshape(count, 1, size, size), data[:, pixels:].reshape(count, 2, half, half)
        )

    def appearance(
        self, coefficients: FloatArray, rows: npt.NDArray[np.intp], skin: FloatArray
    ) -> Appearance:
        """The ridge regression of pixels on `terms` of the code and the tint, some pictures at a time.

        What is regressed is how a pixel differs from following the tint one to one, so that footage with
        hardly any change of light follows it, too.

        Args:
            coefficients: float32 (n, k), the code of every crop.
            rows: Which crops to learn from.
            skin: float32 (size, size), where the tint is taken.
        """
        seen = self._tints(rows, skin)
        tint, spread = seen.mean(0), seen.std(0) + STILL
        now = torch.from_numpy(seen), torch.from_numpy(np.stack([tint, spread]))
        known = torch.cat([terms(torch.from_numpy(coefficients[rows])), tints(*now)], 1).numpy()
        known = known.astype(np.float64)
        ridge = np.diag([1e-3] + [3.0] * (known.shape[1] - 1))
        solve = np.linalg.solve(known.T @ known + ridge, known.T).astype(np.float32)
        follow = (known[:, -TINTS:] * spread).astype(np.float32)
        done = []
        for part, channels in ((self.luma, [0]), (self.chroma, [1, 2])):
            weights = np.zeros((len(solve), *part.shape[1:]), np.float32)
            for first in range(0, len(rows), 64):
                some = slice(first, first + 64)
                apart = part[rows[some]] - follow[some][:, channels, None, None]
                weights += np.tensordot(solve[:, some], apart, 1)
            for plane, channel in enumerate(channels):
                weights[len(solve) - TINTS + channel, plane] += spread[channel]
            done.append(weights)
        return Appearance(done[0][:, 0], done[1], skin, tint, spread)

    def _tints(self, rows: npt.NDArray[np.intp], skin: FloatArray) -> FloatArray:
        """The mean luma and chroma of the skin of every crop, float32 (n, 3), 0 to 255."""
        half = cv2.resize(skin, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        weights = skin / skin.sum(), half / half.sum()
        seen = np.empty((len(rows), TINTS), np.float32)
        for place, row in enumerate(rows):
            seen[place, 0] = (self.luma[row, 0] * weights[0]).sum()
            seen[place, 1:] = (self.chroma[row] * weights[1]).sum((1, 2))
        return seen
