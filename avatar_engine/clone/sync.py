"""Is the sound in step with the mouth? Offset and drift of a clip, measured and taken out.

Method: a ridge regression from the log-mel spectrum around each picture to how far the mouth is open, cross
validated over blocks of the clip, and scanned over lags and over linear drifts: where sound and mouth belong
together its correlation has one sharp peak. Both sides are high-passed, because sentences and pauses of even
length correlate at any lag. How clear the peak is is judged against the same clip with its sound turned round by
seconds, so that the length of the clip and its rhythm are taken into account.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, cast

import numpy as np
import numpy.typing as npt
import soxr
from scipy.ndimage import gaussian_filter1d

from avatar_engine.contracts import FRAME_RATE, SAMPLE_RATE, SAMPLES_PER_FRAME, FloatArray

LARGEST_OFFSET_MS = 1000.0
"""Offsets are looked for up to here."""

LARGEST_SLIDE_MS = 600.0
"""Drifts are looked for up to this much from the clip's start to its end."""

_HOP = SAMPLE_RATE // 100
_WINDOW, _FFT, _BANDS = 600, 1024, 24
_CONTEXT = (-4, 0, 4)  # hops around the picture's middle: a wider view blurs the peak over lags
_RIDGE = 0.03
_BLOCKS = 10
HIGH_PASS_SECONDS = 0.3
"""What is slower says nothing: sentences and pauses of even length correlate at any lag."""

_STRANGERS = 80
_SAME_SCORE = 0.02
_NEAR = np.arange(-140.0, 141.0, 20.0)

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SyncWindow:
    """A stretch of the clip: its first second, its own lag beside the clip's line in ms, and correlation there."""

    SECONDS: ClassVar[float] = 12.0

    start: float
    lag_ms: float
    correlation: float


@dataclass(frozen=True, slots=True)
class Sync:
    """How sound and mouth stand to one another.

    Attributes:
        offset_ms: How much later the sound comes than the picture in the middle of the clip.
        drift_ms_per_minute: How much later still with every minute.
        correlation: Of the real opening with that regressed from the sound, at this offset and drift.
        clarity: How far above the correlation of strange sound, in its standard deviations; below 4 means
            nothing, above 6 is clear.
        windows: The same looked at in stretches of 12 s.
    """

    offset_ms: float
    drift_ms_per_minute: float
    correlation: float
    clarity: float
    windows: tuple[SyncWindow, ...] = ()


def mouth_opening(points: FloatArray) -> FloatArray:
    """How far the inner lips are apart, over the distance of the outer eye corners.

    Args:
        points: float32 (n, 478, 3) landmarks in pixels.

    Returns:
        float32 (n,).
    """
    gap = np.linalg.norm(points[:, 13, :2] - points[:, 14, :2], axis=1)
    eyes = np.linalg.norm(points[:, 33, :2] - points[:, 263, :2], axis=1)
    return cast(FloatArray, (gap / np.maximum(eyes, 1e-3)).astype(np.float32))


def measure(samples: FloatArray, opening: FloatArray, found: Bools) -> Sync:
    """Offset and drift of ``samples`` against the mouth.

    Args:
        samples: float32, mono at `SAMPLE_RATE`, sample 0 with picture 0.
        opening: float32 (n,) of `mouth_opening`, one a picture.
        found: bool (n,), which pictures count.

    Returns:
        The best place found, whether it means anything or not: look at `Sync.clarity`.
    """
    scan = _Scan(samples, opening, found)
    lag, slide = scan.best()
    correlation = scan.score(lag, slide)
    strangers = scan.strangers(lag, slide)
    clarity = (correlation - float(strangers.mean())) / max(float(strangers.std()), 1e-3)
    return Sync(lag, slide / scan.minutes, correlation, clarity, scan.windows(lag, slide))


def correct(samples: FloatArray, sync: Sync, frames: int) -> FloatArray:
    """The sound moved and stretched so that it is in step, exactly as long as ``frames`` pictures.

    Args:
        samples: float32, mono at `SAMPLE_RATE`.
        sync: What was measured on it.
        frames: Pictures of the footage.
    """
    pace = 1.0 + sync.drift_ms_per_minute / 60_000
    if abs(pace - 1.0) > 1e-7:
        samples = soxr.resample(samples, SAMPLE_RATE * pace, SAMPLE_RATE, quality="VHQ").astype(np.float32)
    middle = frames / FRAME_RATE / 2
    # picture t wants the source's t + offset + drift * (t - middle): after the stretch, a shift alone
    late_seconds = sync.offset_ms / 1000 - sync.drift_ms_per_minute / 60_000 * middle
    shift = round(late_seconds / pace * SAMPLE_RATE)
    out = np.zeros(frames * SAMPLES_PER_FRAME, np.float32)
    first, last = max(0, -shift), min(len(out), len(samples) - shift)
    if last > first:
        out[first:last] = samples[first + shift : last + shift]
    return out


