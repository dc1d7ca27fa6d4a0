"""Lips, teeth and tongue, drawn anew for every picture; every edge is a function of x, so no outline is filled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from portrait.paint import FloatArray, Sheet, smoothstep

Y = 91.0
"""Where the closed lips meet, in units."""

GAP = 37.0
"""Units between the lips' inner edges when the opening is one."""


@dataclass(frozen=True, slots=True)
class Mouth:
    """The mouth's shape; all at zero is closed and relaxed.

    Attributes:
        opening: Gap between the lips: 0 closed, 1 as wide as in an "ah" called out.
        width: Corners: 1 pulled wide (ee), -1 drawn in.
        rounding: Lips brought forward (oo), 0 to 1.
        lift: Upper lip raised off the teeth (f, v), 0 to 1.
        press: Lips pressed on one another (p, b, m), 0 to 1.
        tongue: Tip raised behind the teeth (l, n, t, d, th), 0 to 1.
    """

    opening: float = 0.0
    width: float = 0.0
    rounding: float = 0.0
    lift: float = 0.0
    press: float = 0.0
    tongue: float = 0.0

    @property
    def gap(self) -> float:
        """Units between the inner edges in the middle."""
        return GAP * max(0.0, self.opening) * (1 - 0.96 * min(1.0, self.press)) + 2.2 * self.lift * (
            1 - self.press
        )

    @property
    def chin(self) -> float:
        """Units that the chin has dropped."""
        return 0.55 * GAP * max(0.0, self.opening) * (1 - 0.5 * min(1.0, self.press))

    @property
    def half(self) -> float:
        """Half the width between the corners, in units."""
        return 44.0 + 6.5 * self.width - 14.5 * self.rounding - 2.5 * self.opening


@dataclass(frozen=True, slots=True)
class _Edges:
    """Heights (w,) in units of the lips' four edges, and how far a column is inside the mouth."""

    t: FloatArray
    upper_out: FloatArray
    upper_in: FloatArray
    lower_in: FloatArray
    lower_out: FloatArray


def edges(mouth: Mouth, x: FloatArray, smile: float) -> _Edges:
    """The lips' edges over the columns ``x`` (w,)."""
    t = np.clip(x / mouth.half, -1, 1)
    arch = np.sqrt(np.clip(1 - np.abs(t) ** 2.6, 0, 1)).astype(np.float32)
    soft = np.clip(1 - t * t, 0, 1) ** 0.75
    line = (
        Y
        + 1.2 * smile
        - (1.0 + 8.0 * smile * (1 - 0.6 * mouth.rounding)) * np.abs(t) ** 1.8
        + 1.3 * np.cos(t * 5.2) * (1 - t * t)
    )
    up, down = 0.24 * mouth.gap + 1.6 * mouth.lift, 0.76 * mouth.gap
    thin = (
        1 - 0.42 * min(1.0, mouth.press) - 0.10 * mouth.width + 0.20 * mouth.rounding - 0.08 * mouth.opening
    )
    bow = 1 + 0.16 * np.exp(-(((np.abs(t) - 0.21) / 0.13) ** 2)) - 0.10 * np.exp(-((t / 0.11) ** 2))
    upper_in, lower_in = line - up * arch, line + down * arch
    upper = (10.2 * thin - 1.6 * mouth.lift) * soft * bow
    lower = 13.4 * thin * np.clip(1 - np.abs(t) ** 2.2, 0, 1) ** 0.62
    return _Edges(t, upper_in - upper, upper_in, lower_in, lower_in + lower)


def paint(sheet: Sheet, mouth: Mouth, smile: float = 0.6) -> None:
    """Paint the mouth onto ``sheet``, whose skin is there already."""
    e = edges(mouth, sheet.x[0], smile)
    inside = smoothstep(0, 3.0, mouth.half + 1.2 - np.abs(sheet.x))

    def between(top: FloatArray, bottom: FloatArray, soft: float) -> FloatArray:
        return np.clip((sheet.y - top) / soft + 0.5, 0, 1) * np.clip((bottom - sheet.y) / soft + 0.5, 0, 1)

    under = np.exp(
        -0.5 * (((sheet.y - e.lower_out[None] - 4.5) / 4.0) ** 2 + (sheet.x / (0.55 * mouth.half)) ** 2)
    )
    sheet.tint((0.55, 0.28, 0.23), 0.42 * under)
    fade = smoothstep(0, 14, sheet.y - sheet.top) * smoothstep(0, 12, sheet.right - np.abs(sheet.x))
    for side in (-1, 1):
        corner = sheet.bump(side * (mouth.half + 1.5), Y - 1.0 - 7 * smile, 3.6, 3.2)
        fold = sheet.bump(side * (mouth.half + 6), Y - 13, 4.6, 14, side * -0.50)
        deep = 0.50 * corner + (0.06 + 0.09 * smile + 0.09 * max(0.0, mouth.width)) * fold
        sheet.tint((0.46, 0.20, 0.17), fade * deep)
    if mouth.gap > 0.5:
        _cavity(sheet, mouth, e, between(e.upper_in[None] - 1, e.lower_in[None] + 1, 1.0) * inside)
    _lips(sheet, mouth, e, inside, between)


