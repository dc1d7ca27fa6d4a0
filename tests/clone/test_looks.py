"""A clone gets another look, which may replace one, be called something else, and go again; and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avatar_engine.bundle import LOOK_PART, ORIGINAL, Bundle, BundleWriter
from avatar_engine.clone import inspect, looks
from avatar_engine.clone.looks import LookOptions, add_look, remove_look, rename_look
from avatar_engine.clone.report import Findings
from avatar_engine.contracts import MouthMotion
from avatar_engine.errors import AvatarError
from avatar_engine.lips import drive, fit_look
from avatar_engine.lips.model import PAINTER, LipsModel
from avatar_engine.lips.placement import PLACEMENT_PART
from avatar_engine.stage.body import TRACK_PART, VIDEO_PART
from avatar_engine.trust import consent as consents
from avatar_engine.trust.register import derived
from tests.lips.likeness.test_rows import Scene

QUICK = LookOptions(budget=60.0, matte=False)


def agreed(video: Path, presenter: str = "Marie <Test>") -> Path:
    """A consent for a clip."""
    output = video.with_suffix(".toml")
    until = date.today() + timedelta(days=30)
    consents.new(
        video, presenter=presenter, uses=["live-shopping"], languages=["en"], valid_until=until, technician="T",
        output=output, overwrite=True,
    )  # fmt: skip
    return output


@pytest.fixture
def avatar(tmp_path: Path, found: Findings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with drawn lips."""
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "home"))
    scene = Scene()
    made = {"source_sha256": found.consent.consent.clip_sha256}
    with BundleWriter(tmp_path / "a.avatar", "A", made, found.consent) as writer:
        scene.model.save(writer)
        writer.add_bytes(VIDEO_PART, b"the clone's body")
        writer.add_tensors(TRACK_PART, {"transforms": np.zeros((3, 2, 3), np.float32)})
        writer.add_tensors(PLACEMENT_PART, {"offsets": np.ones((3, 4), np.float32)})
        writer.add_json("report/kept.json", {"kept": True})
    return tmp_path / "a.avatar"


