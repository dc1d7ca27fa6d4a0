"""What stands behind and below the head: the studio out of focus, neck, blouse and blazer. Painted once."""

from __future__ import annotations

import numpy as np

from portrait.paint import ByteArray, Colour, FloatArray, Points, Sheet, curve, lit, ramp, smoothstep
from portrait.skin import SKIN

BODY = (-560.0, 100.0, 560.0, 400.0)
Ramp = list[tuple[float, Colour]]
"""Colours from shade to light."""

OUTFITS: dict[str, tuple[Ramp, Ramp]] = {
    "navy": (
        [(-0.1, (0.030, 0.055, 0.085)), (0.45, (0.075, 0.135, 0.195)), (1.05, (0.19, 0.30, 0.385))],
        [(-0.1, (0.52, 0.47, 0.45)), (0.5, (0.84, 0.79, 0.75)), (1.05, (0.99, 0.97, 0.94))],
    ),
    "red": (
        [(-0.1, (0.16, 0.020, 0.030)), (0.45, (0.46, 0.065, 0.085)), (1.05, (0.74, 0.21, 0.22))],
        [(-0.1, (0.045, 0.042, 0.050)), (0.5, (0.105, 0.100, 0.115)), (1.05, (0.24, 0.23, 0.25))],
    ),
}
"""Blazer and blouse by the outfit's name."""


def studio(width: float, high: float, scale: float, seed: int = 23) -> FloatArray:
    """The studio, ``width`` by ``high`` units, float32 (h, w, 3), far out of focus."""
    sheet = Sheet(-width / 2, -high / 2, width / 2, high / 2, scale)
    rng = np.random.default_rng(seed)
    right = (sheet.x / width + 0.5) * np.ones_like(sheet.y)
    wall = ramp(
        right.astype(np.float32),
        [(0, (0.42, 0.47, 0.50)), (0.42, (0.65, 0.63, 0.60)), (1, (0.37, 0.35, 0.35))],
    )
    sheet.over(wall, np.ones_like(sheet.alpha))
    _window(sheet)
    _shelves(sheet, rng)
    soft = np.stack([sheet.blur(np.ascontiguousarray(sheet.rgb[..., k]), 9) for k in range(3)], -1)
    sheet.rgb = soft.astype(np.float32)
    for _ in range(26):
        x, y, r = rng.uniform(60, width / 2), rng.uniform(-high / 2, 60), rng.uniform(9, 24)
        warm: Colour = tuple(rng.uniform((0.9, 0.62, 0.32), (1.0, 0.86, 0.62)))
        _bokeh(sheet, x, y, r, warm, rng.uniform(0.08, 0.30))
    for k in range(9):
        _bokeh(
            sheet,
            -width / 2 + 40 + 42 * k + rng.uniform(-9, 9),
            -high * 0.36 + 14 * np.sin(k),
            15,
            (1.0, 0.88, 0.66),
            0.26,
        )
    light = sheet.bump(-width * 0.27, -high * 0.1, width * 0.22, high * 0.55)
    sheet.rgb += 0.10 * light[..., None] * np.asarray((1, 0.96, 0.9), np.float32)
    edge = 1 - 0.34 * smoothstep(0.45, 1.15, np.hypot(sheet.x / width * 1.6, sheet.y / high * 1.5))
    sheet.multiply(edge)
    return np.clip(sheet.rgb, 0, 1)


def _window(sheet: Sheet) -> None:
    """A tall lit panel on the left, and a floor lamp."""
    box = np.array([(-470, -330), (-318, -330), (-318, 240), (-470, 240)], np.float64)
    sheet.over((0.90, 0.93, 0.93), 0.62 * sheet.mask(box, 12))
    for y in (-140, 50):
        bar = np.array([(-470, y), (-318, y), (-318, y + 10), (-470, y + 10)], np.float64)
        sheet.tint((0.42, 0.47, 0.50), 0.6 * sheet.mask(bar, 3))
    sheet.tint((1.0, 0.84, 0.62), 0.75 * sheet.bump(-255, -20, 26, 34))


