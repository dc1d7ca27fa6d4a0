"""Does a show stay in step, in its memory and whole for fifteen hours, and past the end of RTMP's 24 bits?

    python benchmarks/soak.py --hours 15 --json soak.json --html soak.html
    python benchmarks/soak.py --hours 50 --write docs/reliability.md
    python benchmarks/soak.py marie.avatar --script show.md --hours 1      # a real show, in real time

Without a clone it runs in fast time: a frame is due as soon as the receiver is less than a second behind, and a
stand-in presenter (`soak_presenter.py`) costs next to nothing. Director, the voice's process, programme, ring,
broadcast process, encoders, sender process and RTMP are those of a show; so fifteen hours of programme pass in
minutes. The receiver judges the times in the bytes alone (`flv.py`), and the FLV file that the show records is judged
in the same way. Memory is that of all the show's processes.

Of a real show the receiver's recording is looked at, too: once a minute the landmarker finds the mouth for twenty
seconds, and its opening is compared with the sound that came with it (`received.py`). So what is judged is what a
viewer sees and hears, not what timestamps say of it.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import platform
import re
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any

import av
import numpy as np
import soak_page
import soak_presenter
import typer
from flv import FlvCheck
from rich.console import Console
from rich.table import Table

from avatar_engine import __version__
from avatar_engine.broadcast import Broadcast, OutputSpec, ProgrammeFormat
from avatar_engine.broadcast.status import BroadcastStatus
from avatar_engine.cli.progress import Bars
from avatar_engine.contracts import FRAME_RATE, FloatArray, Progress, silent
from avatar_engine.device import cpu_name, usable_cores
from avatar_engine.errors import AvatarError
from avatar_engine.figures.processes import Processes
from avatar_engine.live.programme import Programme, SoundTrack
from avatar_engine.live.show import ShowStatus, run
from avatar_engine.live.voice_process import VoiceProcess, rehearsal
from avatar_engine.show.director import Director

SIZE = (192, 108)
AHEAD, AT_FIRST = 20, 50
"""Frames that the show may be ahead of the receiver: less than the second that waits for a network before an output
begins to drop pictures. In fast time a machine that is busy elsewhere for a moment is a link that is minutes behind.
A receiver looks at more frames than that before it gives its first."""

LOOKED_AT = 20.0
"""Seconds of every minute of a real show in which the mouth is compared with the sound."""

CLEAR = 4.0
"""Least clarity (`avatar_engine.clone.sync.Sync`) at which such a comparison says anything."""

LOST = 30.0
"""Seconds without a picture at the receiver after which the soak is given up."""


@dataclass(frozen=True)
class Point:
    """A soak at one moment.

    Attributes:
        on_air: Seconds of programme.
        wall: Seconds since the first frame.
        received: Pictures at the receiver.
        offset_ms: How far picture and sound have parted there, by count.
        queue: Frames waiting for the encoder.
        dropped: Frames and packets lost so far.
        rss_mb: Resident memory by part.
    """

    on_air: float
    wall: float
    received: int
    offset_ms: float
    queue: int
    dropped: int
    rss_mb: dict[str, float]


class Tee:
    """A file object that passes bytes on to a judge and, if wanted, to a file."""

    def __init__(self, check: FlvCheck, keep: Path | None) -> None:
        self._check, self._file = check, keep.open("wb") if keep else None

    def write(self, data: bytes) -> int:
        """Take the next bytes."""
        if self._file:
            self._file.write(data)
        return self._check.write(data)

    def close(self) -> None:
        """Finish the file."""
        if self._file:
            self._file.close()


class Receiver:
    """An RTMP server for one publisher, in a process of its own, that judges what comes.

    Args:
        keep: File to which it writes what comes.
    """

    def __init__(self, keep: Path | None = None) -> None:
        context = multiprocessing.get_context("spawn")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.address = f"rtmp://127.0.0.1:{self.port}/live/soak"
        self._seen: Any = context.RawArray("d", 3)  # pictures, offset, longest wait for a picture
        self._answer, theirs = context.Pipe(duplex=False)
        order = (self.address, self._seen, theirs, keep)
        self._process = context.Process(target=receive, args=order, daemon=True)
        self._process.start()
        theirs.close()

    @property
    def pictures(self) -> int:
        """How many have come."""
        return int(self._seen[0])

    @property
    def offset_ms(self) -> float:
        """See `FlvCheck`."""
        return float(self._seen[1])

    @property
    def longest_gap_ms(self) -> float:
        """Longest time between two pictures, after the first second."""
        return float(self._seen[2])

    def wait_for(self, count: int) -> None:
        """Return once ``count`` pictures have come.

        Raises:
            AvatarError: None comes for `LOST` seconds.
        """
        last, since = -1, time.monotonic()
        while (now := self.pictures) < count:
            if now != last:
                last, since = now, time.monotonic()
            if time.monotonic() - since > LOST or not self._process.is_alive():
                raise AvatarError(f"The receiver got {now} pictures and no more.", "Look at the log above.")
            time.sleep(0.001)

    def judged(self) -> FlvCheck:
        """What it found, once the publisher has gone."""
        try:
            return self._answer.recv() if self._answer.poll(LOST) else FlvCheck()
        except EOFError:
            return FlvCheck()
        finally:
            self._process.kill()
            self._process.join()


def receive(address: str, seen: Any, answer: Connection[Any, Any], keep: Path | None) -> None:
    """The receiver's process: RTMP in, FLV bytes out, judged as they come."""
    check = FlvCheck()
    tee: Any = Tee(check, keep)
    last = 0.0
    with (
        suppress(av.FFmpegError),  # the publisher's end is an error to FFmpeg's server
        av.open(address, options={"listen": "1"}) as source,
        av.open(tee, "w", format="flv", options={"flush_packets": "1"}) as sink,
    ):
        streams = {stream.index: sink.add_stream_from_template(stream) for stream in source.streams}
        for packet in source.demux():
            if packet.dts is None:
                continue
            if packet.stream.type == "video":
                now = time.monotonic()
                if check.pictures.count > FRAME_RATE:
                    seen[2] = max(seen[2], 1000 * (now - last))
                last = now
            packet.stream = streams[packet.stream.index]
            sink.mux(packet)
            seen[0], seen[1] = check.pictures.count, check.offset_ms
    tee.close()
    answer.send(check)


