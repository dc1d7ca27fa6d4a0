"""A process that holds one connection: packets in from the broadcast process, FFmpeg's RTMP (or SRT) out.

FFmpeg waits for a network without a time limit, and PyAV holds Python's interpreter lock meanwhile. So
every connection has a small process of its own, which can be killed when it hangs (see `link`). It is
run as a script and imports PyAV and the standard library only: that is what keeps it small.

What comes in: one `ORDER` record, then one `PACKET` record after another; the end of the pipe ends the
stream properly. What goes out: a ``+`` when started, one when connected, one for each packet handed to
the network; or ``!`` and the reason, before the process ends. With the second ``+`` comes a handle of the TCP
connection itself.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import socket
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import IO, Any, NoReturn

import av

ORDER = struct.Struct("<II")
"""Bytes of the target (text, see `target`) and of the description (MP4 without media), which follow."""

PACKET = struct.Struct("<??qII")
"""Picture (else sound), keyframe, time and duration in ticks of 1/48000 s, bytes of data, which follow."""

_TICK = Fraction(1, 48_000)
_INTERLEAVE = "100000"
"""Microseconds for which FFmpeg holds sound back to wait for pictures: dropped ones must not stop the voice."""
_UNSENT = 32 << 10
"""Bytes that the system may hold unsent; what it holds, it sends late after an outage."""
_START_CODE = b"\0\0\1"
_ORPHAN_LIMIT = 15
"""Seconds after which the system ends a process that hangs; only where nobody is left to kill it."""

REFUSED = "nothing listens there"
NO_ANSWER = "no answer in time"
CLOSED = "the server closed the connection"
_WORDS = {
    errno.ECONNREFUSED: f"{REFUSED} (connection refused)",
    errno.EPIPE: CLOSED,
    errno.ECONNRESET: CLOSED,
    errno.ETIMEDOUT: NO_ANSWER,
    errno.EHOSTUNREACH: f"{NO_ANSWER} (no way to the host)",
    errno.ENETUNREACH: f"{NO_ANSWER} (no network)",
}


def target(url: str, options: dict[str, str]) -> str:
    """The place to send to as FFmpeg's ``tee`` muxer reads it, for PyAV opens an output's address without options.

    Args:
        url: rtmp, rtmps or srt address.
        options: Of the muxer (``f``; flv unless it is given) and the protocols: ``rtmp_*``, ``tls_*``,
            ``send_buffer_size``.
    """
    given = {"f": "flv", "max_interleave_delta": _INTERLEAVE, **options}
    pairs = ":".join(f"{k}={_escaped(v)}" for k, v in given.items())
    return _escaped(f"[{pairs}]{url}")


def _escaped(text: str) -> str:
    return "".join("\\" + c if c in "\\':|[] =" else c for c in text)


def main(source: IO[bytes], sink: IO[bytes]) -> None:
    """Send what ``source`` brings until it ends; say so on ``sink``.

    Raises:
        OSError: The connection failed, or ``source`` was cut off.
    """
    _say(sink, b"+")
    place, description = (_exactly(source, n) for n in ORDER.unpack(_exactly(source, ORDER.size)))
    with av.open(io.BytesIO(description), format="mp4") as template:
        _guard(True)
        patience = {"max_interleave_delta": _INTERLEAVE}
        container: Any = av.open(place.decode(), "w", format="tee", options=patience)
        container.metadata.update({k: v for k, v in template.metadata.items() if "brand" not in k})
        streams = [container.add_stream_from_template(s, opaque=True) for s in template.streams]
        prefixed = template.streams.video[0].codec_context.name in ("h264", "hevc")
    for stream in streams:
        stream.time_base = _TICK
    container.start_encoding()
    _guard(False)
    _connected(sink)
    while head := source.read(PACKET.size):
        packet = _packet(source, head, streams, prefixed)
        _guard(True)
        container.mux_one(packet)
        _guard(False)
        _say(sink, b"+")
    _guard(True)
    container.close()


def _packet(source: IO[bytes], head: bytes, streams: Sequence[Any], prefixed: bool) -> Any:
    video, keyframe, pts, duration, size = PACKET.unpack(head)
    data = _exactly(source, size)
    packet = av.Packet(length_prefixed(data) if video and prefixed else data)
    packet.pts = packet.dts = pts
    packet.duration, packet.time_base, packet.is_keyframe = duration, _TICK, keyframe
    packet.stream = streams[0 if video else 1]
    return packet


def length_prefixed(data: bytes) -> bytes:
    """H.264 or HEVC units between start codes (Annex B), as MP4 has them: what the description says of them."""
    units = [unit.rstrip(b"\0") for unit in data.split(_START_CODE)[1:]]
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in units if unit)


def _connection() -> socket.socket | None:
    """A second handle of FFmpeg's own TCP socket, found among this process's descriptors; None where it has none.

    The system holds little of what is unsent, so that a link that stops is felt at once; and, where it has it, its
    congestion control is one that a lossy link does not slow down without need.
    """
    options: list[tuple[int | None, int | bytes]] = [
        (getattr(socket, "TCP_NOTSENT_LOWAT", None), _UNSENT),
        (getattr(socket, "TCP_CONGESTION", None), b"bbr"),
    ]
    for entry in Path("/dev/fd").glob("[0-9]*"):
        with suppress(OSError):
            found = socket.socket(fileno=os.dup(int(entry.name)))
            if found.family in (socket.AF_INET, socket.AF_INET6) and found.type == socket.SOCK_STREAM:
                for option, value in options:
                    if option is not None:
                        with suppress(OSError):
                            found.setsockopt(socket.IPPROTO_TCP, option, value)
                return found
            found.close()
    return None


def _connected(sink: IO[bytes]) -> None:
    """Say so, and hand the connection itself to the broadcast process, which keeps an eye on the other end."""
    connection = _connection()
    if connection is None:
        _say(sink, b"+")
        return
    with connection, socket.socket(fileno=os.dup(sink.fileno())) as pipe:
        socket.send_fds(pipe, [b"+"], [connection.fileno()])


def _exactly(source: IO[bytes], count: int) -> bytes:
    data = source.read(count)
    if len(data) < count:
        raise EOFError("the broadcast process has gone")
    return data


def _say(sink: IO[bytes], word: bytes) -> None:
    sink.write(word)
    sink.flush()


def _guard(on: bool) -> None:
    """Let the kernel end this process if what follows hangs: no Python code could run then."""
    if hasattr(signal, "alarm"):
        signal.alarm(_ORPHAN_LIMIT if on else 0)


def _reason(error: BaseException, logged: Sequence[tuple[int, str, str]]) -> str:
    """What went wrong in few words; names, certificates and a server's own words are in FFmpeg's log only."""
    code = getattr(error, "errno", 0) or 0
    told = [text.strip() for _, name, text in logged if name in ("rtmp", "tls", "tcp") and "://" not in text]
    if code in _WORDS:
        return _WORDS[code]
    if isinstance(error, av.EOFError):
        return CLOSED
    if code in (errno.EIO, errno.EPERM):
        return told[-1] if told else "the server refused the stream"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def serve(source: IO[bytes], sink: IO[bytes]) -> NoReturn:
    """`main`, whose errors become last words; then this process ends."""
    av.logging.set_level(av.logging.ERROR)
    with av.logging.Capture(local=False) as logged:
        try:
            main(source, sink)
        except BaseException as error:
            with suppress(OSError):
                _say(sink, b"!" + _reason(error, logged).encode(errors="replace"))
    # Nothing is taken down in order: a broken connection's own goodbye would wait for the network once more.
    os._exit(0)


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
