"""The visible words that say what the audience sees: a made picture.

French law 2023-451 wants "Images virtuelles" on made pictures of commercial influence, and the word "Publicité" in
the picture as long as something is promoted; the EU AI Act, article 50, wants synthetic media marked. The words are
drawn once, white on a dark plate that holds a contrast of at least 4.5:1 (WCAG 2.2, 1.4.3) over any picture, and
blended into every frame. There is no way to leave them out.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.media.picture import BLACK, NEUTRAL, WHITE, Planes, planes
from avatar_engine.stage.typeface import east_asian

WORDS = {
    "en": "AI-generated",
    "fr": "Images virtuelles",
    "de": "KI-generiert",
    "es": "Generado por IA",
    "it": "Generato dall’IA",
    "pt": "Gerado por IA",
    "ca": "Generat per IA",
    "nl": "Door AI gegenereerd",
    "pl": "Wygenerowane przez AI",
    "sv": "AI-genererad",
    "da": "AI-genereret",
    "nb": "KI-generert",
    "fi": "Tekoälyn luoma",
    "cs": "Vytvořeno pomocí AI",
    "ro": "Generat de IA",
    "hu": "MI által generált",
    "el": "Δημιουργήθηκε από ΤΝ",
    "tr": "Yapay zekâ üretimi",
    "ru": "Создано ИИ",
    "uk": "Створено ШІ",
    "ja": "AI生成映像",
    "zh": "AI生成",
    "ko": "AI 생성",
}
"""The words by language; a language that is not here gets the English ones."""

ADVERTISING = {
    "en": "Advertising",
    "fr": "Publicité",
    "de": "Werbung",
    "es": "Publicidad",
    "it": "Pubblicità",
    "pt": "Publicidade",
    "ca": "Publicitat",
    "nl": "Reclame",
    "pl": "Reklama",
    "sv": "Reklam",
    "da": "Reklame",
    "nb": "Reklame",
    "fi": "Mainos",
    "cs": "Reklama",
    "ro": "Publicitate",
    "hu": "Hirdetés",
    "el": "Διαφήμιση",
    "tr": "Reklam",
    "ru": "Реклама",
    "uk": "Реклама",
    "ja": "広告",
    "zh": "广告",
    "ko": "광고",
}
"""What stands before them where a show sells, by the same languages."""

POSITIONS = ("top-left", "top-right", "bottom-left", "bottom-right")

PLATE_OPACITY = 0.72
"""Over white the plate leaves 28 %: white words on it keep a contrast above 10:1."""

WHOLE = 255
"""The share of a pixel all of which is there."""

SMALLEST_TEXT = 10
"""Font size in pixels under which the words can't be read, and the show is refused."""


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What one plane becomes: ``picture * keep + add`` from ``top``, ``left`` on (float32, same shape)."""

    top: int
    left: int
    keep: FloatArray
    add: FloatArray
    scratch: FloatArray

    def under(self, plane: ByteArray) -> ByteArray:
        """The part of a plane that it covers."""
        rows, columns = self.keep.shape
        return plane[self.top : self.top + rows, self.left : self.left + columns]

    def press(self, plane: ByteArray) -> None:
        part = self.under(plane)
        cv2.multiply(part, self.keep, dst=self.scratch, dtype=cv2.CV_32F)
        cv2.add(self.scratch, self.add, dst=part, dtype=cv2.CV_8U)


class Label:
    """The label of one show.

    Args:
        language: BCP 47 tag; chooses the words.
        position: One of `POSITIONS`.
        size: Width and height of the show's picture, both even.
        advertising: Whether the show sells something, which has to stand there, too.

    Attributes:
        words: What stands there.
        box: Left, top, width and height of the plate in pixels, all even.

    Raises:
        AvatarError: The position is unknown, or the picture too small for words that can be read.
    """

    def __init__(
        self, language: str, position: str, size: tuple[int, int], advertising: bool = False
    ) -> None:
        if position not in POSITIONS:
            raise AvatarError(f"There is no label position {position!r}.", f"Choose {', '.join(POSITIONS)}.")
        self.words, path = _words_and_font(language, advertising)
        mask, plate = _draw(self.words, path, size)
        height, width = mask.shape
        margin = max(2, round(min(size) * 0.028) // 2 * 2)
        self.box = (
            margin if position.endswith("left") else size[0] - margin - width,
            margin if position.startswith("top") else size[1] - margin - height,
            width,
            height,
        )
        self._size = size
        self._stamps = _stamps(mask, plate * PLATE_OPACITY, self.box)
        self._opaque = _stamps(mask, plate, self.box)
        self._plate: ByteArray = np.asarray(np.rint(WHOLE * plate), np.uint8)

    def wipe(self, picture: Planes, ground: Planes) -> None:
        """Take the label off again: what lies beside the body is painted once, and words blended twice are darker."""
        for plane, clean, stamp in zip(picture, ground, self._stamps, strict=True):
            stamp.under(plane)[:] = stamp.under(clean)

    def draw(self, picture: ByteArray) -> None:
        """Blend the label into ``picture``, uint8 I420 (height * 3 // 2, width), in place."""
        if picture.shape != (self._size[1] * 3 // 2, self._size[0]):
            raise ValueError(f"a picture of shape {picture.shape} on a label for {self._size}")
        for plane, stamp in zip(planes(picture), self._stamps, strict=True):
            stamp.press(plane)

    def draw_alone(self, picture: ByteArray, shares: ByteArray) -> None:
        """Blend the label into a picture that has shares, uint8 (height, width), and something else under it one day:
        its plate is opaque, for nobody knows what that will be."""
        left, top, width, height = self.box
        there = shares[top : top + height, left : left + width]
        for plane, value, stamp in zip(planes(picture), (BLACK, NEUTRAL, NEUTRAL), self._opaque, strict=True):
            step = height // stamp.keep.shape[0]
            stamp.under(plane)[there[::step, ::step] == 0] = value  # at its round corners nothing else shines
            stamp.press(plane)
        np.maximum(there, self._plate, out=there)


def _words_and_font(language: str, advertising: bool) -> tuple[str, Path]:
    """The words in ``language`` and a font that has them; English where the machine has no such font."""
    words = _words(language.lower().split("-")[0].split("_")[0], advertising)
    latin = _packaged_font()
    if not any(ord(sign) > 0x2E80 for sign in words):
        return words, latin
    found = east_asian()
    return (words, found) if found else (_words("en", advertising), latin)


def _words(language: str, advertising: bool) -> str:
    tag = language if language in WORDS else "en"
    return f"{ADVERTISING[tag]} · {WORDS[tag]}" if advertising else WORDS[tag]


def _packaged_font() -> Path:
    """DejaVu Sans Bold out of matplotlib's package (Latin, Greek, Cyrillic), without importing matplotlib."""
    spec = find_spec("matplotlib")
    if spec and spec.origin:
        path = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans-Bold.ttf"
        if path.is_file():
            return path
    raise AvatarError(
        "The font of the label (DejaVu Sans Bold, part of matplotlib) is missing.",
        f"Install matplotlib for {sys.executable} again.",
    )


def _draw(words: str, path: Path, size: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Coverage of the letters and of the plate, float32 (rows, columns) in [0, 1], sides even."""
    text, font, (left, top, right, bottom), pad = _fitted(words, path, size)
    width, height = _plate((left, top, right, bottom), pad)
    letters = Image.new("L", (width, height), 0)
    place = ((width - right + left) / 2 - left, (height - bottom + top) / 2 - top)
    ImageDraw.Draw(letters).text(place, text, 255, font, align="center")
    plate = Image.new("L", (width * 4, height * 4), 0)
    ImageDraw.Draw(plate).rounded_rectangle((0, 0, width * 4 - 1, height * 4 - 1), pad * 2, fill=255)
    smooth = plate.resize((width, height), Image.Resampling.BOX)
    coverage: FloatArray = np.asarray(letters, np.float32) / np.float32(255)
    return coverage, np.asarray(smooth, np.float32) / np.float32(255)


def _fitted(
    words: str, path: Path, size: tuple[int, int]
) -> tuple[str, ImageFont.FreeTypeFont, tuple[float, float, float, float], int]:
    """The words in the largest letters that fit, in two lines only where one can't be read; their box; the plate's rim.

    Raises:
        AvatarError: None fit that can be read.
    """
    usual = max(SMALLEST_TEXT + 2, round(min(size) * 0.036))
    ruler = ImageDraw.Draw(Image.new("L", (1, 1)))
    for text in dict.fromkeys((words, words.replace(" · ", "\n"))):
        for points in range(usual, SMALLEST_TEXT - 1, -1):
            font = ImageFont.truetype(str(path), points)
            box = ruler.multiline_textbbox((0, 0), text, font, align="center")
            pad = max(3, round(points * 0.42))
            width, height = _plate(box, pad)
            if width <= size[0] * 0.92 and height <= size[1] * 0.4:
                return text, font, box, pad
    raise AvatarError(
        f"A show of {size[0]}x{size[1]} is too small for the words {words!r} to be read.",
        "Choose a larger size, such as 1280x720.",
    )


def _plate(box: tuple[float, float, float, float], pad: int) -> tuple[int, int]:
    """Width and height of the plate round a box of letters, both even."""
    left, top, right, bottom = box
    return int(right - left + 2 * pad + 1) // 2 * 2, int(bottom - top + 2 * pad + 1) // 2 * 2


def _stamps(mask: FloatArray, covered: FloatArray, box: tuple[int, int, int, int]) -> tuple[_Stamp, ...]:
    """The blend of each plane, with everything that can be reckoned beforehand reckoned."""
    left, top = box[:2]
    keep = (1 - covered) * (1 - mask)
    add = BLACK * covered * (1 - mask) + WHITE * mask
    rows, columns = mask.shape
    small = keep.reshape(rows // 2, 2, columns // 2, 2).mean((1, 3))
    luma = _Stamp(top, left, keep, add, np.empty_like(keep))
    chroma = _Stamp(top // 2, left // 2, small, NEUTRAL * (1 - small), np.empty_like(small))
    return luma, chroma, chroma
