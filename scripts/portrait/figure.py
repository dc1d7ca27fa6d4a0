"""The whole picture: static layers painted once for a size, then moved; eyes and mouth drawn for every picture."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache

import cv2
import numpy as np

from portrait import eyes, hair, mouth, skin, studio
from portrait.mouth import Mouth
from portrait.paint import ByteArray, FloatArray, smoothstep

UNITS_HIGH = 600.0
"""Units from the picture's top to its bottom."""

TOP = -250.0
"""The picture's top, in units."""

FINER = 1.5
"""Pixels of the layers for one of the picture."""

PIVOT = (0.0, 190.0)
JAW = (-140.0, 52.0, 140.0, 200.0)
MOUTH_BOX = (-78.0, 56.0, 78.0, 152.0)


@dataclass(frozen=True, slots=True)
class Face:
    """Everything that moves; all at zero looks into the camera, mouth closed.

    Attributes:
        mouth: The mouth's shape.
        blink: 0 open to 1 shut.
        gaze: Right and down, -1 to 1.
        brow: Brows raised, -1 to 1.
        smile: 0 to 1.
        yaw, pitch, roll: Degrees, to the picture's right, up, and clockwise.
        shift: The head's travel in units, right and down.
        breath: Shoulders raised, 0 to 1.
        grain: Which of the noise patterns lies over the picture.
    """

    mouth: Mouth = field(default_factory=Mouth)
    blink: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)
    brow: float = 0.0
    smile: float = 0.5
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    breath: float = 0.0
    grain: int = 0


def draw_face(face: Face, size: tuple[int, int] = (1280, 720), outfit: str = "navy") -> ByteArray:
    """The presenter as ``face`` says in one of `studio.OUTFITS`, uint8 (h, w, 3) RGB."""
    return _painter(size, outfit).draw(face)


def lip_points(face: Face, size: tuple[int, int] = (1280, 720)) -> dict[str, tuple[float, float]]:
    """Where the lips' corners and inner and outer middles lie in the picture, in pixels."""
    return _painter(size).lip_points(face)


@lru_cache(maxsize=3)
def _painter(size: tuple[int, int], outfit: str = "navy") -> Painter:
    return Painter(*size, outfit)


