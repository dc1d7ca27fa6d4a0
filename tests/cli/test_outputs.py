"""Outputs as the command line says them."""

from __future__ import annotations

from pathlib import Path

import pytest

from avatar_engine.cli.outputs import asked_for
from avatar_engine.errors import AvatarError


def test_every_option_is_an_output_with_its_own_settings(tmp_path: Path) -> None:
    outputs = asked_for(
        ["rtmp://a.example/live/k", str(tmp_path / "b.flv")], tmp_path / "show.mp4", 600.0, "8081", 2.5
    )
    assert [o.kind for o in outputs] == ["rtmp", "file", "file", "preview"]
    assert [o.give_up for o in outputs] == [150.0, 0, 0, 0]
    assert [o.cut for o in outputs] == [0, 0, 600.0, 0]


def test_nothing_asked_for_is_nothing() -> None:
    assert asked_for([], None, 0.0, "", 0.0) == []


def test_a_cut_without_a_recording_is_refused() -> None:
    with pytest.raises(AvatarError, match="no recording"):
        asked_for(["rtmp://a.example/live/k"], None, 600.0, "", 0.0)
