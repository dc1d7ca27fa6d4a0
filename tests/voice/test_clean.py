import numpy as np
import pytest

from avatar_engine.contracts import SAMPLE_RATE
from avatar_engine.voice import align, clean
from avatar_engine.voice.clean import Place, cleaned


def words_and_rests(seconds: int = 6) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """A buzz of 150 Hz for a second, rest for a second, and so on; and where the buzz is."""
    at = np.arange(seconds * SAMPLE_RATE)
    buzz = (np.sin(2 * np.pi * 150 / SAMPLE_RATE * at[:, None] * np.arange(1, 9)).sum(1) * 0.04).astype(
        np.float32
    )
    spans = [(n * SAMPLE_RATE, (n + 1) * SAMPLE_RATE) for n in range(0, seconds, 2)]
    said = np.zeros(len(at), np.float32)
    for start, stop in spans:
        said[start:stop] = buzz[start:stop]
    return said, spans


@pytest.fixture(autouse=True)
def spans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(align, "speech_spans", lambda *_, **__: words_and_rests()[1])


def decibels(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(samples.astype(np.float64) ** 2) + 1e-12))


def test_noise_is_lowered_in_pauses_and_under_speech_which_stays() -> None:
    said, _ = words_and_rests()
    hiss = np.random.default_rng(2).normal(size=len(said)).astype(np.float32) * 0.008
    found = cleaned(said + hiss)
    assert found.shape == said.shape and found.dtype == np.float32
    rest = slice(SAMPLE_RATE + 2400, 2 * SAMPLE_RATE - 2400)
    assert decibels(found[rest]) < decibels(hiss) - 12
    within = slice(2 * SAMPLE_RATE + 2400, 3 * SAMPLE_RATE - 2400)
    left, before = found[within] - said[within], hiss[within]
    assert decibels(left) < decibels(before) - 6, "under the speech too"
    assert decibels(found[within]) == pytest.approx(decibels(said[within]), abs=0.5)


def test_a_quiet_room_stays_as_it_is() -> None:
    said, _ = words_and_rests()
    samples = said + np.random.default_rng(2).normal(size=len(said)).astype(np.float32) * 1e-4
    assert cleaned(samples) is samples


def test_a_breath_in_a_pause_is_not_the_rooms_noise() -> None:
    said, _ = words_and_rests()
    samples = said + np.random.default_rng(2).normal(size=len(said)).astype(np.float32) * 1e-4
    breath = np.random.default_rng(3).normal(size=SAMPLE_RATE // 3).astype(np.float32) * 0.03
    samples[SAMPLE_RATE + 6000 : SAMPLE_RATE + 6000 + len(breath)] += breath
    assert cleaned(samples) is samples


@pytest.mark.parametrize("rest", ["none", "digital silence"])
def test_where_no_pause_lets_the_room_be_heard_nothing_is_done(
    rest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, _ = words_and_rests()
    if rest == "none":
        monkeypatch.setattr(align, "speech_spans", lambda *_, **__: [(0, len(said))])
    assert cleaned(said) is said


def test_more_of_a_noise_has_its_level_and_colour() -> None:
    white = np.random.default_rng(4).normal(size=5 * SAMPLE_RATE)
    noise = np.convolve(white, np.ones(12) / 12, "same").astype(np.float32) * 0.02  # Hiss without its top.
    more = clean.alike(noise, 2 * SAMPLE_RATE)
    assert more.shape == (2 * SAMPLE_RATE,) and more.dtype == np.float32
    assert decibels(more) == pytest.approx(decibels(noise), abs=0.5)
    for low, high in ((100, 900), (2500, 3500), (6500, 7500)):
        bands = [np.abs(np.fft.rfft(sound)) ** 2 for sound in (noise, more)]
        at = [np.fft.rfftfreq(len(sound), 1 / SAMPLE_RATE) for sound in (noise, more)]
        levels = [
            10 * np.log10(band[(hertz > low) & (hertz < high)].sum() / len(sound) ** 2)
            for band, hertz, sound in zip(bands, at, (noise, more), strict=True)
        ]
        assert levels[0] == pytest.approx(levels[1], abs=1.0)
    assert np.array_equal(more, clean.alike(noise, 2 * SAMPLE_RATE)), "the same every time"
    assert not clean.alike(np.zeros(0, np.float32), 100).any()


def test_the_noise_of_a_recording_is_what_its_pauses_hold() -> None:
    said, _ = words_and_rests()
    hiss = np.random.default_rng(2).normal(size=len(said)).astype(np.float32) * 0.008
    assert decibels(Place.of(said + hiss).noise) == pytest.approx(decibels(hiss), abs=0.5)
    assert len(Place.of(said).noise) == 0


def test_what_is_moved_is_as_loud_as_the_place_and_in_its_noise() -> None:
    said, _ = words_and_rests()
    hiss = np.random.default_rng(2).normal(size=len(said)).astype(np.float32) * 0.004
    own = np.random.default_rng(3).normal(size=len(said)).astype(np.float32) * 0.02
    there = Place.of(said * 0.5 + hiss).hears(said * 2 + own)
    rest = slice(SAMPLE_RATE + 2400, 2 * SAMPLE_RATE - 2400)
    assert decibels(there[rest]) == pytest.approx(decibels(hiss), abs=1.5), (
        "the place's noise in place of its own"
    )
    assert decibels(there[:SAMPLE_RATE]) == pytest.approx(decibels(said[:SAMPLE_RATE] * 0.5), abs=1.0)
    assert there.dtype == np.float32 and there.shape == said.shape
