"""A clone gets an action, and keeps all it had; what does not fit leaves it alone."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.bundle import Bundle, BundleWriter
from avatar_engine.clone import acting
from avatar_engine.contracts import ByteArray, FloatArray, Progress
from avatar_engine.errors import AvatarError
from avatar_engine.face.track import FaceTrack
from avatar_engine.lips.drive import Drives
from avatar_engine.lips.placement import PLACEMENT_PART
from avatar_engine.media.read import frame_count, frames
from avatar_engine.media.write import VideoWriter
from avatar_engine.stage.action import Action, names
from avatar_engine.stage.body import TRACK_PART, VIDEO_PART, Body
from avatar_engine.stage.seams import matrices_of
from avatar_engine.trust import consent as consents
from avatar_engine.trust.register import Register
from tests.stage.clips import HEIGHT, WIDTH, Take, film, film_track

ROUND, CLIP = Take(150, 90, 75), Take(75, 90, 75)


@pytest.fixture(autouse=True)
def _simple(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of its own, a landmarker that knows the drawn head by the film's length, lips that sit by a number."""
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "home"))

    def tracked(footage: Path, progress: Progress) -> FaceTrack:
        return film_track([ROUND if frame_count(footage) == ROUND.frames else CLIP])

    def driven(seen: Iterable[ByteArray], samples: FloatArray, track: FaceTrack, lips: object) -> Drives:
        assert sum(1 for _ in seen) == len(track)  # the pictures of both films, in order
        rows = np.arange(len(track), dtype=np.float32)[:, None] * np.ones(2, np.float32)
        return Drives(rows, rows, rows)

    monkeypatch.setattr(acting.faces, "track", tracked)
    monkeypatch.setattr(acting, "drives", driven)
    monkeypatch.setattr(acting.LipsModel, "load", lambda bundle: None)


def clip(path: Path, take: Take) -> Path:
    """The pictures of a take, with sound."""
    film(path.with_suffix(".pictures.mp4"), [take])
    with VideoWriter(path, WIDTH, HEIGHT, crf=10) as writer:
        for picture in frames(path.with_suffix(".pictures.mp4"), format="yuv420p"):
            writer.picture(picture)
        writer.sound(np.zeros(take.frames * 960, np.float32))
    return path


def agreed(video: Path, presenter: str = "Nobody") -> Path:
    output = video.with_suffix(".toml")
    until = date.today() + timedelta(days=30)
    consents.new(
        video, presenter=presenter, uses=["live-shopping"], languages=["en"], valid_until=until, technician="T",
        output=output,
    )  # fmt: skip
    return output


@pytest.fixture
def avatar(tmp_path: Path) -> Path:
    film(tmp_path / "body.mp4", [ROUND])
    video = clip(tmp_path / "minute.mp4", Take(30, 90, 75))
    signed = consents.load(agreed(video))
    made = {"source_sha256": consents.clip_sha256(video)}
    heads = np.tile([0.5, 0.0, 90.0, 75.0], (ROUND.frames, 1))
    with BundleWriter(tmp_path / "a.avatar", "A", made, signed) as writer:
        writer.add_file(VIDEO_PART, tmp_path / "body.mp4")
        transforms = matrices_of(heads, 256).astype(np.float32)
        writer.add_tensors(TRACK_PART, {"transforms": transforms, "crop_size": np.array([256], np.int32)})
        writer.add_tensors(PLACEMENT_PART, {"offsets": np.full((ROUND.frames, 2), 7, np.float32)})
        writer.add_json("report/report.json", {"kept": True})
    return tmp_path / "a.avatar"


def test_a_clone_gets_an_action_and_keeps_all_it_had(tmp_path: Path, avatar: Path) -> None:
    before = Bundle.open(avatar)
    video = clip(tmp_path / "wave.mp4", CLIP)
    told = acting.add_action(avatar, "wave", video, agreed(video))
    assert "<do wave>" in told
    after = Bundle.open(avatar)
    assert names(after) == ["wave"]
    assert all(after.parts[part] == entry for part, entry in before.parts.items())
    assert (after.made, after.consent, after.name) == (before.made, before.consent, before.name)
    action = Action.of("wave", after.tensors("body/actions/wave.safetensors"), ROUND.frames)
    assert frame_count(after.extract("body/actions/wave.mp4")) == action.pictures
    middle = action.placement[len(action.leave) * action.blend :][: action.middle, 0]
    np.testing.assert_array_equal(np.diff(middle), 1)  # the clip's own rows
    assert action.placement[0, 0] < 20 < ROUND.frames < middle[0]
    derived = Register(consents.from_record(after.consent, after.made)).folder / "derived.jsonl"
    assert {"clip", "consent", "avatar"} <= {
        json.loads(line)["kind"] for line in derived.read_text().splitlines()
    }
    with Body.load(after, 128) as body:
        assert [one.name for one in body.actions] == ["wave"]
    acting.add_action(avatar, "wave", video, video.with_suffix(".toml"))  # it takes the old one's place
    assert set(Bundle.open(avatar).parts) == set(after.parts)


def test_what_does_not_fit_leaves_the_clone_alone(tmp_path: Path, avatar: Path) -> None:
    whole = avatar.read_bytes()
    video = clip(tmp_path / "wave.mp4", CLIP)
    consent = agreed(video)
    other = clip(tmp_path / "other.mp4", Take(60, 90, 75))
    cases = [
        ("Wave!", video, consent, "can't be called"),
        ("wave", tmp_path / "none.mp4", consent, "There is no file"),
        ("wave", other, consent, "another|not this|clip"),
        ("wave", other, agreed(other, "Somebody else"), "shows Somebody else, the clone Nobody"),
    ]
    for name, clip_, consent_, said in cases:
        with pytest.raises(AvatarError, match=said):
            acting.add_action(avatar, name, clip_, consent_)
    assert avatar.read_bytes() == whole
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".a.avatar")]
