"""Hair in locks: waves of strands between two guide lines, behind the neck and before the face."""

from __future__ import annotations

import cv2
import numpy as np

from portrait.paint import ByteArray, FloatArray, Sheet, curve, mirrored

EXTENT = (-235.0, -250.0, 235.0, 330.0)
"""Left, top, right, bottom of the head's sheets, in units."""

DARK, MID, WARM, LIGHT = (26, 14, 11), (84, 46, 30), (138, 82, 52), (226, 168, 118)
PART = 26.0
Line = list[tuple[float, float]]

LEFT: tuple[Line, Line] = (
    [
        (PART, -170),
        (-24, -155),
        (-78, -112),
        (-112, -44),
        (-119, 34),
        (-116, 110),
        (-128, 176),
        (-112, 236),
        (-84, 262),
    ],
    [
        (PART, -212),
        (-60, -224),
        (-138, -172),
        (-168, -76),
        (-174, 26),
        (-180, 116),
        (-202, 190),
        (-190, 250),
        (-140, 296),
    ],
)
RIGHT: tuple[Line, Line] = (
    [
        (PART, -170),
        (66, -152),
        (102, -110),
        (118, -44),
        (121, 34),
        (116, 110),
        (126, 176),
        (110, 236),
        (82, 262),
    ],
    [
        (PART, -212),
        (94, -215),
        (150, -164),
        (172, -76),
        (176, 26),
        (181, 116),
        (200, 190),
        (188, 250),
        (140, 296),
    ],
)