@dataclass
class Watch:
    """Collects the points of a soak.

    Attributes:
        every: Seconds of programme between two of them.
    """

    receiver: Receiver
    every: float
    progress: Progress = silent
    seconds: float = 1.0
    points: list[Point] = field(default_factory=list)
    _processes: Processes = field(default_factory=Processes)
    _begun: float = field(default_factory=time.monotonic)

    def look(self, frames: int, status: BroadcastStatus, dropped: int, pids: dict[str, int | None]) -> None:
        """Add a point if it is time."""
        on_air = frames / FRAME_RATE
        if self.points and on_air - self.points[-1].on_air < self.every:
            return
        wall = time.monotonic() - self._begun
        lost = dropped + sum(output.dropped for output in status.outputs)
        parts = self._processes.look(pids)
        memory = {name: part.rss_mb for name, part in parts.items() if name != "other"}
        seen = self.receiver.pictures, self.receiver.offset_ms
        self.points.append(Point(on_air, round(wall, 2), *seen, status.queue_depth, lost, memory))
        note = f"{on_air / 3600:.1f} h of programme, {on_air / max(wall, 1e-6):.0f} times real time"
        self.progress("soak", min(1.0, on_air / self.seconds), note)

    def status(self, status: ShowStatus) -> None:
        """Takes a real show's status."""
        if status.broadcast:
            pids = {"voice": status.voice_pid, "broadcast": status.broadcast_pid}
            self.look(status.frames, status.broadcast, status.dropped, pids)


