"""HTML pages that need no other file."""

from __future__ import annotations

import base64
import functools

import cv2
import jinja2

from avatar_engine.contracts import ByteArray


@functools.cache
def _templates(room: str) -> jinja2.Environment:
    """The templates of a room, and the style that all pages share."""
    places = [jinja2.PackageLoader(name, "templates") for name in (room, "avatar_engine.pages")]
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader(places), autoescape=True, undefined=jinja2.StrictUndefined
    )


def page(room: str, template: str, **values: object) -> str:
    """The page that ``template`` of a room's templates (`avatar_engine.clone`) makes of ``values``."""
    return _templates(room).get_template(template).render(**values)


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
