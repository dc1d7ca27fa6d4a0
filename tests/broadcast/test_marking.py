"""The mark in the H.264 stream, against its specification."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from avatar_engine.broadcast.marking import MARK_UUID, marking


@given(st.text(max_size=600))
def test_the_marking_is_one_sei_unit_without_start_codes(text: str) -> None:
    unit = marking(text)
    assert unit[:5] == b"\0\0\0\1\6"
    inner = unit[4:]
    assert not any(code in inner for code in (b"\0\0\0", b"\0\0\1", b"\0\0\2"))
    raw = inner.replace(b"\0\0\3", b"\0\0")
    assert raw.endswith(MARK_UUID + text.encode() + b"\x80")
