from __future__ import annotations

from pathlib import Path

import pytest

from avatar_engine.clone.report import Findings
from avatar_engine.trust import keys
from tests.clone.findings import findings, signed


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Findings:
    """The findings of a clone, with a consent that was really signed."""
    folder = tmp_path / "config"
    folder.mkdir()
    monkeypatch.setattr(keys, "config_folder", lambda: folder)
    return findings(signed(tmp_path))
