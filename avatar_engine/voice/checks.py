"""Is what was planned, and then what was made of it, speech? Plain figures, cheap enough to look at all of it.

A plan is judged before there is any sound: how long its phones are, and how high. Sound is judged piece by piece before
it is given away. The limits lie well outside of all that good speech was measured to do (docs/measurements-voice.md,
"On air"), so that what is found is a fault and no taste.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import SAMPLE_RATE, SILENCE, FloatArray, Phone
from avatar_engine.voice.languages import HAN, KANA

KINDS = ("length", "pitch", "numbers", "clipping", "silence", "noise", "step", "words")
"""What can be wrong, by name: in the log, the status and the counts."""

Columns = npt.NDArray[np.bool_]

COLUMN = SAMPLE_RATE // 80
"""Samples (12.5 ms) of one column: every figure of a sound is of such columns."""

VOWELS = frozenset("aeiouyæøœɐɑɒɔɘəɚɛɜɤɪɯɵɶʉʊʌʏᵊᵻɨ")

_LENGTH, _SLACK = (0.5, 2.0), 0.7
"""How long a sentence takes against what its phones take in this voice; and seconds more or less, for a phone alone is
held."""

_LONGEST = 14.0
"""How long one phone may last, in phones."""

_MEDIAN, UNVOICED = (50.0, 480.0), 40.0
"""Hz between which the median pitch of a sentence lies, whoever speaks; and Hz that mean that there is no voice."""

_FULL, _CLIPPED = 0.985, 0.01
"""Where full scale begins, and the share of a piece that may lie there."""

_SHORTEST = SAMPLE_RATE // 4
"""Samples that a share is taken of at least."""

_QUIET, _FAINT = -52.0, -38.0
"""dB under which nothing is heard, and under which a vowel that dies away may be all breath."""

_HEARD, _SHORT = 0.4, 0.3
"""Share of the time that a sentence was to take in which something is heard, and seconds less."""

_VOWELS_NEEDED = 6
"""Columns with a vowel from which a piece is judged by them."""

_FLAT, _FLAT_LOUD = 0.12, 0.35
"""Spectral flatness from which what is said is noise or buzz, in vowels with a voice, and in all that is loud where no
phones are known: 0 is a tone, white noise 0.56."""

_SPEECH, _RANGE, _LOUD_NEEDED = -40.0, 20.0, 40
"""Where no phones are known: dB above which, and under the loudest, somebody speaks; and how many such columns are
needed."""

_REST, _MOST, _LEAST, _FEW = 4.0, 0.4, 0.02, 10
"""For a text whose phones are not known: seconds, and seconds a letter, that it takes at most; seconds a letter that
are heard at least, and letters that may be none (a mark, an emoji)."""

_BAND = slice(2, 100)  # of 300 samples' spectrum: from 160 Hz to 8 kHz

_STEP = 0.3
"""By how much a step between two pieces may be more than twice the largest near it."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong: one of `KINDS`, the value that was measured, and the limit that it broke."""

    kind: str
    value: float
    limit: float

    def __str__(self) -> str:
        return f"{self.kind} {self.value:.3g} (limit {self.limit:.3g})"


class FaultError(Exception):
    """Something must not be heard."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def refuse(fault: Fault | None) -> None:
    """Raise a fault, if there is one.

    Raises:
        FaultError: There is.
    """
    if fault:
        raise FaultError(fault)


def _outside(kind: str, value: float, limits: tuple[float, float]) -> Fault | None:
    """The fault of a value that is not between two limits; NaN is not."""
    least, most = limits
    if least <= value <= most:
        return None
    return Fault(kind, value, least if value < least else most)


def length(phones: Sequence[Phone], per_phone: float, speed: float) -> Fault | None:
    """What is wrong with the lengths of a sentence's planned ``phones``.

    Args:
        phones: With their times.
        per_phone: Seconds that a phone takes in this voice, at speed 1.
        speed: The rate that was asked for.
    """
    lengths = speed * np.array([phone.end - phone.start for phone in phones if phone.symbol != SILENCE])
    if not len(lengths):
        return None
    least, most = (per_phone * len(lengths) * share for share in _LENGTH)
    whole = _outside("length", float(lengths.sum()), (least - _SLACK, most + _SLACK))
    return whole or _outside("length", float(lengths.max()), (0.0, _LONGEST * per_phone))


def pitch(curve: FloatArray) -> Fault | None:
    """What is wrong with a sentence's planned pitch, float32 (columns,) in Hz; `UNVOICED` or less for no voice."""
    if not np.isfinite(curve).all():
        return Fault("numbers", float(np.count_nonzero(~np.isfinite(curve))), 0.0)
    voiced = curve[curve > UNVOICED]
    return _outside("pitch", float(np.median(voiced)), _MEDIAN) if len(voiced) else None


