"""A layout: what is on the show's picture besides the presenter, where, and how large the presenter is.

TOML. A layout is one of the engine's own (`BUILT_IN`) or a file; ``base`` starts from another one, whose texts are
filled from ``[values]``::

    size = "9:16"                   # or 16:9, 1:1, 1080x1920; left out, any picture
    base = "vertical"
    background = "#101828"          # a colour, a picture file, or blur: the presenter's own, soft and dark
    fonts = ["brand.otf"]

    [values]
    name = "June Park"

    [presenter]
    fit = "bust"                    # whole, fill, bust
    box = [0, 0, 100, 62]           # left, top, width, height in per cent of the picture

    [[element]]
    kind = "lower-third"            # logo, text, qr, countdown, chat, card, video
    name = "{name}"
    title = "Head of kitchen things"
    at = "bottom-left"
    after = 2                       # seconds after the layout came on
    lasts = 8

Texts may hold ``{product}``, ``{price}``, ``{was}``, ``{saving}`` and ``{link}`` of the product whose card is on; an
element is left away while one of them is empty. Every file lies beside the layout. Nothing is fetched.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from avatar_engine.errors import AvatarError
from avatar_engine.stage import image
from avatar_engine.stage.qr import matrix
from avatar_engine.stage.template import SLOT
from avatar_engine.stage.typeface import KINDS

BUILT_IN = ("plain", "shopping", "vertical", "square", "news")

PLAIN = BUILT_IN[0]
"""The presenter, the card of a product, the label."""

SHORTER = 720
"""Pixels of the shorter side where only an aspect is told."""

MOST = 24
"""Elements of a layout."""

PRODUCT_SLOTS = ("product", "price", "was", "saving", "link")
"""What is put into texts: of the product whose card is on."""

COMMENT_SLOTS = ("author", "text")
"""What a template of the chat's line is filled with."""

SAME_ASPECT = 0.01
"""By how much two aspects may differ and be one."""

_SIZE = re.compile(r"(\d{1,4}):(\d{1,4})|(\d{2,5})x(\d{2,5})")
_HOUR = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_LENGTH = re.compile(r"(\d{1,5}(?:\.\d+)?)(s|min|h)")
_VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".m4v")
_PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")

Anchor = Literal[
    "top-left", "top", "top-right", "left", "centre", "right", "bottom-left", "bottom", "bottom-right"
]
Way = Literal["fade", "slide", "cut"]
Percent = Annotated[float, Field(ge=0, le=100)]


def _colour(value: str) -> str:
    if not re.fullmatch("#[0-9a-fA-F]{6}", value):
        raise ValueError("is no colour such as #1a2b3c")
    return value


def _beside(kinds: Sequence[str]) -> Callable[[str, ValidationInfo], str]:
    """Checks for a file of some kinds beside the layout; gives its whole path."""

    def found(value: str, info: ValidationInfo) -> str:
        if not value:
            return ""
        path = Path(info.context["folder"] if info.context else ".", value)
        if not value.lower().endswith(tuple(kinds)):
            raise ValueError(f"does not end in {', '.join(kinds)}")
        if not path.is_file():
            raise ValueError(f"is not there ({path})")
        return str(path.resolve())

    return found


Colour = Annotated[str, AfterValidator(_colour)]
Svg = Annotated[str, AfterValidator(_beside((".svg",)))]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Presenter(_Part):
    """Where the presenter is; see `avatar_engine.stage.framing.frame`."""

    fit: Literal["whole", "fill", "bust"] = "whole"
    box: tuple[Percent, Percent, Percent, Percent] = (0, 0, 100, 100)
    scale: Annotated[float, Field(ge=0.2, le=4)] = 1.0
    anchor: Anchor = "centre"

    @model_validator(mode="after")
    def _within(self) -> Presenter:
        left, top, width, height = self.box
        if width < 10 or height < 10 or left + width > 100 or top + height > 100:
            raise ValueError(f"box {list(self.box)} is not within the picture, or smaller than 10 per cent")
        return self


class Colours(_Part):
    """Of all plates."""

    paper: Colour = "#14161b"
    words: Colour = "#ffffff"
    quiet: Colour = "#c9ced6"
    accent: Colour = "#ff6b4a"
    opacity: Annotated[float, Field(ge=0, le=1)] = 0.84


