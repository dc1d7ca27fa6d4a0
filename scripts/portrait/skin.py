"""The bare face: skin and nose, painted once as light on a relief."""

from __future__ import annotations

import numpy as np

from portrait.hair import EXTENT
from portrait.paint import Colour, FloatArray, Sheet, curve, lit, mirrored, ramp, smoothstep

EYE_X, EYE_Y = 54.0, -27.0
MOUTH_Y = 91.0
KEY_LIGHT: Colour = (-0.50, -0.58, 0.72)
FILL_LIGHT: Colour = (0.75, -0.05, 0.55)

OUTLINE = mirrored(
    [
        (0, -186),
        (62, -175),
        (104, -140),
        (122, -84),
        (124, -26),
        (117, 22),
        (103, 70),
        (77, 115),
        (40, 149),
        (0, 161),
    ]
)
SKIN = [
    (-0.15, (0.36, 0.16, 0.13)),
    (0.20, (0.62, 0.345, 0.275)),
    (0.50, (0.84, 0.575, 0.47)),
    (0.78, (0.955, 0.745, 0.635)),
    (1.02, (1.0, 0.885, 0.80)),
]


def relief(sheet: Sheet) -> FloatArray:
    """Height of the face (h, w) in units: a dome, and on it brow, sockets, nose, cheeks, muzzle and chin."""
    line = curve(OUTLINE, 720, closed=True)
    angle = np.arctan2(line[:, 1], line[:, 0])
    order = np.argsort(angle)
    radius = np.interp(
        np.arctan2(sheet.y, sheet.x), angle[order], np.hypot(*line.T)[order], period=2 * np.pi
    ).astype(np.float32)
    rho = np.hypot(sheet.x, sheet.y) / radius
    height = 92 * np.sqrt(np.clip(1 - np.clip(rho, 0, 1) ** 2.5, 0.004, 1))
    bump = sheet.bump
    for side in (-1, 1):
        height += bump(side * 56, -22, 33, 22) * -15 + bump(side * EYE_X, EYE_Y, 23, 14) * 9
        height += bump(side * 60, -68, 34, 10, side * 0.10) * 5
        height += bump(side * 68, 30, 34, 30) * 11 + bump(side * 104, 70, 22, 40) * -7
        height += bump(side * 20.5, 51, 7.5, 7.5) * 7.5
        height += bump(side * 44, 66, 7, 26, side * 0.55) * -2.2
    along = smoothstep(-62, 50, sheet.y) * (1 - smoothstep(47, 66, sheet.y + 0.014 * sheet.x**2))
    wide = 7.6 + 6.0 * smoothstep(0, 50, sheet.y)
    height += (5 * smoothstep(-70, -30, sheet.y) + 20) * along * np.exp(-0.5 * (sheet.x / wide) ** 2)
    height += bump(0, 46, 13.5, 11) * 9 + bump(0, 90, 42, 32) * 10 - bump(0, 73, 5, 9) * 1.6
    height += bump(0, 119, 26, 7) * -4.5 + bump(0, 146, 27, 17) * 9
    return sheet.blur(height, 1.2)


def skin(scale: float) -> tuple[Sheet, FloatArray]:
    """The bare face, without eyes, brows or mouth; and the mask of the face."""
    sheet = Sheet(*EXTENT, scale)
    mask = sheet.mask(curve(OUTLINE, 500, closed=True), 0.35)
    height = relief(sheet)
    key, fill = lit(height, scale, KEY_LIGHT), lit(height, scale, FILL_LIGHT)
    hollow = sheet.blur(height, 12) - height
    tone = 0.16 + 0.74 * np.clip((key + 0.22) / 1.22, 0, 1) + 0.10 * np.clip(fill, 0, 1)
    tone -= 0.016 * np.clip(hollow, -3, 9)
    tone -= 0.16 * (1 - smoothstep(-165, -95, sheet.y - 0.12 * sheet.x))
    sheet.over(ramp(tone, SKIN), mask)
    _flush(sheet)
    _nose(sheet)
    gloss = np.clip(lit(height, scale, (-0.27, -0.33, 0.9)), 0, 1) ** 46
    gloss = sheet.blur(gloss, 1.5) * (0.25 + 0.75 * sheet.bump(-6, 30, 26, 46)) * mask
    sheet.rgb += np.asarray((1.0, 0.95, 0.9), np.float32) * 0.22 * gloss[..., None]
    rim = np.clip(lit(height, scale, (0.93, 0.0, 0.25)), 0, 1) ** 5
    sheet.rgb += np.asarray((0.55, 0.72, 0.85), np.float32) * 0.16 * (rim * mask)[..., None]
    noise = np.random.default_rng(11).normal(size=mask.shape).astype(np.float32)
    pores = sheet.blur(noise, 0.7) * 0.012 + sheet.blur(noise, 6) * 0.10
    sheet.multiply(1 + np.clip(pores, -0.05, 0.05))
    return sheet, mask


def _flush(sheet: Sheet) -> None:
    """Blood under the skin: cheeks, nose, chin, lids."""
    for side in (-1, 1):
        sheet.tint((0.93, 0.42, 0.38), 0.23 * sheet.bump(side * 74, 34, 27, 20, side * -0.25))
        sheet.tint((0.62, 0.33, 0.33), 0.20 * sheet.bump(side * EYE_X, EYE_Y - 13, 30, 8))
        sheet.tint((0.70, 0.40, 0.36), 0.16 * sheet.bump(side * (EYE_X - 2), EYE_Y + 17, 22, 5))
    sheet.tint((0.93, 0.48, 0.42), 0.13 * sheet.bump(0, 46, 17, 12))
    sheet.tint((0.93, 0.52, 0.46), 0.10 * sheet.bump(0, 146, 24, 14))


def _nose(sheet: Sheet) -> None:
    """Nostrils, wings and the shadow that the nose throws."""
    shade = (0.47, 0.22, 0.19)
    sheet.tint(shade, 0.34 * sheet.bump(6, 66, 20, 5.5))
    for side in (-1, 1):
        nostril = curve(
            [(side * 6.5, 57.5), (side * 11, 55.2), (side * 16.2, 57.0), (side * 14, 60.2), (side * 9, 60.6)],
            60,
            True,
        )
        sheet.tint((0.30, 0.10, 0.09), 0.80 * sheet.mask(nostril, 1.1))
        wing = curve([(side * 22.5, 42), (side * 27.5, 49), (side * 26.5, 57), (side * 20.5, 61)], 60)
        sheet.tint(shade, 0.36 * sheet.stroke(wing, 1.6, 1.5))
        side_shade = curve([(side * 13, -40), (side * 11, -10), (side * 13, 20), (side * 19, 40)], 60)
        sheet.tint(shade, (0.17 if side > 0 else 0.06) * sheet.stroke(side_shade, 7, 5))
    under = curve([(-7, 61.5), (0, 64), (7, 61.5)], 30)
    sheet.tint(shade, 0.35 * sheet.stroke(under, 1.6, 1.6))
