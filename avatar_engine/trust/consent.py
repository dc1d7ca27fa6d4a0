"""The presenter's consent: who agreed to what, until when, for which clip; signed, and checked before every use.

A consent is a TOML file with two tables. ``[consent]`` is the record in plain words and dates;
``[signature]`` is the technician's Ed25519 signature over the record's canonical bytes (sorted, compact
JSON), so that spaces, comments and line ends may change and nothing else. The file's text goes into the
bundle verbatim and is verified again by whoever uses the bundle.

The meaning of its parts:

- **uses** are those of `USES`; a use that is not named is not allowed.
- **languages** are BCP 47 tags; ``fr`` allows ``fr-CA`` too, ``fr-CA`` allows only itself.
- **valid_from** and **valid_until** are days, both included, in the time zone of the machine that asks.
- **clip_sha256** binds it to one file: a consent for one clip makes no clone of another.
- **technician_key** is inside what is signed. A key that this machine does not know is a warning, see
  `avatar_engine.trust.keys`.

Version 2 adds, all of it signed:

- **platforms**: where shows may go (`avatar_engine.trust.platforms`); ``any`` is everywhere.
- **revocation_list** and **grace_hours**: an address at which revocations are told
  (`avatar_engine.trust.revocation`), and for how many hours an older copy of them will do.
- **presenter_key**: the presenter's own public key (`avatar_engine.trust.presenter`). The consent then carries the
  presenter's signature, too, in ``[presenter]``, and is none without it.
- **publish_with**: ``permit``, where going on air needs a permit that the presenter signs
  (`avatar_engine.trust.permit`).

A consent of version 1 means what it meant when it was signed: every platform, no list, no permit, and no signature but
the technician's. It can be revoked like any other.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

import tomli_w
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from avatar_engine.errors import AvatarError
from avatar_engine.trust import files, keys, platforms
from avatar_engine.trust.statement import USES, statement

if TYPE_CHECKING:
    from rich.console import RenderableType

VERSION = 2
"""The newest record that this engine writes and reads."""

GRACE_HOURS = 24
"""For how long a copy of a revocation list that can't be reached will do, unless the consent says otherwise."""

_LIMIT = 1 << 20
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_ALGORITHM = "Ed25519"
_AGAIN = "Make it again: avatar-engine consent new"


def _plain_line(text: str) -> str:
    if not text.strip() or any(not sign.isprintable() for sign in text):
        raise ValueError("must be one line of printable text")
    return text


def _known_use(use: str) -> str:
    if use not in USES:
        raise ValueError(f"{use!r} is no known use; known: {', '.join(USES)}")
    return use


def _language_tag(tag: str) -> str:
    if not _TAG.fullmatch(tag):
        raise ValueError(f"{tag!r} is no language tag such as en, fr or pt-BR")
    return tag


Line = Annotated[str, Field(max_length=300), AfterValidator(_plain_line)]
Use = Annotated[str, AfterValidator(_known_use)]
Tag = Annotated[str, AfterValidator(_language_tag)]
Platform = Annotated[str, Field(max_length=253), AfterValidator(platforms.checked)]


def _list_address(address: str) -> str:
    parts = urlsplit(address)
    safe = parts.scheme == "https" or (
        parts.scheme == "http" and platforms.rehearsal(parts.hostname or "none")
    )
    if address and not (safe and parts.hostname and parts.username is None):
        raise ValueError(f"{address!r} is no https:// address")
    return address


_SECOND = frozenset({"platforms", "revocation_list", "grace_hours", "presenter_key", "publish_with"})
"""Fields that version 1 has not."""


