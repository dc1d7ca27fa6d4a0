"""What the presenter does in a footage: when the mouth talks, how much head and hands move, where a beat falls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks
from scipy.stats import median_abs_deviation

from avatar_engine.contracts import FloatArray
from avatar_engine.face.track import FaceTrack
from avatar_engine.stage.seams import THUMB, Footage

UPPER_LIP, LOWER_LIP, LEFT_CORNER, RIGHT_CORNER = 13, 14, 61, 291

TALKING = 8.0
"""Pictures (standard deviation) over which it is seen whether the lips are at work."""

APART = 10
"""Pictures between two beats at least."""

CLEAR, QUICK = 3.0, 1.5
"""How far a beat stands above what is around it, in the usual scatter of the movement (MAD), and above the usual."""


@dataclass(frozen=True, slots=True)
class Activity:
    """What is done in each of n pictures.

    Attributes:
        talk: float32 (n,), 0 while the lips rest, 1 while they talk.
        stir: float32 (n,), how much head and hands move, 1 as usual.
        beats: bool (n,), whether a nod or a gesture is at its quickest.
    """

    talk: FloatArray
    stir: FloatArray
    beats: npt.NDArray[np.bool_]


def activity(footage: Footage, track: FaceTrack, cuts: list[int]) -> Activity:
    """See `Activity`; ``cuts`` are the first pictures after a cut, whose jump is no movement."""
    points = track.points
    gap = np.linalg.norm(points[:, UPPER_LIP, :2] - points[:, LOWER_LIP, :2], axis=1)
    width = np.linalg.norm(points[:, LEFT_CORNER, :2] - points[:, RIGHT_CORNER, :2], axis=1)
    opening = gap / np.maximum(width, 1e-6)
    change = np.abs(np.gradient(opening)) if len(opening) > 1 else np.zeros(len(opening))
    talking = gaussian_filter1d(_held(change, cuts), TALKING)
    low, high = np.percentile(talking, (5, 50))
    talk = np.clip((talking - low) / max(high - low, 1e-3), 0, 1).astype(np.float32)
    movement = gaussian_filter1d(_movement(footage, cuts), 1.5)
    usual = float(np.median(movement))
    stir = (gaussian_filter1d(movement, 3.0) / max(usual, 1e-6)).astype(np.float32)
    beats = np.zeros(len(movement), np.bool_)
    scatter = max(float(median_abs_deviation(movement)), 1e-6)
    peaks, _ = find_peaks(movement, height=QUICK * usual, prominence=CLEAR * scatter, distance=APART)
    beats[peaks] = True
    return Activity(talk, stir, beats)


def still_of(footage: Footage) -> npt.NDArray[np.float64]:
    """Weight of every pixel of the small pictures, (48 * 64,): 0 on the mouth, which is painted anyway, else 1."""
    width, height = THUMB
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    middle = footage.heads[:, 2:].mean(0) * (width / footage.size[0], height / footage.size[1])
    reach = 0.45 * footage.face * np.array([width / footage.size[0], height / footage.size[1]])
    away = np.hypot((x - middle[0]) / reach[0], (y - middle[1]) / reach[1])
    return np.asarray(np.where(away < 1, 0.0, 1.0).reshape(-1), np.float64)


def _movement(footage: Footage, cuts: list[int]) -> npt.NDArray[np.float64]:
    """Speed of the head, in hundredths of the face a picture, and change of what is not the mouth, in grey levels."""
    heads = footage.heads[:, 2:]
    speed = np.zeros(len(heads))
    speed[1:] = 100 * np.linalg.norm(np.diff(heads, axis=0), axis=1) / footage.face
    change = np.zeros(len(heads))
    weights = still_of(footage)
    for index in range(1, len(heads)):
        step = np.abs(footage.thumbs[index].astype(np.int16) - footage.thumbs[index - 1])
        change[index] = (step * weights).mean()
    return _held(speed + change, cuts)


def _held(values: npt.NDArray[np.floating], cuts: list[int]) -> npt.NDArray[np.float64]:
    """``values`` with those at cuts replaced by what was before."""
    held = np.array(values, np.float64)
    for cut in cuts:
        held[max(0, cut - 1) : cut + 1] = held[max(0, cut - 2)]
    return held
