"""The programme's sound on its way out: 24 kHz to 48 kHz, then AAC, with times from sample counts alone."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import Any

import av
import numpy as np

from avatar_engine.broadcast.packets import Packet
from avatar_engine.broadcast.spec import TICKS_PER_FRAME, TIME_BASE
from avatar_engine.contracts import FRAME_RATE, FloatArray

_AAC_FRAME = 1024
_FILL = FRAME_RATE * 10
"""Missing frames that are filled with silence; a longer gap is left open."""


class Upsampler:
    """24 kHz to 48 kHz, in pieces of any length, by a half-band filter (Kaiser window, 80 dB).

    Twice the rate exactly, so every second sample is the input itself and the others come from 64 taps.
    The output lags by `LAG` samples, which `push` leaves out at the beginning: the stream's sample ``2 n``
    is the input's sample ``n``.
    """

    TAPS = 64
    LAG = 64
    """Output samples that are held back: half the filter."""

    def __init__(self) -> None:
        centred = np.arange(-self.TAPS // 2, self.TAPS // 2) + 0.5
        window = np.kaiser(self.TAPS, 7.86)
        taps = np.sinc(centred) * window
        self._taps = (taps / taps.sum()).astype(np.float32)
        self._history = np.zeros(self.TAPS // 2 - 1, np.float32)
        self._skip = 0

    def push(self, samples: FloatArray) -> FloatArray:
        """float32 (n,) at 24 kHz in, float32 (m,) at 48 kHz out; over time m is 2 n less `LAG`."""
        data = np.concatenate([self._history, samples])
        count = len(data) - self.TAPS + 1
        if count <= 0:
            self._history = data
            return np.empty(0, np.float32)
        out = np.empty(2 * count, np.float32)
        middle = self.TAPS // 2 - 1
        out[0::2] = data[middle : middle + count]
        out[1::2] = np.convolve(data, self._taps, "valid")
        self._history = data[count:].copy()
        return out

    def flush(self) -> FloatArray:
        """The last `LAG` samples, as if silence followed."""
        return self.push(np.zeros(self.TAPS // 2, np.float32))


class SoundEncoder:
    """24 kHz mono samples to AAC packets, 48 kHz stereo.

    Args:
        context: An open AAC encoder (float, planar, stereo, 48 kHz).
    """

    def __init__(self, context: Any) -> None:
        self._context = context
        self._upsampler = Upsampler()
        self._pending: deque[FloatArray] = deque()
        self._waiting = 0
        self._started = False
        self._position = 0
        self._next_input = 0

    def push(self, start: int, samples: FloatArray) -> list[Packet]:
        """Encode ``samples`` (24 kHz), whose first one is at tick ``start``."""
        packets: list[Packet] = []
        if not self._started:
            self._started, self._position = True, start
        elif start != self._next_input:
            gap = start - self._next_input
            if 0 < gap <= _FILL * TICKS_PER_FRAME:
                packets += self._feed(self._upsampler.push(np.zeros(gap // 2, np.float32)))
            else:
                packets += self._break(start)
        self._next_input = start + 2 * len(samples)
        return packets + self._feed(self._upsampler.push(samples))

    def flush(self) -> list[Packet]:
        """What is still inside, the last frame filled up with silence."""
        packets = self._feed(self._upsampler.flush())
        if self._waiting:
            packets += self._feed(np.zeros(_AAC_FRAME - self._waiting, np.float32))
        return packets + self._packets(None)

    def _break(self, start: int) -> list[Packet]:
        """Go on at another time: what is pending ends in silence, the encoder itself runs on."""
        packets = self._feed(self._upsampler.flush())
        if self._waiting:
            packets += self._feed(np.zeros(_AAC_FRAME - self._waiting, np.float32))
        self._upsampler = Upsampler()
        self._position = start
        return packets

    def _feed(self, samples: FloatArray) -> list[Packet]:
        packets: list[Packet] = []
        self._pending.append(samples)
        self._waiting += len(samples)
        if self._waiting < _AAC_FRAME:
            return packets
        data = np.concatenate(self._pending)
        whole = len(data) // _AAC_FRAME * _AAC_FRAME
        for at in range(0, whole, _AAC_FRAME):
            packets += self._packets(data[at : at + _AAC_FRAME])
        self._pending.clear()
        self._pending.append(data[whole:])
        self._waiting = len(data) - whole
        return packets

    def _packets(self, samples: FloatArray | None) -> list[Packet]:
        frame = None
        if samples is not None:
            # Loud synthetic speech may overshoot; AAC clips without grace.
            mono = np.clip(samples, -1.0, 1.0)
            frame = av.AudioFrame.from_ndarray(np.stack([mono, mono]), format="fltp", layout="stereo")
            frame.sample_rate, frame.time_base = TIME_BASE, Fraction(1, TIME_BASE)
            frame.pts = self._position
            self._position += _AAC_FRAME
        return [_sound_packet(p) for p in self._context.encode(frame)]


def _sound_packet(packet: Any) -> Packet:
    """FFmpeg counts the AAC encoder's 1024 samples of priming in the times: a packet's time is the time
    of what a decoder gives for it, and no offset is left to correct."""
    return Packet(False, int(packet.pts), _AAC_FRAME, True, bytes(packet))
