"""Processes that outlive the studio: begun in a session of their own, and told again by number and birth."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from avatar_engine import birth

_children: dict[int, subprocess.Popen[bytes]] = {}


def begin(
    command: Sequence[str], folder: Path, log: Path, told: str = "", low: bool = False
) -> tuple[int, float]:
    """Start a process that stays when this one goes.

    Args:
        command: Program and arguments.
        folder: Where it runs.
        log: Takes its output.
        told: What it reads on its standard input, for what no list of processes may show.
        low: Whether it yields to shows.

    Returns:
        Its number, and its birth (`avatar_engine.birth`): the two that tell it from all others.

    Raises:
        OSError: It can't be started.
    """
    with log.open("ab") as out:
        child = subprocess.Popen(
            [*command], cwd=folder, stdin=subprocess.PIPE, stdout=out, stderr=out, start_new_session=True
        )
    if low:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, child.pid, 10)
    born = birth.of(child.pid)
    with suppress(BrokenPipeError):
        assert child.stdin is not None  # noqa: S101 - a pipe was asked for
        child.stdin.write(told.encode())
        child.stdin.close()
    _children[child.pid] = child
    return child.pid, born


def alive(pid: int | None, born: float | None) -> bool:
    """Whether the process that was begun then still runs."""
    if not pid:
        return False
    if child := _children.get(pid):
        if child.poll() is None:
            return True
        del _children[pid]
        return False
    return birth.lives(pid, born or 0)


def end(pid: int | None, born: float | None, patience: float = 5.0) -> None:
    """Ask a process and all that it began to end, and see to it after ``patience`` seconds."""
    if not pid or not alive(pid, born):
        return
    for what, limit in ((signal.SIGTERM, patience), (signal.SIGKILL, 5.0)):
        with suppress(ProcessLookupError):
            os.killpg(pid, what)
        until = time.monotonic() + limit
        while time.monotonic() < until:
            if not alive(pid, born):
                break
            time.sleep(0.05)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)  # what it began and left behind
