"""What a show's processes take of the machine: memory and CPU time, part by part."""

from __future__ import annotations

from collections.abc import Container, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import psutil


@dataclass(slots=True)
class Part:
    """One part of a show: a process, or several that do the same.

    Attributes:
        pids: Of those that run.
        rss_mb: Resident memory, in MB; what processes share counts for each.
        cpu_seconds: User and system time of those that run and those before them.
    """

    pids: list[int] = field(default_factory=list)
    rss_mb: float = 0.0
    cpu_seconds: float = 0.0


class Processes:
    """Looks at a process and all below it.

    Args:
        pid: The show's process; None for this one.
    """

    def __init__(self, pid: int | None = None) -> None:
        self._root = psutil.Process(pid)
        self._spent: dict[tuple[int, float], tuple[str, float]] = {}
        self._ended: dict[str, float] = {}  # every new connection is a process: their sum alone is kept

    def look(self, named: Mapping[str, int | None]) -> dict[str, Part]:
        """The parts by name: ``show``, those ``named`` by their pids, ``sender`` for what the broadcast started, and
        ``other``."""
        names = {pid: name for name, pid in named.items() if pid}
        parts: dict[str, Part] = {}
        with suppress(psutil.Error):
            running = [self._root, *self._root.children(recursive=True)]
            for process in running:
                with suppress(psutil.Error):
                    self._take(process, self._name(process, names), parts)
            self._forget({process.pid for process in running})
        for name, seconds in [*self._spent.values(), *self._ended.items()]:
            parts.setdefault(name, Part()).cpu_seconds += seconds
        for part in parts.values():
            part.rss_mb, part.cpu_seconds = round(part.rss_mb, 1), round(part.cpu_seconds, 2)
        return parts

    def _forget(self, running: Container[int]) -> None:
        for key in [key for key in self._spent if key[0] not in running]:
            name, seconds = self._spent.pop(key)
            self._ended[name] = self._ended.get(name, 0.0) + seconds

    def _name(self, process: psutil.Process, names: Mapping[int, str]) -> str:
        if process.pid == self._root.pid:
            return "show"
        if process.pid in names:
            return names[process.pid]
        return "sender" if names.get(process.ppid()) == "broadcast" else "other"

    def _take(self, process: psutil.Process, name: str, parts: dict[str, Part]) -> None:
        with process.oneshot():
            times, key = process.cpu_times(), (process.pid, process.create_time())
            memory = process.memory_info().rss / 1e6
        known = self._spent.get(key, (name, 0.0))[0]
        name = known if name == "other" else name  # a pid may be known later than the process
        self._spent[key] = (name, times.user + times.system)
        part = parts.setdefault(name, Part())
        part.pids.append(process.pid)
        part.rss_mb += memory
