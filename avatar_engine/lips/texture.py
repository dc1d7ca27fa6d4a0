"""What a mouth shows beside its shape: a few numbers for tongue, teeth, folds and shadows.

Landmarks can't say whether teeth show or where the tongue is, nor how the chin folds. As in active appearance models
(Cootes et al. 2001) the pixels of the minute are regressed on the shape and on the tint of the skin round the mouth,
and the principal components of what that leaves are a basis: a picture's place in it is its *texture*. Its numbers
stand behind those of the shape in a mouth's coefficients: the painter is given both, and the motion net foretells both
from sound. All zeros is the usual look of a shape, so that whatever changes the shape alone is still right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.face.crop import Crop, extract

TEXTURES = 24
"""Numbers of a texture. On two people's held-out pictures 4, 8, 16, 24 and 32 took 1.1, 1.6, 2.3, 2.9 and 3.3 dB (1.3,
1.9, 2.6, 3.1 and 3.5 dB) off a linear model's error; the last ones are hardly told by sound."""

FARTHEST = 4.0  # standard deviations: a hand before the mouth is no texture
FINE = 256  # side of a crop from which on half the resolution does
SLOW = 25.0
"""Pictures (standard deviation of a Gaussian): what of a texture changes slower is posture and light, not speech."""

STILL = 0.5  # of 255: the least spread of the tint
RIDGE = 3.0  # of the regression, against pictures
PORTION = 64  # pictures that are looked at together


@dataclass(frozen=True, slots=True)
class TextureBasis:
    """A linear reading of textures off crops.

    Attributes:
        pixels: float32 (textures, side, side): what each pixel of the luma adds to each number; the side is the crop's,
            or half of it.
        shapes: float32 (terms of a shape, textures): what the shape lets one expect, which is taken off.
    """

    pixels: FloatArray
    shapes: FloatArray

    @classmethod
    def none(cls, size: int, coefficients: int) -> TextureBasis:
        """No texture at all, for lips of which nothing but the shape is known."""
        count = _terms(np.zeros((1, coefficients), np.float32)).shape[1]
        side = size // _pool(size)
        return cls(np.zeros((0, side, side), np.float32), np.zeros((count, 0), np.float32))

    @property
    def textures(self) -> int:
        """How many numbers a texture has."""
        return len(self.pixels)

    def read(self, luma: ByteArray, shapes: FloatArray) -> FloatArray:
        """The textures of crops.

        Args:
            luma: uint8 (n, 1, size, size), real crops.
            shapes: float32 (n, k), the coefficients of their shapes.

        Returns:
            float32 (n, textures); 1 is one standard deviation of the fitted pictures.
        """
        out = np.zeros((len(luma), self.textures), np.float32)
        if not self.textures:
            return out
        flat = self.pixels.reshape(self.textures, -1)
        for first in range(0, len(luma), PORTION):
            some = slice(first, first + PORTION)
            out[some] = _pooled(luma[some]) @ flat.T
        out -= _terms(shapes) @ self.shapes
        return np.clip(out, -FARTHEST, FARTHEST, out=out)

    def seen(
        self, pictures: Iterable[ByteArray], matrices: FloatArray, shapes: FloatArray, size: int
    ) -> FloatArray:
        """The textures of whole pictures (I420), one for every row of ``matrices``; zeros where pictures run out.

        Args:
            pictures: uint8 (height * 3 // 2, width) each.
            matrices: float32 (n, 2, 3), picture to crop.
            shapes: float32 (n, k), the coefficients of their shapes.
            size: Side of the crop in pixels.
        """
        out = np.zeros((len(matrices), self.textures), np.float32)
        if not self.textures:
            return out  # without reading a picture
        cut = Crop.empty(size)
        for index, (picture, matrix) in enumerate(zip(pictures, matrices, strict=False)):
            extract(picture, matrix, cut)
            out[index] = self.read(cut.luma[None, None], shapes[index, None])[0]
        return out


