"""A local RTMP receiver: takes one publisher and records what it sends, untouched.

For demonstrations and tests on one machine; a studio has a real server.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import av
import typer

KEPT = ("video", "audio")


@dataclass(frozen=True)
class Received:
    """What came: pictures, seconds of pictures and of sound, and how far apart the two ended, in ms."""

    pictures: int
    video_seconds: float
    audio_seconds: float
    offset_start_ms: float
    offset_end_ms: float

    def __str__(self) -> str:
        return (
            f"received {self.pictures} pictures, {self.video_seconds:.2f} s; picture to sound "
            f"{self.offset_start_ms:+.0f} ms at the start, {self.offset_end_ms:+.0f} ms at the end"
        )


def receive(url: str, out: Path, ready: Callable[[], None], patience: float = 60.0) -> Received:
    """Listen at ``url`` for one publisher and record it to ``out`` until it leaves.

    Args:
        url: ``rtmp://127.0.0.1:port/app/key``.
        out: The recording; its suffix chooses the container. Written beside and put in place at the end.
        ready: Called just before the port is opened.
        patience: Seconds to wait for a publisher.

    Raises:
        OSError: Nobody came, or the port is taken.
    """
    ready()
    options = {"listen": "1", "timeout": str(round(patience))}
    partial = out.with_name(f".{out.stem}.part{out.suffix}")
    with av.open(url, options=options) as source, av.open(str(partial), "w") as sink:
        received = _copy(source, sink)
    partial.replace(out)
    return received


def _copy(source: Any, sink: Any) -> Received:
    streams = {s.index: sink.add_stream_from_template(s) for s in source.streams if s.type in KEPT}
    spans: dict[str, list[Fraction]] = {}
    pictures = 0
    try:
        for packet in source.demux():
            stream = streams.get(packet.stream_index)
            if stream is None or packet.dts is None:
                continue
            kind = packet.stream.type
            start = packet.pts * packet.time_base
            span = spans.setdefault(kind, [start, start])
            span[1] = max(span[1], start + (packet.duration or 0) * packet.time_base)
            pictures += kind == "video"
            packet.stream = stream
            sink.mux(packet)
    except (OSError, EOFError):  # FFmpeg's server says so when the publisher leaves
        if not pictures:
            raise
    video, audio = (spans.get(kind, [Fraction(0), Fraction(0)]) for kind in KEPT)
    return Received(
        pictures,
        float(video[1] - video[0]),
        float(audio[1] - audio[0]),
        float(video[0] - audio[0]) * 1e3,
        float(video[1] - audio[1]) * 1e3,
    )


def main(
    url: Annotated[str, typer.Argument(help="Where to listen, such as rtmp://127.0.0.1:1935/live/demo.")],
    out: Annotated[Path, typer.Option("--output", "-o", help="The recording (.mp4 or .flv).")],
    patience: Annotated[float, typer.Option(help="Seconds to wait for a publisher.")] = 60.0,
) -> None:
    """Record one RTMP publisher, untouched, and say what came."""
    started = time.monotonic()
    try:
        print(receive(url, out, lambda: print(f"listening on {url}", flush=True), patience))
    except OSError as error:
        waited = time.monotonic() - started
        print(f"Nothing was received at {url} in {waited:.0f} s: {error.strerror or error}", file=sys.stderr)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    typer.run(main)
