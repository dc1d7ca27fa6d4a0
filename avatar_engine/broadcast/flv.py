"""FLV tag bodies and AMF0: the bytes that RTMP messages carry.

Written from Adobe's "Video File Format Specification 10.1" (annex E) and "Action Message Format AMF 0".
Everything here is a pure function of its arguments.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from avatar_engine.broadcast.spec import ProgrammeFormat

Amf: TypeAlias = "float | bool | str | Mapping[str, Amf] | Sequence[Amf] | None"

_SEI, _SPS, _PPS = 6, 7, 8
_UNREGISTERED = 5
MARK_UUID = bytes.fromhex("6f1c1c3ea3a54bd0a4f0a1f6e2d70b5c")
"""Identifies the engine's own ``user_data_unregistered`` messages in H.264 streams."""


def nal_units(stream: bytes) -> Iterator[bytes]:
    """The NAL units of an Annex B byte stream, without start codes."""
    start = stream.find(b"\0\0\1")
    while start >= 0:
        start += 3
        end = stream.find(b"\0\0\1", start)
        # A unit never ends in a zero byte: such zeros belong to the next start code or are padding.
        yield (stream[start:] if end < 0 else stream[start:end]).rstrip(b"\0")
        start = end


def length_prefixed(stream: bytes) -> bytes:
    """Annex B as FLV and MP4 carry it: each NAL unit after its length, without parameter sets."""
    units = [u for u in nal_units(stream) if u and u[0] & 31 not in (_SPS, _PPS)]
    return b"".join(struct.pack(">I", len(u)) + u for u in units)


def decoder_configuration(extradata: bytes) -> bytes:
    """The ``AVCDecoderConfigurationRecord`` (ISO 14496-15) of Annex B parameter sets.

    Raises:
        ValueError: A parameter set is missing.
    """
    units = list(nal_units(extradata))
    sps = [u for u in units if u and u[0] & 31 == _SPS]
    pps = [u for u in units if u and u[0] & 31 == _PPS]
    if not sps or not pps:
        raise ValueError("the encoder gave no SPS and PPS")
    record = bytes([1]) + sps[0][1:4] + bytes([0xFF, 0xE0 | len(sps)])
    record += b"".join(struct.pack(">H", len(u)) + u for u in sps)
    record += bytes([len(pps)]) + b"".join(struct.pack(">H", len(u)) + u for u in pps)
    if sps[0][1] in (100, 110, 122, 144):
        # High profiles add chroma format 4:2:0 and 8 bits each; the encoder makes nothing else.
        record += bytes([0xFD, 0xF8, 0xF8, 0])
    return record


def video_body(stream: bytes, keyframe: bool) -> bytes:
    """Tag body of one picture (Annex B); composition time 0, for there are no B-frames."""
    return (b"\x17\x01\0\0\0" if keyframe else b"\x27\x01\0\0\0") + length_prefixed(stream)


def video_header(extradata: bytes) -> bytes:
    """Tag body that tells the decoder the parameter sets."""
    return b"\x17\x00\0\0\0" + decoder_configuration(extradata)


def audio_body(frame: bytes) -> bytes:
    """Tag body of one raw AAC frame; FLV's own rate and channel bits are fixed for AAC."""
    return b"\xaf\x01" + frame


def audio_header(specific_config: bytes) -> bytes:
    """Tag body that carries the ``AudioSpecificConfig``."""
    return b"\xaf\x00" + specific_config


def metadata_body(programme: ProgrammeFormat, encoder: str) -> bytes:
    """Body of the ``onMetaData`` tag, the programme's own tags included."""
    fields: dict[str, Amf] = {
        "width": float(programme.width),
        "height": float(programme.height),
        "framerate": 25.0,
        "videocodecid": 7.0,
        "videodatarate": programme.video_bitrate / 1000,
        "audiocodecid": 10.0,
        "audiodatarate": programme.audio_bitrate / 1000,
        "audiosamplerate": 48000.0,
        "audiosamplesize": 16.0,
        "stereo": True,
        "encoder": encoder,
        **programme.metadata,
    }
    return amf("onMetaData") + ecma_array(fields)


