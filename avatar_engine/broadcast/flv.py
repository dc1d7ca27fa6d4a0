"""Packets as a running FLV stream, tag by tag, for those who join in the middle."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av

from avatar_engine.broadcast.packets import Packet
from avatar_engine.broadcast.spec import TIME_BASE

_TAG_HEADER = 11
_BACK_POINTER = 4
_VIDEO = 9


@dataclass(frozen=True, slots=True)
class Tag:
    """One FLV tag with the back pointer that follows it.

    Attributes:
        time: Milliseconds.
        keyframe: A picture that decoding can begin with.
        data: All its bytes.
    """

    time: int
    keyframe: bool
    data: bytes


class FlvStream:
    """FFmpeg's FLV muxer, whose output is handed out as it comes.

    Args:
        streams: The encoders' streams, for their descriptions.
        metadata: Tags of the stream.
    """

    def __init__(self, streams: tuple[Any, Any], metadata: dict[str, str]) -> None:
        self._written = bytearray()
        # Each tag at once, and no way back to the header, which is on its way to viewers.
        options = {
            "flush_packets": "1",
            "flvflags": "no_duration_filesize",
            "max_interleave_delta": "100000",
        }
        self._container: Any = av.open(_Sink(self._written), "w", format="flv", options=options)
        self._container.metadata.update(metadata)
        self._streams = [self._container.add_stream_from_template(s) for s in streams]
        self._container.start_encoding()
        self.header = bytes(self._written)
        """What a viewer gets first: the file's header, tags, and what decoders need to know of both streams."""
        self._written.clear()

    def push(self, packet: Packet) -> list[Tag]:
        """Tags that are ready: FFmpeg puts sound and pictures in order, so they may be those of earlier packets."""
        copy = av.Packet(packet.data)
        copy.pts = copy.dts = packet.pts
        copy.duration, copy.time_base = packet.duration, Fraction(1, TIME_BASE)
        copy.is_keyframe = packet.keyframe
        copy.stream = self._streams[0 if packet.video else 1]
        self._container.mux_one(copy)
        return self._tags()

    def _tags(self) -> list[Tag]:
        """Whole tags at the beginning of what was written."""
        written, tags, at = self._written, [], 0
        while at + _TAG_HEADER <= len(written):
            end = at + _TAG_HEADER + int.from_bytes(written[at + 1 : at + 4]) + _BACK_POINTER
            if end > len(written):
                break
            tags.append(_tag(bytes(written[at:end])))
            at = end
        del written[:at]
        return tags


class _Sink:
    """A file for FFmpeg that can only be written to."""

    def __init__(self, written: bytearray) -> None:
        self._written = written

    def write(self, data: bytes) -> int:
        self._written += data
        return len(data)


def _tag(data: bytes) -> Tag:
    first = data[_TAG_HEADER]
    # The same three bits in FLV as it was (H.264) and in enhanced FLV (HEVC, AV1).
    keyframe = data[0] & 31 == _VIDEO and (first >> 4) & 7 == 1
    return Tag(int.from_bytes(data[7:8] + data[4:7]), keyframe, data)
