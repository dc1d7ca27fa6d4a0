"""The supervisor's hand on one machine: takes files, starts keepers, says how runs go; all by plain calls and values.

It keeps nothing in memory. What it started is told by the folders of its tasks, so that any other hand on the same
machine can go on with it: a cluster's workers come and go, and what is on air does not.

    state/fleet/NAME/            a task: its files, and the newest run
    state/fleet/NAME/files/      clone, script and what they need
    state/fleet/NAME/TOKEN/      a run: its lease, its log, how it ended
    state/fleet/cache/SHA256     files by what is in them
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from avatar_engine.bundle import Bundle
from avatar_engine.errors import AvatarError
from avatar_engine.figures import door
from avatar_engine.figures import folder as folders
from avatar_engine.fleet import keeper
from avatar_engine.fleet.lease import LeaseFile, clock
from avatar_engine.fleet.record import Report
from avatar_engine.folders import door_of, state_folder
from avatar_engine.live.position import Position
from avatar_engine.timing import clock as told_time
from avatar_engine.trust import consent as consents
from avatar_engine.trust import files
from avatar_engine.trust.register import Register

CHUNK = 4 << 20
"""Bytes of a file that travel at once."""

JOURNAL_CHUNK = 256 << 10
"""Bytes of a journal that travel with a report."""

RUNS_KEPT = 5
"""Folders of former runs that are kept."""

RECORDS = 64
"""Records of what was said, the newest, among which a show's own is looked for."""

FIT = "clone.avatar"
"""What a fit makes, before it is brought to where the fleet's file says."""

WORK = f"{FIT}.work"
"""Its working folder."""

FINAL, PIECES = "final.json", "pieces.json"
"""Files of a run's folder and of a task's: a show's last status, and what the task has been sent."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A file that a task needs.

    Attributes:
        target: Where it goes, seen from the task's ``files``.
        sha256: Of what is in it.
        size: Bytes.
    """

    target: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be started.

    Attributes:
        fleet: Id of the fleet.
        name: Of the task.
        token: Of the run.
        kind: ``show`` or ``clone``.
        program: What follows the interpreter; it reads its arguments, a JSON list, from its standard input.
        words: These arguments; paths are seen from the task's ``files``.
        pieces: Its files.
        script: The script among them, whose place is set; "" for none.
        place: The place to go on from.
        resumes: Whether it goes on with an earlier run; otherwise it begins at the top whatever this machine remembers.
        hidden: Variables of the environment that it does not get.
    """

    fleet: str
    name: str
    token: int
    kind: str
    program: tuple[str, ...]
    words: tuple[str, ...]
    pieces: tuple[Piece, ...]
    script: str = ""
    place: int = 0
    resumes: bool = False
    hidden: tuple[str, ...] = ()


class StaleError(Exception):
    """A newer run of the same task was begun here, or the order came when its lease was over.

    Args:
        newest: The newest run's number.
    """

    @property
    def newest(self) -> int:
        """The newest run's number."""
        return int(self.args[0])


