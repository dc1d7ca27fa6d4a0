"""What does it cost to encode and send one frame?

    python benchmarks/broadcast.py --size 1280x720 --size 1920x1080 --outputs 3 --json broadcast.json

A programme with moving detail is sent as fast as the encoder takes it, to files and to RTMP receivers on the
loopback that read and throw away. Processor time is what counts: the share of one core that 25 frames a
second would take, in the broadcast process (encoder, outputs) and in the caller (`Broadcast.send`).
"""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import psutil
import typer
from rich.console import Console
from rich.table import Table

from avatar_engine.broadcast import Broadcast, OutputSpec, ProgrammeFormat
from avatar_engine.contracts import FRAME_RATE, SAMPLES_PER_FRAME, ProgrammeFrame
from avatar_engine.errors import AvatarError


@dataclass(frozen=True)
class Cost:
    """One size's figures.

    Attributes:
        size: Width and height.
        outputs: How many files and streams.
        frames: How many were sent.
        encode_ms: Processor milliseconds a frame in the broadcast process.
        core_share: The same at 25 frames a second, as a share of one core.
        send_us: Processor microseconds a frame of `Broadcast.send` in the caller.
        sends_per_second: How many a second one caller could hand over.
        kbps: Bitrate of the picture and sound that came out, at 25 frames a second.
        wall_fps: Frames a second that came through, on this machine as it was.
        encoder: Which one.
        sender_share: Share of one core that each stream's sender takes at 25 frames a second.
        sender_mb: Its own memory, what processes share left out.
    """

    size: str
    outputs: int
    frames: int
    encode_ms: float
    core_share: float
    send_us: float
    sends_per_second: float
    kbps: float
    wall_fps: float
    encoder: str
    sender_share: float
    sender_mb: float


def detail(width: int, height: int, count: int) -> list[ProgrammeFrame]:
    """``count`` frames of a textured picture that moves like a talking presenter: a still background with
    camera noise and a third of the picture in motion; speech-like sound."""
    chance = np.random.default_rng(7)
    coarse = chance.integers(40, 200, (height // 16 + 2, width // 16 + 2)).astype(np.float32)
    texture = np.kron(coarse, np.ones((16, 16), np.float32))[:height, :width]
    texture += chance.normal(0, 6, texture.shape)
    frames = []
    time_axis = np.arange(SAMPLES_PER_FRAME)
    for index in range(count):
        moved = texture.copy()
        third = slice(width // 3, 2 * width // 3)
        moved[:, third] = np.roll(texture[:, third], round(4 * np.sin(index / 6)), axis=0)
        moved += chance.normal(0, 1.5, texture.shape)
        picture = np.full((height * 3 // 2, width), 128, np.uint8)
        picture[:height] = np.clip(moved, 16, 235).astype(np.uint8)
        pitch = 120 + 40 * np.sin(index / 9)
        phase = 2 * np.pi * pitch * (time_axis + index * SAMPLES_PER_FRAME) / 24_000
        sound = (0.2 * np.sin(phase) + 0.1 * np.sin(3 * phase)).astype(np.float32)
        frames.append(ProgrammeFrame(index, picture, sound))
    return frames


def measure(width: int, height: int, targets: list[str | Path], frames: int, encoder: str) -> Cost:
    """Send ``frames`` frames to every target."""
    pictures = detail(width, height, 50)
    specs = [OutputSpec.parse(t) for t in targets]
    broadcast = Broadcast(ProgrammeFormat(width, height), specs, encoder=encoder)
    with broadcast:
        broadcast.await_network()
        senders = psutil.Process(broadcast.pid).children()
        first = [sum(p.cpu_times()[:2]) for p in senders]
        began = broadcast.status().cpu_seconds
        wall, spent = time.perf_counter(), 0
        for index in range(frames):
            source = pictures[index % 50]
            frame = ProgrammeFrame(index, source.picture, source.sound)
            taken = False
            while not taken:
                before = time.thread_time_ns()
                taken = broadcast.send(frame)
                if taken:
                    spent += time.thread_time_ns() - before
                else:
                    time.sleep(0.002)
        sent = [sum(p.cpu_times()[:2]) for p in senders]
        memory = max((p.memory_full_info().uss for p in senders), default=0)
        broadcast.close()
        wall = time.perf_counter() - wall
    status = broadcast.status()
    cpu = (status.cpu_seconds - began) / frames
    sizes = [Path(t).stat().st_size for t in targets if "://" not in str(t)]
    return Cost(
        size=f"{width}x{height}",
        outputs=len(targets),
        frames=frames,
        encode_ms=round(1000 * cpu, 2),
        core_share=round(cpu * FRAME_RATE, 3),
        send_us=round(spent / frames / 1000, 1),
        sends_per_second=round(frames / (spent / 1e9)),
        kbps=round(8 * max(sizes) * FRAME_RATE / frames / 1000),
        wall_fps=round(frames / wall, 1),
        encoder=status.encoder,
        sender_share=round(
            max((b - a for a, b in zip(first, sent, strict=True)), default=0.0) * FRAME_RATE / frames, 4
        ),
        sender_mb=round(memory / 1e6, 1),
    )


def main(
    size: Annotated[list[str] | None, typer.Option(help="WIDTHxHEIGHT; may be given again.")] = None,
    outputs: Annotated[int, typer.Option(help="How many files are written at once.")] = 1,
    to: Annotated[list[str] | None, typer.Option(help="RTMP address to send to as well.")] = None,
    frames: Annotated[int, typer.Option(help="Frames for each size.")] = 500,
    encoder: Annotated[str, typer.Option(help="auto, libx264 or h264_nvenc.")] = "auto",
    json_file: Annotated[Path | None, typer.Option("--json", help="Where the figures are written.")] = None,
) -> None:
    """Measure the processor time of encoding and sending, a frame."""
    costs = []
    console = Console()
    for each in size or ["1280x720", "1920x1080"]:
        try:
            width, height = map(int, each.split("x"))
            with tempfile.TemporaryDirectory() as folder:
                targets: list[str | Path] = [Path(folder) / f"{n}.mp4" for n in range(max(1, outputs))]
                costs.append(measure(width, height, [*targets, *(to or [])], frames, encoder))
        except ValueError:
            raise typer.BadParameter(f"'{each}' is no WIDTHxHEIGHT") from None
        except AvatarError as error:
            console.print(f"[red]{error}[/red]")
            raise typer.Exit(2) from None
    table = Table("figure", *(c.size for c in costs), title="Encode and send, processor time")
    for name in list(asdict(costs[0]))[1:]:
        table.add_row(name, *(str(getattr(c, name)) for c in costs))
    console.print(table)
    if json_file:
        json_file.write_text(json.dumps([asdict(c) for c in costs], indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
