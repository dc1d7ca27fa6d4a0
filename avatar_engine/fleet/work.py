"""A fit's working folder travels: what it has finished is copied beside the supervisor, and goes with it to another
machine, where the fit goes on from there."""

from __future__ import annotations

import logging
import os
import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from avatar_engine.fleet import launch, ledger
from avatar_engine.fleet.hand import WORK, Piece
from avatar_engine.fleet.lease import clock
from avatar_engine.fleet.machines import Line

log = logging.getLogger(__name__)

EVERY = 10.0
"""Seconds between two looks."""


MOST = 4 << 30
"""Bytes of a working folder that are copied."""


class Mirror:
    """The copy of one fit's working folder.

    Args:
        name: The task.
    """

    def __init__(self, name: str) -> None:
        self._name, self.folder = name, ledger.place() / "work" / name
        self._copying: Future[None] | None = None
        self._looked = clock()
        self._seen: dict[str, tuple[int, float]] = {}
        self._copied: dict[str, tuple[int, float]] = {}

    def look(self, line: Line, pool: ThreadPoolExecutor) -> None:
        """Copy what was finished, now and then, without holding anybody up."""
        if self._copying is not None and not self._copying.done():
            return
        if clock() - self._looked >= EVERY:
            self._looked = clock()
            self._copying = pool.submit(self._copy, line)

    def added(self, load: launch.Load) -> launch.Load:
        """An order that takes the copy along."""
        pieces, sources = list(load.order.pieces), dict(load.sources)
        for path in sorted(self.folder.rglob("*")):
            if path.is_file() and not path.name.endswith(".partial"):
                found = Piece(
                    f"{WORK}/{path.relative_to(self.folder)}", launch.sha256(path), path.stat().st_size
                )
                pieces.append(found)
                sources[found.sha256] = path
        return replace(load, order=replace(load.order, pieces=tuple(pieces)), sources=sources)

    def forget(self) -> None:
        """The fit is done."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _copy(self, line: Line) -> None:
        """Copy what has not changed since the last look, the oldest first: no file comes before an earlier one."""
        try:
            found = {
                path: (size, at)
                for path, size, at in line.ask("look", self._name, WORK).result(launch.ANSWER)
            }
            room = MOST
            for path, about in sorted(found.items(), key=lambda one: one[1][1]):
                room -= about[0]
                if self._seen.get(path) != about or room < 0:
                    break
                if self._copied.get(path) != about:
                    target = self.folder / Path(path).relative_to(WORK)
                    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                    launch.fetch(line, self._name, path, target)
                    os.utime(target, (about[1], about[1]))
                    self._copied[path] = about
            self._seen = found
        except Exception as error:  # the next look tries again
            log.info("%s: its working folder was not copied (%s)", self._name, type(error).__name__)
            with suppress(OSError):
                self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