class _Element(_Part):
    """What all elements have.

    Attributes:
        at: The corner, side or middle of the picture from which it is placed.
        offset: From there inwards, in per cent of the picture's shorter side.
        width: Of the picture's width at most, in per cent.
        z: What is higher lies over what is lower; else the order in the file holds.
        enter: How it comes.
        leave: How it goes.
        frames: In how many frames.
        after: Seconds after the layout came on.
        lasts: Seconds after which it goes; 0 for never.
        every: Seconds after which it comes again; 0 for never.
    """

    comes: ClassVar[bool] = False
    """Whether it comes with what happens, or moves: it does not stand there from the first picture on."""

    at: Anchor = "bottom-left"
    offset: tuple[float, float] = (4.5, 4.5)
    width: Annotated[float, Field(ge=2, le=100)] = 40.0
    z: Annotated[int, Field(ge=-100, le=100)] = 0
    enter: Way = "slide"
    leave: Way = "fade"
    frames: Annotated[int, Field(ge=1, le=100)] = 8
    after: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    lasts: Annotated[float, Field(ge=0, le=86_400)] = 0.0
    every: Annotated[float, Field(ge=0, le=86_400)] = 0.0

    @model_validator(mode="after")
    def _comes_again(self) -> _Element:
        if self.every and not 0 < self.lasts < self.every:
            raise ValueError(f"every = {self.every:g} needs a lasts that is shorter, not {self.lasts:g}")
        return self

    @property
    def texts(self) -> tuple[str, ...]:
        """What is written on it, from the top."""
        return ()

    @property
    def always(self) -> bool:
        """Whether it stands there all the time, whatever is said."""
        return not (self.comes or self.after or self.lasts or any(SLOT.search(text) for text in self.texts))


class Logo(_Element):
    """A picture: SVG, PNG, JPEG, WebP."""

    kind: Literal["logo"]
    file: Annotated[str, AfterValidator(_beside((".svg", *_PICTURES)))]
    at: Anchor = "top-left"
    width: Annotated[float, Field(ge=2, le=100)] = 14.0
    opacity: Annotated[float, Field(gt=0, le=1)] = 1.0

    @field_validator("file")
    @classmethod
    def _readable(cls, value: str) -> str:
        return _readable_picture(value)


class LowerThird(_Element):
    """A name and what stands under it."""

    kind: Literal["lower-third"]
    name: Annotated[str, Field(min_length=1, max_length=120)]
    title: Annotated[str, Field(max_length=200)] = ""
    width: Annotated[float, Field(ge=5, le=100)] = 46.0
    size: Annotated[float, Field(ge=1.5, le=20)] = 4.6
    template: Svg = ""

    @property
    def texts(self) -> tuple[str, ...]:
        return self.name, self.title


class Text(_Element):
    """Words; ``size`` is the height of the letters in per cent of the picture's shorter side."""

    kind: Literal["text"]
    text: Annotated[str, Field(min_length=1, max_length=400)]
    size: Annotated[float, Field(ge=1.5, le=30)] = 4.0
    lines: Annotated[int, Field(ge=1, le=8)] = 2
    template: Svg = ""

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.text,)


class Code(_Element):
    """A QR code of a text or address; its ``width`` is in per cent of the picture's shorter side."""

    kind: Literal["qr"]
    text: str = Field(min_length=1)
    at: Anchor = "top-left"
    width: Annotated[float, Field(ge=5, le=80)] = 18.0

    @property
    def texts(self) -> tuple[str, ...]:
        return (self.text,)

    @field_validator("text")
    @classmethod
    def _short(cls, value: str) -> str:
        if not SLOT.search(value):
            matrix(value)
        return value


class Countdown(_Element):
    """Time left: to a time of the day (``20:00``), to seconds of the show (``90s``, ``10min``), or of the offer."""

    comes = True
    kind: Literal["countdown"]
    to: str
    caption: Annotated[str, Field(max_length=60)] = ""
    at: Anchor = "top-left"
    width: Annotated[float, Field(ge=5, le=100)] = 30.0
    size: Annotated[float, Field(ge=2, le=30)] = 6.4

    @field_validator("to")
    @classmethod
    def _told(cls, value: str) -> str:
        if value != "offer" and not _HOUR.fullmatch(value) and not _LENGTH.fullmatch(value):
            raise ValueError("is no time of day such as 20:00, no length such as 90s or 10min, and not offer")
        return value

    @property
    def clock(self) -> tuple[int, int, int] | None:
        """Hour, minute and second of the day; None for another end."""
        found = _HOUR.fullmatch(self.to)
        return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None

    @property
    def seconds(self) -> float | None:
        """Of the show; None for another end."""
        found = _LENGTH.fullmatch(self.to)
        return float(found[1]) * {"s": 1, "min": 60, "h": 3600}[found[2]] if found else None


