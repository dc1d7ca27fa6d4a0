"""Shows that were, and what people may ask of them: reports, key figures, audit, copies and erasure."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avatar_engine.errors import AvatarError
from avatar_engine.figures import ending as endings
from avatar_engine.figures import folder as folders
from avatar_engine.figures.folder import ShowFolder
from avatar_engine.figures.series import snapshots
from avatar_engine.rights import copy, erasure, whose
from avatar_engine.rights.erasure import Plan
from avatar_engine.studio.refusals import Missing
from avatar_engine.trust import audit


@dataclass(frozen=True, slots=True)
class Past:
    """A show that was on this machine, or still is.

    Attributes:
        show: Its id.
        avatar, script, began: As it told them.
        ending: How it ended, in words.
        seconds: Time on air.
        cost: Energy and money (`avatar_engine.figures.cost`); empty where it is not known.
        hosted: Whether it has a journal.
        audience: What is known of its viewers.
    """

    show: str
    avatar: str
    script: str
    began: str
    ending: str
    seconds: float
    cost: dict[str, Any]
    hosted: bool
    audience: dict[str, float]


def listed(most: int = 100) -> list[Past]:
    """The newest first."""
    return [_past(one) for one in folders.everything()[:most]]


def one(show: str) -> ShowFolder:
    """A show's folder, by its id alone.

    Raises:
        Missing: There is none.
    """
    try:
        found = folders.find(show)
    except AvatarError as error:
        raise Missing(error.what, "Look at the list of shows.") from None
    if not show or found.show != show:
        raise Missing(f"There is no show {show[:80]!r}.", "Look at the list of shows.")
    return found


def report_page(show: str) -> str:
    """The page about a show, made now."""
    from avatar_engine.figures import report  # plots are slow to load

    return report.page(report.read(one(show)))


def kpis_page(shows: list[str]) -> str:
    """The key figures of one or several shows, with wordings compared.

    Raises:
        AvatarError: One of them has no journal.
    """
    from avatar_engine.kpis import gathered
    from avatar_engine.kpis import page as kpi_pages

    return kpi_pages.page(gathered.gather([journal_of(show) for show in shows]))


def journal_of(show: str) -> Path:
    """The journal of a show.

    Raises:
        Missing: It has none.
    """
    found = one(show).journal
    if not found.is_file():
        raise Missing(f"The show {show} has left no journal.", "Only a hosted show does.")
    return found


def audited(file: Path) -> tuple[bool, list[str]]:
    """Whether the chain of an audit log is whole, and what is told of it.

    Raises:
        AvatarError: It can't be read.
    """
    found = audit.verify(file)
    return found.broken is None, list(audit.told(found))


def entries(file: Path, most: int = 200) -> list[dict[str, Any]]:
    """The newest entries of an audit log, the newest first; those up to where it breaks."""
    kept: list[dict[str, Any]] = []
    try:
        audit.verify(file, lambda entry: kept.append(dict(entry)))
    except AvatarError:
        return []
    return kept[::-1][:most]


def erasable(name: str, search: Path, sources: bool) -> Plan:
    """Everything that was derived from a presenter; nothing is removed.

    Raises:
        AvatarError: Nobody of this name is known, or several are.
    """
    return erasure.find(whose.meant(name, [search]), [search], sources)


def erase(name: str, search: Path, sources: bool) -> tuple[Plan, Path]:
    """Remove it, and write the record of it; where that is.

    Raises:
        AvatarError: A show of theirs is on air, or something can't be removed.
    """
    plan = erasable(name, search, sources)
    erasure.refuse_running(plan)
    return plan, erasure.erase(plan)


def copied(name: str, search: Path) -> bytes:
    """The presenter's copy of all that was said in their name, as a .zip.

    Raises:
        AvatarError: Nobody of this name is known.
    """
    ids = whose.meant(name, [search])
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "copy.zip"
        copy.write(ids, target)
        return target.read_bytes()


def _past(found: ShowFolder) -> Past:
    about = found.about()
    last: dict[str, Any] = {}
    for point in snapshots(found.series):
        last = point
    status = last.get("status") or {}
    return Past(
        found.show, str(about.get("avatar", "")), Path(str(about.get("script", ""))).name, str(about.get("began", "")),
        endings.ending(about), float(status.get("on_air", 0.0)), dict(last.get("cost") or {}), found.journal.is_file(),
        dict(status.get("audience") or {}),
    )  # fmt: skip
