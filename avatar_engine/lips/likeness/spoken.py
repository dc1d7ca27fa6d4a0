"""The mouth of a clone that says the same words in its own time, laid over the real recording phone by phone.

The clone's voice makes every phone longer or shorter than the person did. To compare pictures, the mouth's motion is
made from the clone's sound in its own time and then warped in time, so that each phone's motion falls on the real
phone; between the boundaries time runs evenly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import (
    FRAME_RATE,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    FloatArray,
    Speech,
    join,
)
from avatar_engine.lips.echo import REST, Said, own_time
from avatar_engine.lips.motion import MotionStream

PHASES = 4
"""Mouth shapes are made four times a picture (every 10 ms), so that warping in time loses no closure."""


def coefficients(
    stream: MotionStream, said: Sequence[Said], neutral: FloatArray, frames: range
) -> FloatArray:
    """The shapes for the pictures ``frames`` of the clip, driven by the clone's own sound and phones.

    Args:
        stream: The lips that turn sound into shapes.
        said: What the clone says, in order; stretches do not overlap.
        neutral: float32 (coefficients,), the mouth at rest, between the stretches.
        frames: Which pictures; step 1.

    Returns:
        float32 (len(frames), coefficients).
    """
    out = np.repeat(neutral[None].astype(np.float32), len(frames), 0)
    middles = (np.arange(frames.start, frames.stop) + 0.5) / FRAME_RATE
    for index, piece in enumerate(said):
        # the silence between two stretches is shared out: each keeps what is nearer to it
        first = -np.inf if index == 0 else (said[index - 1].real[-1].end + piece.real[0].start) / 2
        last = np.inf if index == len(said) - 1 else (piece.real[-1].end + said[index + 1].real[0].start) / 2
        rows = np.flatnonzero((middles >= first) & (middles < last))
        if len(rows):
            out[rows] = _sampled(stream, piece.speech, own_time(piece, middles[rows]))
    return out


def _sampled(
    stream: MotionStream, speech: Speech, seconds: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """The clone's shapes at any times of its speech, linear between shapes 10 ms apart."""
    rest = Speech(np.zeros(int(REST * SAMPLE_RATE), np.float32))
    heard = join([rest, speech, rest])
    step = SAMPLES_PER_FRAME // PHASES
    later = [heard.part(phase * step, len(heard.samples)) for phase in range(PHASES)]
    phases = [stream.whole(part.samples, part.phones).coefficients for part in later]
    count = min(len(rows) for rows in phases)
    fine = np.stack([rows[:count] for rows in phases], 1).reshape(count * PHASES, -1)
    place = ((seconds + REST) * SAMPLE_RATE - SAMPLES_PER_FRAME / 2) / step
    place = np.clip(place, 0, len(fine) - 1)
    whole = np.minimum(place.astype(int), len(fine) - 2)
    share = (place - whole)[:, None]
    return np.asarray(fine[whole] * (1 - share) + fine[whole + 1] * share)
