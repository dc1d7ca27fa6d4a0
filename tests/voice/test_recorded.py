import numpy as np
import pytest

from avatar_engine.contracts import SAMPLE_RATE, FloatArray, Phone, Speech
from avatar_engine.errors import AvatarError
from avatar_engine.voice import recorded
from avatar_engine.voice.speak import SILENCE


def tones(seconds: list[float], pitch: float = 1.0) -> FloatArray:
    """One chord after another, each unlike the others, with a little noise."""
    random = np.random.default_rng(1)
    parts = []
    for number, length in enumerate(seconds):
        time = np.arange(round(length * SAMPLE_RATE)) / SAMPLE_RATE
        chord = sum(np.sin(2 * np.pi * pitch * f * time) for f in (200 + 370 * number, 2900 - 330 * number))
        parts.append(0.1 * chord)
    whole = np.concatenate(parts)
    return (whole + random.normal(0, 0.003, len(whole))).astype(np.float32)


def spoken(seconds: list[float]) -> Speech:
    edges = np.concatenate([[0], np.cumsum(seconds)])
    phones = [Phone(s, float(a), float(b)) for s, a, b in zip("abcdef", edges, edges[1:], strict=False)]
    return Speech(tones(seconds), tuple(phones))


OWN, REAL = [0.2, 0.3, 0.25, 0.3, 0.2], [0.25, 0.2, 0.4, 0.25, 0.3]


def test_every_phone_is_found_where_it_is() -> None:
    phones, cost = recorded.phones(spoken(OWN), tones(REAL, pitch=1.03))
    edges = np.cumsum(REAL)
    assert [phone.symbol for phone in phones] == list("abcde")
    assert [phone.end for phone in phones] == pytest.approx(edges, abs=0.04)
    assert phones[0].start == 0 and phones[-1].end == pytest.approx(edges[-1], abs=1e-3)
    _, strange = recorded.phones(spoken(OWN), tones(REAL[::-1])[::-1].copy())
    assert strange > 1.5 * cost


def test_silence_at_the_ends_of_the_speech_is_not_warped() -> None:
    speech = spoken(OWN)
    rest = np.zeros(SAMPLE_RATE // 2, np.float32)
    moved = [Phone(p.symbol, p.start + 0.5, p.end + 0.5) for p in speech.phones]
    end = moved[-1].end
    quiet = Speech(
        np.concatenate([rest, speech.samples, rest]),
        (Phone(SILENCE, 0, 0.5), *moved, Phone(SILENCE, end, end + 0.5)),
    )
    phones, _ = recorded.phones(quiet, tones(REAL))
    assert [phone.end for phone in phones[1:-2]] == pytest.approx(np.cumsum(REAL)[:-1], abs=0.05)


def test_no_frame_is_squeezed_or_drawn_out_more_than_three_times() -> None:
    random = np.random.default_rng(0)
    model, real = (random.normal(size=(n, 6)).astype(np.float32) for n in (60, 90))
    bounds, _ = recorded.warp(model, real)
    assert bounds[0] == 0 and bounds[-1] == 90
    assert np.diff(bounds).min() >= 1 / 3 - 1e-9 and np.diff(bounds).max() <= 3


def test_the_same_lies_on_itself_and_lengths_that_fit_nowhere_are_stretched() -> None:
    random = np.random.default_rng(0)
    model = random.normal(size=(50, 6)).astype(np.float32)
    bounds, cost = recorded.warp(model, model)
    assert bounds.tolist() == list(range(51)) and cost < 0.01
    bounds, cost = recorded.warp(model, np.repeat(model, 5, 0))
    assert bounds == pytest.approx(np.arange(51) * 5) and np.isinf(cost)


def test_what_holds_no_words_is_refused() -> None:
    with pytest.raises(AvatarError, match="hold no words"):
        recorded.phones(spoken(OWN), np.zeros(1000, np.float32))
    mute = Speech(np.zeros(24000, np.float32), (Phone(SILENCE, 0, 1),))
    with pytest.raises(AvatarError, match="No phone"):
        recorded.phones(mute, tones(REAL))
