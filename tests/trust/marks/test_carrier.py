"""Patterns are found at any shift, and keys that were not used are not found."""

from __future__ import annotations

import math

import numpy as np
import pytest

from avatar_engine.contracts import FloatArray
from avatar_engine.trust.marks.carrier import FALSE_ALARM, Carrier, Found

NUMBER = 0xC0FFEE42


def ring(key: bytes = b"test") -> Carrier:
    radius = np.hypot(np.fft.fftfreq(96)[:, None], np.fft.rfftfreq(96)[None])
    return Carrier((96, 96), ((radius > 0.05) & (radius < 0.2)).astype(float), key)


def line(key: bytes = b"test") -> Carrier:
    return Carrier((4096,), np.where(np.fft.rfftfreq(4096) < 0.3, 1.0, 0.0), key)


@pytest.mark.parametrize("carrier", [ring(), line()])
def test_a_pattern_in_noise_is_found_where_it_was_shifted_to_and_read(carrier: Carrier) -> None:
    pattern = carrier.pattern(NUMBER)
    assert pattern.shape == carrier.shape
    assert pattern.mean() == pytest.approx(0, abs=1e-5) and pattern.std() == pytest.approx(1, rel=1e-3)
    shift = tuple(range(17, 17 + 5 * pattern.ndim, 5))
    noise = np.random.default_rng(0).normal(0, 2, carrier.shape)
    found = carrier.find(np.roll(pattern, shift, range(pattern.ndim)) + noise)
    assert found.there and found.number == NUMBER
    assert found.shift == pytest.approx(shift)


def test_a_pattern_between_two_samples_is_found_and_read() -> None:
    fine = ring().pattern(NUMBER, 2)
    assert fine.shape == (192, 192)
    found = ring().find(np.roll(fine, (13, 180), (0, 1))[::2, ::2])
    assert found.there and found.number == NUMBER
    assert found.shift == pytest.approx((6.5, 90.0))


def test_the_size_of_what_was_received_does_not_count() -> None:
    received = ring().pattern(NUMBER) + np.random.default_rng(1).normal(0, 2, (96, 96))
    assert ring().find(received * 1e-6).strength == pytest.approx(ring().find(received).strength)


def test_another_key_finds_nothing_in_a_strong_mark() -> None:
    found = ring(b"other").find(ring().pattern(NUMBER))
    assert not found.there and found.chance > 0.001


def strengths(received: FloatArray, keys: int) -> list[Found]:
    return [line(b"%d" % key).find(received) for key in range(keys)]


@pytest.mark.parametrize("kind", ["noise", "step", "tone and clicks"])
def test_the_chance_of_a_false_alarm_is_below_what_is_said_whatever_was_received(kind: str) -> None:
    time = np.arange(4096)
    received = {
        "noise": np.random.default_rng(0).normal(0, 1, 4096),
        "step": (time > 1000).astype(float),
        "tone and clicks": np.sin(time / 7) + 30 * (time % 512 == 0),
    }[kind]
    found = strengths(received.astype(np.float32), 300)
    for chance in (0.5, 0.1, 0.02):
        assert np.mean([one.chance <= chance for one in found]) <= chance
    assert not any(one.there for one in found)


def test_many_trials_make_a_find_less_certain() -> None:
    received = line().pattern(NUMBER) + np.random.default_rng(3).normal(0, 6, 4096)
    once = line().find(received)
    often = once.among(50)
    assert once.strength == often.strength
    assert often.chance == pytest.approx(50 * once.chance)


def test_nothing_received_is_nothing_found() -> None:
    found = line().find(np.zeros(4096))
    assert not found.there and found.chance == 1.0 and not Found().there
    assert math.isclose(FALSE_ALARM, 1e-5)
