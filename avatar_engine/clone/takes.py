"""Takes that were joined into one clip can each stand some pictures' worth apart from the others.

Method: a ridge regression from what ears of other people hear (`avatar_engine.lips.ears`) to how far the mouth is
open, fitted on all takes but one, foretells that one at every lag; the lag that foretells it best is its own. Since
the regression is sharper once the takes are in step, that is done again and again until nothing changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from avatar_engine.clone.sync import HIGH_PASS_SECONDS, Bools, correlation
from avatar_engine.contracts import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME, FloatArray

LARGEST_MS = 160
"""How far apart takes are looked for."""

HOP_MS = 10
SECONDS = 2.0
"""A shorter take says too little of itself."""

DOUBT = 0.1  # of correlation, at 100 ms and with the square of the lag: what a lag has to be worth
BETTER = 0.02  # of the whole clip's correlation, which the takes' lags together have to bring
ROUNDS = 4
RIDGE = 20.0
JOINT = SAMPLE_RATE // 200  # samples over which two takes' sound is blended


@dataclass(frozen=True, slots=True)
class TakeLag:
    """One take of a clip: its pictures, how much later its sound comes than the clip's, and what that explains.

    Attributes:
        start: First picture.
        stop: Picture after the last.
        lag_ms: 0 where nothing else is clearly better.
        gain: Correlation of its real opening with the regressed one, above that without the lag.
    """

    start: int
    stop: int
    lag_ms: float
    gain: float


def measure_takes(
    samples: FloatArray, opening: FloatArray, found: Bools, takes: Sequence[tuple[int, int]]
) -> tuple[TakeLag, ...]:
    """How far each take's sound stands apart from the whole clip's, which must be in step.

    Args:
        samples: float32, mono at `SAMPLE_RATE`, sample 0 with picture 0.
        opening: float32 (n,) of `avatar_engine.clone.sync.mouth_opening`, one a picture.
        found: bool (n,), which pictures count.
        takes: First picture and the one after the last of every take, in order, all of the clip.

    Returns:
        One for each take; all of them 0 ms where the lags together bring less than `BETTER`.
    """
    scan = _Scan(samples, opening, found, takes)
    best = np.zeros(len(takes), np.intp)  # hops
    scores, apart = scan.scores(best)
    together = apart
    for _ in range(ROUNDS):
        likely = _likely(scores)
        if (likely == best).all():
            break
        best = likely
        scores, together = scan.scores(best)
    if together < apart + BETTER:
        best = np.zeros_like(best)
    rows = np.arange(len(takes))
    gains = scores[rows, best + len(_HOPS) // 2] - scores[rows, len(_HOPS) // 2]
    return tuple(
        TakeLag(start, stop, float(hops * HOP_MS), float(gain))
        for (start, stop), hops, gain in zip(takes, best.tolist(), gains, strict=True)
    )


def correct_takes(samples: FloatArray, lags: tuple[TakeLag, ...]) -> FloatArray:
    """The sound with every take's own lag taken out, as long as the takes' pictures.

    What a take lacks at its end or start is what the neighbouring take has there, blended over 5 ms.
    """
    length = lags[-1].stop * SAMPLES_PER_FRAME
    places = np.arange(length)
    out, weight = np.zeros(length), np.zeros(length)
    for lag in lags:
        first, last = lag.start * SAMPLES_PER_FRAME, lag.stop * SAMPLES_PER_FRAME
        shift = round(lag.lag_ms * SAMPLE_RATE / 1000)
        near = slice(max(0, first - JOINT), min(length, last + JOINT))
        inside = np.minimum(places[near] - first, last - 1 - places[near])
        share = np.clip((inside + JOINT) / (2 * JOINT), 1e-6, 1.0)
        out[near] += share * samples[np.clip(places[near] + shift, 0, len(samples) - 1)]
        weight[near] += share
    return (out / weight).astype(np.float32)


_HOPS = np.arange(-LARGEST_MS // HOP_MS, LARGEST_MS // HOP_MS + 1)


def _likely(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """The best lag of every take in hops, the clip's own line kept: scores (takes, lags)."""
    best = _HOPS[(scores - DOUBT * (_HOPS * HOP_MS / 100) ** 2).argmax(1)]
    told = scores.any(1)  # too short a take says nothing, nor does it move
    middle = round(float(np.median(best[told]))) if told.any() else 0
    return np.where(told, np.clip(best - middle, _HOPS[0], _HOPS[-1]), 0)


class _Scan:
    """One clip's takes, each foretold at every lag from all the others."""

    def __init__(
        self, samples: FloatArray, opening: FloatArray, found: Bools, takes: Sequence[tuple[int, int]]
    ) -> None:
        # Imported here: only clips of several takes need the nets and their library.
        from avatar_engine.lips.ears import Listener, base

        count = len(opening)
        heard = np.zeros(count * SAMPLES_PER_FRAME, np.float32)
        heard[: len(samples)] = samples[: len(heard)]
        listener = Listener(heard, int(_HOPS[-1]), base())
        self._heard = [_high_passed(listener.at(int(hops))) for hops in _HOPS]
        self._scale = 1 / (self._heard[len(_HOPS) // 2].std(0) + 1e-3)
        mouth = _high_passed(opening)
        self._mouth = mouth / max(float(mouth[found].std()) if found.any() else 0.0, 1e-6)
        self._found, self._takes = found, takes

    def scores(self, at: npt.NDArray[np.intp]) -> tuple[npt.NDArray[np.float64], float]:
        """Correlation of every take at every lag (takes, lags), foretold from the others, which stand ``at`` these
        hops; and that of the whole clip as it stands."""
        seen = [self._rows(hops, take) for hops, take in zip(at, self._takes, strict=True)]
        mouth = [self._mouth[start:stop][self._found[start:stop]] for start, stop in self._takes]
        grams = [rows.T @ rows for rows in seen]
        cross = [rows.T @ values for rows, values in zip(seen, mouth, strict=True)]
        gram = sum(grams) + RIDGE * np.eye(seen[0].shape[1])
        whole = sum(cross)
        scores, foretold = np.zeros((len(self._takes), len(_HOPS))), []
        for index, take in enumerate(self._takes):
            weights = np.linalg.solve(gram - grams[index], whole - cross[index])
            foretold.append(seen[index] @ weights)
            if len(mouth[index]) >= SECONDS * FRAME_RATE:
                scores[index] = [
                    correlation(self._rows(hops, take) @ weights, mouth[index]) for hops in _HOPS
                ]
        return scores, correlation(np.concatenate(foretold), np.concatenate(mouth))

    def _rows(self, hops: np.signedinteger[Any], take: tuple[int, int]) -> npt.NDArray[np.float64]:
        """What is heard in a take's pictures, and a constant: (pictures, features + 1)."""
        start, stop = take
        heard = self._heard[int(hops) + len(_HOPS) // 2][start:stop][self._found[start:stop]] * self._scale
        return np.concatenate([heard, np.ones((len(heard), 1))], 1, dtype=np.float64)


def _high_passed(values: FloatArray) -> FloatArray:
    smooth = gaussian_filter1d(values, HIGH_PASS_SECONDS * FRAME_RATE, axis=0)
    return np.asarray(values - smooth, np.float32)
