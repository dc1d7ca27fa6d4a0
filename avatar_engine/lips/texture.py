"""What a mouth shows beside its shape: a few numbers for tongue, teeth, folds, shadows and colour.

Landmarks can't say whether teeth show or where the tongue is, nor how the chin folds. As in active appearance models
(Cootes et al. 2001) the luma of the minute is regressed on the shape and on the tint of the skin round the mouth, and
the principal components of what that leaves are a basis; then its chroma, on all of these. A picture's place in both
is its *texture*. Its numbers stand behind those of the shape in a mouth's coefficients: the painter is given both, and
the motion net foretells both from sound. All zeros is the usual look of a shape, so that whatever changes the shape
alone is still right.
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
"""Numbers of the luma's texture. On two people's held-out pictures 4, 8, 16, 24 and 32 took 1.1, 1.6, 2.3, 2.9 and
3.3 dB (1.3, 1.9, 2.6, 3.1 and 3.5 dB) off a linear model's error; the last ones are hardly told by sound."""

COLOURS = 8
"""Numbers of the chroma's. In a linear model of a take that was not learnt, 4, 8 and 16 took the mean square of its
chroma from 2.1 to 1.5, 1.4 and 1.3 where they are told, and to 1.9, 1.8 and 1.8 where their slow part alone is."""

CHROMA_COUNTS = (1.09, 0.83)
"""By how much more an error of the two chroma is seen in RGB than one of the luma, as mean squares (BT.601)."""

FARTHEST = 4.0  # standard deviations: a hand before the mouth is no texture
FINE = 256  # side of a crop from which on half the resolution does
SLOW = 25.0
"""Pictures (standard deviation of a Gaussian): what of a texture changes slower is posture and light, not speech."""

STILL = 0.5  # of 255: the least spread of the tint
LEAST = 1.0  # of 255, over all pixels: a component that is weaker is rounding, and is not made larger
RIDGE = 3.0  # of the regression, against pictures
PORTION = 64  # pictures that are looked at together


@dataclass(frozen=True, slots=True)
class TextureBasis:
    """A linear reading of textures off crops.

    Attributes:
        pixels: float32 (textures, side, side): what each pixel of the luma adds to each number; the side is the crop's,
            or half of it.
        colours: float32 (the last textures, 2, side // 2, side // 2): what each pixel of the chroma adds to these.
        shapes: float32 (terms of a shape, textures): what the shape lets one expect, which is taken off.
    """

    pixels: FloatArray
    colours: FloatArray
    shapes: FloatArray

    @classmethod
    def none(cls, size: int, coefficients: int) -> TextureBasis:
        """No texture at all, for lips of which nothing but the shape is known."""
        count = _terms(np.zeros((1, coefficients), np.float32)).shape[1]
        side = size // _pool(size)
        return cls(np.zeros((0, side, side), np.float32), no_colours(size), np.zeros((count, 0), np.float32))

    @property
    def textures(self) -> int:
        """How many numbers a texture has."""
        return len(self.pixels)

    def read(self, luma: ByteArray, chroma: ByteArray, shapes: FloatArray) -> FloatArray:
        """The textures of crops.

        Args:
            luma: uint8 (n, 1, size, size), real crops.
            chroma: uint8 (n, 2, size // 2, size // 2), theirs.
            shapes: float32 (n, k), the coefficients of their shapes.

        Returns:
            float32 (n, textures); 1 is one standard deviation of the fitted pictures.
        """
        out = np.zeros((len(luma), self.textures), np.float32)
        if not self.textures:
            return out
        pool, plain = _pool(luma.shape[-1]), self.textures - len(self.colours)
        flat, tinted = (part.reshape(len(part), -1).T for part in (self.pixels, self.colours))
        for first in range(0, len(luma), PORTION):
            some = slice(first, first + PORTION)
            out[some] = _pooled(luma[some], pool) @ flat
            if plain < self.textures:
                out[some, plain:] += _pooled(chroma[some], pool) @ tinted
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
            out[index] = self.read(cut.luma[None, None], cut.chroma[None], shapes[index, None])[0]
        return out


