"""Is one face there, near, whole and turned to us? What intake refuses is judged here, and nowhere else."""

from __future__ import annotations

import numpy as np

from avatar_engine.clone.check.finding import Bools, Finding, better, fatal, spans
from avatar_engine.contracts import FRAME_RATE
from avatar_engine.face.track import FaceTrack

LEAST_FACE_PIXELS = 90.0
"""From the top of the forehead to the chin, in the footage."""

GOOD_FACE_PIXELS = 200.0
"""From here on the mouth has as many pixels as the painter's crop: below it a 720p show enlarges the face."""

MOST_YAW, MOST_PITCH = 35.0, 30.0
"""Degrees beyond which a face counts as turned away."""

_ALONE = "Film the presenter alone; cover pictures of faces behind."
_STAY = "Stay in the picture, with the light in front."
_LOOK = "Look at the camera while speaking, with the camera at eye level."
_ROOM = "Leave room around the head."
_NEARER = "Go nearer, zoom in, or film at a higher resolution: head and shoulders should fill the picture."


def face(track: FaceTrack) -> list[Finding]:
    """Presence, number, size, direction and framing of the face.

    Args:
        track: The face in every picture.
    """
    if track.found.mean() < 0.02:
        said = f"No face is seen from 0 s to {len(track) / FRAME_RATE:.1f} s."
        advice = "Film the presenter's face from the front, in good light."
        return [fatal("face", "none", said, advice, [(0.0, len(track) / FRAME_RATE)], whole=True)]
    seen = track.found
    turned = seen & ((np.abs(track.pose[:, 0]) > MOST_YAW) | (np.abs(track.pose[:, 1]) > MOST_PITCH))
    yaw, pitch = (float(np.abs(track.pose[turned, axis]).max(initial=0.0)) for axis in (0, 1))
    away = (
        f"The face is turned away (yaw up to {yaw:.0f}, pitch up to {pitch:.0f} degrees; "
        f"{MOST_YAW:.0f} and {MOST_PITCH:.0f} are the most)"
    )
    lips = track.points[:, (61, 291, 152)]
    outside = (lips[:, :, 0] < 0) | (lips[:, :, 0] > track.width)
    outside |= (lips[:, :, 1] < 0) | (lips[:, :, 1] > track.height)
    return [
        _limit("one person", track.faces >= 2, 0.05, "Two or more faces are seen", _ALONE, whole=True),
        _limit("face in the picture", ~seen, 0.2, "No face is seen", _STAY, whole=True),
        size(track),
        _limit("face to the camera", turned, 0.3, away, _LOOK),
        _limit("mouth and chin whole", seen & outside.any(axis=1), 0.05, "Mouth or chin are outside the picture",
               _ROOM, whole=True),
    ]  # fmt: skip


def size(track: FaceTrack) -> Finding:
    """How large the face usually is."""
    height = np.linalg.norm(track.points[:, 10, :2] - track.points[:, 152, :2], axis=1)
    usual = float(np.median(height[track.found]))
    value = f"{usual:.0f} pixels from forehead to chin"
    if usual < LEAST_FACE_PIXELS:
        first = int(np.argmax(track.found & (height < LEAST_FACE_PIXELS)))
        said = (
            f"The face is too small: {usual:.0f} pixels from forehead to chin (from {first / FRAME_RATE:.1f} s "
            f"on); {LEAST_FACE_PIXELS:.0f} is the least."
        )
        return fatal("face size", value, said, _NEARER)
    if usual < GOOD_FACE_PIXELS:
        said = f"The face is small: {value}; {GOOD_FACE_PIXELS:.0f} and more look sharper."
        return better("face size", value, said, _NEARER)
    return Finding("face size", value)


def _limit(topic: str, flawed: Bools, most: float, what: str, advice: str, whole: bool = False) -> Finding:
    """Fatal when more than the share ``most`` of the pictures is flawed, mentioned when half a second is."""
    if not flawed.any():
        return Finding(topic, "always")
    when = spans(flawed)
    start, stop = when[0]
    share = float(flawed.mean())
    value = f"{1 - share:.0%} of the time"
    said = f"{what} in {share:.0%} of the clip, longest from {start:.1f} s to {stop:.1f} s."
    if share > most:
        return fatal(topic, value, said, advice, when, whole)
    if flawed.sum() >= FRAME_RATE // 2:
        return better(topic, value, said, advice, when, whole)
    return Finding(topic, value)
