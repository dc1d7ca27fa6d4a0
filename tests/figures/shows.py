"""A show's status and snapshots, made up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from avatar_engine.broadcast.status import BroadcastStatus, OutputStatus
from avatar_engine.figures.cards import CardUse
from avatar_engine.figures.cost import Cost
from avatar_engine.figures.processes import Part
from avatar_engine.figures.snapshot import snapshot
from avatar_engine.live.show import ShowStatus
from avatar_engine.voice.takes import Tally

OUTPUTS = (
    OutputStatus("rtmp://a.example/live/****", "on air", 2, 2600.0, 9000, 12),
    OutputStatus("record.mp4", "failed", 0, 0.0, 100, 0, "disk full"),
)
STAGE = {"p50": 4.1, "p95": 6.2, "p99": 8.3, "max": 31.0}

STATUS = ShowStatus(
    on_air=3600.0,
    fps=25.0,
    frames=90_000,
    late=3,
    late_warm=2,
    worst_delay=0.012,
    dropped=7,
    av_offset_ms=-4.2,
    queue=5,
    speech_lead=2.5,
    bitrate_kbps=2600.0,
    reconnects=2,
    segment="Opening",
    speaking=True,
    said=40,
    left_out=1,
    voice_restarts=4,
    text_to_first_sound=0.61,
    text_to_voice=0.4,
    stage_times={"paint": STAGE},
    checks=Tally(52, 44, {"length": 2}, again=6, left_out=1),
    broadcast=BroadcastStatus(OUTPUTS, "libx264", restarts=1, stage_times={"encode": STAGE}),
    voice_pid=11,
    broadcast_pid=12,
)

ABOUT: dict[str, Any] = {"show": "marie-20270101-200000", "state": "on air", "pid": 10, "error": ""}
COST = Cost(50.0, 50.0, False, "estimate: 10 W a core", 1.25, 1.25)


def shown(seconds: float = 3600.0, rss: float = 500.0, **changes: Any) -> dict[str, Any]:
    """A snapshot after ``seconds`` on air."""
    status = replace(STATUS, on_air=seconds, frames=round(seconds * 25), **changes)
    parts = {"show": Part([10], rss, 700.0), "voice": Part([11], 400.0, 300.0)}
    return snapshot(ABOUT, status, parts, {0: CardUse("Card", 900.0, 1.0)}, COST)
