"""The bitrate follows the uplink: down in steps, up again slowly, and never for one slow output among several."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from avatar_engine.broadcast.bitrate import BitrateControl, Load
from avatar_engine.broadcast.spec import TIME_BASE

FULL, SOUND = 2_500_000, 128_000
STEP = TIME_BASE // 2


class Line:
    """An uplink with a capacity, that carries what the encoder gives and holds up the rest."""

    def __init__(self, capacity: float) -> None:
        self.capacity, self.waiting = capacity, 0.0

    def load(self, bitrate: float) -> Load:
        """Half a second at ``bitrate``."""
        offered = self.waiting + bitrate / 2
        carried = min(offered, self.capacity / 2)
        # What waits too long is dropped by the output.
        self.waiting = min(offered - carried, 4 * bitrate)
        return Load(self.waiting / bitrate, carried * 2)


def played(control: BitrateControl, lines: list[Line], seconds: float, start: float = 0.0) -> list[int]:
    """The bitrate of every half second."""
    rates = []
    for step in range(round(seconds * 2)):
        total = control.bitrate + SOUND
        rates.append(
            control.update(round(start * TIME_BASE) + step * STEP, [line.load(total) for line in lines])
        )
    return rates


def test_a_link_that_carries_all_gets_all() -> None:
    assert set(played(BitrateControl(FULL, SOUND), [Line(4e6)], 60)) == {FULL}


def test_half_the_bandwidth_is_met_within_ten_seconds_and_stays_met() -> None:
    line = Line(FULL / 2)
    rates = played(BitrateControl(FULL, SOUND), [line], 240)
    assert rates[20] + SOUND < FULL / 2
    assert line.waiting < FULL / 2
    # Steps up that are too much are taken back, and tried ever more seldom.
    assert max(rates[40:]) < 0.7 * FULL
    downs = [n for n, (a, b) in enumerate(pairwise(rates[40:])) if b < a]
    assert len(downs) <= 4
    assert sorted(np.diff(downs)) == list(np.diff(downs)), "each lasts longer than the one before"


def test_it_is_raised_again_slowly_when_the_link_is_free() -> None:
    control, line = BitrateControl(FULL, SOUND), Line(FULL / 2)
    played(control, [line], 20)
    line.capacity = 4e6
    rates = played(control, [line], 300, start=20)
    ups = [b / a for a, b in pairwise(rates) if b > a]
    assert rates[-1] == FULL
    assert rates.index(FULL) > 40
    assert max(ups) < 1.2


def test_one_slow_output_of_two_changes_nothing_for_the_other() -> None:
    assert set(played(BitrateControl(FULL, SOUND), [Line(FULL / 3), Line(4e6)], 60)) == {FULL}


def test_two_slow_outputs_are_met() -> None:
    rates = played(BitrateControl(FULL, SOUND), [Line(FULL / 3), Line(FULL / 2)], 60)
    assert rates[-1] + SOUND < FULL / 2


def test_a_dead_link_is_no_slow_one() -> None:
    """It is given up soon, and what comes back has the full picture."""
    control = BitrateControl(FULL, SOUND)
    assert set(played(control, [Line(0)], 10)) == {FULL}


def test_who_comes_back_gets_the_full_picture() -> None:
    control = BitrateControl(FULL, SOUND)
    played(control, [Line(FULL / 3)], 20)
    assert control.bitrate < FULL / 2
    assert control.update(21 * TIME_BASE, []) == FULL


def test_there_is_a_least() -> None:
    assert min(played(BitrateControl(FULL, SOUND), [Line(300_000)], 200)) == FULL // 8
