"""Revocations: a consent is withdrawn, by a signed line on this machine or in a list on the web.

A revocation names a consent by its id, and no person. It counts when it is signed with a key that may revoke: the
presenter's own, that of the technician who signed the consent, or any that this machine knows
(`avatar_engine.trust.keys`); one of a stranger is told in the log and passed over, so that nobody ends others' shows.

A consent may name a list at an https:// address (JSON: ``{"revocations": [...]}``). It is asked each time, with its
ETag, for `LONGEST` and not longer, and a copy is kept. When it can't be had, a copy that was good less than
``grace_hours`` ago will do; an older one, or none, is a refusal. The list itself is not signed: what stands in it
can't be forged, but who serves the list may leave lines out, so serve it from a place that the technicians of the
shows don't write to.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from avatar_engine.errors import AvatarError
from avatar_engine.folders import state_folder
from avatar_engine.trust import files, keys
from avatar_engine.trust.consent import SignedConsent

log = logging.getLogger(__name__)

LARGEST = 4 << 20
"""Bytes of a list."""

LONGEST = 10.0
"""Seconds that a list may take to come, from the first step to the last byte: the show's standing waits for it."""

AHEAD = timedelta(minutes=5)
"""How far a copy may seem to come from the future; more, and somebody has set the clock back."""


def _plain(text: str) -> str:
    if any(not sign.isprintable() for sign in text):
        raise ValueError("must be one line of printable text")
    return text


class Revocation(BaseModel):
    """One consent that is withdrawn.

    Attributes:
        consent: Its id.
        at: When.
        reason: Why, in one line; "" where nobody says.
        public_key: Of whoever revokes, in base64.
        signature: Over the rest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    consent: str = Field(pattern=r"^[0-9a-f]{32}$")
    at: AwareDatetime = Field(strict=False)
    reason: Annotated[str, Field(max_length=300), AfterValidator(_plain)] = ""
    public_key: str = Field(max_length=44)
    signature: str = ""

    def canonical(self) -> bytes:
        """The bytes that are signed."""
        fields = self.model_dump(mode="json", exclude={"signature"})
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return b"avatar-engine revocation\n" + text.encode()


def folder() -> Path:
    """Where this machine's revocations lie, a file each, and copies of lists."""
    return state_folder() / "revocations"


def revoke(consent: str, key: Ed25519PrivateKey, reason: str = "") -> Revocation:
    """Withdraw a consent: from now on this machine refuses it.

    Args:
        consent: Its id.
        key: The presenter's, or a technician's.
        reason: Why, in one line.

    Raises:
        AvatarError: The reason is no line, or it can't be written down.
    """
    try:
        bare = Revocation(
            consent=consent,
            at=datetime.now(UTC).replace(microsecond=0),
            reason=reason.strip(),
            public_key=keys.public_text(key),
        )
    except ValidationError as error:
        raise AvatarError(
            f"This reason is no good: {error.errors()[0]['msg']}.", "Write one short line."
        ) from error
    made = bare.model_copy(update={"signature": keys.sign(key, bare.canonical())})
    path = folder() / f"{made.consent}-{keys.key_id(made.public_key)}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.write(path, made.model_dump_json(indent=1).encode(), replace=True)
    except OSError as error:
        raise _unwritten(path, error) from error
    return made


def enlist(made: Revocation, path: Path) -> int:
    """Add a revocation to a list's file, which is begun where there is none; how many stand in it now.

    Raises:
        AvatarError: The file is no list, or can't be written; it stays as it was.
    """
    try:
        there = _listed(path.read_bytes(), str(path)) if path.exists() else []
        told = [one for one in there if one.signature != made.signature]
        whole = {"revocations": [one.model_dump(mode="json") for one in [*told, made]]}
        files.write(path, json.dumps(whole, indent=1, ensure_ascii=False).encode(), replace=True)
    except OSError as error:
        raise _unwritten(path, error) from error
    return len(told) + 1


def check(signed: SignedConsent, now: datetime | None = None) -> None:
    """Refuse a consent that was withdrawn, and one of which that can't be known.

    Args:
        signed: The consent.
        now: With its time zone; this moment when None.

    Raises:
        AvatarError: It was revoked, or its list can't be had and no copy is new enough.
    """
    check_here(signed)
    if signed.consent.revocation_list:
        _refuse(signed, _of_list(signed, now or datetime.now(UTC)))


def check_here(signed: SignedConsent) -> None:
    """Refuse a consent that was withdrawn as far as this machine knows; nobody else is asked.

    Raises:
        AvatarError: It was.
    """
    _refuse(signed, _here())


def _refuse(signed: SignedConsent, told: Iterable[Revocation]) -> None:
    """Refuse a consent that one of these revokes.

    Raises:
        AvatarError: One does.
    """
    for one in told:
        if one.consent == signed.id and (who := _who(one, signed)):
            day = one.at.astimezone().isoformat(" ", "minutes")
            why = f": {one.reason}" if one.reason else ""
            raise AvatarError(
                f"{signed.consent.presenter}'s consent was revoked by {who} on {day}{why}.",
                "Stop using this avatar; `avatar-engine forget` removes it. Only a new consent can allow it again.",
            )


