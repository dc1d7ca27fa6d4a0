"""Where a show stands in its script, kept on disk so that ``live --resume`` can go on there."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from avatar_engine.errors import AvatarError
from avatar_engine.folders import state_folder

log = logging.getLogger(__name__)

_TABLE = """CREATE TABLE IF NOT EXISTS position
(script TEXT PRIMARY KEY, sha256 TEXT NOT NULL, item INTEGER NOT NULL, saved TEXT NOT NULL) WITHOUT ROWID"""

_SAVE = """INSERT INTO position VALUES (?, ?, ?, datetime('now')) ON CONFLICT (script)
DO UPDATE SET sha256 = excluded.sha256, item = excluded.item, saved = excluded.saved"""


class Position:
    """One script's place: the item that comes after what was heard whole, counted over all rounds.

    Args:
        script: The script's file.

    Raises:
        AvatarError: The state folder can't be written.
    """

    def __init__(self, script: Path) -> None:
        self._name = str(script.resolve())
        self._hash = hashlib.sha256(script.read_bytes()).hexdigest()
        self._saved = -1
        folder = state_folder()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._store = sqlite3.connect(folder / "shows.sqlite", timeout=5.0)
            self._store.execute("PRAGMA journal_mode = WAL")
            self._store.execute("PRAGMA synchronous = FULL")
            self._store.execute(_TABLE)
            self._store.commit()
        except (OSError, sqlite3.Error) as error:
            raise AvatarError(
                f"The show's position can't be kept in {folder} ({error}).",
                "Make room there, or set AVATAR_ENGINE_HOME to a folder that can be written.",
            ) from None

    def load(self) -> int:
        """Where the last show of this script broke off; 0 where it ended, or there was none.

        Raises:
            AvatarError: The script was changed since.
        """
        with closing(
            self._store.execute("SELECT sha256, item, saved FROM position WHERE script = ?", (self._name,))
        ) as found:
            row = found.fetchone()
        if row is None:
            return 0
        if row[0] != self._hash:
            raise AvatarError(
                f"The script {self._name} was changed since its show broke off ({row[2]} UTC).",
                "Put it back as it was, or start without --resume to begin at the top.",
            )
        return int(row[1])

    def save(self, item: int) -> None:
        """Remember the place; costs nothing while it is the same."""
        if item != self._saved:
            self._saved = item
            self._write(_SAVE, (self._name, self._hash, item))

    def finish(self) -> None:
        """The script was heard to its end: the next show starts from the top."""
        self._write("DELETE FROM position WHERE script = ?", (self._name,))

    def _write(self, order: str, values: tuple[str | int, ...]) -> None:
        try:
            with self._store:
                self._store.execute(order, values)
        except sqlite3.Error as error:  # a full disk must not end a show
            log.warning("the show's position is not kept: %s", error)

    def close(self) -> None:
        """Let go of the file."""
        self._store.close()
