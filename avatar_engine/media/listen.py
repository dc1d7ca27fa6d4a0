"""Sound as it comes: a file of any length, an address or a device, decoded piece by piece in bounded memory."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer

from avatar_engine.contracts import SAMPLE_RATE, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.media.probe import opened, sound_stream
from avatar_engine.media.read import SoundLine, picture_start

log = logging.getLogger(__name__)

ANSWER = 10.0
"""Seconds in which an address or a device must open."""

QUIET = 5.0
"""Seconds without data after which an address counts as lost."""

DAMAGED = 100
"""Packets in a row that can't be decoded after which nothing more is hoped for."""

LACKS = 2.0
"""Seconds that a recording may be shorter than it says."""

EDGE = SAMPLE_RATE // 200
"""Samples (5 ms) over which a sound rises from silence and falls back."""

_SWIFT = {"analyzeduration": "500000", "probesize": "1000000", "fflags": "nobuffer"}
"""FFmpeg would gather five seconds of a live sound before it hands any of it on."""

_SEGMENTED = ("hls", "dash")


class NotThereError(AvatarError):
    """An address or a device that gives nothing now; it may do so later."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where sound comes from.

    Attributes:
        place: A file's path, an address with ``://``, or the device's own name.
        device: FFmpeg's name of the kind of device, such as ``alsa``; empty where it is none.
    """

    place: str
    device: str = ""

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read a path, an address or ``KIND:DEVICE``, such as ``alsa:default``.

        Raises:
            AvatarError: The address is of no kind that this FFmpeg reads, or the file is not there.
        """
        if "://" in text:
            return cls(text)
        kind, colon, name = text.partition(":")
        if colon and len(kind) > 1 and kind.isalnum() and not Path(text).exists():
            if kind not in av.formats_available:
                devices = [
                    known for known in ("alsa", "pulse", "avfoundation", "dshow") if known in _formats()
                ]
                raise AvatarError(
                    f"{text!r} is no file, and {kind!r} is no kind of device that this FFmpeg opens.",
                    f"Give a file, an address, or a device of {', '.join(devices) or 'another build'}.",
                )
            return cls(name, kind)
        if not Path(text).is_file():
            raise AvatarError(f"There is no file {text}.", "Check the path.")
        return cls(text)

    @property
    def local(self) -> bool:
        """Whether it is a file: it is there now or never."""
        return not self.device and "://" not in self.place

    @property
    def name(self) -> str:
        """What it is called in messages and logs: keys, queries and passwords of an address are left out."""
        if self.device:
            return f"{self.device}:{self.place}"
        if self.local:
            return self.place
        scheme, _, rest = self.place.partition("://")
        host, *path = rest.partition("?")[0].partition("#")[0].split("/")
        return f"{scheme}://{'/'.join([host.rpartition('@')[2], *path[:-1], *(['****'] if path else [])])}"


def _formats() -> set[str]:
    return {str(name) for name in av.formats_available}


@dataclass(frozen=True, slots=True)
class Hearing:
    """A sound that is open.

    Attributes:
        name: What it is called in messages.
        live: Whether it has no end of its own and comes at its own time.
        seconds: Its length; 0 where it is live or unknown.
        burst: Seconds of a live sound that come at once.
    """

    name: str
    live: bool
    seconds: float
    burst: float
    _container: InputContainer
    _stream: AudioStream

    def pieces(self) -> Iterator[FloatArray]:
        """Mono float32 at `SAMPLE_RATE`, a few hundredths of a second each.

        A file's gaps come as silence; of a live sound only what is there counts. Packets that can't be decoded are
        left out with a warning.

        Raises:
            AvatarError: It is damaged through and through.
            NotThereError: An address or a device broke off.
        """
        rate = self._stream.codec_context.sample_rate
        line = SoundLine(rate, SAMPLE_RATE, None if self.live else picture_start(self._container))
        heard = 0
        damage = _Damage()
        for frame in self._frames(damage):
            if self.live:
                frame.pts = None  # a live clock may jump by hours
            for piece in line.push(frame):
                heard += len(piece)
                if len(piece):
                    yield piece
        if len(tail := line.finish()):
            yield tail
        lacks = self.seconds - heard / SAMPLE_RATE
        if damage.packets:
            log.warning("%s: %d damaged packets were left out", self.name, damage.packets)
            if lacks > LACKS:
                raise self._damaged(f"{lacks:.1f} s of {self.seconds:.1f} s can't be decoded")
        elif lacks > LACKS:
            log.warning("%s ends %.1f s earlier than it says: is it whole?", self.name, lacks)

    def _damaged(self, how: str) -> AvatarError:
        return AvatarError(f"{self.name} is damaged: {how}.", "Copy or export it again.")

    def _frames(self, damage: _Damage) -> Iterator[av.AudioFrame]:
        try:
            for packet in self._container.demux(self._stream):
                try:
                    yield from packet.decode()
                    damage.row = 0
                except av.InvalidDataError:
                    damage.row, damage.packets = damage.row + 1, damage.packets + 1
                    if damage.row >= DAMAGED:
                        raise self._damaged(f"{damage.row} packets in a row can't be decoded") from None
        except (av.FFmpegError, OSError) as error:
            raise NotThereError(
                f"{self.name} broke off ({error.strerror or 'nothing came'}).", "Check that it is whole."
            ) from None


@dataclass(slots=True)
class _Damage:
    """Packets that could not be decoded: in a row, and in all."""

    row: int = 0
    packets: int = 0


@contextmanager
def listening(address: Address) -> Iterator[Hearing]:
    """Open a sound; a video's sound counts, too.

    Raises:
        AvatarError: It is no media, or has no sound.
        NotThereError: An address or a device does not answer.
    """
    if address.local:
        with opened(address.place) as container:
            yield _hearing(address, container)
        return
    try:
        container = av.open(
            address.place, format=address.device or None, options=_SWIFT, timeout=(ANSWER, QUIET)
        )
    except av.ProtocolNotFoundError:
        scheme = address.place.partition("://")[0]
        raise AvatarError(
            f"{address.name}: this FFmpeg does not know {scheme}.", "Give http, https, rtmp or rtsp."
        ) from None
    except (av.FFmpegError, OSError) as error:
        raise NotThereError(
            f"{address.name} can't be opened ({error.strerror or type(error).__name__}).",
            "Check that it is on the air, or plugged in.",
        ) from None
    with container:
        yield _hearing(address, container)


def _hearing(address: Address, container: InputContainer) -> Hearing:
    stream = sound_stream(container)
    if stream is None:
        raise AvatarError(f"{address.name} has no sound.", "Give one in which somebody speaks.")
    own = stream.duration * stream.time_base if stream.duration and stream.time_base else 0
    seconds = max(0.0, float(own or Fraction(container.duration or 0, av.time_base)))
    live = bool(address.device) or (not address.local and not seconds)
    burst = 12.0 if container.format.name in _SEGMENTED else 1.0
    return Hearing(address.name, live, 0.0 if live else seconds, burst, container, stream)


def softened(pieces: Iterator[FloatArray]) -> Iterator[FloatArray]:
    """The same sound with its first and last `EDGE` samples faded, so that nothing clicks."""
    held = np.zeros(0, np.float32)
    begun = False
    for piece in pieces:
        held = np.concatenate([held, piece])
        if len(held) < 2 * EDGE:
            continue
        if not begun:
            held[:EDGE] *= np.linspace(0, 1, EDGE, dtype=np.float32)
            begun = True
        yield held[:-EDGE]
        held = held[-EDGE:]
    fall = min(EDGE, len(held))
    if fall:
        held[len(held) - fall :] *= np.linspace(1, 0, fall, dtype=np.float32)
        yield held
