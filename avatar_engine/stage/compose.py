"""The show's picture: the presenter's body fitted into the show's size, a product's card and the label on it.

All of it stays in I420, the encoder's own form, so no colour conversion is paid for.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from avatar_engine.contracts import ByteArray, FloatArray, Scene
from avatar_engine.errors import AvatarError
from avatar_engine.media.picture import BLACK, Planes, blank, planes
from avatar_engine.stage.label import Label
from avatar_engine.stage.overlay import Overlay

FILL_DIM = 0.55
"""Brightness of the blurred fill beside the presenter, so that the eye stays on the presenter."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the body lies in the show's picture: all in pixels and even, so that chroma falls on its grid."""

    left: int
    top: int
    width: int
    height: int


def place(body: tuple[int, int], show: tuple[int, int]) -> Placement:
    """The largest centred placement of a ``body`` (width, height) inside a ``show`` without stretching."""
    scale = min(show[0] / body[0], show[1] / body[1])
    width = min(show[0], round(body[0] * scale / 2) * 2)
    height = min(show[1], round(body[1] * scale / 2) * 2)
    return Placement((show[0] - width) // 4 * 2, (show[1] - height) // 4 * 2, width, height)


def face_box(
    transforms: FloatArray, crop: int, body: tuple[int, int], show: tuple[int, int]
) -> tuple[float, float, float, float]:
    """Left, top, width and height in the show's picture of where the face is, in one picture of the body or another.

    Args:
        transforms: float32 (n, 2, 3), from the body's pictures to crops of the lower face, ``crop`` pixels a side.
        crop: Side of the crop.
        body: Width and height of the body's pictures.
        show: Width and height of the show.
    """
    turns, shifts = transforms[:, :, :2].astype(np.float64), transforms[:, :, 2].astype(np.float64)
    corners = crop * np.array([[0.0, -0.95], [1.0, -0.95], [1.0, 0.86], [0.0, 0.86]])  # from hair to chin
    points = np.linalg.solve(turns[:, None], (corners[None] - shifts[:, None])[..., None])[..., 0]
    spot = place(body, show)
    scaled = points * (spot.width / body[0]) + (spot.left, spot.top)
    # Of a thousand pictures the ten strangest may stray.
    left, top = np.percentile(scaled.min(1), 1, 0)
    right, bottom = np.percentile(scaled.max(1), 99, 0)
    return float(left), float(top), float(right - left), float(bottom - top)


def _interpolation(scale: float, chroma: bool) -> int:
    """Area averaging costs ten times the linear kernel, which is clean down to a half."""
    if scale < 0.5:
        return int(cv2.INTER_AREA)
    return int(cv2.INTER_LINEAR if chroma or scale < 1 else cv2.INTER_CUBIC)


class Stage:
    """Composes the show's pictures.

    Args:
        size: Width and height of the show, both even.
        label: What stands on every picture; made for the same size.
        overlay: Where the cards of products are shown; None for nowhere.

    Raises:
        AvatarError: The size is odd or too small.
    """

    def __init__(self, size: tuple[int, int], label: Label, overlay: Overlay | None = None) -> None:
        width, height = size
        if width % 2 or height % 2 or min(size) < 64:
            raise AvatarError(
                f"A show can't be {width}x{height}: both sides must be even and at least 64.",
                "Choose a size such as 1280x720.",
            )
        self.size = size
        self._label, self._overlay = label, overlay
        self._picture = blank(width, height)
        self._planes = planes(self._picture)
        self._body_shape: tuple[int, ...] = ()
        self._place = Placement(0, 0, width, height)
        self._ground: Planes | None = None  # what lies beside the body, without a card on it

    def expect(self, scene: Scene) -> None:
        """This will be shown soon."""
        if self._overlay is not None:
            self._overlay.expect(scene.card)

    def show(self, scene: Scene, index: int) -> None:
        """Show this from the next picture on, which is frame ``index``."""
        if self._overlay is not None:
            self._overlay.show(scene.card)

    def close(self) -> None:
        """No more cards are drawn."""
        if self._overlay is not None:
            self._overlay.close()

    def compose(self, body: ByteArray) -> ByteArray:
        """The show's picture of one body frame.

        Args:
            body: uint8 I420 (height * 3 // 2, width) of any even size.

        Returns:
            uint8 I420 of the show's size; the same buffer every time, so copy it to keep it.
        """
        sources = planes(body)
        if body.shape != self._body_shape:
            self._fit(body)
        spot = self._place
        if self._ground is not None:
            self._label.wipe(self._planes, self._ground)
            if self._overlay is not None:
                self._overlay.wipe(self._planes, self._ground)
        for shift, source, target in zip((0, 1, 1), sources, self._planes, strict=True):
            rows = slice(spot.top >> shift, (spot.top + spot.height) >> shift)
            columns = slice(spot.left >> shift, (spot.left + spot.width) >> shift)
            part = target[rows, columns]
            if part.shape == source.shape:
                part[:] = source
            else:
                how = _interpolation(part.shape[0] / source.shape[0], bool(shift))
                cv2.resize(source, part.shape[::-1], dst=part, interpolation=how)
        if self._overlay is not None:
            self._overlay.draw(self._picture)
        self._label.draw(self._picture)  # last: nothing ever covers it
        return self._picture

    def _fit(self, body: ByteArray) -> None:
        """Place a body of this shape, and fill what it leaves free by a blurred, enlarged, dimmed copy of it.

        Reckoned once for a shape and not again, so the fill never moves behind the presenter.
        """
        sources = planes(body)
        self._body_shape, self._ground = body.shape, None
        height, width = sources[0].shape
        self._place = place((width, height), self.size)
        if (self._place.width, self._place.height) == self.size:
            return
        cover = max(self.size[0] / width, self.size[1] / height)
        used = round(self.size[0] / cover), round(self.size[1] / cover)
        left, top = (width - used[0]) // 2, (height - used[1]) // 2
        for shift, source, target in zip((0, 1, 1), sources, self._planes, strict=True):
            part = source[top >> shift : (top + used[1]) >> shift, left >> shift : (left + used[0]) >> shift]
            tiny = cv2.resize(part, (64, 36), interpolation=cv2.INTER_AREA)
            soft = cv2.GaussianBlur(tiny, (0, 0), 3.0).astype(np.float32)
            if not shift:
                soft = (soft - BLACK) * FILL_DIM + BLACK
            wide = cv2.resize(soft, target.shape[::-1], interpolation=cv2.INTER_CUBIC)
            np.copyto(target, np.clip(np.rint(wide), 0, 255).astype(np.uint8))
        self._ground = planes(self._picture.copy())