def _cavity(sheet: Sheet, mouth: Mouth, e: _Edges, mask: FloatArray) -> None:
    """Dark inside, teeth above and below, tongue."""
    deep = np.clip((sheet.y - e.upper_in) / max(mouth.gap, 1e-3), 0, 1)
    colour = np.asarray((0.14, 0.035, 0.04), np.float32) + deep[..., None] * np.asarray(
        (0.10, 0.03, 0.03), np.float32
    )
    rise = 0.50 * mouth.tongue
    tip = Y + 0.76 * mouth.gap - (0.30 + rise) * mouth.gap
    tongue = np.clip(
        (sheet.y - tip - 7 * (sheet.x / (0.62 * mouth.half)) ** 2 * (0.4 + 0.02 * mouth.gap)) / 3.0, 0, 1
    )
    tongue *= smoothstep(4, 9, np.float32(mouth.gap)) * (1 - smoothstep(0.55, 0.80, np.abs(e.t)))
    shade = 0.80 - 0.22 * np.exp(-((sheet.x / 2.2) ** 2)) + 0.15 * np.exp(-(((sheet.y - tip - 4) / 3.0) ** 2))
    flesh = np.asarray((0.80, 0.38, 0.37), np.float32) * shade[..., None]
    colour = colour * (1 - tongue[..., None]) + flesh * tongue[..., None]
    reach = min(10.5, 3.6 + 0.36 * mouth.gap)
    bottom = Y - 0.10 * mouth.gap - 2.2 + reach - 2.4 * (e.t**2) * 1.4
    teeth = np.clip((bottom - sheet.y) / 1.3 + 0.5, 0, 1) * (1 - smoothstep(0.66, 0.90, np.abs(e.t)))
    teeth *= 1 - 0.85 * min(1.0, mouth.rounding)
    seams = _seams(sheet, 0.215 * 42.0)
    light = (
        (0.93 - 0.40 * e.t**2) * (1 - 0.10 * seams) * (0.80 + 0.20 * smoothstep(0, 4, sheet.y - e.upper_in))
    )
    enamel = np.asarray((0.975, 0.955, 0.92), np.float32) * light[..., None]
    colour = colour * (1 - teeth[..., None]) + enamel * teeth[..., None]
    row = np.clip((sheet.y - (Y + 0.76 * mouth.gap - 3.2 + 2.5 * e.t**2)) / 1.4 + 0.5, 0, 1)
    row *= smoothstep(9, 18, np.float32(mouth.gap)) * (1 - smoothstep(0.45, 0.66, np.abs(e.t)))
    colour = (
        colour * (1 - 0.5 * row[..., None])
        + np.asarray((0.80, 0.74, 0.69), np.float32) * 0.5 * row[..., None]
    )
    sheet.over(colour.astype(np.float32), mask)


def _seams(sheet: Sheet, wide: float) -> FloatArray:
    """Where two teeth meet."""
    at = np.abs((sheet.x / wide + 0.0) - np.round(sheet.x / wide)) * wide
    return np.asarray(np.exp(-((at / 0.55) ** 2)), np.float32)


def _lips(
    sheet: Sheet,
    mouth: Mouth,
    e: _Edges,
    inside: FloatArray,
    between: Callable[[FloatArray, FloatArray, float], FloatArray],
) -> None:
    """Both lips: the upper faces down and is darker, the lower catches the light."""
    upper = between(e.upper_out[None], e.upper_in[None] + 0.5, 1.3) * inside
    lower = between(e.lower_in[None] - 0.5, e.lower_out[None], 1.8) * inside
    v = np.clip((e.upper_in - sheet.y) / np.maximum(e.upper_in - e.upper_out, 0.8), 0, 1)
    side_light = 1.0 - 0.0018 * sheet.x
    tone = (0.70 + 0.34 * v - 0.16 * (1 - v) ** 4) * side_light
    sheet.over(np.asarray((0.80, 0.365, 0.37), np.float32) * tone[..., None], 0.90 * upper)
    w = np.clip((sheet.y - e.lower_in) / np.maximum(e.lower_out - e.lower_in, 0.8), 0, 1)
    tone = (0.83 + 0.30 * np.exp(-(((w - 0.40) / 0.28) ** 2)) - 0.26 * w**3) * side_light
    sheet.over(np.asarray((0.86, 0.43, 0.425), np.float32) * tone[..., None], 0.90 * lower)
    lines = 0.5 + 0.5 * np.sin(sheet.x * 1.55 + 0.6 * np.sin(sheet.x * 0.61))
    sheet.multiply(1 - 0.045 * (upper + lower) * lines)
    spot = np.exp(-(((w - 0.36) / 0.15) ** 2) - (((sheet.x + 8) / (0.36 * mouth.half)) ** 2)) * lower
    spot = spot * (0.72 + 0.28 * lines)
    top = np.exp(-(((v - 0.86) / 0.16) ** 2) - (((np.abs(sheet.x + 2) - 8) / 7) ** 2)) * upper
    sheet.rgb += np.asarray((1.0, 0.90, 0.88), np.float32) * (0.34 * spot + 0.10 * top)[..., None]
    meet = (
        np.exp(-(((sheet.y - (e.upper_in + 0.4)) / 0.9) ** 2))
        * inside
        * (1 - smoothstep(1, 5, np.float32(mouth.gap)))
    )
    sheet.tint((0.30, 0.085, 0.09), 0.80 * meet * (1 - 0.35 * e.t**4))
