"""Mouth shapes drawn as OpenCV draws them, for many faces at once, in tensors: no loop over pixels or edges.

The painter has learnt from planes that ``cv2.fillPoly`` drew with anti-aliased lines of four fractional bits, so this
computes what that computes (OpenCV's ``drawing.cpp``): ordinates rounded to whole rows, lines of three pixels with
its filter and slope tables laid over one another, and the inside filled by scanlines, even-odd. Every edge is looked at
in every column or row of the crop at once; what does not belong to it is drawn into a column that nobody sees.
Nothing here makes a tensor of a Python number on the processor: a CUDA graph could not be made of that.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from avatar_engine.lips.shape import INNER, JAW, OUTER, SUB_PIXEL

ONE = 1 << 16
_FILTER = (
    168, 177, 185, 194, 202, 210, 218, 224, 231, 236, 241, 246, 249, 252, 254, 254,
    254, 254, 252, 249, 246, 241, 236, 231, 224, 218, 210, 202, 194, 185, 177, 168,
    158, 149, 140, 131, 122, 114, 105, 97, 89, 82, 75, 68, 62, 56, 50, 45,
    40, 36, 32, 28, 25, 22, 19, 16, 14, 12, 11, 9, 8, 7, 5, 5,
)  # fmt: skip
_SLOPES = (
    181, 181, 181, 182, 182, 183, 184, 185, 187, 188, 190, 192, 194, 196, 198, 201,
    203, 206, 209, 211, 214, 218, 221, 224, 227, 231, 235, 238, 242, 246, 250, 254,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Raster:
    """Draws lips, inner mouth and jaw of shapes into crops of one size.

    Attributes:
        size: Side of the crop.
        before: int64 (landmarks,), the landmark before each one on its line, round and round.
        plane: int64 (landmarks,), the plane that each line belongs to.
        along: int64 (size,), columns or rows.
        filter, slopes: OpenCV's tables.
    """

    size: int
    before: Tensor
    plane: Tensor
    along: Tensor
    filter: Tensor
    slopes: Tensor

    @classmethod
    def make(cls, size: int, device: torch.device) -> Raster:
        before, plane, start = [], [], 0
        for number, line in enumerate((OUTER, INNER, JAW)):
            count = len(line)
            before += [start + (i - 1) % count for i in range(count)]
            plane += [number] * count
            start += count
        tables = (
            torch.tensor(table, device=device) for table in (before, plane, range(size), _FILTER, _SLOPES)
        )
        return cls(size, *tables)

    def draw(self, shapes: Tensor) -> Tensor:
        """Shapes float32 (n, landmarks, 2), as a share of the crop's side, as planes float32 (n, 3, size, size)."""
        points = torch.round(shapes * (self.size << SUB_PIXEL)).to(torch.int64)
        x, y = points[..., 0] << (16 - SUB_PIXEL), (points[..., 1] + (1 << SUB_PIXEL >> 1)) >> SUB_PIXEL
        x0, y0, x1, y1 = x[:, self.before], y[:, self.before], x, y
        clear = self._lines(x0, y0 * ONE, x1, y1 * ONE)
        drawn = torch.round(255 * (1 - torch.exp(clear)))
        return drawn.masked_fill(self._inside(x0, y0, x1, y1), 255.0)

    def _inside(self, x0: Tensor, y0: Tensor, x1: Tensor, y1: Tensor) -> Tensor:
        """What lies within the lines, even-odd: bool (n, 3, size, size)."""
        n, size = len(x0), self.size
        rows = self.along
        down = (y1 - y0)[..., None]
        step = torch.div((x1 - x0)[..., None], down.masked_fill(down == 0, 1), rounding_mode="trunc")
        top, start = torch.minimum(y0, y1)[..., None], torch.where(y0 < y1, x0, x1)[..., None]
        crossing = start + (rows - top) * step
        there = (rows >= top) & (rows < torch.maximum(y0, y1)[..., None])
        row = (self.plane[:, None] * size + rows) * (size + 1)
        ones = torch.ones((), dtype=torch.int32, device=x0.device).expand(n, row.numel())

        def odd(column: Tensor) -> Tensor:
            place = row + column.clamp(0, size).masked_fill(~there, size)  # the last one is not seen
            count = torch.zeros(n, 3 * size * (size + 1), dtype=torch.int32, device=x0.device)
            count.scatter_add_(1, place.flatten(1), ones)
            return count.view(n, 3, size, size + 1)[..., :size].cumsum(-1, dtype=torch.int32) & 1

        # pixels on which a line lies exactly are inside, on either side
        return (odd((crossing + ONE - 1) >> 16) | odd((crossing >> 16) + 1)).bool()

    def _lines(self, x0: Tensor, y0: Tensor, x1: Tensor, y1: Tensor) -> Tensor:
        """Lines between points with 16 fractional bits: float32 (n, 3, size, size), log of what they leave clear."""
        n, size = len(x0), self.size
        flat = (x1 - x0).abs() > (y1 - y0).abs()
        # along the longer way, from its lower end
        a0, a1 = torch.where(flat, x0, y0), torch.where(flat, x1, y1)
        b0, b1 = torch.where(flat, y0, x0), torch.where(flat, y1, x1)
        turned = a1 < a0
        a0, a1 = torch.where(turned, a1, a0), torch.where(turned, a0, a1)
        b0, b1 = torch.where(turned, b1, b0), torch.where(turned, b0, b1)
        step = torch.div((b1 - b0) * ONE, (a1 - a0) | 1, rounding_mode="trunc")
        end = a1 + ONE
        first, last = a0 >> 16, end >> 16
        begin = b0 + ((step * -(a0 & (ONE - 1))) >> 16) + (ONE >> 1)
        slope = (step >> 11) & 0x3F
        slope = torch.where(step < 0, slope ^ 0x3F, slope)
        slope = self.slopes[slope & 0x1F].masked_fill((slope & 0x20) > 0, 0x100)
        along = self.along
        since, until = along - first[..., None], last[..., None] - along
        strength = _ends(slope, (a0 >> 9) & 0x78, (end >> 9) & 0x78, since, until)
        at = begin[..., None] + step[..., None] * since
        there, dist = (since >= 0) & (until >= 0), (at >> 11) & 31
        clear = torch.zeros(n, 3 * size * size + 1, dtype=torch.float32, device=x0.device)
        for offset, entry in ((-1, dist + 32), (0, dist), (1, 63 - dist)):
            across = (at >> 16) + offset
            alpha = ((strength * self.filter[entry]) >> 8) & 0xFF
            row = torch.where(flat[..., None], across, along)
            column = torch.where(flat[..., None], along, across)
            place = (self.plane[:, None] * size + row) * size + column
            seen = there & (across >= 0) & (across < size)
            place = place.masked_fill(~seen, 3 * size * size)
            clear.scatter_add_(
                1, place.flatten(1), torch.log1p(alpha.float() / -256).flatten(1) * 2
            )  # it lays each over twice
        return clear[:, :-1].view(n, 3, size, size)


def _ends(slope: Tensor, i: Tensor, j: Tensor, since: Tensor, until: Tensor) -> Tensor:
    """How strong a line is at each of its places: its ends are weaker."""
    whole, first, second = slope << 7, ((0x78 - i) | 4) * slope, (j | 4) * slope
    short = ((((j - i) & 0x78) | 4) * slope >> 8) & 0x1FF
    table = torch.stack(
        [
            torch.zeros_like(slope), short, (first >> 8) & 0x1FF,
            short, ((((j - i) + 0x80) | 4) * slope >> 8) & 0x1FF, ((first + whole) >> 8) & 0x1FF,
            (second >> 8) & 0x1FF, ((second + whole) >> 8) & 0x1FF, slope,
        ],
        -1,
    )  # fmt: skip
    return table.gather(-1, since.clamp(0, 2) * 3 + until.clamp(0, 2))
