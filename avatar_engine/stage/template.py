"""A user's own SVG: read within bounds, with nothing in it that reaches outside it, and its slots filled."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from pathlib import Path

from defusedxml import DefusedXmlException
from defusedxml import ElementTree as Defused

from avatar_engine.errors import AvatarError
from avatar_engine.stage.typeface import Typeface

MOST_BYTES = 1 << 20
MOST_ELEMENTS = 5000

SVG = "{http://www.w3.org/2000/svg}"
LINK = "{http://www.w3.org/1999/xlink}href"

SLOT = re.compile(r"\{([a-z][a-z0-9_]*)\}")
"""Where a text goes."""

_INSIDE = re.compile(r"#|data:image/(png|jpeg|gif|webp)[;,]", re.IGNORECASE)
_OUTSIDE = re.compile(r"url\(\s*['\"]?\s*(?!#|['\"]|\s)|@import", re.IGNORECASE)


def read(path: Path) -> str:
    """The text of an SVG file.

    Raises:
        AvatarError: It can't be read, is too large, is no SVG, tells no size, or names something outside it.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise AvatarError(f"The SVG {path} is larger than {MOST_BYTES >> 10} KB.", "Simplify it.")
        text = path.read_text(encoding="utf-8")
        root = parsed(text)
        aspect(root)
    except (OSError, UnicodeDecodeError, ET.ParseError, DefusedXmlException, ValueError) as error:
        raise AvatarError(
            f"The SVG {path} can't be read: {error or type(error).__name__}.",
            "Give an SVG file with a viewBox, in UTF-8, without a document type.",
        ) from None
    if sum(1 for _ in root.iter()) > MOST_ELEMENTS:
        raise AvatarError(f"The SVG {path} has more than {MOST_ELEMENTS} elements.", "Simplify it.")
    if outside := next(_reaching(root), ""):
        raise AvatarError(
            f"The SVG {path} names something outside it: {outside[:80]!r}.",
            "Put pictures into it as data (data:image/png;base64,...), and name fonts in the layout.",
        )
    return text


def parsed(text: str) -> ET.Element:
    """The root of an SVG that `read` has let through.

    Raises:
        ET.ParseError: It is no XML.
        DefusedXmlException: It has a document type with entities.
    """
    root: ET.Element = Defused.fromstring(text)
    return root


def _reaching(root: ET.Element) -> Iterator[str]:
    """What names something outside the SVG."""
    for element in root.iter():
        for name, value in element.attrib.items():
            linked = (
                name in ("href", LINK) and value and not _INSIDE.match(value) and not SLOT.fullmatch(value)
            )
            if linked or _OUTSIDE.search(value):
                yield value
        if element.tag == SVG + "style" and element.text and _OUTSIDE.search(element.text):
            yield element.text.strip()


def aspect(root: ET.Element) -> tuple[float, float]:
    """Width and height of an SVG.

    Raises:
        ValueError: It tells none, or is no SVG.
    """
    if root.tag != SVG + "svg":
        raise ValueError("it is no SVG")
    box = (root.get("viewBox") or "").replace(",", " ").split()
    width, height = (
        float(side) for side in (box[2:] if len(box) == 4 else (_side(root, "width"), _side(root, "height")))
    )
    if not (0 < width < 1e5 and 0 < height < 1e5 and 0.05 < width / height < 20):
        raise ValueError(f"its size is {width:g}x{height:g}")
    return width, height


def _side(root: ET.Element, name: str) -> str:
    return (root.get(name) or "0").removesuffix("px")


def slots(text: str) -> set[str]:
    """The names of all slots."""
    return set(SLOT.findall(text))


def filled(text: str, values: Mapping[str, str], face: Typeface) -> ET.Element:
    """The root of an SVG with its slots filled; a text whose slots are all empty is hidden.

    A text with ``data-width`` gets smaller letters where it would be wider than that.
    """
    root = parsed(text)
    for element in root.iter():
        if element.text and (named := SLOT.findall(element.text)):
            if not any(values.get(name) for name in named):
                element.set("display", "none")
            element.text = put(element.text, values)
        if element.tail and SLOT.search(element.tail):
            element.tail = put(element.tail, values)
        if element.tag == SVG + "text":
            narrowed(element, face)
    return root


def put(text: str, values: Mapping[str, str]) -> str:
    """A text with its slots filled; one that nobody knows is empty."""
    return SLOT.sub(lambda found: values.get(found[1], ""), text)


def sized(root: ET.Element, size: tuple[int, int], edge: float = 0.0) -> str:
    """An SVG in exactly so many pixels, with ``edge`` of its own units left free on every side."""
    over, high = aspect(root)
    box = (root.get("viewBox") or f"0 0 {over} {high}").replace(",", " ").split()
    left, top = float(box[0]), float(box[1])
    root.set("viewBox", f"{left - edge} {top - edge} {over + 2 * edge} {high + 2 * edge}")
    for side, pixels in zip(("width", "height"), size, strict=True):
        root.set(side, str(pixels))
    root.set("preserveAspectRatio", "none")  # even sides are a pixel off
    return ET.tostring(root, encoding="unicode")


def narrowed(element: ET.Element, face: Typeface) -> None:
    """Give a text smaller letters where it is wider than its ``data-width``."""
    text = "".join(element.itertext())
    try:
        most, size = float(element.get("data-width", "")), float(element.get("font-size", ""))
    except ValueError:
        return
    if (width := face.width(text, size)) > most > 0:
        element.set("font-size", f"{size * most / width:.2f}")
