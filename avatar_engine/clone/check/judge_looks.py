"""Sharpness, light, movement, blinks, things before the mouth, cuts: what a clip's pictures could do better."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import median_filter, uniform_filter1d

from avatar_engine.clone.check.finding import Bools, Finding, Span, better, spans, times
from avatar_engine.clone.check.looks import STEP, Looks
from avatar_engine.contracts import FRAME_RATE, FloatArray
from avatar_engine.face.track import FaceTrack
from avatar_engine.stage import seams

RATE = FRAME_RATE / STEP
"""Pictures a second that were looked at."""

SHARP = 0.16
"""Sharpness: GRID 0.21 and 0.26, the drawn presenter enlarged by half 0.20; s1 of GRID blurred by one pixel 0.13."""

SUDDENLY_BLURRED = 0.6
"""Share of the usual sharpness below which a moment counts as out of focus or smeared by motion."""

DARKEST, BRIGHTEST = 60.0, 205.0
"""Luma of the face (0 to 255): GRID 143 and 134, the drawn presenter 165; GRID at 0.3 of its light 53."""

BRIGHT_BEHIND = 120.0
"""Luma of the brightest twentieth of the picture: above it a dark face has its light behind it."""

MOST_BURNT = 0.08
"""Share of the face at the top of the range, where no skin is left to be seen; 0.00 in all three."""

MOST_CHANGE = 0.15
"""Change of the face's luma over the clip, of its middle: 0.02, 0.04 and 0.06 in the three."""

MOST_TINT = 7.0
"""Change of the skin's chroma over the clip in levels: 1 in the drawn presenter, 26 and 25 in GRID's s1 and s4, of
which some takes are yellow."""

MOST_FLICKER = 0.006
"""Brightness that changes from picture to picture, of its middle; 0.001 and 0.002 in the three."""

MOST_ASIDE = 12.0
"""Degrees of yaw and roll that the head may usually be turned."""

MOST_NOD = 20.0
"""Degrees of pitch, likewise: of the drawn presenter, who looks straight ahead, -10 is read."""

FEWEST_BLINKS = 2.0
"""A minute. People blink 4 to 60 times a minute when they speak (GRID 7 and 58, the drawn presenter 18)."""

SHUT = 0.6
"""Opening of the eyes, of their usual, below which they are shut."""

LONGEST_SHUT = 1.0
"""Seconds for which eyes may be shut: blinks last 0.1 to 0.5."""

STRANGE = 2.05
"""How far a mouth may be from the most similar ones at other times, of the usual: 1.7 at most in the three clips; with
a hand of the skin's own colour before it for two seconds 2.3 and more."""

_BLACK = 24.0  # the bars beside an upright clip don't flicker
_APART = 4.0
_LIKE = 0.02
_LIDS = ((159, 145, 33, 133), (386, 374, 362, 263))  # upper, lower, outer, inner of each eye


def pictures(looks: Looks) -> list[Finding]:
    """Everything that is judged by the pictures alone, where there is a face."""
    return [
        blur(looks),
        brightness(looks),
        steadiness(looks),
        flicker(looks),
        pose(looks.track),
        blinks(looks.track),
        occlusion(looks),
        one_take(looks),
    ]


def blur(looks: Looks) -> Finding:
    """Whether the face is sharp, usually and always."""
    usual = float(np.nanmedian(looks.sharpness))
    value = f"{usual:.2f} ({SHARP:.2f} and more is sharp)"
    now = median_filter(np.nan_to_num(looks.sharpness, nan=usual), 3)
    smeared = spans(now < SUDDENLY_BLURRED * usual, RATE, least=0.2)
    if usual < SHARP:
        said = f"The face is blurred: sharpness {usual:.2f}, {SHARP:.2f} and more is sharp."
        advice = "Wipe the lens, let the camera focus on the eyes and lock it there, and give more light."
        worst = int(np.nanargmin(looks.sharpness))
        return better("sharpness", value, said, advice, [(worst / RATE, worst / RATE)])
    if smeared:
        said = f"The face is out of focus or smeared by motion {times(smeared)}."
        return better(
            "sharpness", value, said, "Lock the focus, give more light, and move the head calmly.", smeared
        )
    return Finding("sharpness", value)


def brightness(looks: Looks) -> Finding:
    """Whether the face is too dark, too bright, or burnt out."""
    usual, burnt = float(np.nanmedian(looks.light[:, 0])), float(np.nanmedian(looks.light[:, 2]))
    value = f"brightness {usual / 255:.0%}"
    worst = [_moment(looks.light[:, 0], lowest=usual < DARKEST)]
    if usual < DARKEST:
        behind = float(np.percentile(looks.thumbs, 95)) > BRIGHT_BEHIND
        said = f"The face is too dark ({value})" + (", with the light behind it." if behind else ".")
        advice = "Put a window or a lamp before the presenter, behind the camera."
        return better("light", value, said, advice, worst)
    if usual > BRIGHTEST or burnt > MOST_BURNT:
        said = f"The face is too bright ({value}, {burnt:.0%} of it without any detail)."
        return better("light", value, said, "Lower the exposure, or move the lamp away.", worst)
    return Finding("light", value)


