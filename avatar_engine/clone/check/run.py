"""Is this a good minute? One look at a clip before anybody waits for a clone.

Pictures are decoded once and looked at in this thread; the sound is heard, and its words recognised, in another.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from avatar_engine import __version__, models
from avatar_engine.clone.check import judge_clip, judge_face, judge_looks, judge_sound, phones
from avatar_engine.clone.check.finding import Finding, Verdict
from avatar_engine.clone.check.hearing import Hearing, hear
from avatar_engine.clone.check.judge_sound import Words
from avatar_engine.clone.check.looks import Looks, Watcher
from avatar_engine.clone.speech import speech_windows
from avatar_engine.clone.sync import Sync, measure, mouth_opening
from avatar_engine.contracts import SAMPLE_RATE, FloatArray, Progress, silent
from avatar_engine.errors import AvatarError
from avatar_engine.face.track import Landmarker
from avatar_engine.media.even import EvenClip
from avatar_engine.media.probe import ClipInfo
from avatar_engine.media.read import sound as read_sound
from avatar_engine.voice import align
from avatar_engine.voice.phonemes import tag


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found out about a clip.

    Attributes:
        video: The clip.
        info: What it is.
        findings: One for each thing that was looked at.
        looks: What was seen.
        hearing: What was heard.
        words: What was understood.
        sync: How sound and mouth stand to one another; None where one of them is missing.
        seconds: Seconds that the check took.
    """

    video: Path
    info: ClipInfo
    findings: tuple[Finding, ...]
    looks: Looks
    hearing: Hearing
    words: Words
    sync: Sync | None
    seconds: float

    @property
    def verdict(self) -> Verdict:
        """The worst of all verdicts."""
        return max(finding.verdict for finding in self.findings)

    def summary(self) -> str:
        """The verdict in a sentence."""
        count = sum(finding.verdict is self.verdict for finding in self.findings)
        if self.verdict is Verdict.WILL_FAIL:
            return f"A clone of this clip would be refused: {count} of {len(self.findings)} points will fail."
        if self.verdict is Verdict.GOOD:
            return f"A good minute: all {len(self.findings)} points are good."
        return f"A clone can be made of this clip; {count} of {len(self.findings)} points could be better."

    def figures(self) -> dict[str, Any]:
        """Everything but pictures and curves, for JSON."""
        return {
            "video": self.video.name,
            "engine": __version__,
            "verdict": self.verdict.words,
            "summary": self.summary(),
            "clip": asdict(self.info),
            "findings": [{**asdict(finding), "verdict": finding.verdict.words} for finding in self.findings],
            "language": self.words.language,
            "words": [
                {"start": start, "stop": stop, "text": said} for start, stop, said in self.words.stretches
            ],
            "phones": self.words.phones or {},
            "sound": _plain(self.hearing),
            "sync": None if self.sync is None else asdict(self.sync),
            "seconds": round(self.seconds, 1),
        }


def check(video: Path, language: str = "auto", progress: Progress = silent) -> Checked:
    """Look at ``video`` as a clone would, and more closely.

    Args:
        video: Any video that FFmpeg reads.
        language: What is spoken: a BCP 47 tag, or ``auto``.
        progress: Told about the stages ``pictures``, ``sound`` and ``sync``.

    Raises:
        AvatarError: It can't be read, it has no picture or no sound, or weights are missing.
    """
    started = time.monotonic()
    for name in ("face-landmarker", "whisper-base"):
        models.path(name)
    if language != "auto":
        tag(language)
    clip = EvenClip(video, longest=judge_clip.MOST_SECONDS)
    listener = _Listener(video, language, progress)
    with Landmarker() as landmarker:
        watcher = Watcher(landmarker, clip.size)
        info = clip.run(watcher, lambda _: None, progress, stage="pictures")
    looks = watcher.looks()
    samples, hearing, words = listener.result()
    findings = [
        judge_clip.length(video.name, info.duration),
        judge_clip.file(info),
        *judge_face.face(looks.track),
    ]
    there = looks.track.found.mean() >= 0.02
    opening = mouth_opening(looks.track.points)
    if there:
        findings += judge_looks.pictures(looks)
    findings += judge_sound.speech(hearing)
    sync = None
    if hearing.peak >= judge_sound.SILENT_PEAK:
        findings += [*judge_sound.flaws(hearing), *judge_sound.room(hearing), *judge_sound.words(words)]
        if there:
            findings.append(judge_sound.rest(opening, looks.track.found, hearing.speaking))
            sync = _sync(samples, opening, looks, progress)
            findings.append(judge_sound.step(sync, info.duration))
    taken = time.monotonic() - started
    return Checked(video, info, tuple(findings), looks, hearing, words, sync, taken)


