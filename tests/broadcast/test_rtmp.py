"""RTMP: chunks as pure functions, and conversations with FFmpeg's server and with bad ones."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import struct
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from avatar_engine.broadcast.flv import amf
from avatar_engine.broadcast.rtmp import (
    AUDIO,
    DATA,
    VIDEO,
    ChunkReader,
    ChunkWriter,
    RtmpError,
    RtmpPublisher,
)
from avatar_engine.broadcast.spec import OutputSpec
from tests.servers import SilentServer, free_port

_MESSAGES = st.lists(
    st.tuples(st.sampled_from([AUDIO, VIDEO, DATA]), st.integers(0, 40_000), st.binary(max_size=700)),
    max_size=12,
)


@given(_MESSAGES, st.integers(0, 1 << 32), st.integers(1, 300), st.integers(1, 999))
def test_chunks_come_back_as_messages(
    messages: list[tuple[int, int, bytes]], start: int, chunk: int, cut: int
) -> None:
    writer, reader = ChunkWriter(size=chunk), ChunkReader()
    reader.size = chunk
    sent, wire, now = [], b"", start
    for kind, step, body in messages:
        now += step
        wire += writer.message(kind, 1, now, body)
        sent.append((kind, now & 0xFFFFFFFF, body))
    got = [m for at in range(0, len(wire), cut) for m in reader.feed(wire[at : at + cut])]
    assert [(k, t & 0xFFFFFFFF, b) for k, t, b in got] == sent


def test_the_first_message_has_the_time_and_the_next_a_difference() -> None:
    writer = ChunkWriter(size=128)
    first = writer.message(VIDEO, 1, 1000, b"abc")
    assert first == bytes.fromhex("06 0003e8 000003 09 01000000") + b"abc"
    assert writer.message(VIDEO, 1, 1040, b"abcd") == bytes.fromhex("46 000028 000004 09") + b"abcd"


@pytest.mark.parametrize("start", [0xFFFFFF - 40, 0xFFFFFF - 1, 0xFFFFFF, 0x1000000, 0xFFFFFFFF - 20])
def test_times_beyond_24_bits(start: int) -> None:
    writer, reader = ChunkWriter(size=4), ChunkReader()
    reader.size = 4
    first = writer.message(VIDEO, 1, start, b"0123456789")
    if start >= 0xFFFFFF:
        time = struct.pack(">I", start)
        head = bytes.fromhex("06 ffffff 00000a 09 01000000")
        # Repeated in each further chunk, as every server expects.
        assert first == head + time + b"0123" + b"\xc6" + time + b"4567" + b"\xc6" + time + b"89"
    wire = first + b"".join(writer.message(VIDEO, 1, start + 40 * i, b"x" * 9) for i in range(1, 4))
    times = [t & 0xFFFFFFFF for _, t, _ in reader.feed(wire)]
    assert times == [(start + 40 * i) & 0xFFFFFFFF for i in range(4)]


def test_a_step_back_is_sent_as_a_time() -> None:
    writer, reader = ChunkWriter(), ChunkReader()
    wire = writer.message(AUDIO, 1, 500, b"a") + writer.message(AUDIO, 1, 480, b"b")
    assert [t for _, t, _ in reader.feed(wire)] == [500, 480]


def test_nonsense_from_the_server_is_an_rtmp_error() -> None:
    with pytest.raises(RtmpError):
        list(ChunkReader().feed(b"\xc5whatever"))


class Scripted(SilentServer):
    """Shakes hands, then answers every command by a script: command name to bytes of AMF."""

    def __init__(self, answers: dict[str, bytes], first: bytes = b"\x03") -> None:
        super().__init__()
        self._answers, self._first = answers, first

    def converse(self, connection: socket.socket) -> None:
        try:
            data = b""
            while len(data) < 1537:
                data += connection.recv(1537 - len(data))
            connection.sendall(self._first + bytes(1536) + data[1:])
            data = b""
            while len(data) < 1536:
                data += connection.recv(1536 - len(data))
            reader, writer = ChunkReader(), ChunkWriter()
            while data := connection.recv(65536):
                for _, _, body in reader.feed(data):
                    for name, answer in self._answers.items():
                        if amf(name) in body:
                            connection.sendall(writer.message(20, 0, 0, answer))
        except OSError:
            return


def publisher(port: int, timeout: float = 0.5) -> RtmpPublisher:
    return RtmpPublisher(OutputSpec.parse(f"rtmp://127.0.0.1:{port}/live/key"), timeout=timeout)


ACCEPTED = {
    "connect": amf("_result") + amf(1.0) + amf({"fmsVer": "x"}) + amf({"code": "NetConnection.Connect.Success"}),
    "createStream": amf("_result") + amf(4.0) + amf(None) + amf(1.0),
    "publish": amf("onStatus") + amf(0.0) + amf(None) + amf({"code": "NetStream.Publish.Start"}),
}  # fmt: skip


def test_a_server_that_accepts() -> None:
    with Scripted(ACCEPTED) as server:
        connection = publisher(server.port)
        connection.connect()
        assert connection.send(AUDIO, 40, b"\xaf\x01x") > 3
        connection.close()


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("connect", amf("_error") + amf(1.0) + amf(None)
         + amf({"level": "error", "code": "NetConnection.Connect.Rejected", "description": "no such app"})),
        ("publish", amf("onStatus") + amf(0.0) + amf(None)
         + amf({"level": "error", "code": "NetStream.Publish.BadName", "description": "no such app"})),
    ],
)  # fmt: skip
def test_a_refusal_is_told_in_the_servers_words(command: str, answer: bytes) -> None:
    with Scripted({**ACCEPTED, command: answer}) as server:
        connection = publisher(server.port)
        with pytest.raises(RtmpError, match="no such app"):
            connection.connect()
        connection.close()


def test_a_server_of_another_kind() -> None:
    with Scripted({}, first=b"H") as server, pytest.raises(RtmpError, match="no RTMP"):
        publisher(server.port).connect()


def test_a_silent_server_is_given_up() -> None:
    with SilentServer() as server, pytest.raises(TimeoutError):
        publisher(server.port).connect()


def test_a_server_that_stops_reading_is_given_up() -> None:
    with Scripted(ACCEPTED) as server:
        connection = publisher(server.port)
        connection.connect()
        server.converse = None  # type: ignore[assignment]
        server._accepted[0].shutdown(socket.SHUT_RD)
        with pytest.raises(OSError):
            for index in range(2000):
                connection.send(VIDEO, index * 40, bytes(60_000))
        connection.close()


def test_a_refused_port() -> None:
    with pytest.raises(ConnectionRefusedError):
        publisher(free_port()).connect()


def test_closing_without_a_connection_is_harmless() -> None:
    publisher(1).close()
    with pytest.raises(ConnectionError):
        publisher(1).send(AUDIO, 0, b"")


class Secure(Scripted):
    """The same behind TLS, with a certificate for 127.0.0.1 that signs itself."""

    def __init__(self, answers: dict[str, bytes], folder: Path) -> None:
        super().__init__(answers)
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
                critical=False,
            )
            .sign(key, hashes.SHA256())
        )
        self.certificate = folder / "certificate.pem"
        self.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        secret = folder / "key.pem"
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, secret)

    def converse(self, connection: socket.socket) -> None:
        try:
            super().converse(self._context.wrap_socket(connection, server_side=True))
        except OSError:
            return


def test_rtmps_is_encrypted_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Secure(ACCEPTED, tmp_path) as server:
        spec = OutputSpec.parse(f"rtmps://127.0.0.1:{server.port}/live/key")
        stranger = RtmpPublisher(spec, timeout=2)
        with pytest.raises(ssl.SSLCertVerificationError):
            stranger.connect()
        monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
        trusted = RtmpPublisher(spec, timeout=2)
        trusted.connect()
        for index in range(50):
            assert trusted.send(VIDEO, index * 40, bytes(20_000)) > 20_000
        trusted.close()
