"""A WAV as it comes over a network: samples out, however the bytes are cut; its length need not be known."""

from __future__ import annotations

import struct

import numpy as np

from avatar_engine.contracts import FloatArray

_UNKNOWN = 0x7FFF0000
"""Lengths from here on, and 0, stand for "until the end"."""

_LONGEST_HEADER = 1 << 16


class WaveError(Exception):
    """The bytes are no WAV that can be read; the text says why."""


class WaveLine:
    """Bytes in, mono samples out.

    Args:
        pcm: Samples per second of bare 16-bit mono PCM; 0 for a WAV with its header.

    Attributes:
        rate: Samples per second; 0 until the header was read.
    """

    def __init__(self, pcm: int = 0) -> None:
        self.rate = pcm
        self._channels, self._kind = 1, np.dtype("<i2")
        self._left: int | None = None  # bytes of sound still to come, where that is known
        self._held = b""

    @property
    def lacks(self) -> int:
        """Bytes that the header promised and that did not come."""
        return self._left or 0

    def push(self, data: bytes) -> FloatArray:
        """The samples that ``data`` completes, mono float32 (n,) in [-1, 1].

        Raises:
            WaveError: It is no WAV, or of a kind that can't be read.
        """
        self._held += data
        if not self.rate and not self._header():
            return np.zeros(0, np.float32)
        if self._left is not None:
            self._held = self._held[: self._left]
        step = self._channels * self._kind.itemsize
        whole = len(self._held) // step * step
        sound, self._held = self._held[:whole], self._held[whole:]
        if self._left is not None:
            self._left -= whole
        samples = np.frombuffer(sound, self._kind).reshape(-1, self._channels)
        scale = 1.0 if self._kind.kind == "f" else 1 / 32768
        return np.asarray(samples.mean(axis=1, dtype=np.float64) * scale, np.float32)

    def _header(self) -> bool:
        """Read up to the sound; whether it is there yet."""
        held = self._held
        if not b"RIFF".startswith(held[:4]) or (len(held) >= 12 and held[8:12] != b"WAVE"):
            raise WaveError("the answer is no WAV")
        at, described = 12, False
        while len(held) >= at + 8:
            name, size = held[at : at + 4], struct.unpack_from("<I", held, at + 4)[0]
            if name == b"data":
                if not described:
                    raise WaveError("the WAV does not say what it holds")
                self._left = size if 0 < size < _UNKNOWN else None
                self._held = held[at + 8 :]
                return True
            if size > _LONGEST_HEADER:
                raise WaveError("the WAV's header is damaged")
            if name == b"fmt " and len(held) >= at + 24:
                self._describe(*struct.unpack_from("<HHIIHH", held, at + 8))
                described = True
            at += 8 + size + size % 2
        self.rate = 0  # known, but the sound is not there yet: the header is read again
        return False

    def _describe(self, code: int, channels: int, rate: int, _: int, __: int, bits: int) -> None:
        kinds = {(1, 16): "<i2", (3, 32): "<f4", (0xFFFE, 16): "<i2", (0xFFFE, 32): "<f4"}
        if (code, bits) not in kinds or not 1 <= channels <= 8 or not 8_000 <= rate <= 192_000:
            raise WaveError(f"the WAV is of kind {code} with {bits} bits, {channels} channels, {rate} Hz")
        self.rate, self._channels, self._kind = rate, channels, np.dtype(kinds[code, bits])
