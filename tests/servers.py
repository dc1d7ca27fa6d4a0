"""Real RTMP servers on the loopback for tests, and the test programme that they are fed.

`Nginx` is nginx with the RTMP module on a random port, in a folder of its own; `SilentServer` and
`Relay` misbehave on purpose. All of them stop when their ``with`` block ends.
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av
import numpy as np

from avatar_engine.contracts import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME, FloatArray, ProgrammeFrame

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
_MODULES = [
    Path("/usr/lib/nginx/modules"),
    Path("/usr/lib64/nginx/modules"),
    Path("/usr/share/nginx/modules"),
]
RTMP_MODULE = next((m / "ngx_rtmp_module.so" for m in _MODULES if (m / "ngx_rtmp_module.so").exists()), None)

_CONFIGURATION = """
daemon off;
master_process off;
worker_processes 1;
error_log {folder}/error.log info;
pid {folder}/nginx.pid;
load_module {module};
events {{ worker_connections 64; }}
rtmp {{
    server {{
        listen 127.0.0.1:{port};
        chunk_size 4096;
        application live {{
            live on;
            record all;
            record_path {folder};
            record_suffix -%s.flv;
        }}
        application closed {{
            live on;
            deny publish all;
        }}
    }}
}}
"""


COLOURS = (6, 1, 1, 1)
"""The tags of every stream, as the standard numbers them: BT.601 matrix, limited range, BT.709 primaries and
transfer. Written out, so that a changed constant is noticed."""


def has_nginx() -> bool:
    """Whether this machine has nginx and its RTMP module."""
    return Path(NGINX).exists() and RTMP_MODULE is not None


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_port(port: int, limit: float = 15.0) -> None:
    """Return once something listens on the port; RuntimeError after ``limit`` seconds."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"nothing listens on port {port}")


