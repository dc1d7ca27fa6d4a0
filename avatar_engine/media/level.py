"""A recording's loudness: measured, and brought to the show's as it comes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain

import av
import numpy as np
from av.filter import Graph

from avatar_engine.contracts import SAMPLE_RATE, FloatArray

SPEECH = 10 ** (-23 / 20)
"""Root mean square of speech in a show, pauses left out: the voice's own."""

LOOK = 30.0
"""Seconds of a recording that are heard before its gain is set."""

_BLOCK = SAMPLE_RATE // 10
_BLOCKS = 300  # that are remembered
_FLOOR = 10 ** (-45 / 10)  # power under which nobody speaks
_DEPTH = 10 ** (-20 / 10)  # and how far under the loud ones: hiss in a long pause is never lifted
_LOUD = 0.95  # share of blocks that are not louder: one shout is not the speaker's loudness
_GAINS = (0.1, 10.0)
_SLEW = 2.0  # fold in a second, 6 dB: no word's end is lifted
_KNEE = 0.8


class Leveller:
    """Follows the loudness of speech and evens it out slowly; peaks are rounded, never clipped.

    Loudness is the mean power of the last 30 s of blocks of 100 ms in which somebody speaks.
    """

    def __init__(self) -> None:
        self._gain = self._wanted = 1.0
        self._spoken: deque[float] = deque(maxlen=_BLOCKS)
        self._loud = 0.0
        self._block = np.zeros(0, np.float32)

    def hear(self, samples: FloatArray) -> None:
        """Take these samples, float32 (n,), into account; their gain holds from here on."""
        self._listen(samples)
        self._gain = self._wanted

    def push(self, samples: FloatArray) -> FloatArray:
        """The samples, float32 (n,), at the show's loudness, in (-1, 1)."""
        self._listen(samples)
        most = _SLEW ** (len(samples) / SAMPLE_RATE)
        gain = min(max(self._wanted, self._gain / most), self._gain * most)
        louder = samples * np.linspace(self._gain, gain, len(samples), dtype=np.float32)
        self._gain = gain
        return rounded(louder)

    def _listen(self, samples: FloatArray) -> None:
        held = np.concatenate([self._block, samples])
        whole = len(held) // _BLOCK * _BLOCK
        self._block = held[whole:]
        powers = np.mean(np.square(held[:whole].reshape(-1, _BLOCK)), axis=1)
        spoken = powers[powers > max(_FLOOR, self._loud * _DEPTH)]
        if not len(spoken):
            return
        self._spoken.extend(spoken.tolist())
        known = np.array(self._spoken)
        self._loud = float(np.quantile(known, _LOUD))
        said = np.minimum(known[known > self._loud * _DEPTH], self._loud)
        self._wanted = float(np.clip(SPEECH / np.mean(said) ** 0.5, *_GAINS))


def loudness(samples: FloatArray) -> float:
    """Integrated loudness of float32 (n,) at 24 kHz in LUFS (EBU R 128, by FFmpeg); -70 where all is silent."""
    graph = Graph()
    source = graph.add_abuffer(
        format="fltp", layout="mono", sample_rate=SAMPLE_RATE, time_base=Fraction(1, SAMPLE_RATE)
    )
    meter, sink = graph.add("ebur128", "metadata=1"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    # the meter speaks after whole blocks of 100 ms, of which the gate wants four
    padded = np.pad(samples, (0, max(0, 4 * _BLOCK - len(samples)) + _BLOCK))
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(padded, np.float32)[None], "fltp", "mono")
    frame.sample_rate, frame.pts = SAMPLE_RATE, 0
    graph.push(frame)
    graph.push(None)
    found = -70.0
    while True:
        try:
            measured = graph.pull()
        except av.EOFError:
            return found
        found = float(measured.metadata.get("lavfi.r128.I", found))


def rounded(samples: FloatArray) -> FloatArray:
    """The samples with what is louder than the knee bent under 1."""
    size = np.abs(samples)
    if not len(size) or size.max() <= _KNEE:
        return samples
    room = 1 - _KNEE
    bent = _KNEE + room * np.tanh((size - _KNEE) / room)
    return np.where(size > _KNEE, np.copysign(bent, samples), samples).astype(np.float32)


def levelled(pieces: Iterator[FloatArray], look: float) -> Iterator[FloatArray]:
    """The pieces at the show's loudness, of which the first ``look`` seconds are heard first."""
    leveller, held, wanted = Leveller(), list[FloatArray](), round(look * SAMPLE_RATE)
    while wanted > 0 and (piece := next(pieces, None)) is not None:
        held.append(piece)
        wanted -= len(piece)
    if held:
        leveller.hear(np.concatenate(held))
    for piece in chain(held, pieces):
        yield leveller.push(piece)
