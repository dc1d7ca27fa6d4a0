"""The mark inside the H.264 stream itself: it survives where a container's tags are thrown away.

Written from ITU-T H.264, 7.3.2.3 and D.1.7 (``user_data_unregistered``).
"""

from __future__ import annotations

_SEI = 6
_UNREGISTERED = 5
MARK_UUID = bytes.fromhex("6f1c1c3ea3a54bd0a4f0a1f6e2d70b5c")
"""Identifies the engine's own ``user_data_unregistered`` messages in H.264 streams."""


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
