"""A bundle with a real, signed consent and a real voice's name, and a stand-in for the presenter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.bundle import BundleWriter
from avatar_engine.contracts import EXPRESSIONS, ByteArray, FloatArray
from avatar_engine.errors import AvatarError
from avatar_engine.live import performer as performers
from avatar_engine.live import voice_process
from avatar_engine.live.performer import Performer
from avatar_engine.stage.compose import Stage
from avatar_engine.trust import consent, keys
from avatar_engine.voice.pack import VoicePack
from tests.live import voices
from tests.live.fakes import NEUTRAL, Ink, LaggingMotion


class GreyBody:
    """Pictures of 64 by 48 pixels, each a little lighter than the one before."""

    def frame(self, index: int) -> tuple[ByteArray, FloatArray]:
        shade = 60 + index % 100
        return np.full((72, 64), shade, np.uint8), np.full((2, 3), shade, np.float32)

    def close(self) -> None:
        pass


@pytest.fixture
def avatar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Makes an avatar that may speak the languages given; show and say find the stand-ins."""
    monkeypatch.setattr(keys, "config_folder", lambda: tmp_path / "config")
    (tmp_path / "config").mkdir()
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"the clip")

    def load(bundle, label, size, device, expression):
        if expression not in EXPRESSIONS:
            raise AvatarError(f"There is no expression {expression!r}.", "Choose another.")
        return Performer(LaggingMotion(), Ink(), GreyBody(), Stage(size, label), NEUTRAL)

    monkeypatch.setattr(performers, "load", load)
    monkeypatch.setattr(voice_process, "load_voice", voices.tone_voice)

    def make(languages: tuple[str, ...] = ("en",)) -> Path:
        signed = consent.new(
            clip,
            presenter="Marie Test",
            uses=["live-shopping"],
            languages=languages,
            valid_until=date.today() + timedelta(days=2),
            technician="A. Tester",
            output=tmp_path / "consent.toml",
        )
        path = tmp_path / "marie.avatar"
        made = {"source_sha256": signed.consent.clip_sha256}
        with BundleWriter(path, name="marie", made=made, consent=signed) as writer:
            VoicePack.stock("af_heart").save(writer)
        return path

    return make
