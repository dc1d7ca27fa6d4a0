"""What does a viewer lose when the network or the server fails, and how soon is the show back?

    python benchmarks/faults_network.py --page docs/reliability.md --json faults.json

A moving programme goes to nginx-rtmp in a network namespace of its own, over a wire that loses, delays and stops
whole IP packets (`wire.py`). Every picture carries its number, every piece of media is seen as it reaches the server:
what is missing there, no viewer can get. Beside it is a recording, and in some rows a second nginx nearby: neither may
notice. Needs Linux, root (or user namespaces), nginx with its RTMP module.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import av
import numpy as np
import typer
from broadcast import detail
from rich.console import Console
from wire import Neighbour, shell

from avatar_engine.broadcast import Broadcast, OutputSpec, ProgrammeFormat
from avatar_engine.contracts import FRAME_RATE, ByteArray, ProgrammeFrame

WIDTH, HEIGHT = 640, 360
BLOCK = 16
"""Pixels of a bit of a picture's number."""
BITS = 20
BEFORE, AFTER = 6.0, 12.0
"""Seconds of good weather before a fault, and after it at least."""
LONGEST_RETURN = 60.0
NAME, HOSTS = "studio.test", Path("/etc/hosts")
"""Name of the server; where this process and its children, and nobody else, find its address."""
TRIES = 3

_SERVER = """
daemon off;
master_process off;
error_log {folder}/error.log info;
pid {folder}/nginx.pid;
load_module {module};
events {{ worker_connections 64; }}
rtmp {{
    server {{
        listen {listen}:1935;
        application live {{ live on; record all; record_path {folder}; record_unique on; record_suffix .flv; }}
        application closed {{ live on; deny publish all; }}
    }}
}}
"""


