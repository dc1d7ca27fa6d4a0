"""What is in a sound that no voice has put there: clicks, buzz, noise in the pauses, clipping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import soxr
from scipy.ndimage import maximum_filter1d
from scipy.signal import butter, sosfiltfilt

from avatar_engine.contracts import SAMPLE_RATE, FloatArray
from avatar_engine.voice import align, pitch
from avatar_engine.voice.network import SAMPLES_PER_FEATURE

CLICK = 2.5
"""How far a step stands out that counts as a click: speech stays below 2."""

FULL = 0.999
"""What counts as clipped, of full scale."""

SILENT = -96.0
"""dB that are given where a pause is digital silence."""

_NEAR, _OWN = (
    SAMPLE_RATE // 100,
    3,
)  # samples around a step that it is compared with, and that are the step itself
_AUDIBLE = 0.1  # of the sharp steps of the same sound: what is fainter is not heard beside them
_BUZZ = (1500.0, 4000.0)
_FINE = 2  # times the sampling rate in which periods are laid on one another
_EDGE = SAMPLE_RATE // 20  # of a pause, in which words die away and begin
_QUIET = 0.2  # share of a pause's moments that are not louder than its noise: the rest is breath and echo
_REST = np.zeros(SAMPLE_RATE * 3 // 10, np.float32)


@dataclass(frozen=True, slots=True)
class Artefacts:
    """What a sound has of each.

    Attributes:
        click: How far the sharpest step of a sentence stands out, mean of the sentences (see `click`).
        clicks: Steps a minute that stand alone by more than `CLICK`.
        harmonicity: How much louder the voice's periods are than what does not return with them, between 1.5 and 4
            kHz, in dB: higher than the person's is a buzz, lower is hoarse. None where nothing is voiced.
        noise: Level in the pauses (200 ms and more) against that of the speech, in dB; None where there is none.
        clipped: Samples a minute at full scale.
    """

    click: float
    clicks: float
    harmonicity: float | None
    noise: float | None
    clipped: float


def artefacts(pieces: Sequence[FloatArray]) -> Artefacts:
    """The artefacts of sentences, float32 (n,) at 24 kHz each."""
    pieces = [piece for piece in pieces if len(piece) > 2 * _NEAR]
    minutes = max(sum(map(len, pieces)) / SAMPLE_RATE / 60, 1e-9)
    steps = [standing_out(piece) for piece in pieces]
    harmonic = np.concatenate([harmonicity(piece) for piece in pieces] or [np.zeros(0)])
    noises = [found for piece in pieces if (found := noise(piece)) is not None]
    return Artefacts(
        float(np.mean([click(piece) for piece in pieces])) if pieces else 0.0,
        sum(_apart(found > CLICK) for found in steps) / minutes,
        float(np.median(harmonic)) if len(harmonic) else None,
        float(np.median(noises)) if noises else None,
        sum(int((np.abs(piece) >= FULL).sum()) for piece in pieces) / minutes,
    )


def click(samples: FloatArray) -> float:
    """How far the sharpest step stands out: its second difference against the largest within 10 ms on either side.

    Speech has such steps side by side, and stays below 2; a click in a vowel or in silence has one alone. A click as
    faint as the loudest hiss of the same sentence is not seen.
    """
    return float(standing_out(samples)[int(np.argmax(_sharpness(samples)))])


def standing_out(samples: FloatArray) -> npt.NDArray[np.float64]:
    """Every second difference of float32 (n,) against the largest around it: float64 (n - 2,); 0 for faint ones."""
    sharp = _sharpness(samples)
    reach = _NEAR - _OWN
    shift = (_NEAR + _OWN) // 2 + 1  # of the middle of the stretch before a step, and of the one after it
    before = maximum_filter1d(np.pad(sharp, (shift, 0)), reach, mode="constant")[: len(sharp)]
    after = maximum_filter1d(np.pad(sharp, (0, shift)), reach, mode="constant")[shift:]
    loud = sharp > _AUDIBLE * np.quantile(sharp, 0.999)
    return np.where(loud, sharp / np.maximum(np.maximum(before, after), 1e-6), 0.0)


def _sharpness(samples: FloatArray) -> npt.NDArray[np.float64]:
    return np.abs(np.diff(samples.astype(np.float64), 2))


def _apart(where: npt.NDArray[np.bool_]) -> int:
    """How many places there are, neighbours within 3 samples being one."""
    places = np.flatnonzero(where)
    return int((np.diff(places) > _OWN).sum() + 1) if len(places) else 0


def harmonicity(samples: FloatArray) -> npt.NDArray[np.float64]:
    """Harmonics to noise between 1.5 and 4 kHz in dB, one value for every fourth voiced column (50 ms).

    Each period is laid on the next one at the lag where they are most alike (Boersma 1993, "Accurate short-term
    analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled sound").
    """
    if len(samples) < SAMPLE_RATE // 5:
        return np.zeros(0)
    curve = pitch.pitch(samples)
    fine = soxr.resample(samples.astype(np.float64), SAMPLE_RATE, _FINE * SAMPLE_RATE)
    band = butter(4, np.array(_BUZZ) * 2 / (_FINE * SAMPLE_RATE), "band", output="sos")
    fine = sosfiltfilt(band, fine)
    found = []
    for column in np.flatnonzero(curve > 0)[::4]:
        period = round(_FINE * SAMPLE_RATE / float(curve[column]))
        at = int(column) * SAMPLES_PER_FEATURE * _FINE
        slack = max(2, period // 20)
        if at < period or at + 2 * period + slack > len(fine):
            continue
        one = fine[at : at + period]
        windows = np.lib.stride_tricks.sliding_window_view(
            fine[at + period - slack : at + 2 * period + slack], period
        )
        power = np.sqrt((one @ one) * (windows**2).sum(1)) + 1e-12
        alike = float(np.clip((windows @ one / power).max(), 1e-3, 1 - 1e-4))
        found.append(10 * np.log10(alike / (1 - alike)))
    return np.array(found)


def noise(samples: FloatArray) -> float | None:
    """Level in the pauses within float32 (n,) against that of its speech, in dB; None where it has no pause."""
    sound = np.concatenate([_REST, samples, _REST])
    spans = align.speech_spans(sound, pause=0.2, margin=0.0)
    gaps = [
        sound[stop + _EDGE : start - _EDGE]
        for (_, stop), (start, _) in pairwise(spans)
        if start - stop > 4 * _EDGE
    ]
    if not gaps:
        return None
    said = np.concatenate([sound[start:stop] for start, stop in spans])
    size = SAMPLE_RATE // 100
    powers = np.concatenate(
        [np.square(gap[: len(gap) // size * size].reshape(-1, size)).mean(1) for gap in gaps]
    )
    heard = powers[powers > 0]
    if not len(heard):
        return SILENT
    return max(SILENT, float(10 * np.log10(np.quantile(heard, _QUIET) / np.mean(np.square(said)))))
