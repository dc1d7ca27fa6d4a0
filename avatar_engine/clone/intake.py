"""Is this a good minute? From any video to footage, sound and face track that a clone can be made of, or a refusal.

Every refusal names the time in the clip and what to do; what is put up with becomes a warning for the report.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from avatar_engine.clone.speech import WINDOW_SECONDS, speech_windows
from avatar_engine.clone.sync import LARGEST_OFFSET_MS, Sync, SyncWindow, correct, measure, mouth_opening
from avatar_engine.contracts import FRAME_RATE, SAMPLE_RATE, FloatArray, Progress, silent
from avatar_engine.errors import AvatarError
from avatar_engine.face import track as tracks
from avatar_engine.face.track import FaceTrack
from avatar_engine.media.normalise import normalise
from avatar_engine.media.probe import ClipInfo, probe
from avatar_engine.media.read import sound as read_sound
from avatar_engine.media.write import WaveWriter

log = logging.getLogger(__name__)

LEAST_SECONDS = 25.0
"""Clips shorter than this are refused; a minute is what the fits are made for."""

LEAST_SPEECH_SECONDS = 20.0

MOST_SECONDS = 300.0
"""Only so much of a longer clip is used."""

LEAST_FACE_PIXELS = 90.0
"""From the top of the forehead to the chin, in the footage."""

MOST_YAW, MOST_PITCH = 35.0, 30.0
"""Degrees beyond which a face counts as turned away."""

CLEAR, NOTHING = 6.0, 4.0
"""Clarity of the sync measurement above which it is believed, and below which nothing was found."""

MOST_SLIDE_MS = 500.0
"""Drift from start to end of a clip that is refused."""

_STATE = 1
"""Version of what is kept in the working folder."""

Bools = npt.NDArray[np.bool_]


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
    samples = read_sound(work / "heard.wav")
    warnings = list(info.warnings)
    speech = check_sound(samples, warnings)
    track = track if track is not None else _tracked(work, source, progress)
    check_face(track, warnings)
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
        warnings=tuple(state["warnings"]),
    )


def _normalised(video: Path, work: Path, source: str, progress: Progress) -> ClipInfo:
    mark = work / "normalised.json"
    state = _state(mark, source)
    if state is not None and (work / "footage.mp4").is_file() and (work / "heard.wav").is_file():
        return _info(state["info"])
    mark.unlink(missing_ok=True)
    (work / "tracked.json").unlink(missing_ok=True)
    _check_length(video, probe(video).duration or None)
    info = normalise(video, work / "footage.mp4", work / "heard.wav", progress, longest=MOST_SECONDS)
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


# --- sound --------------------------------------------------------------------------------------------------


def _check_length(video: Path, seconds: float | None) -> None:
    if seconds is not None and seconds < LEAST_SECONDS:
        raise AvatarError(
            f"{video.name} lasts {seconds:.1f} s; at least {LEAST_SECONDS:.0f} s are needed.",
            "Film about a minute in one go.",
        )


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
    peak = float(np.abs(samples).max(initial=0.0))
    if peak < 0.003:
        raise AvatarError(
            f"The sound is silent from 0 s to {len(samples) / SAMPLE_RATE:.1f} s (its peak is {peak:.4f} of 1).",
            "Check the microphone and film again.",
        )
    speaking = speech_windows(samples)
    seconds = float(speaking.sum() * WINDOW_SECONDS)
    if seconds < LEAST_SPEECH_SECONDS:
        raise AvatarError(
            f"There are {seconds:.1f} s of speech in {len(samples) / SAMPLE_RATE:.1f} s{_quietest(speaking)}; "
            f"at least {LEAST_SPEECH_SECONDS:.0f} s are needed.",
            "Film the presenter speaking for a minute, near the microphone.",
        )
    clipped = float(np.mean(np.abs(samples) > 0.995))
    if clipped > 1e-3:
        warnings.append(f"The sound is overdriven ({clipped:.1%} of its samples are clipped).")
    distance = _above_noise(samples, speaking)
    if distance < 15.0:
        warnings.append(f"The room is loud: speech is only {distance:.0f} dB above it.")
    return seconds


def _quietest(speaking: Bools) -> str:
    start, stop = max(_runs(~speaking), key=lambda run: run[1] - run[0], default=(0, 0))
    if stop - start < 64:
        return ""
    return f" (none from {start * WINDOW_SECONDS:.1f} s to {stop * WINDOW_SECONDS:.1f} s)"


def _above_noise(samples: FloatArray, speaking: Bools) -> float:
    """Level of speech over that of the pauses in dB; 99 when there are no pauses."""
    size = round(WINDOW_SECONDS * SAMPLE_RATE)
    count = min(len(samples) // size, len(speaking))
    power = np.mean(samples[: count * size].reshape(count, size) ** 2, axis=1)
    speaking = speaking[:count]
    if speaking.all() or not speaking.any():
        return 99.0
    return float(10 * np.log10((power[speaking].mean() + 1e-12) / (np.median(power[~speaking]) + 1e-12)))


# --- face ---------------------------------------------------------------------------------------------------


def check_face(track: FaceTrack, warnings: list[str]) -> None:
    """Refuse footage in which one face is not there, near and turned to us for nearly all of the time.

    Args:
        track: The face in every picture.
        warnings: Gets a sentence for each flaw that is put up with.

    Raises:
        AvatarError: No face, two faces, too small, turned away, or cut by the picture's edge.
    """
    if track.found.mean() < 0.02:
        raise AvatarError(
            f"No face is seen from 0 s to {len(track) / FRAME_RATE:.1f} s.",
            "Film the presenter's face from the front, in good light.",
        )
    _limit(
        track.faces >= 2,
        0.05,
        "Two or more faces are seen",
        "Film the presenter alone; cover pictures of faces behind.",
        warnings,
    )
    _limit(~track.found, 0.2, "No face is seen", "Stay in the picture, with the light in front.", warnings)
    _check_size(track)
    seen = track.found
    turned = seen & ((np.abs(track.pose[:, 0]) > MOST_YAW) | (np.abs(track.pose[:, 1]) > MOST_PITCH))
    yaw, pitch = (float(np.abs(track.pose[turned, axis]).max(initial=0.0)) for axis in (0, 1))
    _limit(
        turned,
        0.3,
        f"The face is turned away (yaw up to {yaw:.0f}, pitch up to {pitch:.0f} degrees; "
        f"{MOST_YAW:.0f} and {MOST_PITCH:.0f} are the most)",
        "Look at the camera while speaking, with the camera at eye level.",
        warnings,
    )
    lips = track.points[:, (61, 291, 152)]
    outside = (lips[:, :, 0] < 0) | (lips[:, :, 0] > track.width)
    outside |= (lips[:, :, 1] < 0) | (lips[:, :, 1] > track.height)
    _limit(
        seen & outside.any(axis=1),
        0.05,
        "Mouth or chin are outside the picture",
        "Leave room around the head.",
        warnings,
    )


def _check_size(track: FaceTrack) -> None:
    height = np.linalg.norm(track.points[:, 10, :2] - track.points[:, 152, :2], axis=1)
    usual = float(np.median(height[track.found]))
    if usual < LEAST_FACE_PIXELS:
        first = int(np.argmax(track.found & (height < LEAST_FACE_PIXELS)))
        raise AvatarError(
            f"The face is too small: {usual:.0f} pixels from forehead to chin (from {first / FRAME_RATE:.1f} s "
            f"on); {LEAST_FACE_PIXELS:.0f} is the least.",
            "Go nearer, zoom in, or film at a higher resolution: head and shoulders should fill the picture.",
        )


def _limit(flawed: Bools, most: float, what: str, advice: str, warnings: list[str]) -> None:
    """Refuse when more than the share ``most`` of the pictures is flawed, warn when half a second is."""
    if not flawed.any():
        return
    start, stop = max(_runs(flawed), key=lambda run: run[1] - run[0])
    share = float(flawed.mean())
    said = f"{what} in {share:.0%} of the clip, longest from {start / FRAME_RATE:.1f} s to {stop / FRAME_RATE:.1f} s."
    if share > most:
        raise AvatarError(said, advice)
    if flawed.sum() >= FRAME_RATE // 2:
        warnings.append(said)


def _runs(flags: Bools) -> Iterable[tuple[int, int]]:
    """Start and end (exclusive) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)