class Consent(BaseModel):
    """What was agreed: the part of the file that is signed. The module says what each field means."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    version: Literal[1, 2] = 2
    presenter: Line
    uses: Annotated[tuple[Use, ...], Field(min_length=1, strict=False)]
    languages: Annotated[tuple[Tag, ...], Field(min_length=1, strict=False)]
    valid_from: date
    valid_until: date
    clip_name: Line
    clip_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    technician: Line
    technician_key: str = Field(min_length=44, max_length=44)
    statement: str = Field(min_length=1, max_length=10_000)
    platforms: Annotated[tuple[Platform, ...], Field(min_length=1, strict=False)] = (platforms.ANY,)
    revocation_list: Annotated[str, Field(max_length=1000), AfterValidator(_list_address)] = ""
    grace_hours: int = Field(GRACE_HOURS, ge=0, le=24 * 31)
    presenter_key: str = Field("", max_length=44)
    publish_with: Literal["", "permit"] = ""

    @model_validator(mode="after")
    def _in_order(self) -> Consent:
        if self.valid_until < self.valid_from:
            raise ValueError(f"it ends on {self.valid_until}, before it begins on {self.valid_from}")
        if self.version == 1 and (later := self.model_fields_set & _SECOND):
            raise ValueError(f"it is of version 1, which has no {', '.join(sorted(later))}")
        if self.publish_with and not self.presenter_key:
            raise ValueError("a permit needs the presenter's own key")
        return self

    def canonical(self) -> bytes:
        """The bytes that are signed: a fixed heading, then sorted compact JSON."""
        fields = self.model_dump(mode="json", exclude=set(_SECOND) if self.version == 1 else None)
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return b"avatar-engine consent\n" + text.encode()


@dataclass(frozen=True, slots=True)
class SignedConsent:
    """A consent whose signature was verified; only `load`, `from_record`, `parse` and `new` make one.

    Attributes:
        consent: What was agreed.
        signature: The technician's signature in base64.
        text: The file's text, verbatim.
        presenter_signature: The presenter's own, in base64; "" where the consent has no key of the presenter's.
    """

    consent: Consent
    signature: str
    text: str
    presenter_signature: str = ""

    @property
    def id(self) -> str:
        """Which consent it is: the start of the sha256 of what was signed, 32 hexadecimal digits. No name is in it."""
        return hashlib.sha256(self.consent.canonical()).hexdigest()[:32]

    @property
    def key_id(self) -> str:
        """The short name of the technician's key."""
        return keys.key_id(self.consent.technician_key)

    @property
    def holder(self) -> str | None:
        """Who is known on this machine to hold the key, or None for an unknown key."""
        return keys.known_keys().get(self.key_id)

    def record(self) -> dict[str, str]:
        """What goes into a bundle's manifest: verbatim text, signature, public key."""
        return {"text": self.text, "signature": self.signature, "public_key": self.consent.technician_key}

    def describe(self) -> RenderableType:
        """The consent as a Rich table, with a warning where the key is unknown here."""
        from rich.table import Table
        from rich.text import Text

        agreed, holder = self.consent, self.holder
        table = Table(show_header=False, box=None)
        table.add_column(style="dim")
        table.add_column(overflow="fold")
        signer = f"{agreed.technician}, key {self.key_id}"
        rows = [
            ("presenter", agreed.presenter),
            ("uses", "; ".join(f"{use} ({USES[use]})" for use in agreed.uses)),
            ("languages", ", ".join(agreed.languages)),
            (
                "platforms",
                ", ".join(agreed.platforms) if agreed.version > 1 else "any (version 1 names none)",
            ),
            ("valid", f"{agreed.valid_from} to {agreed.valid_until} ({standing(agreed)})"),
            ("clip", f"{agreed.clip_name} (sha256 {agreed.clip_sha256[:16]}…)"),
            ("revocations", _where_revoked(agreed)),
            (
                "on air",
                "with a permit that the presenter signs" if agreed.publish_with else "without a permit",
            ),
            ("signed by", f"{signer} ({holder})" if holder else signer),
            ("and by", _presenter_signed(self)),
            ("statement", agreed.statement),
            ("id", self.id),
        ]
        for what, value in rows:
            table.add_row(what, Text(value))  # as text: a name in square brackets is no markup
        if holder is None:
            known = "; ".join(f"{name} ({who})" for name, who in keys.known_keys().items()) or "none"
            warning = (
                f"This key is not known on this machine: the signer's name is unproven. Known keys: {known}."
            )
            table.add_row("warning", Text(warning, style="yellow"))
        return table


