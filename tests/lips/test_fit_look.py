"""Lips in other footage of the same person: what stays the person's, and what is learnt anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avatar_engine.contracts import MouthMotion
from avatar_engine.device import Device
from avatar_engine.errors import AvatarError
from avatar_engine.face.track import FaceTrack
from avatar_engine.lips import drive, fit_look
from avatar_engine.lips.fit_look import place_look
from avatar_engine.lips.lesson import Lesson
from avatar_engine.lips.model import LipsModel
from avatar_engine.lips.painter import Painter
from avatar_engine.media.picture import joined, planes
from avatar_engine.media.write import VideoWriter
from tests.lips import drawn

PICTURES, FITTED = 130, 120
DARKER = 60


class Deaf:
    """A motion net that asks for the mean shape whatever it hears."""

    def __init__(self, model: LipsModel) -> None:
        self._coefficients = len(model.neutral)

    def whole(self, samples: np.ndarray) -> MouthMotion:
        return MouthMotion(np.zeros((len(samples) // 960, self._coefficients), np.float32))


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, FaceTrack, LipsModel]:
    """A film of the drawn face in a darker light, its track, and the lips of the clone."""
    monkeypatch.setattr(drive, "MotionStream", Deaf)
    track = drawn.still_track(PICTURES)
    gaps = np.clip(0.12 * np.sin(np.arange(PICTURES) / 4), 0, None).astype(np.float32)
    shapes = drawn.put(track, gaps)
    path = tmp_path / "look.mp4"
    with VideoWriter(path, drawn.WIDTH, drawn.HEIGHT, sound=False, crf=4, preset="ultrafast") as writer:
        for points in track.points:
            luma, blue, red = planes(drawn.picture(points))
            writer.picture(joined(np.maximum(luma, DARKER) - DARKER, blue, red))
    return path, track, drawn.model(shapes)


def test_where_the_mouth_sits_is_learnt_and_all_else_stays(look: tuple[Path, FaceTrack, LipsModel]) -> None:
    path, track, clone = look
    placed = place_look(clone, path, np.zeros(PICTURES * 960, np.float32), track, range(FITTED))
    assert replace(placed, placement=clone.placement) == clone
    blind = replace(track, found=np.arange(PICTURES) < 60)
    with pytest.raises(AvatarError, match="Only 60 pictures"):
        place_look(clone, path, np.zeros(PICTURES * 960, np.float32), blind, range(FITTED))


def test_its_painter_begins_as_the_clones_and_learns_its_own_footage(
    look: tuple[Path, FaceTrack, LipsModel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, track, clone = look
    taught: list[tuple[Lesson, dict[str, Any]]] = []
    real = fit_look.fit_painter

    def spied(lesson: Lesson, **more: Any) -> tuple[Painter, dict[str, float]]:
        taught.append((lesson, more))
        return real(lesson, **more)

    monkeypatch.setattr(fit_look, "fit_painter", spied)
    own = fit_look.fit_look(
        clone, path, np.zeros(PICTURES * 960, np.float32), track, train=range(FITTED),
        device=Device("cpu", "test", 1, False, False, 1), budget=100, work=tmp_path / "work", steps=2,
        clock=lambda: 0.0,
    )  # fmt: skip
    ((lesson, more),) = taught
    assert more["start"] == clone.painter and more["budget"] == 100
    assert lesson.basis is clone.basis and lesson.mask.shape == (clone.size, clone.size)
    assert len(lesson.rows) == FITTED
    skin = float(lesson.crops.luma[5][lesson.skin[None] > 0].mean())
    assert abs(skin - (drawn.SKIN - DARKER)) < 3  # of the look's own pictures
    for shared in ("basis", "neutral", "motion", "expressions", "gate", "size"):
        assert getattr(own, shared) is getattr(clone, shared)
    assert own.painter != clone.painter and own.figures["painter_steps"] == 2
    assert own.grain.strength[own.mask > 0.5].mean() > 0.2  # the noise that was drawn
