"""Whose time is when: the recording's and another voice's, and the shapes that belong to an echo."""

from __future__ import annotations

import numpy as np
import pytest

from avatar_engine.contracts import SAMPLES_PER_FRAME
from avatar_engine.lips.echo import REST, Said, echo, own_time, real_time
from tests.lips.likeness.test_spoken import speech, stretch


def test_own_time_runs_evenly_in_a_phone_and_as_it_is_outside() -> None:
    said = Said(speech([0, 0.1, 0.3, 0.5, 0.9]), stretch([0, 0.2, 0.3, 0.7, 0.8], start=10))
    times = np.array([9.0, 10.1, 10.2, 10.25, 10.3, 10.5, 10.7, 10.75, 11.7])
    wanted = [-1.1, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 1.5]
    assert own_time(said, times) == pytest.approx(wanted, abs=1e-4)


def test_own_time_survives_a_phone_that_is_squeezed_to_nothing() -> None:
    said = Said(speech([0, 0.1, 0.3, 0.5, 0.9]), stretch([0, 0.2, 0.2, 0.7, 0.8]))
    times = own_time(said, np.linspace(0, 1, 50))
    assert np.all(np.diff(times) >= 0)


def test_real_time_is_own_time_turned_round() -> None:
    said = Said(speech([0, 0.1, 0.3, 0.5, 0.9]), stretch([0, 0.2, 0.3, 0.7, 0.8], start=10))
    times = np.linspace(8, 12, 80)
    assert real_time(said, own_time(said, times)) == pytest.approx(times, abs=1e-6)


def test_an_echo_has_the_place_of_every_picture_in_the_recording() -> None:
    first = Said(speech([0, 0.1, 0.5, 0.9, 1.0]), stretch([0, 0.2, 0.4, 0.6, 0.7], start=1))
    second = Said(speech([0, 0.1, 0.5, 0.9, 1.0]), stretch([0, 0.2, 0.4, 0.6, 0.7], start=4))
    made = echo([first, second], 150)
    each = int((1.0 + 2 * REST) * 25)
    assert len(made.pictures) == 2 * each
    assert len(made.samples) == 2 * each * SAMPLES_PER_FRAME
    # 0.3 s into the first speech is the middle of its first phone, which is said at 1.3 s
    place = round((REST + 0.3) * 25 - 0.5)
    assert made.pictures[place] == pytest.approx(1.3 * 25 - 0.5, abs=0.6)
    assert made.pictures[each + place] == pytest.approx(4.3 * 25 - 0.5, abs=0.6)
    middle = (1.7 + 4.0) / 2 * 25
    assert made.pictures[:each].max() <= middle <= made.pictures[each:].min() + 1
    assert made.pictures[0] == pytest.approx((1.2 - REST - 0.1) * 25, abs=0.6)
    assert np.all(np.diff(made.pictures[:each]) >= 0)


def test_an_echo_stays_within_the_minute() -> None:
    said = Said(speech([0, 0.1, 0.5, 0.9, 1.0]), stretch([0, 0.2, 0.4, 0.6, 0.7]))
    made = echo([said], 16)
    assert made.pictures.min() == 0
    assert made.pictures.max() == 15
