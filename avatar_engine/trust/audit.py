"""An audit log: entries in a file that is only ever added to, each line bound to the one before.

Every line is a JSON table with its number ``n``, ``prev`` (SHA-256 of the line before, without its end; of the log's
name in the first one), the time, and the ``entry``, or what the log says of itself (``log``). Now and then, and at the
end, a line is signed with the technician's key (`avatar_engine.trust.keys`). So `verify` finds what was cut out,
changed, put in or moved, and says where.

What it proves: whoever has only the file can change nothing before the last signature unnoticed. Who has the
technician's key as well can write another log; keep the last hash elsewhere where that matters. A log without an
end was cut off: by a crash, or by somebody who removed its last lines after the last signature.

The file is written by a thread of its own. Whoever tells it something never waits: what finds no room in the queue, or
on the disk, is counted, and the count is told in the log as soon as it can be.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from avatar_engine.errors import AvatarError
from avatar_engine.trust import keys

log = logging.getLogger(__name__)

WAITING = 10_000
"""Entries that wait for the disk at most."""

LONGEST = 1 << 16
"""Bytes of a line; of an entry that needs more its start is kept, and its hash."""

PIECE, PIECES = 16 << 20, 32
"""Bytes of a file after which the next one is begun, and how many of them are kept."""

SEAL_EVERY = 60.0
"""Seconds between two signatures while something is written."""

RETRY = 5.0
"""Seconds until a disk that took nothing is tried again."""

CLOSE = 10.0
"""Seconds that a slow disk gets for what still waits at the end."""

_DOMAIN = b"avatar-engine audit line\n"
"""Stands before what is signed, so that a signature can't be taken for one of something else."""