@contextmanager
def on_air(outputs: list[str]) -> Iterator[tuple[Programme, VoiceProcess, Broadcast]]:
    """A show with the stand-in presenter, about to begin."""
    with ExitStack() as stack:
        director = Director(soak_presenter.script(), loop=True)
        voice = VoiceProcess(director, soak_presenter.tones, rehearsal("en"), niceness=0, read_back=False)
        stack.callback(voice.close)
        voice.launch()
        voice.wait_ready()
        format_ = ProgrammeFormat(*SIZE, video_bitrate=100_000, audio_bitrate=32_000)
        goals = [OutputSpec.parse(output) for output in outputs]
        broadcast = stack.enter_context(Broadcast(format_, goals))
        deadline = time.monotonic() + LOST
        while not broadcast.await_network():  # the receiver's process may still be starting
            if time.monotonic() > deadline:
                raise AvatarError("The receiver could not be reached.", "Look at the log above.")
            time.sleep(0.1)
        yield Programme(SoundTrack(voice), soak_presenter.performer(SIZE)), voice, broadcast


def fast(seconds: float, watch: Watch, record: Path, begin: int = 0) -> int:
    """Run in fast time; how many frames were sent. ``begin`` is the index of the first, to be near a moment."""
    with on_air([watch.receiver.address, str(record)]) as (programme, voice, broadcast):
        voice.go()
        refused = sent = 0
        for frame in itertools.islice(programme, round(seconds * FRAME_RATE)):
            watch.receiver.wait_for(sent - (AHEAD if watch.receiver.pictures else AT_FIRST))
            if voice.lead < 0.5:
                voice.wait(1.0)
            refused += not broadcast.send(replace(frame, index=frame.index + begin), wait=True)
            sent += 1
            if sent % FRAME_RATE == 0:
                pids = {"voice": voice.pid, "broadcast": broadcast.pid}
                watch.look(sent, broadcast.status(), refused, pids)
    return sent


def file_judged(record: Path) -> FlvCheck:
    """The same judgement of a file's bytes."""
    check = FlvCheck()
    with record.open("rb") as data:
        while part := data.read(1 << 20):
            check.write(part)
    return check


def seen(record: Path, progress: Progress = silent) -> dict[str, Any]:
    """How far mouth and sound stand apart in a recording of a real show, minute by minute."""
    import received as judging  # the landmarker's libraries, which the receiver's process does not need

    stretches = judging.stretches(record, LOOKED_AT, 60.0, progress)
    clear = [(at, lips.offset_ms) for at, lips in stretches if lips.clarity >= CLEAR]
    times, offsets = (np.array(column) for column in (zip(*clear, strict=True) if clear else ((), ())))
    return {
        "stretches": len(stretches),
        "clear": len(clear),
        "median_ms": float(np.median(offsets)) if clear else None,
        "p99_ms": float(np.quantile(np.abs(offsets), 0.99)) if clear else None,
        "ms_per_hour": soak_page.slope(clear) if len(clear) > 2 else None,
        "ms_per_hour_error": _slope_error(times, offsets) if len(clear) > 2 else None,
        "points": clear,
    }


def _slope_error(times: FloatArray, offsets: FloatArray) -> float:
    """Standard error of a slope an hour."""
    hours = times / 3600
    line = np.polyval(np.polyfit(hours, offsets, 1), hours)
    return float(
        np.sqrt(np.square(offsets - line).sum() / (len(hours) - 2) / np.square(hours - hours.mean()).sum())
    )


def figures(watch: Watch, sent: int, received: FlvCheck, recorded: FlvCheck | None) -> dict[str, Any]:
    """The figures of a finished soak, as JSON."""
    last = watch.points[-1]
    settled = [point for point in watch.points if point.on_air >= min(3600.0, last.on_air / 3)]
    names = sorted({name for point in settled for name in point.rss_mb})
    slopes = {
        name: soak_page.slope([(point.on_air, point.rss_mb.get(name)) for point in settled]) for name in names
    }
    whole = soak_page.slope([(point.on_air, sum(point.rss_mb.values())) for point in settled])
    return {
        "machine": f"{cpu_name()}, {usable_cores()} cores, {platform.system()}",
        "versions": f"avatar-engine {__version__}, Python {platform.python_version()}, PyAV {av.__version__}",
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "programme_hours": sent / FRAME_RATE / 3600,
        "wall_minutes": last.wall / 60,
        "times_real_time": last.on_air / last.wall if last.wall else 0.0,
        "frames_sent": sent,
        "dropped": last.dropped,
        "largest_queue": max(point.queue for point in watch.points),
        "offset_p99_ms": float(np.quantile([abs(point.offset_ms) for point in watch.points], 0.99)),
        "offset_ms_per_hour": soak_page.slope([(point.on_air, point.offset_ms) for point in watch.points]),
        "rss_mb_per_hour": {"all": whole, **slopes},
        "rss_mb": last.rss_mb,
        "received": judged(received, sent),
        "recorded": judged(recorded, sent) if recorded else None,
        "points": [asdict(point) for point in watch.points],
    }


