"""The mark in pictures: a faint, soft pattern in the luma, the same in every picture of a show.

It is a tile (`avatar_engine.trust.marks.carrier`), laid over a picture whose shorter side counts as `SHORT_SIDE`, so
that it is found at any size. Its waves are long enough for a picture of 360 lines and for what encoders keep, and its
strength follows the picture: a little on smooth walls and skin, more on hair, cloth and edges, where the eye sees less
(the "activity" of the SPIE paper named there). As it stands still it doesn't flicker, and costs an encoder bits in
keyframes alone.
"""

from __future__ import annotations

import cv2
import numpy as np

from avatar_engine.contracts import FRAME_RATE, ByteArray, FloatArray
from avatar_engine.trust.marks.carrier import PUBLIC_KEY, Carrier, Found

SHORT_SIDE = 360
"""What the shorter side of a picture counts as, whatever its size."""

TILE = 180
"""Side of the tile, in these units."""

LONGEST, SHORTEST = 30.0, 6.0
"""Wavelengths of the pattern, in these units: at 480 lines 8 pixels and more."""

FAINT, STRONG = 0.5, 1.75
"""Standard deviation of the pattern, in steps of luma, on a smooth ground and in busy parts."""

SCALES = tuple(float(scale) for scale in np.exp(np.arange(-140, 81) * 0.005))
"""Sizes that are tried where a picture was cut or framed: 0.5 (an upright piece of a wide show) to 1.49, near enough to
each other for the waves to meet."""

_GAIN = 0.2  # of the strength, a step of the ground's own deviation
_COARSE = 4  # pixels a side that the ground is looked at in
_STRIPS = FRAME_RATE  # the strength of every strip is reckoned anew once a second
_MOST = 16  # steps of luma that one pixel is changed by
_SOFT = 8.0  # deviation of the blur that is taken off what was received, in units
_FLOOR = 1.5  # steps of luma that count as activity where there is none


def carrier(key: bytes = PUBLIC_KEY) -> Carrier:
    """The pattern of pictures: modes in a ring, all of one strength."""
    down = np.fft.fftfreq(TILE)[:, None]
    across = np.fft.rfftfreq(TILE)[None]
    radius = np.hypot(down, across)
    return Carrier((TILE, TILE), ((radius >= 1 / LONGEST) & (radius <= 1 / SHORTEST)).astype(float), key)


