"""The painter that is timed is a real one, and a whole step touches the picture."""

from __future__ import annotations

import render_fps

from avatar_engine.device import Device

DEVICE = Device("cpu", "test", 1, False, False, 1)


def test_a_larger_crop_costs_more_operations() -> None:
    small, large = (render_fps.count(render_fps.painter(size), size, 1)[0] for size in (64, 96))
    assert 1.8 < large / small < 2.7  # 2.25 times the pixels


def test_a_whole_step_is_timed_on_a_painter_that_paints() -> None:
    session = render_fps.devices.onnx_session(render_fps.painter(64), DEVICE, 1)
    assert session.run(None, render_fps.inputs(64, 1))[0].shape == (1, 1, 64, 64)
    assert render_fps.step(64, DEVICE, 1, 0.05) > 0