class Audit:
    """Takes entries from any thread; see the module.

    Args:
        path: The file; older pieces lie beside it as ``NAME.0001.jsonl``. One that exists is gone on with.
        name: What the log is about, a show's id.
        key: Signs; None for nobody.
        piece, pieces: Bytes of a file, and files kept.
        seal_every: Seconds between two signatures.

    Raises:
        AvatarError: The file can't be written.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        key: Ed25519PrivateKey | None,
        *,
        piece: int = PIECE,
        pieces: int = PIECES,
        seal_every: float = SEAL_EVERY,
    ) -> None:
        self._queue: deque[tuple[str, Mapping[str, Any]]] = deque()
        self._changed = threading.Condition()
        self._lost = 0
        self._closing = False
        try:
            self._chain = _Chain(path, name, key, piece, pieces, seal_every)
        except OSError as error:
            raise AvatarError(
                f"The audit log {path} can't be written: {error.strerror}.", "Choose another place."
            ) from None
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)
        self._thread.start()

    @classmethod
    def begun(cls, path: Path, name: str) -> Audit:
        """A log that the technician's key signs; without signatures, and told so, where that key can't be used.

        Raises:
            AvatarError: The file can't be written.
        """
        key = None
        try:
            key = keys.technician_key()
        except AvatarError as error:
            log.error("the audit log is not signed: %s", error.what)
        return cls(path, name, key)

    def __call__(self, entry: Mapping[str, Any]) -> None:
        """Take an entry; returns at once."""
        with self._changed:
            if self._closing or len(self._queue) >= WAITING:
                self._lost += 1
                return
            self._queue.append((_now(), dict(entry)))
            self._changed.notify()

    def close(self) -> None:
        """Write what waits, sign the end and finish the file."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(CLOSE)
        if self._thread.is_alive():
            log.error("the audit log has no end: the disk is too slow")

    def _run(self) -> None:
        try:
            while self._write():
                pass
        except Exception:
            log.exception("the audit log ends here")

    def _write(self) -> bool:
        """Write what waits; whether more may come."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing, timeout=1.0)
            entries, closing = list(self._queue), self._closing
            self._queue.clear()
            lost, self._lost = self._lost, 0
        missed = self._chain.write(entries, lost, closing)
        with self._changed:
            self._lost += missed
            if missed and not closing:
                self._changed.wait_for(lambda: self._closing, timeout=RETRY)
        return not closing


class _Chain:
    """The files; used by one thread.

    Raises:
        OSError: They can't be written.
    """

    def __init__(
        self, path: Path, name: str, key: Ed25519PrivateKey | None, piece: int, pieces: int, seal_every: float
    ) -> None:
        self._path, self._name, self._key = path, name, key
        self._most, self._pieces, self._seal_every = piece, pieces, seal_every
        self._prev, self._n, self._size = _hash(name.encode()), 0, 0
        self._sealed, self._since = 0, datetime.now(UTC)
        self._complained = False
        old = pieces_of(path)
        self._number = _number_of(old[-1]) + 1 if old else 1
        self._file = path.open("ab", buffering=0)
        if self._file.tell():
            self._go_on()
            self._own("resumed", name=name)
        else:
            self._own("begin", name=name)

    def write(self, entries: list[tuple[str, Mapping[str, Any]]], lost: int, end: bool) -> int:
        """Write entries with their times, and how many were ``lost`` before; how many are lost now."""
        done = 0
        try:
            if lost:
                self._own("lost", count=lost)
                lost = 0
            for time, entry in entries:
                self._take(time, entry)
                done += 1
            if self._complained:
                self._complained = False
                log.warning("the audit log is written again")
            waited = (datetime.now(UTC) - self._since).total_seconds()
            if end:
                self._seal("end")
                self._file.close()
            elif self._n > self._sealed and waited >= self._seal_every:
                self._seal("seal")
        except OSError as error:
            if not self._complained or end:
                self._complained = True
                log.error("the audit log takes nothing now (%s); the show goes on", error.strerror or error)
            return lost + len(entries) - done
        return 0

    def _go_on(self) -> None:
        """Take up the chain of a file that exists; a torn last line stays, and gets an end."""
        last, numbered = b"", None
        with self._path.open("rb") as file:
            while line := file.readline(2 * LONGEST):
                last = line
                numbered = _parsed(line.rstrip(b"\n")) or numbered
        if not last.endswith(b"\n"):
            self._file.write(b"\n")
        self._prev, self._size = _hash(last.rstrip(b"\n")), self._path.stat().st_size
        self._n = int(numbered["n"]) if numbered and isinstance(numbered.get("n"), int) else 0

    def _take(self, time: str, entry: Mapping[str, Any]) -> None:
        """Add an entry.

        Raises:
            OSError: The disk does not take it.
        """
        try:
            whole = _coded(entry)
        except (TypeError, ValueError, RecursionError):  # no key of JSON, or a table within itself
            whole = _coded(entry := {"event": str(entry.get("event")), "text": repr(entry)[:LONGEST]})
        if len(whole) > LONGEST:
            start = whole[: LONGEST // 8].decode("utf-8", "replace")
            event = str(entry.get("event"))[:100]
            entry = {"event": event, "bytes": len(whole), "sha256": _hash(whole), "start": start}
        if self._size + min(len(whole), LONGEST) >= self._most:
            self._turn()
        self._add(self._line(time, {"entry": entry}))

    def _own(self, event: str, *, sign: bool = False, **what: Any) -> None:
        """Add what the log says of itself.

        Raises:
            OSError: The disk does not take it.
        """
        self._add(self._line(_now(), {"log": {"event": event, **what}}, sign))

    def _add(self, line: bytes) -> None:
        """Add a line, whole or not at all."""
        before = self._size
        try:
            rest = memoryview(line + b"\n")
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError:
            self._file.truncate(before)
            raise
        self._size, self._prev, self._n = before + len(line) + 1, _hash(line), self._n + 1

    def _line(self, time: str, what: Mapping[str, Any], sign: bool = False) -> bytes:
        made: dict[str, Any] = {"n": self._n + 1, "prev": self._prev, "time": time, **what}
        if sign and self._key:
            made["public_key"] = keys.public_text(self._key)
            made["signature"] = keys.sign(self._key, _DOMAIN + _coded(made))
        return _coded(made)

    def _seal(self, event: str) -> None:
        """Sign what stands there, and see it onto the disk."""
        self._own(event, sign=True)
        self._sealed, self._since = self._n, datetime.now(UTC)
        os.fsync(self._file.fileno())

    def _turn(self) -> None:
        """Begin the next file; the oldest goes where there are too many, and the chain says so."""
        self._seal("seal")
        old = _piece(self._path, self._number)
        self._path.replace(old)
        try:
            fresh = self._path.open("ab", buffering=0)
            try:
                self._size, before = 0, self._size
                self._file, full = fresh, self._file
                self._own("continued", name=self._name, file=self._number + 1)
            except OSError:
                self._file, self._size = full, before
                fresh.close()
                raise
        except OSError:
            old.replace(self._path)
            raise
        full.close()
        self._number += 1
        older = pieces_of(self._path)
        for gone in older[: max(0, len(older) + 1 - self._pieces)]:
            self._own("dropped", file=_number_of(gone))
            gone.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class Broken:
    """Where a log is no longer what it was: file, line in it (from 1), and what is wrong."""

    file: str
    line: int
    what: str


@dataclass(slots=True)
class Verified:
    """What `verify` found.

    Attributes:
        name: What the log is about.
        files: Its files, the oldest first.
        lines: Lines that were read.
        began, until: Times of the first and last line.
        broken: The first thing that is wrong; None where nothing is.
        torn: Whether the last line was cut off while it was written.
        ended: Whether it has its end.
        sealed: Number of the last line that a signature covers; 0 for none.
        signers: Ids of the keys that signed, and who holds them as far as this machine knows ("" for nobody known).
        dropped: The last file that was dropped for want of room, as the log itself says; 0 for none.
        lost: Entries that found no room, as the log itself says.
        events: How often each event was told.
    """

    name: str = ""
    files: tuple[str, ...] = ()
    lines: int = 0
    began: str = ""
    until: str = ""
    broken: Broken | None = None
    torn: bool = False
    ended: bool = False
    sealed: int = 0
    signers: dict[str, str] = field(default_factory=dict)
    dropped: int = 0
    lost: int = 0
    events: Counter[str] = field(default_factory=Counter)


def verify(path: Path, each: Callable[[Mapping[str, Any]], None] = lambda entry: None) -> Verified:
    """Follow a log from its first line to its last, over all its files.

    Args:
        path: Its newest file.
        each: Shown every entry up to where it breaks.

    Raises:
        AvatarError: It can't be read.
    """
    files = [*pieces_of(path), path]
    found = Verified(files=tuple(file.name for file in files))
    walk = _Walk(found, keys.known_keys())
    try:
        for number, file in enumerate(files):
            with file.open("rb") as lines:
                at = 0
                while line := lines.readline(2 * LONGEST):
                    at += 1
                    last = number + 1 == len(files) and _at_end(lines)
                    walk.take(file, at, line, first_of=at == 1 and number == 0, last=last, each=each)
                    if found.broken:
                        return found
    except OSError as error:
        raise AvatarError(
            f"The audit log {file} can't be read: {error.strerror}.", "Check the path."
        ) from None
    if not found.lines:
        raise AvatarError(f"{path} is no audit log: it has no line.", "A hosted show writes audit.jsonl.")
    walk.finish(files[-1])
    return found


class _Walk:
    """Goes along a chain."""

    def __init__(self, found: Verified, known: Mapping[str, str]) -> None:
        self._found, self._known = found, known
        self._prev, self._n = "", 0
        self._doubt: tuple[Path, int] | None = None  # a line that can't be read: torn, if "resumed" follows
        self._missing = 0  # the last file before the first one that is there

    def take(
        self, file: Path, at: int, line: bytes, *, first_of: bool, last: bool,
        each: Callable[[Mapping[str, Any]], None],
    ) -> None:  # fmt: skip
        """Take the next line."""
        found, bare = self._found, line.rstrip(b"\n")
        found.lines += 1
        made = _parsed(bare)
        if made is None:
            if last and not line.endswith(b"\n"):
                found.torn = True
            elif self._doubt:
                self._break(file, at, "this is no line of a log")
            else:
                self._doubt, self._prev = (file, at), _hash(bare)
            return
        own = made.get("log", {})
        if self._doubt and own.get("event") != "resumed":
            self._break(*self._doubt, "this is no line of a log: it was changed or put in")
            return
        if first_of:
            self._begin(made)
        wrong = self._wrong(made)
        if wrong:
            self._break(file, at, wrong)
            return
        self._doubt = None
        self._n, self._prev = made["n"], _hash(bare)
        found.began, found.until = found.began or str(made["time"]), str(made["time"])
        self._note(own)
        if "signature" in made:
            self._signed(file, at, made)
        if not found.broken and "entry" in made:
            found.events[str(made["entry"].get("event"))] += 1
            each(made["entry"])

    def finish(self, file: Path) -> None:
        """The last line was read."""
        found = self._found
        if self._doubt:
            self._break(*self._doubt, "this is no line of a log")
        elif self._missing > found.dropped and not found.broken:
            first = f"the files up to number {self._missing} are missing"
            self._break(file, 1, f"{first}, and the log does not say that it dropped them")

    def _begin(self, made: Mapping[str, Any]) -> None:
        """What the first line that is there must be: the log's first, or that of a later file."""
        own = made.get("log", {})
        self._found.name = str(own.get("name", ""))
        if own.get("event") == "continued" and isinstance(own.get("file"), int):
            self._missing = max(0, own["file"] - 1)
            self._n, self._prev = made["n"] - 1, str(made["prev"])
        else:
            self._prev = _hash(self._found.name.encode())

    def _wrong(self, made: Mapping[str, Any]) -> str:
        """What does not fit between a line and the one before; "" for nothing."""
        n, expected = made["n"], self._n + 1
        if self._found.ended and made.get("log", {}).get("event") != "resumed":
            return "it goes on after its end"
        if n != expected:
            if n > expected:
                return f"number {n} follows number {self._n}: lines were cut out or moved before it"
            return f"number {n} follows number {self._n}: it was put in, repeated or moved"
        if made["prev"] != self._prev:
            if not self._n:
                return "it is not the first line of the show that it names: the log's start was cut out or changed"
            return f"it does not fit the line before (number {self._n}): one of the two was changed"
        return ""

    def _note(self, own: Mapping[str, Any]) -> None:
        """What the log says of itself."""
        found, event = self._found, own.get("event")
        found.ended = event == "end"
        if event == "lost" and isinstance(own.get("count"), int):
            found.lost += own["count"]
        if event == "dropped" and isinstance(own.get("file"), int):
            found.dropped = max(found.dropped, own["file"])

    def _signed(self, file: Path, at: int, made: Mapping[str, Any]) -> None:
        bare = {name: value for name, value in made.items() if name != "signature"}
        public, signature = str(made.get("public_key")), str(made["signature"])
        if not keys.is_signed(_DOMAIN + _coded(bare), signature, public):
            self._break(file, at, "its signature does not fit: this line was changed")
            return
        name = keys.key_id(public)
        self._found.signers[name] = self._known.get(name, "")
        self._found.sealed = made["n"]

    def _break(self, file: Path, line: int, what: str) -> None:
        self._found.broken = self._found.broken or Broken(file.name, line, what)


