import numpy as np
import pytest

from avatar_engine.broadcast.pacer import AHEAD, WARM_UP, Pacer
from avatar_engine.contracts import FRAME_RATE

FRAME = 1 / FRAME_RATE


class Clock:
    """Time that passes only when told."""

    def __init__(self) -> None:
        self.now = 100.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pacer(clock):
    return Pacer(lambda: clock.now, clock.sleep)


def test_frames_go_out_a_frame_apart_however_fast_they_are_made(clock, pacer):
    times = []
    for index in range(100):
        clock.now += 0.003 + 0.02 * (index % 2)  # the work
        pacer.wait(index)
        times.append(clock.now)
    assert np.diff(times) == pytest.approx(FRAME)
    assert (pacer.late, pacer.given_up) == (0, 0)


def test_no_drift_over_a_day(clock, pacer):
    pacer.wait(0)
    start = clock.now
    pacer.wait(24 * 3600 * FRAME_RATE)
    assert clock.now - start == pytest.approx(24 * 3600, abs=1e-6)


def test_a_slow_frame_within_the_slack_is_not_late_and_is_caught_up(clock, pacer):
    pacer.wait(0)
    start = clock.now
    clock.now += FRAME + AHEAD * 0.9
    assert pacer.wait(1) == 0
    pacer.wait(2)
    pacer.wait(3)
    assert clock.now == pytest.approx(start + 3 * FRAME)
    assert pacer.late == 0


def test_a_late_frame_is_counted_with_its_delay(clock, pacer):
    pacer.wait(0)
    clock.now += FRAME + AHEAD + 0.05
    assert pacer.wait(1) == pytest.approx(0.05)
    assert (pacer.late, pacer.late_warm) == (1, 0)
    assert pacer.worst == pytest.approx(0.05)
    assert pacer.given_up == 0


def test_late_frames_after_the_warm_up_are_counted_apart(clock, pacer):
    pacer.wait(0)
    clock.now += (WARM_UP + 1) * FRAME + AHEAD + 0.01
    pacer.wait(WARM_UP)
    assert (pacer.late, pacer.late_warm) == (1, 1)


def test_far_behind_it_gives_up_the_lost_time_and_goes_on_at_pace(clock, pacer):
    pacer.wait(0)
    clock.now += 10.0
    pacer.wait(1)
    assert pacer.given_up == pytest.approx(10.0 * FRAME_RATE, abs=3)
    times = []
    for index in range(2, 20):
        pacer.wait(index)
        times.append(clock.now)
    assert times[-1] - times[0] == pytest.approx(17 * FRAME)
    assert pacer.late == 1


def test_a_frame_that_is_not_there_is_waited_for_until_it_is_due_and_no_longer(clock, pacer):
    pacer.wait(0)
    due = clock.now + AHEAD + FRAME
    pacer.wait(1, ready=lambda: False)
    assert clock.now == pytest.approx(due)
    pacer.wait(2, ready=lambda: clock.now >= due + FRAME - 0.02)
    assert due + FRAME - 0.02 <= clock.now < due + FRAME - 0.015
    assert pacer.late == 0
