"""Is what the receiver got whole and in step?

    python benchmarks/received.py recording.flv --json received.json
    python benchmarks/received.py recording.flv --flash        # the test programme: a flash and a beep a second
    python benchmarks/received.py recording.flv --lips 60      # a presenter: the mouth itself against the sound

From the timestamps: pictures a second, missing and repeated presentation times, gaps in the sound, and how far
the sound's end is from the pictures' at the start and the end of the recording. With ``--flash`` the
pictures and the sound themselves are measured: the time of each white picture against its beep. With ``--lips``
the landmarker finds the mouth in the first and the last seconds, and its opening is compared with the sound, as
`avatar_engine.clone.sync` does for a presenter's clip; the mouth of a clone follows the sound that drove it, so this
also tells of lips that are early or late by themselves. Memory stays flat however long the recording is, but for the
sound with ``--lips``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import av
import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from avatar_engine.clone.sync import measure, mouth_opening
from avatar_engine.contracts import FRAME_RATE, SAMPLES_PER_FRAME, FloatArray, Progress, silent
from avatar_engine.face.track import POINTS, Landmarker
from avatar_engine.media.read import frame_count, frames, sound

_SLACK = 0.002
"""Seconds: FLV counts in milliseconds, and 1024 samples at 48 kHz are no whole number of them."""


@dataclass(frozen=True)
class Timing:
    """A recording, judged by its timestamps.

    Attributes:
        seconds: From the first picture to the end of the last.
        pictures: How many.
        fps: Pictures over seconds.
        missing: Pictures that a steady 25 a second would have had and that are not there.
        repeated: Presentation times that came twice or went back.
        longest_gap_ms: The longest step from picture to picture.
        sound_gaps: Places where the sound does not join up.
        sound_missing_ms: All such gaps together.
        start_offset_ms: First sound less first picture.
        end_offset_ms: End of the sound less end of the pictures; up to a sound packet (21 ms) and one
            picture (40 ms) is only where the recording was cut.
        drift_ms: Sound carried less picture time carried, where both have begun: what a player would
            drift by the end.
        jitter_ms: Largest difference of a picture's time from the steady grid.
    """

    seconds: float
    pictures: int
    fps: float
    missing: int
    repeated: int
    longest_gap_ms: float
    sound_gaps: int
    sound_missing_ms: float
    start_offset_ms: float
    end_offset_ms: float
    drift_ms: float
    jitter_ms: float


@dataclass(frozen=True)
class Flashes:
    """A recording of the flash-and-beep programme; times are beep less flash in milliseconds."""

    count: int
    first_ms: float
    last_ms: float
    mean_ms: float
    worst_ms: float


@dataclass(frozen=True)
class Lips:
    """How the mouth and the sound of a stretch go together; see `avatar_engine.clone.sync.Sync`.

    Attributes:
        offset_ms: How much later the sound comes than the mouth.
        correlation: Of the mouth's opening with that regressed from the sound.
        clarity: How far that is above strange sound; an offset below 4 means nothing.
    """

    offset_ms: float
    correlation: float
    clarity: float


@dataclass
class _Times:
    """Presentation times of one stream, seconds, with the duration of each packet of sound."""

    pts: list[float] = field(default_factory=list)
    length: list[float] = field(default_factory=list)


def timing(path: Path) -> Timing:
    """Read the packets of a recording; nothing is decoded."""
    video, audio = _Times(), _Times()
    with av.open(str(path)) as container:
        if not container.streams.video or not container.streams.audio:
            raise typer.BadParameter(f"{path} lacks pictures or sound")
        rate = container.streams.audio[0].codec_context.sample_rate
        for packet in container.demux(container.streams.video[0], container.streams.audio[0]):
            if packet.pts is None:
                continue
            times = video if packet.stream.type == "video" else audio
            times.pts.append(float(packet.pts * packet.time_base))
            times.length.append(1024 / rate if times is audio else 1 / FRAME_RATE)
    return judge(np.array(video.pts), np.array(audio.pts), np.array(audio.length))


def judge(
    video: np.ndarray[Any, np.dtype[np.float64]],
    audio: np.ndarray[Any, np.dtype[np.float64]],
    length: np.ndarray[Any, np.dtype[np.float64]],
) -> Timing:
    """The figures of presentation times in seconds (one a picture; one a packet of sound, with its length)."""
    if not len(video) or not len(audio):
        raise typer.BadParameter("there is nothing in the recording")
    steps = np.diff(video)
    grid = np.round((video - video[0]) * FRAME_RATE)
    picture_end, sound_end = video[-1] + 1 / FRAME_RATE, audio[-1] + length[-1]
    gaps = audio[1:] - (audio[:-1] + length[:-1])
    gap = gaps[np.abs(gaps) > _SLACK]
    seconds = picture_end - video[0]
    lost = np.round(steps * FRAME_RATE) - 1
    carried = float(length.sum()) - (sound_end - audio[0])
    return Timing(
        seconds=round(float(seconds), 3),
        pictures=len(video),
        fps=round(len(video) / float(seconds), 3),
        missing=int(lost[lost > 0].sum()),
        repeated=int((steps <= 0.001).sum()),
        longest_gap_ms=_ms(steps.max() if len(steps) else 0.0),
        sound_gaps=len(gap),
        sound_missing_ms=_ms(gap[gap > 0].sum()),
        start_offset_ms=_ms(audio[0] - video[0]),
        end_offset_ms=_ms(sound_end - picture_end),
        drift_ms=_ms(carried),
        jitter_ms=_ms(np.abs(video - video[0] - grid / FRAME_RATE).max()),
    )


def flashes(path: Path) -> Flashes:
    """Decode a recording of the test programme and compare each flash with its beep."""
    flash, beep = np.array(list(_flash_times(path))), np.array(list(_beep_times(path)))
    if not len(flash) or not len(beep):
        raise typer.BadParameter(f"no flash or no beep in {path}")
    nearest = np.array([beep[np.abs(beep - f).argmin()] - f for f in flash])
    # The first beep of a recording may be cut: an AAC decoder fades in over its first packet.
    pairs = 1000 * nearest[(np.abs(nearest) < 0.5) & (flash - flash[0] > 0.2)]
    if not len(pairs):
        raise typer.BadParameter(f"no flash has a beep near it in {path}")
    return Flashes(
        count=len(pairs),
        first_ms=round(float(np.median(pairs[:5])), 2),
        last_ms=round(float(np.median(pairs[-5:])), 2),
        mean_ms=round(float(pairs.mean()), 2),
        worst_ms=round(float(np.abs(pairs).max()), 2),
    )


def lips(path: Path, seconds: float) -> tuple[Lips, Lips]:
    """The mouth against the sound in the first and the last ``seconds``."""
    samples, pictures = sound(path), frame_count(path)
    length = min(pictures, round(seconds * FRAME_RATE))
    with Landmarker(faces=1) as landmarker:
        first, last = (_compared(path, samples, at, length, landmarker) for at in (0, pictures - length))
    return first, last


def stretches(
    path: Path, seconds: float, every: float, progress: Progress = silent
) -> list[tuple[float, Lips]]:
    """The same in the first ``seconds`` of each ``every`` seconds, each with the second at which it begins."""
    samples, pictures = sound(path), frame_count(path)
    length, found = round(seconds * FRAME_RATE), []
    starts = range(0, max(1, pictures - length + 1), round(every * FRAME_RATE))
    with Landmarker(faces=1) as landmarker:
        for first in starts:
            found.append((first / FRAME_RATE, _compared(path, samples, first, length, landmarker)))
            progress("mouth", len(found) / len(starts), f"{first / FRAME_RATE / 60:.0f} min")
    return found


def _compared(path: Path, samples: FloatArray, first: int, length: int, landmarker: Landmarker) -> Lips:
    """The mouth against the sound in ``length`` pictures from ``first``."""
    faces = [landmarker.detect(picture) for picture in frames(path, first, first + length, "rgb24")]
    seen = np.array([bool(face) for face in faces])
    nobody = np.zeros((POINTS, 3), np.float32)
    opening = mouth_opening(np.stack([face[0][0] if face else nobody for face in faces]))
    part = samples[first * SAMPLES_PER_FRAME : (first + len(faces)) * SAMPLES_PER_FRAME]
    sync = measure(part, opening, seen)
    return Lips(*(round(v, 2) for v in (sync.offset_ms, sync.correlation, sync.clarity)))


def _flash_times(path: Path) -> Iterator[float]:
    """Times of the pictures that are white after one that is not."""
    white = True
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.video[0]):
            now = float(frame.to_ndarray(format="gray")[::8, ::8].mean()) > 150
            if now and not white:
                yield float(frame.time)
            white = now


def _beep_times(path: Path) -> Iterator[float]:
    """Times at which it becomes loud after a fifth of a second of quiet."""
    quiet_since = -1.0
    with av.open(str(path)) as container:
        for frame in container.decode(container.streams.audio[0]):
            if frame.time is None:
                continue
            samples = np.abs(frame.to_ndarray()[0])
            for k in np.flatnonzero(samples > 0.15):
                now = float(frame.time) + float(k) / frame.sample_rate
                if now - quiet_since > 0.2:
                    yield now
                quiet_since = now


def _ms(seconds: float) -> float:
    return round(1000 * float(seconds), 2)


def main(
    video: Annotated[Path, typer.Argument(help="What the receiver recorded.", exists=True)],
    flash: Annotated[bool, typer.Option(help="It is the flash-and-beep programme: measure both.")] = False,
    lips_seconds: Annotated[
        float | None,
        typer.Option("--lips", min=20.0, help="Measure the mouth in so many first and last seconds."),
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Where the figures are written.")] = None,
) -> None:
    """Measure a received recording."""
    figures = asdict(timing(video))
    if flash:
        figures |= {f"flash_{k}": v for k, v in asdict(flashes(video)).items()}
    if lips_seconds is not None:
        for name, part in zip(("start", "end"), lips(video, lips_seconds), strict=True):
            figures |= {f"lips_{name}_{k}": v for k, v in asdict(part).items()}
    table = Table("figure", "value", title=str(video))
    for name, value in figures.items():
        table.add_row(name, str(value))
    Console().print(table)
    if json_file:
        json_file.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
