"""A process that holds one connection: packets in from the broadcast process, FFmpeg's RTMP out.

FFmpeg waits for a network without a time limit, and PyAV holds Python's interpreter lock meanwhile. So
every connection has a small process of its own, which can be killed when it hangs (see `link`). It is
run as a script and imports PyAV and the standard library only: that is what keeps it small.

What comes in: one `ORDER` record, then one `PACKET` record after another; the end of the pipe ends the
stream properly. What goes out: a ``+`` when started, one when connected, one for each packet handed to
the network; or ``!`` and the reason, before the process ends.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import struct
import sys
from collections.abc import Sequence
from fractions import Fraction
from typing import IO, Any

import av

ORDER = struct.Struct("<II")
"""Bytes of the target (text, see `target`) and of the description (MP4 without media), which follow."""

PACKET = struct.Struct("<??qII")
"""Picture (else sound), keyframe, time and duration in ticks of 1/48000 s, bytes of data, which follow."""

_TICK = Fraction(1, 48_000)
_INTERLEAVE = "100000"
"""Microseconds for which FFmpeg holds sound back to wait for pictures: dropped ones must not stop the voice."""
_ORPHAN_LIMIT = 15
"""Seconds after which the system ends a process that hangs; only where nobody is left to kill it."""

_WORDS = {
    errno.ECONNREFUSED: "nothing listens there (connection refused)",
    errno.EPIPE: "the server closed the connection",
    errno.ECONNRESET: "the server closed the connection",
    errno.ETIMEDOUT: "no answer in time",
}


def target(url: str, options: dict[str, str]) -> str:
    """The place to send to as FFmpeg's ``tee`` muxer reads it, for PyAV opens an output's address without options.

    Args:
        url: rtmp or rtmps address.
        options: Of the protocols: ``rtmp_*``, ``tls_*``, ``send_buffer_size``.
    """
    pairs = ":".join(
        f"{k}={_escaped(v)}" for k, v in {"f": "flv", "max_interleave_delta": _INTERLEAVE, **options}.items()
    )
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
        streams = [container.add_stream_from_template(s) for s in template.streams]
    for stream in streams:
        stream.time_base = _TICK
    container.start_encoding()
    _guard(False)
    _say(sink, b"+")
    while head := source.read(PACKET.size):
        packet = _packet(source, head, streams)
        _guard(True)
        container.mux_one(packet)
        _guard(False)
        _say(sink, b"+")
    _guard(True)
    container.close()


def _packet(source: IO[bytes], head: bytes, streams: Sequence[Any]) -> Any:
    video, keyframe, pts, duration, size = PACKET.unpack(head)
    packet = av.Packet(_exactly(source, size))
    packet.pts = packet.dts = pts
    packet.duration, packet.time_base, packet.is_keyframe = duration, _TICK, keyframe
    packet.stream = streams[0 if video else 1]
    return packet


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
    if code == errno.EIO:
        return told[-1] if told else "the server refused the stream"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


if __name__ == "__main__":
    av.logging.set_level(av.logging.ERROR)
    with av.logging.Capture(local=False) as logged:
        try:
            main(sys.stdin.buffer, sys.stdout.buffer)
        except BaseException as error:
            _say(sys.stdout.buffer, b"!" + _reason(error, logged).encode())
    # Nothing is taken down in order: a broken connection's own goodbye would wait for the network once more.
    os._exit(0)