def lock(
    picture: ByteArray,
    sheet: Sheet,
    guides: tuple[Line, Line],
    count: int,
    rng: np.random.Generator,
    bright: float = 1.0,
    loose: float = 1.0,
    thin: float = 1.0,
) -> None:
    """Hairs between two guide lines, gathered in waves; shaded round the lock, with soft bands of shine."""
    points = 110
    inner, outer = (curve(line, points) for line in guides)
    across = rng.permutation(np.linspace(0, 1, count))
    along = np.linspace(0, 1, points)
    # Strands lean towards the middle of their wave further down, as combed hair does.
    waves = 9
    centre = (np.floor(across * waves) + 0.5) / waves
    gather = 0.62 * np.clip((along - 0.25) / 0.75, 0, 1) ** 1.5
    place = across[:, None] * (1 - gather) + centre[:, None] * gather
    phase = np.sin(centre * 37.0)[:, None] * 2.2
    place = place + 0.045 * loose * np.sin(along * 13 + phase) * along
    place = (
        place
        + rng.normal(0, 0.010 * loose, (count, 1)) * np.sin(along * 9 + rng.uniform(0, 6, (count, 1))) * along
    )
    lines = inner + (outer - inner) * place[..., None]
    lines[..., 1] += rng.normal(0, 6, (count, 1)) * along**5
    tones = _tones(across, centre, along, rng) * bright
    fixed = np.round(sheet.pixels(lines) * 16 - 8).astype(np.int32)
    wide = np.maximum(1, np.round(rng.uniform(0.5, 1.25, count) * sheet.scale * thin)).astype(int)
    colours = np.stack(
        [
            np.interp(tones, [0.0, 0.36, 0.62, 1.1], [c[k] for c in (DARK, MID, WARM, LIGHT)])
            for k in range(3)
        ],
        -1,
    )
    for hair, tone, width in zip(fixed, colours, wide.tolist(), strict=True):
        last = max(points // 2, points - 1 - int(rng.exponential(5)))
        for k in range(last):
            slim = max(1, width - 1) if k > last * 0.85 else width
            cv2.line(
                picture,
                hair[k].tolist(),
                hair[k + 1].tolist(),
                (*tone[k].tolist(), 255.0),
                slim,
                cv2.LINE_AA,
                4,
            )


def _tones(across: np.ndarray, centre: np.ndarray, along: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Brightness (hairs, points) from 0 to about 1."""
    count = len(across)
    dome = np.sin(np.pi * np.clip(0.10 + 0.84 * across, 0, 1))[:, None] ** 0.8
    inside = np.cos((across - centre) * 9 * np.pi)[:, None]  # 1 in the middle of a wave
    value = 0.14 + 0.30 * dome + rng.normal(0, 0.055, (count, 1))
    value = value + 0.10 * (inside - 0.6) * np.clip(along * 2.2, 0.25, 1)
    band = 0.27 + 0.05 * np.sin(across * 6)[:, None] + rng.normal(0, 0.022, (count, 1))
    value = value + 0.36 * dome * np.exp(-(((along - band) / 0.085) ** 2))
    curl = 0.72 + 0.05 * np.sin(centre * 21)[:, None] + rng.normal(0, 0.02, (count, 1))
    value = value + 0.17 * np.exp(-(((along - curl) / 0.09) ** 2)) * (0.5 + 0.5 * inside)
    value = value + (rng.uniform(0, 1, (count, 1)) > 0.93) * 0.16  # highlights
    value = value - 0.16 * np.exp(-along / 0.03) - 0.14 * np.clip((along - 0.80) / 0.2, 0, 1)
    return np.asarray(np.clip(value, 0, 1.1))


def front(scale: float, seed: int = 3) -> ByteArray:
    """The hair that falls before the face, premultiplied uint8 (h, w, 4)."""
    sheet = Sheet(*EXTENT, scale)
    rng = np.random.default_rng(seed)
    for guides in (LEFT, RIGHT):
        line = np.vstack([curve(guides[0], 200)[:-12], curve(guides[1], 200)[-14::-1]])
        sheet.over((0.13, 0.075, 0.055), sheet.mask(line, 0.8))
    picture = sheet.bytes()
    lock(picture, sheet, RIGHT, 640, rng, bright=0.80)
    lock(picture, sheet, LEFT, 700, rng, bright=1.0)
    for side, guides in ((-1, LEFT), (1, RIGHT)):
        loose = (
            [(x - side * 5, y + 4) for x, y in guides[0][:6]],
            [(x + side * 4, y) for x, y in guides[0][:6]],
        )
        lock(picture, sheet, loose, 26, rng, bright=1.05 if side < 0 else 0.85, loose=3.5, thin=0.6)
        stray = [(x - side * 3, y + 3) for x, y in guides[1]], [(x + side * 1.5, y - 1) for x, y in guides[1]]
        lock(picture, sheet, stray, 12, rng, bright=0.8, loose=2, thin=0.4)
    return picture


def back(scale: float, seed: int = 5) -> ByteArray:
    """The hair behind neck and shoulders, premultiplied uint8 (h, w, 4)."""
    sheet = Sheet(*EXTENT, scale)
    rng = np.random.default_rng(seed)
    whole = mirrored(
        [
            (0, -178),
            (80, -172),
            (128, -130),
            (146, -50),
            (156, 40),
            (166, 130),
            (178, 200),
            (140, 262),
            (0, 250),
        ]
    )
    sheet.over((0.085, 0.05, 0.038), sheet.mask(curve(whole, 400, closed=True), 1.2))
    picture = sheet.bytes()
    for side in (-1, 1):
        inner: Line = [
            (side * 20, -120),
            (side * 50, 20),
            (side * 52, 130),
            (side * 66, 200),
            (side * 62, 246),
        ]
        outer: Line = [
            (side * 130, -150),
            (side * 150, 0),
            (side * 158, 110),
            (side * 168, 190),
            (side * 136, 262),
        ]
        lock(picture, sheet, (inner, outer), 300, rng, bright=0.50)
    return picture


def shadow(scale: float, picture: ByteArray) -> FloatArray:
    """How much the front hair darkens the skin beneath it (h, w), 0 to 1."""
    sheet = Sheet(*EXTENT, scale)
    cover = picture[..., 3].astype(np.float32) / 255
    moved = np.roll(cover, (round(8 * scale), round(6 * scale)), (0, 1))
    return np.asarray(np.clip(0.50 * sheet.blur(moved, 7) + 0.38 * sheet.blur(cover, 3), 0, 1))
