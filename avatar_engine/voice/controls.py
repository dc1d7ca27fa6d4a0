"""How something is said: speed, pitch, melody, loudness, emotion and emphasis, as changes of a plan and its sound.

Durations and pitch are plain numbers between the network's predictor and its decoder, so they are changed there,
phone by phone, and the decoder makes one unbroken sound of them. Its energy input does little; loudness is a gain
on the sound. So is brightness: who speaks louder also speaks brighter (vocal effort tilts the spectrum: Traunmüller and
Eriksson 2000), and a warm voice is a little darker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from avatar_engine.contracts import CONTROL_LIMITS, SAMPLE_RATE, Controls, FloatArray
from avatar_engine.markup import EMPHASES, Manner
from avatar_engine.voice.network import LOWEST_PITCH, SAMPLES_PER_FEATURE, Plan
from avatar_engine.voice.phonemes import PUNCTUATION

Numbers = npt.NDArray[np.float64]

EARLY = 4
"""Columns (12.5 ms) by which the sound of a phone comes before its place in the plan."""

_SMOOTH = 9
"""Columns over which a change spreads, so that neither pitch nor loudness steps."""

_PITCHES = (55.0, 620.0)
"""Hz between which every pitch is kept."""

_KNEE = 0.8
"""Peak above which sound that was made louder bends instead of breaking off at 1."""

_EDGE = 2000.0
"""Hz about which brightness tilts."""


@dataclass(frozen=True, slots=True)
class Emotion:
    """What an emotion adds to the controls.

    Attributes:
        speed: Factor of the rate.
        pitch: Semitones.
        range: Factor of the melody's spread.
        energy: dB.
        bright: dB of what lies above 2 kHz.
        fall: Semitones by which the melody falls from a sentence's first to its last sound, beside its own fall.
        pause: Factor of the pauses.
    """

    speed: float = 1.0
    pitch: float = 0.0
    range: float = 1.0
    energy: float = 0.0
    bright: float = 0.0
    fall: float = 0.0
    pause: float = 1.0


PRESETS: Mapping[str, Emotion] = {
    "neutral": Emotion(),
    "warm": Emotion(speed=0.94, pitch=-0.8, range=1.0, energy=-1.5, bright=-3.0, pause=1.1),
    "excited": Emotion(speed=1.12, pitch=2.2, range=1.35, energy=3.0, bright=2.0, pause=0.7),
    "calm": Emotion(speed=0.87, pitch=-1.2, range=0.7, energy=-3.0, bright=-2.0, pause=1.4),
    "serious": Emotion(speed=0.93, pitch=-1.8, range=0.6, energy=1.0, bright=1.0, fall=0.8, pause=1.2),
}


@dataclass(frozen=True, slots=True)
class Stress:
    """What emphasis adds on a word: semitones, factor of its length, dB."""

    pitch: float = 0.0
    length: float = 1.0
    energy: float = 0.0


_STRESSES = (Stress(), Stress(-1.0, 0.9, -2.5), Stress(2.0, 1.2, 2.5), Stress(3.0, 1.35, 3.5))
STRESSES: Mapping[str, Stress] = dict(zip(EMPHASES, _STRESSES, strict=True))


@dataclass(frozen=True, slots=True)
class Shape:
    """How the tokens of a sentence are said, one value a token, the padding at both ends included.

    Attributes:
        speed: What the network is asked for; the rate of most of the sentence.
        length: Factor of the token's length on top of it.
        pitch: Semitones.
        range: Factor of the melody's spread.
        energy: dB.
        bright: dB above 2 kHz.
        pause: Factor of the pause after the sentence.
    """

    speed: float
    length: Numbers
    pitch: Numbers
    range: Numbers
    energy: Numbers
    bright: Numbers
    pause: float


def resolved(controls: Controls) -> Emotion:
    """What ``controls`` come to with their emotion, kept where every word stays."""
    preset = PRESETS[controls.emotion]
    low, high = CONTROL_LIMITS["speed"]
    return replace(
        preset,
        speed=min(high, max(low, controls.speed * preset.speed)),
        pitch=min(5.0, max(-5.0, controls.pitch + preset.pitch)),
        range=min(1.8, max(0.3, controls.range * preset.range)),
        energy=controls.energy + preset.energy,
    )


def shape(said: str, manners: Sequence[Manner]) -> Shape:
    """The shape of a sentence of phonemes ``said``, each in its manner."""
    each = [resolved(manner.controls) for manner in manners]
    stress = [STRESSES[manner.emphasis] for manner in manners]
    rates = [one.speed for one in each]
    speed = max(set(rates), key=rates.count)
    silent = [letter in PUNCTUATION for letter in said]
    falls = np.array([one.fall for one in each]) * (0.5 - np.linspace(0, 1, len(each)))
    length = [
        speed / one.speed * (one.pause if quiet else word.length)
        for one, word, quiet in zip(each, stress, silent, strict=True)
    ]
    return Shape(
        speed,
        _padded(length),
        _padded([one.pitch + word.pitch for one, word in zip(each, stress, strict=True)] + falls),
        _padded([one.range for one in each]),
        _padded([one.energy + word.energy for one, word in zip(each, stress, strict=True)]),
        _padded([one.bright for one in each]),
        each[-1].pause,
    )


def _padded(values: Sequence[float] | Numbers) -> Numbers:
    return np.pad(np.asarray(values, np.float64), 1, mode="edge")


def shaped(plan: Plan, shape: Shape) -> Plan:
    """``plan`` said in another shape: lengths first, then the melody on the new lengths."""
    plan = stretched(plan, shape.length)
    pitch, spread = columns(shape.pitch, plan), columns(shape.range, plan)
    voiced = plan.pitch[0] > LOWEST_PITCH
    if not voiced.any() or (not pitch.any() and np.all(spread == 1)):
        return plan
    tone = np.log2(plan.pitch[0][voiced])
    middle = tone.mean()
    tone = middle + (tone - middle) * spread[voiced] + pitch[voiced] / 12
    new = plan.pitch.copy()
    new[0, voiced] = np.clip(np.exp2(tone), *_PITCHES)
    return replace(plan, pitch=new)


def stretched(plan: Plan, factors: Numbers) -> Plan:
    """``plan`` with every token ``factors`` times as long (one a token, padding included), to a whole frame.

    What is rounded off one token goes to the next, so a sentence is as long as asked.
    """
    if np.all(factors == 1):
        return plan
    ends = np.rint(np.cumsum(plan.frames * factors)).astype(np.int64)
    frames = np.maximum(np.diff(ends, prepend=0), np.minimum(plan.frames, 1))
    old, new = (np.cumsum(counts) - counts for counts in (plan.frames, frames))
    token = np.repeat(np.arange(len(frames)), frames)
    scale = plan.frames / np.maximum(frames, 1)
    within = np.arange(len(token)) - new[token]
    source = old[token] + np.floor((within + 0.5) * scale[token]).astype(np.int64)
    half = np.repeat(token, 2)
    place = 2 * old[half] + (np.arange(len(half)) - 2 * new[half] + 0.5) * scale[half] - 0.5
    return Plan(plan.text[:, :, source], _between(plan.pitch, place), _between(plan.energy, place), frames)


def _between(curve: FloatArray, place: Numbers) -> FloatArray:
    """``curve`` (1, n) at fractional places; never half way between a voice and none."""
    row = curve[0]
    place = np.clip(place, 0, len(row) - 1)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, len(row) - 1)
    share = place - below
    mixed = row[below] * (1 - share) + row[above] * share
    whole = (row[below] > LOWEST_PITCH) == (row[above] > LOWEST_PITCH)
    nearest = row[np.where(share < 0.5, below, above)]
    return np.asarray(np.where(whole, mixed, nearest), np.float32)[None]


def columns(values: Numbers, plan: Plan) -> Numbers:
    """One value a token as one a column of 12.5 ms, where the token is heard, without a step."""
    if np.all(values == values[0]):
        return np.full(plan.pitch.shape[1], values[0])
    steps = np.repeat(values, 2 * plan.frames)
    steps = np.concatenate([steps[EARLY:], np.full(EARLY, steps[-1])])
    room = np.pad(steps, _SMOOTH // 2, mode="edge")
    return np.convolve(room, np.full(_SMOOTH, 1 / _SMOOTH), "valid")


@dataclass(frozen=True, slots=True)
class Level:
    """Loudness and brightness of a sentence: dB, one a column of 12.5 ms."""

    energy: Numbers
    bright: Numbers

    @classmethod
    def of(cls, shape: Shape, plan: Plan) -> Level | None:
        """The level of the shaped ``plan``; None where nothing changes."""
        if not shape.energy.any() and not shape.bright.any():
            return None
        return cls(columns(shape.energy, plan), columns(shape.bright, plan))

    def apply(self, sound: FloatArray, at: int, state: float) -> tuple[FloatArray, float]:
        """``sound``, which begins at sample ``at`` of the sentence, at this level.

        ``state`` is the filter's, 0 at the sentence's first piece; the new one is returned with the sound.
        """
        where = np.arange(at, at + len(sound)) / SAMPLES_PER_FEATURE - 0.5
        grid = np.arange(len(self.energy))
        gain, bright = (10 ** (np.interp(where, grid, of) / 20) for of in (self.energy, self.bright))
        keep = np.exp(-2 * np.pi * _EDGE / SAMPLE_RATE)
        low, last = lfilter([1 - keep], [1, -keep], sound.astype(np.float64), zi=[state])
        louder = (low + bright * (sound - low)) * gain
        return limited(louder), float(last[0])


def limited(sound: Numbers) -> FloatArray:
    """Peaks above 0.8 bent towards 1, the rest as it is."""
    peak = np.abs(sound)
    bent = _KNEE + (1 - _KNEE) * np.tanh((peak - _KNEE) / (1 - _KNEE))
    return np.asarray(np.where(peak > _KNEE, np.copysign(bent, sound), sound), np.float32)
