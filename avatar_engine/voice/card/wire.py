"""What goes over the socket between a show and the card's process: a JSON header, and float32 arrays behind it."""

from __future__ import annotations

import json
import math
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from avatar_engine.contracts import FloatArray

_SIZE = struct.Struct("<I")
_LONGEST_HEADER = 1 << 16
MOST_NUMBERS = 1 << 24
"""Of one message, 64 MB: a sentence of two minutes is a tenth of it."""


class WireError(Exception):
    """The other end is gone, or what it sent is no message."""


@dataclass(frozen=True, slots=True)
class Message:
    """What one end tells the other: some facts, and arrays by name."""

    facts: Mapping[str, Any]
    arrays: Mapping[str, FloatArray] = field(default_factory=dict)


def send(connection: socket.socket, message: Message) -> None:
    """Send a message whole.

    Raises:
        WireError: The other end is gone, or takes nothing.
    """
    arrays = {name: np.ascontiguousarray(array, np.float32) for name, array in message.arrays.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    header = json.dumps({**message.facts, "arrays": shapes}).encode()
    try:
        connection.sendall(_SIZE.pack(len(header)) + header)
        for array in arrays.values():
            connection.sendall(array.tobytes())
    except OSError as error:
        raise WireError(f"can't send: {error}") from None


def receive(connection: socket.socket) -> Message:
    """The next message.

    Raises:
        WireError: The other end is gone or silent, or it sent no message.
    """
    (size,) = _SIZE.unpack(_exactly(connection, _SIZE.size))
    if size > _LONGEST_HEADER:
        raise WireError(f"a header of {size} bytes")
    try:
        facts = json.loads(bytes(_exactly(connection, size)))
        shapes = {str(name): tuple(map(int, shape)) for name, shape in facts.pop("arrays").items()}
    except (ValueError, TypeError, KeyError, AttributeError):
        raise WireError("a header that is none") from None
    counts = {name: math.prod(shape) for name, shape in shapes.items()}
    if any(side < 0 for shape in shapes.values() for side in shape) or sum(counts.values()) > MOST_NUMBERS:
        raise WireError(f"arrays of shapes {list(shapes.values())[:4]}")
    arrays = {
        name: np.frombuffer(_exactly(connection, 4 * counts[name]), np.float32).reshape(shape)
        for name, shape in shapes.items()
    }
    return Message(facts, arrays)


def _exactly(connection: socket.socket, count: int) -> bytearray:
    data = bytearray(count)
    view, got = memoryview(data), 0
    while got < count:
        try:
            read = connection.recv_into(view[got:])
        except OSError as error:
            raise WireError(f"can't receive: {error}") from None
        if not read:
            raise WireError("the other end is gone")
        got += read
    return data