def fit_texture(
    luma: ByteArray,
    chroma: ByteArray,
    shapes: FloatArray,
    rows: npt.NDArray[np.intp],
    mask: FloatArray,
    skin: FloatArray,
    textures: int = TEXTURES,
    colours: int = COLOURS,
) -> TextureBasis:
    """Find the textures of a person.

    Args:
        luma: uint8 (n, 1, size, size), real crops.
        chroma: uint8 (n, 2, size // 2, size // 2), theirs.
        shapes: float32 (n, k), the coefficients of their shapes.
        rows: Which of them to learn from.
        mask: float32 (size, size), what is painted.
        skin: float32 (size, size), the skin whose mean colour is the tint.
        textures: How many numbers of the luma, at most a fifth of the pictures.
        colours: How many of the chroma, at most half as many.
    """
    pool, terms = _pool(len(mask)), _terms(shapes[rows])
    textures = min(textures, len(rows) // 5)
    colours = min(colours, textures // 2)
    (light, inks), (bright, tinted) = (_shrunk_pair(part, pool) for part in (mask, skin))
    counts = (np.array(CHROMA_COUNTS, np.float32)[:, None] ** 0.5 * inks).ravel()
    true = [
        np.concatenate([_pooled(part[rows[i : i + PORTION]], pool) for i in range(0, len(rows), PORTION)])
        for part in (luma, chroma)
    ]
    # skin's mean luma, and then that of each plane of chroma
    over = [bright / bright.sum(), np.kron(np.eye(2, dtype=np.float32), tinted / tinted.sum())]
    tints = np.concatenate([part @ skin.T for part, skin in zip(true, over, strict=True)], 1)
    mean, spread = tints.mean(0), tints.std(0) + np.float32(STILL)
    tints = (tints - mean) / spread

    plain, expected = _reading(true[0], [terms, tints[:, :1]], light.ravel(), textures)
    pixels = plain - np.outer(expected[-1] / spread[0], over[0])
    usual = expected[:-1].copy()
    usual[0] -= mean[0] / spread[0] * expected[-1]

    told = true[0] @ pixels.T - terms @ usual
    plain, expected = _reading(true[1], [terms, told, tints], counts, colours)
    of_terms, of_told, of_tints = np.split(expected, [terms.shape[1], terms.shape[1] + textures])
    of_tints = of_tints / spread[:, None]
    more = -of_told.T @ pixels - np.outer(of_tints[0], over[0])
    plain -= of_tints[1:].T @ over[1]
    of_terms = of_terms - usual @ of_told
    of_terms[0] -= mean @ of_tints
    side = len(mask) // pool
    return TextureBasis(
        np.concatenate([pixels, more]).astype(np.float32).reshape(-1, side, side),
        plain.astype(np.float32).reshape(-1, 2, side // 2, side // 2),
        np.ascontiguousarray(np.concatenate([usual, of_terms], 1), np.float32),
    )


def _reading(
    true: FloatArray, told: Sequence[FloatArray], weight: FloatArray, count: int
) -> tuple[FloatArray, FloatArray]:
    """How the principal components of what is not told are read off pixels.

    Args:
        true: float32 (n, pixels).
        told: What is known of each picture, float32 (n, some) each; the first number is 1.
        weight: float32 (pixels,), how much each counts.
        count: How many components.

    Returns:
        What each pixel adds to each number, float32 (count, pixels), and what is expected of the numbers by what is
        told, float32 (all that is told, count), which has to be taken off.
    """
    inside = np.flatnonzero(weight > 0)
    known = np.concatenate(told, 1).astype(np.float64)
    ridge = np.diag([1e-3] + [RIDGE] * (known.shape[1] - 1))
    usual = np.linalg.solve(known.T @ known + ridge, known.T @ true[:, inside]).astype(np.float32)
    left = (true[:, inside] - known.astype(np.float32) @ usual) * weight[inside]
    size, ways = np.linalg.eigh(left @ left.T)
    # components with their numbers' spread 1: left = numbers @ (spread * ways); what is but rounding stays small
    strong = np.sqrt(np.maximum(size[::-1][:count], LEAST**2 * len(left)))
    read = np.zeros((count, weight.size), np.float32)
    read[:, inside] = (ways[:, ::-1][:, :count].T @ left) / (strong**2 / np.sqrt(len(left)))[:, None]
    read *= weight
    return read, np.asarray(usual @ read[:, inside].T, np.float32)


def slowly(textures: FloatArray, takes: Sequence[tuple[int, int]]) -> FloatArray:
    """What of textures (n, textures) changes slowly within each take: posture, light, the unshaved chin; not speech."""
    from scipy.ndimage import gaussian_filter1d  # a show needs none of it, and it takes a second to load

    slow = np.empty_like(textures)
    for start, stop in takes:
        slow[start:stop] = gaussian_filter1d(textures[start:stop], SLOW, axis=0, mode="nearest")
    return slow


def _pool(size: int) -> int:
    return 2 if size >= FINE else 1


def no_colours(size: int) -> FloatArray:
    """What reads no number off the chroma of crops of this size."""
    side = size // _pool(size) // 2
    return np.zeros((0, 2, side, side), np.float32)


def _pooled(planes: ByteArray, pool: int) -> FloatArray:
    """Planes uint8 (n, planes, side, side) as rows float32 (n, pixels), of half the side for a pool of two."""
    count, many, size, _ = planes.shape
    if pool == 1:
        return planes.reshape(count, -1).astype(np.float32)
    small = planes.reshape(count, many, size // pool, pool, size // pool, pool)
    return np.asarray(small.mean((3, 5), dtype=np.float32)).reshape(count, -1)


def _shrunk_pair(plane: FloatArray, pool: int) -> tuple[FloatArray, FloatArray]:
    """A plane of the crop as rows (1, pixels) that go with its luma and with each plane of its chroma."""
    sides = len(plane) // pool, len(plane) // pool // 2
    luma, chroma = (cv2.resize(plane, (side, side), interpolation=cv2.INTER_AREA) for side in sides)
    return np.asarray(luma, np.float32).reshape(1, -1), np.asarray(chroma, np.float32).reshape(1, -1)


def _terms(shapes: FloatArray) -> FloatArray:
    """See `avatar_engine.lips.painter.terms`."""
    import torch  # only a fit needs it: a show, which reads this basis, must not wait for it to load

    from avatar_engine.lips.painter import terms

    return np.asarray(terms(torch.from_numpy(np.asarray(shapes, np.float32))).numpy(), np.float32)
