from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from avatar_engine.contracts import (
    CONTROL_LIMITS,
    FRAME_RATE,
    SAMPLE_RATE,
    SAMPLES_PER_FRAME,
    Controls,
    Phone,
    Speech,
    join,
    phones_within,
)
from avatar_engine.errors import AvatarError


def test_a_frame_owns_a_whole_number_of_samples() -> None:
    assert SAMPLES_PER_FRAME * FRAME_RATE == SAMPLE_RATE


def test_speech_is_as_long_as_its_samples_and_does_not_change() -> None:
    speech = Speech(np.zeros(SAMPLE_RATE // 2, np.float32))
    assert speech.seconds == 0.5
    with pytest.raises(FrozenInstanceError):
        speech.phones = ()  # type: ignore[misc]


def said(phones: tuple[Phone, ...]) -> list[tuple[str, int, int]]:
    return [(p.symbol, round(p.start * SAMPLE_RATE), round(p.end * SAMPLE_RATE)) for p in phones]


def test_a_part_of_speech_has_its_own_phones() -> None:
    speech = Speech(np.arange(2400, dtype=np.float32), (Phone("m", 0, 0.05), Phone("a", 0.05, 0.1)))
    part = speech.part(600, 1800)
    assert part.samples[[0, -1]].tolist() == [600, 1799]
    assert said(part.phones) == [("m", 0, 600), ("a", 600, 1200)]
    assert said(phones_within(speech.phones, -240, 1440)) == [("m", 240, 1440)]
    assert speech.part(2400, 9999).phones == ()


@pytest.mark.parametrize("cut", [1, 1199, 1200, 1201, 2399])
def test_parts_joined_are_the_whole(cut: int) -> None:
    speech = Speech(np.arange(2400, dtype=np.float32), (Phone("m", 0, 0.05), Phone("a", 0.05, 0.1)))
    whole = join([speech.part(0, cut), speech.part(cut, 2400)])
    assert np.array_equal(whole.samples, speech.samples)
    assert said(whole.phones) == said(speech.phones)


def test_nothing_joined_is_nothing() -> None:
    assert join([]).seconds == 0 and join([]).phones == ()


@pytest.mark.parametrize("name", CONTROL_LIMITS)
def test_controls_out_of_their_range_are_refused(name: str) -> None:
    low, high = CONTROL_LIMITS[name]
    Controls(**{name: low}).check()
    Controls(**{name: high}).check()
    for value in (low - 0.1, high + 0.1, float("nan")):
        with pytest.raises(AvatarError, match=f"The {name} .* is out of range. Choose"):
            Controls(**{name: value}).check()


def test_an_unknown_emotion_is_refused_with_the_known_ones() -> None:
    with pytest.raises(AvatarError, match=r"no emotion 'angry'. Emotions: neutral, warm"):
        Controls(emotion="angry").check()