@pytest.fixture
def stages(tmp_path: Path, found: Findings, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], Path]:
    """Every stage of a look is done already, with a painter of its own that reaches so many dB, the clone's 30."""
    scene, video = Scene(), tmp_path / "blue.mp4"
    video.write_bytes(b"in blue")
    (tmp_path / "body.mp4").write_bytes(b"the body in blue")
    samples = np.ones(len(scene.track) * 960, np.float32)

    class Net:
        def __init__(self, model: LipsModel) -> None:
            self._shape = len(scene.track), len(model.neutral)

        def whole(self, samples: np.ndarray) -> MouthMotion:
            return MouthMotion(np.zeros((len(samples) // 960, self._shape[1]), np.float32))

    monkeypatch.setattr(drive, "MotionStream", Net)
    monkeypatch.setattr(fit_look, "FEWEST", 50)  # the drawn clip is short
    monkeypatch.setattr(looks, "read_sound", lambda path: samples)
    monkeypatch.setattr(looks.models, "path", Path)
    monkeypatch.setattr(looks.intakes, "intake", lambda *given: replace(found.clip, track=scene.track))
    source = np.arange(len(found.body.source), dtype=np.int32)
    body = replace(found.body, video=tmp_path / "body.mp4", source=source)
    monkeypatch.setattr(looks.stage_fit, "fit", lambda *given: body)

    def reaching(psnr: float) -> Path:
        def score(*given: Any, **more: Any) -> Any:
            own = given[3].painter == b"its own"
            return replace(found.lips, painted=replace(found.lips.painted, psnr=psnr if own else 30.0))

        def fit(placed: LipsModel, *given: Any, **more: Any) -> LipsModel:
            assert more["budget"] == QUICK.budget and more["train"] == range(round(0.8 * len(scene.track)))
            return replace(placed, painter=b"its own")

        monkeypatch.setattr(looks.measure, "score", score)
        monkeypatch.setattr(looks, "fit_look", fit)
        return video

    return reaching


def test_a_clone_gets_a_look_and_keeps_all_it_had(
    tmp_path: Path, avatar: Path, stages: Callable[[float], Path]
) -> None:
    before, video = Bundle.open(avatar), stages(34.0)
    told = add_look(avatar, "blue-dress", video, agreed(video), QUICK)
    assert "<look blue-dress>" in told and "34.0 dB" in told
    after = Bundle.open(avatar)
    assert after.looks == (ORIGINAL, "blue-dress")
    assert all(after.parts[part] == entry for part, entry in before.parts.items())
    assert (after.made, after.consent, after.name) == (before.made, before.consent, before.name)
    look = after.wearing("blue-dress")
    assert look.read(VIDEO_PART) == b"the body in blue" and look.read(PAINTER) == b"its own"
    assert (
        "looks/blue-dress/lips/motion.onnx" not in after.parts
    )  # what sound makes of the lips is the person's
    assert LipsModel.load(look).motion == LipsModel.load(after).motion
    assert look.tensors(PLACEMENT_PART)["offsets"].shape[1] == 4
    signed = consents.from_record(look.json(LOOK_PART)["consent"], look.json(LOOK_PART))
    assert signed.consent.clip_name == "blue.mp4"
    own = consents.from_record(after.consent, after.made)
    noted = {(one.kind, one.path.name) for one in derived(own.id)}
    assert {
        ("clip", "blue.mp4"),
        ("consent", "blue.toml"),
        ("work", looks.work_of(avatar, "blue-dress").name),
    } <= noted
    assert not looks.work_of(avatar, "blue-dress").exists()
    assert "blue-dress: 3 s, from blue.mp4" in str([*inspect._facts(after)])
    lines = looks.described(avatar)
    assert lines[0].startswith("original:") and "own painter, 34.0 dB" in lines[1]


def test_the_clones_painter_is_shared_where_another_paints_no_better(
    avatar: Path, stages: Callable[[float], Path]
) -> None:
    video = stages(30.2)
    assert "the clone's own painter: 30.0 dB" in add_look(avatar, "blue-dress", video, agreed(video), QUICK)
    whole = Bundle.open(avatar)
    assert "looks/blue-dress/lips/painter.onnx" not in whole.parts
    assert whole.wearing("blue-dress").parts[PAINTER] == whole.parts[PAINTER]
    stages(34.0)  # one of the same name takes its place
    add_look(avatar, "blue-dress", video, agreed(video), QUICK)
    assert Bundle.open(avatar).wearing("blue-dress").read(PAINTER) == b"its own"
    add_look(avatar, "blue-dress", video, agreed(video), replace(QUICK, budget=0.0))
    assert Bundle.open(avatar).looks == (ORIGINAL, "blue-dress")
    assert "looks/blue-dress/lips/painter.onnx" not in Bundle.open(avatar).parts


def test_a_look_is_called_something_else_and_goes(avatar: Path, stages: Callable[[float], Path]) -> None:
    before, video = Bundle.open(avatar), stages(34.0)
    add_look(avatar, "blue-dress", video, agreed(video), QUICK)
    assert "called evening" in rename_look(avatar, "blue-dress", "evening")
    renamed = Bundle.open(avatar)
    assert renamed.looks == (ORIGINAL, "evening") and renamed.wearing("evening").read(PAINTER) == b"its own"
    for name, new, said in (
        ("blue-dress", "x", "no look"), ("evening", "original", "made with"), (ORIGINAL, "x", "stays as it is"),
        ("evening", "evening", "already"), ("evening", "No!", "can't be called"),
    ):  # fmt: skip
        with pytest.raises(AvatarError, match=said):
            rename_look(avatar, name, new)
    with pytest.raises(AvatarError, match="stays as it is"):
        remove_look(avatar, ORIGINAL)
    assert "it has original" in remove_look(avatar, "evening")
    assert Bundle.open(avatar).parts == before.parts


def test_what_was_made_before_a_stop_is_there_the_next_time_but_not_for_another_clip(
    tmp_path: Path, avatar: Path, stages: Callable[[float], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    video, whole = stages(34.0), avatar.read_bytes()

    def stopped(*given: Any, **more: Any) -> Any:
        more["work"].mkdir(parents=True)
        (more["work"] / "painter.safetensors").write_text("much work")
        raise KeyboardInterrupt

    monkeypatch.setattr(looks, "fit_look", stopped)
    with pytest.raises(KeyboardInterrupt):
        add_look(avatar, "blue-dress", video, agreed(video), QUICK)
    work = looks.work_of(avatar, "blue-dress")
    assert (work / "lips" / "painter.safetensors").exists() and avatar.read_bytes() == whole
    own = consents.from_record(Bundle.open(avatar).consent)
    assert (work / "consent.id").read_text() == own.id  # so that erasure knows whose it is
    stages(34.0)
    add_look(avatar, "blue-dress", video, agreed(video), replace(QUICK, keep_work=True))
    assert (work / "lips" / "painter.safetensors").exists()
    video.write_bytes(b"another clip")
    add_look(avatar, "blue-dress", video, agreed(video), replace(QUICK, keep_work=True))
    assert not (work / "lips" / "painter.safetensors").exists()


def test_what_is_refused_leaves_the_clone_alone(
    tmp_path: Path, avatar: Path, stages: Callable[[float], Path]
) -> None:
    video, whole = stages(34.0), avatar.read_bytes()
    consent = agreed(video)
    other = tmp_path / "other.mp4"
    other.write_bytes(b"of somebody else")
    cases: list[tuple[str, Path, Path, LookOptions, str]] = [
        ("Blue dress", video, consent, QUICK, "can't be called"),
        (ORIGINAL, video, consent, QUICK, "made with"),
        ("blue", tmp_path / "none.mp4", consent, QUICK, "There is no file"),
        ("blue", other, consent, QUICK, "consent is for the clip"),
        ("blue", other, agreed(other, "Somebody else"), QUICK, "shows Somebody else, the clone Marie"),
        ("blue", video, consent, replace(QUICK, budget=10.0), "too short"),
    ]
    for name, clip, signed, options, said in cases:
        with pytest.raises(AvatarError, match=said):
            add_look(avatar, name, clip, signed, options)
    assert avatar.read_bytes() == whole
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".a.avatar", "a.avatar."))]
