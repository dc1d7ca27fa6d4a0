"""Where the engine keeps what outlives a show, and the sockets by which running shows are reached."""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path
from typing import IO

import platformdirs

LONGEST = 100
"""Bytes of a socket's path; the system takes 107."""


def state_folder() -> Path:
    """Where shows leave what outlives them (``AVATAR_ENGINE_HOME`` overrides the user's state folder)."""
    home = os.environ.get("AVATAR_ENGINE_HOME")
    return Path(home) / "state" if home else platformdirs.user_state_path("avatar-engine")


def door_folder() -> Path:
    """Where the sockets are: the user's runtime folder, or the state folder where there is none."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.access(runtime, os.W_OK):
        return Path(runtime) / "avatar-engine"
    return state_folder() / "run"


def door_of(show: str, kind: str = "sock") -> Path:
    """A socket of a show; a long folder gets a short name for it."""
    path = door_folder() / f"{show}.{kind}"
    if len(os.fsencode(path)) > LONGEST:
        path = door_folder() / f"{hashlib.sha256(show.encode()).hexdigest()[:12]}.{kind}"
    return path


def claim(door: Path) -> IO[bytes] | None:
    """A socket's place: ours as long as this file stays open, however we end; None where another process has it.

    Raises:
        OSError: It can't be had.
    """
    door.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = door.with_suffix(".lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    except OSError:
        lock.close()
        raise
    return lock


def private(path: Path) -> None:
    """Make a socket's folder, which nobody else may enter, and make room for the socket.

    Raises:
        OSError: It can't be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.chmod(0o700)
    path.unlink(missing_ok=True)
