from __future__ import annotations

import hashlib
import shutil
import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.clone import intake as intakes
from avatar_engine.clone.check import judge_clip, judge_sound
from avatar_engine.clone.intake import check_sound, intake, put_in_step
from avatar_engine.clone.speech import speech_windows
from avatar_engine.clone.sync import Sync
from avatar_engine.clone.takes import TakeLag
from avatar_engine.contracts import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.face.track import FaceTrack
from avatar_engine.media.read import frame_count, sound
from avatar_engine.media.write import VideoWriter
from tests.clone.speaking import disturbed, face_track, speaking_mouth
from tests.media.clips import Clip, make

SECONDS = 30
FRAMES = SECONDS * FRAME_RATE


@pytest.fixture(scope="module")
def spoken() -> tuple[FloatArray, FloatArray]:
    return speaking_mouth(SECONDS)


@pytest.fixture(autouse=True)
def every_window_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The arithmetic speaker is not speech to the network all of the time; what is judged here is the intake."""
    monkeypatch.setattr(intakes, "speech_windows", lambda samples: np.ones(len(samples) // 768, np.bool_))


@pytest.fixture(scope="module")
def good_clip(spoken: tuple[FloatArray, FloatArray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clip(tmp_path_factory.mktemp("good") / "clip.mp4", spoken[0])


@pytest.fixture(scope="module")
def good_work(
    good_clip: Path, spoken: tuple[FloatArray, FloatArray], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A working folder into which the good clip was taken; tests take a copy."""
    work = tmp_path_factory.mktemp("taken") / "work"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(intakes, "speech_windows", lambda samples: np.ones(len(samples) // 768, np.bool_))
        intake(good_clip, work, track=face_track(spoken[1]))
    return work


def clip(path: Path, samples: FloatArray) -> Path:
    with VideoWriter(path, 64, 48, crf=30, preset="ultrafast") as writer:
        picture = np.full((72, 64), 100, np.uint8)
        for k in range(len(samples) // SAMPLES_PER_FRAME):
            writer.picture(picture)
            writer.sound(samples[k * SAMPLES_PER_FRAME : (k + 1) * SAMPLES_PER_FRAME])
    return path


def test_a_good_clip_is_taken_in_and_taken_again_for_nothing(
    tmp_path: Path, good_clip: Path, spoken: tuple[FloatArray, FloatArray], monkeypatch: pytest.MonkeyPatch
) -> None:
    video, work = good_clip, tmp_path / "work"
    track = face_track(spoken[1])
    stages: list[str] = []
    taken = intake(video, work, lambda stage, done, note="": stages.append(stage), track=track)
    assert frame_count(taken.footage) == FRAMES
    assert len(sound(taken.sound)) == FRAMES * SAMPLES_PER_FRAME
    with wave.open(str(taken.sound)) as file:
        assert (file.getframerate(), file.getnframes()) == (SAMPLE_RATE, FRAMES * SAMPLES_PER_FRAME)
    assert abs(taken.offset_ms) < 25
    assert not taken.corrected
    assert [warning[:27] for warning in taken.warnings] == ["There are only 30 s of speech"[:27]]
    assert taken.info.sample_rate == 48_000
    assert {"footage", "sync"} <= set(stages)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("done already")

    for name in ("normalise", "measure"):
        monkeypatch.setattr(intakes, name, never)
    monkeypatch.setattr(intakes.tracks, "track", never)
    assert len(sound(taken.filmed_sound)) >= FRAMES * SAMPLES_PER_FRAME - SAMPLES_PER_FRAME
    taken = replace(taken, takes=(TakeLag(0, 300, -20.0, 0.1), TakeLag(300, FRAMES, 40.0, 0.2)))
    intakes._keep(work, hashlib.sha256(video.read_bytes()).hexdigest(), taken)
    again = intake(video, work)
    assert replace(again, track=taken.track) == taken
    assert np.array_equal(again.track.points, track.points)
    monkeypatch.undo()


def test_another_clip_in_the_same_folder_is_not_mistaken_for_it(tmp_path: Path, good_work: Path) -> None:
    work = Path(shutil.copytree(good_work, tmp_path / "work"))
    assert frame_count(work / "footage.mp4") == FRAMES
    other, mouth = speaking_mouth(SECONDS - 4, seed=8)
    taken = intake(clip(tmp_path / "two.mp4", other), work, track=face_track(mouth))
    assert frame_count(taken.footage) == FRAMES - 4 * FRAME_RATE


def test_a_stopped_intake_goes_on_after_the_pictures(
    tmp_path: Path, good_clip: Path, spoken: tuple[FloatArray, FloatArray], monkeypatch: pytest.MonkeyPatch
) -> None:
    video, work = good_clip, tmp_path / "work"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(intakes.tracks, "track", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        intake(video, work)
    monkeypatch.setattr(intakes, "normalise", None)  # must not be called again
    calls: list[Path] = []

    def tracked(footage: Path, progress: object) -> FaceTrack:
        calls.append(footage)
        return face_track(spoken[1])

    monkeypatch.setattr(intakes.tracks, "track", tracked)
    assert intake(video, work).speech_seconds > 20
    assert calls == [work / "footage.mp4"]


@pytest.mark.parametrize(("offset", "drift"), [(-200, 0), (120, -300)])
def test_sound_out_of_step_is_mended(
    spoken: tuple[FloatArray, FloatArray], offset: float, drift: float
) -> None:
    samples, opening = spoken
    step = put_in_step(disturbed(samples, offset, drift), opening, np.ones(FRAMES, np.bool_))
    assert step.corrected
    assert step.source.offset_ms == pytest.approx(offset, abs=25)
    assert step.source.drift_ms_per_minute == pytest.approx(drift, abs=40)
    assert abs(step.left.offset_ms) < 15
    assert len(step.samples) == FRAMES * SAMPLES_PER_FRAME
    assert any("put in step" in warning for warning in step.warnings)
    inner = slice(2 * SAMPLE_RATE, -2 * SAMPLE_RATE)
    envelope = [np.convolve(np.abs(s[inner]), np.ones(2400) / 2400, "same") for s in (step.samples, samples)]
    assert np.corrcoef(envelope)[0, 1] > 0.97


def test_sound_in_step_is_left_alone(spoken: tuple[FloatArray, FloatArray]) -> None:
    samples, opening = spoken
    step = put_in_step(disturbed(samples, 20, 0), opening, np.ones(FRAMES, np.bool_))
    assert not step.corrected
    assert step.warnings == ()


def test_takes_that_stand_apart_are_put_in_step(spoken: tuple[FloatArray, FloatArray]) -> None:
    samples, opening = spoken
    takes, found = [(0, 250), (250, 500), (500, FRAMES)], np.ones(FRAMES, np.bool_)
    wrong = samples.copy()
    wrong[10 * SAMPLE_RATE : 20 * SAMPLE_RATE] = np.roll(
        samples[10 * SAMPLE_RATE : 20 * SAMPLE_RATE], SAMPLE_RATE // 10
    )
    step = put_in_step(wrong, opening, found, takes)
    assert step.corrected
    assert step.takes[1].lag_ms == pytest.approx(100, abs=20)
    assert any("3 takes whose sound stands" in warning for warning in step.warnings)
    assert step.left.correlation > step.source.correlation
    inner = slice(11 * SAMPLE_RATE, 19 * SAMPLE_RATE)
    mended, right, was = (
        np.convolve(np.abs(s[inner]), np.ones(2400) / 2400, "same") for s in (step.samples, samples, wrong)
    )
    assert np.corrcoef(mended, right)[0, 1] > 0.9 > np.corrcoef(was, right)[0, 1] + 0.2
    assert all(abs(take.lag_ms) <= 10 for take in put_in_step(samples, opening, found, takes).takes)


def test_the_sound_of_another_mouth_is_refused(spoken: tuple[FloatArray, FloatArray]) -> None:
    stranger, _ = speaking_mouth(SECONDS, seed=77)
    with pytest.raises(AvatarError, match="does not follow the sound"):
        put_in_step(stranger, spoken[1], np.ones(FRAMES, np.bool_))


def test_too_much_drift_is_refused(spoken: tuple[FloatArray, FloatArray]) -> None:
    samples, opening = spoken
    with pytest.raises(AvatarError, match=r"slides against the picture by [+]5\d\d ms from 0 s to 30 s"):
        put_in_step(disturbed(samples, 0, 1100), opening, np.ones(FRAMES, np.bool_))


def test_doubt_is_a_warning(spoken: tuple[FloatArray, FloatArray], monkeypatch: pytest.MonkeyPatch) -> None:
    doubt = Sync(offset_ms=200.0, drift_ms_per_minute=0.0, correlation=0.22, clarity=5.0)
    monkeypatch.setattr(intakes, "measure", lambda *_: doubt)
    step = put_in_step(spoken[0], spoken[1], np.ones(FRAMES, np.bool_))
    assert not step.corrected
    assert np.array_equal(step.samples, spoken[0])
    assert any("could not be told for sure (offset +200 ms" in warning for warning in step.warnings)


def test_a_cut_in_the_sound_is_named(spoken: tuple[FloatArray, FloatArray]) -> None:
    samples, opening = spoken
    other, _ = speaking_mouth(SECONDS, seed=31)
    mixed = np.concatenate([samples[: 17 * SAMPLE_RATE], other[17 * SAMPLE_RATE :]])
    step = put_in_step(mixed, opening, np.ones(FRAMES, np.bool_))
    assert any("From 18 s to 30 s the mouth does not follow" in warning for warning in step.warnings)


# --- the sound ----------------------------------------------------------------------------------------------


def test_silence_is_refused() -> None:
    with pytest.raises(AvatarError, match=r"silent from 0 s to 30\.0 s"):
        check_sound(np.full(30 * SAMPLE_RATE, 1e-4, np.float32), [])


def test_too_little_speech_is_refused_with_the_longest_pause(
    monkeypatch: pytest.MonkeyPatch, spoken: tuple[FloatArray, FloatArray]
) -> None:
    windows = np.zeros(938, np.bool_)
    windows[:500] = True
    monkeypatch.setattr(intakes, "speech_windows", lambda samples: windows)
    with pytest.raises(AvatarError, match=r"16\.0 s of speech in 30\.0 s \(none from 16\.0 s to 30\.0 s\)"):
        check_sound(spoken[0], [])


def test_overdriven_and_noisy_sound_is_told(
    monkeypatch: pytest.MonkeyPatch, spoken: tuple[FloatArray, FloatArray]
) -> None:
    samples = spoken[0]
    quiet = samples.copy()
    quiet[25 * SAMPLE_RATE :] = 1e-3
    speaking = np.arange(len(samples) // 768) < 25 * SAMPLE_RATE // 768
    monkeypatch.setattr(intakes, "speech_windows", lambda heard: speaking)
    monkeypatch.setattr(judge_sound, "GOOD_SPEECH_SECONDS", 20.0)
    warnings: list[str] = []
    check_sound(quiet, warnings)
    assert warnings == []
    check_sound(np.clip(quiet * 20, -1, 1), warnings)
    assert any("overdriven" in warning for warning in warnings)
    warnings.clear()
    noise = np.random.default_rng(1).normal(0, 0.05, len(quiet)).astype(np.float32)
    check_sound(quiet + noise, warnings)
    assert len(warnings) == 1 and "room is loud" in warnings[0]


def test_noise_is_no_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intakes, "speech_windows", speech_windows)
    noise = np.random.default_rng(1).normal(0, 0.1, 30 * SAMPLE_RATE).astype(np.float32)
    with pytest.raises(AvatarError, match=r"There are 0\.\d s of speech"):
        check_sound(noise, [])


# --- the file -----------------------------------------------------------------------------------------------


def test_short_clips_are_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match=r"lasts 3\.0 s; at least 25 s"):
        intake(make(tmp_path / "short.mp4", Clip()), tmp_path / "work")
    assert not (tmp_path / "work" / "footage.mp4").exists()


def test_long_clips_are_cut_with_a_warning(
    tmp_path: Path, good_clip: Path, spoken: tuple[FloatArray, FloatArray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge_clip, "MOST_SECONDS", 27.0)
    taken = intake(good_clip, tmp_path / "work", track=face_track(spoken[1][:675]))
    assert taken.info.frames == 675
    assert any("Only the first 0.5 of 0.5 minutes" in warning for warning in taken.warnings)


def test_bad_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="There is no file"):
        intake(tmp_path / "none.mp4", tmp_path / "work")
    with pytest.raises(AvatarError, match="no sound"):
        intake(make(tmp_path / "film.mp4", Clip(sound=False, seconds=26)), tmp_path / "work")
    garbage = tmp_path / "garbage.mov"
    garbage.write_bytes(b"not a film" * 100)
    with pytest.raises(AvatarError, match="not a media file"):
        intake(garbage, tmp_path / "work")
