"""The studio's scripts: each in a folder of its own, with the files that it names beside it."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from avatar_engine.errors import AvatarError
from avatar_engine.studio.confine import confine
from avatar_engine.studio.database import Database, Row
from avatar_engine.studio.people import check_name
from avatar_engine.studio.refusals import Conflict, Missing, Refusal, TooLarge
from avatar_engine.studio.uploads import shown
from avatar_engine.trust import files

FILE = "script.md"
LONGEST = 400_000
"""Letters of a script."""

MOST_FILES = 50
NEW = """---
language: en
---

# Opening

Hello and welcome!

<!-- pause 2s -->

See you in a moment.
"""
_LINE = re.compile(r"^\s*line (\d+)\b[: ]*", re.IGNORECASE)
_OUTWARD = re.compile(r"^\s*(catalogue|chat|host)\s*:", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Script:
    """One of them: ``version`` grows with every change; ``attached`` are the files beside it."""

    id: int
    name: str
    version: int
    by: str
    updated: float
    folder: Path
    attached: tuple[str, ...]

    @property
    def file(self) -> Path:
        """The script itself."""
        return self.folder / FILE

    @property
    def text(self) -> str:
        """What it says."""
        return self.file.read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong, and in which line; 0 for the whole."""

    line: int
    said: str


@dataclass(frozen=True, slots=True)
class Judged:
    """What ``show check`` says: the mistakes, the rest that it told, and whether it may go on air."""

    mistakes: tuple[Mistake, ...]
    told: tuple[str, ...]
    good: bool


class Scripts:
    """Keeps them."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def add(self, name: str, text: str, by: str) -> int:
        """A new script; its number.

        Raises:
            Refusal: The name is taken or none, or the text too long.
        """
        check_name(name)
        _see(text)
        with self._database.together():
            if self._database.row("SELECT 1 FROM scripts WHERE name = ?", name.strip()):
                raise Conflict(f"There is a script {name.strip()!r} already.", "Choose another name.")
            ident = self._database.do(
                "INSERT INTO scripts (name, by, updated) VALUES (?, ?, ?)", name.strip(), by, time.time()
            )
            place = self._folder / str(ident)
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(mode=0o700)
            files.write(place / FILE, _plain(text).encode(), replace=True)
        return ident

    def save(self, ident: int, text: str, version: int, by: str) -> int:
        """Keep a new text, unless somebody else has changed the script since ``version``; the new version.

        Raises:
            Conflict: Somebody has.
            Refusal: There is no such script, or the text is too long.
        """
        _see(text)
        with self._database.together():
            row = self._row(ident)
            if row["version"] != version:
                raise Conflict(
                    f"{row['by']} has changed this script meanwhile (version {row['version']}).",
                    "Copy your text, open the page anew, and put the two together.",
                )
            files.write(self._folder / str(ident) / FILE, _plain(text).encode(), replace=True)
            self._database.do(
                "UPDATE scripts SET version = version + 1, by = ?, updated = ? WHERE id = ?",
                by,
                time.time(),
                ident,
            )
        return version + 1

    def attach(self, ident: int, file: Path, name: str) -> str:
        """Put a file beside the script; what it is called there.

        Raises:
            Refusal: There is no such script, or too much beside it.
        """
        one = self.one(ident)
        plain = re.sub(r"[^\w.-]+", "-", shown(name))
        try:
            if plain in (FILE, "") or plain.startswith("."):
                raise Refusal(f"{plain!r} can't lie beside a script.", "Give the file another name.")
            if len(one.attached) >= MOST_FILES and plain not in one.attached:
                raise TooLarge(f"{MOST_FILES} files lie beside the script.", "Remove some.")
            shutil.move(file, one.folder / plain)
        finally:
            file.unlink(missing_ok=True)
        return plain

    def detach(self, ident: int, name: str) -> None:
        """Remove a file beside the script.

        Raises:
            Missing: There is none.
        """
        one = self.one(ident)
        if name not in one.attached:
            raise Missing(f"No file {name[:80]!r} lies beside this script.", "Look at the list.")
        (one.folder / name).unlink()

    def drop(self, ident: int) -> None:
        """Remove a script and what lies beside it.

        Raises:
            Missing: There is no such script.
        """
        self._row(ident)
        self._database.do("DELETE FROM scripts WHERE id = ?", ident)
        shutil.rmtree(self._folder / str(ident), ignore_errors=True)

    def one(self, ident: int) -> Script:
        """A script.

        Raises:
            Missing: There is none of this number.
        """
        return self._script(self._row(ident))

    def listed(self) -> list[Script]:
        """All of them, the newest change first."""
        return [
            self._script(row) for row in self._database.rows("SELECT * FROM scripts ORDER BY updated DESC")
        ]

    def judge(self, ident: int, text: str | None, allowed: Sequence[str]) -> Judged:
        """What ``show check`` says of it, or of ``text`` in its place; ``allowed`` are hosts that may be asked.

        Raises:
            Missing: There is no such script.
        """
        one = self.one(ident)
        if text is None:
            return judged(one.file, allowed)
        _see(text)
        draft = one.folder / f".draft-{time.monotonic_ns()}.md"
        try:
            draft.write_text(_plain(text), encoding="utf-8")
            return judged(draft, allowed)
        finally:
            draft.unlink(missing_ok=True)

    def _row(self, ident: int) -> Row:
        row = self._database.row("SELECT * FROM scripts WHERE id = ?", ident)
        if row is None:
            raise Missing(f"There is no script {ident}.", "Look at the list of scripts.")
        return row

    def _script(self, row: Row) -> Script:
        folder = self._folder / str(row["id"])
        beside = sorted(path.name for path in folder.iterdir() if path.name != FILE and path.name[0] != ".")
        return Script(
            row["id"], row["name"], row["version"], row["by"], row["updated"], folder, tuple(beside)
        )


def judged(file: Path, allowed: Sequence[str]) -> Judged:
    """What ``avatar-engine show check`` says of a file, each mistake with its line."""
    from avatar_engine.live import studio as furnishing  # catalogue and guard are slow to load

    try:
        confine(file, allowed)
        found = furnishing.checked(file)
    except AvatarError as error:
        said = [
            line.strip() for line in error.what.replace(f"{file}", "The script").splitlines() if line.strip()
        ]
        named = [_mistake(line) for line in said if _LINE.match(line)]
        return Judged(tuple(named or [Mistake(0, " ".join(said))]), (error.advice,), False)
    named = [_mistake(line) for line in found.told if not found.good and _LINE.match(line)]
    told = tuple(line for line in found.told if not (not found.good and _LINE.match(line)))
    return Judged(tuple(named), tuple(line.replace(file.name, FILE) for line in told), found.good)


def _mistake(line: str) -> Mistake:
    match = _LINE.match(line)
    return Mistake(int(match[1]) if match else 0, line[match.end() :] if match else line)


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _see(text: str) -> None:
    if len(text) > LONGEST:
        raise TooLarge(f"A script of {len(text):,} letters is too long.", f"It may have {LONGEST:,}.")
    if "\0" in text:
        raise Refusal("There is a sign in the text that can't be kept.", "Remove it.")
