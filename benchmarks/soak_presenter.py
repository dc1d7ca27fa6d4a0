"""A presenter and a voice that cost next to nothing: a soak is about clocks, queues and processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from avatar_engine.contracts import (
    SAMPLE_RATE,
    ByteArray,
    Controls,
    FloatArray,
    MouthMotion,
    Outlook,
    Phone,
    Speech,
    Utterance,
)
from avatar_engine.live.performer import Performer
from avatar_engine.show.script import Line, Pause, Script, Segment
from avatar_engine.stage.body import BodyFrame
from avatar_engine.stage.compose import Stage
from avatar_engine.stage.label import Label

LOOKAHEAD = 3
"""Frames that the mouth needs to hear before it moves, as the real one does."""

WORD = 0.3
"""Seconds of a word."""

NEUTRAL = np.zeros(1, np.float32)


class Loudness:
    """The mouth opens as loud as its frame is."""

    def push(
        self, state: list[float] | None, samples: FloatArray, phones: Sequence[Phone]
    ) -> tuple[MouthMotion, list[float]]:
        """See `avatar_engine.lips.motion.MotionStream`."""
        heard = [*(state or []), float(np.abs(samples).max())]
        ready = max(0, len(heard) - LOOKAHEAD)
        return MouthMotion(np.array(heard[:ready], np.float32).reshape(-1, 1)), heard[ready:]


class Bar:
    """Paints the mouth: a bar as wide as it is open."""

    def paint(self, picture_i420: ByteArray, matrix: FloatArray, coefficients: FloatArray) -> None:
        """See `avatar_engine.lips.render.Renderer`."""
        height, width = picture_i420.shape[0] * 2 // 3, picture_i420.shape[1]
        opened = max(1, int(min(1.0, float(coefficients[0])) * width / 4))
        picture_i420[height * 3 // 4, width // 2 - opened : width // 2 + opened] = 200

    def close(self) -> None:
        """See `avatar_engine.lips.render.Renderer`."""


class Sweep:
    """A grey body with a hand that goes round once in ten seconds."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.cut_out = False
        self._width, self._height = size
        self._picture = np.full((self._height * 3 // 2, self._width), 128, np.uint8)
        self._matrix = np.zeros((2, 3), np.float32)

    def frame(self, index: int) -> BodyFrame:
        """See `avatar_engine.stage.body.Body`."""
        self._picture[: self._height] = 90
        place = index % 250 * self._width // 250
        self._picture[: self._height // 2, place : place + 8] = 160
        return BodyFrame(self._picture, self._matrix, index)

    def begin(self, index: int, home: int) -> None:
        """It is where the index says."""

    def foresee(self, at: int, outlook: Outlook) -> None:
        """It goes its round whatever is said."""

    def go_round(self) -> None:
        """It does."""

    def home(self, place: int) -> int:
        """The idle presenter goes the same round."""
        return place

    def close(self) -> None:
        """Nothing to end."""


def performer(size: tuple[int, int]) -> Performer[list[float]]:
    """The presenter on a stage of ``size`` (width, height), with the label on every picture."""
    stage = Stage(size, Label("en", "top-right", size))
    return Performer(Loudness(), Bar(), Sweep(size), stage, NEUTRAL)


class Tones:
    """Says a tone a word."""

    def speak(self, utterance: Utterance) -> Iterator[Speech]:
        """See `avatar_engine.voice.speak.Voice`."""
        for word in utterance.text.split():
            at = np.arange(round(WORD * SAMPLE_RATE)) / SAMPLE_RATE
            tone = 0.3 * np.sin(2 * np.pi * (110 + 10 * (len(word) % 12)) * at) * np.hanning(len(at))
            yield Speech(tone.astype(np.float32), (Phone("a", 0.0, WORD),))


def tones() -> Tones:
    """The `VoiceMaker` of a soak."""
    return Tones()


def script(paragraphs: int = 40) -> Script:
    """A show of paragraphs and pauses, about a third of it speech, that is said over and over."""
    items: list[Line | Pause | Segment] = []
    for number in range(1, paragraphs + 1):
        words = " ".join(["word"] * (6 + number % 9))
        items += [Segment(f"part {number}", number), Line(f"{words}.", number), Pause(6.0)]
    return Script(tuple(items), controls=Controls())
