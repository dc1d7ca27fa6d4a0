"""The whole check of a clip on the disk: detector and recogniser are stood in for, everything else is real."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from avatar_engine.clone.check import run, show
from avatar_engine.clone.check.finding import Verdict
from avatar_engine.contracts import SAMPLE_RATE, SAMPLES_PER_FRAME, ByteArray, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.media.write import VideoWriter
from avatar_engine.voice.align import Stretch
from tests.clone.check.test_looks import placed
from tests.clone.speaking import disturbed, speaking_mouth
from tests.media.clips import Clip, make

SECONDS = 30
SIZE = (320, 240)


class Presenter:
    """A landmarker that sees a mouth move as it is told, one picture in two."""

    opening: FloatArray = np.zeros(0, np.float32)
    there = True

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def detect(self, picture: ByteArray) -> list[tuple[FloatArray, FloatArray]]:
        points = placed(0, 60, 160 + 90j)
        points[(13, 14), :2] = (160, 140)
        points[14, 1] += 60 * self.opening[min(self.count * 2, len(self.opening) - 1)]
        self.count += 1
        return [(points, np.zeros(3, np.float32))] if self.there else []


def clip(path: Path, samples: FloatArray) -> Path:
    picture = np.full((SIZE[1] * 3 // 2, SIZE[0]), 110, np.uint8)
    with VideoWriter(path, *SIZE, crf=30, preset="ultrafast") as writer:
        for k in range(len(samples) // SAMPLES_PER_FRAME):
            writer.picture(picture)
            writer.sound(samples[k * SAMPLES_PER_FRAME : (k + 1) * SAMPLES_PER_FRAME])
    return path


@pytest.fixture(scope="module")
def spoken() -> tuple[FloatArray, FloatArray]:
    return speaking_mouth(SECONDS)


@pytest.fixture(autouse=True)
def stand_ins(monkeypatch: pytest.MonkeyPatch, spoken: tuple[FloatArray, FloatArray]) -> None:
    monkeypatch.setattr(run.models, "path", lambda name: Path(name))
    monkeypatch.setattr(Presenter, "opening", spoken[1])
    monkeypatch.setattr(run, "Landmarker", Presenter)
    monkeypatch.setattr(run, "speech_windows", lambda samples: np.arange(len(samples) // 768) % 100 < 80)
    heard = [Stretch(0, 2 * SAMPLE_RATE, "Put the big book by me.")]
    monkeypatch.setattr(run.align, "transcribe", lambda *_: (heard, "en"))


def test_sound_that_comes_late_is_measured_and_named(
    tmp_path: Path, spoken: tuple[FloatArray, FloatArray]
) -> None:
    stages: dict[str, float] = {}

    def told(stage: str, done: float, note: str = "") -> None:
        stages[stage] = done

    found = run.check(clip(tmp_path / "late.mp4", disturbed(spoken[0], 200, 0)), progress=told)
    assert stages == {"pictures": 1.0, "sound": 1.0, "sync": 1.0}
    assert found.sync is not None and found.sync.offset_ms == pytest.approx(200, abs=25)
    topics = {finding.topic: finding for finding in found.findings}
    assert "too late" in topics["sound in step"].said
    assert topics["length"].verdict is Verdict.COULD_BE_BETTER and found.info.frames == SECONDS * 25
    assert topics["phones"].verdict is Verdict.COULD_BE_BETTER and found.words.phones is not None
    assert found.words.phones["b"] == 3
    assert topics["one person"].verdict is topics["one take"].verdict is Verdict.GOOD
    assert found.verdict is Verdict.COULD_BE_BETTER


def test_a_clip_without_a_face_is_checked_as_far_as_it_goes(
    tmp_path: Path, spoken: tuple[FloatArray, FloatArray], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Presenter, "there", False)
    found = run.check(clip(tmp_path / "room.mp4", spoken[0]))
    assert found.verdict is Verdict.WILL_FAIL and found.sync is None
    assert "No face is seen" in next(f.said for f in found.findings if f.topic == "face")
    assert any(f.topic == "reverberation" for f in found.findings)


def test_silence_is_checked_as_far_as_it_goes(tmp_path: Path) -> None:
    found = run.check(clip(tmp_path / "mute.mp4", np.zeros(26 * SAMPLE_RATE, np.float32)))
    assert found.verdict is Verdict.WILL_FAIL
    assert [f.topic for f in found.findings if f.verdict is Verdict.WILL_FAIL] == ["speech"]


def test_bad_files_and_languages_are_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(AvatarError, match="There is no file"):
        run.check(tmp_path / "none.mp4")
    with pytest.raises(AvatarError, match="no sound"):
        run.check(make(tmp_path / "film.mp4", Clip(sound=False)))
    with pytest.raises(AvatarError, match="does not speak the language 'tlh'"):
        run.check(make(tmp_path / "short.mp4", Clip()), language="tlh")


def test_a_fault_in_the_listening_thread_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise AvatarError("The sound is broken.")

    monkeypatch.setattr(run, "read_sound", broken)
    with pytest.raises(AvatarError, match="sound is broken"):
        run.check(make(tmp_path / "short.mp4", Clip()))


def test_words_without_a_voice_or_without_sense(
    monkeypatch: pytest.MonkeyPatch, spoken: tuple[FloatArray, FloatArray]
) -> None:
    heard = run.hear(spoken[0], np.ones(len(spoken[0]) // 768, np.bool_))
    monkeypatch.setattr(run.align, "transcribe", lambda *_: ([Stretch(0, 9, "hei")], "fi"))
    foreign = run.understood(spoken[0], heard, "auto")
    assert foreign.language == "fi" and foreign.phones is None and not foreign.refusal

    def nothing(*_: Any) -> None:
        raise AvatarError("No word was understood in the recording.")

    monkeypatch.setattr(run.align, "transcribe", nothing)
    assert "No word" in run.understood(spoken[0], heard, "auto").refusal


@pytest.mark.parametrize("seconds", [0.08, 0.6, 2.0])
def test_a_snippet_is_judged_too_short_and_not_crashed_upon(tmp_path: Path, seconds: float) -> None:
    random = np.random.default_rng(1)
    samples = random.normal(0, 0.1, round(seconds * SAMPLE_RATE)).astype(np.float32)
    found = run.check(clip(tmp_path / "snippet.mp4", samples))
    assert found.verdict is Verdict.WILL_FAIL
    assert f"lasts {seconds:.1f} s" in found.findings[0].said
    assert show.as_html(found) and show.as_json(found)
