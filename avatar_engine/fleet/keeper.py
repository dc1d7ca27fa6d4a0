"""The program beside a show or a fit: starts it, and kills all of it when its lease is over.

``python -m avatar_engine.fleet.keeper`` reads what to start as a line of JSON (`Task`), leaves its parent, so that
nothing that a cluster does with its workers touches what is on air, prints a line and goes on by itself. It is two
processes that watch each other and the lease: if one of them is killed, the other one ends the show at once; then
whoever asks starts it again, with a keeper. Both would have to die in the same moment for a show to have none.

All processes of a show are found: as offspring (the keeper is who orphans come to), by a mark in their environment, and
by the session of the first one, for a program may write its title over its environment. Linux gives numbers again: a
session counts only as far as it can be no other program's.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from avatar_engine import birth
from avatar_engine.fleet.lease import LeaseFile

log = logging.getLogger(__name__)

LOOK = 0.2
"""Seconds between two looks at the lease."""

MARK = "AVATAR_ENGINE_RUN"
"""Variable by which the processes of a run are told."""

LEASE, OVER, LOG, BEGUN = "lease", "over.json", "log.txt", "keeper.json"
"""Files of a run's folder: until when it may go on, how it ended, what it printed, and who keeps it."""

MODULE = "avatar_engine.fleet.keeper"

_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of ``linux/prctl.h``."""

PATIENCE = 5.0
"""Seconds within which killed processes are gone, unless the system holds them."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a keeper starts.

    Attributes:
        command: Program and arguments.
        told: What it reads on its standard input: arguments with keys, which no list of processes may show.
        folder: Where it runs.
        run: The run's own folder.
        mark: What tells its processes from all others.
        low: Whether it yields to shows.
        hidden: Variables of the environment that it does not get: the keys of this and of all other shows.
    """

    command: tuple[str, ...]
    told: str
    folder: str
    run: str
    mark: str
    low: bool = False
    hidden: tuple[str, ...] = ()

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Task:
        """What `to_json` wrote."""
        told = json.loads(text)
        return cls(**{**told, "command": tuple(told["command"]), "hidden": tuple(told["hidden"])})


def begin(task: Task) -> None:
    """Start a keeper, which outlives this process; its folder says who it is.

    Raises:
        OSError: It can't be started.
    """
    launcher = subprocess.run(
        [sys.executable, "-m", MODULE], input=task.to_json() + "\n", capture_output=True, text=True,
        check=False, start_new_session=True, env={n: v for n, v in os.environ.items() if n not in task.hidden},
    )  # fmt: skip
    if launcher.returncode:
        raise OSError(0, f"the keeper can't be started: {launcher.stderr[-300:]}")


def environment() -> dict[str, str]:
    """This process's variables without a cluster's own."""
    ours = dict(os.environ)
    if any(name.startswith("RAY_") for name in ours):  # a worker's, which counts threads by what it reserved
        ours.pop("OMP_NUM_THREADS", None)
    return {name: value for name, value in ours.items() if not name.startswith("RAY_")}


def alive(run: Path) -> bool:
    """Whether the keeper of a run lives."""
    told = _read(run)
    return birth.lives(int(told.get("pid", 0)), told.get("born", 0))


def first(run: Path) -> int:
    """The first process of what a run's keeper keeps; 0 where it does not live."""
    told = _read(run)
    pid = int(told.get("session", 0))
    return pid if alive(run) and birth.lives(pid, told.get("leader", 0)) else 0


def end(run: Path, mark: str) -> bool:
    """End a run at once, whatever of it still lives; whether nothing is left."""
    with suppress(OSError):
        LeaseFile(run / LEASE).write(float("-inf"))
    until = time.monotonic() + 2.0
    while alive(run) and time.monotonic() < until:
        time.sleep(0.05)
    return kill(run, mark)


def kill(run: Path, mark: str, root: int = 0) -> bool:
    """Kill all processes of a run, and the offspring of ``root``; whether none is left."""
    session = _session(run)
    until = time.monotonic() + PATIENCE
    clean = 0
    while clean < 2:  # one that was just being born is seen the second time
        found = list(_of(mark, session, root))
        clean = 0 if found else clean + 1
        for process in found:
            with suppress(psutil.Error):
                process.kill()
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


@dataclass(frozen=True, slots=True)
class _Session:
    """The session of a run; one that has lost its first process may by now be another program's.

    Attributes:
        number: Of it, and of its first process; 0 for none.
        led: Whether that process is there.
    """

    number: int = 0
    led: bool = False

    def has(self, process: psutil.Process) -> bool:
        """Whether a process of it is one of the run's: without its first one, only what has lost its environment."""
        if not self.number or os.getsid(process.pid) != self.number:
            return False
        return self.led or not process.environ()


def _session(run: Path) -> _Session:
    told = _read(run)
    number, born = int(told.get("session", 0)), told.get("leader", 0)
    now = birth.of(number) if number else 0.0
    if not number or not birth.of_this_start(born) or now not in (0.0, born):
        return _Session()
    return _Session(number, led=now == born)


