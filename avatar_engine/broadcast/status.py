"""What the broadcast says about itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

State = Literal["connecting", "on air", "reconnecting", "failed", "ended"]


@dataclass(frozen=True)
class OutputStatus:
    """One output.

    Attributes:
        name: Its address without the stream key, or its path.
        state: ``failed`` is final (a file that cannot be written); a network output keeps trying, unless it was told
            when to give up.
        reconnects: How often it came back or tried to since the start.
        bitrate_kbps: Sent over the last five seconds.
        sent: Packets sent.
        dropped: Packets that this output lost, to a full queue or while it was away.
        error: The last thing that went wrong; empty when nothing has.
        lag: Seconds of programme that wait for the network.
    """

    name: str
    state: State = "connecting"
    reconnects: int = 0
    bitrate_kbps: float = 0.0
    sent: int = 0
    dropped: int = 0
    error: str = ""
    lag: float = 0.0


@dataclass(frozen=True)
class BroadcastStatus:
    """The whole broadcast.

    Attributes:
        outputs: In the order that they were given.
        encoder: FFmpeg's name of the video encoder.
        encoded: Frames encoded since the start.
        queue_depth: Frames that wait in the ring now.
        refused: Frames that found the ring full.
        av_offset_ms: Pictures' time less sound's at the muxer, mean of the last seconds; positive when
            the pictures are ahead. 0 within half a sound packet (11 ms) when all is well.
        restarts: How often the process was started again.
        alive: Whether the process runs now.
        video_kbps: What the pictures may have now: less than the format says while every upload is too slow.
        cpu_seconds: What the process has used, all its threads, without the senders below it.
        stage_times: Milliseconds of the last minutes: ``encode`` by ``p50``, ``p95``, ``p99``, ``max``.
    """

    outputs: tuple[OutputStatus, ...]
    encoder: str = ""
    encoded: int = 0
    queue_depth: int = 0
    refused: int = 0
    av_offset_ms: float = 0.0
    restarts: int = 0
    alive: bool = False
    video_kbps: int = 0
    cpu_seconds: float = 0.0
    stage_times: dict[str, dict[str, float]] = field(default_factory=dict)
