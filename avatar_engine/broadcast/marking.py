"""The mark inside the video stream itself: it survives where a container's tags are thrown away.

Written from ITU-T H.264, 7.3.2.3 and D.1.7, and H.265, 7.3.1.2 and D.2.7 (``user_data_unregistered``).
"""

from __future__ import annotations

_HEADERS = {"h264": b"\6", "hevc": b"\x4e\1"}
"""What an SEI unit begins with; AV1 has nothing of the kind that players would keep."""
_UNREGISTERED = 5
MARK_UUID = bytes.fromhex("6f1c1c3ea3a54bd0a4f0a1f6e2d70b5c")
"""Identifies the engine's own ``user_data_unregistered`` messages in H.264 and HEVC streams."""


def marking(text: str, codec: str = "h264") -> bytes:
    """An Annex B SEI unit (``user_data_unregistered``) that carries ``text``, for keyframes; empty for AV1."""
    if codec not in _HEADERS:
        return b""
    payload = MARK_UUID + text.encode()
    size = b"\xff" * (len(payload) // 255) + bytes([len(payload) % 255])
    raw = bytes([_UNREGISTERED]) + size + payload + b"\x80"
    return b"\0\0\0\1" + _HEADERS[codec] + _emulation_prevented(raw)


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