class Painter:
    """The layers of one size and outfit."""

    def __init__(self, width: int, height: int, outfit: str = "navy") -> None:
        self.width, self.height = width, height
        self.scale = height / UNITS_HIGH
        self.fine = self.scale * FINER
        self.sheet, _ = skin.skin(self.fine)
        front = hair.front(self.fine)
        shade = hair.shadow(self.fine, front)[..., None] * np.asarray((0.50, 0.62, 0.64), np.float32)
        self.sheet.multiply(1 - shade)
        self.skin = self.sheet.bytes()
        self.head = _over(self.skin, front)
        self.front, self.back = front, hair.back(self.fine)
        self.body = studio.body(self.scale, outfit)
        wide = width / self.scale
        room = np.round(studio.studio(wide, UNITS_HIGH, self.scale) * 255).astype(np.uint8)
        self.studio = np.asarray(cv2.resize(room, (width, height)), np.uint8)
        rng = np.random.default_rng(41)
        noise = [
            cv2.GaussianBlur(rng.normal(0, 2.8, (height, width)).astype(np.float32), (0, 0), 0.7)
            for _ in range(6)
        ]
        self.grain = [cv2.merge([np.round(n + 16).astype(np.uint8)] * 3) for n in noise]
        self.brows = self._brows()
        self._eyes: OrderedDict[tuple[float, ...], ByteArray] = OrderedDict()
        self._set_jaw()

    def draw(self, face: Face) -> ByteArray:
        out = self.studio.copy()
        shown = self.head.copy()
        self._lower_face(shown, face)
        self._upper_face(shown, face)
        self._warped(out, self.back, face, -30.0, 0.8)
        self._lay_body(out, face)
        self._warped(out, shown, face, 1.0, 1.0)
        return np.asarray(cv2.addWeighted(out, 1.0, self.grain[face.grain % len(self.grain)], 1.0, -16.0))

    def _brows(self) -> list[tuple[tuple[slice, slice], ByteArray]]:
        made = []
        for side in (-1, 1):
            sheet, where = self.sheet.part(side * eyes.X - 46, -92, side * eyes.X + 46, -44)
            eyes.brow(sheet, side)
            made.append((where, sheet.bytes()))
        return made

    def _set_jaw(self) -> None:
        self.jaw_sheet, self.jaw_at = self.sheet.part(*JAW)
        x, y = self.jaw_sheet.x, self.jaw_sheet.y
        down = smoothstep(72, 128, y) * np.exp(-((x / 118) ** 4))
        self.jaw_weight = (down * smoothstep(55, 75, y)).astype(np.float32)
        self.draw_in = (np.exp(-0.5 * ((y - mouth.Y) / 20) ** 2) * x * np.exp(-((x / 62) ** 4))).astype(
            np.float32
        )
        rows, columns = self.jaw_weight.shape
        self.jaw_x, self.jaw_y = np.meshgrid(
            np.arange(columns, dtype=np.float32), np.arange(rows, dtype=np.float32)
        )
        self.cheek = np.exp(-0.5 * (((np.abs(x) - 70) / 24) ** 2 + ((y - 60) / 22) ** 2)).astype(np.float32)

    def _lower_face(self, shown: ByteArray, face: Face) -> None:
        """Jaw dropped, mouth painted, hair laid over again."""
        move = face.mouth
        wide = 0.16 * move.rounding - 0.10 * move.width
        map_x = self.jaw_x + self.draw_in * np.float32(wide * self.fine)
        map_y = self.jaw_y - self.jaw_weight * np.float32(move.chin * self.fine)
        lower: ByteArray = np.empty((*map_x.shape, 4), np.uint8)
        cv2.remap(
            self.skin[self.jaw_at], map_x, map_y, cv2.INTER_LINEAR, dst=lower, borderMode=cv2.BORDER_REPLICATE
        )
        sheet, at = self.jaw_sheet.part(*MOUTH_BOX)
        here = lower[at].astype(np.float32) * np.float32(1 / 255)
        sheet.rgb[:], sheet.alpha[:] = here[..., :3], here[..., 3]
        mouth.paint(sheet, move, face.smile)
        lower[at] = sheet.bytes()
        shown[self.jaw_at] = _over(lower, self.front[self.jaw_at])

    def _upper_face(self, shown: ByteArray, face: Face) -> None:
        rise = -5.5 * face.brow * self.fine
        for where, sprite in self.brows:
            move = np.array([[1, 0, 0], [0, 1, rise]], np.float32)
            moved = cv2.warpAffine(sprite, move, sprite.shape[1::-1], flags=cv2.INTER_LINEAR)
            shown[where] = _over(shown[where], np.asarray(moved, np.uint8))
        for side in (-1, 1):
            left, top, right, bottom = eyes.BOX
            sheet, where = self.sheet.part(
                side * eyes.X + left, eyes.Y + top, side * eyes.X + right, eyes.Y + bottom
            )
            key = (side, round(face.blink, 2), round(face.gaze[0] * 40) / 40, round(face.gaze[1] * 40) / 40)
            if key not in self._eyes:
                here = self.skin[where].astype(np.float32) / 255
                sheet.rgb[:], sheet.alpha[:] = here[..., :3], here[..., 3]
                eyes.eye(sheet, side, key[1], (key[2], key[3]))
                self._eyes[key] = sheet.bytes()
                if len(self._eyes) > 400:
                    self._eyes.popitem(last=False)
            drawn = self._eyes[key]
            cut = round(12 * self.fine)  # The brow hangs into the top of the box.
            rows = slice(where[0].start + cut, where[0].stop)
            shown[rows, where[1]] = drawn[cut:]

    def _lay_body(self, out: ByteArray, face: Face) -> None:
        left, top, _, _ = studio.BODY
        x = self.width / 2 + (left + 0.10 * face.shift[0]) * self.scale
        y = (top - TOP - 3.0 * face.breath) * self.scale
        move = np.array([[1, 0, x], [0, 1, y - (first := int(y) - 2)]], np.float32)
        high = self.height - first
        moved = cv2.warpAffine(self.body, move, (self.width, high), flags=cv2.INTER_LINEAR)
        _blend(out[first:], np.asarray(moved, np.uint8))

    def _turn(self, face: Face, follow: float) -> tuple[FloatArray, FloatArray]:
        """Rotation (2, 2) and travel (2,) in units from the head at rest to the picture's units."""
        angle = np.deg2rad(face.roll) * follow
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
        pivot = np.array(PIVOT, np.float32)
        breath = np.array([0.0, -1.2 * face.breath], np.float32)
        return turn, pivot - turn @ pivot + np.array(face.shift, np.float32) * follow + breath

    def _warped(self, out: ByteArray, layer: ByteArray, face: Face, depth: float, follow: float) -> None:
        """Lay a layer of the head over ``out``, turned; a coarse grid of the inverse motion is enough."""
        step = max(4, round(8 * self.scale / 1.2))
        reach = (*hair.EXTENT[:1], hair.EXTENT[1] - 10, hair.EXTENT[2], hair.EXTENT[3])
        x0 = max(0, int(self.width / 2 + (reach[0] - 20) * self.scale))
        y0 = max(0, int((reach[1] - TOP) * self.scale))
        columns = min(self.width - x0, int((reach[2] - reach[0] + 40) * self.scale))
        rows = min(self.height - y0, int((reach[3] - reach[1] + 20) * self.scale))
        nx, ny = columns // step + 1, rows // step + 1
        px = ((np.arange(nx) + 0.5) * step + x0 - self.width / 2) / self.scale
        py = ((np.arange(ny) + 0.5) * step + y0) / self.scale + TOP
        turn, travel = self._turn(face, follow)
        moved = np.stack(np.meshgrid(px, py), -1).astype(np.float32)
        rest: FloatArray = (moved - travel) @ turn  # the inverse of a rotation is its transpose
        lag = (1 - 0.75 * smoothstep(150, 320, rest[..., 1]))[..., None]
        rest = moved + (rest - moved) * lag
        rest = rest - _parallax(rest, face, depth)
        source = (rest - np.array(hair.EXTENT[:2], np.float32)) * np.float32(self.fine) - 0.5
        whole = cv2.resize(source, (nx * step, ny * step), interpolation=cv2.INTER_LINEAR)[:rows, :columns]
        view = cv2.remap(layer, whole[..., 0], whole[..., 1], cv2.INTER_LINEAR)
        _blend(out[y0 : y0 + rows, x0 : x0 + columns], np.asarray(view, np.uint8))

    def lip_points(self, face: Face) -> dict[str, tuple[float, float]]:
        move = face.mouth
        x = np.array([-move.half, 0, move.half], np.float32)
        e = mouth.edges(move, x, face.smile)
        here = {
            "left": (x[0], e.upper_in[0]),
            "right": (x[2], e.upper_in[2]),
            "upper_out": (0, e.upper_out[1]),
            "upper_in": (0, e.upper_in[1]),
            "lower_in": (0, e.lower_in[1]),
            "lower_out": (0, e.lower_out[1]),
        }
        turn, travel = self._turn(face, 1.0)
        found = {}
        for name, point in here.items():
            rest = np.array(point, np.float32)
            moved = rest + _parallax(rest, face, 1.0)
            moved = rest + _parallax(moved, face, 1.0)
            p = turn @ moved + travel
            found[name] = (float(self.width / 2 + p[0] * self.scale), float((p[1] - TOP) * self.scale))
        return found


