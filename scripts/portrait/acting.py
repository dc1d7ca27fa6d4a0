"""What the presenter does besides speaking: looks, blinks, nods, breathes, raises her brows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d

from avatar_engine.contracts import FRAME_RATE, FloatArray
from portrait.figure import Face
from portrait.mouth import Mouth

BLINK = (0.35, 0.95, 1.0, 0.72, 0.38, 0.12)
"""A blink, picture by picture."""


def act(mouths: Sequence[Mouth], stress: Sequence[float] | FloatArray, seed: int = 0) -> list[Face]:
    """One `Face` for every mouth; the same for the same seed.

    Args:
        mouths: From `visemes.mouth_track`.
        stress: How stressed the speech is in every picture, 0 to 1.
        seed: Of everything that is left to chance.
    """
    count = len(mouths)
    rng = np.random.default_rng(seed)
    accent = np.asarray(stress, np.float64)
    blink, gaze = _blinks(count, rng), _gaze(count, rng)
    yaw = _drift(rng, count, 38, 3.4) + _drift(rng, count, 14, 0.7)
    pitch = _drift(rng, count, 34, 1.6) - 2.2 * gaussian_filter1d(accent, 2.5)
    roll = _drift(rng, count, 44, 1.7) + 0.25 * yaw
    across, down = _drift(rng, count, 55, 5.0) + 0.7 * yaw, _drift(rng, count, 48, 2.2) + 1.8 * accent
    talking = gaussian_filter1d(np.array([float(m != Mouth()) for m in mouths]), 10)
    brow = 0.75 * gaussian_filter1d(accent, 3.5) + _drift(rng, count, 30, 0.12)
    smile = np.clip(0.72 - 0.22 * talking + _drift(rng, count, 45, 0.10), 0, 1)
    breath = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(count) / (4.1 * FRAME_RATE))
    return [
        Face(
            mouth=mouths[i],
            blink=float(blink[i]),
            gaze=(float(gaze[i, 0] - 0.035 * yaw[i]), float(gaze[i, 1])),
            brow=float(brow[i]),
            smile=float(smile[i]),
            yaw=float(yaw[i]),
            pitch=float(pitch[i]),
            roll=float(roll[i]),
            shift=(float(across[i]), float(down[i])),
            breath=float(breath[i]),
            grain=int((i * 7 + i // 5) % 6),
        )
        for i in range(count)
    ]


def _drift(rng: np.random.Generator, count: int, slow: float, size: float) -> np.ndarray:
    """A smooth random walk about zero of standard deviation ``size``, ``slow`` pictures wide."""
    margin = int(4 * slow)
    noise = gaussian_filter1d(rng.normal(size=count + 2 * margin), slow)[margin : margin + count]
    return np.asarray(noise * np.sqrt(2 * slow * np.sqrt(np.pi)) * size)


def _blinks(count: int, rng: np.random.Generator) -> np.ndarray:
    shut = np.zeros(count + 20)
    at = int(rng.uniform(20, 60))
    while at < count:
        shut[at : at + len(BLINK)] = BLINK
        at += int(rng.uniform(2.0, 5.2) * FRAME_RATE) if rng.uniform() > 0.12 else 9
    return shut[:count]


def _gaze(count: int, rng: np.random.Generator) -> np.ndarray:
    """Quick glances (count, 2), mostly at the camera."""
    look = np.zeros((count, 2))
    at = 0
    while at < count:
        stay = int(rng.uniform(0.5, 2.4) * FRAME_RATE)
        away = rng.uniform() < 0.22
        look[at : at + stay] = rng.normal(0, 1, 2) * ((0.34, 0.16) if away else (0.05, 0.03))
        at += min(stay, 22) if away else stay
    return np.asarray(gaussian_filter1d(np.clip(look, -0.8, 0.8), 0.7, axis=0))
