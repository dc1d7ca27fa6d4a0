"""What words sound like, about, and when each of their phones comes, without their sound: for the aligner.

The generator, nine tenths of the network's cost, turns features into sound. One matrix turns the same features into
the sound's lowest mel cepstra, near enough to warp a recording onto them (`features`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from safetensors.numpy import load_file

from avatar_engine import models
from avatar_engine.contracts import SAMPLE_RATE, SILENCE, FloatArray, Phone, Utterance, phones_within
from avatar_engine.errors import AvatarError
from avatar_engine.voice import phonemes, recorded, text
from avatar_engine.voice.lexicon import Lexicon
from avatar_engine.voice.network import MAX_TOKENS, SAMPLES_PER_FEATURE, Planner
from avatar_engine.voice.pack import VoicePack
from avatar_engine.voice.pitch import mel_cepstra
from avatar_engine.voice.speak import timed

VOICE = "af_heart"
"""The stock voice in which all is planned, whoever speaks in the end: the matrix was fitted to it."""

MATRIX = "kokoro-outlines.safetensors"
"""float32 (513, 6), ``cepstra``: from the generator's 512 features, and a one, to mel cepstra."""

CEPSTRA = 6
"""Of the higher ones nothing is the same in two people's mouths (correlation below 0.2)."""

WEIGHTS = np.array([0.9, 0.9, 0.5, 0.5, 0.55, 0.25, 0.8, 0.8, 0.45, 0.45, 0.4, 0.4], np.float32)
"""How far the cepstra, and then their slopes, of an outline and of another speaker go together: their correlation over
eight sentences of two men. Weighed so, sounds fall into place three times nearer than unweighed."""

_STEP = SAMPLES_PER_FEATURE / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class Outline:
    """Words without their sound.

    Attributes:
        features: float32 (n, 12), 80 rows a second (`features`).
        phones: The phones, timed from the first row.
    """

    features: FloatArray
    phones: tuple[Phone, ...]


class Outliner:
    """Outlines texts.

    Args:
        lexicon: The user's pronunciations.

    Raises:
        AvatarError: The network's weights are not here.
    """

    def __init__(self, lexicon: Lexicon | None = None) -> None:
        self._lexicon = lexicon
        self._network = Planner(VoicePack.stock(VOICE).style)
        self._matrix = load_file(str(models.shipped(MATRIX)))["cepstra"]
        self._phonemizers: dict[str, phonemes.Phonemizer] = {}

    def outline(self, utterance: Utterance) -> Outline:
        """The outline of ``utterance``, at its speed.

        Raises:
            AvatarError: There is nothing to say, or the language is not one that the engine speaks.
        """
        pieces = text.spoken(utterance.text, utterance.language, self._lexicon)
        parts = [self._part(words, language, utterance.controls.speed) for words, language in pieces]
        if not parts:
            raise AvatarError(f"There is nothing to say in {utterance.text[:60]!r}.", "Write some words.")
        phones: list[Phone] = []
        rows = 0
        for cepstra, known in parts:
            at = rows * _STEP
            phones += [Phone(phone.symbol, phone.start + at, phone.end + at) for phone in known]
            rows += len(cepstra)
        return Outline(features(np.concatenate([cepstra for cepstra, _ in parts])), tuple(phones))

    def close(self) -> None:
        """End the phoneme processes."""
        for phonemizer in self._phonemizers.values():
            phonemizer.close()
        self._phonemizers.clear()

    def _part(self, words: str, language: str, speed: float) -> tuple[FloatArray, tuple[Phone, ...]]:
        """Cepstra as they are, float32 (n, 6), and phones of one sentence, silence around it cut."""
        if language not in self._phonemizers:
            self._phonemizers[language] = phonemes.Phonemizer(language)
        said = self._phonemizers[language].phonemes(words)
        if not said or len(said) > MAX_TOKENS - 1:
            raise AvatarError(f"{len(said)} phonemes are no sentence.", "Write shorter sentences.")
        if said[-1] not in phonemes.PUNCTUATION:  # without a mark the network swallows the last phone
            said += "."
        plan = self._network.plan(phonemes.tokens(said), speed)
        given = self._network.features(plan).features[0].T
        low = given @ self._matrix[:-1] + self._matrix[-1]
        phones = timed(said, plan.frames)
        spoken = [phone for phone in phones if phone.symbol != SILENCE]
        if not spoken:
            raise AvatarError(f"No phone is known of {words[:60]!r}.", "Write some words.")
        first = max(0, int((spoken[0].start - recorded.RIM) / _STEP))
        last = min(len(low), int((spoken[-1].end + recorded.RIM) / _STEP) + 1)
        inside = phones_within(phones, first * SAMPLES_PER_FEATURE, (last - first) * SAMPLES_PER_FEATURE)
        return np.asarray(low[first:last], np.float32), tuple(inside)


def features(cepstra: FloatArray) -> FloatArray:
    """What the same words have in common whoever says them: float32 (n, 12).

    Mel cepstra and their slopes over 50 ms (Furui 1986), the voice's mean and spread taken away, weighed by `WEIGHTS`.

    Args:
        cepstra: float32 (n, 6), 80 rows a second.
    """
    around = np.pad(cepstra, ((2, 2), (0, 0)), mode="edge")
    slopes = (2 * (around[4:] - around[:-4]) + around[3:-1] - around[1:-3]) / 10
    both = np.concatenate([cepstra, slopes], axis=1)
    return np.asarray((both - both.mean(0)) / (both.std(0) + 1e-3) * WEIGHTS, np.float32)


def heard(samples: FloatArray) -> FloatArray:
    """`features` of a sound: float32 (n // 300, 12)."""
    return features(mel_cepstra(samples, CEPSTRA))