def _where_revoked(agreed: Consent) -> str:
    if not agreed.revocation_list:
        return "told on this machine alone"
    return f"{agreed.revocation_list}, a copy of which will do for {agreed.grace_hours} h"


def _presenter_signed(signed: SignedConsent) -> str:
    if not signed.consent.presenter_key:
        return "nobody else: the presenter's agreement is as true as the technician's word"
    own = f"the presenter, key {keys.key_id(signed.consent.presenter_key)}"
    return own if signed.presenter_signature else f"(waits for {own})"


def standing(consent: Consent, on: date | None = None) -> str:
    """``valid``, ``not yet valid`` or ``expired`` on a day (today when None)."""
    day = on or date.today()
    if day < consent.valid_from:
        return "not yet valid"
    return "valid" if day <= consent.valid_until else "expired"


def new(
    video: Path,
    *,
    presenter: str,
    uses: Iterable[str],
    languages: Iterable[str],
    valid_until: date,
    technician: str,
    output: Path,
    valid_from: date | None = None,
    platforms: Iterable[str] = (platforms.ANY,),
    revocation_list: str = "",
    grace_hours: int = GRACE_HOURS,
    presenter_key: str = "",
    presenter_signs: Ed25519PrivateKey | None = None,
    publish_with: Literal["", "permit"] = "",
    overwrite: bool = False,
) -> SignedConsent:
    """Sign a consent with this technician's key, bound to the clip ``video``, and write it to ``output``.

    The statement is written in the first of ``languages`` that has one, otherwise in English.

    Args:
        presenter_key: The presenter's public key. The consent is none until `sign` has added the presenter's signature.
        presenter_signs: The presenter's key, where it is at hand: the signature is added at once.

    Raises:
        AvatarError: A field is wrong, the clip can't be read, it would have expired already, or ``output``
            exists and ``overwrite`` is not set.
    """
    if output.exists() and not overwrite:
        raise AvatarError(f"{output} exists already.", "Choose another name, or add --force to replace it.")
    begin = valid_from or date.today()
    if valid_until < date.today():
        raise AvatarError(f"A consent until {valid_until} has expired already.", "Choose a day to come.")
    key = keys.technician_key()
    fields: dict[str, Any] = {
        "presenter": presenter.strip(),
        "uses": tuple(dict.fromkeys(uses)),
        "languages": tuple(dict.fromkeys(languages)),
        "valid_from": begin,
        "valid_until": valid_until,
        "clip_name": video.name,
        "clip_sha256": clip_sha256(video),
        "technician": technician.strip(),
        "technician_key": keys.public_text(key),
        "platforms": tuple(dict.fromkeys(platforms)),
        "revocation_list": revocation_list,
        "grace_hours": grace_hours,
        "presenter_key": keys.public_text(presenter_signs) if presenter_signs else presenter_key,
        "publish_with": publish_with,
    }
    consent = _validated({**fields, "statement": statement(fields)}, "This consent")
    text = _text(consent, keys.sign(key, consent.canonical()), presenter_signs)
    signed = parse(text, str(output), unsigned=True)
    files.put(output, text.encode(), overwrite)
    return signed


def sign(path: Path, key: Ed25519PrivateKey) -> SignedConsent:
    """Add the presenter's signature to a consent that waits for it.

    Raises:
        AvatarError: It is no such consent, or the key is not the one that it names.
    """
    waiting = load(path, unsigned=True)
    if waiting.consent.presenter_key != keys.public_text(key):
        raise AvatarError(
            f"{path} is not to be signed with this code: it names another key of the presenter's, or none.",
            "Use the code whose public key was given to: avatar-engine consent new --presenter-key",
        )
    text = _text(waiting.consent, waiting.signature, key)
    signed = parse(text, str(path))
    files.put(path, text.encode(), overwrite=True)
    return signed


