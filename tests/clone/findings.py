"""The findings of a clone that was never made: every figure is known."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np

from avatar_engine.clone.intake import Intake
from avatar_engine.clone.report import Findings
from avatar_engine.clone.sync import Sync
from avatar_engine.clone.voice_job import VoiceOutcome
from avatar_engine.clone.voice_report import Example
from avatar_engine.contracts import FRAME_RATE
from avatar_engine.device import Device
from avatar_engine.lips.likeness.rows import Figures
from avatar_engine.lips.measure import LipsScores
from avatar_engine.media.probe import ClipInfo
from avatar_engine.stage.fit import BakedBody, SeamFigure
from avatar_engine.stage.graph import Graph
from avatar_engine.trust import consent
from avatar_engine.trust.consent import SignedConsent
from avatar_engine.voice.artefacts import Artefacts
from avatar_engine.voice.delivery import BINS, Delivery
from avatar_engine.voice.measure import LanguageScore, Likeness, Line, VoiceScores
from avatar_engine.voice.pack import VoicePack
from tests.clone.speaking import face_track

HELD_OUT = 2 * FRAME_RATE
OPENING = (0.1 + 0.05 * np.sin(np.arange(HELD_OUT) / 3)).astype(np.float32)


def signed(folder: Path) -> SignedConsent:
    """A real consent for a clip in ``folder``, signed with the key of `avatar_engine.trust.keys`' folder."""
    clip = folder / "take [one].mp4"
    clip.write_bytes(b"the clip")
    return consent.new(
        clip,
        presenter="Marie <Test>",
        uses=["live-shopping"],
        languages=["en"],
        valid_until=date.today() + timedelta(days=2),
        technician="A. Tester",
        output=folder / "consent.toml",
    )


def voice_scores() -> VoiceScores:
    """A voice half way to its person, that is misheard in English and understood in French, and buzzes."""
    english = (
        Line("Hello <you>.", "yellow you", 1, 2, "hello you"),
        Line("Good morning to all of you.", "good morning to all of you", 0, 6, "good morning to all of us"),
    )
    french = (Line("Bonjour à tous.", "bonjour à tous", 0, 3),)
    shares = tuple(0.25 if 10 <= tone < 14 else 0.0 for tone in range(BINS))
    return VoiceScores(
        likeness=Likeness(0.82, 0.7),
        own=Likeness(0.93, 0.9),
        strangers=Likeness(0.31, 0.2),
        unfitted=Likeness(0.5, 0.3),
        dry=Likeness(0.8, 0.69),
        share=0.5,
        judge_share=0.714,
        languages=(LanguageScore("en", 0.125, 0.125, english), LanguageScore("fr", 0.0, None, french)),
        voice=Delivery(210.0, 2.0, 11.0, -22.0, 60.0, shares, (10.0, 12.0)),
        person=Delivery(200.0, 3.0, 12.5, -30.0, 42.0, shares, (12.0, 13.0)),
        held_out=Delivery(205.0, 2.8, None, -30.5, 9.0, shares, ()),
        artefacts=Artefacts(1.2, 0.5, 14.0, -60.0, 0.0),
        person_artefacts=Artefacts(1.1, 2.0, 9.0, -45.0, 0.0),
    )


def voice_examples() -> tuple[Example, ...]:
    """A sentence in both voices, and one that the person never said."""
    tone = (0.2 * np.sin(2 * np.pi * 200 * np.arange(24_000) / 24_000)).astype(np.float32)
    return Example("Hello <you>.", "en", tone, tone * 0.5), Example("Bonjour.", "fr", None, tone)


def findings(agreed: SignedConsent) -> Findings:
    """Lips that reach their goals and a voice that does not."""
    known = {"correlation": 0.91, "spread": 1.05, "psnr": 35.5, "rest_lips": None}
    way = Figures(**(dict.fromkeys(Figures.__dataclass_fields__, 1) | known))
    pairs = [np.full((16, 48, 3), shade, np.uint8) for shade in (40, 200)]
    seams = (SeamFigure(0, 8, 90, 10, 1.2, 4.5), SeamFigure(40, 9, 50, 60, 1.7, 3.0))
    info = ClipInfo(60.0, 640, 480, 0, False, 29.97, False, 48_000, 2, "h264", "aac", "yuv420p", False, 1500)
    track = face_track(np.tile(OPENING, 3))
    return Findings(
        name="Marie & Co",
        clip=Intake(
            Path("footage.mp4"), Path("sound.wav"), info, track, 42.0, 0.0, 48.5,
            Sync(1.0, 0.0, 0.8, 9.0), True, ("The room is <loud>.",),
        ),
        lips=LipsScores(way, way, OPENING, OPENING * 0.9, 1200, 0, pairs),
        voice=VoiceOutcome(VoicePack.stock("af_heart"), voice_scores(), 300.0, voice_examples()),
        body=BakedBody(Path("body.mp4"), np.zeros((80, 2, 3), np.float32), np.arange(80, dtype=np.int32), seams,
            Graph.ring(80)),
        consent=agreed,
        seconds={"intake": 31.0, "lips": 400.0, "voice": 300.0},
        device=Device("cpu", "A processor", 2, False, False, 1),
        peak_memory_mb=1900.0,
    )  # fmt: skip
