"""When each phone of a recording is said, from the same words in a voice whose phones are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from avatar_engine.contracts import SAMPLE_RATE, SILENCE, FloatArray, Phone, Speech
from avatar_engine.errors import AvatarError
from avatar_engine.voice.network import SAMPLES_PER_FEATURE
from avatar_engine.voice.pitch import cepstra

RIM = 0.05
"""Seconds of silence that are left on both sides of the speech before the two are warped together."""

_LEAST = 8  # columns of 12.5 ms; less is no speech

STEPS = ((1, 1), (1, 2), (1, 3), (2, 1), (3, 1))
"""Frames of the model and of the recording that may lie on one another: no sound is drawn out or squeezed more."""


def phones(speech: Speech, samples: FloatArray) -> tuple[tuple[Phone, ...], float]:
    """The phones of ``samples``, in which the words of ``speech`` are said by somebody else.

    Both are warped together on mel cepstra (`warp`), and the phones' times with them; one
    comes back for every phone of ``speech``, in the same order.

    Args:
        speech: The words in a voice of the engine, with its phones.
        samples: float32 (n,) at 24 kHz, the recording, from just before its first sound to just after its last.

    Returns:
        The phones, timed from the recording's start to its end, and the mean cost of the way (5.5 in the person's
        own cloned voice, 6.4 in a stock voice of the other sex: measured on twenty sentences).

    Raises:
        AvatarError: One of the two is too short to hold words.
    """
    said = [phone for phone in speech.phones if phone.symbol != SILENCE]
    if not said:
        raise AvatarError("No phone is known of the speech.", "Write some words.")
    first, last = max(0.0, said[0].start - RIM), min(speech.seconds, said[-1].end + RIM)
    model = cepstra(speech.samples[int(first * SAMPLE_RATE) : int(last * SAMPLE_RATE)])
    return placed(speech.phones, model, cepstra(samples), first, len(samples) / SAMPLE_RATE)


def placed(
    known: Sequence[Phone], model: FloatArray, real: FloatArray, first: float, seconds: float
) -> tuple[tuple[Phone, ...], float]:
    """The phones of a recording, from those that are ``known`` of a model of the same words, and the mean cost.

    Args:
        known: Phones of the model, in order.
        model: float32 (n, d), what tells its sounds apart, 80 rows a second.
        real: float32 (m, d), the same of the recording.
        first: The time of the model's first row, in seconds of its phones.
        seconds: Length of the recording.

    Raises:
        AvatarError: One of the two is too short to hold words.
    """
    if min(len(model), len(real)) < _LEAST:
        raise AvatarError(f"{seconds:.2f} s of recording hold no words.", "Give a whole sentence.")
    bounds, cost = warp(model, real)
    step = SAMPLES_PER_FEATURE / SAMPLE_RATE

    def there(seconds: float) -> float:
        return float(np.interp((seconds - first) / step, np.arange(len(bounds)), bounds)) * step

    times = [(there(phone.start), there(phone.end)) for phone in known]
    times[0] = (0.0, times[0][1])
    times[-1] = (times[-1][0], seconds)
    return tuple(
        Phone(phone.symbol, start, stop) for phone, (start, stop) in zip(known, times, strict=True)
    ), cost


def warp(model: FloatArray, real: FloatArray) -> tuple[npt.NDArray[np.float64], float]:
    """For every frame boundary of ``model`` the place in ``real`` it falls on, and the mean cost of the way.

    Dynamic time warping with bounded slope (Sakoe and Chiba 1978, symmetric, P = 1/2): whatever the two are like, a
    phone can't be squeezed to nothing or swallow its neighbours. Where one is more than three times as long as the
    other there is no such way, and time is stretched evenly.

    Args:
        model: float32 (n, d), rows are frames.
        real: float32 (m, d).

    Returns:
        float64 (n + 1,), rising from 0 to m, and the cost, which is infinite where there is no way.
    """
    squares = (model**2).sum(1)[:, None] + (real**2).sum(1)[None] - 2 * model @ real.T
    distance = np.sqrt(np.maximum(squares, 0))
    n, m = distance.shape
    total = np.full((n + 1, m + 1), np.inf)
    choice = np.zeros((n + 1, m + 1), np.int8)
    total[0, 0] = 0
    for row in range(1, n + 1):
        ways = np.full((len(STEPS), m + 1), np.inf)
        for number, (down, right) in enumerate(STEPS):
            if row < down or m < right:
                continue
            # the first frame of a step counts twice, as a diagonal step does
            spent = 2 * distance[row - down, : m + 1 - right]
            for k in range(1, down):
                spent = spent + distance[row - down + k, : m + 1 - right]
            for k in range(1, right):
                spent = spent + distance[row - 1, k : m + 1 - right + k]
            ways[number, right:] = total[row - down, : m + 1 - right] + spent
        choice[row], total[row] = ways.argmin(0), ways.min(0)
    if not np.isfinite(total[n, m]):
        return np.linspace(0, m, n + 1), float("inf")
    bounds = np.zeros(n + 1)
    row, column = n, m
    while row > 0:
        down, right = STEPS[choice[row, column]]
        bounds[row - down : row + 1] = column - right + np.arange(down + 1) * right / down
        row, column = row - down, column - right
    return bounds, float(total[n, m] / (n + m))