def _text(consent: Consent, signature: str, presenter: Ed25519PrivateKey | None) -> str:
    """The file: the record, the technician's signature and, where ``presenter`` is there, the presenter's."""
    lists = {name: list(getattr(consent, name)) for name in ("uses", "languages", "platforms")}
    table: dict[str, Any] = {
        "consent": {**consent.model_dump(), **lists},
        "signature": {"algorithm": _ALGORITHM, "value": signature},
    }
    if presenter:
        table["presenter"] = {"algorithm": _ALGORITHM, "value": keys.sign(presenter, consent.canonical())}
    heading = "# A signed consent. Any change to what it says breaks the signature.\n\n"
    return heading + tomli_w.dumps(table)


def load(path: Path, unsigned: bool = False) -> SignedConsent:
    """Read a consent file and verify its signatures; `check` says whether it covers a use.

    Args:
        path: The file.
        unsigned: Take one that waits for the presenter's signature, too.

    Raises:
        AvatarError: It is missing, is no consent, is of a newer version, or was changed after it was signed.
    """
    try:
        if not path.is_file():
            raise AvatarError(f"There is no consent file {path}.", "Make one: avatar-engine consent new")
        if path.stat().st_size > _LIMIT:
            raise AvatarError(
                f"{path} is too large for a consent.", "Give the file of avatar-engine consent new."
            )
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise AvatarError(f"{path} is no text in UTF-8.", _AGAIN) from error
    except OSError as error:
        raise AvatarError(f"{path} can't be read: {error.strerror}.", "Check its permissions.") from error
    return parse(text, str(path), unsigned)


def from_record(record: Mapping[str, Any], made: Mapping[str, Any] | None = None) -> SignedConsent:
    """Verify the consent that a bundle's manifest carries.

    Args:
        record: The bundle's consent.
        made: How the bundle was made; its ``source_sha256`` must be the clip that was agreed to.

    Raises:
        AvatarError: There is none, it was changed after it was signed, its parts contradict one another, or it
            is for another clip.
    """
    text = record.get("text")
    if not isinstance(text, str):
        raise AvatarError(
            "This avatar carries no consent.", "Clone the presenter again, with a signed consent."
        )
    signed = parse(text, "The avatar's consent")
    if dict(record) != signed.record():
        raise AvatarError("The avatar's consent contradicts itself.", "Clone the presenter again.")
    if made is not None and made.get("source_sha256") != signed.consent.clip_sha256:
        raise AvatarError(
            f"The avatar was not made from the clip {signed.consent.clip_name}, for which it carries a consent.",
            "Clone the presenter again, with the consent for that clip.",
        )
    return signed


def parse(text: str, where: str, unsigned: bool = False) -> SignedConsent:
    """Read a consent from its text and verify its signatures; ``where`` names it in errors.

    Raises:
        AvatarError: As `load`.
    """
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise AvatarError(f"{where} is no TOML: {error}.", _AGAIN) from error
    record = table.get("consent")
    if not isinstance(record, dict) or not {"signature"} <= set(table) - {"consent"} <= {
        "signature",
        "presenter",
    }:
        raise AvatarError(f"{where} is no signed consent.", _AGAIN)
    version = record.get("version")
    if isinstance(version, int) and version > VERSION:
        raise AvatarError(
            f"{where} has version {version}; this engine reads {VERSION}.", "Upgrade avatar-engine."
        )
    if "version" not in record:
        raise AvatarError(f"{where} has no version.", _AGAIN)
    consent = _validated(record, where)
    signature = _signature(table["signature"], where)
    if not keys.is_signed(consent.canonical(), signature, consent.technician_key):
        raise AvatarError(f"{where} was changed after it was signed.", _AGAIN)
    presenter = _signature(table["presenter"], where) if "presenter" in table else ""
    if presenter and not keys.is_signed(consent.canonical(), presenter, consent.presenter_key):
        raise AvatarError(f"{where} was changed after the presenter signed it.", _AGAIN)
    if consent.presenter_key and not (presenter or unsigned):
        raise AvatarError(
            f"{where} lacks the presenter's signature.",
            "The presenter signs it with their code: avatar-engine consent sign",
        )
    return SignedConsent(consent, signature, text, presenter)


