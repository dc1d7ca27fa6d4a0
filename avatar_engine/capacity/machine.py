"""Which machine this is, as far as the speed of shows is concerned."""

from __future__ import annotations

from pathlib import Path

import psutil

from avatar_engine import __version__, device
from avatar_engine.capacity.model import Machine

_MB = 1_000_000


def fingerprint() -> Machine:
    """This machine, as this process may use it."""
    cards = device.cards()
    return Machine(
        cpu=device.cpu_name(),
        cores=device.usable_cores(),
        quota=device.cgroup_quota(),
        memory_mb=round(memory_limit() / _MB),
        card=f"{cards[0].name}, driver {cards[0].driver}" if cards else "",
        engine=__version__,
    )


def memory_limit(root: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes of memory that this process and all beside it may use: the machine's, or the container's limit."""
    whole = int(psutil.virtual_memory().total)
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            return min(whole, int((root / name).read_text(encoding="ascii")))
        except (OSError, ValueError):  # there is no such file, or it says "max"
            continue
    return whole


def memory_free(root: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes of memory that are free for shows now."""
    free = int(psutil.virtual_memory().available)
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            left = int((root / limit).read_text("ascii")) - int((root / used).read_text("ascii"))
            return max(0, min(free, left))
        except (OSError, ValueError):
            continue
    return free


def changed(then: Machine, now: Machine) -> tuple[str, ...]:
    """What of the machine is another than it was, in words; the engine's version is not of the machine."""
    told = []
    for name, label in (
        ("cpu", "the processor"),
        ("cores", "the cores"),
        ("quota", "the container's quota"),
        ("card", "the graphics card"),
    ):
        before, after = getattr(then, name), getattr(now, name)
        if before != after:
            told.append(f"{label} ({before or 'none'}, now {after or 'none'})")
    if abs(then.memory_mb - now.memory_mb) > 0.05 * then.memory_mb:
        told.append(f"the memory ({then.memory_mb} MB, now {now.memory_mb} MB)")
    return tuple(told)
