"""The studio's database: one SQLite file in WAL mode, which survives a kill at any moment."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from avatar_engine.errors import AvatarError

Row = dict[str, Any]

_SCHEMA = (
    """
CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE, role TEXT NOT NULL,
    password TEXT NOT NULL, language TEXT NOT NULL DEFAULT '', theme TEXT NOT NULL DEFAULT '',
    active INTEGER NOT NULL DEFAULT 1, created REAL NOT NULL) STRICT;
CREATE TABLE invitations (hash TEXT PRIMARY KEY, role TEXT NOT NULL, person INTEGER REFERENCES people ON DELETE CASCADE,
    by TEXT NOT NULL, expires REAL NOT NULL) STRICT;
CREATE TABLE sessions (hash TEXT PRIMARY KEY, person INTEGER NOT NULL REFERENCES people ON DELETE CASCADE,
    csrf TEXT NOT NULL, created REAL NOT NULL, seen REAL NOT NULL, flash TEXT NOT NULL DEFAULT '') STRICT;
CREATE TABLE tokens (id INTEGER PRIMARY KEY, hash TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
    person INTEGER NOT NULL REFERENCES people ON DELETE CASCADE, created REAL NOT NULL, used REAL) STRICT;
CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE uploads (id TEXT PRIMARY KEY, purpose TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL,
    person INTEGER NOT NULL REFERENCES people ON DELETE CASCADE, created REAL NOT NULL) STRICT;
CREATE TABLE clones (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, clip TEXT NOT NULL, sha256 TEXT NOT NULL,
    info TEXT NOT NULL, decision TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '',
    by TEXT NOT NULL, created REAL NOT NULL) STRICT;
CREATE TABLE jobs (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, title TEXT NOT NULL, clone INTEGER, asked TEXT NOT NULL,
    state TEXT NOT NULL, pid INTEGER, born REAL, tries INTEGER NOT NULL DEFAULT 0, by TEXT NOT NULL,
    created REAL NOT NULL, started REAL, ended REAL, error TEXT NOT NULL DEFAULT '',
    advice TEXT NOT NULL DEFAULT '') STRICT;
CREATE TABLE outputs (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, shown TEXT NOT NULL, host TEXT NOT NULL,
    sealed BLOB NOT NULL, by TEXT NOT NULL, created REAL NOT NULL) STRICT;
CREATE TABLE scripts (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, version INTEGER NOT NULL DEFAULT 1,
    by TEXT NOT NULL, updated REAL NOT NULL) STRICT;
CREATE TABLE shows (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL UNIQUE, clone INTEGER NOT NULL,
    script TEXT NOT NULL, outputs TEXT NOT NULL, preview INTEGER NOT NULL, asked TEXT NOT NULL, state TEXT NOT NULL,
    pid INTEGER, born REAL, show TEXT NOT NULL DEFAULT '', by TEXT NOT NULL, created REAL NOT NULL, ended REAL,
    error TEXT NOT NULL DEFAULT '') STRICT;
""",
    """
ALTER TABLE people ADD COLUMN factor BLOB;
ALTER TABLE people ADD COLUMN factor_step INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN confirmed REAL NOT NULL DEFAULT 0;
CREATE TABLE spare_codes (hash TEXT PRIMARY KEY, person INTEGER NOT NULL REFERENCES people ON DELETE CASCADE) STRICT;
CREATE TABLE half_in (hash TEXT PRIMARY KEY, person INTEGER NOT NULL REFERENCES people ON DELETE CASCADE,
    expires REAL NOT NULL) STRICT;
""",
)
"""A script for every version of the schema, from the one before."""


class Database:
    """One connection that all threads share, one statement at a time.

    Args:
        file: Made where it is not there.

    Raises:
        AvatarError: It can't be opened, or a newer engine has written it.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.RLock()
        try:
            self._store = sqlite3.connect(file, timeout=10.0, check_same_thread=False, isolation_level=None)
            file.chmod(0o600)
            self._store.row_factory = sqlite3.Row
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                self._store.execute(f"PRAGMA {pragma}")
            self._migrate()
        except (OSError, sqlite3.Error) as error:
            raise AvatarError(
                f"The studio's database {file} can't be used ({error}).",
                "Give yourself the right to that folder, or restore a backup: avatar-engine studio restore",
            ) from None

    def _migrate(self) -> None:
        version = int(self._store.execute("PRAGMA user_version").fetchone()[0])
        if version > len(_SCHEMA):
            raise AvatarError(
                f"{self.file} was written by a newer engine (version {version}).", "Install that engine."
            )
        for number, script in enumerate(_SCHEMA[version:], version + 1):
            self._store.executescript(f"BEGIN IMMEDIATE;{script};PRAGMA user_version = {number};COMMIT;")

    def rows(self, sql: str, *values: Any) -> list[Row]:
        """All rows of a query."""
        with self._lock:
            return [dict(row) for row in self._store.execute(sql, values)]

    def row(self, sql: str, *values: Any) -> Row | None:
        """The first row of a query."""
        found = self.rows(sql, *values)
        return found[0] if found else None

    def do(self, sql: str, *values: Any) -> int:
        """Change something; the number of rows that were changed, or of the row that was put in."""
        with self._lock:
            done = self._store.execute(sql, values)
            put_in = sql.lstrip().upper().startswith("INSERT")
            return int(done.lastrowid or 0) if put_in else done.rowcount

    @contextmanager
    def together(self) -> Iterator[None]:
        """All of it, or nothing."""
        with self._lock:
            self._store.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._store.execute("ROLLBACK")
                raise
            self._store.execute("COMMIT")

    def setting(self, key: str, default: str = "") -> str:
        """A setting's value."""
        found = self.row("SELECT value FROM settings WHERE key = ?", key)
        return str(found["value"]) if found else default

    def set(self, key: str, value: str) -> None:
        """Keep a setting."""
        self.do(
            "INSERT INTO settings VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            key,
            value,
        )

    def copy_to(self, file: Path) -> None:
        """Write a whole copy, while others go on writing."""
        with sqlite3.connect(file) as target, self._lock:
            self._store.backup(target)
        target.close()

    def close(self) -> None:
        """Close it."""
        with self._lock:
            self._store.close()
