"""What is said in a clip, when, and the same words in a voice of the engine."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import numpy.typing as npt

from avatar_engine.clone.speech import WINDOW_SECONDS, speech_windows
from avatar_engine.contracts import FRAME_RATE, SAMPLE_RATE, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.voice import recorded
from avatar_engine.voice.align import Stretch, transcribe

Bools = npt.NDArray[np.bool_]

MARGIN = 4
"""Pictures before and after speech that do not count as silence: the lips open before the sound and close after it."""


def silence(samples: FloatArray, pictures: int) -> Bools:
    """Pictures in which nobody speaks, nor within `MARGIN` pictures: bool (pictures,)."""
    speaking = speech_windows(samples)
    middles = (np.arange(pictures) + 0.5) / FRAME_RATE
    places = np.minimum((middles / WINDOW_SECONDS).astype(int), len(speaking) - 1)
    loud = speaking[places].astype(np.int8)
    near = np.convolve(loud, np.ones(2 * MARGIN + 1, np.int8), "same")
    return np.asarray(near == 0)


def stretches(
    samples: FloatArray, transcript: Path, first: int, language: str
) -> tuple[list[Stretch], str, str]:
    """What is said from picture ``first`` on.

    The transcript's lines begin with their time in seconds; the words follow. Whisper listens where there is none.

    Returns:
        The stretches (samples of the whole clip), the language, and where the words come from.
    """
    edge = first * SAMPLE_RATE // FRAME_RATE
    if not transcript.exists():
        found, language = transcribe(samples[edge:], language)
        moved = [Stretch(s.start + edge, s.stop + edge, s.words) for s in found]
        return moved, language, "Whisper base"
    lines = parse(transcript.read_text(encoding="utf-8"))
    ends = [start for start, _ in lines[1:]] + [len(samples) / SAMPLE_RATE]
    speaking = speech_windows(samples)
    out = []
    for (start, words), end in zip(lines, ends, strict=True):
        place = slice(int(np.ceil(start / WINDOW_SECONDS)), int(end / WINDOW_SECONDS))
        spoken = np.flatnonzero(speaking[place]) + place.start
        if not len(spoken) or start * SAMPLE_RATE < edge:
            continue
        begin = max(start, spoken[0] * WINDOW_SECONDS - recorded.RIM)
        stop = min(end, (spoken[-1] + 1) * WINDOW_SECONDS + recorded.RIM)
        out.append(Stretch(int(begin * SAMPLE_RATE), int(stop * SAMPLE_RATE), words))
    return out, "en" if language == "auto" else language, transcript.name


def parse(transcript: str) -> list[tuple[float, str]]:
    """Start times and words of a transcript; a take's name that stands between the two is dropped.

    Raises:
        AvatarError: A line does not begin with a time.
    """
    rows = []
    for number, line in enumerate(transcript.splitlines(), 1):
        if not line.strip():
            continue
        time, _, words = line.strip().partition(" ")
        if not re.fullmatch(r"\d+(\.\d+)?", time):
            raise AvatarError(
                f"Line {number} of the transcript does not begin with a time: {line!r}.",
                "Write lines such as: 3.00 the words that are said",
            )
        rows.append((float(time), words.split()))
    named = sum(bool(re.fullmatch(r"[a-z]{4}\d[a-z]", words[0])) for _, words in rows if words)
    if named * 2 > len(rows):
        rows = [(time, words[1:]) for time, words in rows]
    return [(time, " ".join(words)) for time, words in rows]
