"""Network outputs against a real server: frozen, refusing, given up; other codecs; and keys that nobody gets to see."""

from __future__ import annotations

import io
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest

from avatar_engine.broadcast import Broadcast, OutputSpec, ProgrammeFormat, sender
from avatar_engine.broadcast import link as link_module
from avatar_engine.broadcast.encoder import Encoder
from avatar_engine.broadcast.link import Link, LinkError
from avatar_engine.broadcast.spec import Codec
from avatar_engine.contracts import ProgrammeFrame
from tests.broadcast.test_broadcast import (
    ON_AIR,
    RING,
    SIZE,
    Show,
    in_step,
    needs_nginx,
    on_air,
    outputs,
    server,
    states,
)
from tests.rtmp_fuzz import KEY, Tape, programme_packets, spoken
from tests.servers import Nginx, Received, SilentServer, free_port, programme, receive


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    folder = tmp_path / "nginx"
    folder.mkdir()
    with Nginx(folder) as running:
        yield running


def whole(path: Path, sent: int) -> Received:
    """A recording without a frame missing."""
    got = receive(path)
    assert len(got.video) == sent
    return got


def noisy(index: int) -> ProgrammeFrame:
    """The test programme with as much to encode as a real one."""
    frame = programme(index)
    noise = np.random.default_rng(index).integers(-15, 16, frame.picture.shape)
    picture = np.clip(frame.picture + noise, 16, 235).astype(np.uint8)
    return ProgrammeFrame(index, picture, frame.sound)


@server
@needs_nginx
def test_a_frozen_server_is_noticed_and_taken_up_again_when_it_thaws(
    nginx: Nginx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its system goes on taking what it is sent, so that no write fails or waits."""
    monkeypatch.setattr("tests.broadcast.test_broadcast.programme", noisy)
    with Broadcast(SIZE, outputs(nginx.url(), tmp_path / "a.mp4"), slots=RING) as broadcast:
        show = Show(broadcast)
        show.until(on_air)
        show.seconds(2)
        nginx.freeze()
        frozen = time.monotonic()
        status = show.until(lambda s: s.outputs[0].state == "reconnecting")
        # Four seconds and a bit; the machine may be busy.
        assert time.monotonic() - frozen < 12.0
        assert "no answer" in status.outputs[0].error
        nginx.thaw()
        show.until(on_air)
        show.seconds(3)
        status, sent = broadcast.status(), show.next
    assert status.refused == status.outputs[1].reconnects == 0
    whole(tmp_path / "a.mp4", sent)
    again = receive(nginx.recordings()[-1])
    assert len(again.video) >= 50
    in_step(again, 40)


@server
@needs_nginx
def test_a_refused_key_has_a_reason_and_no_effect_on_the_other_two(
    nginx: Nginx, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    closed = f"rtmp://127.0.0.1:{nginx.port}/closed/SECRETKEY"
    with Broadcast(SIZE, outputs(closed, nginx.url(), tmp_path / "a.mp4"), slots=RING) as broadcast:
        show = Show(broadcast, pace=ON_AIR)
        # Up to its first keyframe an output drops what comes, and for a moment longer the sound that is older.
        before = show.until(lambda s: states(s)[1:] == ["on air", "on air"] and s.outputs[1].sent > 50)
        status = show.until(lambda s: s.outputs[0].reconnects >= 1)
        assert "is the key right" in status.outputs[0].error
        show.seconds(4)
        status, sent = broadcast.status(), show.next
        titles = [
            p.cmdline() for p in [psutil.Process(broadcast.pid), *psutil.Process(broadcast.pid).children()]
        ]
    assert status.refused == status.outputs[1].reconnects == 0
    assert status.outputs[1].dropped == before.outputs[1].dropped
    whole(tmp_path / "a.mp4", sent)
    assert "SECRETKEY" not in caplog.text + repr(status) + repr(titles)
    log = (nginx.folder / "error.log").read_text()
    assert "SECRETKEY" in log, "the server was told"


def test_an_endpoint_that_stays_away_is_given_up_and_the_others_go_on(tmp_path: Path) -> None:
    away = OutputSpec("rtmp", host="127.0.0.1", port=free_port(), app="live", key="key", give_up=1.0)
    with Broadcast(SIZE, [away, *outputs(tmp_path / "a.mp4")], slots=RING) as broadcast:
        show = Show(broadcast)
        status = show.until(lambda s: s.outputs[0].state == "failed")
        assert "given up" in status.outputs[0].error
        assert "refused" in status.outputs[0].error
        show.seconds(1)
        sent = show.next
    assert broadcast.status().outputs[0].state == "failed"
    whole(tmp_path / "a.mp4", sent)


class Echo(SilentServer):
    """Refuses every publisher with words of its own, the key among them."""

    def __init__(self, reply: bytes) -> None:
        super().__init__()
        self._reply = reply

    def converse(self, connection: socket.socket) -> None:
        connection.sendall(self._reply)


def test_a_server_that_says_the_key_aloud_is_not_quoted() -> None:
    description, packets = programme_packets()
    reply = spoken(description, packets)
    # The same length, so that the message stays whole: an error that names the key and moves the cursor.
    status, words = b"NetStream.Publish.Start", b"\x1b[2J" + KEY.encode() + b" is barred"
    assert len(status) == len(words)
    assert b"status" in reply
    with Echo(reply.replace(b"status", b"error ").replace(status, words)) as echo:
        link = Link(OutputSpec.parse(f"rtmp://127.0.0.1:{echo.port}/live/{KEY}"), description, 1_000_000)
        with pytest.raises(LinkError) as caught:
            link.connect()
        link.close()
    assert KEY not in str(caught.value)
    assert str(caught.value).isprintable()


def test_the_command_line_of_a_show_hides_its_addresses() -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from avatar_engine.cli.outputs import hide_addresses\n"
        "before = Path('/proc/self/cmdline').read_bytes()\n"
        "hide_addresses()\n"
        "print(b'SECRETKEY' in before, b'SECRETKEY' in Path('/proc/self/cmdline').read_bytes())\n"
    )
    if not Path("/proc/self/cmdline").exists():
        pytest.skip("no /proc here")
    words = [sys.executable, "-c", script, "live", "--to", "rtmp://a.example/live/SECRETKEY"]
    told = subprocess.run(words, capture_output=True, text=True, timeout=30, check=True).stdout
    assert told.split() == ["True", "False"]


class Listening(SilentServer):
    """Takes in whatever comes, over plain TCP."""

    def __init__(self) -> None:
        super().__init__()
        self.got = b""

    def converse(self, connection: socket.socket) -> None:
        while data := connection.recv(65_536):
            self.got += data


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_mpeg_ts_as_srt_carries_it_can_be_decoded(codec: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyAV's wheels have no SRT: the same sender and container over TCP."""
    encoder = Encoder(ProgrammeFormat(320, 180, codec=codec))
    spec = OutputSpec("srt", host="127.0.0.1", port=1)
    with Listening() as sink:
        monkeypatch.setattr(OutputSpec, "url", f"tcp://127.0.0.1:{sink.port}")
        link = Link(spec, encoder.description, 1_000_000)
        link.connect()
        for index in range(60):
            for packet in encoder.encode(index, programme(index).picture, programme(index).sound):
                link.send(packet)
        link.end()
        link.close()
        deadline = time.monotonic() + 5
        while len(sink.got) % 188 and time.monotonic() < deadline:
            time.sleep(0.05)
    with av.open(io.BytesIO(sink.got), format="mpegts") as container:
        assert container.streams.video[0].codec_context.name == codec
        assert sum(1 for _ in container.decode(video=0)) >= 50


@pytest.mark.parametrize(("codec", "four"), [("hevc", b"hvc1"), ("av1", b"av01")])
def test_enhanced_rtmp_carries_other_codecs(codec: Codec, four: bytes) -> None:
    """What a publisher sends, kept on its way to FFmpeg's own server: enhanced FLV with the codec's name in it."""
    encoder = Encoder(ProgrammeFormat(320, 180, codec=codec))
    for _ in range(20):
        port = free_port()
        receiver = _Decoding(port)
        time.sleep(0.3)
        with _Uplink(port) as tape:
            link = Link(
                OutputSpec.parse(f"rtmp://127.0.0.1:{tape.port}/live/key"), encoder.description, 1_000_000
            )
            try:
                link.connect()
            except LinkError:
                link.close()
                continue
            for index in range(60):
                for packet in encoder.encode(index, programme(index).picture, programme(index).sound):
                    link.send(packet)
            link.end()
            link.close()
            assert four in tape.said
            name, times = receiver.result()
            assert codec in name or name == "libdav1d"
            assert times == pytest.approx([i / 25 for i in range(len(times))], abs=0.0015)
            assert len(times) >= 55
            return
    raise AssertionError("it never listened")


class _Uplink(Tape):
    def heard(self, source: socket.socket, data: bytes) -> None:
        if source.getpeername()[1] != self._target:
            self.said += data


class _Decoding:
    """FFmpeg's RTMP server for one publisher, in a process of its own: the codec's name and the pictures' times."""

    _SCRIPT = (
        "import sys, av\n"
        "with av.open(sys.argv[1], options={'listen': '1'}, timeout=20) as c:\n"
        "    v = c.streams.video[0]\n"
        "    times = []\n"
        "    try:\n"
        "        for f in c.decode(v): times.append(float(f.pts * f.time_base))\n"
        "    except Exception: pass\n"
        "    print(v.codec_context.name, *[t - times[0] for t in times])\n"
    )

    def __init__(self, port: int) -> None:
        words = [sys.executable, "-c", self._SCRIPT, f"rtmp://127.0.0.1:{port}/live/key"]
        self._process: Any = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)

    def result(self) -> tuple[str, list[float]]:
        name, *times = self._process.communicate(timeout=30)[0].split()
        return name, [float(t) for t in times]


