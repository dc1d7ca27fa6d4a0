"""Senders: connections to FFmpeg's server and to bad ones; every wait has an end."""

from __future__ import annotations

import datetime
import io
import ipaddress
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from avatar_engine.broadcast import link as link_module
from avatar_engine.broadcast import sender
from avatar_engine.broadcast.encoder import Encoder
from avatar_engine.broadcast.link import Link, LinkError
from avatar_engine.broadcast.packets import Packet
from avatar_engine.broadcast.spec import OutputSpec, ProgrammeFormat
from tests.servers import COLOURS, Nginx, Receiver, Relay, SilentServer, free_port, has_nginx, programme

SIZE = ProgrammeFormat(320, 180)


class Stream:
    """The test programme, encoded."""

    def __init__(self, frames: int = 100, start: int = 0) -> None:
        encoder = Encoder(SIZE, "libx264")
        self.description = encoder.description
        self.packets: list[Packet] = []
        for index in range(start, start + frames):
            frame = programme(index)
            self.packets += encoder.encode(index, frame.picture, frame.sound)
        self.packets += encoder.flush()
        encoder.close()


@pytest.fixture(scope="module")
def stream() -> Stream:
    return Stream()


Open = Callable[[str], Link]


@pytest.fixture
def opened(stream: Stream) -> Iterator[Open]:
    """Opens links, and closes them at the end."""
    links: list[Link] = []

    def make(url: str) -> Link:
        links.append(Link(OutputSpec.parse(url), stream.description, 1_000_000))
        return links[-1]

    yield make
    for link in links:
        link.close()


