"""Pictures from whoever made them, read within bounds and made as large as they are needed."""

from __future__ import annotations

import base64
import io
import logging
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from avatar_engine.contracts import FloatArray

log = logging.getLogger(__name__)

KINDS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
MOST_BYTES, MOST_PIXELS = 20 << 20, 40_000_000
"""Of a picture, at most."""


def opened(path: Path, near: tuple[int, int]) -> Image.Image:
    """A picture as RGBA, upright, in at least about the size that is ``near`` to what is needed.

    Raises:
        ValueError: It can't be read, or is too large.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it is larger than {MOST_BYTES >> 20} MB")
        with Image.open(path, formats=KINDS) as source:
            if source.width * source.height > MOST_PIXELS:
                raise ValueError(f"{source.width}x{source.height} pixels are too many")
            source.draft("RGB", (2 * near[0], 2 * near[1]))
            return ImageOps.exif_transpose(source).convert("RGBA")
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(str(error)) from None


def aspect(path: Path) -> float:
    """Width by height of a picture.

    Raises:
        ValueError: It can't be read, or is too large.
    """
    whole = opened(path, (64, 64))
    return whole.width / whole.height


def scaled(path: Path, size: tuple[int, int]) -> FloatArray:
    """A picture that fills ``size``, what is too much cut off: float32 RGBA (height, width, 4), colours multiplied by
    alpha.

    Raises:
        ValueError: It can't be read, or is too large.
    """
    fitted = ImageOps.fit(opened(path, size), size, Image.Resampling.LANCZOS)
    drawn = np.asarray(fitted, np.float32) / np.float32(255)
    drawn[..., :3] *= drawn[..., 3:]
    return drawn


def as_address(path: str, width: int, height: int) -> str:
    """A picture in so many pixels as a data address; "" for one that is not there or no good.

    One of about this shape fills it; any other stands whole in its middle.
    """
    if not path:
        return ""
    try:
        whole = opened(Path(path), (width, height))
    except ValueError as error:
        log.error("the picture %s is left out of the card: %s", path, error)
        return ""
    near = 0.75 < (whole.width / whole.height) / (width / height) < 1.34
    fit = ImageOps.fit if near else ImageOps.contain
    kept = fit(whole, (width, height), Image.Resampling.LANCZOS)
    tile = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    tile.paste(kept, ((width - kept.width) // 2, (height - kept.height) // 2))
    out = io.BytesIO()
    tile.save(out, "PNG", compress_level=1)
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
