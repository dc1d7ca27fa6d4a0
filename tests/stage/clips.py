"""A small clip of a drawn head on a still background, and the face track that belongs to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from avatar_engine.contracts import ByteArray, FloatArray
from avatar_engine.face.track import FaceTrack
from avatar_engine.media.picture import planes
from avatar_engine.media.write import VideoWriter

WIDTH, HEIGHT = 192, 144
FACE = 30.0
"""Half the face's width in pixels."""


@dataclass(frozen=True)
class Take:
    """Frames filmed in one go: where the head is, and how bright the place."""

    frames: int
    x: float
    y: float
    light: int = 110


def _layout() -> FloatArray:
    """478 points of a face of half-width 1 round (0, 0); eyes open."""
    rng = np.random.default_rng(5)
    points = rng.uniform(-0.8, 0.8, (478, 3)).astype(np.float32)
    fixed = {
        33: (-0.6, -0.3), 133: (-0.2, -0.3), 159: (-0.4, -0.4), 145: (-0.4, -0.2),
        263: (0.6, -0.3), 362: (0.2, -0.3), 386: (0.4, -0.4), 374: (0.4, -0.2),
        6: (0, -0.3), 168: (0, -0.4), 197: (0, -0.1), 195: (0, 0.0),
        127: (-0.95, -0.3), 356: (0.95, -0.3), 162: (-0.9, -0.6), 389: (0.9, -0.6),
        234: (-1, 0), 454: (1, 0), 152: (0, 1.2), 4: (0, 0.2),
    }  # fmt: skip
    for index, (x, y) in fixed.items():
        points[index] = (x, y, 0)
    return points


LAYOUT = _layout()


def motion(takes: Sequence[Take]) -> FloatArray:
    """Where the head is in every frame: it sways a little round its take's place."""
    rows = []
    for number, take in enumerate(takes):
        at = np.arange(take.frames) / 25
        rows.append(
            np.stack(
                [
                    take.x + 2.0 * np.sin(2 * np.pi * 0.5 * at + number),
                    take.y + 1.0 * np.sin(2 * np.pi * 0.3 * at),
                ],
                1,
            )
        )
    return np.concatenate(rows).astype(np.float32)


def picture(head: FloatArray, light: int, frame: int) -> ByteArray:
    """One frame, I420."""
    made = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    luma, blue, red = planes(made)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    luma[:] = light + 20 * np.sin(x / 9) * np.sin(y / 7)
    big = cv2.GaussianBlur(np.where(np.hypot(x - head[0], (y - head[1]) / 1.3) < FACE, 1.0, 0.0), (0, 0), 1.5)
    texture = 190 + 25 * np.sin((x - head[0]) / 2.5) * np.cos((y - head[1]) / 3)
    luma[:] = luma * (1 - big) + texture * big
    small = cv2.resize(big, (WIDTH // 2, HEIGHT // 2))
    blue[:] = 128 - 20 * small
    red[:] = 128 + 30 * small
    noise = np.random.default_rng(frame).normal(0, 1, luma.shape)
    luma[:] = np.clip(luma + noise, 16, 235)
    return made


def film(path: Path, takes: Sequence[Take]) -> FaceTrack:
    """Write the clip of ``takes`` and give its face track."""
    heads = motion(takes)
    lights = np.concatenate([np.full(take.frames, take.light) for take in takes])
    with VideoWriter(path, WIDTH, HEIGHT, sound=False, crf=10, preset="ultrafast", gop=12) as writer:
        for frame, (head, light) in enumerate(zip(heads, lights, strict=True)):
            writer.picture(picture(head, int(light), frame))
    return film_track(takes)


def film_track(takes: Sequence[Take]) -> FaceTrack:
    """The face track of a clip of ``takes``."""
    heads = motion(takes)
    points = LAYOUT[None] * FACE
    points = np.repeat(points, len(heads), 0)
    points[:, :, :2] += heads[:, None]
    count = len(heads)
    return FaceTrack(
        points.astype(np.float32),
        np.ones(count, bool),
        np.ones(count, np.uint8),
        np.zeros((count, 3), np.float32),
        WIDTH,
        HEIGHT,
    )


def spoilt(track: FaceTrack, frames: range) -> FaceTrack:
    """The same track without a face in ``frames``."""
    found = track.found.copy()
    found[frames.start : frames.stop] = False
    return replace(track, found=found)
