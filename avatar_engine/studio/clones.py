"""From a clip to a clone that was accepted: what is there of each, and what comes next.

A clone's folder holds its clip, what the check said, the signed consent, and the avatar with its report. What is there
is the truth; the database adds the name, and whether the result was accepted or sent back.
"""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from avatar_engine.bundle import Bundle
from avatar_engine.clone import working
from avatar_engine.errors import AvatarError
from avatar_engine.studio.database import Database, Row
from avatar_engine.studio.jobs import Job, Jobs
from avatar_engine.studio.look_at import look_at
from avatar_engine.studio.people import check_name
from avatar_engine.studio.refusals import Conflict, Missing, Refusal
from avatar_engine.trust import consent as consents
from avatar_engine.trust import presenter, revocation
from avatar_engine.trust.consent import SignedConsent

log = logging.getLogger(__name__)

STEPS = ("clip", "check", "consent", "fit", "accept")
BUDGETS = (480.0, 1200.0, 2700.0)
"""Seconds for a fit that the page offers: a first look, the usual, and the best with a matte."""

LEAST_BUDGET, MOST_BUDGET = 60.0, 6 * 3600.0


@dataclass(frozen=True, slots=True)
class Agreed:
    """What a presenter agrees to on the page; see `avatar_engine.trust.consent`."""

    presenter: str
    uses: Sequence[str]
    languages: Sequence[str]
    valid_until: date
    technician: str
    platforms: Sequence[str] = ("any",)
    code: str = ""
    permit: bool = False


@dataclass(frozen=True, slots=True)
class Clone:
    """One of them.

    Attributes:
        id: Its number.
        name: What it is called; the avatar's file, too.
        folder: Its files.
        clip: The clip's file.
        clip_name: What it was called when it came.
        info: What the clip is (`avatar_engine.media.probe.ClipInfo`).
        by, created: Who brought it, and when.
        decision: ``accepted``, ``returned`` or "".
        reason: Why it was returned.
        checked: What the check said; empty before.
        signed: The consent; None before.
        refused: Why the consent holds no more; "" while it does.
        report: The figures of the clone; empty before.
        jobs: The newest job of each kind.
    """

    id: int
    name: str
    folder: Path
    clip: Path
    clip_name: str
    info: Mapping[str, Any]
    by: str
    created: float
    decision: str
    reason: str
    checked: Mapping[str, Any]
    signed: SignedConsent | None
    refused: str
    report: Mapping[str, Any]
    jobs: Mapping[str, Job]

    @property
    def avatar(self) -> Path:
        """The clone's file, whether it is there or not."""
        return self.folder / f"{self.name}.avatar"

    @property
    def growing(self) -> Path:
        """What the fit's painter paints by now beside real pictures; there while a fit has got so far."""
        return working.growing_of(self.avatar)

    @property
    def fitted(self) -> bool:
        """Whether there is a clone."""
        return self.avatar.is_file()

    @property
    def presenter(self) -> str:
        """Who it is of; "" before the consent."""
        return self.signed.consent.presenter if self.signed else ""

    @property
    def ready(self) -> bool:
        """Whether it may go on air."""
        return self.fitted and self.decision == "accepted" and not self.refused

    @property
    def step(self) -> str:
        """What is to be done next, one of `STEPS`; "" where all is."""
        if self.fitted:
            return "" if self.decision == "accepted" else "accept"
        if self.signed is None:
            return "consent" if self.checked else "check"
        return "fit"

    @property
    def has_matte(self) -> bool:
        """Whether the presenter can stand before another background."""
        from avatar_engine.stage.body import matted  # which loads much

        with suppress(AvatarError):
            return self.fitted and matted(Bundle.open(self.avatar, verify=False))
        return False