def _signature(seal: Any, where: str) -> str:
    """What a table of a signature holds.

    Raises:
        AvatarError: It is none.
    """
    if not isinstance(seal, dict) or set(seal) != {"algorithm", "value"} or seal["algorithm"] != _ALGORITHM:
        raise AvatarError(f"{where} has no {_ALGORITHM} signature.", _AGAIN)
    if not isinstance(seal["value"], str) or not seal["value"]:
        raise AvatarError(f"{where} has no {_ALGORITHM} signature.", _AGAIN)
    return seal["value"]


def check(
    signed: SignedConsent,
    *,
    use: str | None = None,
    language: str | None = None,
    on: date | None = None,
    clip_sha256: str | None = None,
    hosts: Iterable[str] = (),
) -> None:
    """Refuse what the presenter did not agree to; the error names the consent's line and what stands there.

    Args:
        signed: The verified consent.
        use: What the avatar is used for, one of `USES`; not asked when None.
        language: The language that it is to speak, a BCP 47 tag; not asked when None.
        on: The day of use; today when None.
        clip_sha256: The sha256 of the clip that a clone is made of; not asked when None.
        hosts: Where it is sent; this machine itself may always be among them.

    Raises:
        AvatarError: The consent is not yet valid or expired, or does not cover the clip, use, language or platform.
    """
    consent, day = signed.consent, on or date.today()
    name = consent.presenter
    if day < consent.valid_from:
        raise AvatarError(
            f"{name}'s consent is valid from {consent.valid_from} on (valid_from); it is {day}.",
            "Wait, or ask for a new consent.",
        )
    if day > consent.valid_until:
        raise AvatarError(
            f"{name}'s consent expired on {consent.valid_until} (valid_until); it is {day}.",
            "Ask the presenter again, then: avatar-engine consent new",
        )
    if clip_sha256 is not None and clip_sha256 != consent.clip_sha256:
        raise AvatarError(
            f"{name}'s consent is for the clip {consent.clip_name} (sha256 {consent.clip_sha256[:16]}…), not for this "
            f"one (sha256 {clip_sha256[:16]}…).",
            "Use that clip, or have a consent signed for this one: avatar-engine consent new",
        )
    if use is not None and use not in consent.uses:
        known = "" if use in USES else f" (an unknown use; known: {', '.join(USES)})"
        raise _not_agreed(name, f"use {use!r}{known}", "uses", consent.uses)
    if language is not None and not any(covers(tag, language) for tag in consent.languages):
        raise _not_agreed(name, f"language {language!r}", "languages", consent.languages)
    for host in hosts:
        if not platforms.rehearsal(host) and not platforms.covered(consent.platforms, host):
            raise _not_agreed(name, f"platform {platforms.shown(host)}", "platforms", consent.platforms)


def _not_agreed(name: str, what: str, line: str, agreed: Iterable[str]) -> AvatarError:
    return AvatarError(
        f"{name} did not agree to the {what}, only to: {', '.join(agreed)} ({line} in the consent).",
        "Choose one of these, or ask the presenter for a wider consent.",
    )


def covers(tag: str, language: str) -> bool:
    """Whether the language tag ``tag`` includes ``language``: itself and its regional forms."""
    wide, narrow = tag.lower(), language.lower().replace("_", "-")
    return narrow == wide or narrow.startswith(f"{wide}-")


def clip_sha256(video: Path) -> str:
    """The sha256 of a clip's file, in hexadecimal.

    Raises:
        AvatarError: It can't be read.
    """
    try:
        with video.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise AvatarError(f"The clip {video} can't be read: {error.strerror}.", "Check the path.") from error


def _validated(fields: Mapping[str, Any], where: str) -> Consent:
    try:
        return Consent.model_validate(dict(fields))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(step) for step in first["loc"]) or "its dates"
        reason = first["msg"].removeprefix("Value error, ")
        raise AvatarError(f"{where} is wrong at {field}: {reason}.", "Correct that and try again.") from error
