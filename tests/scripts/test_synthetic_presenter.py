"""The drawn presenter: what the landmarker sees is what was asked for, and the clip is what it says."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import synthetic_presenter
from portrait.acting import act
from portrait.figure import Face, draw_face, lip_points
from portrait.mouth import Mouth
from portrait.visemes import mouth_track, stresses
from typer.testing import CliRunner

from avatar_engine.contracts import SAMPLE_RATE, FloatArray, Phone
from avatar_engine.errors import AvatarError
from avatar_engine.face.track import Landmarker
from avatar_engine.media.probe import probe
from avatar_engine.media.read import frames, sound

SIZE = (640, 360)
SEEN = {"left": 61, "right": 291, "upper_in": 13, "lower_in": 14, "upper_out": 0, "lower_out": 17}
"""The landmarker's points of what `lip_points` names."""


def spoken(seconds: float = 2.4) -> tuple[FloatArray, tuple[Phone, ...]]:
    """A tone with phones over it, and silence at both ends."""
    symbols = "mɑmiboʊfuɛsɪt"
    times = np.linspace(0.5, seconds - 0.6, len(symbols) + 1)
    phones = tuple(
        Phone(s, float(a), float(b)) for s, a, b in zip(symbols, times[:-1], times[1:], strict=True)
    )
    samples = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    span = slice(round(times[0] * SAMPLE_RATE), round(times[-1] * SAMPLE_RATE))
    samples[span] = 0.3 * np.sin(np.arange(span.stop - span.start) * 0.05)
    return samples, phones


def detected(landmarker: Landmarker, face: Face) -> dict[str, np.ndarray]:
    found = landmarker.detect(draw_face(face, SIZE))
    assert len(found) == 1, face
    return {name: found[0][0][k, :2] for name, k in SEEN.items()}


POSES = [
    Face(),
    Face(yaw=8, roll=4, pitch=4, shift=(14, -4)),
    Face(yaw=-8, roll=-4, pitch=-5, shift=(-14, 6)),
    Face(blink=1.0, brow=1.0, smile=1.0),
    Face(gaze=(0.8, -0.6), breath=1.0),
]


@pytest.mark.weights
@pytest.mark.parametrize("pose", POSES)
def test_lips_are_found_where_they_were_drawn(pose: Face) -> None:
    with Landmarker() as landmarker:
        for shape in (
            Mouth(),
            Mouth(opening=0.8),
            Mouth(opening=0.3, width=0.8),
            Mouth(opening=0.25, rounding=1),
        ):
            face = replace(pose, mouth=shape)
            seen, drawn = detected(landmarker, face), lip_points(face, SIZE)
            away = [float(np.hypot(*(seen[name] - drawn[name]))) for name in SEEN]
            assert np.mean(away) < 3.0, (shape, dict(zip(SEEN, away, strict=True)))  # pixels at 640 x 360


@pytest.mark.weights
def test_a_wider_opening_is_seen_wider() -> None:
    asked = np.linspace(0, 1, 8)
    with Landmarker() as landmarker:
        shapes = [detected(landmarker, Face(mouth=Mouth(opening=float(value)))) for value in asked]
        narrow = detected(landmarker, Face(mouth=Mouth(opening=0.2, rounding=1.0)))
        wide = detected(landmarker, Face(mouth=Mouth(opening=0.2, width=1.0)))
        pressed = detected(landmarker, Face(mouth=Mouth(opening=0.5, press=1.0)))
    gaps = [float(np.hypot(*(s["lower_in"] - s["upper_in"]))) for s in shapes]
    assert np.all(np.diff(gaps) > 0.3), gaps
    assert gaps[0] < 1.0
    assert gaps[-1] > 12
    assert np.hypot(*(pressed["lower_in"] - pressed["upper_in"])) < 1.5
    assert np.ptp([wide["left"][0], wide["right"][0]]) > 1.3 * np.ptp([narrow["left"][0], narrow["right"][0]])