class Nginx:
    """nginx-rtmp on ``127.0.0.1:port``, application ``live``; records every stream as FLV into ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self._process: subprocess.Popen[bytes] | None = None
        text = _CONFIGURATION.format(folder=folder, port=self.port, module=RTMP_MODULE)
        (folder / "nginx.conf").write_text(text)

    def url(self, key: str = "show") -> str:
        return f"rtmp://127.0.0.1:{self.port}/live/{key}"

    def recordings(self, key: str = "show") -> list[Path]:
        """What it has recorded of a stream, oldest first."""
        return sorted(self.folder.glob(f"{key}-*.flv"), key=lambda p: p.stat().st_mtime)

    def start(self) -> None:
        command = [NGINX, "-p", str(self.folder), "-c", str(self.folder / "nginx.conf"), "-e", "stderr"]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        await_port(self.port)

    def stop(self) -> None:
        """Kill it, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def freeze(self) -> None:
        """Hang it: its system goes on answering for it, as long as there is room."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Nginx:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class SilentServer:
    """Accepts connections and then never reads nor writes."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        # A small buffer fills at once, as a link that has gone dead would seem to.
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(8)
        self.port = int(self._listener.getsockname()[1])
        self._accepted: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)

    @property
    def connections(self) -> int:
        """How many have come so far."""
        return len(self._accepted)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._accepted.append(connection)
            self.converse(connection)

    def converse(self, connection: socket.socket) -> None:
        """What is said after accepting: nothing."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        for connection in self._accepted:
            connection.close()


class Relay(SilentServer):
    """Passes every connection on to a real server, until `stall` makes the link go silent.

    Args:
        target: Port of the real server on the loopback.
    """

    def __init__(self, target: int) -> None:
        super().__init__()
        self._target = target
        self._flowing = threading.Event()
        self._flowing.set()
        self._ended = threading.Event()

    def stall(self) -> None:
        """From now on nothing passes, either way, on any connection."""
        self._flowing.clear()

    def resume(self) -> None:
        """New connections (and those that still live) pass again."""
        self._flowing.set()

    def converse(self, connection: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._target), 5)
        server.settimeout(None)
        self._accepted.append(server)
        for source, sink in ((connection, server), (server, connection)):
            threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def heard(self, source: socket.socket, data: bytes) -> None:
        """What passes, for those who listen."""

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while not self._ended.is_set():
                if not self._flowing.wait(0.2):
                    continue
                data = source.recv(4096)
                if not data:
                    break
                while not self._flowing.wait(0.2) and not self._ended.is_set():
                    pass
                self.heard(source, data)
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def __exit__(self, *arguments: object) -> None:
        self._ended.set()
        super().__exit__(*arguments)


@dataclass
class Received:
    """A received recording, decoded.

    Attributes:
        video: Presentation times of the pictures, seconds.
        bright: Mean luma of each picture.
        colours: The pictures' tags: matrix, range, primaries, transfer.
        audio: Presentation time of the first sample, seconds.
        sound: float32 (n,), left channel at 48 kHz, gaps filled with silence.
    """

    video: list[float] = field(default_factory=list)
    bright: list[float] = field(default_factory=list)
    colours: set[tuple[int, int, int, int]] = field(default_factory=set)
    audio: float = 0.0
    sound: FloatArray = field(default_factory=lambda: np.zeros(0, np.float32))

    def flashes(self) -> list[float]:
        """Times of the white pictures."""
        return [t for t, v in zip(self.video, self.bright, strict=True) if v > 150]

    def beeps(self) -> list[float]:
        """Times at which the beeps begin."""
        loud = np.flatnonzero(np.abs(self.sound) > 0.15)
        begins = loud[np.flatnonzero(np.diff(loud, prepend=-SAMPLE_RATE) > 9600)]
        return [self.audio + float(k) / 48_000 for k in begins]

    def offsets_ms(self) -> list[float]:
        """Beep less flash, for every flash that has a beep within half a second."""
        beeps = np.array(self.beeps())
        nearest = [float(beeps[np.abs(beeps - f).argmin()] - f) for f in self.flashes() if len(beeps)]
        return [1000 * d for d in nearest if abs(d) < 0.5]


def receive(source: str | Path, stop_after: float | None = None, **options: str) -> Received:
    """Decode a file, or a stream until it ends or ``stop_after`` seconds of its pictures have come."""
    result = Received()
    pieces: list[tuple[float, FloatArray]] = []
    with av.open(str(source), options=options, timeout=20) as container:
        streams = [*container.streams.video[:1], *container.streams.audio[:1]]
        try:
            for packet in container.demux(streams):
                for frame in packet.decode():
                    _add(result, pieces, frame)
                if stop_after and result.video and result.video[-1] - result.video[0] >= stop_after:
                    break
        except (EOFError, OSError, av.FFmpegError):
            pass  # a server that goes away ends the recording; what came is judged
    if pieces:
        result.audio = pieces[0][0]
        end = max(round((t - result.audio) * 48_000) + len(s) for t, s in pieces)
        result.sound = np.zeros(end, np.float32)
        for start, samples in pieces:
            at = round((start - result.audio) * 48_000)
            result.sound[at : at + len(samples)] = samples[: end - at]
    return result


class Receiver(threading.Thread):
    """`receive` in a thread; ``listen="1"`` makes it the server of one publisher.

    Use `result` to wait for what was received.
    """

    def __init__(self, source: str | Path, stop_after: float | None = None, **options: str) -> None:
        super().__init__(daemon=True)
        self._arguments = (source, stop_after)
        self._options = options
        self._received: Received | None = None
        self._failure: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            source, stop_after = self._arguments
            self._received = receive(source, stop_after, **self._options)
        except (OSError, EOFError) as error:  # a publisher that is killed before its headers have come
            self._failure = error

    def result(self, limit: float = 30.0) -> Received:
        self.join(limit)
        if self._received is None:
            raise RuntimeError("nothing was received") from self._failure
        return self._received


def _add(result: Received, pieces: list[tuple[float, FloatArray]], frame: Any) -> None:
    if isinstance(frame, av.VideoFrame):
        result.video.append(float((frame.pts or 0) * (frame.time_base or Fraction(1))))
        result.bright.append(float(frame.to_ndarray()[: frame.height].mean()))
        result.colours.add(
            (int(frame.colorspace), int(frame.color_range), int(frame.color_primaries), int(frame.color_trc))
        )
    else:
        pieces.append((float(frame.pts * frame.time_base), frame.to_ndarray()[0]))


def programme(index: int, width: int = 320, height: int = 180) -> ProgrammeFrame:
    """Frame ``index`` of the test programme: a moving bar; once a second a white picture and a 1 kHz beep."""
    picture = np.full((height * 3 // 2, width), 128, np.uint8)
    sound = np.zeros(SAMPLES_PER_FRAME, np.float32)
    if index % FRAME_RATE == 0:
        picture[:height] = 235
        sound = (0.5 * np.sin(2 * np.pi * 1000 * np.arange(SAMPLES_PER_FRAME) / SAMPLE_RATE)).astype(
            np.float32
        )
    else:
        picture[:height] = 16
        at = index * 8 % (width - 32)
        picture[:height, at : at + 32] = 110
    return ProgrammeFrame(index, picture, sound)


def main() -> None:
    """``python -m tests.servers FOLDER``: an nginx-rtmp to publish to, until Ctrl-C; it records into the folder."""
    folder = Path(sys.argv[1]).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with Nginx(folder) as server, contextlib.suppress(KeyboardInterrupt):
        sys.stdout.write(f"publish to {server.url()}, recorded in {folder}\n")
        sys.stdout.flush()
        threading.Event().wait()


if __name__ == "__main__":
    main()
