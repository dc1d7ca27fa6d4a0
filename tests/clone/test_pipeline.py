"""The pipeline's own decisions: early refusals, whose leftovers are used, who gets how much time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from avatar_engine.bundle import Bundle
from avatar_engine.clone import pipeline
from avatar_engine.clone.report import Findings
from avatar_engine.contracts import SAMPLES_PER_FRAME, MouthMotion
from avatar_engine.errors import AvatarError
from avatar_engine.lips import drive
from avatar_engine.lips.echo import Echo
from avatar_engine.lips.placement import PLACEMENT_PART
from avatar_engine.lips.shape import opening, width, without, without_jitter
from tests.lips.likeness.test_rows import Scene


def test_a_missing_clip_is_named(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match=r"minute\.mp4"):
        pipeline.clone_presenter(tmp_path / "minute.mp4", tmp_path / "a.avatar", tmp_path / "consent.toml")


def test_another_suffix_is_refused_with_the_right_one(tmp_path: Path, plain_clip: Path) -> None:
    with pytest.raises(AvatarError, match=r"marie\.avatar"):
        pipeline.clone_presenter(plain_clip, tmp_path / "marie.zip", tmp_path / "consent.toml")


@pytest.mark.weights
def test_no_consent_no_clone(tmp_path: Path, plain_clip: Path) -> None:
    with pytest.raises(AvatarError, match=r"consent\.toml"):
        pipeline.clone_presenter(plain_clip, tmp_path / "marie.avatar", tmp_path / "consent.toml")
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_the_same_clip_stay_and_of_another_go(tmp_path: Path) -> None:
    output = tmp_path / "marie.avatar"
    work = pipeline._work_folder(output, "aa")
    (work / "made").write_text("much work")
    assert (pipeline._work_folder(output, "aa") / "made").exists()
    assert not (pipeline._work_folder(output, "bb") / "made").exists()


def test_a_resumed_clone_reports_its_whole_time(tmp_path: Path) -> None:
    file = tmp_path / "seconds.json"
    file.write_text(json.dumps({"lips": 100.0}))
    watch = pipeline.Stopwatch.at(file)
    with pytest.raises(KeyboardInterrupt), watch.stage("lips"):
        raise KeyboardInterrupt
    assert pipeline.Stopwatch.at(file).seconds["lips"] >= 100.0


def test_the_fits_get_what_the_rest_leaves() -> None:
    assert pipeline._fit_share(1200, 100, 1500) == 1200 - 100 - 240
    assert pipeline._fit_share(1200, 400, 1500) == 1200 - 400 - 240


def test_a_matte_is_made_when_asked_for_or_when_the_fits_keep_their_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipeline.models, "is_present", lambda name: True)
    assert pipeline._wants_matte(True, 0, 1500)
    assert not pipeline._wants_matte(False, 9999, 1500)
    assert pipeline._wants_matte(None, 1250, 1500)
    assert not pipeline._wants_matte(None, 1200, 1500)
    monkeypatch.setattr(pipeline.models, "is_present", lambda name: False)
    assert not pipeline._wants_matte(None, 1250, 1500)


def stages(monkeypatch: pytest.MonkeyPatch, found: Findings, scene: Scene, asked: np.ndarray) -> list[Any]:
    """Every stage of a clone is done already: with these findings, and lips whose sound asks for ``asked``.

    Returns:
        The models whose motion was asked for, one entry each time.
    """
    nets: list[Any] = []

    class Net:
        def __init__(self, model: object) -> None:
            nets.append(model)

        def whole(self, samples: np.ndarray) -> MouthMotion:
            return MouthMotion(asked)

    class Job:
        def __init__(self, *given: object) -> None:
            pass

        @contextmanager
        def running(self, progress: object) -> Iterator[SimpleNamespace]:
            yield SimpleNamespace(
                watched=progress,
                result=lambda: found.voice,
                fitted=lambda: SimpleNamespace(pack=found.voice.pack, echoes=said),
            )

    sound = np.ones(len(scene.track) * SAMPLES_PER_FRAME, np.float32)
    monkeypatch.setattr(drive, "MotionStream", Net)
    monkeypatch.setattr(pipeline, "VoiceJob", Job)
    monkeypatch.setattr(pipeline, "read_sound", lambda path: sound)
    monkeypatch.setattr(pipeline.models, "path", Path)
    monkeypatch.setattr(pipeline.intakes, "intake", lambda *given: replace(found.clip, track=scene.track))
    said = (Echo(sound, np.zeros(len(scene.track))),)

    def fit(*given: object, echoes: Callable[[], object], budget: float, **more: object) -> Any:
        assert echoes() is said
        assert budget > 0
        return scene.model

    monkeypatch.setattr(pipeline.lips_fit, "fit", fit)
    monkeypatch.setattr(pipeline.stage_fit, "fit", lambda *given: found.body)
    monkeypatch.setattr(pipeline.lips_measure, "score", lambda *given, **more: found.lips)
    return nets


def test_the_body_gets_the_mouths_settled_place(
    tmp_path: Path, found: Findings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What only the lips tell of where the mouth sits is in the bundle, a row for every baked picture."""
    scene = Scene()
    basis = scene.model.basis
    seen = without_jitter(scene.shapes, [(0, len(scene.track))])
    slumping = np.linspace(0.5, 1.5, len(seen))[:, None]  # slower than any word
    posture = without(np.ones((1, 4)), basis, (opening, width)) * slumping
    asked = (basis.project(seen) - posture).astype(np.float32)
    (tmp_path / "body.mp4").write_bytes(b"a body")
    count = len(found.body.source)
    source = np.arange(count, dtype=np.int32)[::-1].copy()
    body = replace(found.body, video=tmp_path / "body.mp4", source=source)
    nets = stages(monkeypatch, replace(found, body=body), scene, asked)
    output = tmp_path / "marie.avatar"
    bare = pipeline.CloneOptions(matte=False)
    pipeline.clone_presenter(tmp_path / "take [one].mp4", output, tmp_path / "consent.toml", bare)
    offsets = Bundle.open(output).tensors(PLACEMENT_PART)["offsets"]
    assert offsets.shape == (count, 4)
    assert np.abs(posture).max() > 0.3
    middle = slice(20, -20)  # at its joint a body is smoothed
    np.testing.assert_allclose(offsets[middle], posture[source][middle], atol=0.1 * np.abs(posture).max())
    assert nets == [scene.model]  # a whole minute's motion is worked out once
    assert not (tmp_path / "marie.avatar.work").exists()