def ended(pid: int, limit: float = 20.0) -> bool:
    """Whether the process ends within ``limit`` seconds."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("key", ["key", "k?a=b&c=d%2F", "k|y:]['\\=end"], ids=["plain", "query", "strange"])
def test_a_stream_arrives_whole_and_says_goodbye(stream: Stream, opened: Open, key: str) -> None:
    url = f"rtmp://127.0.0.1:{free_port()}/live/deep/app/{key}"
    receiver = Receiver(url.partition("?")[0] if key != "key" else url, listen="1")
    link = connected(lambda: opened(url))
    gone: list[Packet] = []
    for packet in stream.packets:
        gone += link.send(packet)
    gone += link.end()
    assert gone == stream.packets
    assert ended(link.pid)
    got = receiver.result()
    assert len(got.video) == 100
    assert got.colours == {COLOURS}
    offsets = got.offsets_ms()[1:]
    assert len(offsets) == 3
    assert max(map(abs, offsets)) < 40


def connected(make: Callable[[], Link], early: str = "refused") -> Link:
    """A link to a server in this process, which may not listen yet."""
    for attempt in range(20):
        link = make()
        try:
            link.connect()
            return link
        except LinkError as error:
            assert early in str(error)
            time.sleep(0.1 * attempt)
    raise AssertionError("it never listened")


def test_the_command_line_shows_no_key(opened: Open) -> None:
    with SilentServer() as server:
        link = opened(f"rtmp://127.0.0.1:{server.port}/live/SECRETKEY")
        command = psutil.Process(link.pid).cmdline()
        assert sender.__file__ in command
        assert not any("SECRETKEY" in word or "127.0.0.1" in word for word in command)


def test_a_refused_port(opened: Open) -> None:
    with pytest.raises(LinkError, match="connection refused"):
        opened(f"rtmp://127.0.0.1:{free_port()}/live/key").connect()


def test_a_silent_server_is_given_up(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "_CONNECT_LIMIT", 0.5)
    with SilentServer() as server:
        link = opened(f"rtmp://127.0.0.1:{server.port}/live/key")
        with pytest.raises(LinkError, match="no answer in time"):
            link.connect()
        link.close()
        assert ended(link.pid, 1.0)


class Babbling(SilentServer):
    """Speaks, but not RTMP."""

    def converse(self, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 200)
        connection.close()


def test_a_server_of_another_kind_is_an_error_without_the_key(opened: Open) -> None:
    with Babbling() as server:
        link = opened(f"rtmp://127.0.0.1:{server.port}/live/SECRETKEY")
        with pytest.raises(LinkError) as caught:
            link.connect()
    assert str(caught.value)
    assert "SECRETKEY" not in str(caught.value)


def test_a_link_that_goes_dead_is_given_up(
    stream: Stream, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_module, "_ANSWER_LIMIT", 0.5)
    url = f"rtmp://127.0.0.1:{free_port()}/live/key"
    Receiver(url, listen="1")
    with Relay(OutputSpec.parse(url).port) as relay:
        link = connected(lambda: opened(f"rtmp://127.0.0.1:{relay.port}/live/key"), "closed")
        relay.stall()
        # H.264 has a unit for mere weight; the link's buffers are full at once.
        filler = b"\0\0\1\x0c" + b"\xff" * 100_000 + b"\x80"
        fat = [replace(p, data=p.data + filler) if p.video else p for p in stream.packets]
        with pytest.raises(LinkError, match="no answer in time"):
            for packet in fat:
                link.send(packet)


def test_the_voice_goes_on_while_pictures_are_dropped(stream: Stream, opened: Open) -> None:
    """Sound is not held back until pictures come again: what was sent arrives, though the sender is killed."""
    url = f"rtmp://127.0.0.1:{free_port()}/live/key"
    receiver = Receiver(url, listen="1")
    link = connected(lambda: opened(url))
    gone: list[Packet] = []
    sent = [p for p in stream.packets if not p.video or p.pts < 12_000]
    for packet in sent:
        gone += link.send(packet)
    deadline = time.monotonic() + 10
    while len(gone) < len(sent) and time.monotonic() < deadline:
        gone += link.collect(0.1)
    link.kill()
    got = receiver.result()
    assert len(got.sound) / 48_000 > 3.5


def test_a_killed_sender_is_an_error(stream: Stream, opened: Open) -> None:
    url = f"rtmp://127.0.0.1:{free_port()}/live/key"
    Receiver(url, listen="1")
    link = connected(lambda: opened(url))
    os.kill(link.pid, signal.SIGKILL)
    with pytest.raises(LinkError, match="ended"):
        for packet in stream.packets * 2:
            link.send(packet)


def test_no_more_than_a_second_is_underway(stream: Stream, opened: Open) -> None:
    url = f"rtmp://127.0.0.1:{free_port()}/live/key"
    Receiver(url, listen="1")
    link = connected(lambda: opened(url))
    os.kill(link.pid, signal.SIGSTOP)
    sent = 0
    try:
        with pytest.raises(LinkError, match="no answer"):
            for packet in stream.packets:
                link.send(packet)
                sent += packet.video
    finally:
        os.kill(link.pid, signal.SIGCONT)
    assert 10 <= sent <= 26


def test_a_sender_that_hangs_does_not_outlive_the_broadcast() -> None:
    """The kernel ends it, for while FFmpeg waits no Python code runs."""
    script = (
        "import sys, runpy, signal\n"
        "real = signal.alarm\n"
        "signal.alarm = lambda seconds: real(1 if seconds else 0)\n"
        f"runpy.run_path({sender.__file__!r}, run_name='__main__')\n"
    )
    place = sender.target("rtmp://127.0.0.1:{}/live/key", {})
    with SilentServer() as server:
        place = place.replace("{}", str(server.port))
        description = Stream(1).description
        order = sender.ORDER.pack(len(place), len(description)) + place.encode() + description
        child = subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        assert child.stdin is not None
        child.stdin.write(order)
        child.stdin.close()
        assert child.wait(30) == -signal.SIGALRM


@pytest.mark.server
@pytest.mark.skipif(not has_nginx(), reason="nginx with the RTMP module is not installed")
def test_an_application_that_is_not_there_is_told(opened: Open, tmp_path: Path) -> None:
    with Nginx(tmp_path) as nginx:
        link = opened(f"rtmp://127.0.0.1:{nginx.port}/elsewhere/key")
        with pytest.raises(LinkError, match="the server refused the stream"):
            link.connect()


class Secure(Relay):
    """A relay behind TLS, with a certificate for 127.0.0.1 that signs itself."""

    def __init__(self, target: int, folder: Path) -> None:
        super().__init__(target)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
        now = datetime.datetime.now(datetime.UTC)
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(address, critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256())
        )
        self.certificate, secret = folder / "certificate.pem", folder / "key.pem"
        self.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        form = serialization.PrivateFormat.PKCS8
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, secret)

    def converse(self, connection: socket.socket) -> None:
        try:
            super().converse(self._context.wrap_socket(connection, server_side=True))
        except OSError:
            return


def test_rtmps_is_encrypted_and_checked(
    stream: Stream, opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Secure(free_port(), tmp_path) as server:
        with pytest.raises(LinkError, match="certificate"):
            opened(f"rtmps://127.0.0.1:{server.port}/live/key").connect()
        monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
        stranger = opened(f"rtmps://localhost:{server.port}/live/key")
        with pytest.raises(LinkError, match="certificate"):  # which is for another name
            stranger.connect()
    port = free_port()
    # A receiver takes one connection; what was refused above may be passed on late, and must not be the one.
    with Secure(port, tmp_path) as server:
        receiver = Receiver(f"rtmp://127.0.0.1:{port}/live/key", listen="1")
        link = connected(lambda: opened(f"rtmps://127.0.0.1:{server.port}/live/key"), "closed")
        for packet in stream.packets:
            link.send(packet)
        link.end()
        assert len(receiver.result().video) == 100


def test_the_description_carries_what_a_decoder_needs(stream: Stream) -> None:
    import av

    with av.open(io.BytesIO(stream.description)) as container:
        video, audio = container.streams
        assert (video.width, video.height, audio.sample_rate) == (320, 180, 48_000)
        assert bytes(video.codec_context.extradata)[:1] == b"\1"
        assert "AI-generated" in container.metadata["comment"]
