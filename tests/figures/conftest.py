"""Folders of shows that are the test's own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The engine's home; its path is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="ae") as folder:
        monkeypatch.setenv("AVATAR_ENGINE_HOME", folder)
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        yield Path(folder)