def log_mel(samples: FloatArray) -> FloatArray:
    """Log-mel spectrum, 100 a second: float32 (hops, 24), zero mean and unit spread in every band."""
    count = len(samples) // _HOP
    padded = np.pad(samples, (_WINDOW // 2, _WINDOW + _HOP))
    views = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP][:count]
    shape, bank = np.hanning(_WINDOW).astype(np.float32), _mel_bank()
    out = np.empty((count, _BANDS), np.float32)
    for start in range(0, count, 2048):  # a piece at a time: the spectra of a long clip are large
        power = np.abs(np.fft.rfft(views[start : start + 2048] * shape, _FFT)) ** 2
        out[start : start + 2048] = np.log(power @ bank.T + 1e-6)
    # digital silence where a stream starts late would stand far outside everything else
    out = np.clip(out, *np.percentile(out, (10, 99.5), axis=0))
    out -= out.mean(0)
    return cast(FloatArray, out / (out.std(0) + 1e-3))


def _mel_bank() -> FloatArray:
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (80.0, 7600.0))
    edges = 700 * (10 ** (np.linspace(low, high, _BANDS + 2) / 2595) - 1)
    hertz = np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE)
    rising = (hertz[None] - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - hertz[None]) / np.diff(edges)[1:, None]
    return cast(FloatArray, np.maximum(0, np.minimum(rising, falling)).astype(np.float32))