def _shelves(sheet: Sheet, rng: np.random.Generator) -> None:
    """Shelves on the right with boxes, vases and plants."""
    palette = [
        (0.72, 0.42, 0.32),
        (0.86, 0.77, 0.62),
        (0.30, 0.46, 0.45),
        (0.62, 0.66, 0.62),
        (0.80, 0.60, 0.40),
        (0.36, 0.30, 0.32),
    ]
    for level, y in enumerate((-190, -60, 70, 200)):
        at = 250.0
        while at < 540:
            wide, tall = rng.uniform(16, 46), rng.uniform(38, 92)
            box = np.array([(at, y - tall), (at + wide, y - tall), (at + wide, y), (at, y)])
            colour: Colour = palette[int(rng.integers(len(palette)))]
            sheet.tint(colour, 0.72 * sheet.mask(box, 1.5))
            sheet.tint(
                (1, 0.95, 0.85),
                0.20
                * sheet.mask(box * (1, 1) - (0, 0), 6)
                * sheet.bump(at + wide * 0.2, y - tall / 2, wide * 0.3, tall),
            )
            at += wide + rng.uniform(4, 30)
        board = np.array([(232, y), (560, y), (560, y + 12), (232, y + 12)], np.float64)
        sheet.tint((0.52, 0.39, 0.29), 0.92 * sheet.mask(board, 1.0))
        sheet.tint((1.0, 0.80, 0.52), 0.34 * sheet.bump(400, y - 96 - level, 170, 20))


def _bokeh(sheet: Sheet, x: float, y: float, r: float, colour: Colour, strength: float) -> None:
    distance = np.hypot(sheet.x - x, sheet.y - y) / r
    disc = (1 - smoothstep(0.88, 1.06, distance)) * (0.72 + 0.28 * smoothstep(0.55, 0.98, distance))
    sheet.rgb += np.asarray(colour, np.float32) * (strength * disc)[..., None]


def body(scale: float, outfit: str = "navy") -> ByteArray:
    """Neck, blouse and blazer of one of `OUTFITS`, premultiplied uint8 (h, w, 4)."""
    sheet = Sheet(*BODY, scale)
    cloth, blouse = OUTFITS[outfit]
    _neck(sheet)
    _blouse(sheet, blouse)
    _blazer(sheet, cloth)
    return sheet.bytes()


def _both(line: Points, count: int = 120) -> list[np.ndarray]:
    return [curve([(side * x, y) for x, y in line], count) for side in (-1, 1)]


def _neck(sheet: Sheet) -> None:
    half = [(60, 60), (58, 130), (60, 180), (72, 214), (120, 244), (190, 268), (190, 420)]
    left, right = _both(half, 200)
    mask = sheet.mask(np.vstack([left, right[::-1]]), 0.6)
    wide = 64 + 34 * smoothstep(188, 250, sheet.y)
    tube = np.clip(np.abs(sheet.x) / wide, 0, 1)
    height = (52 * np.sqrt(np.clip(1.02 - tube**2.3, 0.02, 1))).astype(np.float32)
    for side in (-1, 1):  # the muscles to the breastbone, the collar bones
        lean = sheet.x - side * (13 + (240 - sheet.y) * 0.40)
        height += 1.6 * np.exp(-0.5 * (lean / 8) ** 2) * smoothstep(165, 205, sheet.y)
    round_tone = 0.20 + 0.60 * np.clip(
        (lit(sheet.blur(height, 3), sheet.scale, (-0.5, -0.4, 0.76)) + 0.2) / 1.2, 0, 1
    )
    chest = 0.66 - 0.0006 * sheet.x - 0.0009 * (sheet.y - 250)
    for side in (-1, 1):
        bone = sheet.bump(side * 62, 256, 46, 4, side * 0.16)
        chest = chest + 0.055 * bone - 0.085 * sheet.bump(side * 58, 265, 44, 5, side * 0.16)
    chest = chest - 0.07 * sheet.bump(0, 256, 9, 9) - 0.05 * sheet.bump(0, 320, 6, 40)
    low = smoothstep(206, 262, sheet.y + 0.0010 * sheet.x**2)
    tone = round_tone * (1 - low) + chest * low
    cast = (1 - smoothstep(168, 226, sheet.y + 0.16 * sheet.x + 0.0022 * sheet.x**2)) * np.ones_like(tone)
    sheet.over(ramp((tone - 0.34 * cast).astype(np.float32), SKIN), mask)
    sheet.tint((0.50, 0.20, 0.16), 0.24 * cast * mask)


