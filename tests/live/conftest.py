"""A bundle with a real, signed consent and a real voice's name, and a stand-in for the presenter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from avatar_engine.bundle import BundleWriter
from avatar_engine.live import performer as performers
from avatar_engine.live import renderer_process, voice_process
from avatar_engine.trust import consent, keys, presenter
from avatar_engine.voice.pack import VoicePack
from tests.live import fakes, voices


@pytest.fixture
def avatar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Makes an avatar that may speak the languages given; show and say find the stand-ins.

    With ``code`` the presenter signs the consent, too; ``more`` goes into it.
    """
    monkeypatch.setattr(keys, "config_folder", lambda: tmp_path / "config")
    (tmp_path / "config").mkdir()
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"the clip")
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(performers, "load", fakes.load)
    monkeypatch.setattr(renderer_process, "load_performer", fakes.load)
    monkeypatch.setattr(voice_process, "load_voice", voices.tone_voice)

    def make(languages: tuple[str, ...] = ("en",), code: str = "", **more: Any) -> Path:
        signed = consent.new(
            clip,
            presenter="Marie Test",
            uses=["live-shopping"],
            languages=languages,
            valid_until=date.today() + timedelta(days=2),
            technician="A. Tester",
            output=tmp_path / "consent.toml",
            presenter_signs=presenter.key_of(code) if code else None,
            **more,
        )
        path = tmp_path / "marie.avatar"
        made = {"source_sha256": signed.consent.clip_sha256}
        with BundleWriter(path, name="marie", made=made, consent=signed) as writer:
            VoicePack.stock("af_heart").save(writer)
        return path

    return make