# --- sound against mouth ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """Sound put in step: ``samples``, what the source was, what is left, and whether anything was done."""

    samples: FloatArray
    source: Sync
    left: Sync
    corrected: bool
    warnings: tuple[str, ...]


def put_in_step(samples: FloatArray, opening: FloatArray, found: Bools) -> Step:
    """Measure the sound against the mouth and take out offset and drift where they are clear.

    Args:
        samples: float32, mono at `SAMPLE_RATE`.
        opening: float32 (n,), `avatar_engine.clone.sync.mouth_opening` of every picture.
        found: bool (n,), which pictures count.

    Raises:
        AvatarError: The sound is not of this mouth, or slides by more than can be mended.
    """
    source = measure(samples, opening, found)
    seconds = len(opening) / FRAME_RATE
    slide = source.drift_ms_per_minute * seconds / 60
    if source.clarity < NOTHING and source.correlation < 0.25:
        raise AvatarError(
            f"From 0 s to {seconds:.0f} s the mouth does not follow the sound (correlation "
            f"{source.correlation:.2f}): it is another voice, or more than {LARGEST_OFFSET_MS:.0f} ms away.",
            "Use the camera's own sound, or line the sound up in a video editor.",
        )
    unmended = correct(samples, replace(source, offset_ms=0.0, drift_ms_per_minute=0.0), len(opening))
    if source.clarity < CLEAR:
        doubt = (
            f"Whether the sound is in step could not be told for sure (offset {source.offset_ms:+.0f} ms, "
            f"correlation {source.correlation:.2f}); it was left as it is."
        )
        return Step(unmended, source, source, False, (doubt,))
    if abs(slide) > MOST_SLIDE_MS:
        raise AvatarError(
            f"The sound slides against the picture by {slide:+.0f} ms from 0 s to {seconds:.0f} s.",
            "Export the clip again with one constant sound rate, or use the camera's own sound.",
        )
    if abs(source.offset_ms) <= 1000 / FRAME_RATE and abs(slide) <= 2000 / FRAME_RATE:
        return Step(unmended, source, source, False, _uneven(source))
    return _mended(samples, source, opening, found)


