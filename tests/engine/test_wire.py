"""What comes from others is read with care."""

from __future__ import annotations

import json
import os
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_engine.engine import wire
from avatar_engine.engine.wire import Arena, Ask, Done, Hello, RubbishError

HELLO = Hello("show", 7, "/tmp/x.avatar", "original", "a" * 64, "b" * 64, 192, 128)
ASK = Ask(3, 12.5, np.array([[1, 0.1, -5], [-0.1, 1, 9]]), np.arange(36, dtype=np.float32))


def test_messages_come_back_whole() -> None:
    assert Hello.read(wire.read_json(HELLO.encode())) == HELLO
    read = Ask.read(ASK.encode())
    assert (read.number, read.due) == (3, 12.5)
    assert (read.matrix == ASK.matrix).all() and (read.coefficients == ASK.coefficients).all()
    assert Done.read(Done(5, 0.25, 0.5).encode()) == Done(5, 0.25, 0.5)


@pytest.mark.parametrize(
    "change",
    [
        {"width": 0},
        {"width": 191},
        {"height": 1 << 20},
        {"pid": "who"},
        {"bundle": None, "width": "x"},
        {"look": ...},
    ],
)
def test_a_bad_introduction_is_refused(change: dict[str, object]) -> None:
    told = json.loads(HELLO.encode())
    for name, value in change.items():
        if value is ...:
            del told[name]
        else:
            told[name] = value
    with pytest.raises(RubbishError):
        Hello.read(told)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m[:-1],
        lambda m: b"NOPE" + m[4:],
        lambda m: m + b"\0" * 4096,
        lambda m: m[:20] + struct.pack("<d", float("nan")) + m[28:],
        lambda m: m[:20] + struct.pack("<6d", 0, 0, 1, 0, 0, 1) + m[68:],
        lambda m: m[:20] + struct.pack("<6d", 1, 0, 1e30, 0, 1, 1) + m[68:],
        lambda m: m[:20] + struct.pack("<6d", 2, 4, 0, 1, 2, 0) + m[68:],
        lambda m: m[:20] + struct.pack("<6d", 40, 0, 0, 0, 40, 0) + m[68:],
        lambda m: m[:20] + struct.pack("<6d", *[float("inf")] * 6) + m[68:],
        lambda m: m[:20] + struct.pack("<6d", 1, 0, float("nan"), 0, 1, 0) + m[68:],
        lambda m: m[:12] + struct.pack("<d", float("inf")) + m[20:],
        lambda m: m[:-4] + struct.pack("<f", float("nan")),
        lambda m: m[:-4] + struct.pack("<f", 1e30),
    ],
)
def test_a_request_that_nothing_can_be_painted_with_is_refused(change: object) -> None:
    with pytest.raises(RubbishError):
        Ask.read(change(ASK.encode()))  # type: ignore[operator]


@pytest.mark.parametrize("matrix", [[1, 0, 0, 0, 1, 0], [0, 1, 5, -1, 0, 5], [0.5, 0.5, 0, -0.5, 0.5, 0]])
def test_a_crop_may_lie_in_any_direction(matrix: list[float]) -> None:
    message = ASK.encode()
    assert (
        Ask.read(message[:20] + struct.pack("<6d", *matrix) + message[68:]).matrix.ravel().tolist() == matrix
    )


@given(st.binary(max_size=300))
def test_no_bytes_do_more_harm_than_that(message: bytes) -> None:
    for read in (Ask.read, Done.read, lambda m: Hello.read(wire.read_json(m))):
        with pytest.raises(RubbishError):
            read(message)


def test_both_sides_see_the_same_memory() -> None:
    mine = Arena.make(64, 32)
    theirs = Arena.open(os.dup(mine.descriptor), 64, 32)
    mine.hand_over()
    mine.patch[:] = 7
    assert theirs.patch.shape == (48, 64) and (theirs.patch == 7).all()


@pytest.mark.parametrize("kind", ["file", "pipe", "no seal", "size"])
def test_another_memory_is_refused_and_closed(kind: str, tmp_path: object) -> None:
    if kind == "file":
        descriptor = os.open(f"{tmp_path}/file", os.O_RDWR | os.O_CREAT)
        os.ftruncate(descriptor, 64 * 48)
    elif kind == "pipe":
        descriptor, other = os.pipe()
        os.close(other)
    elif kind == "no seal":
        descriptor = os.memfd_create("x", os.MFD_ALLOW_SEALING)
        os.ftruncate(descriptor, 64 * 48)
    else:
        descriptor = os.dup(Arena.make(64, 64).descriptor)
    with pytest.raises(RubbishError):
        Arena.open(descriptor, 64, 32)
    with pytest.raises(OSError):
        os.fstat(descriptor)


def test_no_engine_no_line() -> None:
    assert wire.connect(1.0) is None
    with pytest.raises(wire.AvatarError, match="engine serve"):
        wire.status()