def steadiness(looks: Looks) -> Finding:
    """Whether light and colour stay the same from start to end."""
    seen = ~np.isnan(looks.light[:, 0])
    calm = _smooth(looks.light[seen, 0])
    skin = _smooth(np.median(looks.mouths[seen], axis=(1, 2))[:, 1:])
    middle = float(np.median(calm))
    change = float(np.ptp(np.percentile(calm, (2, 98)))) / max(middle, 1.0)
    tint = float(np.ptp(np.percentile(skin, (2, 98), axis=0), axis=0).max())
    value = f"brightness by {change:.0%}, colour by {tint:.0f} levels"
    if change <= MOST_CHANGE and tint <= MOST_TINT:
        return Finding("change of light", value)
    away = np.abs(calm - middle) / max(middle, 1.0) > MOST_CHANGE / 2
    away |= (np.abs(skin - np.median(skin, axis=0)) > MOST_TINT / 2).any(axis=1)
    everywhere = np.zeros(len(seen), np.bool_)
    everywhere[seen] = away
    when = spans(everywhere, RATE, least=0.4)
    faults = [f"brightness changes by {change:.0%}"] if change > MOST_CHANGE else []
    faults += [f"colour changes by {tint:.0f} levels"] if tint > MOST_TINT else []
    said = f"The face's {' and its '.join(faults)}, most {times(when)}."
    advice = "Film in one go by lamps, not by the sun, with exposure and white balance locked."
    return better("change of light", value, said, advice, when)


def flicker(looks: Looks) -> Finding:
    """Whether lamps flicker: every part of the picture gets brighter and darker from picture to picture."""
    size = flickering(looks.thumbs)
    value = f"{size:.1%}"
    if size <= MOST_FLICKER:
        return Finding("flicker", value)
    said = f"The light flickers by {size:.1%} from picture to picture."
    advice = "Set the camera's shutter to 1/50 s (1/60 s where mains have 60 Hz), or change the lamps."
    return better("flicker", value, said, advice)


def flickering(thumbs: FloatArray) -> float:
    """Relative size of what changes from picture to picture in the steadiest parts of the picture.

    Args:
        thumbs: float32 (m, height, width), luma.
    """
    mean = thumbs.mean(axis=0)
    lit = mean > _BLACK
    if len(thumbs) < 8 or not lit.any():
        return 0.0
    bent = thumbs[1:-1, lit] - (thumbs[:-2, lit] + thumbs[2:, lit]) / 2
    # the median over time leaves cuts out, that over the picture what moves
    return float(np.median(1.4826 * np.median(np.abs(bent), axis=0) / mean[lit]))


def pose(track: FaceTrack) -> Finding:
    """Which way the head is turned, usually."""
    yaw, pitch, roll = track.pose[track.found].T
    low, high = (np.percentile(track.pose[track.found], share, axis=0) for share in (2, 98))
    value = ", ".join(
        f"{name} {a:.0f} to {b:.0f}°" for name, a, b in zip(("yaw", "pitch", "roll"), low, high, strict=True)
    )
    aside = abs(float(np.median(yaw))) > MOST_ASIDE or abs(float(np.median(roll))) > MOST_ASIDE
    if aside or abs(float(np.median(pitch))) > MOST_NOD:
        usual = f"yaw {np.median(yaw):.0f}, pitch {np.median(pitch):.0f}, roll {np.median(roll):.0f} degrees"
        said = f"The head is usually turned aside ({usual}); the clone will be, too."
        return better("head", value, said, "Put the camera before the presenter, at eye level.", [(0.0, 0.0)])
    return Finding("head", value)


def lids(track: FaceTrack) -> FloatArray:
    """How far the eyes are open, of their usual, float32 (n,)."""
    flat = track.points[:, :, :2]
    openings = [
        np.linalg.norm(flat[:, upper] - flat[:, lower], axis=1)
        / np.maximum(1e-6, np.linalg.norm(flat[:, outer] - flat[:, inner], axis=1))
        for upper, lower, outer, inner in _LIDS
    ]
    opening = np.mean(openings, axis=0)
    usual = float(np.median(opening[track.found]))
    return np.asarray(opening / max(1e-6, usual), np.float32)