def judged(check: FlvCheck, sent: int) -> dict[str, Any]:
    """What an FLV stream's bytes say, against what was sent."""
    return {
        "pictures": check.pictures.count,
        "pictures_missing": sent - check.pictures.count,
        "sound_packets": check.sounds.count,
        "last_picture_ms": check.pictures.last,
        "largest_error_ms": max(check.pictures.worst, check.sounds.worst),
        "time_faults": check.pictures.faults + check.sounds.faults + check.backwards,
        "offset_ms": check.offset_ms,
        "extended": check.extended,
        "wrapped_well": check.wrapped_well,
    }


def table(made: dict[str, Any]) -> Table:
    """The figures for people."""
    shown = Table("figure", "measured", "goal", title=f"{made['programme_hours']:.1f} h of programme")
    for row in soak_page.rows(made):
        shown.add_row(*row)
    return shown


def real(
    avatar: Path, script: Path, size: tuple[int, int], seconds: float, watch: Watch, also: list[str]
) -> tuple[int, dict[str, Any]]:
    """Run a real show; how many frames were sent, and what the show says of itself."""
    goals = [watch.receiver.address, *also]
    last = run(avatar, script, goals, size=size, loop=True, seconds=seconds, on_status=watch.status)
    told = ("late", "late_warm", "worst_delay", "dropped", "filled", "held", "moved", "said", "left_out")
    return last.frames, {
        **{name: getattr(last, name) for name in told},
        "checks": asdict(last.checks),
        "longest_gap_ms": watch.receiver.longest_gap_ms,
    }


def main(
    avatar: Annotated[Path | None, typer.Argument(help="A clone: a real show in real time.")] = None,
    hours: Annotated[float, typer.Option(min=0.001, help="Hours of programme.")] = 15.0,
    script: Annotated[Path | None, typer.Option(help="What a clone says, over and over.")] = None,
    size: Annotated[str, typer.Option(help="Size of a clone's show.")] = "1280x720",
    to: Annotated[list[str] | None, typer.Option(help="Send a clone's show there, too.")] = None,
    keep: Annotated[Path | None, typer.Option(help="Keep what is received of a clone's show (FLV).")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the page with plots here.")] = None,
    write: Annotated[Path | None, typer.Option(help="Put the table into this document.")] = None,
) -> None:
    """Run a show for hours and judge what its receiver got."""
    console = Console(stderr=True)
    match = re.fullmatch(r"(\d+)x(\d+)", size)
    if not match:
        raise typer.BadParameter(f"{size!r} is not a size; write 1280x720.")
    if avatar and not script:
        raise typer.BadParameter("a clone needs something to say: --script FILE")
    try:
        with tempfile.TemporaryDirectory() as folder, Bars(console) as bars:
            seconds, record = hours * 3600, Path(folder) / "soak.flv"
            got = (keep or Path(folder) / "received.flv") if avatar else None
            watch = Watch(Receiver(got), max(1.0, seconds / 900), bars, seconds)
            recorded, show = None, None
            if avatar and script:
                sent, show = real(avatar, script, (int(match[1]), int(match[2])), seconds, watch, to or [])
            else:
                sent = fast(seconds, watch, record)
                recorded = file_judged(record)
            made = figures(watch, sent, watch.receiver.judged(), recorded)
            if got and show is not None:
                made |= {"show": show, "seen": seen(got, bars)}
    except AvatarError as error:
        console.print(f"[red]{error.what}[/]\n{error.advice}")
        raise typer.Exit(2) from None
    Console().print(table(made))
    if json_file:
        json_file.write_text(json.dumps(made, indent=1), encoding="utf-8")
    if html:
        html.write_text(soak_page.page(made), encoding="utf-8")
    if write:
        soak_page.write(write, made)


if __name__ == "__main__":
    typer.run(main)
