"""Phones and their sound to the mouth's shape, picture by picture.

Each phone pulls the mouth towards its own shape with a strength that fades before and after it, and the shape is the
weighted mean of all pulls, parameter by parameter (dominance functions: M. Cohen and D. Massaro, "Modeling
coarticulation in synthetic visual speech", 1993). A p, b or m decides the opening and leaves the corners to its
neighbours; an "oo" rounds the lips before it is heard.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from avatar_engine.contracts import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME, FloatArray, Phone
from portrait.mouth import Mouth

SILENCE = "_"
STEPS_PER_FRAME = 8
STEP = 1 / FRAME_RATE / STEPS_PER_FRAME
PAUSE = 0.2
"""Seconds of silence from which on the mouth closes."""

EDGE = 0.06
"""Seconds within a pause in which the mouth comes to rest or gets ready."""

REACH = 0.045
"""Seconds in which a phone's pull fades to 37 %."""

_NEUTRAL = (0.22, 0.0, 0.05, 0.0, 0.0, 0.0)
_SHAPES: dict[str, tuple[float, float, float, float, float, float]] = {}
"""Opening, width, rounding, lift, press, tongue of each IPA letter."""

for _alike, _shape in (
    ("aɑæɐ", (0.80, 0.15, 0.00, 0.0, 0.0, 0.0)),
    ("ɒɔ", (0.60, -0.20, 0.45, 0.0, 0.0, 0.0)),
    ("ʌəɜɚɝɤᵊ", (0.40, 0.00, 0.05, 0.0, 0.0, 0.0)),
    ("ɛ", (0.50, 0.40, 0.00, 0.0, 0.0, 0.0)),
    ("e", (0.36, 0.60, 0.00, 0.0, 0.0, 0.0)),
    ("iɪɨᵻ", (0.24, 0.80, 0.00, 0.0, 0.0, 0.0)),
    ("oɵ", (0.44, -0.40, 0.75, 0.0, 0.0, 0.0)),
    ("øœ", (0.40, -0.25, 0.65, 0.0, 0.0, 0.0)),
    ("uʊɯyʏ", (0.22, -0.60, 1.00, 0.0, 0.0, 0.0)),
    ("wɥ", (0.16, -0.70, 1.00, 0.0, 0.0, 0.0)),
    ("pbm", (0.00, 0.00, 0.00, 0.0, 1.0, 0.0)),
    ("fvʋɸβ", (0.07, 0.20, 0.00, 1.0, 0.0, 0.0)),
    ("θð", (0.24, 0.15, 0.00, 0.0, 0.0, 1.0)),
    ("tdnɾ", (0.20, 0.20, 0.00, 0.0, 0.0, 0.7)),
    ("lɫɭ", (0.30, 0.15, 0.00, 0.0, 0.0, 0.9)),
    ("sz", (0.13, 0.45, 0.00, 0.15, 0.0, 0.3)),
    ("ʃʒɕʑʂʐ", (0.18, -0.35, 0.60, 0.2, 0.0, 0.2)),
    ("ɹrɻ", (0.22, -0.30, 0.50, 0.0, 0.0, 0.3)),
    ("jʝ", (0.20, 0.60, 0.00, 0.0, 0.0, 0.2)),
    ("kɡgŋɲxɣçʁʀqc", (0.26, 0.10, 0.00, 0.0, 0.0, 0.0)),
    ("hʔ", (0.34, 0.00, 0.00, 0.0, 0.0, 0.0)),
    (SILENCE, (0.00, 0.00, 0.00, 0.0, 0.0, 0.0)),
):
    _SHAPES.update(dict.fromkeys(_alike, _shape))

_WEAK = 0.12
_VOWELS = frozenset("aɑæɐɒɔʌəɜɚɝɤᵊɛeiɪɨᵻoɵøœuʊɯyʏ")
_LIPS = frozenset("pbmfvʋɸβ")
_ROUND = frozenset("wɥʃʒuʊyʏo")


def mouth_track(phones: Sequence[Phone], samples: FloatArray) -> list[Mouth]:
    """The mouth of every picture of ``samples``, from the phones' times and how loud the sound is.

    Exactly closed in every pause of `PAUSE` seconds or longer; where no phone is, nothing is said.
    """
    frames = len(samples) // SAMPLES_PER_FRAME
    steps = frames * STEPS_PER_FRAME
    time = (np.arange(steps) + 0.5) * STEP
    shape = _blend(_letters(phones), time)
    shape[:, 0] *= 0.62 + 0.42 * np.sqrt(_loudness(samples, steps))
    shape *= _speaking(phones, time)[:, None]
    by_frame = shape.reshape(frames, STEPS_PER_FRAME, 6)
    middle = by_frame.mean(1)
    middle[:, 4] = by_frame[:, :, 4].max(1)  # A closure shorter than a picture is still seen.
    middle[np.abs(middle) < 5e-3] = 0.0
    return [Mouth(*(round(float(value), 4) for value in row)) for row in middle]


