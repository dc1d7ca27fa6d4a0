"""The footage's grain, put back onto what is painted.

A painter can't foretell the noise of sensor and codec, so its skin is smoother than the skin round it, which shows as
a waxy patch. What changes from picture to picture in still places is such noise: its strength, place by place, and its
spectrum are measured on the footage, and tiles of random phase with that spectrum are added to the painted luma,
no more than the painted pictures lack at any place, and as much that their fine detail is as strong as the footage's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import ByteArray, FloatArray

TILES = 16
"""Tiles of grain; shown in an order that does not repeat for TILES * TILES pictures."""

FINE = 1.5  # pixels; grain is what a Gaussian of this width takes away
NEARBY = 3.0  # pixels over which its strength is averaged
LEAST_PAIRS = 8
RESAMPLED = 1.025  # times the footage's detail: so much is lost again when the crop is pasted
GAINS = (0.6, 0.8, 1.0, 1.2, 1.4)
SIGMA = 1.4826  # of a Gaussian's standard deviation over its median absolute value


@dataclass(frozen=True, slots=True)
class Grain:
    """What the grain of one clip is like in the canonical crop.

    Attributes:
        strength: float32 (size, size), the luma's standard deviation to be added, 0 to 255.
        spectrum: float32 (size, size // 2 + 1), amplitudes of a real Fourier transform, in any unit.
    """

    strength: FloatArray
    spectrum: FloatArray

    @classmethod
    def none(cls, size: int) -> Grain:
        """No grain."""
        return cls(np.zeros((size, size), np.float32), np.zeros((size, size // 2 + 1), np.float32))

    def tiles(self, count: int = TILES) -> npt.NDArray[np.int8]:
        """Grain to be added to a painted luma: int8 (count, size, size), the same every time."""
        random = np.random.default_rng(5)
        size = len(self.strength)
        made = np.zeros((count, size, size), np.int8)
        if self.spectrum.any():
            for tile in made:
                noise = np.fft.irfft2(np.fft.rfft2(random.normal(size=(size, size))) * self.spectrum)
                tile[:] = np.clip(np.round(noise / noise.std() * self.strength), -127, 127)
        return made


def tile_of(picture: int) -> int:
    """The tile that is laid over a show's picture, counted from 0."""
    turn, place = divmod(picture, TILES)
    return (turn + place * 7) % TILES


class Grainer:
    """Adds grain to one luma after the other, into a buffer of its own."""

    def __init__(self, grain: Grain) -> None:
        self._tiles = grain.tiles()
        self._out = np.empty(grain.strength.shape, np.uint8)
        self._count = 0

    def add(self, luma: ByteArray) -> ByteArray:
        """Luma uint8 (size, size) with the next tile's grain; valid until the next call."""
        cv2.add(luma, self._tiles[tile_of(self._count)], dst=self._out, dtype=cv2.CV_8U)
        self._count += 1
        return self._out


def fit_grain(pairs: Iterable[tuple[ByteArray, ByteArray, ByteArray]], mask: FloatArray) -> Grain:
    """Measure the grain.

    Args:
        pairs: Lumas uint8 (size, size) of some pictures: the real crop, the real crop of the next picture, and the
            first one painted.
        mask: float32 (size, size), what is painted.

    Returns:
        The grain; none with fewer than `LEAST_PAIRS` pairs.
    """
    steps: list[npt.NDArray[np.float16]] = []
    seen: list[tuple[ByteArray, ByteArray]] = []
    real, painted = np.zeros_like(mask), np.zeros_like(mask)
    power = np.zeros((len(mask), len(mask) // 2 + 1))
    window = (mask > 0.5).astype(np.float32)
    for first, second, made in pairs:
        a, b, p = (_fine(luma) for luma in (first, second, made))
        step = np.abs(a - b)
        steps.append(step.astype(np.float16))
        seen.append((first, made))
        # Where something moved there is more than grain.
        still = window * (cv2.GaussianBlur(step, (0, 0), NEARBY) < 3 * np.median(step[window > 0]) + 1)
        power += np.abs(np.fft.rfft2((a - b) * still)) ** 2
        real += a * a
        painted += p * p
    count = len(steps)
    if count < LEAST_PAIRS:
        return Grain.none(len(mask))
    changing = _near(SIGMA * np.median(np.stack(steps), axis=0).astype(np.float32) / np.sqrt(2))
    lacking = np.sqrt(np.maximum(_near((real - painted) / count), 0))
    spectrum = np.sqrt(power / count).astype(np.float32)
    lacking *= mask > 0
    kinds = [Grain(np.minimum(changing * np.float32(gain), lacking), spectrum) for gain in GAINS]
    detail = np.maximum.accumulate([_painted_detail(kind, seen, mask > 0.5) for kind in kinds])
    wanted = RESAMPLED * np.mean([_detail(real, mask > 0.5) for real, _ in seen])
    gain = np.float32(np.interp(wanted, detail, GAINS))
    return Grain(np.minimum(changing * gain, lacking), spectrum)


def _painted_detail(
    grain: Grain, seen: list[tuple[ByteArray, ByteArray]], where: npt.NDArray[np.bool_]
) -> float:
    grainer = Grainer(grain)
    return float(np.mean([_detail(grainer.add(made), where) for _, made in seen]))


def _detail(luma: ByteArray, where: npt.NDArray[np.bool_]) -> float:
    return float(np.abs(cv2.Laplacian(luma, cv2.CV_32F))[where].mean())


def _fine(luma: ByteArray) -> FloatArray:
    whole = luma.astype(np.float32)
    return np.asarray(whole - cv2.GaussianBlur(whole, (0, 0), FINE), np.float32)


def _near(values: npt.NDArray[np.floating]) -> FloatArray:
    return np.asarray(cv2.GaussianBlur(values.astype(np.float32), (0, 0), NEARBY), np.float32)
