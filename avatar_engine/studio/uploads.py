"""Files that come in pieces: a broken line goes on where it was, and nothing is held in memory.

What a file is called never becomes a path; what it is, is told by its first bytes, and then by a process of its own
that reads it (`avatar_engine.studio.look_at`).
"""

from __future__ import annotations

import re
import secrets
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from avatar_engine.studio.database import Database, Row
from avatar_engine.studio.people import Person
from avatar_engine.studio.refusals import Conflict, Forbidden, Missing, Refusal, TooLarge, TooMany

GB = 1 << 30
MB = 1 << 20


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a file may be for: the most that it may hold, how it may end, and the role that may bring it."""

    most: int
    ends: tuple[str, ...]
    role: str


CLIPS = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".mts", ".ts")
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
PURPOSES = {
    "clip": Purpose(4 * GB, CLIPS, "presenter"),
    "verify": Purpose(4 * GB, (*CLIPS, ".flv", ".mp3", ".wav", ".m4a", ".png", ".jpg", ".jpeg"), "viewer"),
    "background": Purpose(GB, (*PICTURES, ".mp4", ".webm", ".mov"), "technician"),
    "attachment": Purpose(
        200 * MB,
        (
            ".csv",
            ".json",
            ".xml",
            ".toml",
            ".yaml",
            ".yml",
            ".txt",
            ".jsonl",
            ".svg",
            ".ttf",
            ".otf",
            *PICTURES,
            ".mp4",
        ),
        "technician",
    ),
}
PIECE = 16 * MB
"""Bytes of a piece at most."""

FREE = GB
"""Bytes of the disk that stay free."""

MOST_OPEN, KEPT = 10, 86400.0
"""Unfinished uploads of one person, and how long they are kept."""

_MAGIC = (
    (4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (4, b"wide"), (4, b"free"), (0, b"\x1a\x45\xdf\xa3"), (0, b"RIFF"),
    (0, b"FLV\x01"), (0, b"G"), (4, b"G"), (0, b"ID3"), (0, b"\xff\xfb"), (0, b"\xff\xf3"), (0, b"\x89PNG\r\n\x1a\n"),
    (0, b"\xff\xd8\xff"),
)  # fmt: skip
"""Where and how media files begin."""


class Uploads:
    """Takes them.

    Args:
        database: Which there are.
        folder: Where they lie meanwhile.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database, self._folder = database, folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def begin(self, person: Person, purpose: str, name: str, size: int) -> str:
        """Announce a file; the id of its upload.

        Raises:
            Refusal: Nothing of this purpose, size or name is taken, or there is no room.
        """
        wanted = PURPOSES.get(purpose)
        if wanted is None:
            raise Refusal(f"Nothing is uploaded for {purpose[:40]!r}.", f"Purposes: {', '.join(PURPOSES)}.")
        if not person.may(wanted.role):
            raise Forbidden("Your role may not upload this.", f"It takes a {wanted.role}.")
        if Path(name).suffix.lower() not in wanted.ends:
            raise Refusal(
                f"{name[:80]!r} is no file of this kind.", f"It may end in {', '.join(wanted.ends)}."
            )
        if not 0 < size <= wanted.most:
            raise TooLarge(
                f"A file of {size / MB:,.0f} MB is not taken.", f"It may have {wanted.most / MB:,.0f} MB."
            )
        if shutil.disk_usage(self._folder).free - size < FREE:
            raise TooLarge("There is no room for this file on the studio's disk.", "Make room there.")
        self.sweep()
        if len(self._database.rows("SELECT 1 FROM uploads WHERE person = ?", person.id)) >= MOST_OPEN:
            raise TooMany(f"{MOST_OPEN} of your uploads are not finished.", "Finish them, or wait a day.")
        ident = secrets.token_hex(12)
        self._database.do(
            "INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?)",
            ident,
            purpose,
            shown(name),
            size,
            person.id,
            time.time(),
        )
        self._file(ident).touch(mode=0o600)
        return ident

    def at(self, person: Person, ident: str) -> tuple[int, int]:
        """How many bytes are here, and how many there will be.

        Raises:
            Missing: There is no such upload.
        """
        row = self._row(person, ident)
        return self._file(ident).stat().st_size, int(row["size"])

    async def take(self, person: Person, ident: str, offset: int, pieces: AsyncIterator[bytes]) -> int:
        """Add a piece; how many bytes are here now. What came of a piece that breaks off, stays.

        Raises:
            Conflict: It is not the next piece.
            TooLarge: It holds more than was announced.
        """
        row = self._row(person, ident)
        file = self._file(ident)
        here = file.stat().st_size
        if offset != here:
            raise Conflict(
                f"The next piece begins at {here}, not at {offset}.", "Ask where it stands, and go on there."
            )
        with file.open("ab") as out:
            async for piece in pieces:
                here += len(piece)
                if here > row["size"]:
                    raise TooLarge("More came than was announced.", "Begin this upload anew.")
                out.write(piece)
        return here

    def finish(self, person: Person, ident: str, purpose: str) -> tuple[Path, str]:
        """Take a whole file out; where it is, and what it was called. Who calls moves it away.

        Raises:
            Conflict: Bytes are missing.
            Refusal: It is not what its name says.
        """
        row = self._row(person, ident)
        file = self._file(ident)
        if row["purpose"] != purpose:
            raise Refusal(f"This upload is a {row['purpose']}.", "Use it for what it was announced for.")
        if file.stat().st_size != row["size"]:
            raise Conflict(f"{row['size'] - file.stat().st_size:,} bytes are missing.", "Send the rest.")
        self._database.do("DELETE FROM uploads WHERE id = ?", ident)
        if purpose != "attachment" and not _is_media(file):
            file.unlink()
            raise Refusal(f"{row['name']} is no media file, whatever its name says.", "Choose another file.")
        return file, str(row["name"])

    def drop(self, person: Person, ident: str) -> None:
        """Give an upload up.

        Raises:
            Missing: There is no such upload.
        """
        self._row(person, ident)
        self._database.do("DELETE FROM uploads WHERE id = ?", ident)
        self._file(ident).unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what nobody went on with."""
        for row in self._database.rows("SELECT id FROM uploads WHERE created < ?", time.time() - KEPT):
            self._database.do("DELETE FROM uploads WHERE id = ?", row["id"])
            self._file(row["id"]).unlink(missing_ok=True)

    def _file(self, ident: str) -> Path:
        return self._folder / f"{ident}.part"

    def _row(self, person: Person, ident: str) -> Row:
        row = self._database.row("SELECT * FROM uploads WHERE id = ? AND person = ?", ident, person.id)
        if row is None or not self._file(ident).exists():
            raise Missing("There is no such upload.", "Begin it anew.")
        return row


def shown(name: str) -> str:
    """A file's name as people may see it: no path, no sign that can't be seen, of bounded length."""
    bare = re.split(r"[\\/]", name)[-1]
    plain = "".join(sign for sign in bare if sign.isprintable()).strip(". ") or "file"
    stem, suffix = plain[: -len(end)] if (end := Path(plain).suffix) else plain, Path(plain).suffix
    return f"{stem[:80]}{suffix[:10]}"


def _is_media(file: Path) -> bool:
    with suppress(OSError), file.open("rb") as opened:
        begin = opened.read(64)
        return any(begin[at : at + len(sign)] == sign for at, sign in _MAGIC)
    return False
