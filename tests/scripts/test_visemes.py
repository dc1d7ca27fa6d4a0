"""Phones to mouth shapes: who closes, who rounds, who rests."""

import numpy as np
import pytest
from portrait.mouth import Mouth
from portrait.visemes import mouth_track, stresses

from avatar_engine.contracts import SAMPLE_RATE, Phone, Speech


def speech(*phones: tuple[str, float], level: float = 0.2) -> Speech:
    """A tone while phones are said and nothing in the silences."""
    made, parts, at = [], [], 0.0
    for symbol, seconds in phones:
        made.append(Phone(symbol, at, at + seconds))
        count = round((at + seconds) * SAMPLE_RATE) - round(at * SAMPLE_RATE)
        parts.append(
            np.full(count, 0 if symbol == "_" else level, np.float32) * np.sin(np.arange(count) * 0.05)
        )
        at += seconds
    return Speech(np.concatenate(parts).astype(np.float32), tuple(made))


def after(*pieces: Speech) -> Speech:
    """Pieces one after another."""
    phones, at = [], 0.0
    for piece in pieces:
        phones += [Phone(p.symbol, at + p.start, at + p.end) for p in piece.phones]
        at += piece.seconds
    return Speech(np.concatenate([piece.samples for piece in pieces]), tuple(phones))


def shapes(said: Speech) -> list[Mouth]:
    return mouth_track(said.phones, said.samples)


def test_the_mouth_is_closed_and_still_in_pauses() -> None:
    said = speech(("_", 0.6), ("ɑ", 0.4), ("_", 1.2), ("i", 0.3), ("_", 0.4))
    mouths = shapes(said)
    rest = [*mouths[:12], *mouths[30:52], *mouths[66:]]
    assert {(m.opening, m.width, m.rounding, m.lift, m.press, m.tongue) for m in rest} == {(0, 0, 0, 0, 0, 0)}
    assert max(m.opening for m in mouths[15:25]) > 0.4


@pytest.mark.parametrize("closed", ["p", "b", "m"])
def test_lips_meet_on_p_b_m_between_open_vowels(closed: str) -> None:
    mouths = shapes(speech(("ɑ", 0.32), (closed, 0.08), ("ɑ", 0.32)))
    gaps = [m.gap for m in mouths]
    assert min(gaps[7:11]) < 0.12 * max(gaps)
    assert max(m.press for m in mouths[7:11]) > 0.75
    assert max(m.press for m in mouths[:5]) < 0.05


def test_vowels_differ_as_they_do_on_a_face() -> None:
    shape = {v: shapes(speech((v, 0.4)))[5] for v in ("ɑ", "ɛ", "i", "u")}
    assert shape["ɑ"].opening > shape["ɛ"].opening > shape["i"].opening
    assert shape["i"].width > 0.5 > shape["u"].width
    assert shape["u"].rounding > 0.8 > 0.2 > shape["i"].rounding


def test_a_rounded_vowel_rounds_the_consonant_before_it() -> None:
    before_u = shapes(speech(("t", 0.12), ("u", 0.3)))[1].rounding
    before_i = shapes(speech(("t", 0.12), ("i", 0.3)))[1].rounding
    assert before_u > before_i + 0.2


def test_louder_opens_wider() -> None:
    quiet, loud = speech(("ɑ", 0.4), level=0.04), speech(("ɑ", 0.4), level=0.4)
    mouths = shapes(after(quiet, loud))
    assert mouths[15].opening > 1.15 * mouths[5].opening


def test_motion_is_smooth() -> None:
    said = speech(*[(s, 0.09) for s in "hɛloʊjuɑɹkaɪndlisɪnʃɔ"])
    opening = np.array([m.opening for m in shapes(said)])
    assert np.abs(np.diff(opening)).max() < 0.45


def test_a_diphthong_moves() -> None:
    mouths = shapes(speech(("aɪ", 0.4)))
    assert mouths[2].opening > mouths[8].opening + 0.2
    assert mouths[8].width > mouths[2].width + 0.2


def test_stress_falls_on_the_loud_syllables_alone() -> None:
    said = after(*[speech(("ɑ", 0.8), level=v) for v in (0.05, 0.4, 0.05)])
    stress = stresses(said.samples)
    assert stress.shape == (60,)
    assert 20 <= int(np.argmax(stress)) < 40
    assert stress.max() > 0.8
    assert stress[:14].max() < 0.1 > stress[46:].max()
    assert not stresses(np.zeros(24_000, np.float32)).any()


def test_an_unknown_symbol_is_neutral_speech() -> None:
    assert 0.05 < shapes(speech(("☃", 0.4)))[5].opening < 0.4
