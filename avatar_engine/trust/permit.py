"""Permits: the presenter's leave to go on air, for a span of time, signed with the presenter's own key.

A code that changes every half minute (TOTP) would be no second factor here: whoever checks it holds the secret that
makes it, and that is the technician's machine. A signature can be checked by everybody and made by the presenter alone.

A permit is a small TOML file. It names its consent by id, and no person.
"""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import tomli_w
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from avatar_engine.errors import AvatarError
from avatar_engine.trust import files, keys, platforms, presenter
from avatar_engine.trust.consent import Platform, SignedConsent

LONGEST = timedelta(days=31)
"""A permit without an end would be no second factor."""

_LARGEST = 64 << 10
_ADVICE = (
    "The presenter makes one: avatar-engine consent permit NAME.avatar -o permit.toml; then live --permit it"
)


class Permit(BaseModel):
    """What the presenter permits.

    Attributes:
        consent: Id of the consent.
        begins, ends: From when to when.
        platforms: Where to; within those of the consent.
        signature: The presenter's, over the rest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    consent: str = Field(pattern=r"^[0-9a-f]{32}$")
    begins: AwareDatetime
    ends: AwareDatetime
    platforms: Annotated[tuple[Platform, ...], Field(min_length=1, strict=False)] = (platforms.ANY,)
    signature: str = ""

    @model_validator(mode="after")
    def _in_order(self) -> Permit:
        if not self.begins < self.ends <= self.begins + LONGEST:
            raise ValueError(f"a permit lasts at most {LONGEST.days} days, and ends after it begins")
        return self

    def canonical(self) -> bytes:
        """The bytes that are signed."""
        fields = self.model_dump(mode="json", exclude={"signature"})
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"))
        return b"avatar-engine permit\n" + text.encode()


def new(
    signed: SignedConsent,
    key: Ed25519PrivateKey,
    output: Path,
    *,
    begins: datetime,
    seconds: float,
    where: tuple[str, ...] = (platforms.ANY,),
    overwrite: bool = False,
) -> Permit:
    """Sign a permit for a consent and write it to ``output``.

    Raises:
        AvatarError: The consent knows no such key, the span or a platform is no good, or the file can't be written.
    """
    refuse_keyless(signed)
    presenter.see_own(key, signed.consent.presenter_key)
    whole = begins.astimezone(UTC).replace(microsecond=0)
    try:
        bare = Permit(
            consent=signed.id, begins=whole, ends=whole + timedelta(seconds=round(seconds)), platforms=where
        )
    except ValidationError as error:
        raise AvatarError(
            f"This permit is wrong: {error.errors()[0]['msg']}.", "Choose another span."
        ) from error
    permit = bare.model_copy(update={"signature": keys.sign(key, bare.canonical())})
    files.put(output, tomli_w.dumps({"permit": permit.model_dump()}).encode(), overwrite)
    return permit


def refuse_keyless(signed: SignedConsent) -> None:
    """Refuse a consent for which nobody can sign a permit.

    Raises:
        AvatarError: It has no key of the presenter's own.
    """
    if not signed.consent.presenter_key:
        raise AvatarError(
            f"{signed.consent.presenter}'s consent has no key of the presenter's own, so nobody can sign a permit.",
            "It needs none to go on air; one that does is made with: avatar-engine consent new --permit",
        )


def load(path: Path) -> Permit:
    """Read a permit; `check` says whether it is one for a consent.

    Raises:
        AvatarError: It can't be read, or is none.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ValueError("it is too large")
        table = tomllib.loads(data.decode())["permit"]
        return Permit.model_validate({**table, "platforms": tuple(table.get("platforms", ()))})
    except OSError as error:
        raise AvatarError(f"The permit {path} can't be read: {error.strerror}.", _ADVICE) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise AvatarError(f"{path} is no permit.", _ADVICE) from error


def check(signed: SignedConsent, permit: Permit | None, hosts: tuple[str, ...], now: datetime) -> None:
    """Refuse to go on air without the presenter's leave, where the consent asks for it.

    Args:
        signed: The consent.
        permit: What the presenter signed; None for nothing.
        hosts: Where it is sent; a rehearsal on this machine needs no permit.
        now: With its time zone.

    Raises:
        AvatarError: There is none, it is another consent's, not the presenter's, or not for now or one of the hosts.
    """
    away = [host for host in hosts if not platforms.rehearsal(host)]
    if not signed.consent.publish_with or not away:
        return
    name = signed.consent.presenter
    if permit is None:
        raise AvatarError(
            f"{name}'s consent asks for a permit to go on air (publish_with), and there is none.", _ADVICE
        )
    if permit.consent != signed.id:
        raise AvatarError(f"The permit is for another consent than {name}'s in this avatar.", _ADVICE)
    if not keys.is_signed(permit.canonical(), permit.signature, signed.consent.presenter_key):
        raise AvatarError(f"The permit was not signed by {name}, or was changed afterwards.", _ADVICE)
    if not permit.begins <= now < permit.ends:
        span = f"from {_local(permit.begins)} to {_local(permit.ends)}"
        raise AvatarError(f"{name}'s permit is for the time {span}; it is {_local(now)}.", _ADVICE)
    for host in away:
        if not platforms.covered(permit.platforms, host):
            raise AvatarError(
                f"{name}'s permit is not for {platforms.shown(host)}, only for: {', '.join(permit.platforms)}.",
                _ADVICE,
            )


def _local(moment: datetime) -> str:
    return moment.astimezone().isoformat(" ", "minutes")
