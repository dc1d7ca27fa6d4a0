"""The whole studio: its folder, and what works in it."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import argon2

from avatar_engine import device
from avatar_engine.errors import AvatarError
from avatar_engine.folders import state_folder
from avatar_engine.studio.backgrounds import Backgrounds
from avatar_engine.studio.backup import DATABASE, VAULT
from avatar_engine.studio.clones import Clones
from avatar_engine.studio.database import Database
from avatar_engine.studio.factors import Factors
from avatar_engine.studio.jobs import Jobs
from avatar_engine.studio.outputs import Outputs
from avatar_engine.studio.people import People
from avatar_engine.studio.scripts import Scripts
from avatar_engine.studio.shows import Shows
from avatar_engine.studio.uploads import Uploads
from avatar_engine.studio.vault import Vault
from avatar_engine.trust.audit import Audit

log = logging.getLogger(__name__)

WORK = (sys.executable, "-m", "avatar_engine.studio.work")
LOOK_EVERY = 1.0
"""Seconds between two looks at the jobs."""


def usual_folder() -> Path:
    """Where a studio is unless somebody says otherwise."""
    return state_folder() / "studio"


class House:
    """A studio that works; close it when it is over. Jobs and shows go on without it.

    Args:
        folder: Made where it is not there.
        launch: What goes live with the arguments in its standard input (see `avatar_engine.studio.shows`).
        work: What works on a job (`avatar_engine.studio.work`).
        hasher: Of passwords.

    Raises:
        AvatarError: The folder can't be used.
    """

    def __init__(
        self,
        folder: Path,
        launch: Sequence[str],
        work: Sequence[str] = WORK,
        hasher: argon2.PasswordHasher | None = None,
    ) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.chmod(0o700)
        except OSError as error:
            raise AvatarError(
                f"The studio's folder {folder} can't be made: {error.strerror}.", "Give another --folder."
            ) from error
        self.folder = folder
        self.database = Database(folder / DATABASE)
        self.people = People(self.database, hasher=hasher)
        vault = Vault(folder / VAULT)
        self.factors = Factors(self.database, vault)
        self.outputs = Outputs(self.database, vault)
        self.uploads = Uploads(self.database, folder / "uploads")
        self.jobs = Jobs(self.database, folder / "jobs", work, room=max(1, device.usable_cores() // 2))
        self.clones = Clones(self.database, folder / "clones", self.jobs)
        self.scripts = Scripts(self.database, folder / "scripts")
        self.backgrounds = Backgrounds(folder / "backgrounds")
        self.shows = Shows(self.database, folder / "shows", launch, self.clones, self.scripts, self.outputs)
        self._audit = Audit.begun(folder / "audit.jsonl", "studio")
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._run, name="studio", daemon=True)
        self._watch.start()

    @property
    def audit_log(self) -> Path:
        """The chained log of everything that was done in the studio."""
        return self.folder / "audit.jsonl"

    def note(self, who: str, did: str, **what: Any) -> None:
        """Write down what somebody did; no secret may be in it."""
        self._audit({"event": did, "by": who, "at": round(time.time()), **what})

    def first_link(self) -> str:
        """The secret of a link for the first admin; "" where there is somebody already."""
        if self.people.everybody():
            return ""
        return self.people.invite("admin", "the studio's first start")

    def close(self) -> None:
        """Be done; jobs and shows go on."""
        self._over.set()
        self._watch.join(5)
        self._audit.close()
        self.database.close()

    def _run(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            try:
                self.jobs.look()
            except Exception:
                log.exception("the jobs could not be looked at")
