"""The clone's report: figures as JSON, and one HTML page that needs no other file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from avatar_engine import __version__
from avatar_engine.clone import plots, voice_report
from avatar_engine.clone.intake import Intake
from avatar_engine.clone.voice_job import VoiceOutcome
from avatar_engine.contracts import FRAME_RATE
from avatar_engine.device import Device
from avatar_engine.lips.measure import LipsScores
from avatar_engine.pages import page as pages
from avatar_engine.stage.fit import BakedBody
from avatar_engine.trust.consent import SignedConsent

LEAST_CORRELATION, SPREAD, LEAST_PSNR = 0.78, (0.85, 1.15), 33.0
"""What a clone should reach on its held-out fifth; a card of the page is green where it does."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that a report tells about a finished clone.

    Attributes:
        name: The clone's name.
        clip: What intake found.
        lips: Lips on the held-out frames.
        voice: The voice and its scores on held-out speech.
        body: The baked body.
        consent: Whose consent it carries.
        seconds: Seconds spent, by stage.
        device: What it was fitted on.
        peak_memory_mb: Peak resident memory of the clone's processes together.
    """

    name: str
    clip: Intake
    lips: LipsScores
    voice: VoiceOutcome
    body: BakedBody
    consent: SignedConsent
    seconds: Mapping[str, float]
    device: Device
    peak_memory_mb: float


def figures(found: Findings) -> dict[str, Any]:
    """The report as JSON."""
    lips = found.lips
    return {
        "name": found.name,
        "engine": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "held_out_seconds": len(lips.real_opening) / FRAME_RATE,
        "lips": {
            "opening_correlation": float(lips.driven.correlation),
            "spread_ratio": float(lips.driven.spread),
            "psnr_sound": float(lips.driven.psnr),
            "psnr_painted": float(lips.painted.psnr),
            **lips.figures(),
        },
        "voice": voice_report.figures(found.voice.pack.language, found.voice.scores),
        "body": found.body.report(),
        "clip": _clip(found.clip),
        "warnings": list(found.clip.warnings),
        "seconds": dict(found.seconds),
        "device": found.device.name,
        "peak_memory_mb": found.peak_memory_mb,
    }


def page(found: Findings, report: Mapping[str, Any]) -> str:
    """The report as one self-contained HTML page."""
    lips = found.lips
    return pages.page(
        "avatar_engine.clone",
        "report.html.j2",
        report=report,
        cards=_cards(report),
        pairs=_pairs(lips),
        facts=_facts(found),
        voice=voice_report.section(report["voice"], found.voice.examples),
        plots={
            "opening": plots.opening(lips.real_opening, lips.driven_opening, lips.first),
            "track": plots.track(found.clip.track),
            "time": plots.time_spent(found.seconds),
        },
    )


def _clip(clip: Intake) -> dict[str, Any]:
    """What the minute was like, in figures."""
    track = clip.track
    return {
        "picture": f"{clip.info.width}x{clip.info.height}, {clip.info.frame_rate:.2f} fps",
        "seconds": len(track) / FRAME_RATE,
        "speech_seconds": clip.speech_seconds,
        "face_found": float(track.found.mean()),
        "face_width_px": float(np.median(np.ptp(track.points[:, :, 0], axis=1))),
        "sound_offset_ms": clip.offset_ms,
        "sound_drift_ms_per_minute": clip.drift_ms_per_minute,
        "sound_corrected": clip.corrected,
    }


def _cards(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    lips = report["lips"]
    correlation, spread, psnr = lips["opening_correlation"], lips["spread_ratio"], lips["psnr_sound"]
    rows: list[tuple[str, str, str, bool | None]] = [
        ("mouth opening correlation", f"{correlation:.2f}", f"≥ {LEAST_CORRELATION}", correlation >= LEAST_CORRELATION),
        ("spread of the opening", f"{spread:.2f}", f"{SPREAD[0]} to {SPREAD[1]}", SPREAD[0] <= spread <= SPREAD[1]),
        ("mouth pictures (PSNR)", f"{psnr:.1f} dB", f"≥ {LEAST_PSNR:.0f} dB", psnr >= LEAST_PSNR),
    ]  # fmt: skip
    rows += [(one.label, one.shown, one.goal, one.met) for one in voice_report.judged(report["voice"])]
    return [
        {"what": what, "value": value, "goal": goal, "good": bool(good)} for what, value, goal, good in rows
    ]


def _pairs(lips: LipsScores) -> list[dict[str, str]]:
    indexes = np.linspace(0, len(lips.real_opening) - 1, len(lips.pairs))
    return [
        {"image": pages.jpeg(pair), "time": f"{(lips.first + index) / FRAME_RATE:.1f} s"}
        for pair, index in zip(lips.pairs, indexes, strict=True)
    ]


def _facts(found: Findings) -> list[tuple[str, str]]:
    agreed = found.consent.consent
    clip = [(what.replace("_", " "), _plain(value)) for what, value in _clip(found.clip).items()]
    return [
        *clip,
        ("device", f"{found.device.name}, {found.device.cores} cores"),
        ("presenter", agreed.presenter),
        ("agreed uses", ", ".join(agreed.uses)),
        ("agreed languages", ", ".join(agreed.languages)),
        ("agreed until", str(agreed.valid_until)),
        ("signed by", f"{agreed.technician}, key {found.consent.key_id}"),
    ]


def _plain(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)
