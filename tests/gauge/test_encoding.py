"""Encoders that are here are measured, those that are not are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from avatar_engine.broadcast.codecs import opens, usable
from avatar_engine.broadcast.spec import ProgrammeFormat
from avatar_engine.errors import AvatarError
from avatar_engine.gauge import encoding

SIZE = (320, 180)


def test_the_processors_encoder_is_measured_on_real_pictures(plain_clip: Path, monkeypatch):
    monkeypatch.setattr(encoding, "PICTURES", 25)
    pictures = encoding.pictures_of(plain_clip, SIZE, 10)
    assert len(pictures) == 10 and pictures[0].shape == (270, 320)
    found = encoding.taken(ProgrammeFormat(*SIZE, metadata={"comment": "m"}), "libx264", pictures)
    assert found.encoder == "libx264" and found.size == SIZE
    assert 0 < found.cores < 1 and found.milliseconds > 0 and found.share == 0


def test_what_can_not_be_opened_is_not_usable():
    programme = ProgrammeFormat(*SIZE)
    assert usable(programme)[-1] == "libx264" and opens(programme, "libx264")
    assert not opens(programme, "no_such_encoder")
    if not opens(programme, "h264_nvenc"):
        assert usable(programme) == ["libx264"] and encoding.sessions_of(SIZE) == 0


def test_a_clone_without_footage_is_told(tmp_path: Path):
    with pytest.raises(AvatarError):
        encoding.measured(tmp_path / "no.avatar", [SIZE])
