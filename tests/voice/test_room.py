"""The room's tone: of the recording's own colour, bounded, and without a seam."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avatar_engine.bundle import Bundle
from avatar_engine.contracts import SAMPLE_RATE, FloatArray
from avatar_engine.voice import clean, room
from avatar_engine.voice.room import LOOP, LOUDEST, QUIETEST, RoomTone


def level(samples: FloatArray) -> float:
    return float(10 * np.log10(np.square(samples, dtype=np.float64).mean() + 1e-30))


def share_above(samples: FloatArray, hertz: float) -> float:
    power = np.square(np.abs(np.fft.rfft(samples.reshape(-1))))
    return float(power[np.fft.rfftfreq(samples.size, 1 / SAMPLE_RATE) > hertz].sum() / power.sum())


def hiss(decibels: float, low: float, seconds: float = 4.0) -> FloatArray:
    """Noise above ``low`` hertz."""
    count = round(seconds * SAMPLE_RATE)
    white = np.fft.rfft(np.random.default_rng(3).normal(size=count))
    white[np.fft.rfftfreq(count, 1 / SAMPLE_RATE) < low] = 0
    made = np.fft.irfft(white, count)
    return np.asarray(made * 10 ** (decibels / 20) / np.sqrt(np.square(made).mean()), np.float32)


@pytest.fixture(autouse=True)
def nobody_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clean, "_speaking", lambda samples: np.zeros(len(samples), np.bool_))


@pytest.mark.parametrize(("recorded", "wanted"), [(-70.0, -70.0), (-30.0, LOUDEST), (-110.0, QUIETEST)])
def test_it_is_as_loud_as_the_room_within_bounds(recorded: float, wanted: float) -> None:
    tone = RoomTone.of(hiss(recorded, 0.0))
    assert level(tone.noise) == pytest.approx(wanted, abs=2.5)
    assert level(tone.loop()) == pytest.approx(wanted, abs=2.5)


def test_it_has_the_rooms_colour() -> None:
    assert share_above(RoomTone.of(hiss(-70, 5000)).loop(), 5000) > 0.9
    assert share_above(RoomTone.quiet().loop(), 5000) < 0.1


def test_a_recording_without_pauses_has_a_quiet_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clean, "_speaking", lambda samples: np.ones(len(samples), np.bool_))
    assert np.array_equal(RoomTone.of(hiss(-50, 0)).noise, RoomTone.quiet().noise)
    assert np.array_equal(RoomTone.of(np.zeros(SAMPLE_RATE, np.float32)).noise, RoomTone.quiet().noise)
    assert QUIETEST - 0.1 <= level(RoomTone.quiet().noise) <= LOUDEST + 0.1


def test_the_loop_has_no_seam_and_no_silence() -> None:
    loop = RoomTone.quiet().loop()
    assert loop.shape == (LOOP, 960) and loop.dtype == np.float32
    whole = loop.reshape(-1)
    steps = np.abs(np.diff(whole))
    assert abs(whole[0] - whole[-1]) <= steps.max()
    around = np.concatenate([whole[-2400:], whole[:2400]])
    assert level(around) == pytest.approx(level(whole), abs=3)
    assert min(level(frame) for frame in loop) > level(whole) - 10


def test_a_clone_keeps_it_and_an_older_one_has_a_quiet_rooms(tmp_path: Path) -> None:
    tone, kept = RoomTone.of(hiss(-66, 1000)), {}

    class Writer:
        def add_tensors(self, part: str, tensors: dict[str, FloatArray]) -> None:
            kept[part] = tensors

    class Reader:
        parts = kept

        def tensors(self, part: str) -> dict[str, FloatArray]:
            return kept[part]

    old: Bundle = Reader()  # type: ignore[assignment]
    assert np.array_equal(RoomTone.load(old).noise, RoomTone.quiet().noise)
    tone.save(Writer())  # type: ignore[arg-type]
    assert list(kept) == [room.ROOM_PART]
    assert np.array_equal(RoomTone.load(old).noise, tone.noise)
