"""Soft brushes: masks from splines, light on relief, strands of hair.

A `Sheet` is a premultiplied picture in the presenter's own units (one unit is 1/655 of the picture's height, the
origin lies between the nose and the eyes, y points down), so that nothing else knows about pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline

FloatArray = npt.NDArray[Any]
"""Of float32 or float64: a drawing mixes both."""

ByteArray = npt.NDArray[np.uint8]
Points = Sequence[tuple[float, float]]
Colour = tuple[float, float, float]


@dataclass
class Sheet:
    """A premultiplied RGBA picture (float32, 0 to 1) over a rectangle of the presenter's units.

    Attributes:
        left, top, right, bottom: The rectangle, in units.
        scale: Pixels a unit.
    """

    left: float
    top: float
    right: float
    bottom: float
    scale: float
    rgb: FloatArray = field(init=False)
    alpha: FloatArray = field(init=False)
    x: FloatArray = field(init=False)
    y: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        width = round((self.right - self.left) * self.scale)
        height = round((self.bottom - self.top) * self.scale)
        self.rgb = np.zeros((height, width, 3), np.float32)
        self.alpha = np.zeros((height, width), np.float32)
        self.x = ((np.arange(width, dtype=np.float32) + 0.5) / self.scale + self.left)[None, :]
        self.y = ((np.arange(height, dtype=np.float32) + 0.5) / self.scale + self.top)[:, None]

    def pixels(self, points: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Units to pixels of this sheet, shape kept (..., 2)."""
        return (np.asarray(points, np.float64) - (self.left, self.top)) * self.scale

    def mask(self, points: npt.NDArray[np.floating], soft: float = 0.0) -> FloatArray:
        """Coverage (h, w) of a closed outline (n, 2), its edge blurred by ``soft`` units."""
        canvas = np.zeros(self.alpha.shape, np.uint8)
        fixed = np.round(self.pixels(points) * 256 - 128).astype(np.int32)
        cv2.fillPoly(canvas, [fixed], 255, cv2.LINE_AA, 8)
        return self.blur(canvas.astype(np.float32) / 255.0, soft)

    def stroke(self, points: npt.NDArray[np.floating], width: float, soft: float = 0.0) -> FloatArray:
        """Coverage of an open line (n, 2) of ``width`` units, its edge blurred by ``soft`` units."""
        canvas = np.zeros(self.alpha.shape, np.uint8)
        fixed = np.round(self.pixels(points) * 256 - 128).astype(np.int32)
        cv2.polylines(canvas, [fixed], False, 255, max(1, round(width * self.scale)), cv2.LINE_AA, 8)
        return self.blur(canvas.astype(np.float32) / 255.0, soft)

    def blur(self, image: FloatArray, units: float) -> FloatArray:
        return soften(image, units * self.scale)

    def bump(self, x: float, y: float, wide: float, high: float, turn: float = 0.0) -> FloatArray:
        """A Gaussian hill (h, w) of height one, ``wide`` by ``high`` units, turned by ``turn`` radians."""
        u, v = self.x - x, self.y - y
        c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
        return np.exp(-0.5 * (((u * c + v * s) / wide) ** 2 + ((v * c - u * s) / high) ** 2))

    def over(self, colour: FloatArray | Colour, mask: FloatArray) -> None:
        """Lay ``colour`` (h, w, 3 or one colour) on top, where ``mask`` says and as strongly."""
        m = mask[..., None]
        self.rgb = self.rgb * (1 - m) + np.asarray(colour, np.float32) * m
        self.alpha = self.alpha * (1 - mask) + mask

    def tint(self, colour: Colour, mask: FloatArray) -> None:
        """Lay ``colour`` only where something is painted already."""
        m = mask[..., None]
        self.rgb = self.rgb * (1 - m) + np.asarray(colour, np.float32) * (self.alpha[..., None] * m)

    def multiply(self, factor: FloatArray) -> None:
        """Darken or lighten what is painted by ``factor`` (h, w) or (h, w, 3)."""
        self.rgb *= factor if factor.ndim == 3 else factor[..., None]
        np.minimum(self.rgb, self.alpha[..., None], out=self.rgb)

    def part(self, left: float, top: float, right: float, bottom: float) -> tuple[Sheet, tuple[slice, slice]]:
        """An empty sheet over the pixels of this one that cover a rectangle in units; and where they lie."""
        columns = slice(*(round((side - self.left) * self.scale) for side in (left, right)))
        rows = slice(*(round((side - self.top) * self.scale) for side in (top, bottom)))
        x, y = self.left + columns.start / self.scale, self.top + rows.start / self.scale
        wide, high = (columns.stop - columns.start) / self.scale, (rows.stop - rows.start) / self.scale
        return Sheet(x, y, x + wide, y + high, self.scale), (rows, columns)

    def bytes(self) -> ByteArray:
        """The sheet as premultiplied uint8 (h, w, 4)."""
        whole = np.dstack([self.rgb, self.alpha])
        return np.clip(whole * 255 + 0.5, 0, 255).astype(np.uint8)