class _Scan:
    """One clip's mouth and spectrum, scored at any lag and slide (drift in ms over the whole clip)."""

    def __init__(self, samples: FloatArray, opening: FloatArray, found: Bools) -> None:
        count = len(opening)
        self.minutes = count / FRAME_RATE / 60
        mel = log_mel(samples)
        mel -= gaussian_filter1d(mel, HIGH_PASS_SECONDS * SAMPLE_RATE / _HOP, axis=0)
        # the spectrum before, at and after every hop side by side, and a constant: one gather makes features
        hops = np.arange(len(mel))
        around = [mel[np.clip(hops + shift, 0, len(mel) - 1)] for shift in _CONTEXT]
        self._spectrum = np.concatenate([*around, np.ones((len(mel), 1), np.float32)], axis=1)
        mouth = opening - gaussian_filter1d(opening, HIGH_PASS_SECONDS * FRAME_RATE)
        spread = float(mouth[found].std()) if found.any() else 0.0
        self._mouth = (mouth / max(spread, 1e-6)).astype(np.float32)
        self._found = found
        self._counts = found.astype(np.float32)
        edges = np.arange(_BLOCKS + 1) * count // _BLOCKS
        self._blocks = [slice(int(a), int(b)) for a, b in pairwise(edges)]
        self._middles = (np.arange(count) + 0.5) / FRAME_RATE

    def _features(self, lag: float | FloatArray, slide: float, turn: float = 0.0) -> FloatArray:
        """float32 (n, bands * context + 1): the spectrum where the sound of each picture should be."""
        share = self._middles / (self.minutes * 60) - 0.5
        place = (self._middles + (lag + slide * share) / 1000 + turn) * (SAMPLE_RATE / _HOP)
        end = len(self._spectrum) - 1
        place = np.mod(place, end) if turn else np.clip(place, 0, end - 1e-3)
        whole = place.astype(np.int64)
        part = (place - whole)[:, None].astype(np.float32)
        before = self._spectrum[whole]
        return cast(FloatArray, before + part * (self._spectrum[np.minimum(whole + 1, end)] - before))

    def _weights(self, features: FloatArray) -> FloatArray:
        """Ridge weights of every block, fitted on all the other blocks: (blocks, features)."""
        seen = features * self._counts[:, None]
        grams = np.stack([seen[block].T @ features[block] for block in self._blocks])
        cross = np.stack([seen[block].T @ self._mouth[block] for block in self._blocks])
        damping = _RIDGE * len(features) * np.eye(features.shape[1], dtype=np.float32)
        others = grams.sum(0) - grams + damping
        return cast(FloatArray, np.linalg.solve(others, (cross.sum(0) - cross)[:, :, None])[:, :, 0])

    def _predicted(self, features: FloatArray, weights: FloatArray) -> FloatArray:
        parts = [features[block] @ weight for block, weight in zip(self._blocks, weights, strict=True)]
        return np.concatenate(parts)

    def score(self, lag: float, slide: float, turn: float = 0.0) -> float:
        """Correlation of the real opening with the regressed one at this lag and slide."""
        features = self._features(lag, slide, turn)
        predicted = self._predicted(features, self._weights(features))
        return correlation(predicted[self._found], self._mouth[self._found])

    def best(self) -> tuple[float, float]:
        """Lag and slide of the highest score: a coarse grid, then finer steps around its best."""
        lags = np.arange(-LARGEST_OFFSET_MS, LARGEST_OFFSET_MS + 1, 50.0)
        slides = np.arange(-LARGEST_SLIDE_MS, LARGEST_SLIDE_MS + 1, 100.0)
        grid = np.array([[self.score(lag, slide) for lag in lags] for slide in slides])
        row, column = np.unravel_index(int(grid.argmax()), grid.shape)
        lag, slide = float(lags[column]), float(slides[row])
        for _ in range(2):
            lag += _vertex(_NEAR, [self.score(lag + step, slide) for step in _NEAR])
            slide += _vertex(_NEAR, [self.score(lag, slide + step) for step in _NEAR], share=0.5)
        return self._plainer(lag, slide)

    def _plainer(self, lag: float, slide: float) -> tuple[float, float]:
        """No slide at all where that explains the clip as well: a short clip can't tell small slides apart."""
        still = lag + _vertex(_NEAR, [self.score(lag + step, 0.0) for step in _NEAR])
        if self.score(still, 0.0) > self.score(lag, slide) - _SAME_SCORE:
            return still, 0.0
        return lag, slide

    def strangers(self, lag: float, slide: float) -> FloatArray:
        """Scores with the sound turned round by seconds, so that it is not of these pictures."""
        seconds = self.minutes * 60
        turns = np.linspace(2.5, max(seconds - 2.5, 3.0), _STRANGERS)
        return np.array([self.score(lag, slide, turn=float(turn)) for turn in turns], np.float32)

    def windows(self, lag: float, slide: float) -> tuple[SyncWindow, ...]:
        """Every stretch's own lag beside the line, by the regression fitted on the other blocks."""
        weights = self._weights(self._features(lag, slide))
        lags = np.arange(-320.0, 321.0, 20.0)
        predicted = [self._predicted(self._features(lag + own, slide), weights) for own in lags]
        out = []
        size = round(SyncWindow.SECONDS * FRAME_RATE)
        for start in range(0, max(1, len(self._mouth) - size // 2), size // 2):
            rows = slice(start, start + size)
            kept = self._found[rows]
            if kept.sum() < size // 2:
                continue
            scores = [correlation(p[rows][kept], self._mouth[rows][kept]) for p in predicted]
            top = int(np.argmax(scores))
            out.append(SyncWindow(start / FRAME_RATE, float(lags[top]), float(scores[top])))
        return tuple(out)


def correlation(one: npt.NDArray[np.floating], other: npt.NDArray[np.floating]) -> float:
    """Pearson's correlation; 0 where one of the two is constant."""
    one, other = one - one.mean(), other - other.mean()
    size = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / size if size > 1e-9 else 0.0


def _vertex(steps: npt.NDArray[np.float64], scores: list[float], share: float = 0.25) -> float:
    """The middle of a peak: a parabola through its upper ``share``.

    Where the sound foretells the mouth well the peak is flat on top, so its flanks say more than its best step.
    """
    height = np.asarray(scores)
    top = int(height.argmax())
    high = height > height[top] - share * (height[top] - height.min())
    first = last = top
    while first > 0 and high[first - 1]:
        first -= 1
    while last < len(height) - 1 and high[last + 1]:
        last += 1
    if last - first < 3:
        first, last = max(0, top - 2), min(len(height) - 1, top + 2)
    x, y = steps[first : last + 1], height[first : last + 1]
    bend, slope, _ = np.polyfit(x, y, 2)
    return float(np.clip(-slope / (2 * bend), x[0], x[-1])) if bend < -1e-12 else float(steps[top])
