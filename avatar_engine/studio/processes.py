"""Processes that outlive the studio: begun in a session of their own, and told again by number and birth."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

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
        Its number, and when it was born: the two that tell it from a later one of the same number.

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
    born = _born(child.pid)
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
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return abs(process.create_time() - (born or 0)) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    return False


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


def _born(pid: int) -> float:
    with suppress(psutil.Error):
        return float(psutil.Process(pid).create_time())
    return time.time()
