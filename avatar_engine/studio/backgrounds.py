"""Pictures and videos that presenters stand before."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from avatar_engine.stage.background import TRANSPARENT, chosen
from avatar_engine.studio.refusals import Missing, Refusal
from avatar_engine.studio.uploads import shown

MOST = 200
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


class Backgrounds:
    """Keeps them, by name, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def add(self, file: Path, name: str) -> str:
        """Keep one; what it is called.

        Raises:
            AvatarError: It can't be read, or there are too many.
        """
        plain = re.sub(r"[^\w.-]+", "-", shown(name)).lstrip(".-") or "background"
        target = self._folder / plain
        try:
            if len(self.listed()) >= MOST:
                raise Refusal(f"There are {MOST} backgrounds already.", "Remove some.")
            aside = file.with_suffix(target.suffix.lower())
            file.rename(aside)
            try:
                chosen(str(aside), Path("/"))
            except BaseException:
                aside.unlink(missing_ok=True)
                raise
            shutil.move(aside, target)
        finally:
            file.unlink(missing_ok=True)
        return plain

    def drop(self, name: str) -> None:
        """Remove one.

        Raises:
            Missing: There is none of this name.
        """
        self._path(name).unlink()

    def listed(self) -> list[str]:
        """Their names."""
        return sorted(path.name for path in self._folder.iterdir() if path.is_file())

    def file(self, name: str) -> Path:
        """The file of one.

        Raises:
            Missing: There is none of this name.
        """
        return self._path(name)

    def meant(self, text: str) -> str:
        """What a room is told: ``keep``, ``blur``, ``transparent``, a colour, or a file of these; "" stays.

        Raises:
            Missing: There is none of this name.
        """
        wanted = text.strip()
        if not wanted or wanted in ("keep", "blur", TRANSPARENT) or COLOUR.fullmatch(wanted):
            return wanted
        return str(self._path(wanted))

    def _path(self, name: str) -> Path:
        if name not in self.listed():
            raise Missing(
                f"There is no background {name[:80]!r}.", "Upload it first, or choose keep, blur or a colour."
            )
        return self._folder / name
