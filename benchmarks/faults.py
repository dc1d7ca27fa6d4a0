"""What does a viewer see when a part of a running show is killed, or hangs?

    python benchmarks/faults.py marie.avatar --json faults.json --write docs/reliability.md

A whole show runs in processes of its own to a receiver on the loopback, which notes when every packet came. While the
presenter speaks each process in turn is killed (SIGKILL) and made to hang (SIGSTOP). Gaps are the longest times without
a packet; speech is back when the received sound is loud again after it broke off. With ``--write`` the table takes the
place of the one between the markers.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from multiprocessing.connection import Connection, Listener
from pathlib import Path
from typing import Annotated, Any

import av
import document
import faults_show
import numpy as np
import psutil
import typer
from live import SCRIPT
from rich.console import Console
from rich.table import Table

from avatar_engine.live.show import ShowStatus

BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"
WATCHED, LONG = 20.0, 60.0
"""Seconds after a fault that are looked at; the longer one where a whole show is loaded anew."""
LOUD = 0.01
"""Root mean square of a sound packet in which somebody speaks."""
BREAK = 0.35
"""Seconds of silence from which speech counts as broken off by a fault: the show's breath is longer, a comma is not."""
UNUSUAL = 0.2
"""Seconds by which a break is longer than the script's own pauses if a fault has made it."""
HELD_UP = 3.0
"""Seconds that the show's own process is stopped."""

SHORT = f"stopped for {HELD_UP:.0f} s"

FAULTS = [
    ("renderer", "killed"), ("renderer", "stopped"), ("voice", "killed"), ("voice", "stopped"),
    ("sender", "killed"), ("broadcast", "killed"), ("broadcast", "stopped"), ("show", SHORT),
    ("show", "killed"), ("show", "stopped"), ("clock", "put forward by 1 h"), ("clock", "put back by 1 h"),
]  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """One fault, as the receiver saw it.

    Attributes:
        part, kind: What was done to whom.
        picture_gap_ms, sound_gap_ms: The longest time without a packet.
        idle: Frames of the idle face in place of others.
        speech_again_s: From the fault to speech after it was heard to break off; None where it never was.
        connection: Whether it stayed the same.
        said_again: Sentences said again from their start.
        lost: Sentences left out, and frames that never came in a connection that stood.
    """

    part: str
    kind: str
    picture_gap_ms: float
    sound_gap_ms: float
    idle: int
    speech_again_s: float | None
    connection: bool
    said_again: int
    lost: str


def receive(port: int, line: Connection[Any, Any]) -> None:
    """Take one publisher after the other, in a process of its own; send on every packet's arrival: time, connection,
    whether it is a picture, its time stamp and the loudness of its sound."""
    connection = 0
    while True:
        with (
            suppress(av.FFmpegError, OSError),
            av.open(f"rtmp://127.0.0.1:{port}/live/show", options={"listen": "1"}) as source,
        ):
            connection += 1
            for packet in source.demux():
                if packet.pts is None:
                    continue
                now, seconds = time.monotonic(), float(packet.pts * packet.time_base)
                picture, loud = packet.stream.type == "video", 0.0
                if not picture:
                    sounds = [
                        frame.to_ndarray() for frame in packet.decode() if isinstance(frame, av.AudioFrame)
                    ]
                    loud = float(np.sqrt(np.mean(np.square(sounds)))) if sounds else 0.0
                line.send((now, connection, picture, seconds, loud))


class Clock:
    """The time of day of the show's processes, which can be stepped; the machine's own is left alone.

    Needs a C compiler; without one, `can` is False and the clock's faults are left out.
    """

    def __init__(self, folder: Path) -> None:
        self._offset, library = folder / "offset", folder / "clock_step.so"
        self._offset.write_bytes(struct.pack("q", 0))
        source = Path(__file__).with_name("clock_step.c")
        compiler = shutil.which("cc") or shutil.which("gcc")
        order = (compiler or "cc", "-shared", "-fPIC", "-O2", "-o", str(library), str(source), "-ldl")
        self.can = bool(compiler) and not subprocess.run(order, check=False).returncode
        stepped = {"LD_PRELOAD": str(library), "CLOCK_STEP": str(self._offset)}
        self.environment = {**os.environ, **(stepped if self.can else {})}

    def step(self, hours: int) -> None:
        """From here on so many hours away from the machine's."""
        with self._offset.open("r+b") as file:
            file.write(struct.pack("q", 3600 * hours))