class Hand:
    """See the module. Several may be on one machine; what changes a task is done by one at a time."""

    def __init__(self) -> None:
        self._home = state_folder() / "fleet"
        self._home.mkdir(parents=True, exist_ok=True, mode=0o700)

    def stamp(self) -> float:
        """What the machine's clock shows."""
        return clock()

    def missing(self, name: str, token: int, pieces: Sequence[Piece]) -> list[str]:
        """Which files (by SHA-256) are to be sent for a task's run; none of them is deleted for another's sake."""
        task = self._home / name
        with _alone(self._home):
            known = set(_told_pieces(task).pieces) | {piece.sha256 for piece in pieces}
            task.mkdir(exist_ok=True, mode=0o700)
            told = json.dumps({"token": token, "pieces": sorted(known)})
            files.write(task / PIECES, told.encode(), replace=True)
            return [piece.sha256 for piece in pieces if not self._cached(piece).is_file()]

    def take(self, name: str, piece: Piece, offset: int, data: bytes) -> None:
        """Take a part of a file for a task, in order; the last one is followed by a look at the whole.

        Raises:
            AvatarError: It is not what was announced.
        """
        path = self._cached(piece)
        partial = path.with_name(f"{piece.sha256}.{name}.{os.getpid()}.partial")  # others may take it, too
        path.parent.mkdir(exist_ok=True, mode=0o700)
        with partial.open("wb" if offset == 0 else "r+b") as file:
            file.seek(offset)
            file.write(data)
        if offset + len(data) >= piece.size:
            with partial.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != piece.sha256:
                partial.unlink()
                raise AvatarError(f"{piece.target} was changed while it was sent.", "It is sent again.")
            partial.replace(path)

    def begin(self, order: Order, goals: Sequence[str], until: float) -> None:
        """Start a run under a lease; what ran of the task here before is ended first.

        Args:
            order: What.
            goals: The addresses with their keys, which go to the show's standard input alone.
            until: The end of the lease by this machine's clock.

        Raises:
            StaleError: It must not be started any more.
            OSError: It can't be, or what ran before does not end.
        """
        task = self._home / order.name
        with _alone(task):
            newest = self._token(order.name)
            if newest == order.token and keeper.alive(task / str(newest)):
                return  # it was asked twice
            if newest >= order.token or clock() >= until:
                raise StaleError(newest)
            if newest and not keeper.end(task / str(newest), _mark(order.fleet, order.name, newest)):
                raise OSError(errno.EBUSY, "processes of the former run do not end")
            run = task / str(order.token)
            run.mkdir(mode=0o700)
            here = bool(newest) and newest == order.token - 1
            self._furnish(task / "files", order, here)
            self._place(task / "files", order, here)
            LeaseFile(run / keeper.LEASE).write(until)
            words = [*order.words, *_options(order, run, goals)]
            keeper.begin(
                keeper.Task(
                    (sys.executable, *order.program), json.dumps(words) + "\n", str(task / "files"), str(run),
                    _mark(order.fleet, order.name, order.token), order.kind == "clone", order.hidden,
                )
            )  # fmt: skip
            _forget(task, order.token)

    def beat(self, fleet: str, name: str, token: int, kind: str, until: float | None, journal: int) -> Report:
        """Lengthen a lease, and say how the run goes.

        Args:
            fleet, name, token, kind: Which.
            until: The new end of its lease; None leaves it.
            journal: Bytes of its journal, or of the record of what it said, that are known already.

        Raises:
            OSError: Its keeper is dead, and its processes do not end.
        """
        now = clock()
        if self._token(name) != token:
            return Report(token, "none", stamp=now)
        run = self._home / name / str(token)
        if until is not None and not LeaseFile(run / keeper.LEASE).lost():  # one that was lost stays lost
            with suppress(OSError):  # it ends, then
                LeaseFile(run / keeper.LEASE).write(until)
        lives = keeper.alive(run)
        if not lives and not (run / keeper.OVER).exists() and not keeper.kill(run, _mark(fleet, name, token)):
            raise OSError(
                errno.EBUSY, "its processes do not end"
            )  # and may be on air: nothing is said of its end
        report = _show(run, f"{name}.{token}", lives, journal) if kind == "show" else _fit(run, lives)
        return replace(report, token=token, stamp=now)

    def stop(self, name: str, token: int) -> None:
        """Ask a run to end in order: what was made is sent, files are finished."""
        if self._token(name) != token:
            return
        told = _told_by(_left_by(f"{name}.{token}"))
        if told:
            with suppress(psutil.Error, KeyError, ValueError):
                psutil.Process(int(told["pid"])).terminate()
            return
        first = keeper.first(self._home / name / str(token))
        if first:
            with suppress(psutil.Error):
                psutil.Process(first).terminate()

    def end(self, fleet: str, name: str, token: int) -> None:
        """End a run at once."""
        if self._token(name) == token:
            keeper.end(self._home / name / str(token), _mark(fleet, name, token))

    def forget(self, name: str, token: int) -> None:
        """Delete a task's files, which may be of a person, and what of the cache only it needed.

        Args:
            name: The task.
            token: Its last run; where a newer one is about to begin, nothing is deleted.
        """
        task = self._home / name
        with _alone(task), _alone(self._home):
            mine = _told_pieces(task)
            if mine.token > token or any(keeper.alive(run) for run in task.iterdir() if run.name.isdigit()):
                return
            (task / PIECES).unlink(missing_ok=True)
            needed = {piece for other in self._home.iterdir() for piece in _told_pieces(other).pieces}
            for piece in mine.pieces:
                if piece not in needed:
                    (self._home / "cache" / piece).unlink(missing_ok=True)
            for partial in (self._home / "cache").glob(f"*.{name}.*.partial"):
                partial.unlink(missing_ok=True)
            shutil.rmtree(task / "files", ignore_errors=True)

    def look(self, name: str, path: str) -> list[tuple[str, int, float]]:
        """The files under a folder of a task's ``files``, or one file: path, size and when it was changed."""
        root = self._home / name / "files"
        found = root / path
        every = [found] if found.is_file() else sorted(found.rglob("*")) if found.is_dir() else []
        return [
            (str(one.relative_to(root)), one.stat().st_size, one.stat().st_mtime)
            for one in every
            if one.is_file() and not one.is_symlink()
        ]

    def fetch(self, name: str, path: str, offset: int) -> bytes:
        """A part of a file of a task."""
        root = (self._home / name / "files").resolve()
        whole = (root / path).resolve()
        if not whole.is_relative_to(root):
            raise AvatarError(f"{path} is no file of {name}.")
        with whole.open("rb") as file:
            file.seek(offset)
            return file.read(CHUNK)

    def _token(self, name: str) -> int:
        """The newest run that was begun: its folder is there before anything of it is."""
        with suppress(OSError):
            return max(
                (int(run.name) for run in (self._home / name).iterdir() if run.name.isdigit()), default=0
            )
        return 0

    def _cached(self, piece: Piece) -> Path:
        return self._home / "cache" / piece.sha256

    def _furnish(self, place: Path, order: Order, here: bool) -> None:
        """Put a task's files where it looks for them; what a fit that was here last has in its folder is newer."""
        place.mkdir(exist_ok=True, mode=0o700)
        for piece in order.pieces:
            target = place / piece.target
            if here and piece.target.startswith(f"{WORK}/"):
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f".{target.name}.partial")
            partial.unlink(missing_ok=True)
            shutil.copyfile(self._cached(piece), partial)
            partial.replace(target)
            if piece.target.startswith("avatar/"):
                _registered(target, self._cached(piece))

    def _place(self, place: Path, order: Order, here: bool) -> None:
        """Let the script's position be where the show goes on; of a run that was on this machine it is known best."""
        if not order.script:
            return
        with closing(Position(place / order.script)) as position:
            at = order.place
            if here:
                with suppress(AvatarError):  # it was another script
                    at = position.load() or at
            position.save(at if order.resumes else 0)