def sound(samples: FloatArray, said: Columns | None = None) -> Fault | None:
    """What is wrong with a piece of sound.

    Args:
        samples: float32 (n,) at `SAMPLE_RATE`.
        said: Its columns in which a vowel is said with a voice (`vowels`); None where that is not known.
    """
    return _numbers(samples) or _clipping(samples) or _speech(samples, said)


def _numbers(samples: FloatArray) -> Fault | None:
    if np.isfinite(samples).all():
        return None
    return Fault("numbers", float(np.count_nonzero(~np.isfinite(samples))), 0.0)


def _clipping(samples: FloatArray) -> Fault | None:
    full = float(np.count_nonzero(np.abs(samples) >= _FULL)) / max(len(samples), _SHORTEST)
    return Fault("clipping", full, _CLIPPED) if full > _CLIPPED else None


def _speech(samples: FloatArray, said: Columns | None) -> Fault | None:
    """Silence or noise where a vowel is said; noise where most is loud, if what is said is not known."""
    columns = samples[: len(samples) // COLUMN * COLUMN].reshape(-1, COLUMN)
    level = levels(columns)
    limit = _FLAT_LOUD if said is None else _FLAT
    if said is not None:
        said = said[: len(columns)]
        if np.count_nonzero(said) < _VOWELS_NEEDED:
            return None
        if (loud := float(np.quantile(level[said], 0.75))) < _QUIET:
            return Fault("silence", loud, _QUIET)
        if loud < _FAINT:
            return None
    else:  # Most of what is loud in speech is vowels.
        said = level > max(_SPEECH, np.max(level, initial=_QUIET) - _RANGE)
        if np.count_nonzero(said) < _LOUD_NEEDED:
            return None
    # The clearest quarter: beside an f or an s half of a short vowel is noise, and of noise no part is clear.
    flat = float(np.quantile(flatness(columns[said]), 0.25))
    return Fault("noise", flat, limit) if flat > limit else None


def whole(samples: FloatArray, seconds: float) -> Fault | None:
    """What is wrong with the sound of a whole sentence, which was to take ``seconds`` without its pauses.

    Its peaks may lie near full scale: where more energy was asked for they are bent (`controls.limited`).
    """
    heard, limit = loud(samples), _HEARD * seconds - _SHORT
    wrong = _numbers(samples) or _speech(samples, None)
    return wrong or (Fault("silence", heard, limit) if heard < limit else None)


def levels(columns: FloatArray) -> npt.NDArray[np.float64]:
    """dB of each row of samples."""
    return np.asarray(10 * np.log10(np.mean(np.square(columns, dtype=np.float64), axis=1) + 1e-12))


def loud(samples: FloatArray) -> float:
    """Seconds in which something is heard."""
    columns = samples[: len(samples) // COLUMN * COLUMN].reshape(-1, COLUMN)
    return int(np.count_nonzero(levels(columns) > _SPEECH)) * COLUMN / SAMPLE_RATE


def letters(text: str) -> int:
    """How long a text is, in letters; a figure is said as long as four, and so are a Chinese character and a kana."""
    return len(text) + 3 * len(re.findall(rf"[\d{HAN}{KANA}]", text))


def too_long(seconds: float, count: int, speed: float) -> Fault | None:
    """What is wrong with so much sound, pauses and all, for a text of ``count`` letters."""
    limit = (_REST + _MOST * count) / speed
    return Fault("length", seconds, limit) if seconds > limit else None


def too_short(seconds: float, count: int, speed: float) -> Fault | None:
    """What is wrong with so few seconds in which something is heard."""
    limit = (_LEAST * (count - _FEW)) / speed
    return Fault("length", seconds, limit) if seconds < limit else None


def vowels(phones: Sequence[Phone], columns: int) -> Columns:
    """The columns (`COLUMN`) of a sentence in which nothing but a vowel is said, the edges of the phone left out."""
    said = np.zeros(columns, np.bool_)
    for phone in phones:
        if phone.symbol[:1] in VOWELS:
            scale = SAMPLE_RATE / COLUMN
            said[int(np.ceil(phone.start * scale)) + 1 : max(0, int(phone.end * scale) - 1)] = True
    return said


def flatness(columns: FloatArray) -> npt.NDArray[np.float64]:
    """Spectral flatness of each row of samples, from 0.2 to 8 kHz: geometric by arithmetic mean of its power."""
    power = np.square(np.abs(np.fft.rfft(columns * np.hanning(columns.shape[1]), axis=1)[:, _BAND])) + 1e-12
    return np.asarray(np.exp(np.mean(np.log(power), axis=1)) / np.mean(power, axis=1))


def step(before: FloatArray, after: FloatArray) -> Fault | None:
    """What is wrong with the seam between two pieces of sound: a jump that no sample near it makes."""
    if not len(before) or not len(after):
        return None
    near = np.abs(np.diff(np.concatenate([before[-COLUMN:], after[:COLUMN]])))
    seam = min(len(before), COLUMN) - 1
    limit = _STEP + 2 * float(np.max(np.delete(near, seam), initial=0.0))
    return Fault("step", float(near[seam]), limit) if near[seam] > limit else None