def test_the_picture_has_its_size_and_only_changes_with_what_is_asked() -> None:
    face = Face(mouth=Mouth(opening=0.4), yaw=3.0, blink=0.5)
    picture = draw_face(face, SIZE)
    assert (picture.shape, picture.dtype) == ((360, 640, 3), np.uint8)
    assert np.array_equal(picture, draw_face(face, SIZE))
    moved = np.abs(picture.astype(int) - draw_face(replace(face, mouth=Mouth()), SIZE)).max(-1) > 12
    rows, columns = np.nonzero(moved)
    assert 180 < rows.min() < rows.max() < 290  # mouth and jaw, nothing else
    assert 230 < columns.min() < columns.max() < 410
    assert draw_face(face, (180, 240)).shape == (240, 180, 3)


def test_the_same_seed_acts_the_same() -> None:
    samples, phones = spoken()
    mouths = mouth_track(phones, samples)
    first, again, other = (act(mouths, stresses(samples), seed) for seed in (4, 4, 5))
    assert first == again
    assert first != other
    assert [face.mouth for face in other] == mouths


def test_acting_lives_and_stays_in_bounds() -> None:
    faces = act([Mouth()] * 1500, [0.0] * 1500, seed=1)
    pose = np.array([(f.yaw, f.pitch, f.roll, *f.shift) for f in faces])
    assert np.abs(pose[:, :3]).max() < 14
    assert np.abs(np.diff(pose, axis=0)).max() < 1.5  # no jumps
    assert pose[:, 0].std() > 1.0
    shut = np.array([f.blink for f in faces]) > 0.9
    assert 8 < np.count_nonzero(np.diff(shut.astype(int)) == 1) < 40  # blinks in a minute


def test_a_clip_lasts_as_long_as_asked_and_says_what_was_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    samples, phones = spoken(2.4)
    monkeypatch.setattr(synthetic_presenter, "say", lambda *_: (samples, phones))
    path = tmp_path / "clip.mp4"
    told: list[float] = []
    faces = synthetic_presenter.make_clip(path, 2.4, SIZE, seed=3, progress=lambda s, d, n="": told.append(d))
    info = probe(path)
    assert (info.width, info.height, info.frame_rate) == (*SIZE, 25)
    pictures = list(frames(path, format="rgb24"))
    assert len(pictures) == len(faces) == 60
    assert np.abs(pictures[30].astype(int) - draw_face(faces[30], SIZE)).mean() < 5
    assert np.corrcoef(sound(path)[: len(samples)], samples)[0, 1] > 0.98
    truth = json.loads(path.with_suffix(".json").read_text())
    assert [f["mouth"]["opening"] for f in truth["frames"]] == [f.mouth.opening for f in faces]
    assert truth["frames"][30]["lips"]["lower_in"] == pytest.approx(lip_points(faces[30], SIZE)["lower_in"])
    assert told[-1] == 1.0
    assert sorted(told) == told


@pytest.mark.weights
def test_the_voice_speaks_within_the_time_given(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [("Hello!", 0.5), ("This line is too long.", 0.5)]
    monkeypatch.setitem(synthetic_presenter.LINES, "en", lines)
    samples, phones = synthetic_presenter.say(3.0)
    assert len(samples) == 3 * SAMPLE_RATE
    said = [phone for phone in phones if phone.symbol != "_"]
    assert [phone.symbol[0] for phone in said] == list("həlo")
    assert 0.3 < sum(phone.end - phone.start for phone in said) < 1
    assert all(a.end <= b.start + 1e-6 for a, b in pairwise(phones))
    ends = samples[: SAMPLE_RATE // 2], samples[-SAMPLE_RATE // 2 :]
    assert all(np.abs(end).max() < 1e-3 for end in ends)
    heard = samples[round(said[0].start * SAMPLE_RATE) : round(said[-1].end * SAMPLE_RATE)]
    assert np.sqrt(np.mean(heard**2)) > 0.01


def test_what_can_not_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="no text in 'xx'"):
        synthetic_presenter.say(4.0, "xx")
    result = CliRunner().invoke(_command(), ["-o", str(tmp_path / "a.mp4"), "--size", "large"])
    assert result.exit_code == 2
    assert "1280x720" in result.output
    assert list(tmp_path.iterdir()) == []


def _command():  # type: ignore[no-untyped-def]
    import typer

    app = typer.Typer()
    app.command()(synthetic_presenter.main)
    return app
