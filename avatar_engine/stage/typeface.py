"""Letters for what is drawn on the picture: which font has a text's script, and how wide the text is in it.

Latin, Greek, Cyrillic, Arabic and Devanagari come with the engine (Noto Sans, packaged for Python). Chinese, Japanese
and Korean are taken from the machine (Debian's ``fonts-noto-cjk``), and any other script from a font file that the
show names. What no font has is left out: an empty box would be worse.
"""

from __future__ import annotations

import logging
import re
import sys
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont

from avatar_engine.errors import AvatarError

log = logging.getLogger(__name__)

FAMILY = "Noto Sans"
"""The font of all letters that it has; the others stand in for it by themselves."""

KINDS = (".ttf", ".otf", ".ttc")
"""How a font file's name ends."""

LARGEST = 64 << 20
"""Bytes of a font file."""

_PACKAGED = {
    "": "fontpkg_noto_sans",
    "arabic": "fontpkg_noto_sans_arabic",
    "hindi": "fontpkg_noto_sans_devanagari",
}
_EAST = "east"
_SCRIPTS = (
    ("arabic", re.compile("[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff]")),
    ("hindi", re.compile("[\u0900-\u097f\ua8e0-\ua8ff]")),
    (
        _EAST,
        re.compile(
            "[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]"
        ),
    ),
    (
        "",
        re.compile(
            "[\\s\u200e\u200f\u202a-\u202e\u0021-\u052f\u1e00-\u20ff\u2100-\u218f\u2190-\u21ff\u2212]"
        ),
    ),
)
_EAST_ASIAN: tuple[str, ...] = (
    "/usr/share/fonts/**/NotoSansCJK-Bold.ttc",
    "/usr/share/fonts/**/NotoSansCJK*.ttc",
    "/usr/share/fonts/**/wqy-*.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "/System/Library/Fonts/AppleSDGothicNeo.ttc",
    "C:/Windows/Fonts/msyh*.ttc",
    "C:/Windows/Fonts/malgun*.ttf",
)


class Typeface:
    """The fonts of one show.

    Args:
        own: Font files of the user, which come first.

    Raises:
        AvatarError: One of them is no font, or the engine's own are missing.
    """

    def __init__(self, own: Sequence[Path] = ()) -> None:
        self._own = tuple(own)
        self._missed: set[str] = set()
        for path in self._own:
            _refuse(path)
        _packaged("")

    @property
    def family(self) -> str:
        """The family that a text asks for: the user's first font, or the engine's."""
        return str(ImageFont.truetype(str(self._own[0]), 10).getname()[0]) if self._own else FAMILY

    def files(self, text: str) -> list[str]:
        """The font files that a text needs."""
        scripts = dict.fromkeys(_script(letter) for letter in text)
        found = [_file(script) for script in ("", *(one for one in scripts if one))]
        return [str(path) for path in (*self._own, *dict.fromkeys(found)) if path]

    def drawable(self, text: str) -> str:
        """``text`` without what no font has; that is told once a script."""
        kept = "".join(letter for letter in text if self._own or _file(_script(letter)))
        if kept != text and (lost := {_script(letter) for letter in text} - self._missed):
            self._missed |= lost
            log.error(
                "no font for a part of %r: it is left out of the card. Install Noto Sans CJK (Debian: fonts-noto-cjk) "
                "or name a font file in the script: card: [FONT.ttf]",
                text,
            )
        return " ".join(kept.split())

    def width(self, text: str, size: float) -> float:
        """Pixels that a text is wide in bold letters of ``size`` pixels; words of two scripts are reckoned apart."""
        words = re.findall(r"\S+|\s+", text)
        return sum(_font(str(self._for(word))).getlength(word) for word in words) * size / _UNITS

    def lines(self, text: str, width: float, size: float, most: int) -> tuple[list[str], bool]:
        """``text`` in at most ``most`` lines of ``width`` pixels, and whether all of it is there; what is left of it
        gives way to an ellipsis."""
        lines, rest = [""], _breakable(text)
        for at, part in enumerate(rest):
            longer = lines[-1] + part
            if not lines[-1] or self.width(longer.rstrip(), size) <= width:
                lines[-1] = longer
            elif len(lines) < most:
                lines.append(part.lstrip())
            else:
                return [*lines[:-1], self._shortened(lines[-1] + "".join(rest[at:]), width, size)], False
        fits = all(self.width(line.rstrip(), size) <= width for line in lines)
        return [self._shortened(line, width, size) for line in lines], fits

    def _shortened(self, line: str, width: float, size: float) -> str:
        line = line.strip()
        if self.width(line, size) <= width:
            return line
        while line and self.width(line + "…", size) > width:
            line = line[:-1].rstrip()
        return line + "…"

    def _for(self, word: str) -> Path:
        scripts = [script for letter in word if (script := _script(letter))]
        found = _file(scripts[0]) if scripts else None
        return found or (self._own[0] if self._own else _packaged(""))


_UNITS = 100
"""Size in pixels at which texts are measured."""


@lru_cache(8)
def _font(path: str) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(path, _UNITS)
    try:
        axes = font.get_variation_axes()
    except (OSError, NotImplementedError):
        return font  # it has one weight
    font.set_variation_by_axes(
        [700 if axis["name"] in (b"Weight", "Weight") else (axis["default"] or 0) for axis in axes]
    )
    return font


def _script(letter: str) -> str:
    """Which of the fonts a letter needs; ``?`` for none of them."""
    return next((name for name, letters in _SCRIPTS if letters.match(letter)), "?")


@lru_cache
def _file(script: str) -> Path | None:
    if script == _EAST:
        return east_asian()
    return _packaged(script) if script in _PACKAGED else None


@lru_cache
def _packaged(script: str) -> Path:
    spec = find_spec(_PACKAGED[script])
    folder = Path(spec.origin).parent / "files" if spec and spec.origin else None
    found = sorted(path for path in folder.glob("*.ttf") if "Italic" not in path.name) if folder else []
    if not found:
        name = _PACKAGED[script].replace("_", "-")
        raise AvatarError(f"The font package {name} is missing.", f"Install it for {sys.executable}.")
    return found[0]


def east_asian() -> Path | None:
    """A font of this machine with the letters of Chinese, Japanese and Korean."""
    for pattern in _EAST_ASIAN:
        anchor, _, rest = pattern.partition("/**/")
        folder, glob = (Path(anchor), f"**/{rest}") if rest else (Path(pattern).parent, Path(pattern).name)
        if folder.is_dir() and (found := next(iter(sorted(folder.glob(glob))), None)):
            return found
    return None


def _refuse(path: Path) -> None:
    try:
        if path.stat().st_size > LARGEST:
            raise AvatarError(f"The font {path} is larger than {LARGEST >> 20} MB.", "Choose another one.")
        ImageFont.truetype(str(path), 10)
    except OSError as error:
        raise AvatarError(
            f"The font {path} can't be read: {error}.", "Give a file that ends in .ttf, .otf or .ttc."
        ) from None


def _breakable(text: str) -> list[str]:
    """Parts between which a line may end: words, and single letters of scripts that have no spaces."""
    parts: list[str] = []
    for word in re.findall(r"\s*\S+", text):
        start = 0
        for at, letter in enumerate(word):
            bare = at and _script(letter) == _EAST and _script(word[at - 1]) == _EAST
            if bare and unicodedata.category(letter)[0] == "L":  # no line begins with a sign
                parts.append(word[start:at])
                start = at
        parts.append(word[start:])
    return parts


__all__ = ["FAMILY", "KINDS", "Typeface", "east_asian"]
