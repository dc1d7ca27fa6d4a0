"""Eyes and brows, drawn anew for every picture into small sheets of the head."""

from __future__ import annotations

import cv2
import numpy as np

from portrait.paint import FloatArray, Sheet, curve, ramp, smoothstep

X, Y = 54.0, -27.0
"""Centre of the right-hand eye, in units; the other is its mirror image."""

HALF, IRIS, PUPIL = 27.5, 12.6, 5.2
BOX = (-42.0, -34.0, 42.0, 30.0)
LASH = (0.10, 0.055, 0.05)


def lids(blink: float, down: float) -> tuple[np.ndarray, np.ndarray]:
    """Upper and lower lid lines (n, 2) round the eye's centre; the outer corner is at +x."""
    upper = curve([(-28, 6), (-20, -4.5), (-8, -12), (5, -13.4), (17, -8.5), (28, 0.5)], 80)
    lower = curve([(-28, 6), (-16, 9.3), (0, 11.2), (15, 9), (28, 0.5)], 80)
    shut = curve([(-28, 6), (-15, 9.0), (0, 10.4), (15, 8.2), (28, 0.5)], 80)
    closing = min(1.0, max(0.0, blink + 0.16 * max(0.0, down)))
    return upper + (shut - upper) * closing, lower


def eye(sheet: Sheet, side: int, blink: float, gaze: tuple[float, float]) -> None:
    """Paint the eye on ``side`` (-1 left in the picture, 1 right) onto ``sheet``, whose skin is there already."""
    upper, lower = lids(blink, gaze[1])
    place = np.array([side * X, Y])
    flip = np.array([side, 1.0])
    upper, lower = upper * flip + place, lower * flip + place
    u, v = (sheet.x - place[0]) * side, sheet.y - place[1]
    _socket(sheet, upper, side, blink, u, v)
    opening = sheet.mask(np.vstack([upper, lower[::-1]]), 0.35)
    if blink < 0.97:
        ball = _ball(sheet, side, gaze, u, v)
        over = sheet.stroke(upper + np.array((0, 2.0)), 4.5, 2.0)
        ball *= (1 - 0.50 * over)[..., None]
        sheet.over(ball, opening)
    rim = sheet.stroke(lower - (0, 0.2), 1.5, 0.6)
    sheet.tint((0.86, 0.55, 0.50), 0.55 * rim * (1 - 0.7 * blink))
    _lashes(sheet, upper, lower, side)


def _socket(sheet: Sheet, upper: np.ndarray, side: int, blink: float, u: FloatArray, v: FloatArray) -> None:
    """The lid's own shade, its crease and a touch of shadow colour."""
    crease = curve([(-25, -5), (-14, -15), (2, -20.5), (17, -17), (30, -7)], 60)
    crease[:, 1] += 2.2 * blink
    crease = crease * (side, 1) + (side * X, Y)
    lid = sheet.mask(np.vstack([crease, upper[::-1]]), 1.6)
    sheet.tint((0.66, 0.40, 0.36), 0.42 * lid)
    sheet.tint(
        (0.98, 0.82, 0.74),
        0.30 * lid * np.exp(-0.5 * (((u - 1) / 10) ** 2 + ((v + 15 - 14 * blink) / 3) ** 2)),
    )
    sheet.tint((0.40, 0.20, 0.17), 0.55 * sheet.stroke(crease, 1.4, 1.0))
    outer = np.exp(-0.5 * (((u - 24) / 10) ** 2 + ((v + 10) / 7) ** 2))
    sheet.tint((0.42, 0.23, 0.20), 0.34 * outer)


