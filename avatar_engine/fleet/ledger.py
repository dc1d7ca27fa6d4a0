"""What the supervisor remembers: one file, written whole before anything is done that it speaks of."""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import threading
import time
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from avatar_engine.errors import AvatarError
from avatar_engine.fleet.plan import Fleet, variables
from avatar_engine.fleet.record import Record, fresh
from avatar_engine.folders import state_folder
from avatar_engine.trust import files

log = logging.getLogger(__name__)


class Ledger(BaseModel):
    """A fleet.

    Attributes:
        id: What tells this fleet's processes from others'.
        file: The fleet's file, for people.
        mode, address, lease, restarts: See `avatar_engine.fleet.plan.Fleet`.
        began: When it was started, seconds since 1970.
        records: What is to run, by name.
        tokens: The newest tokens of what was forgotten, by name: they go on from there when the name comes again.
        variables: Names of all variables with addresses that were ever among its outputs, which no show or fit gets.
        drained: Machines, by id, to which nothing new goes.
        ending: Whether all of it is to end.
    """

    id: str
    file: str = ""
    mode: Literal["local", "ray"] = "local"
    address: str = "auto"
    lease: float = 12.0
    restarts: int = 5
    began: float = 0.0
    records: dict[str, Record] = {}
    tokens: dict[str, int] = {}
    variables: list[str] = []
    drained: list[str] = []
    ending: bool = False

    @classmethod
    def of(cls, fleet: Fleet, file: Path) -> Ledger:
        """A new one."""
        now = time.time()
        records = {name: fresh(name, one, now) for name, one in fleet.plans.items()}
        return cls(
            id=secrets.token_hex(6), file=str(file.absolute()), mode=fleet.mode, address=fleet.address,
            lease=fleet.lease, restarts=fleet.restarts, began=now, records=records,
            variables=sorted({name for one in fleet.plans.values() for name in variables(one)}),
        )  # fmt: skip

    def again(self, fleet: Fleet, file: Path, resume: bool = False) -> Ledger:
        """The fleet of a file that is started anew: what it knew of shows that are still in it stays.

        A show that was on air when all was cut off goes on where it was; one that is over begins anew, or goes on, too,
        with ``resume``. Tokens go on growing, for a machine that was away may still remember them.

        Raises:
            AvatarError: Shows of the former one may still run where the new one would not find them.
        """
        new = Ledger.of(fleet, file)
        held = sorted(name for name, old in self.records.items() if old.holds)
        if held and (self.mode, self.address) != (new.mode, new.address):
            raise AvatarError(
                f"{', '.join(held)} may still run in the fleet of {self.file} (mode {self.mode}).",
                f"Start that one again (fleet up {self.file}) and end it (fleet down); then start this one.",
            )
        if held:
            new.lease = max(new.lease, self.lease)
        tokens = {**self.tokens, **{name: old.token for name, old in self.records.items()}}
        for name, record in new.records.items():
            record.token = tokens.pop(name, 0)
            if old := self.records.get(name):
                record.node = old.node
                goes_on = not old.over or (resume and old.state == "stopped")
                if goes_on and old.plan.kind == record.plan.kind:
                    record.place, record.script, record.aired = old.place, old.script, old.aired + old.on_air
                if old.holds:
                    record.state, record.since, record.wanted = old.state, old.since, "run"
                    record.on_air, record.aired = old.on_air, old.aired
        gone = {
            name: old.model_copy(update={"wanted": "gone"})
            for name, old in self.records.items()
            if name not in new.records and old.holds
        }
        tokens = {name: token for name, token in tokens.items() if name not in gone}
        return new.model_copy(
            update={
                "id": self.id,
                "records": {**new.records, **gone},
                "tokens": tokens,
                "variables": sorted({*self.variables, *new.variables}),
                "drained": self.drained,
            }
        )


def place() -> Path:
    """The fleet's folder."""
    return state_folder() / "fleet"


def load() -> Ledger | None:
    """The fleet that is, or was last; None where there was none.

    Raises:
        AvatarError: What is known of it can't be read.
    """
    path = place() / "ledger.json"
    try:
        return Ledger.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise AvatarError(
            f"What the fleet knew can't be read from {path} ({type(error).__name__}).",
            "Move the file away, and see that no show of it runs (avatar-engine status) before you start it anew.",
        ) from None


def save(ledger: Ledger) -> None:
    """Write it, whole or not at all.

    Raises:
        OSError: It can't be written.
    """
    place().mkdir(parents=True, exist_ok=True, mode=0o700)
    files.write(place() / "ledger.json", ledger.model_dump_json().encode(), replace=True)


class Writer:
    """Writes it in a thread of its own: a disk that takes seconds must not hold up what lengthens leases."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._newest, self._wanted, self._written, self._closing = b"", 0, 0, False
        self._thread = threading.Thread(target=self._run, name="ledger", daemon=True)
        self._thread.start()

    def put(self, text: str) -> int:
        """Have it written; what `wait` takes."""
        with self._changed:
            self._newest, self._wanted = text.encode(), self._wanted + 1
            self._changed.notify_all()
            return self._wanted

    def wait(self, version: int, limit: float) -> bool:
        """Whether it, or a newer one, is on the disk within ``limit`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._written >= version, limit)

    def close(self) -> None:
        """Write what is left."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(10)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or self._wanted > self._written)
                if self._wanted == self._written:
                    return
                text, version = self._newest, self._wanted
            try:
                place().mkdir(parents=True, exist_ok=True, mode=0o700)
                files.write(place() / "ledger.json", text, replace=True)
            except OSError as error:  # a disk that is full must not end what is on air
                log.warning("what the fleet knows is not kept: %s", error)
                time.sleep(1.0)
                if self._closing:
                    return
                continue
            with self._changed:
                self._written = version
                self._changed.notify_all()


class Lock:
    """Held by the one supervisor of this user's state folder, to its end, however that comes."""

    def __init__(self) -> None:
        place().mkdir(parents=True, exist_ok=True, mode=0o700)
        self._descriptor = os.open(place() / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def take(self) -> bool:
        """Whether nobody else has it.

        Raises:
            OSError: There is no locking there.
        """
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Let go of it."""
        os.close(self._descriptor)