def _registered(*copies: Path) -> None:
    """Note copies of a clone, so that they are found when its presenter wants all of it erased."""
    with suppress(AvatarError):  # a clone that is no good is refused by the show, with its reason
        bundle = Bundle.open(copies[0])
        register = Register(consents.from_record(bundle.consent, bundle.made))
        for copy in copies:
            register.note("avatar", copy, whole=True)


def _options(order: Order, run: Path, goals: Sequence[str]) -> list[str]:
    if order.kind != "show":
        return []
    words = ["--name", f"{order.name}.{order.token}", "--status", str(run / FINAL), "--resume"]
    return [*words, *(word for goal in goals for word in ("--to", goal))]


def _mark(fleet: str, name: str, token: int) -> str:
    return f"{fleet}/{name}/{token}"


@contextlib.contextmanager
def _alone(task: Path) -> Iterator[None]:
    """Nobody else changes this task meanwhile; or, of all tasks' folder, what of the cache is needed."""
    task.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (task / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True, slots=True)
class _Pieces:
    """What a task has been sent.

    Attributes:
        token: The newest run that it was sent for.
        pieces: Its files by SHA-256, those of former runs, too.
    """

    token: int = 0
    pieces: tuple[str, ...] = ()


def _told_pieces(task: Path) -> _Pieces:
    try:
        told = json.loads((task / PIECES).read_text())
        return _Pieces(int(told["token"]), tuple(map(str, told["pieces"])))
    except (OSError, ValueError, KeyError, TypeError):
        return _Pieces()


