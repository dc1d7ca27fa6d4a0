"""Where a show leaves its figures: one folder a show, found again by name."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from avatar_engine.errors import AvatarError
from avatar_engine.folders import state_folder

KEPT = 100
"""Shows whose folders are kept; the oldest goes when a new one begins."""

LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class ShowFolder:
    """A show's files.

    Attributes:
        path: The folder; its name is the show's id.
    """

    path: Path

    @property
    def show(self) -> str:
        """The show's id: its name and when it began."""
        return self.path.name

    @property
    def series(self) -> Path:
        """Snapshots over time, one JSON line each."""
        return self.path / "series.jsonl"

    @property
    def log(self) -> Path:
        """Log lines, JSON; where no other file was asked for."""
        return self.path / "log.jsonl"

    @property
    def journal(self) -> Path:
        """What a hosted show decided and said, JSON lines."""
        return self.path / "journal.jsonl"

    @property
    def audit(self) -> Path:
        """Every decision of a hosted show, chained line by line (`avatar_engine.trust.audit`)."""
        return self.path / "audit.jsonl"

    @property
    def kpis(self) -> Path:
        """The page about what a hosted show achieved."""
        return self.path / "kpis.html"

    @property
    def report(self) -> Path:
        """The page about the show."""
        return self.path / "report.html"

    def about(self) -> dict[str, Any]:
        """What the show is: avatar, script, outputs, log; empty when that can't be read."""
        try:
            read = json.loads((self.path / "show.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return read if isinstance(read, dict) else {}

    def tell(self, about: Mapping[str, Any]) -> None:
        """Write what `about` gives."""
        (self.path / "show.json").write_text(json.dumps(dict(about), indent=1), encoding="utf-8")


def new(name: str) -> ShowFolder:
    """A folder for a show that begins; the oldest beyond `KEPT` are deleted.

    Raises:
        AvatarError: It can't be made.
    """
    plain = re.sub(r"[^\w.-]+", "-", name).strip("-.")[:LONGEST_NAME] or "show"
    root = state_folder() / "shows"
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        number = 1
        while (path := root / f"{plain}-{stamp}{f'-{number}' if number > 1 else ''}").exists():
            number += 1
        path.mkdir(mode=0o700)
    except OSError as error:
        raise AvatarError(
            f"The show's folder in {root} can't be made: {error.strerror}.",
            "Set AVATAR_ENGINE_HOME to a folder that is yours.",
        ) from error
    for old in everything()[KEPT:]:
        shutil.rmtree(old.path, ignore_errors=True)
    return ShowFolder(path)


def everything() -> list[ShowFolder]:
    """All shows that left a folder, the newest first."""
    try:
        found = [path for path in (state_folder() / "shows").iterdir() if _begun(path)]
    except OSError:
        return []
    return [ShowFolder(path) for path in sorted(found, key=_begun, reverse=True)]


def _begun(path: Path) -> int:
    """When a show began, from its id, as a number that sorts; 0 for a folder of another name."""
    match = re.search(r"-(\d{8})-(\d{6})(?:-(\d+))?$", path.name)
    return int(f"{match[1]}{match[2]}{int(match[3] or 1):03}") if match else 0


def find(show: str = "") -> ShowFolder:
    """The show of this id or, of several of this name, the newest; the newest of all without a name.

    Raises:
        AvatarError: There is none.
    """
    shows = everything()
    exact = [one for one in shows if one.show == show]
    named = [
        one for one in shows if not show or re.fullmatch(re.escape(show) + r"-\d{8}-\d{6}(-\d+)?", one.show)
    ]
    if found := exact or named:
        return found[0]
    known = ", ".join(one.show for one in shows[:5])
    raise AvatarError(
        f"No show {show!r} has been on air here." if show else "No show has been on air here.",
        f"The latest: {known}." if known else "Begin one: avatar-engine live --help",
    )


def last_line(log: Path) -> str:
    """The last line of what a program printed, cut for people; "" for none."""
    lines = [line.strip() for line in _end(log, 4096).splitlines() if line.strip()]
    return lines[-1][:160] if lines else ""


def error_in(log: Path) -> str:
    """The last error in what a program of the command line printed; "" for none."""
    _, found, after = _end(log, 16_384).rpartition("Error:")
    return " ".join(after.split())[:600] if found else ""


def _end(log: Path, most: int) -> str:
    """The last bytes of a file that may be growing; "" where there is none."""
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - most))
        return file.read().decode("utf-8", "replace")
    return ""