def _ball(sheet: Sheet, side: int, gaze: tuple[float, float], u: FloatArray, v: FloatArray) -> FloatArray:
    """White, iris, pupil and catchlights, float32 (h, w, 3)."""
    round_shade = np.clip(1.04 - 0.30 * ((u / 30) ** 2) - 0.10 * ((v - 2) / 12) ** 2, 0, 1.0)
    ball = np.asarray((0.965, 0.945, 0.935), np.float32) * round_shade[..., None]
    corner = np.exp(-0.5 * (((u + 26) / 4.2) ** 2 + ((v - 5.5) / 3.6) ** 2))[..., None]
    ball = ball * (1 - 0.75 * corner) + np.asarray((0.86, 0.50, 0.48), np.float32) * 0.75 * corner
    x = sheet.x - side * X - 7.0 * gaze[0] + side * 1.0
    y = sheet.y - Y - 4.6 * gaze[1] + 1.2
    radius, angle = np.sqrt(x * x + y * y), np.arctan2(y, x)
    fibres = (
        0.5 + 0.28 * np.sin(angle * 23 + 1.7 * np.sin(angle * 5)) + 0.22 * np.sin(angle * 41 + radius * 0.5)
    )
    tone = np.clip(radius / IRIS, 0, 1)
    colour = ramp(
        tone.astype(np.float32),
        [
            (0.36, (0.34, 0.20, 0.10)),
            (0.55, (0.42, 0.30, 0.15)),
            (0.80, (0.27, 0.30, 0.20)),
            (0.90, (0.14, 0.16, 0.13)),
            (1.0, (0.07, 0.07, 0.07)),
        ],
    )
    lower_glow = np.clip(0.86 + 0.042 * y - 0.012 * x, 0.55, 1.45) * (
        0.72 + 0.50 * fibres * smoothstep(0.34, 0.6, tone)
    )
    colour *= lower_glow[..., None]
    iris = (1 - smoothstep(IRIS - 0.9, IRIS + 0.6, radius))[..., None]
    ball = ball * (1 - iris) + colour * iris
    ball *= (smoothstep(PUPIL - 0.6, PUPIL + 0.6, radius) * 0.96 + 0.04)[..., None]
    spark = np.exp(-((((x + 4.3) / 2.9) ** 2 + ((y + 4.6) / 2.5) ** 2) ** 3))
    spark = spark + 0.42 * np.exp(-((((x - 4.4) / 2.0) ** 2 + ((y - 5.0) / 1.6) ** 2) ** 2))
    return np.asarray(ball + (1.0 - ball) * np.clip(spark, 0, 1)[..., None].astype(np.float32))


def _lashes(sheet: Sheet, upper: np.ndarray, lower: np.ndarray, side: int) -> None:
    canvas = np.zeros(sheet.alpha.shape, np.uint8)
    along = np.linspace(0, 1, len(upper))
    thick = 1.2 + 2.0 * np.clip(along * 1.25, 0, 1)
    band = np.vstack([upper + np.array((0, 0.5)), (upper - np.c_[np.zeros(80), thick])[::-1]])
    line = sheet.mask(band, 0.25)
    for k in range(8, 80, 3):
        t = along[k]
        reach = 2.2 + 5.0 * t
        lean = np.array([side * (t - 0.36) * 1.25, -1.0])
        start = upper[k] - (0, 0.8)
        bow = start + lean * reach * (0.55, 0.35)
        hair = curve([tuple(start), tuple(bow), tuple(start + lean * reach)], 8)
        _hair(canvas, sheet, hair, 235)
    for k in range(16, 76, 6):
        t = along[k]
        start = lower[k]
        _hair(canvas, sheet, np.stack([start, start + np.array((side * (t - 0.4) * 3.4, 2.4))]), 70)
    hairs = canvas.astype(np.float32) / 255
    wing = curve([tuple(upper[70]), tuple(upper[79]), (upper[79][0] + side * 4.0, upper[79][1] - 3.0)], 20)
    line = np.maximum(line, 0.8 * sheet.stroke(wing, 1.5, 0.4))
    sheet.over(LASH, np.clip(np.maximum(line * 0.95, hairs * 0.62), 0, 1))


def _hair(canvas: np.ndarray, sheet: Sheet, line: np.ndarray, tone: int) -> None:
    fixed = np.round(sheet.pixels(line) * 16 - 8).astype(np.int32)
    cv2.polylines(canvas, [fixed], False, tone, 1, cv2.LINE_AA, 4)


def brow(sheet: Sheet, side: int, seed: int = 17) -> None:
    """Paint one brow, at rest, hair by hair."""
    rng = np.random.default_rng(seed)
    spine = curve([(-30, 1.0), (-15, -3.6), (3, -7.6), (20, -8.4), (37, 0.5)], 100)
    wide = np.interp(np.linspace(0, 1, 100), [0, 0.18, 0.62, 1], [2.6, 4.3, 3.3, 0.6])
    body = np.vstack([spine - np.c_[np.zeros(100), wide], (spine + np.c_[np.zeros(100), wide])[::-1]])
    shift, flip = np.array([side * (X + 1), -62.0]), np.array([side, 1.0])
    sheet.over((0.30, 0.17, 0.12), 0.62 * sheet.mask(body * flip + shift, 1.5))
    canvas = np.zeros(sheet.alpha.shape, np.uint8)
    for t in np.sort(rng.uniform(0, 0.93, 300)):
        k = int(t * 99)
        across = rng.uniform(-0.8, 0.8)
        start = spine[k] + (0, across * wide[k])
        turn = np.interp(t, [0, 0.3, 0.7, 1], [-0.85, -0.42, -0.08, 0.34]) + across * 0.22
        hair = np.stack(
            [start, start + np.array([np.cos(turn), np.sin(turn)]) * rng.uniform(5, 9.5) * (1 - 0.35 * t)]
        )
        _hair(canvas, sheet, hair * flip + shift, int(rng.uniform(50, 140)))
    sheet.over((0.19, 0.10, 0.075), canvas.astype(np.float32) / 255)