class PictureMark:
    """Marks the pictures of one show, one after the other, in a buffer of its own.

    Args:
        size: Width and height of the show, both even.
        number: What is written, see `avatar_engine.trust.marks.code`.
        strength: Factor of the pattern; 1 is what `benchmarks/watermark.py` measured.
        key: See `Carrier`.
    """

    def __init__(
        self, size: tuple[int, int], number: int, strength: float = 1.0, key: bytes = PUBLIC_KEY
    ) -> None:
        width, height = size
        self._height = height
        self._out: ByteArray = np.empty((height * 3 // 2, width), np.uint8)
        pattern = np.float32(strength) * laid(carrier(key).pattern(number, 2), size)
        more, less = np.zeros((2, height, width), np.uint8)
        rows = -(-height // _STRIPS // _COARSE) * _COARSE
        self._more, self._less = more, less
        self._strips = [
            _Strip(slice(top, top + rows), pattern[top : top + rows], more[top : top + rows], less[top : top + rows])
            for top in range(0, height, rows)
        ]  # fmt: skip
        self._turn = -1

    def mark(self, picture: ByteArray) -> ByteArray:
        """A marked copy of ``picture``, uint8 I420 of the show's size: the same buffer every time."""
        luma = picture[: self._height]
        if self._turn < 0:
            for strip in self._strips:
                strip.fit(luma)
        self._turn = (self._turn + 1) % len(self._strips)
        self._strips[self._turn].fit(luma)
        marked = self._out[: self._height]
        cv2.add(luma, self._more, dst=marked)
        cv2.subtract(marked, self._less, dst=marked)
        self._out[self._height :] = picture[self._height :]
        return self._out


class _Strip:
    """Some rows of the pattern, as strong as the ground under them allows; its buffers are made once."""

    def __init__(self, rows: slice, pattern: FloatArray, more: ByteArray, less: ByteArray) -> None:
        self._rows, self._pattern, self._more, self._less = rows, pattern, more, less
        height, width = pattern.shape
        self._small = np.empty((-(-height // _COARSE), width // _COARSE), np.uint8)
        self._even, self._busy = np.empty_like(self._small), np.empty_like(self._small)
        self._strength = np.empty(self._small.shape, np.float32)
        self._change = np.empty(pattern.shape, np.float32)

    def fit(self, luma: ByteArray) -> None:
        """Reckon the pattern anew for what is now in the picture."""
        small, even, busy, change = self._small, self._even, self._busy, self._change
        cv2.resize(luma[self._rows], small.shape[::-1], dst=small, interpolation=cv2.INTER_AREA)
        cv2.blur(small, (5, 5), dst=even)
        cv2.absdiff(small, even, dst=busy)
        np.multiply(busy, _GAIN, out=self._strength)
        cv2.blur(self._strength, (7, 7), dst=self._strength)
        self._strength += FAINT
        np.minimum(self._strength, STRONG, out=self._strength)
        cv2.resize(self._strength, change.shape[::-1], dst=change, interpolation=cv2.INTER_LINEAR)
        change *= self._pattern
        np.rint(change, out=change)
        np.clip(change, 0, _MOST, out=self._more, casting="unsafe")
        np.negative(change, out=change)
        np.clip(change, 0, _MOST, out=self._less, casting="unsafe")


def laid(tile: FloatArray, size: tuple[int, int]) -> FloatArray:
    """A tile (twice as fine as its units) over a whole picture of ``size`` (width, height): float32 (height, width)."""
    width, height = units(size)
    side = tile.shape[0]
    times = (-(-2 * height // side), -(-2 * width // side))
    whole = np.tile(tile, times)[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(whole, size, interpolation=_kernel(size[1] / (2 * height))), np.float32)


def units(size: tuple[int, int]) -> tuple[int, int]:
    """Width and height of a picture of ``size`` when its shorter side counts as `SHORT_SIDE`."""
    scale = SHORT_SIDE / min(size)
    return round(size[0] * scale), round(size[1] * scale)


def _kernel(scale: float) -> int:
    return int(cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


class PictureSearch:
    """Looks for the mark in pictures, as many as come, in memory that doesn't grow.

    Args:
        key: See `Carrier`.
    """

    def __init__(self, key: bytes = PUBLIC_KEY) -> None:
        self.carrier = carrier(key)
        self._whole: FloatArray = np.zeros((0, 0), np.float32)
        self.pictures = 0

    def push(self, luma: ByteArray) -> None:
        """Take one picture's luma, uint8 (height, width); all of one size."""
        height, width = luma.shape
        size = units((width, height))
        scaled = cv2.resize(luma, size, interpolation=_kernel(size[1] / height)).astype(np.float32)
        scaled -= cv2.GaussianBlur(scaled, (0, 0), _SOFT)
        scaled /= cv2.blur(np.abs(scaled), (15, 15)) + _FLOOR
        np.clip(scaled, -3, 3, out=scaled)
        if self._whole.shape != scaled.shape:
            self._whole, self.pictures = np.zeros_like(scaled), 0
        self._whole += scaled
        self.pictures += 1

    def add(self, other: PictureSearch) -> None:
        """Take all pictures that another search has taken."""
        if self._whole.shape != other._whole.shape:
            self._whole, self.pictures = np.zeros_like(other._whole), 0
        self._whole += other._whole
        self.pictures += other.pictures

    def found(self) -> Found:
        """What all pictures so far say, taken as whole pictures."""
        return self.carrier.find(folded(self._whole)) if self.pictures else Found()

    def found_cut(self) -> Found:
        """The same, should they have been cut, enlarged, or set into a larger frame: some seconds of work."""
        best = Found()
        if not self.pictures:
            return best
        height, width = self._whole.shape
        for scale in SCALES:
            size = (round(width * scale), round(height * scale))
            scaled = cv2.resize(self._whole, size, interpolation=_kernel(scale))
            now = self.carrier.find(folded(np.asarray(scaled, np.float32)))
            best = min(best, now, key=Found.doubt)
        return best.among(len(SCALES))


def folded(plane: FloatArray) -> FloatArray:
    """The tiles of a plane, added up: (`TILE`, `TILE`)."""
    height, width = plane.shape
    rows, columns = -(-height // TILE), -(-width // TILE)
    whole = np.zeros((rows * TILE, columns * TILE), np.float32)
    whole[:height, :width] = plane
    return np.asarray(whole.reshape(rows, TILE, columns, TILE).sum((0, 2)), np.float32)
