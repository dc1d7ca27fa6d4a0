"""What a presenter gives and takes back after the consent: permits to go on air, and the consent itself.

Permits lie beside the clone. One that the presenter has signed is used by every show that wants one while it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from avatar_engine.errors import AvatarError
from avatar_engine.studio.clones import Clone
from avatar_engine.studio.refusals import Conflict, Missing, Refusal
from avatar_engine.trust import keys, permit, presenter, revocation
from avatar_engine.trust.consent import SignedConsent
from avatar_engine.trust.revocation import Revocation

FOLDER = "permits"
MOST_HOURS = permit.LONGEST.days * 24


@dataclass(frozen=True, slots=True)
class Kept:
    """A permit that lies beside a clone.

    Attributes:
        name: Its file's.
        begins, ends: Seconds since 1970.
        platforms: Where to.
        state: ``valid``, ``to come`` or ``over``.
    """

    name: str
    begins: float
    ends: float
    platforms: tuple[str, ...]
    state: str


def listed(one: Clone) -> list[Kept]:
    """A clone's permits for the consent that it has now, the newest first."""
    found = []
    for file in sorted((one.folder / FOLDER).glob("*.toml"), reverse=True):
        with suppress(AvatarError):
            read = permit.load(file)
            if one.signed and read.consent == one.signed.id:
                found.append(_kept(file, read))
    return found


def make(one: Clone, code: str, begins: datetime, hours: float, where: Sequence[str]) -> Kept:
    """Sign a permit with the presenter's code, which is used, and kept nowhere.

    Raises:
        AvatarError: There is no consent, it knows no such code, or span or platforms are no good.
    """
    signed = _signed(one)
    if not 0 < hours <= MOST_HOURS:
        raise Refusal(f"A permit of {hours:g} hours is none.", f"Give up to {MOST_HOURS}.")
    if not where:
        raise Refusal("A permit names platforms.", "Choose at least one, or everywhere.")
    place = one.folder / FOLDER
    place.mkdir(mode=0o700, exist_ok=True)
    file = place / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.toml"
    made = permit.new(
        signed, presenter.key_of(code), file, begins=begins, seconds=hours * 3600, where=tuple(where)
    )  # fmt: skip
    return _kept(file, made)


def text_of(one: Clone, name: str) -> str:
    """A permit as it is written.

    Raises:
        Missing: There is none of this name.
    """
    if name not in {kept.name for kept in listed(one)}:
        raise Missing(f"There is no permit {name[:80]!r}.", "Look at the list of permits.")
    return (one.folder / FOLDER / name).read_text(encoding="utf-8")


def for_now(one: Clone, hosts: Sequence[str]) -> str:
    """The text of the newest permit that lets a show go to these hosts now; "" where the consent asks for none, or none
    does."""
    if not (one.signed and one.signed.consent.publish_with):
        return ""
    for kept in listed(one):
        file = one.folder / FOLDER / kept.name
        with suppress(AvatarError):
            permit.check(one.signed, permit.load(file), tuple(hosts), datetime.now(UTC))
            return file.read_text(encoding="utf-8")
    return ""


def withdraw(one: Clone, reason: str, code: str = "") -> Revocation:
    """Withdraw a clone's consent: by the presenter with their code, else by this studio's technician.

    Shows with it end within a minute, and nothing can be made of the clone any more.

    Raises:
        AvatarError: There is no consent, it is withdrawn already, or the code is not the one of the consent.
    """
    signed = _signed(one)
    if one.refused:
        raise Conflict(one.refused, "Only a new consent can allow it again.")
    if not code:
        return revocation.revoke(signed.id, keys.technician_key(), reason)
    key = presenter.key_of(code)
    presenter.see_own(key, signed.consent.presenter_key)
    return revocation.revoke(signed.id, key, reason)


def _signed(one: Clone) -> SignedConsent:
    if one.signed is None:
        raise Conflict("Nobody has agreed yet.", "Fill in the consent, and sign it.")
    return one.signed


def _kept(file: Path, read: permit.Permit) -> Kept:
    now = datetime.now(UTC)
    state = "to come" if now < read.begins else "valid" if now < read.ends else "over"
    return Kept(file.name, read.begins.timestamp(), read.ends.timestamp(), tuple(read.platforms), state)
