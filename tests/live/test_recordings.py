"""Recordings are signed when the show is over, each piece, and nothing else."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import pytest

from avatar_engine.broadcast.spec import OutputSpec
from avatar_engine.live import recordings
from avatar_engine.trust import manifest
from tests.trust.test_manifest import video

RECORD = {"avatar": "marie"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "home"))


def test_every_piece_of_this_show_is_signed_and_older_ones_and_others_are_left(tmp_path: Path) -> None:
    began = time.time() - 60
    names = ("show-001.mp4", "show-002.mp4", "show-000.mp4", "show-late.mp4", "other.mp4")
    files = {name: video(tmp_path / name) for name in names}
    os.utime(files["show-000.mp4"], (began - 3600, began - 3600))
    (tmp_path / "show-003.flv").write_bytes(b"FLV")
    goals = [OutputSpec.parse("rtmp://localhost/live/x"), OutputSpec.parse(str(tmp_path / "show.mp4"))]
    recordings.sign([*goals, OutputSpec.parse(str(tmp_path / "show.flv"))], began, RECORD)
    signed = {name for name, path in files.items() if manifest.read(path)}
    assert signed == {"show-001.mp4", "show-002.mp4"}
    found = manifest.read(files["show-002.mp4"])
    assert found and found.whole and found.record["avatar"] == "marie"


def test_a_recording_that_cannot_be_signed_is_told_and_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "show.mp4").write_bytes(b"cut off by a crash")
    with caplog.at_level(logging.WARNING):
        recordings.sign([OutputSpec.parse(str(tmp_path / "show.mp4"))], time.time() - 9, RECORD)
    assert "can't be signed" in caplog.text
    assert (tmp_path / "show.mp4").read_bytes() == b"cut off by a crash"