class Chat(_Element):
    """What a viewer wrote last and the guard lets pass."""

    comes = True
    kind: Literal["chat"]
    width: Annotated[float, Field(ge=5, le=100)] = 44.0
    size: Annotated[float, Field(ge=1.5, le=20)] = 3.4
    lines: Annotated[int, Field(ge=1, le=6)] = 2
    template: Svg = ""


class ProductCard(_Element):
    """The product's card; without ``at`` it finds its place by itself, away from the face."""

    comes = True
    kind: Literal["card"]
    at: Anchor | Literal["auto"] = "auto"  # type: ignore[assignment]
    enter: Way = "slide"
    leave: Way = "slide"


class Video(_Element):
    """A video in the picture, again and again."""

    comes = True
    kind: Literal["video"]
    file: Annotated[str, AfterValidator(_beside(_VIDEOS))]
    at: Anchor = "top-left"
    width: Annotated[float, Field(ge=5, le=100)] = 30.0
    aspect: str = "16:9"
    enter: Way = "fade"
    leave: Way = "fade"

    @field_validator("aspect")
    @classmethod
    def _two(cls, value: str) -> str:
        _sides(value)
        return value

    @property
    def shape(self) -> float:
        """Width by height."""
        width, height, _ = _sides(self.aspect)
        return width / height


Element = Annotated[
    Logo | LowerThird | Text | Code | Countdown | Chat | ProductCard | Video, Field(discriminator="kind")
]


class Layout(_Part):
    """A whole layout; see the module.

    Attributes:
        name: What people call it: a built-in's name, or a file's.
        size: As written; "" for any.
    """

    name: str
    size: str = ""
    background: str = "blur"
    fonts: tuple[Annotated[str, AfterValidator(_beside(KINDS))], ...] = ()
    presenter: Presenter = Presenter()
    colours: Colours = Colours()
    element: Annotated[tuple[Element, ...], Field(max_length=MOST)] = ()

    @field_validator("size")
    @classmethod
    def _sized(cls, value: str) -> str:
        if value:
            _sides(value)
        return value

    @field_validator("background")
    @classmethod
    def _ground(cls, value: str, info: ValidationInfo) -> str:
        if value == "blur" or value.startswith("#"):
            return value if value == "blur" else _colour(value)
        return _readable_picture(_beside(_PICTURES)(value, info))

    @property
    def digest(self) -> str:
        """Tells one layout from another; "" for `PLAIN`."""
        return "" if self.name == PLAIN else hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def picture_size(self, asked: tuple[int, int] | None) -> tuple[int, int]:
        """Width and height of a show's picture.

        Args:
            asked: What the user wants; None for what the layout is made for.

        Raises:
            AvatarError: The layout is made for another aspect.
        """
        if asked:
            self.refuse_other(asked, f"Leave --size out, or choose {self._example()}.")
            return asked
        if not self.size:
            return 1280, 720
        width, height, exact = _sides(self.size)
        scale = 1.0 if exact else SHORTER / min(width, height)
        return round(width * scale / 2) * 2, round(height * scale / 2) * 2

    def refuse_other(self, size: tuple[int, int], advice: str) -> None:
        """Refuse a picture of another aspect.

        Raises:
            AvatarError: With this advice.
        """
        if not self.size:
            return
        width, height, _ = _sides(self.size)
        if abs(size[0] * height / (size[1] * width) - 1) > SAME_ASPECT:
            raise AvatarError(
                f"The layout {self.name!r} is made for {self.size}, and the picture is {size[0]}x{size[1]}.",
                advice,
            )

    def _example(self) -> str:
        width, height = self.picture_size(None)
        return f"{width}x{height}"


def _sides(value: str) -> tuple[int, int, bool]:
    """Width, height, and whether these are pixels.

    Raises:
        ValueError: It is no size.
    """
    found = _SIZE.fullmatch(value)
    if not found:
        raise ValueError("is no aspect such as 9:16 and no size such as 1080x1920")
    width, height = (int(side) for side in (found.groups()[:2] if found[1] else found.groups()[2:]))
    if not (width and height and 0.2 < width / height < 5):
        raise ValueError("is no shape of a picture")
    if found[3] and (width % 2 or height % 2 or min(width, height) < 64 or max(width, height) > 7680):
        raise ValueError("must have even sides from 64 to 7680")
    return width, height, bool(found[3])


def _readable_picture(value: str) -> str:
    if value and not value.endswith(".svg"):
        image.aspect(Path(value))
    return value
