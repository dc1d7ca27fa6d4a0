"""What lies beside the presenter where the footage does not cover the picture."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from avatar_engine.contracts import ByteArray
from avatar_engine.errors import AvatarError
from avatar_engine.media.picture import BLACK, Planes, blank, planes
from avatar_engine.stage import image

FILL_DIM = 0.55
"""Brightness of the blurred fill beside the presenter, so that the eye stays on the presenter."""


def ground(body: ByteArray, size: tuple[int, int], background: str) -> Planes:
    """The planes of a picture of ``size`` (width, height), reckoned once, so that it never moves behind the presenter.

    Args:
        body: A picture of the body, uint8 I420.
        size: Width and height of the show.
        background: ``blur`` for an enlarged, dimmed copy of the body, a colour ``#rrggbb``, or a picture's path.

    Raises:
        AvatarError: The picture can't be read.
    """
    if background == "blur":
        return _blurred(body, size)
    if background.startswith("#"):
        whole = Image.new("RGB", size, background)
    else:
        try:
            whole = ImageOps.fit(
                image.opened(Path(background), size), size, Image.Resampling.LANCZOS
            ).convert("RGB")
        except ValueError as error:
            raise AvatarError(
                f"The background {background} can't be read: {error}.", "Give a PNG, JPEG or WebP picture."
            ) from None
    made = np.asarray(cv2.cvtColor(np.asarray(whole), cv2.COLOR_RGB2YUV_I420), np.uint8)
    return planes(np.ascontiguousarray(made))


def _blurred(body: ByteArray, size: tuple[int, int]) -> Planes:
    sources, targets = planes(body), planes(blank(*size))
    height, width = sources[0].shape
    cover = max(size[0] / width, size[1] / height)
    used = round(size[0] / cover), round(size[1] / cover)
    left, top = (width - used[0]) // 2, (height - used[1]) // 2
    for shift, source, target in zip((0, 1, 1), sources, targets, strict=True):
        part = source[top >> shift : (top + used[1]) >> shift, left >> shift : (left + used[0]) >> shift]
        tiny = cv2.resize(part, (64, 36), interpolation=cv2.INTER_AREA)
        soft = cv2.GaussianBlur(tiny, (0, 0), 3.0).astype(np.float32)
        if not shift:
            soft = (soft - BLACK) * FILL_DIM + BLACK
        wide = cv2.resize(soft, target.shape[::-1], interpolation=cv2.INTER_CUBIC)
        np.copyto(target, np.clip(np.rint(wide), 0, 255).astype(np.uint8))
    return targets
