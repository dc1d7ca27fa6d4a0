"""From one minute of video to a bundle: the stages, their order, their budget, and how they resume.

Lips and voice are fitted at the same time, the voice in a process of its own on the second core. Every stage keeps
what it made in the working folder beside the output, so that the same command goes on after a stop.
"""

from __future__ import annotations

import json
import logging
import resource
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from avatar_engine import device as devices
from avatar_engine import models
from avatar_engine.bundle import BundleWriter
from avatar_engine.clone import intake as intakes
from avatar_engine.clone import report as reports
from avatar_engine.clone import working
from avatar_engine.clone.voice_job import VoiceJob, VoiceOutcome
from avatar_engine.contracts import FRAME_RATE, SAMPLES_PER_FRAME, Progress, silent
from avatar_engine.errors import AvatarError
from avatar_engine.face.person import WEIGHTS as MATTE_WEIGHTS
from avatar_engine.lips import fit as lips_fit
from avatar_engine.lips import measure as lips_measure
from avatar_engine.lips.drive import drives
from avatar_engine.lips.placement import PLACEMENT_PART
from avatar_engine.media.read import i420
from avatar_engine.media.read import sound as read_sound
from avatar_engine.stage import cutout as cutouts
from avatar_engine.stage import fit as stage_fit
from avatar_engine.trust import consent as consents
from avatar_engine.trust.clearance import Clearance
from avatar_engine.trust.register import Register
from avatar_engine.voice.room import RoomTone

log = logging.getLogger(__name__)

HELD_OUT = 0.2
"""Share of the clip, at its end, that is never fitted and on which the clone is measured."""

MATTE_SHARE = 6.6
"""What a matte takes, in lengths of the clip: 263 ms a picture of 720p."""

ROOM_FOR_MATTE = 840.0
"""Seconds that the fits must keep for a matte that nobody asked for: lips gain for so long, and a matte can follow."""

LEAST_FIT_SECONDS = 45.0
"""A fit shorter than this gives no usable mouth or voice, whatever the budget says."""


@dataclass(frozen=True, slots=True)
class CloneOptions:
    """How a clone is made.

    Attributes:
        budget: Seconds for the whole clone; intake and measuring are taken from it, the fits get the rest.
        device: ``auto``, ``cpu`` or ``cuda``.
        language: What the presenter speaks, or ``auto``.
        keep_work: Keep the working folder after success.
        matte: Cut the presenter out, so that the background can be changed; None does so where the budget has room.
    """

    budget: float = 1200.0
    device: str = "auto"
    language: str = "auto"
    keep_work: bool = False
    matte: bool | None = None


@dataclass(frozen=True, slots=True)
class CloneResult:
    """What `clone_presenter` made."""

    bundle: Path
    report_html: Path
    report_json: Path
    report: dict[str, Any]

    def summary(self) -> str:
        """The few lines that a technician wants to see at the end."""
        lips, voice = self.report["lips"], self.report["voice"]
        return (
            f"Clone:  {self.bundle} ({self.bundle.stat().st_size / 1e6:.1f} MB)\n"
            f"Lips:   opening correlation {lips['opening_correlation']:.2f}, spread {lips['spread_ratio']:.2f}, "
            f"mouth {lips['psnr_sound']:.1f} dB (on {self.report['held_out_seconds']:.0f} s never fitted)\n"
            f"Voice:  {voice['share_of_way']:.0%} of the way from a stranger's to the person's own, "
            f"word errors {voice['word_error_rate']:.1%}\n"
            f"Report: {self.report_html}"
        )


@dataclass(slots=True)
class Stopwatch:
    """Seconds spent in each stage, kept in the working folder so that a resumed clone reports its whole cost."""

    file: Path
    seconds: dict[str, float] = field(default_factory=dict)

    @classmethod
    def at(cls, file: Path) -> Stopwatch:
        return cls(file, json.loads(file.read_text()) if file.exists() else {})

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started
            self.file.write_text(json.dumps(self.seconds))


