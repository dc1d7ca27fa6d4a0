"""Sound that comes as a stream of bytes: a WAV that is still being written, a common file, or samples alone.

FFmpeg would gather 64 KiB of a WAV before it hands any of it on, most of a second: its header is read here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import av

from avatar_engine.errors import AvatarError
from avatar_engine.media.listen import Hearing, NotThereError
from avatar_engine.media.probe import sound_stream

RATES, CHANNELS = (8_000, 192_000), 8
"""Least and most samples per second, and the most channels."""

_SAMPLES = {(1, 8): "u8", (1, 16): "s16le", (1, 24): "s24le", (1, 32): "s32le", (3, 32): "f32le"}
"""FFmpeg's name of a WAV's kind of sample, by its tag and bits."""

_EXTENSIBLE = 0xFFFE
_MOST_HEADER = 65_536  # bytes before a WAV's samples

_FORMATS = "flac,ogg,mp3,aac,au,mpegts,matroska,webm"
"""What else a stream may be: nothing that names files or addresses, which would be opened, too."""

_PROBE = {"analyzeduration": "100000", "probesize": "32768"}


class Readable(Protocol):
    """Bytes as they come."""

    def read(self, most: int, /) -> bytes:
        """The next bytes, at most so many; none at the end.

        Raises:
            OSError: None came in time, or none will.
        """
        ...


@dataclass(frozen=True, slots=True)
class Raw:
    """Samples without a header, channels side by side.

    Attributes:
        rate: Samples per second.
        channels: Channels.
        kind: FFmpeg's name of what a sample is.

    Raises:
        AvatarError: They are out of `RATES`, or more than `CHANNELS`.
    """

    rate: int
    channels: int = 1
    kind: str = "s16le"

    def __post_init__(self) -> None:
        least, most = RATES
        if not least <= self.rate <= most:
            raise AvatarError(
                f"The sound has {self.rate} samples a second.", f"Give {least} to {most}, such as 48000."
            )
        if not 1 <= self.channels <= CHANNELS:
            raise AvatarError(f"The sound has {self.channels} channels.", f"Give 1 to {CHANNELS}.")


@contextmanager
def piped(source: Readable, name: str, raw: Raw | None = None) -> Iterator[Hearing]:
    """Open a stream of sound; it is live, whatever it says of its length.

    Args:
        source: Its bytes.
        name: What it is called in messages.
        raw: What its samples are where it is nothing but samples.

    Raises:
        AvatarError: It is no such sound.
        NotThereError: Nothing comes.
    """
    stream = _Stream(source)
    try:
        raw = raw or _wave(stream, name)
        options = {"sample_rate": str(raw.rate), "ch_layout": f"{raw.channels}C"} if raw else _PROBE
        kind = raw.kind if raw else None
        container = av.open(
            stream,
            "r",
            format=kind,
            options={**options, "format_whitelist": kind or _FORMATS},
            buffer_size=4096,
        )
    except av.FFmpegError as error:
        raise AvatarError(
            f"{name} is no sound that is known ({error.strerror}).",
            "Send a WAV; or samples alone, and say with --raw how many there are a second.",
        ) from None
    except OSError:
        raise NotThereError(f"{name}: no sound comes.", "Does it record?") from None
    with container:
        found = sound_stream(container)
        if found is None:
            raise AvatarError(f"{name} has no sound.", "Send one in which somebody speaks.")
        yield Hearing(name, True, 0.0, 0.0, container, found)


class _Stream:
    """Bytes of which the first were looked at."""

    def __init__(self, source: Readable) -> None:
        self._source, self._held = source, b""

    def read(self, most: int) -> bytes:
        if not self._held:
            return self._source.read(most)
        taken, self._held = self._held[:most], self._held[most:]
        return taken

    def whole(self, count: int) -> bytes:
        """So many bytes; fewer at the end."""
        got = b""
        while len(got) < count and (more := self.read(count - len(got))):
            got += more
        return got

    def back(self, read: bytes) -> None:
        """It was only looked at."""
        self._held = read + self._held


def _wave(stream: _Stream, name: str) -> Raw | None:
    """What a WAV's header says, which is read; None where there is none."""
    begin = stream.whole(12)
    if begin[:4] not in (b"RIFF", b"RF64") or begin[8:] != b"WAVE":
        stream.back(begin)
        return None
    read, raw = 0, None
    while len(head := stream.whole(8)) == 8 and read < _MOST_HEADER:
        kind, size = head[:4], int.from_bytes(head[4:], "little")
        if kind == b"data" and raw:
            return raw
        read += 8 + size
        if read > _MOST_HEADER:
            break
        body = stream.whole(size + size % 2)
        if kind == b"fmt " and len(body) >= 16:
            raw = _told(body, name)
    raise AvatarError(f"{name}: the WAV's header is damaged.", "Record it anew.")


def _told(header: bytes, name: str) -> Raw:
    tag, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", header)
    if tag == _EXTENSIBLE and len(header) >= 26:
        tag = int.from_bytes(header[24:26], "little")
    kind = _SAMPLES.get((tag, bits))
    if kind is None:
        raise AvatarError(
            f"{name}: a WAV of {bits} bits and kind {tag} is not known.", "Record 16 bits: arecord -f S16_LE."
        )
    return Raw(rate, channels, kind)
