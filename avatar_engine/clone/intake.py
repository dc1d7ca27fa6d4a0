"""Is this a good minute? From any video to footage, sound and face track that a clone can be made of, or a refusal.

Every refusal names the time in the clip and what to do; what is put up with becomes a warning for the report. How good
a clip is is judged in `avatar_engine.clone.check`, for ``avatar-engine check`` as for this.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from avatar_engine.clone.check import judge_clip, judge_face, judge_sound
from avatar_engine.clone.check.finding import Bools, settle
from avatar_engine.clone.check.hearing import hear
from avatar_engine.clone.speech import speech_windows
from avatar_engine.clone.sync import (
    Sync,
    SyncWindow,
    correct,
    measure,
    mouth_opening,
)
from avatar_engine.clone.takes import TakeLag, correct_takes, measure_takes
from avatar_engine.contracts import FRAME_RATE, FloatArray, Progress, silent
from avatar_engine.errors import AvatarError
from avatar_engine.face import crop
from avatar_engine.face import track as tracks
from avatar_engine.face.track import FaceTrack
from avatar_engine.media.normalise import normalise
from avatar_engine.media.probe import ClipInfo, probe
from avatar_engine.media.read import sound as read_sound
from avatar_engine.media.write import WaveWriter

log = logging.getLogger(__name__)

_FILMED = "heard.wav"
_STATE = 2
"""Version of what is kept in the working folder."""


@dataclass(frozen=True, slots=True)
class Intake:
    """A clip that was taken in.

    Attributes:
        footage: MP4, 25 upright pictures a second, see `avatar_engine.media.normalise`.
        sound: WAV, 24 kHz mono, in step with the mouth, `SAMPLES_PER_FRAME` samples a picture.
        info: What the clip was.
        track: The face in every picture.
        offset_ms: How much later the clip's own sound came than its pictures (in the middle of the clip).
        drift_ms_per_minute: How much later still with every minute.
        speech_seconds: Seconds in which somebody speaks.
        sync: What is left after the correction, with its correlation and clarity.
        corrected: Whether the sound was moved or stretched.
        warnings: What was put up with, in sentences.
        takes: How far each take of a clip of several stood apart; none where nothing was moved for it.
    """

    footage: Path
    sound: Path
    info: ClipInfo
    track: FaceTrack
    offset_ms: float
    drift_ms_per_minute: float
    speech_seconds: float
    sync: Sync
    corrected: bool
    warnings: tuple[str, ...]
    takes: tuple[TakeLag, ...] = ()

    @property
    def filmed_sound(self) -> Path:
        """WAV, the sound as it came with the pictures, before anything was put in step."""
        return self.sound.with_name(_FILMED)


def intake(video: Path, work: Path, progress: Progress = silent, *, track: FaceTrack | None = None) -> Intake:
    """Take ``video`` in, or refuse it.

    What was made stays in ``work`` and is used again when the same video (by sha256) comes again.

    Args:
        video: Any video that FFmpeg reads.
        work: Folder for ``footage.mp4``, ``sound.wav``, ``track.safetensors`` and the state; made if need be.
        progress: Told about the stages ``footage``, ``face`` and ``sync``.
        track: The footage's face track, where somebody has it already.

    Raises:
        AvatarError: The clip is no good; the message names the time and what to do.
    """
    work.mkdir(parents=True, exist_ok=True)
    if not video.is_file():
        raise AvatarError(f"There is no file {video}.", "Give the presenter's clip.")
    with video.open("rb") as file:
        source = hashlib.file_digest(file, "sha256").hexdigest()
    if (done := _resumed(work, source)) is not None:
        return done
    info = _normalised(video, work, source, progress)
    samples = read_sound(work / _FILMED)
    warnings = list(info.warnings)
    speech = check_sound(samples, warnings)
    track = track if track is not None else _tracked(work, source, progress)
    warnings += settle(judge_face.face(track))
    step = _in_step(samples, track, progress)
    warnings.extend(step.warnings)
    with WaveWriter(work / "sound.wav") as wave:
        wave.write(step.samples)
        wave.finish(len(step.samples))
    track.save(work / "track.safetensors")
    taken = Intake(
        footage=work / "footage.mp4",
        sound=work / "sound.wav",
        info=info,
        track=track,
        offset_ms=step.source.offset_ms,
        drift_ms_per_minute=step.source.drift_ms_per_minute,
        speech_seconds=speech,
        sync=step.left,
        corrected=step.corrected,
        takes=step.takes,
        warnings=tuple(warnings),
    )
    _keep(work, source, taken)
    for warning in warnings:
        log.warning("%s", warning)
    return taken


# --- the working folder -------------------------------------------------------------------------------------


def _keep(work: Path, source: str, taken: Intake) -> None:
    state = {
        "state": _STATE,
        "source": source,
        "info": asdict(taken.info),
        "sync": asdict(taken.sync),
        "offset_ms": taken.offset_ms,
        "drift_ms_per_minute": taken.drift_ms_per_minute,
        "speech_seconds": taken.speech_seconds,
        "corrected": taken.corrected,
        "takes": [asdict(take) for take in taken.takes],
        "warnings": taken.warnings,
    }
    _write(work / "intake.json", state)


def _resumed(work: Path, source: str) -> Intake | None:
    """What an earlier run of the same clip left, whole; None when there is no such thing."""
    state = _state(work / "intake.json", source)
    files = [work / name for name in ("footage.mp4", "sound.wav", "track.safetensors")]
    if state is None or not all(file.is_file() for file in files):
        return None
    sync = state["sync"]
    windows = tuple(SyncWindow(**window) for window in sync.pop("windows"))
    return Intake(
        footage=files[0],
        sound=files[1],
        info=_info(state["info"]),
        track=FaceTrack.load(files[2]),
        offset_ms=state["offset_ms"],
        drift_ms_per_minute=state["drift_ms_per_minute"],
        speech_seconds=state["speech_seconds"],
        sync=Sync(**sync, windows=windows),
        corrected=state["corrected"],
        takes=tuple(TakeLag(**take) for take in state["takes"]),
        warnings=tuple(state["warnings"]),
    )


def _normalised(video: Path, work: Path, source: str, progress: Progress) -> ClipInfo:
    mark = work / "normalised.json"
    state = _state(mark, source)
    if state is not None and (work / "footage.mp4").is_file() and (work / _FILMED).is_file():
        return _info(state["info"])
    mark.unlink(missing_ok=True)
    (work / "tracked.json").unlink(missing_ok=True)
    _check_length(video, probe(video).duration or None)
    info = normalise(video, work / "footage.mp4", work / _FILMED, progress, longest=judge_clip.MOST_SECONDS)
    _check_length(video, info.duration)
    _write(mark, {"state": _STATE, "source": source, "info": asdict(info)})
    return info


def _tracked(work: Path, source: str, progress: Progress) -> FaceTrack:
    mark, file = work / "tracked.json", work / "track.safetensors"
    if _state(mark, source) is not None and file.is_file():
        return FaceTrack.load(file)
    track = tracks.track(work / "footage.mp4", progress)
    track.save(file)
    _write(mark, {"state": _STATE, "source": source})
    return track


def _state(file: Path, source: str) -> dict[str, Any] | None:
    try:
        state: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return state if state.get("state") == _STATE and state.get("source") == source else None


def _write(file: Path, state: dict[str, Any]) -> None:
    partial = file.with_name(file.name + ".part")
    partial.write_text(json.dumps(state, indent=1), encoding="utf-8")
    partial.replace(file)


def _info(state: dict[str, Any]) -> ClipInfo:
    return ClipInfo(**{**state, "warnings": tuple(state["warnings"])})


# --- judging ------------------------------------------------------------------------------------------------


def _check_length(video: Path, seconds: float | None) -> None:
    if seconds is not None:
        settle([judge_clip.length(video.name, seconds)])


def check_sound(samples: FloatArray, warnings: list[str]) -> float:
    """Refuse a sound that no voice can be learnt from.

    Args:
        samples: float32, mono at `SAMPLE_RATE`.
        warnings: Gets a sentence for each flaw that is put up with.

    Returns:
        Seconds of speech.

    Raises:
        AvatarError: Silence, or too little speech.
    """
    heard = hear(samples, speech_windows(samples))
    warnings += settle([*judge_sound.speech(heard), *judge_sound.flaws(heard)])
    return heard.speech_seconds


# --- sound against mouth ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """Sound put in step: ``samples``, what the source was, what is left, whether anything was done, and the takes."""

    samples: FloatArray
    source: Sync
    left: Sync
    corrected: bool
    warnings: tuple[str, ...]
    takes: tuple[TakeLag, ...] = ()


def put_in_step(
    samples: FloatArray, opening: FloatArray, found: Bools, takes: Sequence[tuple[int, int]] = ()
) -> Step:
    """Measure the sound against the mouth and take out offset and drift where they are clear, then every take's own.

    Args:
        samples: float32, mono at `SAMPLE_RATE`.
        opening: float32 (n,), `avatar_engine.clone.sync.mouth_opening` of every picture.
        found: bool (n,), which pictures count.
        takes: First picture and the one after the last of every take that was joined into the clip.

    Raises:
        AvatarError: The sound is not of this mouth, or slides by more than can be mended.
    """
    source = measure(samples, opening, found)
    seconds = len(opening) / FRAME_RATE
    doubts = settle([judge_sound.step(source, seconds)])
    unmended = correct(samples, replace(source, offset_ms=0.0, drift_ms_per_minute=0.0), len(opening))
    if source.clarity < judge_sound.CLEAR:
        return Step(unmended, source, source, False, tuple(doubts))
    if judge_sound.in_step(source, seconds):
        step = Step(unmended, source, source, False, tuple(doubts))
    else:
        step = _mended(samples, source, opening, found)
    return _takes_in_step(step, opening, found, takes) if len(takes) > 1 else step


def _mended(samples: FloatArray, source: Sync, opening: FloatArray, found: Bools) -> Step:
    mended = correct(samples, source, len(opening))
    left = measure(mended, opening, found)
    side = "late" if source.offset_ms > 0 else "early"
    said = (
        f"The sound came {abs(source.offset_ms):.0f} ms too {side} and drifted by "
        f"{source.drift_ms_per_minute:+.0f} ms a minute; it was put in step "
        f"({left.offset_ms:+.0f} ms and {left.drift_ms_per_minute:+.0f} ms are left)."
    )
    return Step(mended, source, left, True, (said, *judge_sound.uneven(left)))


def _takes_in_step(step: Step, opening: FloatArray, found: Bools, takes: Sequence[tuple[int, int]]) -> Step:
    lags = measure_takes(step.samples, opening, found, takes)
    if not any(take.lag_ms for take in lags):
        return step
    mended = correct_takes(step.samples, lags)
    left = measure(mended, opening, found)
    mended = correct(mended, left, len(opening))  # while takes stood apart the clip's own line was led astray
    left = measure(mended, opening, found)
    ms = [take.lag_ms for take in lags]
    said = (
        f"The clip is joined from {len(lags)} takes whose sound stands {min(ms):+.0f} to {max(ms):+.0f} ms apart; "
        "each was put in step."
    )
    return Step(mended, step.source, left, True, (*step.warnings, said), lags)


def _in_step(samples: FloatArray, track: FaceTrack, progress: Progress) -> Step:
    progress("sync", 0.0)
    step = put_in_step(samples, mouth_opening(track.points), track.found, crop.takes(track))
    progress("sync", 1.0, f"{step.source.offset_ms:+.0f} ms")
    return step
