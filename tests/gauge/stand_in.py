"""A measured show of stand-ins: the real show, broadcast and receiver, and a presenter who costs nothing."""

from __future__ import annotations

from typing import Any

from avatar_engine.gauge import onair
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


def refused(line: Any, *_: Any) -> None:
    """A show that can't begin."""
    line.send(("It can't.", "Do something."))
