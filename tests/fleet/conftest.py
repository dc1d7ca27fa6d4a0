"""A clone with a signed consent, a script and a fleet's file, for shows of stand-ins in processes of their own."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest

from avatar_engine.bundle import BundleWriter
from avatar_engine.fleet import keeper
from avatar_engine.trust import consent
from avatar_engine.voice.pack import VoicePack

ROOT = Path(__file__).parents[2]
PROGRAM = ("-m", "tests.studio.on_air")
"""A show of stand-ins: the real director, broadcast, senders and position."""

LINES = 200
SCRIPT = "---\nlanguage: en\n---\n\n# One\n\n" + "\n\n".join(f"Line number {n}." for n in range(LINES)) + "\n"


def until(true: Callable[[], Any], limit: float = 120.0) -> Any:
    """Wait until something holds; what it is."""
    deadline = time.monotonic() + limit
    while not (found := true()):
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.1)
    return found


def cleared(*homes: Path) -> None:
    """End whatever was started of a fleet: warden and supervisor, then runs with their keepers."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            ours = process.environ().get("AVATAR_ENGINE_HOME") in map(str, homes)
            if ours and "avatar_engine.fleet.run" in process.cmdline():
                process.kill()
    for home in homes:
        for told in home.glob("state/fleet/*/*/keeper.json"):
            keeper.end(told.parent, "none")


def shows_of(home: Path) -> set[int]:
    """Processes of shows of a home, but for senders, of which every try to connect has its own.

    The first one of a show has written its title over its environment, and is told by its session.
    """
    keepers = [json.loads(told.read_text()) for told in home.glob("state/fleet/*/*/keeper.json")]
    sessions = {told["session"] for told in keepers} - {0}
    found = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            environ, words = process.environ(), process.cmdline()
            ours = environ.get(keeper.MARK) and environ.get("AVATAR_ENGINE_HOME") == str(home)
            ours = ours or os.getsid(process.pid) in sessions
            if ours and process.status() != psutil.STATUS_ZOMBIE and not words[-1].endswith("sender.py"):
                found.add(process.pid)
    return found


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with ``marie.avatar`` and ``show.md``; processes of tests have their state in it, too."""
    monkeypatch.setenv("AVATAR_ENGINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"the clip")
    signed = consent.new(
        clip, presenter="Marie Test", uses=["live-shopping"], languages=("en",), technician="A. Tester",
        valid_until=date.today() + timedelta(days=2), output=tmp_path / "consent.toml", presenter_signs=None,
    )  # fmt: skip
    made = {"source_sha256": signed.consent.clip_sha256}
    with BundleWriter(tmp_path / "marie.avatar", name="marie", made=made, consent=signed) as writer:
        VoicePack.stock("af_heart").save(writer)
    (tmp_path / "show.md").write_text(SCRIPT)
    return tmp_path
