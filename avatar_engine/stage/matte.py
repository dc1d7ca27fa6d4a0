"""Which share of every pixel is the presenter, and of what colour: alpha matting before a known background.

The camera stands still, so the background behind hair is known (`avatar_engine.stage.plate`). A network's coarse mask
says where the edge is; between what is surely the person and what surely is not, every pixel is taken apart into share
and colour by the most likely pair (Chuang, Curless, Salesin and Szeliski 2001, "A Bayesian approach to digital
matting", with their later clean plate), the coarse mask being the prior where person and background look alike. What
is uncertain is led by the edges of the picture (guided filter, He, Sun and Tang 2010), and all of it is steadied along
the motion of the pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.stage.plate import Light, Mask, Plate, colours, filled, rounded

INNER, OUTER = 0.06, 0.09
"""How far inside the coarse mask the person is sure, and how far outside the background, in heights of the picture."""

NEAR = 0.03
"""Reach of the colours that a pixel's own may be like, in heights of the picture."""

STEP = 4
"""Pixels of the picture to one of the grid on which colours are gathered."""

ROUNDS = 3
"""Of share and colour, each found by the other: they change no more then."""

DOUBT = 0.3
"""Standard deviation of the coarse mask about the true share."""

USUAL, STRANGE = 9.0, 12.0
"""What a pair of share and colour may cost (the negative logarithm of its likelihood, doubled), and by how much more it
is e times less to be believed: then the pixel is of something that is not near it, and the coarse mask decides."""

LIVELY = np.array([30.0, 6.0, 6.0], np.float32) ** 2
"""Largest variance of the person's colours in one place: hair is light and dark, but blue only by what is behind."""

NONE, ALL = 0.02, 0.95
"""Shares that are taken as none and all: what noise leaves of either would shimmer."""

FAINT, CLEAR = 2.0, 3.5
"""Differences from the plate, in its noise, up to which there is nothing, and above which there is something."""

Pixels = npt.NDArray[np.intp]
"""Numbers of pixels in a picture read row by row."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A picture cut out.

    Attributes:
        alpha: float32 (height, width), the presenter's share of every pixel.
        colours: uint8 (height, width, 3), luma, Cb and Cr of the presenter alone, wherever alpha is above 0.
    """

    alpha: FloatArray
    colours: ByteArray


class _Ground:
    """A background as matting uses it: pixel by pixel, and on the grid on which colours are gathered."""

    def __init__(self, plate: Plate, grid: tuple[int, int]) -> None:
        self.colours, self.noise = plate.colours.reshape(-1, 3), plate.noise.reshape(-1, 3)
        self.small, self.calm = _resized(plate.colours, grid), _resized(plate.noise, grid)