class Clones:
    """Keeps them.

    Args:
        database: Which there are.
        folder: Theirs are in it.
        jobs: Checks and fits them.
    """

    def __init__(self, database: Database, folder: Path, jobs: Jobs) -> None:
        self._database, self._folder, self._jobs = database, folder, jobs
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def add(self, name: str, clip: Path, clip_name: str, by: str) -> int:
        """Take a clip that was uploaded, and have it checked; the clone's number.

        Raises:
            Refusal: The name is taken or none, or the clip can't be read; the clip is removed then.
        """
        try:
            check_name(name)
            slug = _slug(name)
            if self._database.row("SELECT 1 FROM clones WHERE name = ?", slug):
                raise Conflict(f"There is a clone {slug!r} already.", "Choose another name.")
            poster = clip.with_suffix(".jpg")
            info = look_at(clip, poster)
            digest = consents.clip_sha256(clip)
            with self._database.together():
                ident = self._database.do(
                    "INSERT INTO clones (name, clip, sha256, info, by, created) VALUES (?, ?, ?, ?, ?, ?)",
                    slug, clip_name, digest, json.dumps(info), by, time.time(),
                )  # fmt: skip
                place = self.folder(ident)
                shutil.rmtree(place, ignore_errors=True)
                place.mkdir(mode=0o700)
                shutil.move(poster, place / "poster.jpg")
                shutil.move(clip, place / f"clip{Path(clip_name).suffix.lower()}")
        finally:
            clip.unlink(missing_ok=True)
            clip.with_suffix(".jpg").unlink(missing_ok=True)
        self.check(ident, by)
        return ident

    def folder(self, ident: int) -> Path:
        """A clone's folder."""
        return self._folder / str(ident)

    def check(self, ident: int, by: str, language: str = "auto") -> int:
        """Have the clip looked at; the job.

        Raises:
            Refusal: There is no such clone, or it is looked at already.
        """
        one = self.one(ident)
        return self._jobs.ask("check", one.name, {"clip": str(one.clip), "language": language}, by, ident)

    def agree(self, ident: int, agreed: Agreed) -> SignedConsent:
        """Sign the consent with the technician's key and, where there is a code, with the presenter's.

        Raises:
            AvatarError: A field is wrong.
            Conflict: There is a clone already.
        """
        one = self.one(ident)
        if one.fitted:
            raise Conflict(
                "There is a clone already, and its consent lies in it.", "Bring the clip again for another."
            )
        if not agreed.uses or not agreed.languages or not agreed.platforms:
            raise Refusal("A consent names uses, languages and platforms.", "Choose at least one of each.")
        mode: Literal["", "permit"] = "permit" if agreed.permit else ""
        return consents.new(
            one.clip,
            presenter=agreed.presenter,
            uses=agreed.uses,
            languages=agreed.languages,
            valid_until=agreed.valid_until,
            technician=agreed.technician,
            platforms=agreed.platforms,
            presenter_signs=presenter.key_of(agreed.code) if agreed.code else None,
            publish_with=mode,
            output=one.folder / "consent.toml",
            overwrite=True,
        )

    def fit(self, ident: int, budget: float, language: str, by: str) -> int:
        """Begin the fit, or go on with it; the job.

        Raises:
            Refusal: There is no consent, no such clone, or the budget is none.
        """
        one = self.one(ident)
        if one.signed is None:
            raise Conflict("Nobody has agreed yet.", "Fill in the consent, and sign it.")
        if one.fitted:
            raise Conflict("There is a clone already.", "Send it back first.")
        if not LEAST_BUDGET <= budget <= MOST_BUDGET:
            raise Refusal(f"A budget of {budget:.0f} s is none.", "Give a minute to six hours.")
        asked = {
            "clip": str(one.clip), "avatar": str(one.avatar), "consent": str(one.folder / "consent.toml"),
            "budget": budget, "language": language,
        }  # fmt: skip
        return self._jobs.ask("fit", one.name, asked, by, ident)

    def matte(self, ident: int, by: str) -> int:
        """Cut the presenter out; the job.

        Raises:
            Refusal: There is no clone yet.
        """
        one = self.one(ident)
        if not one.fitted:
            raise Conflict("There is no clone yet.", "Fit it first.")
        return self._jobs.ask("matte", one.name, {"avatar": str(one.avatar)}, by, ident)

    def decide(self, ident: int, decision: str, reason: str = "") -> None:
        """Accept the clone, or send it back: then it is put aside, and may be fitted again.

        Raises:
            Refusal: There is nothing to decide.
        """
        one = self.one(ident)
        if decision not in ("accepted", "returned"):
            raise Refusal(f"{decision[:40]!r} is no decision.", "Accept it, or send it back.")
        if not one.fitted:
            raise Conflict("There is no clone yet.", "Fit it first.")
        if decision == "returned":
            aside = one.folder / "returned" / time.strftime("%Y%m%d-%H%M%S")
            aside.mkdir(parents=True, exist_ok=True)
            for file in one.folder.glob(f"{one.name}.*"):
                file.rename(aside / file.name)
        self._database.do(
            "UPDATE clones SET decision = ?, reason = ? WHERE id = ?", decision, reason.strip()[:1000], ident
        )

    def one(self, ident: int) -> Clone:
        """A clone.

        Raises:
            Missing: There is none of this number.
        """
        row = self._database.row("SELECT * FROM clones WHERE id = ?", ident)
        if row is None:
            raise Missing(f"There is no clone {ident}.", "Look at the list of clones.")
        return self._clone(row)

    def listed(self) -> list[Clone]:
        """All of them, the newest first."""
        return [self._clone(row) for row in self._database.rows("SELECT * FROM clones ORDER BY id DESC")]

    def gone(self, ident: int) -> None:
        """Forget a clone whose files were erased."""
        self._database.do("DELETE FROM clones WHERE id = ?", ident)
        shutil.rmtree(self.folder(ident), ignore_errors=True)

    def _clone(self, row: Row) -> Clone:
        folder = self.folder(row["id"])
        jobs = {kind: self._jobs.latest(kind, row["id"]) for kind in ("check", "fit", "matte", "look")}
        signed, refused = _consent(folder / "consent.toml")
        avatar = folder / f"{row['name']}.avatar"
        return Clone(
            row["id"], row["name"], folder, folder / f"clip{Path(row['clip']).suffix.lower()}", row["clip"],
            json.loads(row["info"]), row["by"], row["created"], row["decision"], row["reason"],
            _json(folder / "check.json"), signed, refused,
            _json(folder / f"{row['name']}.report.json") if avatar.exists() else {},
            {kind: job for kind, job in jobs.items() if job},
        )  # fmt: skip


def _consent(file: Path) -> tuple[SignedConsent | None, str]:
    """The consent in a file, and why it holds no more; nothing is asked of the network."""
    if not file.exists():
        return None, ""
    try:
        signed = consents.load(file)
    except AvatarError as error:
        return None, error.what
    if (stands := consents.standing(signed.consent)) != "valid":
        return signed, f"The consent is {stands}."
    try:
        revocation.check_here(signed)
    except AvatarError as error:
        return signed, error.what
    return signed, ""


def _json(file: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        read = json.loads(file.read_text(encoding="utf-8"))
        return read if isinstance(read, dict) else {}
    return {}


def _slug(name: str) -> str:
    """A name that is a file's, too."""
    plain = "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in name.strip().lower())
    return "-".join(filter(None, plain.split("-"))) or "clone"
