"""A measured show of stand-ins: the real show, broadcast and receiver, and a presenter who costs nothing."""

from __future__ import annotations

import time
from typing import Any

from avatar_engine.gauge import onair
from avatar_engine.gauge.onair import Look
from avatar_engine.live import performer, renderer_process, renderers, voice_process
from tests.live import fakes, voices


def perform(line: Any, *order: Any) -> None:
    """What runs in the process."""
    performer.load = fakes.load  # type: ignore[assignment]
    renderer_process.load_performer = fakes.load  # type: ignore[assignment]
    voice_process.load_voice = voices.tone_voice  # type: ignore[assignment]
    renderers.SPARE_AFTER = 0
    onair.SETTLE = 0.5
    onair.perform(line, *order)


def look(**changed: object) -> Look:
    """A show at one moment."""
    given = {
        "at": 0.0, "on_air": 10.0, "settled": True, "late": 1, "filled": 2, "held": 3, "dropped": 4, "lead": 3.0,
        "step_ms": 12.0, "pace": 0.4, "renderer": {"motion": 1.0, "body": 1.0, "paint": 2.0, "stage": 0.5},
        "parts": {"show": 1.0, "voice": 4.0, "renderer": 5.0, "broadcast": 2.0, "sender": 0.2, "other": 3.0},
        "memory_mb": 900.0, "encoder": "libx264", "step_p50_ms": 8.0,
    }  # fmt: skip
    return Look(**(given | changed))


def silent(line: Any, *_: Any) -> None:
    """A show that takes itself to be on air, and sends nothing."""
    began = time.monotonic()
    while not line.poll(0.1):
        line.send(look(on_air=time.monotonic() - began))


def refused(line: Any, *_: Any) -> None:
    """A show that can't begin."""
    line.send(("It can't.", "Do something."))
