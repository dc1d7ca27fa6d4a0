"""What the painter learns from, as endless batches of changed examples: cut by OpenCV, or on the card by PyTorch.

Every example is moved a little and put in a little other light, shape and all; some see the surroundings of another
moment, as they do in a show, where the body goes on while the mouth says something else.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 - the field's name for it
from torch import Tensor

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.face.crop import Crop, chroma_matrix, extract, to_crop
from avatar_engine.lips.crops import Crops
from avatar_engine.lips.painter import HEARD, SHAPE_PLANES, TINTS
from avatar_engine.lips.shape import ShapeBasis, draw
from avatar_engine.media.picture import joined

BATCH = 4  # on a processor more steps a minute teach more than larger batches
CARD_BATCH = 16  # a card takes as long for four
OTHER_CONTEXT = 0.1  # share of examples whose surroundings come from another moment, as they do in the show
NEAR = 6  # pictures; how far off that other moment may be
OTHER_LIGHT = (4.0, 2.5, 2.5)  # standard deviation of luma and chroma shifts that an example is given, of 255
OTHER_PLACE = 0.008  # the same of the shifts, in crop sides: how far takes lie apart in their crops
OTHER_SCALE = 0.007  # the same of its changes of scale and of its turns (radians)
SEEN = 0.3  # share of examples whose textures are told as they are, as if read off a real picture

Planes = tuple[Tensor, Tensor]
"""Luma (n, 1, size, size) and chroma (n, 2, size // 2, size // 2), float32, 0 to 255."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What the painter learns from.

    Attributes:
        crops: The footage.
        coefficients: float32 (n, k), the real shapes of all crops, and behind them their textures.
        slow: float32 (n, textures), what of the textures is known whatever is said (`texture.slowly`).
        rows: Which of them to learn.
        basis: What the shapes' coefficients mean.
        mask: float32 (size, size), what is painted.
        skin: float32 (size, size), where the tint is taken.
    """

    crops: Crops
    coefficients: FloatArray
    slow: FloatArray
    rows: npt.NDArray[np.intp]
    basis: ShapeBasis
    mask: FloatArray
    skin: FloatArray

    @property
    def unheard(self) -> FloatArray:
        """The coefficients of all crops as a show knows them before a word is said: of the textures the slow part."""
        return np.concatenate([self.coefficients[:, : self.basis.coefficients], self.slow], 1)


class Examples(NamedTuple):
    """A batch: real pixels, what is seen of the surroundings, drawn shapes uint8 (n, 3, size, size), codes (n, k), and
    the correlation of their textures' quick part with the truth (n, 1)."""

    real: Planes
    context: Planes
    shapes: Tensor
    coefficients: Tensor
    sure: Tensor


class _Drawn(NamedTuple):
    """What of a batch is made on the processor: which crops, moved how, in what light, under which shapes and codes,
    and how sure these are."""

    rows: npt.NDArray[np.intp]
    around: npt.NDArray[np.intp]
    moves: FloatArray
    light: FloatArray
    planes: ByteArray
    code: FloatArray
    sure: FloatArray


class Cutter(Protocol):
    """Cuts examples out of the footage."""

    def cut(self, rows: npt.NDArray[np.intp], moves: FloatArray) -> Planes:
        """The crops ``rows``, each moved by a matrix of ``moves`` float32 (n, 2, 3)."""
        ...


class Batches:
    """Endless shuffled batches from a lesson.

    For a card the processor's share of the next batch is made while the card learns the one before it.

    Args:
        lesson: What is learnt.
        random: Where chance comes from.
        torch_device: Where the batches are wanted; on a card all of the footage's crops are copied there once.
    """

    def __init__(self, lesson: Lesson, random: np.random.Generator, torch_device: str) -> None:
        self._lesson, self._random, self._device = lesson, random, torch_device
        self._order = np.empty(0, np.intp)
        self._size = size = lesson.mask.shape[0]
        self._count = BATCH if torch_device == "cpu" else CARD_BATCH
        self._planes = (self._count, SHAPE_PLANES, size, size)
        self._shapes = lesson.basis.shape(lesson.coefficients)
        crops = lesson.crops
        self._cutter: Cutter = HostCutter(crops) if torch_device == "cpu" else CardCutter(crops, torch_device)
        self._beside = None if torch_device == "cpu" else ThreadPoolExecutor(1, "examples")
        self._coming: Future[_Drawn] | None = None

    def next(self) -> Examples:
        """The next batch."""
        drawn = self._next_drawn()
        light = self._there(drawn.light)
        real = _lit(self._cutter.cut(drawn.rows, drawn.moves), light)
        same = (drawn.around == drawn.rows).all()
        context = real if same else _lit(self._cutter.cut(drawn.around, drawn.moves), light)
        told = (self._there(part) for part in (drawn.planes, drawn.code, drawn.sure))
        return Examples(real, context, *told)

    def _next_drawn(self) -> _Drawn:
        if self._beside is None:
            return self._draw()
        coming = self._coming or self._beside.submit(self._draw)
        drawn = coming.result()
        self._coming = self._beside.submit(self._draw)
        return drawn

    def _there(self, part: ByteArray | FloatArray) -> Tensor:
        return _sent(torch.from_numpy(part), self._device)

    def _draw(self) -> _Drawn:
        lesson, random, count = self._lesson, self._random, self._count
        while len(self._order) < count:
            self._order = np.concatenate([self._order, random.permutation(lesson.rows)])
        rows, self._order = self._order[:count], self._order[count:]
        around = rows.copy()
        other = random.random(count) < OTHER_CONTEXT
        around[other] += random.integers(-NEAR, NEAR + 1, int(other.sum()))
        around = np.clip(around, 0, len(lesson.coefficients) - 1)
        moves = self._moves()
        moved = to_crop(self._shapes[rows] * self._size, moves) / np.float32(self._size)
        planes = np.empty(self._planes, np.uint8)
        for plane, shape in zip(planes, moved, strict=True):
            draw(shape, plane)
        sure = np.where(random.random((count, 1)) < SEEN, 1.0, HEARD).astype(np.float32)
        code = np.concatenate([lesson.basis.project(moved), self._textures(rows, sure)], 1)
        code += random.normal(0, 0.05, code.shape).astype(np.float32)
        light = (random.normal(0, 1, (count, TINTS)) * OTHER_LIGHT).astype(np.float32)
        return _Drawn(rows, around, moves, light, planes, np.asarray(code, np.float32), sure)

    def _textures(self, rows: npt.NDArray[np.intp], sure: FloatArray) -> FloatArray:
        """The textures of examples: the slow part whole, of the quick one a guess of the correlations ``sure`` (n, 1).

        A guess of that correlation has that share of the true one's spread, and most of it is another moment's. Given
        such a guess, the true one is in the mean what it says, however good it is. The painter is told how good, for
        what is left open it paints from the shape.
        """
        own, slow, random = self._lesson.basis.coefficients, self._lesson.slow, self._random
        other = random.choice(self._lesson.rows, len(rows))
        quick, else_ = (self._lesson.coefficients[some, own:] - slow[some] for some in (rows, other))
        guess = sure**2 * quick + sure * np.sqrt(1 - sure**2) * else_
        return np.asarray(slow[rows] + guess, np.float32)

    def _moves(self) -> FloatArray:
        """A small similarity about the crop's middle for every example, float32 (n, 2, 3).

        Stretches that were never seen lie a little apart from those that are learnt.
        """
        scale, turn = self._random.normal(0, OTHER_SCALE, (2, self._count))
        shift = self._random.normal(0, OTHER_PLACE * self._size, (self._count, 2))
        similar = np.stack([np.stack([1 + scale, -turn], 1), np.stack([turn, 1 + scale], 1)], 1)
        middle = np.full(2, self._size / 2)
        return np.concatenate(
            [similar, (middle + shift - similar @ middle)[:, :, None]], axis=2, dtype=np.float32
        )


class HostCutter:
    """Cuts with OpenCV from the crops on disk, picture by picture."""

    def __init__(self, crops: Crops) -> None:
        self._crops = crops

    def cut(self, rows: npt.NDArray[np.intp], moves: FloatArray) -> Planes:
        size = self._crops.luma.shape[-1]
        luma = np.empty((len(rows), 1, size, size), np.uint8)
        chroma = np.empty((len(rows), 2, size // 2, size // 2), np.uint8)
        for place, (row, move) in enumerate(zip(rows, moves, strict=True)):
            picture = joined(self._crops.luma[row, 0], *self._crops.chroma[row])
            extract(picture, move, Crop(luma[place, 0], chroma[place]))
        return torch.from_numpy(luma).float(), torch.from_numpy(chroma).float()


class CardCutter:
    """The same with PyTorch, a batch at once, from crops that lie on the card (1.5 bytes a pixel)."""

    def __init__(self, crops: Crops, torch_device: str) -> None:
        self._luma, self._chroma = (_on(part, torch_device) for part in (crops.luma, crops.chroma))

    def cut(self, rows: npt.NDArray[np.intp], moves: FloatArray) -> Planes:
        there = _sent(torch.from_numpy(rows), self._luma.device)
        halves = np.stack([chroma_matrix(move) for move in moves])
        return (
            _moved(self._luma[there].float(), moves, "bicubic").clamp(0, 255),
            _moved(self._chroma[there].float(), halves, "bilinear"),
        )


def _on(part: ByteArray, torch_device: str) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(part)).to(torch_device)


def _sent(part: Tensor, device: torch.device | str) -> Tensor:
    """A tensor of the processor's on ``device``, without waiting for what the device still does."""
    if torch.device(device).type != "cuda":
        return part.to(device)
    return part.pin_memory().to(device, non_blocking=True)


def _moved(planes: Tensor, matrices: FloatArray, mode: str) -> Tensor:
    """Planes (n, c, h, w) moved by matrices float32 (n, 2, 3) in pixels, as OpenCV's warpAffine moves them."""
    height, width = planes.shape[-2:]
    whole = np.concatenate([matrices, np.tile([[[0.0, 0.0, 1.0]]], (len(matrices), 1, 1))], 1)
    # grid_sample counts from -1 to 1 between the outermost pixels' middles
    pixel = np.array(
        [[(width - 1) / 2, 0, (width - 1) / 2], [0, (height - 1) / 2, (height - 1) / 2], [0, 0, 1]]
    )
    back = np.linalg.inv(pixel) @ np.linalg.inv(whole) @ pixel
    theta = _sent(torch.from_numpy(back[:, :2].astype(np.float32)), planes.device)
    grid = F.affine_grid(theta, list(planes.shape), align_corners=True)
    return F.grid_sample(planes, grid, mode=mode, padding_mode="border", align_corners=True)


def _lit(planes: Planes, light: Tensor) -> Planes:
    """Planes in light that differs by ``light`` (n, 3)."""
    shift = light[:, :, None, None]
    return planes[0] + shift[:, :1], planes[1] + shift[:, 1:]