def soften(image: FloatArray, sigma: float) -> FloatArray:
    """Gaussian blur by ``sigma`` pixels; wide ones are done on a reduced picture."""
    if sigma < 0.3:
        return image
    if sigma > 12:
        height, width = image.shape[:2]
        step = sigma / 5
        small = cv2.resize(
            image, (max(8, round(width / step)), max(8, round(height / step))), interpolation=cv2.INTER_AREA
        )
        small = cv2.GaussianBlur(small, (0, 0), 5, borderType=cv2.BORDER_REPLICATE)
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.GaussianBlur(image, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)


def curve(points: Points, count: int = 200, closed: bool = False) -> npt.NDArray[np.float64]:
    """A smooth line (count, 2) through ``points``, evenly spaced in its chord length."""
    knots = np.asarray(points, np.float64)
    if closed:
        knots = np.vstack([knots, knots[:1]])
    length = np.concatenate([[0], np.cumsum(np.sqrt(np.hypot(*np.diff(knots, axis=0).T)))])
    spline = CubicSpline(length, knots, bc_type="periodic" if closed else "natural")
    return np.asarray(spline(np.linspace(0, length[-1], count)))


def mirrored(half: Points) -> list[tuple[float, float]]:
    """A closed outline from its right half, given from the top to the bottom."""
    return [*half, *[(-x, y) for x, y in reversed(half) if abs(x) > 1e-6]]


def lit(height: FloatArray, scale: float, light: Colour) -> FloatArray:
    """Cosine (h, w) between a relief's normal and ``light`` (to the right, down, to the viewer)."""
    slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3) * (scale / 8)
    slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3) * (scale / 8)
    direction = np.asarray(light, np.float32) / np.linalg.norm(light).astype(np.float32)
    length = np.sqrt(slope_x**2 + slope_y**2 + 1)
    return np.asarray((direction[2] - slope_x * direction[0] - slope_y * direction[1]) / length)


def ramp(value: FloatArray, stops: Sequence[tuple[float, Colour]]) -> FloatArray:
    """Colour (h, w, 3) of ``value`` (h, w) through the given stops."""
    places = [place for place, _ in stops]
    return np.stack(
        [np.interp(value, places, [c[k] for _, c in stops]).astype(np.float32) for k in range(3)], axis=-1
    )


def smoothstep(low: float, high: float, value: FloatArray | np.float32) -> FloatArray:
    """0 below ``low``, 1 above ``high``, smooth between."""
    t: FloatArray = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def strands(
    picture: ByteArray,
    lines: npt.NDArray[np.floating],
    colour: Callable[[npt.NDArray[np.floating]], npt.NDArray[np.floating]],
    thickness: npt.NDArray[np.integer],
) -> None:
    """Draw hairs onto a premultiplied uint8 (h, w, 4).

    Args:
        picture: Drawn on in place.
        lines: (hairs, points, 2) in pixels.
        colour: From the place along a hair, 0 at the root to 1 (points - 1,), to RGB 0..255 (hairs, points - 1, 3).
        thickness: Pixels of each hair, (hairs,).
    """
    fixed = np.round(lines * 16 - 8).astype(np.int32)
    tones = np.clip(colour(np.linspace(0, 1, lines.shape[1] - 1)), 0, 255)
    for hair, tone, wide in zip(fixed, tones, thickness, strict=True):
        for k in range(len(hair) - 1):
            r, g, b = tone[k]
            cv2.line(
                picture, hair[k].tolist(), hair[k + 1].tolist(), (r, g, b, 255.0), int(wide), cv2.LINE_AA, 4
            )
