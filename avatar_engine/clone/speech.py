"""Where in a sound somebody speaks.

Method: Silero VAD (Silero Team, MIT), its ONNX graph from the package's data run by ONNX Runtime: no torch, no pickle.
"""

from __future__ import annotations

from importlib import resources

import numpy as np
import numpy.typing as npt
import soxr

from avatar_engine import device as devices
from avatar_engine.contracts import SAMPLE_RATE, FloatArray

WINDOW_SECONDS = 0.032
"""Length of the windows that are judged, one after another."""

_RATE = 16_000
_WINDOW = 512
_CONTEXT = 64
_SURE, _DOUBT = 0.5, 0.35
_BRIDGE = 6
"""Pauses of up to this many windows (0.2 s) inside speech count as speech."""


def speech_windows(samples: FloatArray) -> npt.NDArray[np.bool_]:
    """Whether somebody speaks in each window of `WINDOW_SECONDS`.

    Args:
        samples: float32 (n,), mono at `SAMPLE_RATE`.

    Returns:
        bool (windows,); a last part of a window counts as one.
    """
    return _spans(_probabilities(samples))


def speech_seconds(samples: FloatArray) -> float:
    """Seconds of speech in mono samples at `SAMPLE_RATE`."""
    return float(speech_windows(samples).sum() * WINDOW_SECONDS)


def _probabilities(samples: FloatArray) -> FloatArray:
    graph = resources.files("silero_vad.data").joinpath("silero_vad.onnx").read_bytes()
    session = devices.onnx_session(graph, devices.choose("cpu"), threads=1)
    heard: FloatArray = soxr.resample(samples, SAMPLE_RATE, _RATE).astype(np.float32)
    count = -(-len(heard) // _WINDOW)
    padded = np.concatenate([np.zeros(_CONTEXT, np.float32), heard, np.zeros(_WINDOW, np.float32)])
    state = np.zeros((2, 1, 128), np.float32)
    rate = np.array(_RATE, np.int64)
    out = np.empty(count, np.float32)
    for k in range(count):
        piece = padded[None, k * _WINDOW : k * _WINDOW + _CONTEXT + _WINDOW]
        chance, state = session.run(None, {"input": piece, "state": state, "sr": rate})
        out[k] = chance[0, 0]
    return out


def _spans(chances: FloatArray) -> npt.NDArray[np.bool_]:
    """Speech begins where the network is sure and ends where it doubts; short pauses are bridged."""
    speaking, quiet = False, _BRIDGE + 1
    out = np.zeros(len(chances), np.bool_)
    for k, chance in enumerate(chances):
        if chance >= _SURE:
            if not speaking and quiet <= _BRIDGE:
                out[k - quiet : k] = True
            speaking, quiet = True, 0
        elif chance < _DOUBT:
            speaking = False
        out[k] = speaking
        quiet = 0 if speaking else quiet + 1
    return out
