"""What the broadcast process measures of itself."""

from __future__ import annotations

import pytest

from avatar_engine.broadcast.packets import Packet
from avatar_engine.broadcast.process import Skew
from avatar_engine.broadcast.spec import TICKS_PER_FRAME


@pytest.mark.parametrize("late_ms", [0, 120, -80])
def test_skew_is_the_pictures_time_less_the_sounds(late_ms: int) -> None:
    """Both timelines in order of muxing; the pictures' is shifted by ``late_ms``."""
    shift = late_ms * 48
    packets = [Packet(True, i * TICKS_PER_FRAME, TICKS_PER_FRAME, False, b"") for i in range(100)]
    packets += [Packet(False, i * 1024, 1024, True, b"") for i in range(188)]
    packets.sort(key=lambda p: (p.pts, not p.video))
    skew = Skew()
    for p in packets:
        skew.add(Packet(p.video, p.pts + shift * p.video, p.duration, p.keyframe, b""))
    assert skew.milliseconds == pytest.approx(late_ms, abs=3)


def test_skew_of_nothing_is_nothing() -> None:
    assert Skew().milliseconds == 0