def clone_presenter(
    video: Path,
    output: Path,
    consent: Path,
    options: CloneOptions = CloneOptions(),
    progress: Progress = silent,
) -> CloneResult:
    """Build ``output`` (NAME.avatar) from ``video`` with the presenter's signed ``consent``.

    Returns:
        Where the bundle and its report are.

    Raises:
        AvatarError: The consent does not cover this clip today, the clip is no good, or weights are missing.
    """
    started = time.monotonic()
    _refuse_early(video, output, options.matte)
    signed = consents.load(consent)
    source = consents.clip_sha256(video)
    consents.check(signed, clip_sha256=source)
    Clearance(signed).check()
    register = Register(signed)
    register.note("clip", video, whole=True)
    register.note("consent", consent, whole=True)
    register.note("work", working.work_of(output))
    device = devices.choose(options.device)
    beside = replace(device, threads=max(1, device.cores - 1))  # the voice has a core of its own
    work = _work_folder(output, source)
    watch = Stopwatch.at(work / "seconds.json")

    with watch.stage("intake"):
        clip = intakes.intake(video, work, progress)
    frames = len(clip.track.found)
    train = range(round(frames * (1 - HELD_OUT)))
    samples = read_sound(clip.sound)[: frames * SAMPLES_PER_FRAME]
    left = _fit_share(options.budget, time.monotonic() - started, frames)
    matte = _wants_matte(options.matte, left, frames)
    fit_budget = max(LEAST_FIT_SECONDS, left - matte * MATTE_SHARE * frames / FRAME_RATE)

    job = VoiceJob(
        clip.sound, len(train) * SAMPLES_PER_FRAME, options.language, fit_budget, device, work / "voice",
        signed.consent.languages,
    )  # fmt: skip
    with job.running(progress) as voice_running:
        with watch.stage("lips"):
            lips = lips_fit.fit(
                clip.footage,
                samples,
                clip.track,
                train=train,
                device=beside,
                budget=fit_budget,
                work=work / working.LIPS,
                echoes=lambda: voice_running.fitted().echoes,
                progress=voice_running.watched,
            )
        with watch.stage("body"):
            body = stage_fit.fit(clip.footage, clip.track, work / "body", voice_running.watched)
        with watch.stage("measure"):
            given = drives(i420(clip.footage), samples, clip.track, lips)
            scores = lips_measure.score(
                clip.footage,
                samples,
                clip.track,
                lips,
                range(len(train), frames),
                given,
                progress=voice_running.watched,
            )
        cut_out = None
        if matte:
            reels = [reel for reel in (body.video, body.joins) if reel is not None]
            with watch.stage("matte"):
                cut_out = cutouts.bake(reels, work / "matte", progress=voice_running.watched)
        voice: VoiceOutcome = voice_running.result()
    watch.seconds["voice"] = voice.seconds

    found = reports.Findings(
        output.stem, clip, scores, voice, body, signed, watch.seconds, device, _peak_memory_mb()
    )
    report = reports.figures(found)
    html = reports.page(found, report)
    made = {
        "source_sha256": source,
        "source_name": video.name,
        "options": asdict(options),
        "device": asdict(device),
    }
    with BundleWriter(output, name=output.stem, made=made, consent=signed) as writer:
        lips.save(writer)
        voice.pack.save(writer)
        RoomTone.of(samples).save(writer)
        body.save(writer)
        if cut_out is not None:
            cut_out.save(writer)
        writer.add_tensors(PLACEMENT_PART, {"offsets": lips.placement.of_body(given.placed, body.source)})
        writer.add_json("report/report.json", report)
        writer.add_bytes("report/report.html", html.encode())
    result = _beside(output, report, html)
    for kind, path in (("avatar", output), ("report", result.report_html), ("report", result.report_json)):
        register.note(kind, path, whole=True)
    if not options.keep_work:
        shutil.rmtree(work)
    return result


def _refuse_early(video: Path, output: Path, matte: bool | None) -> None:
    """Everything that can be known before the first minute of work is spent."""
    if not video.is_file():
        raise AvatarError(f"There is no file {video}.", "Give the presenter's clip.")
    if output.suffix != ".avatar":
        raise AvatarError(
            f"The output {output.name!r} does not end in .avatar.", f"Write -o {output.stem}.avatar."
        )
    if not output.absolute().parent.is_dir():
        raise AvatarError(f"There is no folder {output.absolute().parent}.", "Make it first.")
    for name in ("face-landmarker", "kokoro", "whisper-base"):
        models.path(name)
    if matte:
        models.path(MATTE_WEIGHTS)


def _work_folder(output: Path, source: str) -> Path:
    """The working folder beside the output; one left by another clip is emptied."""
    return working.folder(working.work_of(output), "source.sha256", source)


def _fit_share(budget: float, spent: float, frames: int) -> float:
    """Seconds for the two parallel fits: what is left once body, measuring and report are paid for.

    Those take about four times the clip's length on two cores.
    """
    return budget - spent - 4.0 * frames / FRAME_RATE


def _wants_matte(asked: bool | None, left: float, frames: int) -> bool:
    """Whether the presenter is cut out: as asked, or where the fits keep the time that they need."""
    if asked is not None:
        return asked
    if not models.is_present(MATTE_WEIGHTS):
        log.warning("no matte: its weights are not here (avatar-engine models fetch %s)", MATTE_WEIGHTS)
        return False
    return left - MATTE_SHARE * frames / FRAME_RATE >= ROOM_FOR_MATTE


def _beside(output: Path, report: dict[str, Any], html: str) -> CloneResult:
    page, figures = output.with_suffix(".report.html"), output.with_suffix(".report.json")
    page.write_text(html, encoding="utf-8")
    figures.write_text(json.dumps(report, indent=2), encoding="utf-8")
    return CloneResult(output, page, figures, report)


def _peak_memory_mb() -> float:
    """Peak resident memory of this process plus that of its largest child, in MB."""
    unit = 1e6 if sys.platform == "darwin" else 1e3
    return (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    ) / unit
