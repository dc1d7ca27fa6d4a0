"""The capacity that was measured, kept in the state folder."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import ValidationError

from avatar_engine.capacity import machine
from avatar_engine.capacity.model import VERSION, Capacity, Machine
from avatar_engine.errors import AvatarError
from avatar_engine.folders import state_folder

OLD = timedelta(days=90)
"""Age from which on a measurement is told to be old."""

AGAIN = "Measure again: avatar-engine capacity"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept.

    Attributes:
        capacity: What was measured.
        foreign: What is another on this machine than it was on the one that was measured, in words; nothing is
            decided by figures of another machine.
        stale: Why it should be measured again all the same, in words.
    """

    capacity: Capacity
    foreign: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()

    @property
    def advice(self) -> str:
        """What is wrong with it and what to do, in a line; "" for nothing."""
        if self.foreign:
            return f"The capacity was measured on another machine: {', '.join(self.foreign)}. {AGAIN}"
        return f"The capacity is stale: {', '.join(self.stale)}. {AGAIN}" if self.stale else ""


def place() -> Path:
    """The file in which it is kept."""
    return state_folder() / "capacity.json"


def kept() -> Capacity | None:
    """What this machine carries, as it was measured; None where it never was, or on another machine."""
    found = look()
    return found.capacity if found and not found.foreign else None


def look(now: Machine | None = None, moment: datetime | None = None) -> Kept | None:
    """What is kept, and whether it is still true; None where there is nothing that can be read.

    Args:
        now: The machine as it is; looked at when None.
        moment: The time, UTC; now when None.
    """
    try:
        capacity = Capacity.model_validate_json(place().read_bytes())
    except (OSError, ValidationError):
        return None
    if capacity.version != VERSION or not capacity.sizes:
        return None
    now = now or machine.fingerprint()
    stale = []
    if capacity.machine.engine != now.engine:
        stale.append(f"it is of engine {capacity.machine.engine}, this is {now.engine}")
    age = (moment or datetime.now(UTC)) - _moment(capacity.measured)
    if age > OLD:
        stale.append(f"it is {age.days} days old")
    return Kept(capacity, machine.changed(capacity.machine, now), tuple(stale))


def keep(capacity: Capacity) -> Path:
    """Keep it, whole or not at all; where.

    Raises:
        AvatarError: It can't be written.
    """
    path = place()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".capacity", delete=False) as file:
            file.write(capacity.model_dump_json(indent=1).encode())
        Path(file.name).replace(path)
    except OSError as error:
        raise AvatarError(
            f"The capacity can't be kept in {path}: {error.strerror}.",
            "Make room there, or set AVATAR_ENGINE_HOME to a folder that is yours.",
        ) from error
    return path


def _moment(text: str) -> datetime:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


__all__ = ["AGAIN", "OLD", "Kept", "keep", "kept", "look", "place"]
