"""Numbers are read through noise, and what is no number is not read as one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from avatar_engine.trust.marks.code import CODED, consent_number, decode, encode, shown


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32))
def test_a_number_is_read_through_noise_that_flips_a_sign_in_nine(number: int, seed: int) -> None:
    signs = encode(number)
    assert signs.shape == (CODED,) and set(np.unique(signs)) == {-1.0, 1.0}
    noisy = signs + np.random.default_rng(seed).normal(0, 0.4, CODED)
    noisy[:: CODED // 4] *= -1
    assert decode(noisy.astype(np.float32)) == number


def test_noise_of_the_signals_own_size_is_mostly_read_through() -> None:
    draw = np.random.default_rng(1)
    read = [decode(encode(n) + draw.normal(0, 0.8, CODED).astype(np.float32)) == n for n in range(60)]
    assert np.mean(read) > 0.8  # without the code: one in a million million


def test_noise_alone_is_no_number() -> None:
    draw = np.random.default_rng(2)
    assert not any(decode(draw.normal(0, 1, CODED).astype(np.float32)) is not None for _ in range(300))


def test_a_consent_has_one_number_and_another_one_another() -> None:
    assert consent_number("3f2a90c1" + 24 * "0") == 0x3F2A90C1 == consent_number("3f2a90c1" + 24 * "f")
    assert consent_number(32 * "f") == 2**32 - 1


def test_a_number_is_shown_as_the_start_of_the_consents_id() -> None:
    assert shown(0x3F2A90C1) == "3f2a90c1" and shown(7) == "00000007"
