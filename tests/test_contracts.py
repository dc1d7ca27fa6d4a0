from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from avatar_engine.contracts import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME, Speech


def test_a_frame_owns_a_whole_number_of_samples() -> None:
    assert SAMPLES_PER_FRAME * FRAME_RATE == SAMPLE_RATE


def test_speech_is_as_long_as_its_samples_and_does_not_change() -> None:
    speech = Speech(np.zeros(SAMPLE_RATE // 2, np.float32))
    assert speech.seconds == 0.5
    with pytest.raises(FrozenInstanceError):
        speech.phones = ()  # type: ignore[misc]
