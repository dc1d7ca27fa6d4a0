"""What the system knows of the other end of a TCP connection that FFmpeg uses; on Linux, else nothing."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import suppress

_LOOK_EVERY = 0.25
_SILENCE = 4.0
"""Seconds for which a server may take nothing of what it is sent."""
_MADE_ANEW = 0.5
"""Share of the filled room that a server that reads makes anew: nearly all; of one that hangs a tenth was seen."""
_LINGER = struct.pack("ii", 1, 0)
_FIELDS = struct.Struct("=24xI92xQ16xI52xQ20xI")
"""Of Linux's ``struct tcp_info``: segments without an answer, bytes answered, bytes unsent, bytes sent, window."""


class Peer:
    """The connection, seen from beside; used by one thread.

    A server whose process hangs still answers through its system, for as long as that has room. But room that is
    filled is not made anew: the end of what it is willing to take (bytes answered and its window) hardly moves on.

    Args:
        connection: A second handle of the connection that the sender uses.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._end = self._answered = self._sent = 0
        self._looked = self._moved = time.monotonic()

    def silent(self) -> bool:
        """Whether the server has made no room for some seconds although something was sent to it."""
        now = time.monotonic()
        if now - self._looked < _LOOK_EVERY:
            return False
        rested, self._looked = now - self._looked > 1.0, now
        try:
            info = self._connection.getsockopt(
                socket.IPPROTO_TCP, getattr(socket, "TCP_INFO", 11), _FIELDS.size
            )
        except OSError:
            return False
        if len(info) < _FIELDS.size:
            return False
        unanswered, answered, unsent, sent, window = _FIELDS.unpack(info)
        idle = sent == self._sent and not unanswered and not unsent
        room, taken = answered + window - self._end, answered - self._answered
        if room > taken * _MADE_ANEW or idle or rested:
            self._end, self._answered, self._sent, self._moved = answered + window, answered, sent, now
        return now - self._moved > _SILENCE

    def reset(self) -> None:
        """Tell the server that this connection is dead, and close it.

        A server that has heard nothing for a while would go on waiting for it, and refuse the next one as a second
        publisher. Worth doing only when it can be reached.
        """
        with suppress(OSError):
            self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        self.close()

    def close(self) -> None:
        self._connection.close()
