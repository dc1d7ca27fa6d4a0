"""FLV bodies and AMF0, against their specifications."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_engine.broadcast import flv
from avatar_engine.broadcast.spec import ProgrammeFormat

_PLAIN = st.one_of(st.none(), st.booleans(), st.floats(allow_nan=False), st.text(max_size=20))
_VALUES = st.recursive(
    _PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.lists(_VALUES, max_size=4))
def test_amf_comes_back(values: list[flv.Amf]) -> None:
    assert flv.amf_values(b"".join(flv.amf(v) for v in values)) == values


def test_amf_bytes_are_those_of_the_specification() -> None:
    assert flv.amf(1.0) == bytes.fromhex("003ff0000000000000")
    assert flv.amf("live") == b"\x02\x00\x04live"
    assert flv.amf({"a": True}) == b"\x03\x00\x01a\x01\x01\x00\x00\x09"
    assert flv.amf("x" * 70_000)[:5] == b"\x0c\x00\x01\x11\x70"


@pytest.mark.parametrize("data", [b"\x00\x00", b"\x02\x00\x09abc", b"\x03\x00\x01a", b"\x7f"])
def test_broken_amf_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="AMF0"):
        flv.amf_values(data)


def test_annex_b_becomes_length_prefixed() -> None:
    stream = b"\0\0\0\1\x67\x64\0\x1f" + b"\0\0\1\x68\xee" + b"\0\0\0\1\x65abc\0\0\3\1" + b"\0\0\1\x41d"
    assert list(flv.nal_units(stream)) == [b"\x67\x64\0\x1f", b"\x68\xee", b"\x65abc\0\0\3\1", b"\x41d"]
    assert flv.length_prefixed(stream) == b"\0\0\0\x08\x65abc\0\0\3\1" + b"\0\0\0\2\x41d"


def test_decoder_configuration() -> None:
    record = flv.decoder_configuration(b"\0\0\0\1\x67\x64\x00\x1f\xac" + b"\0\0\0\1\x68\xee\x38")
    assert record == bytes.fromhex("01 64001f ff e1 0005 6764001fac 01 0003 68ee38 fdf8f800")
    with pytest.raises(ValueError, match="SPS"):
        flv.decoder_configuration(b"\0\0\0\1\x67\x64\x00\x1f\xac")


@given(st.text(max_size=600))
def test_the_marking_is_one_sei_unit_without_start_codes(text: str) -> None:
    unit = flv.marking(text)
    (inner,) = flv.nal_units(unit)
    assert inner == unit[4:]
    assert inner[0] & 31 == 6
    raw = inner.replace(b"\0\0\3", b"\0\0")
    assert raw.endswith(text.encode() + b"\x80")


def test_metadata_says_what_is_sent() -> None:
    name, fields = flv.amf_values(flv.metadata_body(ProgrammeFormat(1280, 720), "avatar-engine"))
    assert name == "onMetaData"
    assert isinstance(fields, dict)
    assert (fields["width"], fields["height"], fields["framerate"]) == (1280.0, 720.0, 25.0)
    assert "AI-generated" in str(fields["comment"])
