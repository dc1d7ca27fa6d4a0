"""A speaker made of arithmetic: sound that is modulated by syllables, and the mouth that would have made it."""

from __future__ import annotations

import numpy as np
from scipy.signal import lfilter

from avatar_engine.contracts import FRAME_RATE, SAMPLE_RATE, FloatArray
from avatar_engine.face.track import POINTS, FaceTrack


def speaking_mouth(seconds: int, seed: int = 5) -> tuple[FloatArray, FloatArray]:
    """Sound (n,) at `SAMPLE_RATE` and mouth opening (frames,), in step.

    A buzz of 110 to 140 Hz goes through three formants whose first rises as the mouth opens; syllables of
    uneven length, with pauses between phrases. The opening is noisy, as a tracker's is.
    """
    random = np.random.default_rng(seed)
    steps = 100
    opening, now = np.zeros(seconds * steps), 0
    while now < len(opening):
        if random.random() < 0.1:  # a pause
            now += int(random.uniform(20, 60))
            continue
        length = int(random.uniform(12, 30))
        bump = np.sin(np.linspace(0, np.pi, length)) ** 1.5 * random.uniform(0.3, 1.0)
        stop = min(now + length, len(opening))
        opening[now:stop] = np.maximum(opening[now:stop], bump[: stop - now])
        now += int(length * random.uniform(0.8, 1.0))
    samples = _voice(opening, random)
    middles = (np.arange(seconds * FRAME_RATE) + 0.5) * steps / FRAME_RATE
    seen = np.interp(middles, np.arange(len(opening)), opening) * 0.25
    return samples, (seen + random.normal(0, 0.012, len(seen))).astype(np.float32)


def _voice(opening: np.ndarray, random: np.random.Generator) -> FloatArray:
    hop = SAMPLE_RATE // 100
    pitch = 125 + 15 * np.sin(np.arange(len(opening)) * 0.02)
    phase = np.cumsum(np.repeat(pitch, hop)) / SAMPLE_RATE
    buzz = (2 * (phase % 1) - 1) + random.normal(0, 0.05, len(phase))
    out, states = np.empty(len(phase)), [np.zeros(2) for _ in range(3)]
    for k, wide in enumerate(opening):  # every 10 ms its own formants
        piece = buzz[k * hop : (k + 1) * hop]
        for f, centre in enumerate((350 + 450 * wide, 1300 + 300 * wide, 2600)):
            radius = np.exp(-np.pi * 120 / SAMPLE_RATE)
            poles = [1, -2 * radius * np.cos(2 * np.pi * centre / SAMPLE_RATE), radius**2]
            piece, states[f] = lfilter([sum(poles)], poles, piece, zi=states[f])
        out[k * hop : (k + 1) * hop] = piece
    loud = np.interp(np.arange(len(out)) / hop, np.arange(len(opening)), np.minimum(1, opening * 1.5))
    out = out * loud + random.normal(0, 1e-3, len(out))
    return (0.5 * out / np.abs(out).max()).astype(np.float32)


def disturbed(samples: FloatArray, offset: float, drift: float) -> FloatArray:
    """The sound made ``offset`` ms late in its middle and later by ``drift`` ms with every minute."""
    place = np.arange(len(samples)) / SAMPLE_RATE
    middle, pace = len(samples) / SAMPLE_RATE / 2, 1 + drift / 60_000
    source = (place - offset / 1000 + (pace - 1) * middle) / pace
    return np.interp(source, place, samples, left=0, right=0).astype(np.float32)


def face_track(opening: FloatArray, size: tuple[int, int] = (640, 480), height: float = 220.0) -> FaceTrack:
    """A still frontal face ``height`` pixels high in the middle of the picture, whose mouth opens as told."""
    count = len(opening)
    points = np.zeros((count, POINTS, 3), np.float32)
    middle = np.array([size[0] / 2, size[1] / 2], np.float32)
    points[:, :, :2] = middle
    eyes = 0.55 * height
    for index, place in {
        10: (0, -0.5 * height),
        152: (0, 0.5 * height),
        33: (-eyes / 2, -0.1 * height),
        263: (eyes / 2, -0.1 * height),
        61: (-0.18 * height, 0.25 * height),
        291: (0.18 * height, 0.25 * height),
        13: (0, 0.25 * height),
        14: (0, 0.25 * height),
    }.items():
        points[:, index, :2] = middle + np.array(place, np.float32)
    points[:, 14, 1] += opening * eyes
    return FaceTrack(
        points=points,
        found=np.ones(count, np.bool_),
        faces=np.ones(count, np.uint8),
        pose=np.zeros((count, 3), np.float32),
        width=size[0],
        height=size[1],
    )
