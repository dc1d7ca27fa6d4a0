from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator

import numpy as np
import pytest

from avatar_engine.voice.card import wire
from avatar_engine.voice.card.wire import Message, WireError


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    for end in (here, there):
        end.settimeout(2)
    with here, there:
        yield here, there


def test_a_message_comes_as_it_went(ends: tuple[socket.socket, socket.socket]) -> None:
    arrays = {"text": np.arange(12, dtype=np.float32).reshape(3, 4)[:, ::2], "none": np.zeros(0, np.float32)}
    wire.send(ends[0], Message({"do": "window", "start": 3}, arrays))
    wire.send(ends[0], Message({}))
    came = wire.receive(ends[1])
    assert came.facts == {"do": "window", "start": 3}
    assert came.arrays.keys() == arrays.keys()
    assert all(np.array_equal(came.arrays[name], arrays[name]) for name in arrays)
    assert wire.receive(ends[1]) == Message({})


def headed(header: bytes) -> bytes:
    return struct.pack("<I", len(header)) + header


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (struct.pack("<I", 1 << 30), "a header of 1073741824 bytes"),
        (headed(b"{}}"), "a header that is none"),
        (headed(b"[]"), "a header that is none"),
        (headed(b"{}"), "a header that is none"),
        (headed(json.dumps({"arrays": {"a": ["x"]}}).encode()), "a header that is none"),
        (headed(json.dumps({"arrays": {"a": [1 << 20, 1 << 20]}}).encode()), "arrays of shapes"),
        (headed(json.dumps({"arrays": {"a": [-1]}}).encode()), "arrays of shapes"),
        (b"\x10", "the other end is gone"),
    ],
)
def test_rubbish_is_refused_before_memory_is_taken(
    sent: bytes, why: str, ends: tuple[socket.socket, socket.socket]
) -> None:
    ends[0].sendall(sent)
    ends[0].shutdown(socket.SHUT_WR)
    with pytest.raises(WireError, match=why):
        wire.receive(ends[1])


def test_an_end_that_is_gone_is_told(ends: tuple[socket.socket, socket.socket]) -> None:
    ends[1].close()
    with pytest.raises(WireError):
        for _ in range(3):
            wire.send(ends[0], Message({}))
    with pytest.raises(WireError):
        wire.receive(ends[0])
