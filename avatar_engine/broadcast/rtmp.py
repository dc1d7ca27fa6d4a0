"""A publisher for RTMP and RTMPS on a plain socket, with a time limit on everything that it waits for.

FFmpeg's own RTMP output is not used: it opens, handshakes and closes without a time limit while it holds
Python's interpreter lock, so that one endpoint which accepts and then says nothing would stop the whole
broadcast. Written from Adobe's "Real Time Messaging Protocol" 1.0; the commands are those that librtmp and
FFmpeg send, for platforms expect them.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import struct
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from avatar_engine.broadcast.flv import Amf, amf, amf_values
from avatar_engine.broadcast.spec import OutputSpec

AUDIO, VIDEO, DATA = 8, 9, 18
_SET_CHUNK, _ACK, _CONTROL, _WINDOW, _BANDWIDTH, _COMMAND = 1, 3, 4, 5, 6, 20
_PING_REQUEST, _PING_RESPONSE = 6, 7
_CHUNK_OUT = 60_000
"""What FFmpeg chooses too: a picture is then one or two chunks."""
_LONGEST_MESSAGE = 1 << 24
_CHANNELS = {_SET_CHUNK: 2, _ACK: 2, _CONTROL: 2, _COMMAND: 3, DATA: 5, AUDIO: 4, VIDEO: 6}


class RtmpError(Exception):
    """The server refused or broke the conversation; the text says how, as the server put it."""


@dataclass
class ChunkWriter:
    """Messages as chunks; remembers the last message of each channel to send time differences.

    After its first message a channel sends differences (type 1), as FFmpeg and OBS do: servers disagree on
    how absolute times beyond 24 bits are repeated, and differences never need it.
    """

    size: int = 128
    last: dict[int, int] = field(default_factory=dict)

    def message(self, kind: int, stream: int, timestamp: int, body: bytes) -> bytes:
        """One message as bytes; ``timestamp`` in milliseconds, any size (sent modulo 2**32)."""
        channel = _CHANNELS[kind]
        timestamp &= 0xFFFFFFFF
        step = (timestamp - self.last.get(channel, 0)) & 0xFFFFFFFF
        # A step back (or a huge one) cannot be a difference.
        delta = channel in self.last and step < 0xFFFFFF and stream != 0
        short = step if delta else timestamp
        self.last[channel] = timestamp
        extended = struct.pack(">I", short) if short >= 0xFFFFFF else b""
        header = bytes([(0x40 if delta else 0) | channel])
        header += min(short, 0xFFFFFF).to_bytes(3, "big") + len(body).to_bytes(3, "big") + bytes([kind])
        if not delta:
            header += struct.pack("<I", stream)
        if len(body) <= self.size:
            return header + extended + body
        between = bytes([0xC0 | channel]) + extended
        pieces = [body[at : at + self.size] for at in range(0, len(body), self.size)]
        return header + extended + between.join(pieces)


@dataclass
class _Channel:
    """What a chunk header may leave out: the last header of its channel, and the message being built."""

    timestamp: int = 0
    step: int = 0
    length: int = 0
    kind: int = 0
    stream: int = 0
    extended: bool = False
    body: bytearray = field(default_factory=bytearray)


class ChunkReader:
    """Chunks back into messages; fed with whatever the socket gave."""

    def __init__(self) -> None:
        self.size = 128
        self._buffer = bytearray()
        self._channels: dict[int, _Channel] = {}

    def feed(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        """Messages (kind, timestamp, body) that ``data`` completes.

        Raises:
            RtmpError: The bytes are no RTMP.
        """
        self._buffer += data
        while (used := self._chunk()) is not None:
            taken, message = used
            del self._buffer[:taken]
            if message is not None:
                if message[0] == _SET_CHUNK and len(message[2]) >= 4:
                    self.size = max(1, struct.unpack(">I", message[2][:4])[0] & 0x7FFFFFFF)
                yield message

    def _chunk(self) -> tuple[int, tuple[int, int, bytes] | None] | None:
        """Bytes used by the next chunk and the message that it ends; None when it is not whole yet."""
        head = self._header()
        if head is None:
            return None
        at, channel = head
        take = min(self.size, channel.length - len(channel.body))
        if len(self._buffer) < at + take:
            return None
        channel.body += self._buffer[at : at + take]
        if len(channel.body) < channel.length:
            return at + take, None
        message = (channel.kind, channel.timestamp, bytes(channel.body))
        channel.body.clear()
        return at + take, message

    def _header(self) -> tuple[int, _Channel] | None:
        """Where the next chunk's payload starts, and its channel brought up to date; None when cut short."""
        data = self._buffer
        if len(data) < 1:
            return None
        form, number, at = data[0] >> 6, data[0] & 63, 1
        if number < 2:
            at += number + 1
            if len(data) < at:
                return None
            number = 64 + int.from_bytes(data[1:at], "little")
        fixed = (11, 7, 3, 0)[form]
        known = self._channels.get(number)
        if known is None and form != 0:
            raise RtmpError("the server sent a chunk without its beginning")
        channel = known or _Channel()
        if len(data) < at + fixed:
            return None
        raw = bytes(data[at : at + fixed])
        at += fixed
        short = int.from_bytes(raw[:3], "big") if fixed else 0
        extended = short == 0xFFFFFF if fixed else channel.extended
        if extended:
            if len(data) < at + 4:
                return None
            short = int.from_bytes(data[at : at + 4], "big")
            at += 4
        length = int.from_bytes(raw[3:6], "big") if fixed >= 7 else channel.length
        if length > _LONGEST_MESSAGE:
            raise RtmpError("the server sent an absurdly long message")
        have = len(channel.body) if form == 3 else 0
        if len(data) < at + min(self.size, length - have):
            return None
        # Only now is the chunk known to be whole: a header read twice must not count its step twice.
        self._channels[number] = channel
        self._update(channel, form, raw, short, extended)
        return at, channel

    @staticmethod
    def _update(channel: _Channel, form: int, raw: bytes, short: int, extended: bool) -> None:
        if form == 3:
            if not channel.body:
                channel.timestamp += channel.step
            return
        channel.extended = extended
        if form < 2:
            channel.length, channel.kind = int.from_bytes(raw[3:6], "big"), raw[6]
        if form == 0:
            channel.stream = int.from_bytes(raw[7:11], "little")
            channel.timestamp, channel.step = short, 0
        else:
            channel.step = short
            channel.timestamp += short
        channel.body.clear()


