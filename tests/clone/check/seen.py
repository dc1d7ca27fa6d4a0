"""What is seen and heard in a clip that was never filmed: every figure is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from avatar_engine.clone.check import judge_clip, judge_face, judge_looks, judge_sound
from avatar_engine.clone.check.hearing import Hearing
from avatar_engine.clone.check.judge_sound import Words
from avatar_engine.clone.check.looks import PATCH, STEP, THUMB, Looks, Still
from avatar_engine.clone.check.phones import INVENTORY
from avatar_engine.clone.check.run import Checked
from avatar_engine.clone.speech import WINDOW_SECONDS
from avatar_engine.clone.sync import Sync
from avatar_engine.contracts import FRAME_RATE, FloatArray
from avatar_engine.face.track import FaceTrack
from avatar_engine.media.probe import ClipInfo
from tests.clone.speaking import face_track

SECONDS = 60
FRAMES = SECONDS * FRAME_RATE
LOOKED = np.arange(0, FRAMES, STEP)
TIMES = LOOKED / FRAME_RATE


def eyes(track: FaceTrack, shut: tuple[tuple[float, float], ...]) -> FaceTrack:
    """The track with open eyes, but for these stretches in seconds."""
    at = np.arange(len(track)) / FRAME_RATE
    wide = np.full(len(track), 12.0, np.float32)
    for start, stop in shut:
        wide[(at >= start) & (at < stop)] = 1.0
    left, right = track.points[:, 33, :2].copy(), track.points[:, 263, :2].copy()
    half = np.stack([0 * wide, wide / 2], axis=1)
    for upper, lower, inner, corner, towards in ((159, 145, 133, left, 1), (386, 374, 362, right, -1)):
        middle = corner + np.array([20 * towards, 0], np.float32)
        track.points[:, inner, :2] = 2 * middle - corner
        track.points[:, upper, :2], track.points[:, lower, :2] = middle - half, middle + half
    return track


def mouths(random: np.random.Generator) -> FloatArray:
    """Patches of a red mouth on skin that opens and closes at random, with a camera's noise."""
    y, x = np.mgrid[: PATCH[1], : PATCH[0]]
    out = np.empty((len(LOOKED), PATCH[1], PATCH[0], 3), np.float32)
    for k, wide in enumerate(random.uniform(1, 5, len(LOOKED))):
        out[k] = (150, 140, 115)
        ring = ((x - 18) / 10) ** 2 + ((y - 9) / (2.5 + wide / 2)) ** 2
        out[k][ring < 1] = (110, 160, 115)
        out[k][ring < 0.3] = (40, 135, 120)
    return out + random.normal(0, 1.5, out.shape).astype(np.float32)


def looks(opening: FloatArray | None = None) -> Looks:
    """A good minute's pictures: a still face of 220 pixels that blinks every five seconds."""
    random = np.random.default_rng(3)
    opening = np.full(FRAMES, 0.01, np.float32) if opening is None else opening
    blinks = tuple((float(second), second + 0.16) for second in range(2, SECONDS, 5))
    shade = random.uniform(60, 180, (1, THUMB[1], THUMB[0])).astype(np.float32)
    noise = random.normal(0, 0.05, (len(LOOKED), THUMB[1], THUMB[0])).astype(np.float32)
    jpeg = cv2.imencode(".jpg", np.full((40, 60, 3), 90, np.uint8))[1].tobytes()
    return Looks(
        track=eyes(face_track(opening), blinks),
        looked=LOOKED,
        thumbs=shade + noise,
        light=np.stack([np.full(len(LOOKED), v, np.float32) for v in (140, 0.01, 0.0)], axis=1),
        sharpness=np.full(len(LOOKED), 0.25, np.float32),
        mouths=mouths(random),
        stills={int(index): Still(jpeg, jpeg) for index in LOOKED[::4]},
    )


def hearing(speech: float = 45.0) -> Hearing:
    """A dry room in which somebody speaks for the first seconds."""
    count = int(SECONDS / WINDOW_SECONDS)
    speaking = np.arange(count) * WINDOW_SECONDS < speech
    levels = np.where(speaking, -22, -60).astype(np.float32)
    return Hearing(SECONDS, 0.6, speaking, levels, 38.0, 0.0, np.zeros(count, np.bool_), 0.22, 11_500.0)


def words() -> Words:
    """Every phone of English twice."""
    return Words("en", ((0.5, 3.0, "Hello <there>."),), dict.fromkeys(INVENTORY["en"], 2))


INFO = ClipInfo(60.0, 640, 480, 0, False, 25.0, False, 48_000, 2, "h264", "aac", "yuv420p", False, FRAMES)
IN_STEP = Sync(3.0, 0.0, 0.7, 9.0)


def checked(seen: Looks | None = None, heard: Hearing | None = None, said: Words | None = None) -> Checked:
    """The clip, judged."""
    seen, heard, said = seen or looks(), heard or hearing(), said or words()
    findings = [
        judge_clip.length("take.mp4", INFO.duration),
        judge_clip.file(INFO),
        *judge_face.face(seen.track),
        *judge_looks.pictures(seen),
        *judge_sound.speech(heard),
        *judge_sound.flaws(heard),
        *judge_sound.room(heard),
        *judge_sound.words(said),
        judge_sound.step(IN_STEP, INFO.duration),
    ]
    return Checked(Path("take.mp4"), replace(INFO), tuple(findings), seen, heard, said, IN_STEP, 12.0)