class Server:
    """nginx-rtmp, which records all that it gets, at the far end of the wire (``inside``) or here."""

    def __init__(self, folder: Path, inside: tuple[str, ...] = (), listen: str = "0.0.0.0") -> None:
        self.folder, self._inside = folder, inside
        folder.mkdir(exist_ok=True)
        module = next(Path("/usr").glob("lib*/nginx/modules/ngx_rtmp_module.so"))
        text = _SERVER.format(folder=folder, module=module, listen=listen)
        (folder / "nginx.conf").write_text(text)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        command = [*self._inside, nginx, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")]
        self._process = subprocess.Popen([*command, "-e", "stderr"], stderr=subprocess.DEVNULL)

    def signal(self, number: int) -> None:
        assert self._process is not None
        # nsenter has become nginx: it replaces itself.
        self._process.send_signal(number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()


@dataclass
class Arrivals:
    """What reached the server: wall time and milliseconds in its file of every tag, by file in the order of time."""

    pictures: dict[Path, list[tuple[float, int]]] = field(default_factory=dict)
    sounds: dict[Path, list[tuple[float, int]]] = field(default_factory=dict)


class Watch(threading.Thread):
    """Reads the server's recordings as they grow, tag by tag."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.arrivals = Arrivals()
        self._folder, self._ended = folder, threading.Event()
        self._read: dict[Path, int] = {}
        self.start()

    def run(self) -> None:
        while not self._ended.wait(0.01):
            for path in self._folder.glob("*.flv"):
                self._follow(path)

    def stop(self) -> Arrivals:
        time.sleep(0.5)
        self._ended.set()
        self.join()
        return self.arrivals

    def _follow(self, path: Path) -> None:
        at = self._read.get(path, 13)
        if path.stat().st_size < at + 15:
            return
        with path.open("rb") as file:
            file.seek(at)
            data = file.read()
        now, here = time.monotonic(), 0
        while here + 15 <= len(data):
            size = int.from_bytes(data[here + 1 : here + 4])
            if here + size + 15 > len(data):
                break
            milliseconds = int.from_bytes(data[here + 7 : here + 8] + data[here + 4 : here + 7])
            # The second byte of a tag of media is 0 for a description.
            if data[here] in (8, 9) and data[here + 12]:
                kind = self.arrivals.pictures if data[here] == 9 else self.arrivals.sounds
                kind.setdefault(path, []).append((now, milliseconds))
            here += size + 15
        self._read[path] = at + here


def marked(picture: ByteArray, index: int) -> ByteArray:
    """The picture with its number in its upper left corner: a block a bit."""
    picture = picture.copy()
    for bit in range(BITS):
        x = bit * BLOCK
        picture[:BLOCK, x : x + BLOCK] = 235 if index >> bit & 1 else 16
    return picture


def number(luma: Any) -> int:
    return sum(int(luma[4:12, b * BLOCK + 4 : b * BLOCK + 12].mean() > 125) << b for b in range(BITS))


def numbers(path: Path) -> list[int]:
    """The number of every picture in a recording; of one that breaks off, of those before."""
    found: list[int] = []
    with suppress(av.FFmpegError), av.open(str(path)) as container:
        container.streams.video[0].thread_type = "SLICE"
        for packet in container.demux(video=0):
            found += [number(frame.to_ndarray()) for frame in packet.decode()]
    return found


@dataclass
class Result:
    """One fault's figures.

    Attributes:
        fault: What was done.
        picture_ms: Longest time without a new picture at the server.
        sound_ms: The same for sound.
        back_s: From the end of the fault to the first picture that was made after it; None where the link never failed.
        lost_pictures: Those that never arrived, of `pictures` sent from the first arrival to the last.
        lost_sound_ms: Milliseconds of sound that never arrived.
        pictures: Sent meanwhile.
        reconnects: Of the output.
        least_kbps: The lowest bitrate that the pictures were given.
        recorded: Whether the recording beside it is whole, to the frame.
    second: Whether the second server got every picture, in one connection; None where there was none.
        refused: Frames that the broadcast did not take: felt by the show.
        said: What the status said of the output.
    """

    fault: str
    picture_ms: float = 0.0
    sound_ms: float = 0.0
    back_s: float | None = None
    lost_pictures: int = 0
    lost_sound_ms: float = 0.0
    pictures: int = 0
    reconnects: int = 0
    least_kbps: int = 0
    recorded: bool = True
    second: bool | None = None
    refused: int = 0
    said: str = ""


class Show:
    """A show of numbered pictures, 25 a second, in a thread; a recording beside it, and a ``second`` address."""

    def __init__(self, address: str, record: Path, second: str = "") -> None:
        self._pictures = detail(WIDTH, HEIGHT, 50)
        outputs = [OutputSpec.parse(place) for place in (address, record, second) if place]
        self.broadcast = Broadcast(ProgrammeFormat(WIDTH, HEIGHT), outputs, encoder="libx264")
        self.record, self.sent, self.least, self.said = record, 0, 10**9, ""
        self.taken, self.began = 0, 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._play)
        self.broadcast.await_network(5)
        self._thread.start()

    def _play(self) -> None:
        began = self.began = time.monotonic()
        while not self._ended.is_set():
            source = self._pictures[self.sent % len(self._pictures)]
            frame = ProgrammeFrame(self.sent, marked(source.picture, self.sent), source.sound)
            self.taken += self.broadcast.send(frame)
            self.sent += 1
            if self.sent % FRAME_RATE == 0:
                status = self.broadcast.status()
                self.least = min(self.least, status.video_kbps or self.least)
                self.said = status.outputs[0].error or self.said
            time.sleep(max(0.0, began + self.sent / FRAME_RATE - time.monotonic()))

    def end(self) -> None:
        self._ended.set()
        self._thread.join()
        self.broadcast.close()


def judged(result: Result, show: Show, seen: Arrivals, began: float, ended: float | None) -> Result:
    """Fill in the figures of a show that is over.

    Args:
        began: When the fault began, monotonic seconds.
        ended: When the endpoint was as before; None where it always answered.
    """
    wall: list[float] = []
    heard: list[float] = []
    got: dict[int, float] = {}
    sound = 0.0
    for path, tags in sorted(seen.pictures.items(), key=lambda item: item[1][0][0]):
        wall += [at for at, _ in tags]
        got |= dict(zip(numbers(path), (at for at, _ in tags), strict=False))
        sounds = seen.sounds.get(path, [])
        heard += [at for at, _ in sounds]
        sound += len(sounds) * 1024 / 48
    result.picture_ms, result.sound_ms = _longest(wall, began), _longest(heard, began)
    if ended is not None:
        # What was made before and held up somewhere does not count.
        fresh = [at for index, at in got.items() if show.began + index / FRAME_RATE >= ended]
        result.back_s = round(min(fresh, default=ended + 999) - ended, 2)
    result.pictures = max(got) - min(got) + 1
    result.lost_pictures = result.pictures - len(got)
    result.lost_sound_ms = max(0.0, round(40 * result.pictures - sound - 50))
    status = show.broadcast.status()
    result.reconnects, result.least_kbps, result.said = status.outputs[0].reconnects, show.least, show.said
    result.refused = status.refused
    result.recorded = numbers(show.record) == list(range(show.taken)) and show.taken == show.sent
    return result


def whole(server: Server, sent: int) -> bool:
    """Whether a server got every picture, in one connection."""
    recordings = list(server.folder.glob("*.flv"))
    return len(recordings) == 1 and numbers(recordings[0]) == list(range(sent))


def _longest(times: list[float], began: float) -> float:
    """Milliseconds of the longest silence from just before the fault on."""
    after = np.array([t for t in sorted(times) if t > began - 1.0])
    return round(1000 * float(np.diff(after).max(initial=0)))


Fault = Callable[[Neighbour, Server], float | None]
"""Does something bad for a while; when the endpoint was as before, or None where it never failed."""


def dark(seconds: float) -> Fault:
    def fault(there: Neighbour, server: Server) -> float:
        there.set(dark=True)
        time.sleep(seconds)
        there.set()
        return time.monotonic()

    return fault


def killed(seconds: float) -> Fault:
    def fault(there: Neighbour, server: Server) -> float:
        server.kill()
        time.sleep(seconds)
        server.start()
        return time.monotonic()

    return fault


def frozen(seconds: float) -> Fault:
    def fault(there: Neighbour, server: Server) -> float:
        server.signal(signal.SIGSTOP)
        time.sleep(seconds)
        server.signal(signal.SIGCONT)
        return time.monotonic()

    return fault


def bad_link(seconds: float, **changes: float) -> Fault:
    def fault(there: Neighbour, server: Server) -> None:
        there.set(**changes)
        time.sleep(seconds)
        there.set()

    return fault


def nothing(seconds: float) -> Fault:
    return bad_link(seconds)


def moved(there: Neighbour, server: Server) -> float:
    """Its name gets another address, where another server is; nothing answers at the old one."""
    HOSTS.write_text(f"{there.other} {NAME}\n")
    there.move(there.address, there.other)
    server.kill()  # now that nobody hears of it
    server.start()
    return time.monotonic()


HALF = (900_000 + 128_000) / 2
FAULTS: dict[str, Fault] = {
    "none, 20 s": nothing(20),
    "server killed, back after 5 s": killed(5),
    "server restarted at once": killed(0),
    "server frozen (SIGSTOP) for 10 s": frozen(10),
    "black hole for 1 s": dark(1),
    "black hole for 10 s": dark(10),
    "black hole for 120 s": dark(120),
    "5 % loss each way, 200 ms delay (400 ms there and back), 60 s": bad_link(60, loss=0.05, delay=0.2),
    "200 ms delay alone, 30 s": bad_link(30, delay=0.2),
    "half the bandwidth, 60 s": bad_link(60, bandwidth=HALF),
}
BESIDE: dict[str, Fault] = {
    "server killed, back after 5 s": killed(5),
    "server frozen (SIGSTOP) for 10 s": frozen(10),
    "black hole for 10 s": dark(10),
    "half the bandwidth, 30 s": bad_link(30, bandwidth=HALF),
}
"""What is done to one of three outputs, too."""


def tried(
    name: str, fault: Fault, there: Neighbour, host: str = Neighbour.address, three: bool = False
) -> Result:
    """One fault in a show of its own; again if the machine was too busy with other things to take every frame."""
    for _ in range(TRIES):
        result = once(name, fault, there, host, three)
        if not result.refused:
            break
    return result


def once(name: str, fault: Fault, there: Neighbour, host: str, three: bool) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        server, near = Server(Path(folder), there.inside), Server(Path(folder) / "near", listen="127.0.0.1")
        server.start()
        near.start()
        time.sleep(0.5)
        watch = Watch(Path(folder))
        second = "rtmp://127.0.0.1/live/near" if three else ""
        show = Show(f"rtmp://{host}/live/show", Path(folder) / "record.mp4", second)
        time.sleep(BEFORE)
        began = time.monotonic()
        ended = fault(there, server)
        deadline = time.monotonic() + LONGEST_RETURN
        while show.broadcast.status().outputs[0].state != "on air" and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(AFTER)
        show.end()
        seen = watch.stop()
        server.kill()
        near.kill()
        result = judged(Result(name), show, seen, began, ended)
        result.second = whole(near, show.sent) if three else None
        return result


def refused(there: Neighbour) -> Result:
    """A key that the server refuses: how often it is asked again, and whether the others notice."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), there.inside)
        server.start()
        time.sleep(0.5)
        show = Show(f"rtmp://{there.address}/closed/key", Path(folder) / "record.mp4")
        time.sleep(20)
        show.end()
        server.kill()
        return _alone("key refused, 20 s", show, show.record)


def full(there: Neighbour) -> Result:
    """A disk that is full after a few seconds of the recording."""
    with tempfile.TemporaryDirectory() as folder:
        disk = Path(folder) / "disk"
        disk.mkdir()
        shell("mount -t tmpfs -o size=512k tmpfs", str(disk))
        server = Server(Path(folder), there.inside)
        server.start()
        time.sleep(0.5)
        watch = Watch(Path(folder))
        began = time.monotonic()
        show = Show(f"rtmp://{there.address}/live/show", disk / "record.mp4")
        time.sleep(20)
        show.end()
        seen = watch.stop()
        server.kill()
        last = show.broadcast.status().outputs[1]
        result = judged(Result("disk full under the recorder"), show, seen, began + 2, None)
        result.said = (
            f"{last.state}: {last.error}; {len(numbers(show.record))} of {show.sent} pictures can be played"
        )
        shell("umount", str(disk))
        return result


def _alone(name: str, show: Show, record: Path) -> Result:
    status = show.broadcast.status()
    recorded = numbers(record) == list(range(show.sent))
    output = status.outputs[0]
    return Result(
        name, reconnects=output.reconnects, recorded=recorded, refused=status.refused, said=show.said
    )


def table(results: list[Result]) -> str:
    """The section for the page."""
    lines = [
        "| fault | gap in picture, ms | gap in sound, ms | back after, s | pictures lost | sound lost, ms "
        "| reconnects | least bitrate, kbit/s | show and recording | said |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        seen = r.pictures > 0
        back = f"{r.back_s:.2f}" if r.back_s is not None else "–"
        others = (
            ("untouched" if r.second is None else "untouched, as the second server")
            if r.recorded and not r.refused and r.second is not False
            else f"recording whole: {r.recorded}, second server: {r.second}, refused {r.refused}"
        )
        figures = [
            f"{r.picture_ms:.0f}" if seen else "–",
            f"{r.sound_ms:.0f}" if seen else "–",
            back,
            f"{r.lost_pictures} of {r.pictures}" if seen else "–",
            f"{r.lost_sound_ms:.0f}" if seen else "–",
            str(r.reconnects),
            str(r.least_kbps) if seen else "–",
            others
            if "disk" not in r.fault
            else "the stream untouched"
            if not r.refused
            else f"refused {r.refused}",
            r.said or "–",
        ]
        lines.append(f"| {r.fault} | " + " | ".join(figures) + " |")
    return "\n".join(lines)


def written(page: Path, results: list[Result]) -> None:
    """Put the table between the page's marks, which are made if they are not there."""
    begin, end = "<!-- network: begin -->", "<!-- network: end -->"
    text = page.read_text() if page.exists() else "# What a show survives\n"
    if begin not in text:
        text = f"{text.rstrip()}\n\n## Network\n\n{begin}\n{end}\n"
    section = f"{begin}\n{about()}\n\n{table(results)}\n{end}"
    page.write_text(re.sub(f"{begin}.*?{end}", lambda _: section, text, flags=re.DOTALL))


def about() -> str:
    processor = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    nginx = subprocess.run(["nginx", "-v"], capture_output=True, text=True, check=False).stderr.rpartition(
        "/"
    )[2]
    day = datetime.now(UTC).date().isoformat()
    return (
        f"By `python benchmarks/faults_network.py`, {day}: {WIDTH}x{HEIGHT}, 25 pictures a second, 900 + 128 kbit/s, "
        f"libx264; PyAV {av.__version__}, nginx {nginx.strip()} with its RTMP module in its own network namespace, "
        f"Linux {platform.release()}, {os.cpu_count()} cores of {processor[1] if processor else platform.machine()}. "
        "Gaps are times without anything new at the server; a viewer's own reconnect comes on top. *Back after* counts "
        "from the moment that the endpoint is there again. The machine has other work: where it could not take every "
        f"frame, the fault was tried again, {TRIES} times at most."
    )


def main(
    page: Annotated[Path | None, typer.Option(help="Page whose section on the network is written.")] = None,
    json_: Annotated[Path | None, typer.Option("--json", help="Write all figures to this file.")] = None,
    only: Annotated[str, typer.Option(help="Faults whose name has this in it, no others.")] = "",
) -> None:
    """Inject every fault, one show each."""
    if "FAULTS_INSIDE" not in os.environ:
        private = ["unshare", "--net", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
        os.environ["FAULTS_INSIDE"] = "1"
        os.execvp(private[0], [*private, sys.executable, *sys.argv])
    console = Console()
    there = Neighbour()
    with tempfile.NamedTemporaryFile("w") as hosts:
        shell("mount --bind", hosts.name, str(HOSTS))  # in a mount namespace of our own
    HOSTS.write_text(f"{there.address} {NAME}\n")
    faults: dict[str, Callable[[], Result]] = {
        name: partial(tried, name, fault, there) for name, fault in FAULTS.items()
    }
    for name, fault in BESIDE.items():
        named = f"one of three outputs: {name}"
        faults[named] = partial(tried, named, fault, there, three=True)
    faults |= {"key refused": partial(refused, there), "disk full": partial(full, there)}
    # Last, for the address does not move back.
    faults["name moved"] = partial(once, "its name moved to another address", moved, there, NAME, False)
    results = []
    try:
        for name, run in faults.items():
            if only in name:
                results.append(run())
                console.print(results[-1])
    finally:
        there.close()
    if page:
        written(page, results)
    if json_:
        json_.write_text(json.dumps([asdict(r) for r in results], indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