def _of(mark: str, session: _Session, root: int) -> Iterator[psutil.Process]:
    """Processes of a run and all that descend from them or from ``root``, but for keepers and this one."""
    own = {os.getpid(), root}
    roots = []
    if root:
        with suppress(psutil.Error):
            roots.append(psutil.Process(root))
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if session.has(process) or process.environ().get(MARK) == mark:
                roots.append(process)
    seen: set[int] = set()
    for process in roots:
        family = [process]
        with suppress(psutil.Error):
            family += process.children(recursive=True)
        for one in family:
            with suppress(psutil.Error):
                if one.pid in own or one.pid in seen or one.status() == psutil.STATUS_ZOMBIE:
                    continue
                if _keeps(one):
                    continue
                seen.add(one.pid)
                yield one


def _read(run: Path) -> dict[str, float]:
    """What a keeper told of itself: its process, when that was born, its second; and the session of what it keeps, and
    when the first process of that was born."""
    try:
        told = json.loads((run / BEGUN).read_text())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _keeps(process: psutil.Process) -> bool:
    return MODULE in process.cmdline()[:3]


class _Second:
    """The other half, which ends the show when the keeper itself is gone or does not see to the lease.

    Args:
        run: The run's folder.
        mark: Of its processes.
    """

    def __init__(self, run: Path, mark: str) -> None:
        theirs, self._line = os.pipe()
        keeper = os.getpid()
        self.pid = os.fork()
        if self.pid:
            os.close(theirs)
            return
        code = 1
        try:
            os.close(self._line)
            os.dup2(0, 1)
            os.setsid()
            _second(run, mark, theirs, keeper)
            code = 0
        finally:
            os._exit(code)

    @property
    def alive(self) -> bool:
        """Whether it is there."""
        try:
            return os.waitpid(self.pid, os.WNOHANG)[0] == 0
        except ChildProcessError:
            return False

    def dismiss(self) -> None:
        """All is over."""
        with suppress(OSError):
            os.write(self._line, b".")
            os.close(self._line)


def _second(run: Path, mark: str, line: int, keeper: int) -> None:
    """Wait for the keeper's word that all is over; kill the show when it comes to its end without one."""
    lease = LeaseFile(run / LEASE)
    os.set_blocking(line, False)
    while True:
        time.sleep(LOOK)
        with suppress(BlockingIOError):
            if os.read(line, 1):
                return
            kill(run, mark, keeper)  # it is dead, and has said nothing
            return
        if lease.lost():
            kill(run, mark, keeper)  # as the keeper does in this moment, unless it hangs


def main() -> int:
    """Read what to start, leave the parent, and keep it until its end."""
    task = Task.from_json(sys.stdin.readline())
    if os.fork():
        return 0
    os.setsid()
    run = Path(task.run)
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    with (run / "keeper.log").open("ab") as told:
        os.dup2(told.fileno(), 2)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        _keep(task, run)
    except BaseException:
        log.exception("the keeper failed")
        kill(run, task.mark, os.getpid())
        raise
    return 0


def _keep(task: Task, run: Path) -> None:
    if any(name.startswith("RAY_") for name in os.environ):
        _come_forward()
    ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0)
    second = _Second(run, task.mark)
    me = {"pid": os.getpid(), "born": birth.of(os.getpid()), "second": second.pid, "session": 0}
    _write(run / BEGUN, me)
    lease = LeaseFile(run / LEASE)
    child = None if lease.lost() else _started(task, run)
    if child is not None:
        _write(run / BEGUN, me | {"session": child.pid, "leader": birth.of(child.pid)})
    os.dup2(0, 1)  # whoever started this one knows now that it is there
    code, why = None, ""
    while child is not None:
        time.sleep(LOOK)
        if code is None:
            code = child.poll()
        if lease.lost():
            why = "lost the lease"
        elif not second.alive:
            why = "lost its second keeper"
        if why:
            log.warning("it %s and is killed", why)
            kill(run, task.mark, os.getpid())
            break
        if code is not None and not _offspring(second.pid):
            break
    over = {"code": code, "why": why if child is not None else "lost the lease"}
    with suppress(OSError):  # a full disk: what became of it is told from the show's own folder then
        _write(run / OVER, over)
    second.dismiss()


def _come_forward() -> None:
    """Take the usual priority: Ray gives its workers the one of what may wait, and a show may not."""
    try:
        if os.getpriority(os.PRIO_PROCESS, 0) > 0:
            os.setpriority(os.PRIO_PROCESS, 0, 0)
    except OSError:
        log.warning("this runs at the low priority of Ray's workers: start Ray with RAY_worker_niceness=0")


def _write(path: Path, told: Mapping[str, object]) -> None:
    """Write a file whole; no disk is waited for, since it speaks of processes, which a machine's end ends."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(told))
    partial.replace(path)


def _started(task: Task, run: Path) -> subprocess.Popen[bytes]:
    environ = {**environment(), MARK: task.mark}
    with (run / LOG).open("ab") as out:
        child = subprocess.Popen(
            [*task.command], cwd=task.folder, stdin=subprocess.PIPE, stdout=out, stderr=out, env=environ,
            start_new_session=True,
        )  # fmt: skip
    if task.low:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, child.pid, 10)
    with suppress(OSError):
        assert child.stdin is not None  # noqa: S101 - a pipe was asked for
        child.stdin.write(task.told.encode())
        child.stdin.close()
    return child


def _offspring(second: int) -> bool:
    """Whether any process of the show is left: who was orphaned came to this one. Those that ended are collected."""
    left = False
    for process in psutil.Process().children():
        if process.pid == second:
            continue
        try:
            left = os.waitpid(process.pid, os.WNOHANG)[0] == 0 or left
        except ChildProcessError:
            continue
    return left


if __name__ == "__main__":
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    sys.exit(main())
