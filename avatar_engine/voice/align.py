"""When each phone of a recording is said: a stock voice says the same text, and the two are warped together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import soxr

from avatar_engine import models
from avatar_engine.contracts import SAMPLE_RATE, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.voice.network import SAMPLES_PER_FEATURE, SAMPLES_PER_TOKEN_FRAME

LONGEST = 6.0
"""Seconds of the longest stretch that is aligned in one piece."""

_WHISPER_RATE = 16_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of a recording and its words: [start, stop) in samples at 24 kHz."""

    start: int
    stop: int
    words: str


def transcribe(samples: FloatArray, language: str, threads: int = 1) -> tuple[list[Stretch], str]:
    """Stretches of speech with their words, and the language that was spoken.

    Whisper base (Radford et al. 2022) gives the words and their times, Silero's detector where speech is.

    Args:
        samples: float32 (n,) at 24 kHz.
        language: BCP 47 tag, or ``auto``.

    Raises:
        AvatarError: No word was understood.
    """
    from faster_whisper import WhisperModel

    sound = soxr.resample(samples, SAMPLE_RATE, _WHISPER_RATE)
    whisper = WhisperModel(
        str(models.path("whisper-base").parent), device="cpu", compute_type="int8", cpu_threads=threads
    )
    code = None if language == "auto" else language.split("-")[0]
    found, info = whisper.transcribe(
        sound, language=code, beam_size=3, word_timestamps=True, condition_on_previous_text=False
    )
    words = [word for segment in found for word in segment.words or ()]
    if not words:
        raise AvatarError(
            "No word was understood in the recording.", "Use a clip in which one person speaks clearly."
        )
    bounds = speech_spans(samples, pause=0.25, margin=0.12)
    said: list[list[tuple[float, float, str]]] = [[] for _ in bounds]
    for word in words:
        middle = (word.start + word.end) / 2 * SAMPLE_RATE
        nearest = min(
            range(len(bounds)),
            key=lambda n: max(bounds[n][0] - middle, middle - bounds[n][1], 0),
            default=None,
        )
        if nearest is not None:
            said[nearest].append((word.start, word.end, word.word))
    out: list[Stretch] = []
    for (start, stop), words_here in zip(bounds, said, strict=True):
        out += _split(start, stop, words_here)
    return out, str(info.language)


def speech_spans(samples: FloatArray, *, pause: float, margin: float) -> list[tuple[int, int]]:
    """Where somebody speaks, by Silero's detector: [start, stop) in samples at 24 kHz, in order.

    Args:
        samples: float32 (n,) at 24 kHz.
        pause: Seconds of the shortest silence between two spans.
        margin: Seconds that every span keeps of what is before and after it.
    """
    from faster_whisper.vad import VadOptions, get_speech_timestamps

    options = VadOptions(min_silence_duration_ms=round(pause * 1000), speech_pad_ms=round(margin * 1000))
    spans = get_speech_timestamps(soxr.resample(samples, SAMPLE_RATE, _WHISPER_RATE), options)
    scale = SAMPLE_RATE / _WHISPER_RATE
    return [(int(span["start"] * scale), min(int(span["end"] * scale), len(samples))) for span in spans]


def _split(start: int, stop: int, words: list[tuple[float, float, str]]) -> list[Stretch]:
    """One span of speech, halved at its longest pause until no piece is longer than `LONGEST`."""
    if not words:
        return []
    if stop - start <= LONGEST * SAMPLE_RATE or len(words) < 4:
        return [Stretch(start, stop, "".join(word for _, _, word in words).strip())]
    inner = range(1, len(words))
    middle = (start + stop) / 2 / SAMPLE_RATE
    seam = max(inner, key=lambda n: words[n][0] - words[n - 1][1] - 0.15 * abs(words[n][0] - middle))
    cut = int((words[seam - 1][1] + words[seam][0]) / 2 * SAMPLE_RATE)
    cut = min(max(cut, start + SAMPLES_PER_TOKEN_FRAME), stop - SAMPLES_PER_TOKEN_FRAME)
    return _split(start, cut, words[:seam]) + _split(cut, stop, words[seam:])


def warp(model: FloatArray, real: FloatArray) -> tuple[npt.NDArray[np.int64], float]:
    """For every frame boundary of ``model`` the frame of ``real`` it falls on, and the mean cost of the way.

    Dynamic time warping (Sakoe and Chiba 1978), diagonal by diagonal; rows are frames.

    Args:
        model: float32 (n, d).
        real: float32 (m, d).

    Returns:
        int64 (n + 1,), not falling, from 0 to m; and the cost.
    """
    distance = np.sqrt(
        np.maximum((model**2).sum(1)[:, None] + (real**2).sum(1)[None] - 2 * model @ real.T, 0)
    )
    n, m = distance.shape
    total = np.full((n + 1, m + 1), np.inf)
    total[0, 0] = 0
    for diagonal in range(2, n + m + 1):
        rows = np.arange(max(1, diagonal - m), min(n, diagonal - 1) + 1)
        columns = diagonal - rows
        here = distance[rows - 1, columns - 1]
        total[rows, columns] = np.minimum(
            total[rows - 1, columns - 1] + 2 * here,  # A diagonal step covers two frames.
            np.minimum(total[rows - 1, columns], total[rows, columns - 1]) + here * 1.1,
        )
    bounds = np.zeros(n + 1, np.int64)
    row, column = n, m
    bounds[n] = m
    while row > 0 and column > 0:
        steps = (total[row - 1, column - 1], total[row - 1, column], total[row, column - 1])
        choice = int(np.argmin(steps))
        if choice != 2:
            bounds[row - 1] = column - (choice == 0)
            row -= 1
        if choice != 1:
            column -= 1
    return np.maximum.accumulate(bounds), float(total[n, m] / (n + m))


def frames_of(
    model_frames: npt.NDArray[np.int64], bounds: npt.NDArray[np.int64], count: int
) -> npt.NDArray[np.int64]:
    """Frames (25 ms) of every token in the recording, at least one each, ``count`` in all.

    Args:
        model_frames: Frames of every token as the stock voice said them.
        bounds: What `warp` found, in columns of 12.5 ms.
        count: Frames of the recording.
    """
    columns = SAMPLES_PER_TOKEN_FRAME // SAMPLES_PER_FEATURE
    ends = np.cumsum(model_frames) * columns
    real = np.rint(bounds[np.minimum(ends, len(bounds) - 1)] / columns).astype(np.int64)
    tokens = len(real)
    for place in range(tokens):
        before = real[place - 1] if place else 0
        real[place] = min(max(real[place], before + 1), count - (tokens - 1 - place))
    real[-1] = count
    return np.asarray(np.diff(real, prepend=0), np.int64)