def pieces_of(path: Path) -> list[Path]:
    """The older files of a log, the oldest first."""
    found = (one for one in path.parent.glob(f"{path.stem}.*{path.suffix}") if _number_of(one, path))
    return sorted(found, key=lambda one: _number_of(one, path))


def _piece(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}.{number:04}{path.suffix}")


def _number_of(piece: Path, path: Path | None = None) -> int:
    """The number of an older file; 0 for what is none (of the log at ``path``)."""
    match = re.fullmatch(r"(.+)\.(\d{4,9})(\.\w+)", piece.name)
    same = match and (path is None or (match[1], match[3]) == (path.stem, path.suffix))
    return int(match[2]) if match and same else 0


def _parsed(line: bytes) -> dict[str, Any] | None:
    """A line's table; None for what is none."""
    try:
        made = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not (isinstance(made, dict) and isinstance(made.get("n"), int) and {"prev", "time"} <= made.keys()):
        return None
    told = [made[kind] for kind in ("entry", "log") if kind in made]
    return made if len(told) == 1 and isinstance(told[0], dict) else None


def _coded(made: Mapping[str, Any]) -> bytes:
    """One way to write a table; half a letter, which is none in UTF-8, is written as JSON's escape."""
    text = json.dumps(made, ensure_ascii=False, separators=(",", ":"), default=str)
    return text.encode("utf-8", "backslashreplace")


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _at_end(file: BinaryIO) -> bool:
    here = file.tell()
    more = file.read(1)
    file.seek(here)
    return not more


