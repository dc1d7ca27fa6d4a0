"""Deterministic voices; apart from the other stand-ins, so that a voice's process starts fast."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from avatar_engine.contracts import SAMPLE_RATE, FloatArray, Phone, Speech, Utterance
from avatar_engine.show.script import Pause


class ListedDirector:
    def __init__(self, items: Sequence[Utterance | Pause]) -> None:
        self.generation = 0
        self.seconds: list[float] = []
        self._items = list(items)

    def next(self) -> Utterance | Pause | None:
        return self._items.pop(0) if self._items else None

    def told(self, seconds: float) -> None:
        self.seconds.append(seconds)

    def interrupt(self) -> int:
        self.generation += 1
        return self.generation


def tone(text: str) -> FloatArray:
    """What `ToneVoice` says for ``text``: a tenth of a second a letter, loudness and pitch by letter."""
    pieces = []
    for letter in text:
        at = np.arange(2400, dtype=np.float64) / 24_000
        pieces.append(0.3 * np.sin(2 * np.pi * (100 + 20 * (ord(letter) % 16)) * at))
    return np.concatenate(pieces).astype(np.float32) if pieces else np.zeros(0, np.float32)


class ToneVoice:
    """Says a tone a letter, each letter a piece and a phone."""

    def speak(self, utterance: Utterance) -> Iterator[Speech]:
        for letter in utterance.text:
            samples = tone(letter)
            yield Speech(samples, (Phone(letter, 0.0, len(samples) / SAMPLE_RATE),))


def tone_voice(bundle: object, language: str, lexicon: object = None, among: object = ()) -> ToneVoice:
    """Takes the place of `avatar_engine.live.voice_process.load_voice`."""
    return ToneVoice()


class Mute(ToneVoice):
    """Rehearses, and then fails at everything."""

    def speak(self, utterance: Utterance) -> Iterator[Speech]:
        if utterance.source != "rehearsal":
            raise RuntimeError("no voice today")
        return super().speak(utterance)


def mute_voice(bundle: object, language: str, lexicon: object = None, among: object = ()) -> Mute:
    return Mute()
