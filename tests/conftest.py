"""Fixtures that every room's tests may use, small media made by code, once a session; and which tests may run at once.

``make test`` gives the files to two workers. Shows go on air in real time, in several processes each: they share one
worker, which begins with them, so that never two of them want the same cores.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.media.clips import Clip, make

IN_REAL_TIME = (
    "tests/test_end_to_end.py",
    "tests/live/",
    "tests/broadcast/",
)
"""Tests of shows that are on air, and of what is timed as they are."""


class Files(LoadScopeScheduling):
    """A worker takes a file's tests as a whole, whose fixtures are then made once; those in real time are one piece."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return "in real time" if file.startswith(IN_REAL_TIME) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Files:
    config.option.loadscopereorder = False  # not by their number: the order of collection is the better one
    return Files(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that no worker is left alone with it at the end."""
    items.sort(key=lambda item: not item.nodeid.startswith(IN_REAL_TIME))


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
