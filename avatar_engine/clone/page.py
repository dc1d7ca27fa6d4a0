"""HTML pages that need no other file."""

from __future__ import annotations

import base64

import jinja2

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
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode()
