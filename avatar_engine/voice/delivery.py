"""How somebody speaks, a person or a clone: how high, with how much melody, how fast and how loud."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from avatar_engine.contracts import SAMPLE_RATE, SILENCE, FloatArray, Speech
from avatar_engine.media import level
from avatar_engine.voice import align, phonemes, pitch, text
from avatar_engine.voice.melody import melody

LOWEST = 60.0
"""Hz at the lower edge of the first bin of `Delivery.pitches`; every bin is a semitone wide."""

BINS = 36

_REST = np.zeros(SAMPLE_RATE * 3 // 10, np.float32)
_LEAST = 0.4  # seconds of speech under which nothing has a pace


@dataclass(frozen=True, slots=True)
class Delivery:
    """How something is said.

    Attributes:
        pitch: Median fundamental frequency in Hz; None where nothing is voiced.
        spread: Deviation of the pitch in semitones, by ranks (`melody.Melody`); None where nothing is voiced.
        pace: Phones a second of speech, pauses left out; None where no phones are known.
        loudness: Integrated loudness in LUFS.
        seconds: Seconds of speech, pauses left out.
        pitches: Share of the voiced time in each of `BINS` semitones from `LOWEST`.
        paces: The pace of every sentence.
    """

    pitch: float | None
    spread: float | None
    pace: float | None
    loudness: float
    seconds: float
    pitches: tuple[float, ...] = ()
    paces: tuple[float, ...] = ()


def delivery(pieces: Sequence[FloatArray], phones: Sequence[int] = ()) -> Delivery:
    """How sentences are said.

    Args:
        pieces: float32 (n,) at 24 kHz each, a sentence or a stretch of a recording.
        phones: How many phones there are in each; where none are given, no pace is known.
    """
    whole = np.concatenate([part for piece in pieces for part in (piece, _REST)] or [_REST])
    curve = pitch.pitch(whole)
    heard, tones = melody(curve), np.asarray(12 * np.log2(curve[curve > 0] / LOWEST), np.float32)
    counts, _ = np.histogram(tones, BINS, (0, BINS))
    seconds = [speech_seconds(piece) for piece in pieces]
    timed = [(n, took) for n, took in zip(phones, seconds, strict=bool(phones)) if took >= _LEAST]
    total = sum(took for _, took in timed)
    return Delivery(
        heard.middle if heard else None,
        heard.spread if heard else None,
        sum(n for n, _ in timed) / total if total else None,
        level.loudness(whole),
        sum(seconds),
        tuple(round(float(n) / max(1, len(tones)), 4) for n in counts),
        tuple(round(n / took, 2) for n, took in timed),
    )


def speech_seconds(samples: FloatArray) -> float:
    """Seconds in which somebody speaks: pauses from 100 ms on are left out."""
    spans = align.speech_spans(np.concatenate([_REST, samples, _REST]), pause=0.1, margin=0.03)
    return sum(stop - start for start, stop in spans) / SAMPLE_RATE


def phones_of(words: str, language: str, spelled: Callable[[str, str], str]) -> int:
    """How many phones the words have; diphthongs and affricates are one.

    Args:
        words: As written.
        language: BCP 47 tag.
        spelled: The network's phonemes of a plain sentence in a language (`Voice.phonemes`).
    """
    said = " ".join(spelled(sentence, language) for sentence in text.say(words, language))
    marks = phonemes.STRESS | phonemes.LENGTHENING | phonemes.PUNCTUATION | {" "}
    return sum(letter not in marks for letter in said)


def phones_in(speech: Speech) -> int:
    """How many phones a made speech has."""
    return sum(phone.symbol != SILENCE for phone in speech.phones)
