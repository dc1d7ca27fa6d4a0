"""How a painter gets better: pictures that it never learnt, real ones above, and below as it paints them now."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from avatar_engine.contracts import ByteArray

FILE = "growing.jpg"
"""In the lips' working folder, written anew each time that the painter is judged."""

SHOWN, SIDE = 6, 192
"""Pictures side by side, and pixels of the side of one."""

QUALITY = 85


def show(real: tuple[ByteArray, ByteArray], painted: tuple[ByteArray, ByteArray], path: Path) -> None:
    """Write the strip.

    Args:
        real: uint8 (n, 1, size, size) and (n, 2, size // 2, size // 2): luma and chroma of crops.
        painted: The same crops, painted.
        path: Where it goes; it is replaced whole.
    """
    rows = [
        np.hstack([_rgb(luma, chroma) for luma, chroma in zip(*some, strict=True)])
        for some in (real, painted)
    ]
    done, data = cv2.imencode(".jpg", np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if done:
        partial = path.with_suffix(".part")
        partial.write_bytes(data.tobytes())
        partial.replace(path)


def _rgb(luma: ByteArray, chroma: ByteArray) -> ByteArray:
    """One crop as OpenCV writes it, BGR (SIDE, SIDE, 3)."""
    size = luma.shape[-1]
    picture = np.vstack([luma[0], chroma.reshape(size // 2, size)])
    shown = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_YUV2BGR_I420)
    return np.asarray(cv2.resize(shown, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