def _sync(samples: FloatArray, opening: FloatArray, looks: Looks, progress: Progress) -> Sync:
    progress("sync", 0.0)
    sync = measure(samples, opening, looks.track.found)
    progress("sync", 1.0, f"{sync.offset_ms:+.0f} ms")
    return sync


def _plain(hearing: Hearing) -> Mapping[str, Any]:
    return {
        "speech_seconds": round(hearing.speech_seconds, 2),
        "peak": round(hearing.peak, 4),
        "speech_level_db": round(hearing.speech_level, 1),
        "above_noise_db": round(hearing.above_noise, 1),
        "overdriven_share": round(hearing.overdriven, 6),
        "decay_seconds": None if hearing.decay is None else round(hearing.decay, 3),
        "highest_hz": round(hearing.highest),
    }


class _Listener:
    """Hears the clip in a thread of its own: the recogniser leaves Python's lock alone while it works."""

    def __init__(self, video: Path, language: str, progress: Progress) -> None:
        self._video, self._language, self._progress = video, language, progress
        self._heard: tuple[FloatArray, Hearing, Words] | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="check-sound", daemon=True)
        self._thread.start()

    def result(self) -> tuple[FloatArray, Hearing, Words]:
        """Wait for the samples, what was heard, and what was understood.

        Raises:
            AvatarError: The sound can't be read.
        """
        self._thread.join()
        if self._error is not None:
            raise self._error
        if self._heard is None:
            raise RuntimeError("the sound was never heard")
        return self._heard

    def _run(self) -> None:
        try:
            self._progress("sound", 0.0)
            samples = read_sound(self._video)[: round(judge_clip.MOST_SECONDS * SAMPLE_RATE)]
            speaking = speech_windows(samples)
            self._progress("sound", 0.2, "noise and room")
            hearing = hear(samples, speaking)
            self._progress("sound", 0.3, "words")
            self._heard = samples, hearing, understood(samples, hearing, self._language)
            self._progress("sound", 1.0, f"{hearing.speech_seconds:.0f} s of speech")
        except BaseException as error:
            self._error = error


def understood(samples: FloatArray, hearing: Hearing, language: str) -> Words:
    """The words and phones of a sound.

    Args:
        samples: float32 (n,), mono at `SAMPLE_RATE`.
        hearing: What was heard of it.
        language: What is spoken: a BCP 47 tag, or ``auto``.
    """
    if hearing.peak < judge_sound.SILENT_PEAK or not hearing.speaking.any():
        return Words(refusal="No word was understood in the recording.")
    try:
        stretches, heard = align.transcribe(samples, language)
    except AvatarError as error:
        return Words(refusal=error.what)
    spoken = heard if language == "auto" else language
    rows = tuple((s.start / SAMPLE_RATE, s.stop / SAMPLE_RATE, s.words) for s in stretches)
    try:
        counts = phones.counted((s.words for s in stretches), tag(spoken))
    except AvatarError:
        return Words(spoken, rows)
    return Words(spoken, rows, dict(counts))
