"""Long work, each piece in a process of its own that outlives the studio.

A job has a folder: ``ask.json`` (what is wanted), ``progress.json``, and in the end ``result.json`` or ``error.json``
(`avatar_engine.studio.work` writes them). They are the truth; the database only knows which jobs there are, and which
process works on them. A process that is gone without a result is started again: all work goes on where it was.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avatar_engine.studio import processes
from avatar_engine.studio.database import Database, Row
from avatar_engine.studio.refusals import Conflict, Missing, Refusal
from avatar_engine.trust import files

log = logging.getLogger(__name__)

HEAVY = ("fit", "matte", "look", "rehearse")
"""Of which only so many run at once (`Jobs.room`)."""

TRIES = 3
"""How often a process is started that dies without a word."""

MOST_WAITING = 50
OPEN = ("queued", "running")


@dataclass(frozen=True, slots=True)
class Stage:
    """One part of the work: how far it is (0 to 1), a note, and how long it took and may still take in seconds."""

    name: str
    done: float
    note: str
    spent: float
    left: float | None


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it is now.

    Attributes:
        id: Its number.
        kind: One of `avatar_engine.studio.work.KINDS`.
        title: For people.
        clone: Number of the clone that it is about; None for none.
        state: ``queued``, ``running``, ``done``, ``failed`` or ``stopped``.
        by: Who asked for it.
        created, started, ended: Seconds since 1970.
        error, advice: Why it failed, and what to do.
        stages: How far it is.
        done: How far the whole is, 0 to 1.
        left: Seconds that it may still take; None where nobody knows.
        again: How often its process had to be started anew.
        result: What came of it.
    """

    id: int
    kind: str
    title: str
    clone: int | None
    state: str
    by: str
    created: float
    started: float | None
    ended: float | None
    error: str
    advice: str
    stages: tuple[Stage, ...]
    done: float
    left: float | None
    again: int
    result: Mapping[str, Any]

    @property
    def open(self) -> bool:
        """Whether something may still come of it."""
        return self.state in OPEN


ALONE = {
    "check": ("check",),
    "fit": ("fit", "matte", "look"),
    "matte": ("fit", "matte", "look"),
    "look": ("fit", "matte", "look"),
}
"""Which kinds of work on one clone wait for which to end: those write one avatar, and the last to end would win."""