def told(found: Verified) -> Iterator[str]:
    """What was found, in lines for people."""
    yield f"{found.name}: {found.lines} lines in {len(found.files)} files, {found.began} to {found.until}."
    if found.broken:
        yield f"BROKEN at {found.broken.file}, line {found.broken.line}: {found.broken.what}."
        yield "What stands before that line is as it was written; nothing after it can be trusted."
    else:
        yield "The chain is whole: nothing was cut out, changed, put in or moved."
    for name, holder in found.signers.items():
        whose = holder or "nobody that this machine knows"
        yield f"Signed up to line number {found.sealed} with key {name} ({whose})."
    if not found.signers:
        yield "Nobody has signed it: whoever could write the file could have written another one."
    if found.torn:
        yield "The last line was cut off while it was written, as by a crash or a kill."
    if not found.ended and not found.broken:
        yield (
            "It has no end: the show was killed, still runs, or lines were removed after number "
            f"{found.sealed}."
        )
    if found.dropped:
        yield f"The files up to number {found.dropped} were dropped for want of room, as the log itself says."
    if found.lost:
        yield f"{found.lost} entries found no room in the queue or on the disk, as the log itself says."
    counts = ", ".join(f"{event} {count}" for event, count in sorted(found.events.items()))
    yield f"Entries: {counts}."
