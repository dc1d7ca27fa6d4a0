"""When a process was born: with its number, what tells it from every other one.

Linux gives a number again when its process has gone. The moments that it tells in seconds since 1970 move when somebody
sets the clock; what it keeps is how many ticks after the machine's start a process was born. With what tells this start
of the machine from all others that never changes, and comes twice for no number.
"""

from __future__ import annotations

import functools
import zlib
from pathlib import Path

_TICKS, _BOOTS = 33, 20
"""Bits of the ticks (two and a half years of them) and of the machine's start: a float holds both without rounding."""


def of(pid: int) -> float:
    """The birth of the process that has this number now, ended or not; 0 where none has."""
    found = _look(pid)
    return found[1] if found else 0.0


def lives(pid: int, born: float) -> bool:
    """Whether the process that was born then still runs."""
    found = _look(pid)
    return found is not None and found[1] == born and found[0] not in "ZX"


def of_this_start(born: float) -> bool:
    """Whether a birth was since the machine was started last."""
    return int(born) >> _TICKS == _start()


def _look(pid: int) -> tuple[str, float] | None:
    """A process's state, as Linux abbreviates it, and its birth."""
    try:
        told = Path(f"/proc/{int(pid)}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = told.rpartition(")")[2].split()  # the name before it may have anything in it
    return fields[0], float((_start() << _TICKS) | int(fields[19]) % (1 << _TICKS))


@functools.cache
def _start() -> int:
    """What tells this start of the machine from others."""
    return zlib.crc32(Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()) % (1 << _BOOTS) or 1