class Jobs:
    """Begins, watches and ends them.

    Args:
        database: Which there are.
        folder: Theirs are in it.
        command: What works on one; its folder is added.
        room: How many heavy ones run at once.
    """

    def __init__(self, database: Database, folder: Path, command: Sequence[str], room: int = 1) -> None:
        self._database, self._folder, self._command, self.room = database, folder, tuple(command), room
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def folder(self, ident: int) -> Path:
        """A job's folder."""
        return self._folder / str(ident)

    def ask(self, kind: str, title: str, asked: Mapping[str, Any], by: str, clone: int | None = None) -> int:
        """Ask for work; its number.

        Raises:
            Conflict: The same is being done for this clone.
            Refusal: Too much waits.
        """
        with self._database.together():
            waiting = self._database.rows("SELECT id FROM jobs WHERE state IN ('queued', 'running')")
            if len(waiting) >= MOST_WAITING:
                raise Refusal(f"{len(waiting)} jobs wait already.", "Stop some, or wait.")
            if clone is not None and self.busy(kind, clone):
                raise Conflict(f"{title}: this is being done already.", "Look at its progress.")
            ident = self._database.do(
                "INSERT INTO jobs (kind, title, clone, asked, state, by, created) VALUES (?, ?, ?, ?, 'queued', ?, ?)",
                kind, title, clone, json.dumps(dict(asked)), by, time.time(),
            )  # fmt: skip
            place = self.folder(ident)
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(mode=0o700)
            _write(place / "ask.json", {"kind": kind, **asked})
        self.look()
        return ident

    def busy(self, kind: str, clone: int) -> bool:
        """Whether work on a clone waits or is done that work of this kind must not go beside."""
        open_ = self._database.rows(
            "SELECT kind FROM jobs WHERE clone = ? AND state IN ('queued', 'running')", clone
        )
        return any(row["kind"] in ALONE.get(kind, ()) for row in open_)

    def stop(self, ident: int) -> None:
        """Let a job be; what it made so far stays for the next try.

        Raises:
            Missing: There is no such job.
            Conflict: It is over.
        """
        row = self._row(ident)
        stopped = self._database.do(
            "UPDATE jobs SET state = 'stopped', ended = ? WHERE id = ? AND state IN ('queued', 'running')",
            time.time(), ident,
        )  # fmt: skip
        if not stopped:
            raise Conflict(f"Job {ident} is over.", "Look at what became of it.")
        processes.end(row["pid"], row["born"])
        self.look()

    def again(self, ident: int, by: str) -> int:
        """Ask for the same once more.

        Raises:
            Missing: There is no such job.
            Conflict: It is not over, or the same is being done.
        """
        row = self._row(ident)
        if row["state"] in OPEN:
            raise Conflict(f"Job {ident} is not over.", "Look at its progress.")
        return self.ask(row["kind"], row["title"], json.loads(row["asked"]), by, row["clone"])

    def one(self, ident: int) -> Job:
        """A job.

        Raises:
            Missing: There is none of this number.
        """
        return self._job(self._row(ident))

    def latest(self, kind: str, clone: int) -> Job | None:
        """The newest job of a kind for a clone."""
        row = self._database.row(
            "SELECT * FROM jobs WHERE kind = ? AND clone = ? ORDER BY id DESC LIMIT 1", kind, clone
        )
        return self._job(row) if row else None

    def listed(self, most: int = 50) -> list[Job]:
        """The newest ones, those that are open first."""
        rows = self._database.rows(
            "SELECT * FROM jobs ORDER BY state IN ('queued', 'running') DESC, id DESC LIMIT ?", most
        )
        return [self._job(row) for row in rows]

    def look(self) -> None:
        """See what became of those that run, and begin those that wait."""
        with self._lock:
            for row in self._database.rows("SELECT * FROM jobs WHERE state = 'running'"):
                if not processes.alive(row["pid"], row["born"]):
                    self._settle(row)
            heavy = {row["id"] for row in self._running() if row["kind"] in HEAVY}
            for row in self._database.rows("SELECT * FROM jobs WHERE state = 'queued' ORDER BY id"):
                if row["kind"] in HEAVY:
                    if len(heavy) >= self.room:
                        continue
                    heavy.add(row["id"])
                self._begin(row)

    def _running(self) -> list[Row]:
        return self._database.rows("SELECT id, kind FROM jobs WHERE state = 'running'")

    def _begin(self, row: Row) -> None:
        place = self.folder(row["id"])
        try:
            pid, born = processes.begin([*self._command, str(place)], place, place / "log.txt", low=True)
        except OSError as error:
            self._end(row["id"], "failed", f"Its process can't be started: {error.strerror}.", "")
            return
        began = self._database.do(
            "UPDATE jobs SET state = 'running', pid = ?, born = ?, tries = tries + 1, started = coalesce(started, ?) "
            "WHERE id = ? AND state = 'queued'",
            pid, born, time.time(), row["id"],
        )  # fmt: skip
        if not began:  # it was stopped in this moment
            processes.end(pid, born)

    def _settle(self, row: Row) -> None:
        """A process is gone: was it done, did it fail, or was it killed?"""
        place = self.folder(row["id"])
        if (place / "result.json").exists():
            self._end(row["id"], "done", "", "")
        elif failed := _read(place / "error.json"):
            self._end(row["id"], "failed", str(failed.get("what", "")), str(failed.get("advice", "")))
        elif row["tries"] < TRIES:
            log.warning("job %d: its process is gone, and is begun again", row["id"])
            self._database.do(
                "UPDATE jobs SET state = 'queued' WHERE id = ? AND state = 'running'", row["id"]
            )
        else:
            self._end(row["id"], "failed", f"Its process died {TRIES} times.", "Look at the log of the job.")

    def _end(self, ident: int, state: str, error: str, advice: str) -> None:
        self._database.do(
            "UPDATE jobs SET state = ?, ended = ?, error = ?, advice = ? WHERE id = ? "
            "AND state IN ('queued', 'running')",
            state, time.time(), error, advice, ident,
        )  # fmt: skip

    def _row(self, ident: int) -> Row:
        row = self._database.row("SELECT * FROM jobs WHERE id = ?", ident)
        if row is None:
            raise Missing(f"There is no job {ident}.", "Look at the list of jobs.")
        return row

    def _job(self, row: Row) -> Job:
        place = self.folder(row["id"])
        told = _read(place / "progress.json")
        running = row["state"] == "running"
        stages = tuple(_stage(one, running) for one in told.get("stages", ()))
        left, done = _whole(told, stages) if running else (None, float(row["state"] == "done"))
        return Job(
            row["id"], row["kind"], row["title"], row["clone"], row["state"], row["by"], row["created"], row["started"],
            row["ended"], row["error"], row["advice"], stages, done, left, max(0, row["tries"] - 1),
            _read(place / "result.json"),
        )  # fmt: skip


def _stage(told: Mapping[str, Any], running: bool) -> Stage:
    done, spent = float(told["done"]), float(told["spent"])
    left = spent * (1 - done) / done if running and 0.02 < done < 1 else None
    return Stage(str(told["name"]), done, str(told["note"]), spent, left)


def _whole(told: Mapping[str, Any], stages: Sequence[Stage]) -> tuple[float | None, float]:
    """Seconds left, and how far all of it is: by its budget while that lasts, else by the stage that takes longest."""
    spent = max(0.0, time.time() - float(told.get("began", time.time())))
    if (budget := float(told.get("budget", 0.0))) > spent:
        return budget - spent, spent / budget
    lefts = [stage.left for stage in stages if stage.left is not None]
    return max(lefts, default=None), min(
        (stage.done for stage in stages), default=0.0
    ) if not budget else 0.99


def _read(file: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        read = json.loads(file.read_text(encoding="utf-8"))
        return read if isinstance(read, dict) else {}
    return {}


def _write(file: Path, what: Mapping[str, Any]) -> None:
    files.write(file, json.dumps(dict(what), ensure_ascii=False).encode(), replace=True)
    os.chmod(file, 0o600)  # noqa: PTH101 - one call