def _parallax(place: FloatArray, face: Face, depth: float) -> FloatArray:
    """How far a head turned by yaw and pitch carries its points (..., 2), by their height over the axis."""
    x, y = place[..., 0], place[..., 1]
    dome = np.sqrt(np.clip(1 - (x / 215) ** 2 - ((y - 15) / 330) ** 2, 0.0, 1))
    nose = 16 * np.exp(-0.5 * ((x / 26) ** 2 + ((y - 40) / 30) ** 2))
    high = (105 * dome**1.5 + nose) if depth > 0 else np.full_like(dome, depth)
    high = high * (1 - smoothstep(190, 320, y))
    return np.stack([np.sin(np.deg2rad(face.yaw)) * high, -np.sin(np.deg2rad(face.pitch)) * high], -1).astype(
        np.float32
    )


def _over(below: ByteArray, above: ByteArray) -> ByteArray:
    """``above`` on ``below``, both premultiplied uint8 (h, w, 4)."""
    keep = cv2.merge([255 - above[..., 3]] * 4)
    return np.asarray(cv2.add(cv2.multiply(below, keep, scale=1 / 255), above))


def _blend(out: ByteArray, above: ByteArray) -> None:
    """Lay premultiplied ``above`` (h, w, 4) on ``out`` (h, w, 3) in place."""
    red, green, blue, alpha = cv2.split(above)
    keep = cv2.merge([255 - alpha] * 3)
    out[:] = cv2.add(cv2.multiply(out, keep, scale=1 / 255), cv2.merge([red, green, blue]))
