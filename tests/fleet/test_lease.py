"""Leases: when a machine must stop, and when another one may start."""

from __future__ import annotations

import math
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from avatar_engine.fleet.keeper import LOOK
from avatar_engine.fleet.lease import DRIFT, Granted, LeaseFile, clock


def test_a_lease_is_lost_at_its_moment_and_when_it_can_not_be_read(tmp_path: Path) -> None:
    lease = LeaseFile(tmp_path / "lease")
    assert lease.lost(), "there is none"
    lease.write(100.0)
    assert not lease.lost(99.9) and lease.lost(100.0)
    lease.write(math.inf)
    assert not lease.lost()
    (tmp_path / "lease").write_bytes(b"abc")
    assert lease.lost()


def test_it_is_written_in_place(tmp_path: Path) -> None:
    lease = LeaseFile(tmp_path / "lease")
    lease.write(1.0)
    number = (tmp_path / "lease").stat().st_ino
    lease.write(clock() + 60)
    assert (tmp_path / "lease").stat().st_ino == number and (tmp_path / "lease").stat().st_size == 8


@given(
    rate=st.floats(1 / (1 + DRIFT), 1 + DRIFT),
    offset=st.floats(-1e6, 1e6),
    stamped=st.floats(0, 1000),
    thought=st.floats(0, 100),
    lease=st.floats(4, 600),
)
def test_nobody_else_starts_before_the_holder_has_stopped(
    rate: float, offset: float, stamped: float, thought: float, lease: float
) -> None:
    """However the holder's clock is set, a tenth slow or fast, and however old its stamp was."""

    def theirs(ours: float) -> float:
        return offset + rate * ours

    granted = Granted(lease, 0.0)
    until = granted.grant(theirs(stamped), stamped + thought)
    stops = (until - offset) / rate + 2 * LOOK / rate  # in our time
    begins = stamped + thought + granted.left(stamped + thought)
    assert not granted.over(begins - 1e-6)
    assert stops <= begins + 1e-6


def test_on_one_machine_there_is_nothing_to_lose() -> None:
    granted = Granted(math.inf, 0.0)
    assert granted.grant(5.0, 6.0) == math.inf and not granted.over(1e12)
