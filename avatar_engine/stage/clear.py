"""The show's picture without a ground: straight colours, and the share of every pixel, to be laid over anything.

What stands on the picture may lie over nothing, too. An overlay multiplies what is under it and adds to it: what it
makes of zeros and of the largest numbers there are tells both.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from avatar_engine.contracts import ByteArray
from avatar_engine.media.picture import BLACK, NEUTRAL, Planes, planes
from avatar_engine.stage.framing import Slices

WHOLE = 255


class Clear:
    """The shares of a show's pictures.

    Args:
        size: Width and height of the show, both even.

    Attributes:
        shares: uint8 (height, width), of the picture that was made last.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        width, height = size
        self.shares = np.zeros((height, width), np.uint8)
        self._none, self._all = (planes(np.empty((height * 3 // 2, width), np.uint8)) for _ in range(2))

    def begin(self, picture: Planes) -> None:
        """Nothing is there."""
        self.shares[:] = 0
        for plane, value in zip(picture, (BLACK, NEUTRAL, NEUTRAL), strict=True):
            plane[:] = value

    def stand(self, alpha: ByteArray | None, at: tuple[slice, slice]) -> None:
        """The presenter is there, with these shares or whole, in that part of the picture."""
        there = self.shares[at]
        if alpha is None:
            there[:] = WHOLE
        elif alpha.shape == there.shape:
            np.copyto(there, alpha)
        else:
            cv2.resize(alpha, there.shape[::-1], dst=there, interpolation=cv2.INTER_LINEAR)

    def lay(self, picture: Planes, draw: Callable[[Planes], None], touched: list[Slices]) -> None:
        """Lay over the picture what ``draw`` blends into planes; it touches nothing but ``touched``."""
        if not touched:
            return
        for plane, largest in zip((*self._none, *self._all), (0, 0, 0, WHOLE, WHOLE, WHOLE), strict=True):
            plane[:] = largest
        draw(self._none)
        draw(self._all)
        before = self.shares.astype(np.float32) / WHOLE
        halved = cv2.resize(before, picture[1].shape[::-1], interpolation=cv2.INTER_AREA)
        for number, (plane, added, most) in enumerate(zip(picture, self._none, self._all, strict=True)):
            left = (most.astype(np.float32) - added) / WHOLE  # what is left of what is under it
            under = left * (before if number == 0 else halved)
            total = 1 - left + under
            mixed = (added + under * plane) / np.maximum(total, np.float32(1 / WHOLE))
            np.copyto(plane, np.rint(mixed).clip(0, WHOLE).astype(np.uint8), where=left < 1)
            if number == 0:
                np.copyto(self.shares, np.rint(WHOLE * total).astype(np.uint8), where=left < 1)