class Matting:
    """Cuts out pictures before one background of several.

    Args:
        plates: The backgrounds, all of one size.
        exact: Whether the masks that come are the presenter's shares already, as a matting network gives them: then
            only the colours are found.
    """

    def __init__(self, plates: Sequence[Plate], exact: bool = False) -> None:
        height, width = plates[0].known.shape
        self._size, self._exact = (width, height), exact
        self._grid = max(1, width // STEP), max(1, height // STEP)
        self._grounds = [_Ground(plate, self._grid) for plate in plates]
        self._inner, self._outer = _disc(INNER * height / STEP), _disc(OUTER * height / STEP)
        self._near = NEAR * height / STEP

    def cut(self, picture: ByteArray, coarse: FloatArray) -> Cut:
        """Cut out one picture, uint8 I420, whose ``coarse`` mask is float32 of any size."""
        seen = colours(picture)
        small, mask = _resized(seen, self._grid), _resized(coarse, self._grid)
        core = cv2.erode((mask > 0.5).astype(np.uint8), self._inner, borderValue=1).astype(bool)
        near = cv2.dilate((mask > 0.3).astype(np.uint8), self._outer).astype(bool)
        prior = np.clip(_resized(coarse, self._size), 0, 1)
        ground, light = self._before(small, ~near)
        if self._exact:
            alpha, band = prior, np.flatnonzero((prior > 0) & (prior < 1))
        else:
            alpha = _wide(core, self._size).astype(np.float32)
            band = np.flatnonzero(_wide(near & ~core, self._size))
            band = band[self._something(seen, band, ground, light, prior)]
        if not len(band):
            return Cut(alpha, seen)
        different = np.abs((small - light.of(ground.small)) / ground.calm).max(2)
        loose = (mask > 0.5) & (different > 4 * CLEAR)
        mean, spread = self._like(small, np.maximum(core, 0.05 * loose).astype(np.float32))
        noise = ground.noise[band].T
        share, colour, sure = _apart(
            np.asarray(seen.reshape(-1, 3)[band].T / noise, np.float32),
            light.of(ground.colours[band]).T / noise,
            _resized(mean, self._size).reshape(-1, 3)[band].T / noise,
            _resized(spread, self._size).reshape(-1, 3)[band].T / (noise * noise),
            prior.reshape(-1)[band],
            self._exact,
        )
        if not self._exact:
            self._lead(alpha, seen, band, share, sure)
        result = seen.copy()
        result.reshape(-1, 3)[band] = rounded((colour * noise).T)
        return Cut(alpha, result)

    def _before(self, small: FloatArray, free: Mask) -> tuple[_Ground, Light]:
        """Which background a picture is before, and its light, by what is ``free`` of the person."""
        seen = small[free]
        lights = [Light.between(ground.small[free], seen) for ground in self._grounds]
        if len(lights) == 1 or not len(seen):
            return self._grounds[0], lights[0]
        wrong = [
            float(np.median(np.abs(light.of(ground.small[free]) - seen).sum(1)))
            for ground, light in zip(self._grounds, lights, strict=True)
        ]
        best = int(np.argmin(wrong))
        return self._grounds[best], lights[best]

    def _something(
        self, seen: ByteArray, band: Pixels, ground: _Ground, light: Light, prior: FloatArray
    ) -> npt.NDArray[np.bool_]:
        """Which pixels of the band are more than the background's noise, they or their neighbours, or may be."""
        away = np.zeros(self._size[::-1], np.float32)
        behind = light.of(ground.colours[band])
        away.reshape(-1)[band] = (np.abs(seen.reshape(-1, 3)[band] - behind) / ground.noise[band]).max(1)
        together = np.asarray(cv2.blur(away, (3, 3)), np.float32)
        return (together.reshape(-1)[band] > FAINT) | (prior.reshape(-1)[band] > 0.3)

    def _like(self, small: FloatArray, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and variance of the person's colours around every cell of the grid, by how surely each is the person."""
        size = small.shape[1], small.shape[0]
        total = np.concatenate([small, small * small, np.ones_like(small[..., :1])], 2) * weight[..., None]
        close = np.asarray(cv2.GaussianBlur(total, (0, 0), self._near), np.float32)
        rough = _resized(total, (max(1, size[0] // 4), max(1, size[1] // 4)))
        wide = np.asarray(cv2.GaussianBlur(rough, (0, 0), 0.75 * self._near), np.float32)
        close += 0.02 * _resized(wide, size)
        reached = close[..., 6] > 1e-4
        means = close[..., :6] / np.maximum(close[..., 6:], 1e-4)
        mean = filled(np.ascontiguousarray(means[..., :3]), reached)
        spread = np.clip(means[..., 3:] - means[..., :3] ** 2, 4.0, LIVELY)
        return mean, filled(np.ascontiguousarray(spread), reached)

    def _lead(
        self, alpha: FloatArray, seen: ByteArray, band: Pixels, share: FloatArray, sure: FloatArray
    ) -> None:
        """Write the shares into ``alpha``; where the colours leave them in doubt, they follow the edges of the luma."""
        flat = alpha.reshape(-1)
        flat[band] = share
        guide = np.ascontiguousarray(seen[..., 0])
        smooth = guided(guide, alpha, max(1, round(0.006 * alpha.shape[0] / 2)), 25.0)
        led = sure * share + (1 - sure) * smooth.reshape(-1)[band]
        flat[band] = np.clip((led - NONE) / (ALL - NONE), 0, 1)


def _apart(
    seen: FloatArray,
    behind: FloatArray,
    mean: FloatArray,
    spread: FloatArray,
    prior: FloatArray,
    exact: bool,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Take n pixels apart into share and colour; colours float32 (3, n) in units of the background's noise.

    Args:
        seen: What the camera saw.
        behind: The background there.
        mean: Colour of the person nearby.
        spread: Its variance.
        prior: Share by the mask, float32 (n,).
        exact: Whether that is the share itself.

    Returns:
        Share (n,), the person's colour (3, n), and how sure the colours make the share, 0 to 1 (n,).
    """
    trust = np.float32(1 / DOUBT**2)
    narrow = 1 / spread
    pull, lift = mean * narrow, seen - behind
    colour: npt.NDArray[Any] = mean
    share: npt.NDArray[Any] = prior
    reach: npt.NDArray[Any] = np.ones_like(prior)
    for _ in range(ROUNDS):
        if not exact:
            apart = colour - behind
            reach = (apart * apart).sum(0)
            share = np.clip(((apart * lift).sum(0) + trust * prior) / (reach + trust), 0, 1)
        colour = (pull + share * (lift + share * behind)) / (narrow + share * share)
    if exact:
        return share, colour, np.ones_like(share)
    left = lift - share * (colour - behind)
    strange = (left * left + (colour - mean) ** 2 * narrow).sum(0)
    known = np.exp(-np.maximum(strange - USUAL, 0) / STRANGE)
    share = share + (1 - known) * np.maximum(prior - share, 0)
    colour = colour + (1 - known) * (seen - colour)  # what is like nothing around it has its own
    sure = reach / (reach + 20 * trust)
    return share.astype(np.float32), colour.astype(np.float32), sure.astype(np.float32)


def guided(guide: ByteArray, values: FloatArray, radius: int, even: float) -> FloatArray:
    """The guided filter at half the size (He and Sun 2015): ``values`` as linear functions of ``guide`` in windows of
    ``radius`` such pixels."""
    whole = values.shape[1], values.shape[0]
    half = max(1, whole[0] // 2), max(1, whole[1] // 2)
    side = (2 * radius + 1, 2 * radius + 1)
    lead, value = _resized(guide, half), _resized(values, half)

    def mean(plane: npt.NDArray[Any]) -> FloatArray:
        return np.asarray(cv2.blur(plane, side, borderType=cv2.BORDER_REFLECT), np.float32)

    middle, level = mean(lead), mean(value)
    slope = (mean(lead * value) - middle * level) / (mean(lead * lead) - middle * middle + even)
    offset = mean(level - slope * middle)
    result: FloatArray = _resized(mean(slope), whole) * guide + _resized(offset, whole)
    return result


MOST_CHANNELS = 4
"""Channels that OpenCV resizes by areas at once, unless the scale happens to be a whole number."""


def _disc(radius: float) -> ByteArray:
    side = 2 * max(1, round(radius)) + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _resized(values: FloatArray | ByteArray, size: tuple[int, int]) -> FloatArray:
    smaller = size[0] < values.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    if values.ndim == 3 and values.shape[2] > MOST_CHANNELS:
        parts = np.split(values, range(MOST_CHANNELS, values.shape[2], MOST_CHANNELS), axis=2)
        return np.concatenate(
            [np.atleast_3d(_resized(np.ascontiguousarray(part), size)) for part in parts], 2
        )
    return np.asarray(cv2.resize(values, size, interpolation=how), np.float32)


def _wide(mask: Mask, size: tuple[int, int]) -> ByteArray:
    return np.asarray(cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST), np.uint8)
