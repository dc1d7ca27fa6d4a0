"""Does a live show on this machine keep time, and what does it cost?

    python benchmarks/live.py marie.avatar --seconds 600 --json live.json
    python benchmarks/live.py marie.avatar --script show.md --to rtmp://127.0.0.1/live/test --size 1920x1080

The whole show runs, voice and broadcast in their own processes, to a receiver on the loopback that keeps what it
gets (``--keep received.flv``; `benchmarks/received.py` judges such a file) or to any address. Share is of one core.
"""

from __future__ import annotations

import json
import multiprocessing
import re
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import av
import psutil
import typer
from rich.console import Console
from rich.table import Table

from avatar_engine.errors import AvatarError
from avatar_engine.live.show import ShowStatus, run

WARM = 10.0
"""Seconds on air after which memory counts as settled."""

SCRIPT = """---
language: en
---
# First

Good evening, and welcome to the show. I have three small things for you tonight, and I use every one of them myself.

<!-- pause 3s -->

# Second

This bottle is made of steel. It keeps tea warm for twelve hours, it weighs 280 grams, and it costs 24.90 euros.

- It is light.
- It fits in every bag.

<!-- pause 5s -->

# Third

Thank you for watching. See you soon!
"""


@dataclass
class Watch:
    """What the show says of itself while it runs, and what its processes take.

    Attributes:
        started: Wall time at which the show was asked for.
        first_frame: Seconds from there to the first status after the first frame; 0 before.
        memory: MB of the show's, the voice's and the broadcast's process, by seconds on air.
        cpu: CPU seconds of the show's and the voice's process at the last look.
        cpu_begin: The same at the first look.
        begin: Seconds on air at the first look.
    """

    started: float
    first_frame: float = 0.0
    memory: list[dict[str, float]] = field(default_factory=list)
    cpu: dict[str, float] = field(default_factory=dict)
    cpu_begin: dict[str, float] = field(default_factory=dict)
    begin: float = 0.0
    stages_begin: dict[str, float] = field(default_factory=dict)
    _next: float = 0.0

    def __call__(self, status: ShowStatus) -> None:
        if not self.first_frame:
            self.first_frame = time.monotonic() - self.started - status.on_air
        if status.on_air < self._next:
            return
        self._next = status.on_air + 2
        pids = {"show": None, "voice": status.voice_pid, "broadcast": status.broadcast_pid}
        row = {"on_air": status.on_air}
        for name, pid in pids.items():
            try:
                process = psutil.Process(pid)
                row[name] = process.memory_info().rss / 1e6
                times = process.cpu_times()
            except (psutil.Error, ValueError):
                continue
            self.cpu[name] = times.user + times.system
            if not self.memory:
                self.cpu_begin[name] = self.cpu[name]
        if not self.memory:
            self.begin, self.stages_begin = status.on_air, dict(status.stage_seconds)
        self.memory.append(row)


def figures(last: ShowStatus, watch: Watch) -> dict[str, Any]:
    """The figures of a finished show, as JSON."""
    length = max(1e-6, watch.memory[-1]["on_air"] - watch.begin)
    shares = {
        f"{name} process": (watch.cpu[name] - watch.cpu_begin.get(name, 0.0)) / length for name in watch.cpu
    }
    stages = {
        f"show: {name}": (seconds - watch.stages_begin.get(name, 0.0)) / max(1e-6, last.on_air - watch.begin)
        for name, seconds in last.stage_seconds.items()
    }
    settled = [row for row in watch.memory if row["on_air"] >= min(WARM, last.on_air / 2)]
    growth = {
        name: settled[-1].get(name, 0.0) - settled[0].get(name, 0.0)
        for name in ("show", "voice", "broadcast")
    }
    return {
        "on_air_s": last.on_air,
        "frames": last.frames,
        "late": last.late,
        "late_after_5_s": last.late_warm,
        "worst_delay_ms": last.worst_delay * 1000,
        "dropped": last.dropped,
        "av_offset_ms": last.av_offset_ms,
        "start_to_first_frame_s": watch.first_frame,
        "text_to_first_sound_s": last.text_to_first_sound,
        "text_to_voice_s": last.text_to_voice,
        "said": last.said,
        "left_out": last.left_out,
        "share_of_a_core": stages | shares,
        "memory_mb": settled[-1],
        "memory_growth_mb": growth,
        "memory_over_time": watch.memory,
        "load": psutil.getloadavg()[0],
        "cores": psutil.cpu_count(),
        "status": asdict(last),
    }