def _mended(samples: FloatArray, source: Sync, opening: FloatArray, found: Bools) -> Step:
    mended = correct(samples, source, len(opening))
    left = measure(mended, opening, found)
    side = "late" if source.offset_ms > 0 else "early"
    said = (
        f"The sound came {abs(source.offset_ms):.0f} ms too {side} and drifted by "
        f"{source.drift_ms_per_minute:+.0f} ms a minute; it was put in step "
        f"({left.offset_ms:+.0f} ms and {left.drift_ms_per_minute:+.0f} ms are left)."
    )
    return Step(mended, source, left, True, (said, *_uneven(left)))


def _uneven(sync: Sync) -> tuple[str, ...]:
    """Stretches that stand apart from the clip's line: a cut in the sound, or sound of something else."""
    out = []
    best = max((window.correlation for window in sync.windows), default=0.0)
    for window in sync.windows:
        stop = window.start + SyncWindow.SECONDS
        if window.correlation < 0.4 * best:
            out.append(f"From {window.start:.0f} s to {stop:.0f} s the mouth does not follow the sound.")
        elif window.correlation > 0.6 * best and abs(window.lag_ms) > 100:
            out.append(
                f"From {window.start:.0f} s to {stop:.0f} s the sound is {window.lag_ms:+.0f} ms off the rest."
            )
    return tuple(out)


def _in_step(samples: FloatArray, track: FaceTrack, progress: Progress) -> Step:
    progress("sync", 0.0)
    step = put_in_step(samples, mouth_opening(track.points), track.found)
    progress("sync", 1.0, f"{step.source.offset_ms:+.0f} ms")
    return step
