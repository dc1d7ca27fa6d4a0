"""A drawn presenter's clip, consent and clone, as a user would make them on the command line."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

ENGINE = Path(sys.executable).parent / "avatar-engine"
ROOT = Path(__file__).parents[1]

PATIENCE = 1800.0
"""Seconds for a clone that is made at a low priority beside all other tests."""


def engine(*arguments: str | Path, timeout: float = 600) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would."""
    words = [str(word) for word in (ENGINE, *arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=timeout, check=False)


def cloned(folder: Path) -> Path:
    """Put ``minute.mp4``, ``consent.toml`` and ``drawn.avatar`` with its report into a folder that lacks them."""
    clip, agreed, avatar = folder / "minute.mp4", folder / "consent.toml", folder / "drawn.avatar"
    if avatar.exists():
        return folder
    draw = [sys.executable, str(ROOT / "scripts" / "synthetic_presenter.py"), "-o", str(clip)]
    subprocess.run([*draw, "--seconds", "40", "--size", "640x360"], check=True, capture_output=True)
    who = ("--presenter", "Drawn Person", "--technician", "Test", "--until", "2099-12-31", "--force")
    signed = engine("consent", "new", clip, "-o", agreed, *who, "--use", "live-shopping", "--language", "en")
    assert signed.returncode == 0, signed.stderr
    made = engine("clone", clip, "-o", avatar, "--consent", agreed, "--budget", "90s", timeout=PATIENCE)
    assert made.returncode == 0, made.stderr
    return folder


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and what was started ends, too
    cloned(Path(sys.argv[1]))