def table(made: dict[str, Any]) -> Table:
    """The figures for people."""
    shown = Table("what", "figure")
    shown.add_row("on air", f"{made['on_air_s']:.1f} s, {made['frames']} frames")
    shown.add_row(
        "late (after 5 s), worst",
        f"{made['late']} ({made['late_after_5_s']}), {made['worst_delay_ms']:.0f} ms",
    )
    shown.add_row("dropped", str(made["dropped"]))
    shown.add_row("A/V offset at the muxer", f"{made['av_offset_ms']:+.1f} ms")
    shown.add_row("start to first frame", f"{made['start_to_first_frame_s']:.1f} s")
    shown.add_row("text to first sound on air", f"{made['text_to_first_sound_s']:.2f} s")
    shown.add_row("text to first sound of the voice, mean", f"{made['text_to_voice_s']:.2f} s")
    for name, share in made["share_of_a_core"].items():
        shown.add_row(name, f"{share:.1%} of a core")
    for name, growth in made["memory_growth_mb"].items():
        shown.add_row(
            f"memory of {name}", f"{made['memory_mb'].get(name, 0):.0f} MB ({growth:+.1f} since {WARM:.0f} s)"
        )
    shown.add_row("load of the machine", f"{made['load']:.1f} on {made['cores']} cores")
    return shown


def keep_stream(port: int, path: Path) -> None:
    """Receive one RTMP publisher and write its packets to an FLV file, in a process of its own."""
    with (
        av.open(f"rtmp://127.0.0.1:{port}/live/show", options={"listen": "1"}) as source,
        av.open(str(path), "w") as sink,
    ):
        streams = {stream.index: sink.add_stream_from_template(stream) for stream in source.streams}
        with suppress(av.FFmpegError):  # the publisher's end is an error to FFmpeg's server
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    sink.mux(packet)


@contextmanager
def receiver(path: Path) -> Iterator[str]:
    """A receiver on the loopback; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=keep_stream, args=(port, path), daemon=True)
    process.start()
    try:
        yield f"rtmp://127.0.0.1:{port}/live/show"
        process.join(10)
    finally:
        process.terminate()


def main(
    avatar: Path,
    seconds: Annotated[float, typer.Option(help="Time on air.")] = 60.0,
    size: Annotated[str, typer.Option(help="Size of the show.")] = "1280x720",
    script: Annotated[
        Path | None, typer.Option(help="What is said; a short show of our own by default.")
    ] = None,
    to: Annotated[str, typer.Option(help="Where to; a receiver on the loopback by default.")] = "",
    keep: Annotated[Path | None, typer.Option(help="Keep what the receiver got (.flv).")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Run a live show and measure it."""
    match = re.fullmatch(r"(\d+)x(\d+)", size)
    if not match:
        raise typer.BadParameter(f"{size!r} is not a size; write 1280x720.")
    with tempfile.TemporaryDirectory() as scratch:
        planned = script or Path(scratch) / "show.md"
        if script is None:
            planned.write_text(SCRIPT, encoding="utf-8")
        goal = nullcontext(to) if to else receiver(keep or Path(scratch) / "received.flv")
        with goal as address:
            watch = Watch(time.monotonic())
            try:
                last = run(
                    avatar, planned, [address], size=(int(match[1]), int(match[2])), loop=True,
                    seconds=seconds, on_status=watch,
                )  # fmt: skip
            except AvatarError as error:
                Console(stderr=True).print(str(error))
                raise typer.Exit(2) from None
    made = figures(last, watch)
    Console().print(table(made))
    if json_file:
        json_file.write_text(json.dumps(made, indent=2), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
