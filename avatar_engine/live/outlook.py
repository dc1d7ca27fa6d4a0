"""What a show knows of the sound to come: where somebody speaks, and which words are stressed.

The lips follow the sound that is here; a nod or a gesture has to be prepared, and speech is made seconds ahead. A
syllable counts as stressed where its vowel is louder and longer than others of the last half minute, which tells
prominence better than pitch does (Kochanski, Grabe, Coleman and Rosner 2005). A gesture belongs to its beginning
(Leonard and Cummins 2011).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from avatar_engine.contracts import (
    FORESIGHT,
    NOTHING_KNOWN,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    FloatArray,
    Outlook,
    Phone,
)

if TYPE_CHECKING:  # which needs this module
    from avatar_engine.live.programme import Piece

VOWELS = frozenset("aeiouyøœæɐɑɒɔəɘɚɛɜɝɞɤɨɪɯɵɶʉʊʌʏᵊᵻAIOQWY")
"""How the symbols of vowels begin, the voice's own for diphthongs among them."""

REMEMBERED = 80
"""Vowels that others are compared with."""

FEWEST = 4
"""Vowels below which nothing can be said."""

STANDS_OUT = 0.8
"""How far loudness and length of a stressed vowel lie above the mean together, in standard deviations."""

APART = 0.45
"""Seconds between two stresses at least: of two that are closer the weaker one is none."""

HOP = SAMPLE_RATE // 100
"""Samples of a step in which the nuclei of syllables are sought where no phones are known."""


@runtime_checkable
class Foresees(Protocol):
    """A `SpeechSource` that shows what it will give."""

    def coming(self) -> Sequence[Piece]:
        """The pieces that are ready, in order; none of them is taken."""
        ...


def coming(source: object) -> Sequence[Piece]:
    """What a source shows of what it will give; nothing where it can't."""
    return source.coming() if isinstance(source, Foresees) else ()


class Prosody:
    """Finds stressed syllables, piece by piece, by what was heard before."""

    def __init__(self) -> None:
        self._heard: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)

    def stresses(self, samples: FloatArray, phones: Sequence[Phone]) -> tuple[int, ...]:
        """The samples at which stressed vowels of the next piece of speech begin."""
        vowels = list(_spoken(samples, phones) if phones else _nuclei(samples))
        features = [(_level(samples[start:stop]), float(np.log(stop - start))) for start, stop in vowels]
        self._heard.extend(features)
        if len(self._heard) < FEWEST or not vowels:
            return ()
        heard = np.array(self._heard)
        scores = ((np.array(features) - heard.mean(0)) / np.maximum(heard.std(0), (1.0, 0.1))).sum(1)
        found: list[int] = []
        for index in np.argsort(-scores):
            start = vowels[index][0]
            if scores[index] < STANDS_OUT:
                break
            if all(abs(start - other) >= APART * SAMPLE_RATE for other in found):
                found.append(start)
        return tuple(sorted(found))


class Ahead:
    """Makes the `Outlook` of a sound track."""

    def __init__(self) -> None:
        self._prosody = Prosody()
        self._known: deque[tuple[Piece, tuple[int, ...]]] = deque(maxlen=32)

    def outlook(
        self, pieces: Sequence[Piece], at: int, action: str = "", looks: tuple[str, ...] = ()
    ) -> Outlook:
        """What is known where ``pieces`` come next, of the first of which ``at`` samples were heard.

        ``action`` is called for, and ``looks`` will be worn.
        """
        if not pieces:
            return Outlook(action=action) if action else NOTHING_KNOWN
        speech = np.zeros(FORESIGHT, np.uint8)
        stresses: list[int] = []
        calls: list[tuple[int, str]] = []
        begin = -at
        for piece in pieces:
            if begin >= FORESIGHT * SAMPLES_PER_FRAME:
                break
            length = _length(piece)
            if not isinstance(piece.samples, int):
                speech[max(0, begin) // SAMPLES_PER_FRAME : -(-(begin + length) // SAMPLES_PER_FRAME)] = 1
                stresses += [begin + stress for stress in self._stresses(piece)]
                if piece.action and begin > 0:
                    calls.append((begin // SAMPLES_PER_FRAME, piece.action))
            begin += length
        known = min(FORESIGHT, max(0, begin) // SAMPLES_PER_FRAME)
        frames = (stress // SAMPLES_PER_FRAME for stress in stresses)
        stressed = tuple(frame for frame in frames if 0 <= frame < known)
        return Outlook(speech[:known].tobytes(), stressed, action, looks, tuple(calls))

    def _stresses(self, piece: Piece) -> tuple[int, ...]:
        for known, stresses in self._known:
            if known is piece:
                return stresses
        if isinstance(piece.samples, int):
            return ()
        found = self._prosody.stresses(piece.samples, getattr(piece, "phones", ()))
        self._known.append((piece, found))
        return found


def _length(piece: Piece) -> int:
    return piece.samples if isinstance(piece.samples, int) else len(piece.samples)


def _spoken(samples: FloatArray, phones: Sequence[Phone]) -> Iterator[tuple[int, int]]:
    for phone in phones:
        start, stop = round(phone.start * SAMPLE_RATE), round(phone.end * SAMPLE_RATE)
        if phone.symbol[:1] in VOWELS and 0 <= start < stop <= len(samples) + 1:
            yield start, stop


def _nuclei(samples: FloatArray) -> Iterator[tuple[int, int]]:
    """Where the sound is loudest between quieter moments: syllables, whose length is that of the loud part."""
    steps = len(samples) // HOP
    if steps < 8:
        return
    power = (samples[: steps * HOP].reshape(steps, HOP).astype(np.float64) ** 2).mean(1)
    smooth = np.convolve(power, np.hanning(9) / np.hanning(9).sum(), "same")
    loud = smooth > 0.1 * np.quantile(smooth, 0.95)
    peaks = np.flatnonzero((smooth[1:-1] >= smooth[:-2]) & (smooth[1:-1] > smooth[2:]) & loud[1:-1]) + 1
    for peak in peaks:
        inside = smooth > 0.5 * smooth[peak]
        start = stop = int(peak)
        while start > 0 and inside[start - 1]:
            start -= 1
        while stop < steps and inside[stop]:
            stop += 1
        yield start * HOP, stop * HOP


def _level(samples: FloatArray) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-10))
