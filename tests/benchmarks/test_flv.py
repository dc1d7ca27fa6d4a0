"""The judge of FLV bytes sees every slip of time, and none where there is none."""

from __future__ import annotations

import pytest
from flv import WRAP_MS, FlvCheck

HEADER = b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"


def tag(kind: int, time: int, data: bytes) -> bytes:
    head = bytes([kind]) + len(data).to_bytes(3, "big") + (time & 0xFFFFFF).to_bytes(3, "big")
    whole = head + bytes([time >> 24 & 0xFF]) + bytes(3) + data
    return whole + len(whole).to_bytes(4, "big")


def stream(begin: int, pictures: int, *, slip=lambda kind, time: time, lose: int = -1) -> bytes:
    """Pictures and sound from ``begin`` milliseconds on; ``slip`` changes a tag's time."""
    tags = [(begin + 40 * n, 0, 9, b"\x27\x01\x00\x00\x00picture") for n in range(pictures) if n != lose]
    sounds = round(pictures * 40 / (1024 / 48))
    tags += [(begin + round(n * 1024 / 48), 1, 8, b"\xaf\x01sound") for n in range(sounds)]
    body = [tag(18, 0, b"metadata"), tag(9, 0, b"\x17\x00config"), tag(8, 0, b"\xaf\x00config")]
    return HEADER + b"".join(body + [tag(kind, slip(kind, at), data) for at, _, kind, data in sorted(tags)])


def check(data: bytes, piece: int = 777) -> FlvCheck:
    made = FlvCheck()
    for at in range(0, len(data), piece):
        made.write(data[at : at + piece])
    return made


@pytest.mark.parametrize("piece", [1, 777, 1 << 20])
def test_a_good_stream_across_the_24_bits(piece):
    good = check(stream(WRAP_MS - 3000, 200), piece)
    assert good.pictures.count == 200 and good.sounds.count == 375
    assert good.extended == [0, 1] and good.wrapped_well
    assert good.pictures.faults == good.sounds.faults == good.backwards == 0
    assert abs(good.offset_ms) <= 1


def test_an_upper_byte_that_is_forgotten_is_seen():
    bad = check(stream(WRAP_MS - 3000, 200, slip=lambda kind, time: time & 0xFFFFFF))
    assert not bad.wrapped_well and bad.backwards and bad.pictures.faults


def test_an_upper_byte_that_comes_too_late_is_seen():
    late = check(
        stream(WRAP_MS - 3000, 200, slip=lambda kind, time: time - WRAP_MS * (0 <= time - WRAP_MS < 400))
    )
    assert not late.wrapped_well


def test_drift_of_one_track_and_lost_pictures_are_offset():
    drifted = check(stream(0, 500, slip=lambda kind, time: round(time * 1.001) if kind == 8 else time))
    assert drifted.offset_ms == pytest.approx(-20, abs=1) and drifted.sounds.faults
    lost = check(stream(0, 500, lose=250))
    assert (
        lost.pictures.count == 499
        and lost.offset_ms == pytest.approx(40, abs=1)
        and lost.pictures.faults > 200
    )
    assert not drifted.pictures.faults and drifted.wrapped_well