class RtmpPublisher:
    """One connection that publishes one stream; used by one thread.

    Args:
        spec: Where to; ``kind`` is rtmp.
        timeout: Seconds that the connection, each answer of the server, and each message may take.
        send_buffer: Bytes that the system may hold for the network. Small, so that a slow link is
            noticed here, where whole GOPs can be dropped, and not minutes later.
    """

    def __init__(self, spec: OutputSpec, timeout: float = 5.0, send_buffer: int = 256 << 10) -> None:
        self._spec, self._timeout, self._send_buffer = spec, timeout, send_buffer
        self._writer, self._reader = ChunkWriter(), ChunkReader()
        self._stream = 0
        self._window, self._received, self._acknowledged = 2_500_000, 0, 0
        self._socket: socket.socket | None = None

    def connect(self) -> None:
        """Connect, shake hands and start to publish.

        Raises:
            OSError: No connection, or none within the time.
            RtmpError: The server refused.
        """
        deadline = time.monotonic() + 2 * self._timeout
        self._socket = self._open_socket()
        self._shake_hands()
        self._write(_SET_CHUNK, 0, 0, struct.pack(">I", _CHUNK_OUT))
        self._writer.size = _CHUNK_OUT
        self._command("connect", 1, self._connect_fields())
        self._await(1, deadline)
        self._command("releaseStream", 2, None, self._spec.key)
        self._command("FCPublish", 3, None, self._spec.key)
        self._command("createStream", 4, None)
        number = self._await(4, deadline)[-1]
        if not isinstance(number, float):
            raise RtmpError("the server gave no stream number")
        self._stream = int(number)
        self._command("publish", 5, None, self._spec.key, "live", stream=self._stream)
        self._await_publish(deadline)

    def send(self, kind: int, timestamp: int, body: bytes) -> int:
        """Send one message (`AUDIO`, `VIDEO` or `DATA`); bytes on the wire.

        Raises:
            OSError: The connection is dead or took longer than the time limit.
            RtmpError: The server ended the stream.
        """
        if kind == DATA:
            body = amf("@setDataFrame") + body
        sent = self._write(kind, self._stream, timestamp, body)
        self._listen()
        return sent

    def close(self) -> None:
        """Say goodbye if possible, and close. Never raises."""
        if self._socket is None:
            return
        with contextlib.suppress(OSError, RtmpError):
            self._socket.settimeout(0.5)
            if self._stream:
                self._command("FCUnpublish", 6, None, self._spec.key)
                self._command("deleteStream", 7, None, float(self._stream))
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(OSError):
            self._socket.close()
        self._socket = None

    @property
    def _connected(self) -> socket.socket:
        if self._socket is None:
            raise ConnectionError("not connected")
        return self._socket

    def _open_socket(self) -> socket.socket:
        spec = self._spec
        raw = socket.create_connection((spec.host, spec.port), self._timeout)
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._send_buffer)
            if sys.platform == "linux":
                # A link that goes silent is noticed after this long, however much the system still buffers.
                milliseconds = int(self._timeout * 1000)
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
            if not spec.tls:
                return raw
            return ssl.create_default_context().wrap_socket(raw, server_hostname=spec.host)
        except BaseException:
            raw.close()
            raise

    def _shake_hands(self) -> None:
        """The plain handshake: version, time and 1528 random bytes each way, then an echo."""
        connection = self._connected
        deadline = time.monotonic() + self._timeout
        connection.sendall(b"\x03" + bytes(8) + os.urandom(1528))
        answer = self._exactly(1 + 1536, deadline)
        if answer[0] != 3:
            raise RtmpError(f"the server speaks no RTMP (its first byte is {answer[0]})")
        connection.sendall(answer[1:])
        self._exactly(1536, deadline)

    def _exactly(self, count: int, deadline: float) -> bytes:
        data = b""
        while len(data) < count:
            data += self._receive(count - len(data), deadline)
        return data

    def _receive(self, count: int, deadline: float) -> bytes:
        """Some bytes, before ``deadline`` (monotonic seconds)."""
        connection = self._connected
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the server does not answer")
        connection.settimeout(left)
        try:
            data = connection.recv(count)
        except TimeoutError:
            raise TimeoutError("the server does not answer") from None
        finally:
            connection.settimeout(self._timeout)
        if not data:
            raise ConnectionResetError("the server closed the connection")
        return data

    def _connect_fields(self) -> Mapping[str, Amf]:
        return {
            "app": self._spec.app,
            "type": "nonprivate",
            "flashVer": "FMLE/3.0 (compatible; avatar-engine)",
            "tcUrl": self._spec.tc_url,
        }

    def _command(self, name: str, number: int, *values: Amf, stream: int = 0) -> None:
        body = amf(name) + amf(float(number)) + b"".join(amf(v) for v in values)
        self._write(_COMMAND, stream, 0, body)

    def _write(self, kind: int, stream: int, timestamp: int, body: bytes) -> int:
        connection = self._connected
        data = self._writer.message(kind, stream, timestamp, body)
        connection.sendall(data)
        return len(data)

    def _await(self, number: int, deadline: float) -> list[Amf]:
        """The server's answer to command ``number``."""
        while True:
            for values in self._incoming(self._receive(65536, deadline)):
                if len(values) > 1 and values[1] == number:
                    if values[0] == "_result":
                        return values
                    if values[0] == "_error":
                        raise RtmpError(_reason(values))

    def _await_publish(self, deadline: float) -> None:
        while True:
            for values in self._incoming(self._receive(65536, deadline)):
                if values[0] == "onStatus" and _code(values) == "NetStream.Publish.Start":
                    return

    def _listen(self) -> None:
        """Read what the server has sent meanwhile, without waiting."""
        connection = self._connected
        connection.settimeout(0)
        try:
            data = connection.recv(65536)
        except (BlockingIOError, ssl.SSLWantReadError):
            return
        finally:
            connection.settimeout(self._timeout)
        if not data:
            raise ConnectionResetError("the server closed the connection")
        for _ in self._incoming(data):
            pass

    def _incoming(self, data: bytes) -> list[list[Amf]]:
        """Handle the protocol's own messages in ``data``; the commands among them.

        Raises:
            RtmpError: The server says that publishing has failed or ended.
        """
        self._received += len(data)
        commands: list[list[Amf]] = []
        for kind, _, body in self._reader.feed(data):
            if kind == _WINDOW and len(body) >= 4:
                self._window = max(1, int.from_bytes(body[:4], "big"))
            elif kind == _CONTROL and len(body) >= 6 and body[:2] == struct.pack(">H", _PING_REQUEST):
                self._write(_CONTROL, 0, 0, struct.pack(">H", _PING_RESPONSE) + body[2:6])
            elif kind == _COMMAND:
                values = _commands(body)
                if values and values[0] == "onStatus" and _failed(values):
                    raise RtmpError(_reason(values))
                if values:
                    commands.append(values)
        if self._received - self._acknowledged >= self._window // 2:
            self._acknowledged = self._received
            self._write(_ACK, 0, 0, struct.pack(">I", self._received & 0xFFFFFFFF))
        return commands


def _commands(body: bytes) -> list[Amf]:
    try:
        return amf_values(body)
    except ValueError as error:
        raise RtmpError(f"the server sent a command that cannot be read ({error})") from error


def _information(values: list[Amf]) -> Mapping[str, Amf]:
    return next((v for v in reversed(values) if isinstance(v, Mapping)), {})


def _code(values: list[Amf]) -> str:
    return str(_information(values).get("code", ""))


def _failed(values: list[Amf]) -> bool:
    level = str(_information(values).get("level", ""))
    return level == "error" or _code(values) in ("NetStream.Unpublish.Success", "NetStream.Publish.BadName")


def _reason(values: list[Amf]) -> str:
    information = _information(values)
    text = " ".join(str(information.get(k, "")) for k in ("code", "description")).strip()
    return f"the server refused: {text or 'no reason given'}"