def blinks(track: FaceTrack) -> Finding:
    """Whether the presenter blinks, and keeps the eyes open otherwise."""
    shut = (lids(track) < SHUT) & track.found
    closed = spans(shut)
    minutes = float(track.found.sum()) / FRAME_RATE / 60
    count = sum(stop - start <= LONGEST_SHUT for start, stop in closed)
    rate = count / max(minutes, 1e-6)
    value = f"{rate:.0f} a minute"
    long = [span for span in closed if span[1] - span[0] > LONGEST_SHUT]
    if long:
        said = f"The eyes are shut {times(long)}."
        return better("blinks", value, said, "Look into the camera.", long)
    if rate < FEWEST_BLINKS and minutes > 1 / 3:
        said = f"The presenter blinks {count} times in {minutes * 60:.0f} s; the clone would stare."
        return better("blinks", value, said, "Blink as usual.")
    return Finding("blinks", value)


def occlusion(looks: Looks) -> Finding:
    """Whether something is before the mouth at times: a hand, a microphone, a cup."""
    strange = strangeness(looks)
    hidden = spans(strange > STRANGE, RATE, least=0.4)
    value = f"its strangest look {np.max(strange, initial=1.0):.1f} ({STRANGE:.1f} and more is covered)"
    if not hidden:
        return Finding("mouth uncovered", value)
    said = f"Something is before the mouth, or it looks unlike all the rest, {times(hidden)}."
    advice = "Keep hands, cups and the microphone away from the mouth, and leave such moments out."
    return better("mouth uncovered", value, said, advice, hidden)


def strangeness(looks: Looks) -> FloatArray:
    """How unlike each mouth is to those of other times, of the usual: float32 (m,), 0 without a face.

    Every patch is compared with all that are four seconds and more away, by luma and chroma without their means (light
    may change) and by luma of unit contrast; the distance to the nearest fiftieth counts, so a mouth that opens
    wide now and then finds its like. What stays before the mouth for most of the clip is not seen.
    """
    seen = ~np.isnan(looks.light[:, 0])
    out = np.zeros(len(seen), np.float32)
    mouths = looks.mouths[seen]
    if len(mouths) < 10 * _APART * RATE / 4:
        return out
    at = looks.looked[seen] / FRAME_RATE
    near = np.abs(at[:, None] - at[None]) <= _APART
    moved = mouths - mouths.mean(axis=(1, 2), keepdims=True)
    luma = moved[..., :1]
    shape = luma / np.maximum(luma.std(axis=(1, 2), keepdims=True), 3.0)
    ways = [_unlike(way.reshape(len(mouths), -1), near) for way in (moved, shape)]
    out[seen] = median_filter(np.mean(ways, axis=0), 9)
    return out


def _unlike(rows: FloatArray, near: Bools) -> FloatArray:
    squares = (rows**2).sum(axis=1)
    apart = np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * rows @ rows.T, 0))
    apart[near] = np.inf
    place = max(1, round(_LIKE * len(rows)))
    distance = np.partition(apart, place, axis=1)[:, place]
    usual = float(np.median(distance[np.isfinite(distance)])) if np.isfinite(distance).any() else 0.0
    return np.asarray(np.nan_to_num(distance / max(usual, 1e-6), posinf=1.0), np.float32)


def one_take(looks: Looks) -> Finding:
    """Whether the clip was filmed in one go."""
    at = cuts(looks)
    if not at:
        return Finding("one take", "no cut")
    listed = ", ".join(f"{time:.1f} s" for time in at[:6]) + (" …" if len(at) > 6 else "")
    said = f"The clip is cut {len(at)} time{'s' if len(at) > 1 else ''} ({listed}): the body's movement breaks there."
    where: Sequence[Span] = [(time, time) for time in at]
    return better(
        "one take", f"{len(at)} cuts", said, "Film in one go, and use the clip as it is.", where, whole=True
    )


def cuts(looks: Looks) -> list[float]:
    """Seconds at which another take begins, by the same judgement that joins the body's stretches."""
    count = len(looks.looked)
    points = looks.track.points[looks.looked]
    heads = np.zeros((count, 4))
    heads[:, 2:] = points[:, (33, 133, 362, 263, 168), :2].mean(axis=1)
    steps = np.zeros(count, np.float32)
    steps[1:] = np.abs(np.diff(looks.thumbs, axis=0)).mean(axis=(1, 2))
    # the search there measures the head's way in sides of the crop, about twice the height from brow to chin
    side = 1.5 * float(np.median(np.linalg.norm(points[:, 10, :2] - points[:, 152, :2], axis=1)))
    good = looks.track.found[looks.looked]
    flat = np.zeros((count, 1), np.uint8)
    footage = seams.Footage(flat, steps, heads, max(side, 1.0), np.ones(count, np.float32), good)
    return [index / RATE for index in seams.cuts(footage)]


def _smooth(values: FloatArray) -> FloatArray:
    """The values without what lasts less than a second, along the first axis."""
    calm = median_filter(values, (9, *[1] * (values.ndim - 1)))
    return np.asarray(uniform_filter1d(calm, 5, axis=0), np.float32)


def _moment(values: FloatArray, lowest: bool) -> Span:
    index = int(np.nanargmin(values) if lowest else np.nanargmax(values))
    return (index / RATE, index / RATE)
