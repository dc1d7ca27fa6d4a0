"""The whole step of many shows in tensors: cut out, draw, paint, grain, paste, on patches of I420 as they came.

Every plane is rounded to whole numbers where the processor's way has bytes, so that both ways give the same picture,
but for single pixels that fall to the other side. (OpenCV 5 interpolates at exact positions, as this does; before, it
rounded them to thirty-seconds of a pixel.)
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor

from avatar_engine.contracts import FloatArray
from avatar_engine.engine import painting
from avatar_engine.engine.painting import Persons, Way
from avatar_engine.engine.patch import Matrix
from avatar_engine.engine.raster import Raster
from avatar_engine.face.crop import chroma_matrix

AFFINES = 24
"""Numbers of the four affine maps that a picture needs."""


@dataclass(frozen=True, slots=True)
class Faces:
    """What the step needs of persons beside their painters, stacked: (persons, …).

    Attributes:
        mean: float32 (persons, landmarks, 2), the mean shape.
        axes: float32 (persons, coefficients, landmarks, 2).
        alpha: float32 (persons, 1, size, size), how much of the painted luma is pasted, 0 to 128.
        half: float32 (persons, 1, size // 2, size // 2), the same of chroma.
        grain: int8 (persons, tiles, size, size).
    """

    mean: Tensor
    axes: Tensor
    alpha: Tensor
    half: Tensor
    grain: Tensor


def affines(matrix: Matrix) -> FloatArray:
    """The maps between patch and crop: of luma from crop and from patch, of chroma likewise; float32 (24,)."""
    small = chroma_matrix(np.asarray(matrix, np.float32)).astype(np.float64)
    maps = (cv2.invertAffineTransform(matrix), matrix, cv2.invertAffineTransform(small), small)
    return np.concatenate([one.ravel() for one in maps]).astype(np.float32)


def step(
    persons: Persons, faces: Faces, raster: Raster, way: Way,
    patches: Tensor, numbers: Tensor, rows: Tensor, tiles: Tensor,
) -> Tensor:  # fmt: skip
    """Paint mouths into patches.

    Args:
        persons: Stacked weights of painters.
        faces: The rest of the same persons.
        raster: Draws shapes.
        way: How painters are computed.
        patches: uint8 I420 (n, height * 3 // 2, width).
        numbers: float32 (n, `AFFINES` + coefficients), from `affines`, then the mouth.
        rows: int64 (n,), which person each is of.
        tiles: int64 (n,), which tile of grain is laid over each.

    Returns:
        uint8 (n, height * 3 // 2, width).
    """
    n, height, width, size = len(patches), patches.shape[1] * 2 // 3, patches.shape[2], raster.size
    maps, codes = numbers[:, :AFFINES].view(n, 4, 2, 3), numbers[:, AFFINES:]
    luma = patches[:, :height].float()[:, None]
    chroma = patches[:, height:].reshape(n, 2, height // 2, width // 2).float()
    crop_luma = _whole(_sample(luma, maps[:, 0], (size, size), "bicubic", "border"))
    crop_chroma = _whole(_sample(chroma, maps[:, 2], (size // 2, size // 2), "bilinear", "border"))
    axes = faces.axes.index_select(0, rows)
    own = codes[:, None, : axes.shape[1]]
    shape = faces.mean.index_select(0, rows) + torch.bmm(own, axes.flatten(2)).view(n, -1, 2)
    drawn = raster.draw(shape)
    y, c = painting.paint(persons, rows, way, crop_luma, crop_chroma, drawn, codes)
    grain = faces.grain[rows, tiles].float()[:, None]
    y = (y + grain).clamp(0, 255)
    luma = _pasted(luma, y, faces.alpha.index_select(0, rows), maps[:, 1], "bicubic")
    chroma = _pasted(chroma, c, faces.half.index_select(0, rows), maps[:, 3], "bilinear")
    return torch.cat([luma.reshape(n, -1), chroma.reshape(n, -1)], 1).to(torch.uint8).view(patches.shape)


def _pasted(plane: Tensor, painted: Tensor, alpha: Tensor, matrix: Tensor, mode: str) -> Tensor:
    sides = (plane.shape[2], plane.shape[3])
    share = _whole(_sample(alpha, matrix, sides, "bilinear", "zeros"))
    there = _whole(_sample(painted, matrix, sides, mode, "border"))
    return plane + torch.floor((there - plane) * share / 128 + 0.5)


def _sample(plane: Tensor, matrix: Tensor, sides: tuple[int, int], mode: str, padding: str) -> Tensor:
    """A plane (n, c, h, w) where an affine map (n, 2, 3) of another plane's pixels points to."""
    (rows, columns), device = sides, plane.device
    y = torch.arange(rows, device=device, dtype=torch.float32)[None, :, None, None]
    x = torch.arange(columns, device=device, dtype=torch.float32)[None, None, :, None]
    a, b, shift = (matrix[:, None, None, :, i] for i in range(3))
    where = a * x + b * y + shift
    across, down = where.unbind(-1)  # from -1 to 1, without a tensor made on the processor: see `Raster`
    where = torch.stack([across * (2 / (plane.shape[3] - 1)) - 1, down * (2 / (plane.shape[2] - 1)) - 1], -1)
    return F.grid_sample(plane, where, mode=mode, padding_mode=padding, align_corners=True)


def _whole(values: Tensor) -> Tensor:
    return torch.floor(values + 0.5).clamp(0, 255)
