"""Hosts are painted, and the roofline is one."""

from __future__ import annotations

import fps_per_gpu
import pytest
import render_fps
import torch

from avatar_engine.device import Device

DEVICE = Device("cpu", "test", 1, False, False, 1)


@pytest.mark.parametrize("backend", ["grouped", "onnx"])
def test_every_host_has_a_picture_in_every_round(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fps_per_gpu, "_CEILINGS", {"fp32 x 1": fps_per_gpu.Ceilings(1e12, 1e15)})
    rows = fps_per_gpu._measure(backend, 64, [1, 3], DEVICE, "auto", 2, 1, 0.01)
    assert [row.hosts for row in rows] == [1, 3]
    operations, _ = render_fps.count(render_fps.painter(64), 64, 1)
    for row in rows:
        assert row.fps > 0 and row.p50 <= row.p99 and row.live == (row.p99 <= 40)
        assert row.roofline == pytest.approx(operations * row.fps / 1e12), "operations are what limits here"
        assert row.watts is None


def test_ceilings_are_those_of_the_threads_that_paint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fps_per_gpu, "_CEILINGS", {})
    threads: list[int] = []
    whole = fps_per_gpu._fastest
    monkeypatch.setattr(
        fps_per_gpu, "_fastest", lambda *given: threads.append(torch.get_num_threads()) or whole(*given)
    )
    before = torch.get_num_threads()
    found = fps_per_gpu._ceilings(DEVICE, "fp32", 2, 0.01)
    assert found.flops > 0 and found.bandwidth > 0
    assert threads == [2, 2] and torch.get_num_threads() == before
    assert fps_per_gpu._ceilings(DEVICE, "fp32", 2, 0.01) is found and len(threads) == 2, "measured once"
