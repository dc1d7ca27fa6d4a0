"""HTML pages that need no other file."""

from __future__ import annotations

import base64

import cv2
import jinja2

from avatar_engine.contracts import ByteArray

_TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("avatar_engine.clone", "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
)


def page(template: str, **values: object) -> str:
    """The page that ``template`` of `avatar_engine.clone`'s templates makes of ``values``."""
    return _TEMPLATES.get_template(template).render(**values)


def picture(jpeg: bytes) -> str:
    """A JPEG file as a data address."""
    return _address("image/jpeg", jpeg)


def sound(mp3: bytes) -> str:
    """An MP3 file as a data address."""
    return _address("audio/mpeg", mp3)


def jpeg(picture: ByteArray, quality: int = 90) -> str:
    """An RGB picture, uint8 (height, width, 3), as a data address."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    done, coded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done  # noqa: S101 - encoding to memory fails for no picture
    return _address("image/jpeg", coded.tobytes())


def _address(kind: str, data: bytes) -> str:
    return f"data:{kind};base64," + base64.b64encode(data).decode()