def marking(text: str) -> bytes:
    """An Annex B SEI unit (``user_data_unregistered``) that carries ``text``, for keyframes."""
    payload = MARK_UUID + text.encode()
    size = b"\xff" * (len(payload) // 255) + bytes([len(payload) % 255])
    raw = bytes([_UNREGISTERED]) + size + payload + b"\x80"
    return b"\0\0\0\1" + bytes([_SEI]) + _emulation_prevented(raw)


def _emulation_prevented(raw: bytes) -> bytes:
    """``raw`` with a 3 after every two zeros that a byte below 4 follows, so that no start code appears."""
    out, zeros = bytearray(), 0
    for byte in raw:
        if zeros >= 2 and byte <= 3:
            out.append(3)
            zeros = 0
        out.append(byte)
        zeros = zeros + 1 if byte == 0 else 0
    return bytes(out)


def amf(value: Amf) -> bytes:
    """One value as AMF0."""
    match value:
        case None:
            return b"\x05"
        case bool():
            return b"\x01" + bytes([value])
        case int() | float():
            return b"\x00" + struct.pack(">d", value)
        case str():
            raw = value.encode()
            if len(raw) > 0xFFFF:
                return b"\x0c" + struct.pack(">I", len(raw)) + raw
            return b"\x02" + struct.pack(">H", len(raw)) + raw
        case Mapping():
            return b"\x03" + _properties(value)
        case Sequence():
            return b"\x0a" + struct.pack(">I", len(value)) + b"".join(amf(v) for v in value)
    raise TypeError(type(value))


def ecma_array(fields: Mapping[str, Amf]) -> bytes:
    """A mapping as an AMF0 ECMA array, the form that ``onMetaData`` takes."""
    return b"\x08" + struct.pack(">I", len(fields)) + _properties(fields)


def _properties(fields: Mapping[str, Amf]) -> bytes:
    return b"".join(_key(k) + amf(v) for k, v in fields.items()) + b"\0\0\x09"


def _key(name: str) -> bytes:
    raw = name.encode()
    return struct.pack(">H", len(raw)) + raw


def amf_values(data: bytes) -> list[Amf]:
    """All AMF0 values in ``data``.

    Raises:
        ValueError: It is cut short or has a type that no RTMP server sends.
    """
    values: list[Amf] = []
    at = 0
    try:
        while at < len(data):
            value, at = _read(data, at)
            values.append(value)
    except (struct.error, IndexError) as error:
        raise ValueError("truncated AMF0") from error
    return values


def _read(data: bytes, at: int) -> tuple[Amf, int]:
    kind, at = data[at], at + 1
    match kind:
        case 0:
            return float(struct.unpack_from(">d", data, at)[0]), at + 8
        case 1:
            return bool(data[at]), at + 1
        case 2:
            return _text(data, at, ">H")
        case 3:
            return _object(data, at)
        case 5 | 6:
            return None, at
        case 8:
            return _object(data, at + 4)
        case 10:
            return _array(data, at)
        case 11:
            return float(struct.unpack_from(">d", data, at)[0]), at + 10
        case 12:
            return _text(data, at, ">I")
    raise ValueError(f"unknown AMF0 type {kind}")


def _text(data: bytes, at: int, length: str) -> tuple[str, int]:
    size = struct.unpack_from(length, data, at)[0]
    at += struct.calcsize(length)
    if at + size > len(data):
        raise IndexError(at)
    return data[at : at + size].decode(errors="replace"), at + size


def _object(data: bytes, at: int) -> tuple[Amf, int]:
    fields: dict[str, Amf] = {}
    while data[at : at + 3] != b"\0\0\x09":
        name, at = _text(data, at, ">H")
        fields[name], at = _read(data, at)
    return fields, at + 3


def _array(data: bytes, at: int) -> tuple[Amf, int]:
    count, at = struct.unpack_from(">I", data, at)[0], at + 4
    values: list[Amf] = []
    for _ in range(count):
        value, at = _read(data, at)
        values.append(value)
    return values, at