def test_length_prefixes_replace_start_codes() -> None:
    units = [b"\x65abc", b"\x41" + bytes([1, 2, 3])]
    annex_b = b"\0\0\0\1" + units[0] + b"\0\0\1" + units[1] + b"\0"
    assert sender.length_prefixed(annex_b) == b"".join(len(u).to_bytes(4) + u for u in units)


def test_tcp_options_are_set_on_ffmpegs_own_socket_and_it_is_handed_over() -> None:
    description, _ = programme_packets()
    for _ in range(20):
        port = free_port()
        server_ = _Decoding(port)
        time.sleep(0.3)
        link = Link(OutputSpec.parse(f"rtmp://127.0.0.1:{port}/live/key"), description, 1_000_000)
        try:
            link.connect()
        except LinkError:
            link.close()
            continue
        assert link._peer is not None
        handle = link._peer._connection
        assert handle.getpeername()[1] == port
        assert handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == sender._UNSENT
        assert not link._peer.silent()
        link.close()
        server_._process.kill()
        server_._process.wait()
        return
    raise AssertionError("it never listened")


def test_a_reason_is_never_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    def mute(theirs: socket.socket) -> Any:
        return subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdout.write('!'); sys.stdout.flush()"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
        )

    monkeypatch.setattr(link_module, "started", mute)
    link = Link(OutputSpec.parse("rtmp://127.0.0.1/live/key"), b"", 1_000_000)
    with pytest.raises(LinkError, match="no reason given"):
        link.connect()
    link.close()
