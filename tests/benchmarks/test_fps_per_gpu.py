"""Hosts are painted, and the roofline is one."""

from __future__ import annotations

import fps_per_gpu
import pytest

from avatar_engine.device import Device

DEVICE = Device("cpu", "test", 1, False, False, 1)


@pytest.mark.parametrize("backend", ["grouped", "onnx"])
def test_every_host_has_a_picture_in_every_round(backend: str) -> None:
    rows = fps_per_gpu._measure(backend, 64, [1, 3], DEVICE, "auto", 2, 1, 0.01)
    assert [row.hosts for row in rows] == [1, 3]
    for row in rows:
        assert row.fps > 0 and row.p50 <= row.p99 and row.live == (row.p99 <= 40)
        assert 0 < row.roofline < 1 and row.watts is None
