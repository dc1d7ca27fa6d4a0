"""Deterministic stand-ins for lips, body and stage: every picture tells which mouth it was painted with."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from avatar_engine.contracts import (
    AS_FILMED,
    EXPRESSIONS,
    SAMPLES_PER_FRAME,
    Behind,
    ByteArray,
    FloatArray,
    MouthMotion,
    Outlook,
    Phone,
    Scene,
)
from avatar_engine.errors import AvatarError
from avatar_engine.live.performer import Performer
from avatar_engine.live.programme import Piece
from avatar_engine.stage.body import BodyFrame
from avatar_engine.stage.card import Look
from avatar_engine.stage.compose import Stage
from avatar_engine.stage.label import Label
from avatar_engine.stage.layout import Layout

NEUTRAL = np.array([0.25, -0.5], np.float32)


class LaggingMotion:
    """The mouth opens with the loudness of its frame, `lag` frames after the sound was pushed."""

    def __init__(self, lag: int = 3) -> None:
        self.lag = lag
        self.phones: list[Sequence[Phone]] = []  # of every push

    def push(
        self, state: list[float] | None, samples: FloatArray, phones: Sequence[Phone]
    ) -> tuple[MouthMotion, list[float]]:
        assert samples.shape == (SAMPLES_PER_FRAME,)
        self.phones.append(phones)
        heard = [*(state or []), float(np.abs(samples).max())]
        ready, left = heard[: -self.lag or None], heard[len(heard) - self.lag :]
        if len(heard) <= self.lag:
            ready, left = [], heard
        return MouthMotion(np.array([[level, level] for level in ready], np.float32).reshape(-1, 2)), left


class Ink:
    """Paints nothing but keeps the coefficients, and checks that picture and matrix belong together."""

    def __init__(self) -> None:
        self.rows: list[FloatArray] = []
        self.closed = False

    def close(self) -> None:
        self.closed = True

    def paint(self, picture_i420: ByteArray, matrix: FloatArray, coefficients: FloatArray) -> None:
        assert picture_i420[0, 0] == int(matrix[0, 0]) % 256
        self.rows.append(coefficients.copy())


class Onward:
    """A body that only runs forwards, and keeps what it was told."""

    def __init__(self) -> None:
        self.cut_out = False
        self.outlooks: list[tuple[int, Outlook]] = []
        self.begun: list[tuple[int, int]] = []

    def begin(self, index: int, home: int) -> None:
        self.begun.append((index, home))

    def foresee(self, at: int, outlook: Outlook) -> None:
        self.outlooks.append((at, outlook))

    def go_round(self) -> None:
        pass

    def home(self, place: int) -> int:
        return place


class CountingBody(Onward):
    """Picture ``index`` is filled with its number."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []
        self.closed = False

    def frame(self, index: int) -> BodyFrame:
        self.asked.append(index)
        return BodyFrame(np.full((6, 4), index % 256, np.uint8), np.full((2, 3), index, np.float32), index)

    def close(self) -> None:
        self.closed = True


class GreyBody(Onward):
    """Pictures of 64 by 48 pixels, each a little lighter than the one before."""

    def frame(self, index: int) -> BodyFrame:
        shade = 60 + index % 100
        return BodyFrame(np.full((72, 64), shade, np.uint8), np.full((2, 3), shade, np.float32), index)

    def close(self) -> None:
        pass


def load(
    bundle: object,
    label: Label,
    size: tuple[int, int],
    device: object,
    expression: str,
    look: Look | None = None,
    layout: Layout | None = None,
    language: str = "en",
    patient: bool = False,
    behind: Behind = AS_FILMED,
    engine: str = "off",
    nods: bool = True,
) -> Performer[list[float]]:
    """Takes the place of `avatar_engine.live.renderer_process.load_performer`."""
    if expression not in EXPRESSIONS:
        raise AvatarError(f"There is no expression {expression!r}.", "Choose another.")
    stage = Stage(size, label, layout, look, None, language, patient)
    return Performer(LaggingMotion(), Ink(), GreyBody(), stage, NEUTRAL)


def load_stiff(*given: Any, nods: bool = True, **named: Any) -> Performer[list[float]]:
    """The same of a presenter who may not nod."""
    if nods:
        raise AvatarError("She may not nod.", "Ask for none.")
    return load(*given, nods=nods, **named)


class WavingBody(GreyBody):
    """Grey, and white as long as an action is called for."""

    def __init__(self) -> None:
        super().__init__()
        self._waves: set[int] = set()

    def foresee(self, at: int, outlook: Outlook) -> None:
        if outlook.action:
            self._waves.add(at)

    def frame(self, index: int) -> BodyFrame:
        shade = 220 if index in self._waves else 60
        return BodyFrame(np.full((72, 64), shade, np.uint8), np.full((2, 3), shade, np.float32), index)


def load_waving(
    bundle: object,
    label: Label,
    size: tuple[int, int],
    device: object,
    expression: str,
    *rest: object,
    patient: bool = False,
    behind: Behind = AS_FILMED,
    engine: str = "off",
    nods: bool = True,
) -> Performer[list[float]]:
    """The same with a `WavingBody`."""
    return Performer(LaggingMotion(), Ink(), WavingBody(), Stage(size, label, patient=patient), NEUTRAL)


class TornInk(Ink):
    """Breaks at its 120th picture as a graphics driver does, once: the file keeps that it has."""

    def __init__(self, broke: Path) -> None:
        super().__init__()
        self._broke = broke

    def paint(self, picture_i420: ByteArray, matrix: FloatArray, coefficients: FloatArray) -> None:
        super().paint(picture_i420, matrix, coefficients)
        if len(self.rows) == 120 and not self._broke.exists():
            self._broke.touch()
            raise RuntimeError("CUDA failure 700: an illegal memory access was encountered")


def load_torn(
    bundle: object,
    label: Label,
    size: tuple[int, int],
    device: object,
    expression: str,
    *rest: object,
    behind: Behind = AS_FILMED,
    engine: str = "off",
    nods: bool = True,
) -> Performer[list[float]]:
    """The same with `TornInk`."""
    ink = TornInk(Path(os.environ["TORN"]))
    return Performer(LaggingMotion(), ink, GreyBody(), Stage(size, label), NEUTRAL)


class BareStage:
    """Shows the body as it is, and keeps which scene was wanted on every picture."""

    def __init__(self) -> None:
        self.cut_out = False
        self.expected: list[Scene] = []
        self.shown: list[Scene | None] = []

    def expect(self, scene: Scene) -> None:
        self.expected.append(scene)

    def show(self, scene: Scene | None, index: int) -> None:
        self.shown.append(scene)

    def close(self) -> None:
        pass

    def compose(self, body: ByteArray, alpha: ByteArray | None) -> ByteArray:
        return body


def performer(lag: int = 3) -> tuple[Performer[list[float]], Ink, CountingBody]:
    ink, body = Ink(), CountingBody()
    return Performer(LaggingMotion(lag), ink, body, BareStage(), NEUTRAL), ink, body


class ListedSource:
    """Gives listed pieces; ``None`` in the list is a moment in which nothing is ready."""

    def __init__(self, pieces: Sequence[Piece | None]) -> None:
        self.generation = 0
        self._pieces = list(pieces)

    @property
    def ended(self) -> bool:
        return not self._pieces

    def poll(self) -> Piece | None:
        return self._pieces.pop(0) if self._pieces else None
