import numpy as np
import pytest

from avatar_engine.voice.melody import SPREADS, Melody, melody, towards


def curve(middle: float, spread: float, count: int = 4000) -> np.ndarray:
    """A tracked pitch whose logarithm is normal: Hz and semitones."""
    deviations = np.random.default_rng(1).normal(size=count)
    pitch = middle * 2 ** (deviations * spread / 12)
    pitch[::3] = 0
    return pitch.astype(np.float32)


def test_a_melody_has_its_middle_and_its_width_in_semitones() -> None:
    found = melody(curve(180, 3.0))
    assert found is not None
    assert found.middle == pytest.approx(180, rel=0.01) and found.spread == pytest.approx(3.0, rel=0.05)


def test_slips_by_an_octave_move_neither() -> None:
    pitch = curve(180, 2.0)
    pitch[1::25] /= 2
    found = melody(pitch)
    assert found is not None
    assert found.middle == pytest.approx(180, rel=0.02) and found.spread == pytest.approx(2.0, rel=0.25)


def test_silence_has_no_melody() -> None:
    assert melody(np.zeros(100, np.float32)) is None


def test_a_register_leads_from_what_is_heard_to_the_person() -> None:
    shift, spread = towards((0.1, 0.9), Melody(200, 3), Melody(100, 2))
    assert shift == pytest.approx(0.1 - np.log(2)) and spread == pytest.approx(0.6)
    assert towards((0.0, 1.0), Melody(100, 4), Melody(100, 0.5))[1] == SPREADS[0]
    assert towards((0.0, 1.0), Melody(60, 1), Melody(400, 9)) == (0.6, SPREADS[1])
