"""The benchmark that judges received recordings must see what it is there to see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import typer

from avatar_engine.broadcast import Broadcast, OutputSpec, ProgrammeFormat
from avatar_engine.contracts import ProgrammeFrame
from benchmarks.received import flashes, judge, timing
from tests.servers import programme

LENGTH = 1024 / 48_000


def times(seconds: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    video = np.arange(round(seconds * 25)) / 25
    audio = np.arange(round(seconds / LENGTH)) * LENGTH
    return video, audio, np.full(len(audio), LENGTH)


def test_a_perfect_recording() -> None:
    found = judge(*times(10))
    assert (found.pictures, found.fps, found.missing, found.repeated) == (250, 25.0, 0, 0)
    assert (found.sound_gaps, found.start_offset_ms, found.drift_ms, found.jitter_ms) == (0, 0, 0, 0)
    assert abs(found.end_offset_ms) < 11


def test_missing_and_repeated_pictures_are_counted() -> None:
    video, audio, length = times(10)
    found = judge(np.delete(video, [50, 51, 120]), audio, length)
    assert (found.missing, found.longest_gap_ms) == (3, 120.0)
    video[80] = video[79]
    assert judge(video, audio, length).repeated == 1


def test_late_sound_and_gaps_in_it_are_seen() -> None:
    video, audio, length = times(10)
    assert judge(video, audio + 0.1, length).start_offset_ms == 100
    found = judge(video, np.delete(audio, range(100, 110)), np.delete(length, range(100, 110)))
    assert found.sound_gaps == 1
    assert found.sound_missing_ms == pytest.approx(213.3, abs=1)
    assert found.drift_ms == pytest.approx(-213.3, abs=1)


def test_nothing_received_is_no_traceback() -> None:
    with pytest.raises(typer.BadParameter):
        judge(np.zeros(0), np.zeros(0), np.zeros(0))


@pytest.mark.parametrize("late", [0, 3])
def test_sound_that_is_late_is_measured_from_the_media(tmp_path: Path, late: int) -> None:
    """The sound of each frame goes out ``late`` frames after its picture."""
    path = tmp_path / "a.mp4"
    with Broadcast(ProgrammeFormat(320, 180), [OutputSpec.parse(path)]) as broadcast:
        for index in range(110):
            sound = programme(index - late).sound
            broadcast.send(ProgrammeFrame(index, programme(index).picture, sound), wait=True)
    found = flashes(path)
    assert found.count >= 3
    assert found.mean_ms == pytest.approx(40 * late, abs=3)
    assert timing(path).missing == 0