class Stage:
    """The show, its receiver, and what came of both."""

    def __init__(self, avatar: Path, script: Path, size: str, folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.packets: list[tuple[float, int, bool, float, float]] = []
        self.status: ShowStatus | None = None
        self._arrivals, theirs = context.Pipe(duplex=False)
        self._receiver = context.Process(target=receive, args=(port, theirs), daemon=True)
        self._receiver.start()
        self._listener = Listener(str(folder / "status"), "AF_UNIX")
        threading.Thread(target=self._accept, daemon=True).start()
        order = (str(avatar), str(script), f"rtmp://127.0.0.1:{port}/live/show", size, str(folder / "status"))
        self.clock = Clock(folder)
        shown = subprocess.Popen(
            faults_show.COMMAND, stdin=subprocess.PIPE, text=True, env=self.clock.environment
        )
        assert shown.stdin is not None
        with shown.stdin:
            shown.stdin.write(json.dumps({"arguments": order}) + "\n")
        self._first, self.show = shown, psutil.Process(shown.pid)

    def _accept(self) -> None:
        """One show after the other tells its figures; so does the one that takes another's place."""
        with suppress(OSError):  # the listener's end
            while True:
                line = self._listener.accept()
                with suppress(EOFError, OSError), line:
                    self.show = psutil.Process(line.recv())
                    while True:
                        self.status = line.recv()

    def look(self, seconds: float) -> ShowStatus | None:
        """What happens within the next seconds."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._first.poll()
            while self._arrivals.poll(0.02):
                self.packets.append(self._arrivals.recv())
        return self.status

    def wait_to_strike(self) -> ShowStatus:
        """Return when somebody speaks in the middle of a sentence, and a second renderer is ready."""
        limit, spoken = time.monotonic() + 300, 0
        while time.monotonic() < limit:
            status = self.look(0.1)
            good = status and status.speaking and status.spare_ready and status.voice_pid
            spoken = spoken + 1 if good else 0
            if status and spoken >= 8:
                return status
        raise RuntimeError(f"nobody speaks: {self.status}")

    def close(self) -> None:
        """End both."""
        with suppress(psutil.Error):
            self.show.terminate()
            self.show.wait(20)
        self._listener.close()
        self._receiver.kill()


def strike(stage: Stage, part: str, kind: str) -> Fault:
    """Do it, and look at what comes of it."""
    before = stage.wait_to_strike()
    pid = {
        "renderer": before.renderer_pid, "voice": before.voice_pid, "broadcast": before.broadcast_pid,
        "show": stage.show.pid, "clock": None,
        "sender": psutil.Process(before.broadcast_pid).children()[0].pid if part == "sender" else None,
    }[part]  # fmt: skip
    began = time.monotonic()
    if part == "clock":
        stage.clock.step(1 if "forward" in kind else -1)
        return judged(stage, part, kind, before, began)
    if pid is None:
        raise RuntimeError(f"there is no {part}")
    os.kill(pid, signal.SIGKILL if kind == "killed" else signal.SIGSTOP)
    if kind == SHORT:
        stage.look(HELD_UP)
        os.kill(pid, signal.SIGCONT)
    return judged(stage, part, kind, before, began)


def judged(stage: Stage, part: str, kind: str, before: ShowStatus, began: float) -> Fault:
    """Look at what comes of it."""
    after = stage.look(began + (LONG if part == "show" else WATCHED) - time.monotonic())
    if after is None:
        raise RuntimeError("the show says nothing")
    return judge(part, kind, before, after, stage.packets, began)


def judge(
    part: str,
    kind: str,
    before: ShowStatus,
    after: ShowStatus,
    packets: list[tuple[float, int, bool, float, float]],
    began: float,
) -> Fault:
    """The fault, by what was received around it, and before."""
    # Of what was before, the breaks of another fault are no pauses of the script.
    usual = [p for p in packets if began - 15.0 < p[0]]
    packets = [p for p in packets if p[0] > began - 1.0]
    pictures = np.array([came for came, _, picture, _, _ in packets if picture])
    sounds = np.array([(came, loud) for came, _, picture, _, loud in packets if not picture])
    heard = np.array([(came, loud) for came, _, picture, _, loud in usual if not picture])
    missing = 0
    for connection in {packet[1] for packet in packets}:
        stamps = sorted(round(p[3] * 25) for p in packets if p[1] == connection and p[2])
        missing += stamps[-1] - stamps[0] + 1 - len(set(stamps)) if stamps else 0
    if after.show_restarts > before.show_restarts:  # its successor counts from nothing
        before = replace(before, skipped=0, left_out=0, repeated=-1)
    left = after.skipped + after.left_out - before.skipped - before.left_out
    gap, idle = float(np.diff(pictures).max()), after.filled - before.filled
    lost = f"{left} sentences, {missing} frames"
    if part == "sender":  # the programme goes on without its viewers
        lost = f"{gap:.1f} s of the programme at this output"
    return Fault(
        part=part,
        kind=kind,
        picture_gap_ms=round(1000 * gap),
        sound_gap_ms=round(1000 * float(np.diff(sounds[:, 0]).max())),
        idle=idle,
        # The script's own pauses are no faults: with the clock stepped nothing has to break off.
        speech_again_s=speech_again(heard, began) if idle or part != "clock" else None,
        connection=len({packet[1] for packet in packets}) == 1,
        said_again=after.repeated - before.repeated,
        lost=lost,
    )


def speech_again(sounds: np.ndarray[Any, Any], began: float) -> float | None:
    """Seconds from the fault to the end of the break in speech that it made; None where it made none.

    That is the longest break that began within five seconds of it, where it is longer than the script's own pauses
    were before; else the one in which it happened, or that began within a second.
    """
    loud = sounds[sounds[:, 1] > LOUD, 0]
    breaks = [(last, following) for last, following in pairwise(loud) if following - last > BREAK]
    usual = max((end - start for start, end in breaks if end < began), default=BREAK)
    # A pause that was nearly over when it happened is none of its doing.
    near = [(start, end) for start, end in breaks if start < began + 5.0 and end > began + BREAK]
    longer = [(start, end) for start, end in near if end - start > usual + UNUSUAL]
    if longer:
        return round(float(max(longer, key=lambda one: one[1] - one[0])[1] - began), 1)
    return next((round(float(end - began), 1) for start, end in near if start < began + 1.0), None)


def markdown(faults: list[Fault], machine: str) -> str:
    """The table of the docs."""
    rows = [
        "| part | fault | gap in the picture | gap in the sound | idle frames | speech again after | same connection "
        "| said again | lost |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in faults:
        again = "it never broke off" if one.speech_again_s is None else f"{one.speech_again_s:.1f} s"
        gaps = f"{one.picture_gap_ms:.0f} ms | {one.sound_gap_ms:.0f} ms"
        rows.append(
            f"| {one.part} | {one.kind} | {gaps} | {one.idle} | {again} | "
            f"{'yes' if one.connection else 'no'} | {one.said_again} | {one.lost} |"
        )
    return f"{machine}\n\n" + "\n".join(rows)


def machine() -> str:
    """When and where this was measured."""
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d}: {psutil.cpu_count()} cores ({platform.machine()}), load of the "
        f"machine {psutil.getloadavg()[0]:.1f}, Python {platform.python_version()}, PyAV {av.__version__}."
    )


def main(
    avatar: Path,
    size: Annotated[str, typer.Option(help="Size of the show.")] = "640x360",
    script: Annotated[Path | None, typer.Option(help="What is said; a short show by default.")] = None,
    only: Annotated[str, typer.Option(help="Only faults of this part.")] = "",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    write: Annotated[Path | None, typer.Option(help="Put the table into this Markdown file.")] = None,
) -> None:
    """Inject every fault into a running show and measure what the receiver saw."""
    with tempfile.TemporaryDirectory() as scratch:
        planned = script or Path(scratch) / "show.md"
        if script is None:
            planned.write_text(re.sub(r"<!-- pause .* -->", "", SCRIPT), encoding="utf-8")
        stage = Stage(avatar, planned, size, Path(scratch))
        try:
            wanted = [(part, kind) for part, kind in FAULTS if only in part]
            faults = [strike(stage, *fault) for fault in wanted if fault[0] != "clock" or stage.clock.can]
        finally:
            stage.close()
    shown = Table(
        "part", "fault", "picture gap", "sound gap", "idle", "speech again", "same", "again", "lost"
    )
    for one in faults:
        shown.add_row(*(str(value) for value in asdict(one).values()))
    Console().print(shown)
    if json_file:
        json_file.write_text(json.dumps([asdict(one) for one in faults], indent=2), encoding="utf-8")
    if write:
        document.put(write, BEGIN, END, markdown(faults, machine()))


if __name__ == "__main__":
    typer.run(main)