def _forget(task: Path, newest: int) -> None:
    """Old runs' folders go."""
    for old in task.iterdir():
        if old.name.isdigit() and int(old.name) <= newest - RUNS_KEPT:
            shutil.rmtree(old, ignore_errors=True)


def _show(run: Path, show: str, lives: bool, journal: int) -> Report:
    """How a show goes, or went."""
    left = _left_by(show)
    told = _told_by(left) if lives else {}
    piece = _journal(left, journal)
    if lives:
        status: dict[str, Any] = told.get("status") or {}
        if not status:
            return Report(0, "starting", journal=piece)
        return Report(
            0, "running", int(status["place"]), float(status["on_air"]), told=_line(status), journal=piece,
            figures={"show": told.get("show"), "pid": told.get("pid"), "fps": status["fps"]},
        )  # fmt: skip
    about = left.about() if left else {}
    last = _last(left)
    place, aired = int(last.get("place", 0)), float(last.get("on_air", 0.0))
    if about.get("state") == "ended" and (run / keeper.OVER).exists() and not _over(run).get("why"):
        return Report(0, "ended", place, aired, ending=str(about.get("ending", "")), journal=piece)
    if about.get("state") == "failed":
        return Report(0, "failed", place, aired, error=str(about.get("error", "")), journal=piece)
    error = str(_over(run).get("why") or "") or folders.error_in(run / keeper.LOG)
    state = "failed" if not aired and _over(run).get("code") == 2 else "cut off"
    return Report(0, state, place, aired, error=error, journal=piece)  # type: ignore[arg-type]


def _fit(run: Path, lives: bool) -> Report:
    """How a fit goes, or went."""
    if lives:
        return Report(0, "running", told=folders.last_line(run / keeper.LOG))
    over = _over(run)
    if over.get("code") == 0:
        return Report(0, "ended", told=folders.last_line(run / keeper.LOG))
    if over.get("code") == 2:
        return Report(0, "failed", error=folders.error_in(run / keeper.LOG))
    return Report(0, "cut off", error=str(over.get("why") or ""))


def _line(status: dict[str, Any]) -> str:
    """A show's figures in a line."""
    outputs = (status.get("broadcast") or {}).get("outputs") or []
    up = sum(one["state"] == "on air" for one in outputs)
    return (
        f"{told_time(status['on_air'])} on air, {status['fps']:.1f} fps, late {status['late']}, "
        f"{up} of {len(outputs)} outputs{', ' + status['segment'] if status['segment'] else ''}"
    )


def _left_by(show: str) -> folders.ShowFolder | None:
    with suppress(AvatarError):
        return folders.find(show)
    return None


def _told_by(left: folders.ShowFolder | None) -> dict[str, Any]:
    """What a show says of itself now; empty where it does not answer."""
    return (door.knock(door_of(left.show)) or {}) if left else {}


def _last(left: folders.ShowFolder | None) -> dict[str, Any]:
    """The last status that a show wrote down before its end."""
    if left is None:
        return {}
    try:
        told = json.loads(left.series.read_bytes().splitlines()[-1])
    except (OSError, ValueError, IndexError):  # it never wrote any, or died at it
        return {}
    status = told.get("status") if isinstance(told, dict) else None
    return dict(status) if isinstance(status, dict) else {}


def _journal(left: folders.ShowFolder | None, known: int) -> bytes:
    """What came to a show's journal, or where it has none to the record of what was said, in whole lines."""
    with suppress(OSError):
        if path := _written_by(left):
            with path.open("rb") as file:
                file.seek(known)
                data = file.read(JOURNAL_CHUNK)
            return data[: data.rfind(b"\n") + 1]
    return b""


def _written_by(left: folders.ShowFolder | None) -> Path | None:
    if left is None or left.journal.is_file():
        return left.journal if left else None
    mark = json.dumps(left.show).encode()
    found = sorted(
        state_folder().glob("consents/*/said/*-live*.jsonl"), key=lambda path: path.name, reverse=True
    )
    for path in found[:RECORDS]:
        with path.open("rb") as file:
            if mark in file.read(4096):
                return path
    return None


def _over(run: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        return dict(json.loads((run / keeper.OVER).read_text()))
    return {}
