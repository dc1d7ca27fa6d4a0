"""The pattern that marks of pictures and sounds are made of, and how it is found again without the original.

A pattern repeats itself. Its spectrum has some hundreds or thousands of modes whose phases a key has drawn; a part of
them is the same in every mark (its *presence*), the others carry the signs of a coded number. It is a spread-spectrum
watermark (I. J. Cox, J. Kilian, T. Leighton and T. Shamoon, "Secure spread spectrum watermarking for multimedia", IEEE
Trans. Image Processing 6, 1997), laid as a tile that is searched for at all shifts at once with whitened phases (T.
Kalker, G. Depovere, J. Haitsma and M. Maes, "A video watermarking system for broadcast monitoring", SPIE 3657, 1999).

Of what was received only the phases of the modes count. The cosines of the angles between them and the key's have a sum
that is bounded whatever the picture or sound was: for phases drawn evenly the moments of a cosine are at most those of
a Gaussian of variance 1/2 (I0(x) <= exp(x^2 / 4)), so one shift reaches ``z`` standard deviations with a chance below
exp(-z^2 / 2), and any of them with that times their number. No sample of unmarked pictures is needed for it. The same
holds for the modes that carry a number, times all numbers there are.

The key is public, since anybody is to be able to look. Who knows it can also take a mark away, or put one on what was
not made here: a mark is a hint that lives long, a signature (`avatar_engine.trust.manifest`) is a proof that doesn't.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import FloatArray
from avatar_engine.trust.marks import code

PUBLIC_KEY = b"avatar-engine mark 1"
"""Of every mark that the engine makes."""

PRESENCE_SHARE = 0.3
"""Part of the modes that is the same in every mark: presence and number then fail at about the same strength."""

OVERSAMPLED = 2
"""Shifts tried for every sample of the pattern, along each of its axes."""

READ = 4
"""Shifts that are read, the likeliest ones."""

FALSE_ALARM = 1e-5
"""Chance, at most, that what carries no mark is said to carry one: all shifts and all trials together."""

ComplexArray = npt.NDArray[np.complex128]


@dataclass(frozen=True, slots=True)
class Found:
    """What one search gave.

    Attributes:
        strength: The presence's correlation at the best shift, in standard deviations of what unmarked things give.
        chance: That unmarked things reach it, at most.
        shift: Where the pattern begins, in its samples along each axis.
        number: What is written in it; None when it can't be read.
    """

    strength: float = 0.0
    chance: float = 1.0
    shift: tuple[float, ...] = ()
    number: int | None = None

    @property
    def there(self) -> bool:
        """Whether there is a mark."""
        return self.chance <= FALSE_ALARM

    def doubt(self) -> tuple[float, float]:
        """The less, the surer."""
        return self.chance, -self.strength

    def among(self, trials: int) -> Found:
        """The same as one of so many searches: each makes a false alarm likelier."""
        return replace(self, chance=min(1.0, trials * self.chance))


class Carrier:
    """A periodic pattern in one or two dimensions.

    Args:
        shape: Samples of one period along each axis.
        weights: float (shape of the real FFT of ``shape``), how strong each mode is; 0 for those that are not used.
        key: Draws phases and what each mode carries.
    """

    def __init__(self, shape: tuple[int, ...], weights: npt.NDArray[Any], key: bytes = PUBLIC_KEY) -> None:
        self.shape = shape
        self._grid = weights.shape
        weights = weights.copy()
        weights[..., 0] = weights[..., -1] = 0  # modes that are their own mirror image, or beside it
        self._modes = np.flatnonzero(weights)
        self._weights = weights.reshape(-1)[self._modes]
        self._waves = [
            np.where(along > count // 2, along - count, along)
            for along, count in zip(np.unravel_index(self._modes, self._grid), shape, strict=True)
        ]
        seed = hashlib.sha256(key + repr(shape).encode()).digest()
        draw = np.random.Generator(np.random.PCG64(int.from_bytes(seed, "big")))
        count = len(self._modes)
        self._phases: ComplexArray = np.exp(2j * np.pi * draw.random(count))
        order = draw.permutation(count)
        self._present = order[: round(PRESENCE_SHARE * count)]
        self._carrying = order[len(self._present) :]
        self._place = np.arange(len(self._carrying)) % code.CODED

    def pattern(self, number: int, oversampled: int = 1) -> FloatArray:
        """One period, float32 of ``shape`` times ``oversampled``, of unit variance and no mean."""
        signs = np.ones(len(self._modes))
        signs[self._carrying] = code.encode(number)[self._place]
        grid = self._spread(self._weights * signs * self._phases)
        return _to_samples(grid, self.shape, oversampled) / math.sqrt(float(np.sum(self._weights**2)) / 2)

    def find(self, period: npt.NDArray[Any]) -> Found:
        """Look for the pattern in one period of what was received (the sum of many), real, of ``shape``.

        The likeliest shifts by the presence alone are read, too. Where a sealed number comes out, all modes together
        have been foretold by one of 2**32 numbers, which is the stronger proof of the two.

        Args:
            period: What was received; its scale does not count.
        """
        spectrum = np.fft.rfftn(period).reshape(-1)[self._modes]
        size = np.abs(spectrum)
        turned = np.divide(spectrum, size, out=np.zeros_like(spectrum), where=size > 0)
        turned *= self._phases.conj() * self._weights
        present = np.zeros_like(turned)
        present[self._present] = turned[self._present]
        surface = _to_samples(self._spread(present), self.shape, OVERSAMPLED)
        surface /= math.sqrt(float(np.sum(self._weights[self._present] ** 2)) / 2)
        found = [self._judged(turned, surface, peak) for peak in _peaks(surface, READ)]
        return min(found, key=Found.doubt)

    def _judged(self, turned: ComplexArray, surface: FloatArray, peak: tuple[int, ...]) -> Found:
        """What stands at one shift, and the chance that anything like it stands at any of them."""
        strength = float(surface[peak])
        shift = tuple(float(at) / OVERSAMPLED for at in peak)
        straight = self._straightened(turned, shift)
        soft = np.bincount(self._place, straight[self._carrying], code.CODED).astype(np.float32)
        number = code.decode(soft)
        chance = surface.size * _beyond(strength)
        if number is not None:
            every = (
                straight[self._present].sum() + straight[self._carrying] @ code.encode(number)[self._place]
            )
            whole = float(every) / math.sqrt(float(np.sum(self._weights**2)) / 2)
            chance = min(chance, surface.size * 2.0**code.ID_BITS * _beyond(whole))
        return Found(strength, min(1.0, 2 * chance), shift, number)

    def _straightened(self, turned: ComplexArray, shift: tuple[float, ...]) -> npt.NDArray[np.float64]:
        """The cosines of all modes, weighted, with the shift taken off."""
        angle = np.zeros(len(self._modes))
        for waves, at, count in zip(self._waves, shift, self.shape, strict=True):
            angle += 2 * np.pi * at / count * waves
        return np.asarray((turned * np.exp(1j * angle)).real)

    def _spread(self, values: ComplexArray) -> ComplexArray:
        grid = np.zeros(self._grid, np.complex128)
        grid.reshape(-1)[self._modes] = values
        return grid


def _beyond(strength: float) -> float:
    """The chance, at most, that unmarked things reach so many standard deviations at one shift."""
    return math.exp(-(strength**2) / 2) if strength > 0 else 1.0


def _peaks(surface: FloatArray, count: int) -> list[tuple[int, ...]]:
    """Where the highest values of a surface are, highest first."""
    flat = surface.reshape(-1)
    best = np.argpartition(flat, -count)[-count:]
    ordered = best[np.argsort(flat[best])[::-1]]
    return [tuple(int(at) for at in np.unravel_index(place, surface.shape)) for place in ordered]


def _to_samples(grid: ComplexArray, shape: tuple[int, ...], oversampled: int) -> FloatArray:
    """The real sum of the modes, each counted once, on a grid that is ``oversampled`` times as fine."""
    if oversampled > 1:
        finer = [(0, (oversampled - 1) * shape[-1] // 2)]
        for axis in range(len(shape) - 1):
            grid = _padded(grid, axis, oversampled * shape[axis])
        grid = np.pad(grid, [(0, 0)] * (len(shape) - 1) + finer)
    size = tuple(oversampled * count for count in shape)
    samples = np.fft.irfftn(grid, size, axes=range(len(shape))) * (math.prod(size) / 2)
    return np.asarray(samples, np.float32)


def _padded(grid: ComplexArray, axis: int, size: int) -> ComplexArray:
    """Zeros between the positive and the negative frequencies of an axis."""
    half = grid.shape[axis] // 2
    first, last = np.split(grid, [half], axis)
    between = list(grid.shape)
    between[axis] = size - grid.shape[axis]
    return np.concatenate([first, np.zeros(between, grid.dtype), last], axis)
