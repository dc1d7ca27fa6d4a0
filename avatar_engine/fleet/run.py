"""The supervisor's process, and the one that starts it again when it dies.

``python -m avatar_engine.fleet.run`` is the *warden*: it starts ``… run supervise`` and, whenever that is killed or
fails, starts it anew. What is on air does not notice: it is held by keepers.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

import psutil

from avatar_engine.errors import AvatarError
from avatar_engine.fleet import ledger
from avatar_engine.fleet.door import Door
from avatar_engine.fleet.ledger import Ledger, Lock
from avatar_engine.fleet.machines import Local, Machines
from avatar_engine.fleet.supervisor import Supervisor, run

log = logging.getLogger(__name__)

SUPERVISE = "supervise"
PROGRAM = "AVATAR_ENGINE_FLEET_PROGRAM"
"""Variable with what follows the interpreter to start a show or a fit (separated by unit separators), which the command
line knows and this room does not."""

_SEPARATOR = "\x1f"

STEADY = 60.0
"""Seconds after which a supervisor that dies is started again at once."""

LONGEST_WAIT = 10.0

PATIENCE = 10.0
"""Seconds that a warden and its supervisor have to end."""

KEEP_LOG, LOGS = 2 << 20, 3
"""Bytes of the fleet's log, and how many former ones are kept."""

REFUSED = 2
"""The exit status of a supervisor that can't be, and need not be tried again."""


def launched(program: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a warden that outlives this process.

    Args:
        program: What follows the interpreter to start a show or a fit.
    """
    environ = {**os.environ, **_said(program)}
    with (ledger.place() / "warden.log").open("ab") as told:
        return subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.DEVNULL, stdout=told, stderr=told, env=environ,
            start_new_session=True, cwd="/",
        )  # fmt: skip


def stay(program: Sequence[str]) -> int:
    """Be the warden in this process; its exit status.

    Args:
        program: What follows the interpreter to start a show or a fit.
    """
    os.environ.update(_said(program))
    return warden()


def dismiss(warden: subprocess.Popen[bytes]) -> None:
    """End a warden with its supervisor, in order or after a while at once; what is on air goes on."""
    warden.terminate()
    try:
        warden.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        with suppress(psutil.Error):
            for supervisor in psutil.Process(warden.pid).children():
                with suppress(psutil.Error):
                    supervisor.kill()
        warden.kill()
        warden.wait()


def _said(program: Sequence[str]) -> dict[str, str]:
    return {PROGRAM: _SEPARATOR.join(program)}


def warden() -> int:
    """See to it that there is a supervisor until it ends by itself; its exit status."""
    child: subprocess.Popen[bytes] | None = None
    stopped = False

    def stop(number: int, frame: object) -> None:
        nonlocal stopped
        stopped = True
        if child is not None:
            child.send_signal(signal.SIGTERM)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    wait = 0.0
    while not stopped:
        began = time.monotonic()
        child = subprocess.Popen([sys.executable, "-m", "avatar_engine.fleet.run", SUPERVISE])
        if stopped:  # in the moment before it was there
            child.send_signal(signal.SIGTERM)
        code = child.wait()
        if code in (0, REFUSED) or stopped:
            return code
        wait = 0.2 if time.monotonic() - began > STEADY else min(LONGEST_WAIT, 2 * wait + 0.2)
        sys.stderr.write(f"the supervisor has died ({code}); it is started again in {wait:.1f} s\n")
        sys.stderr.flush()
        until = time.monotonic() + wait
        while not stopped and time.monotonic() < until:
            time.sleep(0.1)  # a signal does not cut a sleep short
    return 0


def supervise() -> int:
    """Be the supervisor; 0 when all has ended or it was told to go, which ends nothing that runs."""
    _log()
    lock = Lock()
    if not lock.take():
        log.error("another supervisor runs")
        return REFUSED
    kept = ledger.load()
    if kept is None:
        log.error("there is no fleet")
        return REFUSED
    stopped = False

    def stop(number: int, frame: object) -> None:
        nonlocal stopped
        stopped = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C in the terminal is the warden's to pass on
    machines = machines_of(kept)
    supervisor = Supervisor(kept, machines, os.environ.get(PROGRAM, "").split(_SEPARATOR))
    door = Door(supervisor)
    door.open()
    log.info("the supervisor begins (%d)", os.getpid())
    try:
        run(supervisor, lambda: stopped)
    finally:
        door.close()
        supervisor.close()
    log.info("the supervisor ends")
    return 0


def machines_of(kept: Ledger) -> Machines:
    """The machines of a fleet.

    Raises:
        AvatarError: There is no cluster, or no Ray.
    """
    if kept.mode == "local":
        return Local()
    from avatar_engine.fleet.on_ray import Cluster  # Ray is asked for here alone

    return Cluster(kept.address, kept.lease, kept.id)


def _log() -> None:
    handler = logging.handlers.RotatingFileHandler(
        ledger.place() / "fleet.log", maxBytes=KEEP_LOG, backupCount=LOGS
    )
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", handlers=[handler], force=True)


def main(words: Sequence[str]) -> int:
    """One of the two."""
    if list(words) != [SUPERVISE]:
        return warden()
    try:
        return supervise()
    except AvatarError as error:
        log.error("%s", error)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