def _who(one: Revocation, signed: SignedConsent) -> str:
    """Who revoked it, as far as it counts; "" for nobody who may."""
    if not keys.is_signed(one.canonical(), one.signature, one.public_key):
        log.warning("a revocation of this consent was changed after it was signed, and does not count")
        return ""
    if one.public_key == signed.consent.presenter_key:
        return "the presenter"
    if one.public_key == signed.consent.technician_key:
        return f"the technician who signed it ({signed.consent.technician})"
    name = keys.key_id(one.public_key)
    if holder := keys.known_keys().get(name):
        return holder
    log.warning("a revocation of this consent is by the unknown key %s, and does not count", name)
    return ""


def _here() -> list[Revocation]:
    """What was revoked on this machine; a file that can't be read is a refusal to guess.

    Raises:
        AvatarError: There is such a file.
    """
    found = []
    for path in sorted(folder().glob("*.json")):
        try:
            found.append(Revocation.model_validate_json(path.read_bytes()))
        except (OSError, ValidationError) as error:
            raise AvatarError(
                f"The revocation {path} can't be read, so nobody knows what it revokes.",
                "Restore it, or move it away once you know.",
            ) from error
    return found


def _of_list(signed: SignedConsent, now: datetime) -> list[Revocation]:
    """What the consent's list says: as it is now, or as a copy says that is new enough.

    Raises:
        AvatarError: Neither is to be had.
    """
    address, grace = signed.consent.revocation_list, timedelta(hours=signed.consent.grace_hours)
    kept = _Copy(address)
    why = kept.ask(now)
    age = now - kept.asked if kept.asked else None
    if why:
        log.warning("the revocation list %s %s", address, why)
    if age is None or not -AHEAD <= age <= grace:
        since = (
            f"the last copy is of {kept.asked.astimezone():%Y-%m-%d %H:%M}"
            if kept.asked
            else "there is no copy"
        )
        raise AvatarError(
            f"Whether {signed.consent.presenter}'s consent was revoked can't be known: the list {address} {why or ''}, "
            f"and {since} (grace_hours in the consent: {signed.consent.grace_hours}).",
            "Let this machine reach that address, then try again.",
        )
    return kept.revocations


class _Copy:
    """The copy of a list, and when it was last known to be as the list is.

    Attributes:
        asked: When the list said so; None for never.
        revocations: What stands in it.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._path = folder() / "lists" / f"{hashlib.sha256(address.encode()).hexdigest()[:16]}.json"
        self.asked: datetime | None = None
        self.revocations: list[Revocation] = []
        self._etag = ""
        try:
            held = json.loads(self._path.read_bytes())
            self.revocations = _listed(json.dumps(held["list"]).encode(), "the copy")
            self.asked, self._etag = datetime.fromisoformat(held["asked"]), str(held["etag"])
        except (OSError, ValueError, KeyError, TypeError, AvatarError):
            self.asked, self._etag, self.revocations = None, "", []

    def ask(self, now: datetime) -> str:
        """Ask for the list; why it can't be had, "" where it was."""
        from avatar_engine.web import Web, WebError  # its second's start is for consents with a list alone

        host, given_up = urlsplit(self._address).hostname or "", time.monotonic() + LONGEST
        try:
            with Web(host, LONGEST, proxy=_proxy(self._address, host)) as web:
                sent = {"If-None-Match": self._etag} if self._etag else {}
                answer = web.get(self._address, LARGEST, sent, redirects=0)
            if answer.unchanged and not self._etag:
                return "answers 304, though nothing was known of it"
            if not answer.unchanged:
                self.revocations = _listed(answer.body, "it")
                self._etag = answer.headers.get("etag", "")
        except WebError as error:
            late = error.away and time.monotonic() > given_up
            return f"has not come whole after {LONGEST:.0f} s" if late else f"can't be had: {error}"
        except AvatarError:
            return "is no list of revocations"
        self._keep(now)
        return ""

    def _keep(self, now: datetime) -> None:
        self.asked = now
        told = [one.model_dump(mode="json") for one in self.revocations]
        held = {
            "address": self._address,
            "asked": now.isoformat(),
            "etag": self._etag,
            "list": {"revocations": told},
        }
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            files.write(self._path, json.dumps(held).encode(), replace=True)
        except OSError as error:
            log.warning("no copy of the revocation list is kept: %s", error.strerror)


def _proxy(address: str, host: str) -> str:
    """The proxy of this machine's settings for an address; "" for none."""
    from urllib.request import getproxies, proxy_bypass

    return "" if proxy_bypass(host) else getproxies().get(urlsplit(address).scheme, "")


def _listed(data: bytes, where: str) -> list[Revocation]:
    """The lines of a list; what is none of ours is passed over, for a list may serve several engines.

    Raises:
        AvatarError: It is no list.
    """
    try:
        table: Any = json.loads(data)
        lines: Iterable[Any] = table["revocations"]
        if not isinstance(lines, list):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise AvatarError(
            f"{where} is no list of revocations.", 'It is JSON: {"revocations": [...]}'
        ) from None
    found = []
    for line in lines:
        try:
            found.append(Revocation.model_validate_json(json.dumps(line)))
        except (ValidationError, ValueError):
            log.warning("a line of the revocation list can't be read and is passed over")
    return found


def _unwritten(path: Path, error: OSError) -> AvatarError:
    return AvatarError(
        f"{path} can't be written: {error.strerror}.", "Choose a folder that exists and is yours."
    )