def stresses(samples: FloatArray) -> FloatArray:
    """How stressed the speech is in every picture of ``samples``, float32 (frames,), 0 to 1: a bump at each
    loudest syllable that has no louder one within half a second."""
    frames = len(samples) // SAMPLES_PER_FRAME
    level = _loudness(samples, frames * STEPS_PER_FRAME).reshape(frames, STEPS_PER_FRAME).mean(1)
    bumps = np.zeros(frames, np.float32)
    around = np.arange(frames)
    reach = FRAME_RATE // 2
    for k in range(frames):
        if level[k] > 0.55 and level[k] == level[max(0, k - reach) : k + reach + 1].max():
            bumps = np.maximum(bumps, level[k] * np.exp(-0.5 * ((around - k) / 2.5) ** 2).astype(np.float32))
    return bumps


def _letters(phones: Sequence[Phone]) -> list[tuple[str, float, float]]:
    """One letter each with its time; a diphthong's or affricate's time is shared by its letters."""
    found: list[tuple[str, float, float]] = []
    for phone in phones:
        known = [letter for letter in phone.symbol if letter in _SHAPES] or ["?"]
        length = (phone.end - phone.start) / len(known)
        found += [(k, phone.start + i * length, phone.start + (i + 1) * length) for i, k in enumerate(known)]
    return found


def _strength(letter: str) -> np.ndarray:
    """How much a letter insists on each of the six parameters."""
    if letter == SILENCE:
        return np.full(6, 1.5)
    if letter in _LIPS:
        return np.array([9.0, _WEAK, _WEAK, 6.0, 9.0, 0.5])
    if letter in _VOWELS:
        return np.array([1.0, 1.0, 1.6 if letter in _ROUND else 1.0, 0.5, 0.5, 0.6])
    corners = 1.4 if letter in _ROUND else 0.35
    return np.array([0.7, corners, corners, 0.7, 0.5, 1.2])


def _blend(letters: list[tuple[str, float, float]], time: np.ndarray) -> np.ndarray:
    """Shape (steps, 6): the mean of all pulls."""
    pull, total = np.zeros((len(time), 6)), np.full((len(time), 6), 1e-6)
    for letter, start, end in letters:
        # The mouth is ready a little before a phone is heard, and its core is short where phones are long.
        early, late = start - 0.015, max(start, end - 0.025)
        first, last = np.searchsorted(time, (early - 8 * REACH, late + 8 * REACH))
        here = time[first:last]
        away = np.maximum(0, np.maximum(early - here, here - late))
        reach = REACH * (0.45 if letter in _LIPS else 1.0)
        weight = np.exp(-((away / reach) ** 1.2))[:, None] * _strength(letter)
        pull[first:last] += weight * np.asarray(_SHAPES.get(letter, _NEUTRAL))
        total[first:last] += weight
    return np.asarray(pull / total)


def _loudness(samples: FloatArray, steps: int) -> np.ndarray:
    """The sound's envelope (steps,), 1 where it is loud for this sound."""
    size = round(SAMPLE_RATE * STEP)
    padded = np.zeros(steps * size)
    padded[: min(len(samples), len(padded))] = samples[: len(padded)]
    power = (padded.reshape(steps, size) ** 2).mean(1)
    window = np.hanning(17)
    level = np.sqrt(np.maximum(0, np.convolve(power, window / window.sum(), "same")))
    heard = level[level > 1e-3]
    return np.clip(level / np.percentile(heard, 92), 0, 1) if len(heard) else np.zeros(steps)


def _speaking(phones: Sequence[Phone], time: np.ndarray) -> np.ndarray:
    """1 while something is said, 0 in pauses, with soft edges inside the pauses."""
    said = [(p.start, p.end) for p in phones if p.symbol != SILENCE]
    starts, ends = [start for start, _ in said], [end for _, end in said]
    active = np.ones(len(time))
    for start, end in zip([float("-inf"), *ends], [*starts, float("inf")], strict=True):
        if end - start >= PAUSE:
            active[(time > start + EDGE) & (time < end - EDGE)] = 0.0
    window = np.hanning(round(2 * EDGE / STEP) + 3)[1:-1]
    around = np.pad(active, len(window), "edge")
    smooth = np.convolve(around, window / window.sum(), "same")[len(window) : -len(window)]
    return np.where(smooth < 1e-9, 0.0, np.minimum(smooth, 1.0))
