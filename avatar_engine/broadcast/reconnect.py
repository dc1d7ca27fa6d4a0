"""How long an output waits before it tries again, and what ends that wait early."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable

from avatar_engine.broadcast.spec import OutputSpec

_FIRST, _FACTOR, _LONGEST = 2.0, 1.5, 30.0
_JITTER = 0.25
_PROBE_EVERY = 1.0
_PROBE_LIMIT = 1.0
_HANDSHAKE = b"\3" + bytes(8)
"""RTMP's version and the beginning of the client's first message, of which `_RANDOM` bytes follow."""
_RANDOM = 1528


def backoff(attempt: int, chance: float) -> float:
    """Seconds to wait before attempt ``attempt`` (from 0) to connect again: 2, times 1.5 each, 30 at most.

    Args:
        attempt: How many attempts have failed in a row.
        chance: Random in [0, 1): takes off up to a quarter, so that many senders do not come back at once.
    """
    return float(min(_LONGEST, _FIRST * _FACTOR ** min(attempt, 50)) * (1.0 - _JITTER * chance))


def answers(spec: OutputSpec, limit: float = _PROBE_LIMIT) -> bool:
    """Whether the endpoint begins to speak: the first byte of RTMP's or TLS's handshake. The name is looked up anew.

    A server that hangs is still connected to by its system; only its own byte shows that it is back. No key, no
    application is said.

    Args:
        spec: A network output; SRT, which has no connection to try, never answers.
        limit: Seconds for each step.
    """
    if spec.kind != "rtmp":
        return False
    try:
        with socket.create_connection((spec.host, spec.port), limit) as probe:
            probe.settimeout(limit)
            return _secured(probe) if spec.tls else _greeted(probe)
    except OSError:
        return False


def _greeted(probe: socket.socket) -> bool:
    probe.sendall(_HANDSHAKE + os.urandom(_RANDOM))
    return bool(probe.recv(1))


def _secured(probe: socket.socket) -> bool:
    # Nothing is said over it, so whose certificate it is does not matter: the sender checks that.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        context.wrap_socket(probe).close()
    except ssl.SSLError:
        return True
    return True


class Wait:
    """The wait before the next attempt, which ends early when the endpoint was away and is back.

    The endpoint is asked once a second. One that answers all the while but refuses us (a wrong key, a full server)
    is left in peace for the whole time; and one that answers and then fails us ends no second wait early unless
    it was seen to be away in between.

    Args:
        answers_: See `answers`.
        ending: Set when nothing is worth waiting for any more.
    """

    def __init__(self, answers_: Callable[[], bool], ending: threading.Event) -> None:
        self._answers, self._ending = answers_, ending
        self._hurried = False

    def __call__(self, seconds: float, away: bool, ask: bool = True) -> None:
        """Return after ``seconds``, or when the endpoint is back, or at the end of all.

        Args:
            seconds: See `backoff`.
            away: Whether the endpoint could not be reached just now.
            ask: Whether it may be asked; one that takes a single connection must not spend it on a question.
        """
        if not ask:
            self._ending.wait(seconds)
            return
        end = time.monotonic() + seconds
        away = away and not self._hurried
        self._hurried = False
        while (left := end - time.monotonic()) > 0 and not self._ending.wait(min(_PROBE_EVERY, left)):
            if time.monotonic() >= end:
                return
            here = self._answers()
            if here and away:
                self._hurried = True
                return
            away = away or not here
