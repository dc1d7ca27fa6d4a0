"""Fixtures that every room's tests may use: small media made by code, once a session."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.media.clips import Clip, make

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")  # the machine may be busy


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session's clips lie; tests must not change what is in it."""
    return tmp_path_factory.mktemp("clips")


@pytest.fixture(scope="session")
def plain_clip(clip_folder: Path) -> Path:
    """Three seconds of 160 x 120 at 25 fps with a burst of sound and a flash every second."""
    return make(clip_folder / "plain.mp4", Clip())


@pytest.fixture(scope="session")
def media_folder() -> Path:
    """Real recordings for measuring; tests that want them are skipped where they are not."""
    folder = Path(os.environ.get("AVATAR_ENGINE_MEDIA", Path(__file__).parents[2] / "shared" / "media"))
    if not folder.is_dir():
        pytest.skip("no real recordings here (AVATAR_ENGINE_MEDIA)")
    return folder
