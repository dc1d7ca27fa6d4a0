"""The register that a person speaks in: where the melody lies, and how wide it is.

Both are told by ranks: where a tracker slips by an octave, in creak for one, a mean and a deviation follow the slips.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from avatar_engine.contracts import FloatArray, Utterance
from avatar_engine.voice import pitch as tracks
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.speak import Voice, say

SPREADS = (0.5, 1.6)
"""Factors between which a network's melody is narrowed or widened: within them it is heard as speech."""

_FURTHEST = 0.6
"""Most that the network's own pitch is shifted, as a logarithm: ten semitones."""

_NORMAL = 2.563
"""Distance from the tenth to the ninetieth percentile of a normal distribution, in deviations."""


@dataclass(frozen=True, slots=True)
class Melody:
    """How somebody's pitch is distributed.

    Attributes:
        middle: Median in Hz.
        spread: Width in semitones: the deviation of a normal distribution as wide from the 10th to the 90th percentile.
    """

    middle: float
    spread: float


def melody(pitch: FloatArray) -> Melody | None:
    """The melody of a tracked ``pitch`` (n,) in Hz, 0 where there is no voice; None where there is none anywhere."""
    voiced = pitch[pitch > 0]
    if len(voiced) < 2:
        return None
    low, middle, high = np.quantile(np.log2(voiced), (0.1, 0.5, 0.9))
    return Melody(float(2**middle), float(12 * (high - low) / _NORMAL))


def towards(now: tuple[float, float], own: Melody, person: Melody) -> tuple[float, float]:
    """The register (shift of the log pitch, factor of its spread) that brings ``own``, heard with ``now``, to
    ``person``."""
    shift = now[0] + math.log(person.middle / own.middle)
    spread = now[1] * person.spread / max(own.spread, 0.1)
    return (
        float(np.clip(shift, -_FURTHEST, _FURTHEST)),
        float(np.clip(spread, *SPREADS)),
    )


def settled(pack: VoicePack, person: Melody | None, sentences: Sequence[str]) -> VoicePack:
    """``pack`` with the register in which it is heard where the person is: it says the sentences and is measured.

    A network's own numbers do not tell: what a tracker hears of its voice is a tenth higher, and a narrower style
    than its own moves it again.
    """
    if person is None or not sentences:
        return pack
    voice = Voice(pack, pack.language)
    try:
        sounds = [say(voice, Utterance(sentence, pack.language)).samples for sentence in sentences]
    finally:
        voice.close()
    heard = melody(np.concatenate([tracks.pitch(sound) for sound in sounds]))
    if heard is None:
        return pack
    shift, spread = pack.meta["pitch"]
    return replace(pack, meta={**pack.meta, "pitch": list(towards((shift, spread), heard, person))})