def fit_texture(
    luma: ByteArray,
    shapes: FloatArray,
    rows: npt.NDArray[np.intp],
    mask: FloatArray,
    skin: FloatArray,
    textures: int = TEXTURES,
) -> TextureBasis:
    """Find the textures of a person.

    Args:
        luma: uint8 (n, 1, size, size), real crops.
        shapes: float32 (n, k), the coefficients of their shapes.
        rows: Which of them to learn from.
        mask: float32 (size, size), what is painted.
        skin: float32 (size, size), the skin whose mean luma is the tint.
        textures: How many numbers, at most a fifth of the pictures.
    """
    pool = _pool(len(mask))
    weight, round_it = (_shrunk(part, pool).ravel() for part in (mask, skin / skin.sum()))
    inside = np.flatnonzero(weight > 0)
    true = np.concatenate([_pooled(luma[rows[i : i + PORTION]]) for i in range(0, len(rows), PORTION)])
    tint = true @ round_it * np.float32(pool * pool)
    mean, spread = float(tint.mean()), float(tint.std()) + STILL
    shape = _terms(shapes[rows])
    known = np.concatenate([shape, ((tint - mean) / spread)[:, None]], 1).astype(np.float64)
    ridge = np.diag([1e-3] + [RIDGE] * (known.shape[1] - 1))
    usual = np.linalg.solve(known.T @ known + ridge, known.T @ true[:, inside]).astype(np.float32)
    left = (true[:, inside] - known.astype(np.float32) @ usual) * weight[inside]
    textures = min(textures, len(rows) // 5)
    size, ways = np.linalg.eigh(left @ left.T)
    # components with their numbers' spread 1: left = numbers @ (spread * ways)
    strong = np.sqrt(np.maximum(size[::-1][:textures], 1e-6))
    read = (ways[:, ::-1][:, :textures].T @ left) / (strong**2 / np.sqrt(len(rows)))[:, None]
    read = (read * weight[inside]).astype(np.float32)
    expected = usual @ read.T
    pixels = np.zeros((textures, weight.size), np.float32)
    pixels[:, inside] = read
    pixels -= np.outer(expected[-1] / spread, round_it) * np.float32(pool * pool)
    expected[0] -= mean / spread * expected[-1]
    side = len(mask) // pool
    return TextureBasis(pixels.reshape(-1, side, side), np.ascontiguousarray(expected[:-1], np.float32))


def slowly(textures: FloatArray, takes: Sequence[tuple[int, int]]) -> FloatArray:
    """What of textures (n, textures) changes slowly within each take: posture, light, the unshaved chin; not speech."""
    from scipy.ndimage import gaussian_filter1d  # a show needs none of it, and it takes a second to load

    slow = np.empty_like(textures)
    for start, stop in takes:
        slow[start:stop] = gaussian_filter1d(textures[start:stop], SLOW, axis=0, mode="nearest")
    return slow


def _pool(size: int) -> int:
    return 2 if size >= FINE else 1


def _pooled(luma: ByteArray) -> FloatArray:
    """Crops uint8 (n, 1, size, size) as rows float32 (n, pixels) at the basis' resolution."""
    count, _, size, _ = luma.shape
    pool = _pool(size)
    if pool == 1:
        return luma.reshape(count, -1).astype(np.float32)
    small = luma.reshape(count, size // pool, pool, size // pool, pool)
    return np.asarray(small.mean((2, 4), dtype=np.float32)).reshape(count, -1)


def _shrunk(plane: FloatArray, pool: int) -> FloatArray:
    side = len(plane) // pool
    return np.asarray(cv2.resize(plane, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def _terms(shapes: FloatArray) -> FloatArray:
    """See `avatar_engine.lips.painter.terms`."""
    import torch  # only a fit needs it: a show, which reads this basis, must not wait for it to load

    from avatar_engine.lips.painter import terms

    return np.asarray(terms(torch.from_numpy(np.asarray(shapes, np.float32))).numpy(), np.float32)