def _blouse(sheet: Sheet, cloth: Ramp) -> None:
    left, right = _both([(8, 345), (46, 300), (84, 252), (104, 236), (150, 250), (190, 420)])
    fold = sheet.y * 1.0 + np.abs(sheet.x) * 1.1
    height = (2.2 * np.sin(fold / 17) + 1.4 * np.sin(fold / 7.3 + np.abs(sheet.x) / 19)).astype(np.float32)
    tone = np.clip((lit(sheet.blur(height, 2), sheet.scale, (-0.5, -0.5, 0.7)) - 0.2) / 0.75, 0, 1)
    for side, line in ((-1, left), (1, right)):
        mask = sheet.mask(line, 0.5)
        shade = sheet.stroke(
            curve([(side * 8, 349), (side * 46, 304), (side * 84, 256), (side * 104, 240)], 60), 9, 5
        )
        sheet.tint((0.45, 0.20, 0.16), 0.30 * shade)
        sheet.over(ramp((tone - (0.10 if side > 0 else 0)).astype(np.float32), cloth), mask)
    _chain(sheet)


def _chain(sheet: Sheet) -> None:
    """A fine gold chain with a small drop."""
    line = curve([(-88, 240), (-52, 276), (0, 299), (52, 276), (88, 240)], 200)
    sheet.tint((0.38, 0.17, 0.12), 0.32 * sheet.stroke(line + np.array((1.0, 2.2)), 1.6, 1.2))
    sheet.tint((0.86, 0.66, 0.36), 0.80 * sheet.stroke(line, 1.0, 0.35))
    links = sheet.stroke(line, 1.0, 0.3) * (0.5 + 0.5 * np.sin(sheet.x * 2.1))
    sheet.tint((1.0, 0.93, 0.74), 0.55 * links)
    sheet.tint((0.38, 0.17, 0.12), 0.40 * sheet.bump(1.5, 308, 4.2, 5))
    sheet.tint((0.83, 0.62, 0.31), np.clip(2.2 * sheet.bump(0, 305, 3.2, 4.0), 0, 1))
    sheet.tint((1.0, 0.96, 0.84), 0.9 * sheet.bump(-1.2, 303.6, 1.1, 1.3))


def _blazer(sheet: Sheet, cloth: Ramp) -> None:
    for side in (-1, 1):
        coat = curve(
            [
                (side * 104, 228),
                (side * 150, 240),
                (side * 240, 264),
                (side * 326, 292),
                (side * 378, 348),
                (side * 396, 430),
            ],
            200,
        )
        inner = curve(
            [(side * 20, 430), (side * 48, 380), (side * 84, 310), (side * 104, 250), (side * 104, 228)], 80
        )
        mask = sheet.mask(np.vstack([coat, inner]), 0.6)
        across = np.clip(side * sheet.x / 394, 0, 1)
        height = 120 * np.sqrt(np.clip(1.02 - across**2.6, 0.02, 1)) - 0.16 * np.clip(330 - sheet.y, 0, 90)
        height = (
            height
            - 5 * sheet.bump(side * 262, 390, 16, 70, side * -0.25)
            + 4 * sheet.bump(side * 292, 380, 12, 60, side * -0.3)
        )
        tone = 0.10 + 0.72 * np.clip(lit(height.astype(np.float32), sheet.scale, (-0.55, -0.55, 0.62)), 0, 1)
        weave = np.random.default_rng(5).normal(size=mask.shape).astype(np.float32)
        tone = tone + 0.035 * sheet.blur(weave, 0.5) - 0.05 * (side > 0)
        sheet.over(ramp(tone.astype(np.float32), cloth), mask)
        lapel = curve([(side * 104, 232), (side * 128, 243), (side * 152, 276), (side * 148, 304)], 60)
        notch = [(side * 128, 306), (side * 156, 322), (side * 120, 380), (side * 60, 430), (side * 20, 430)]
        shape = np.vstack([lapel, notch, inner[8:]])
        edge = sheet.mask(shape + np.array((side * 3, 5)), 5)
        sheet.tint((0.01, 0.02, 0.035), 0.55 * edge)
        face = sheet.mask(shape, 0.5)
        sheet.over(ramp((tone * 0.85 + 0.16 - 0.0009 * (sheet.y - 230)).astype(np.float32), cloth), face)
        rim = sheet.stroke(np.vstack([lapel, notch[:3]]), 1.0, 0.5)
        sheet.tint((0.36, 0.48, 0.56), 0.35 * rim)
