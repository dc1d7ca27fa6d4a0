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

import tomli_w
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from avatar_engine.errors import AvatarError
from avatar_engine.trust import files, keys

if TYPE_CHECKING:
    from rich.console import RenderableType

VERSION = 1
"""The newest record that this engine writes and reads."""

USES = {
    "live-shopping": "present and sell products in live shows",
    "advertising": "advertise products and services",
    "customer-service": "answer customers",
    "education": "teach and train",
    "corporate": "speak for a company to its staff and the public",
    "entertainment": "entertain",
    "research": "be measured and shown in research",
    "internal-test": "be tried inside the company, never shown to the public",
}
"""What a presenter can agree to, and what each means."""

_USES_FR = {
    "live-shopping": "présenter et vendre des produits en direct",
    "advertising": "faire la publicité de produits et de services",
    "customer-service": "répondre aux clients",
    "education": "enseigner et former",
    "corporate": "parler au nom d'une entreprise, à son personnel et au public",
    "entertainment": "divertir",
    "research": "être mesurée et montrée dans la recherche",
    "internal-test": "être essayée dans l'entreprise, jamais montrée au public",
}

STATEMENTS = {
    "en": (
        "I, {presenter}, agree that a virtual likeness of my face and my voice is made from the video named "
        "{clip_name} and that it says words that I did not say, in order to {uses}, in these languages: "
        "{languages}, from {valid_from} to {valid_until}. Every picture says that it is AI-generated. I may "
        "withdraw my consent at any time; the likeness is then no longer used. {technician} explained this to "
        "me and signs as witness."
    ),
    "fr": (
        "Je soussigné(e), {presenter}, accepte qu'une image virtuelle de mon visage et de ma voix soit créée à "
        "partir de la vidéo {clip_name} et qu'elle dise des paroles que je n'ai pas dites, pour {uses}, dans "
        "ces langues : {languages}, du {valid_from} au {valid_until}. Chaque image indique qu'elle est générée "
        "par une intelligence artificielle. Je peux retirer mon accord à tout moment ; l'image n'est alors plus "
        "utilisée. {technician} me l'a expliqué et signe comme témoin."
    ),
}
"""What the presenter agrees to in plain words, by language."""

_LIMIT = 1 << 20
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
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


class Consent(BaseModel):
    """What was agreed: the part of the file that is signed. The module says what each field means."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)
    version: Literal[1] = 1
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

    @model_validator(mode="after")
    def _in_order(self) -> Consent:
        if self.valid_until < self.valid_from:
            raise ValueError(f"it ends on {self.valid_until}, before it begins on {self.valid_from}")
        return self

    def canonical(self) -> bytes:
        """The bytes that are signed: a fixed heading, then sorted compact JSON."""
        fields = self.model_dump(mode="json")
        text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return b"avatar-engine consent\n" + text.encode()


@dataclass(frozen=True, slots=True)
class SignedConsent:
    """A consent whose signature was verified; only `load`, `from_record`, `parse` and `new` make one.

    Attributes:
        consent: What was agreed.
        signature: The technician's signature in base64.
        text: The file's text, verbatim.
    """

    consent: Consent
    signature: str
    text: str

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
            ("valid", f"{agreed.valid_from} to {agreed.valid_until} ({standing(agreed)})"),
            ("clip", f"{agreed.clip_name} (sha256 {agreed.clip_sha256[:16]}…)"),
            ("signed by", f"{signer} ({holder})" if holder else signer),
            ("statement", agreed.statement),
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
    overwrite: bool = False,
) -> SignedConsent:
    """Sign a consent with this technician's key, bound to the clip ``video``, and write it to ``output``.

    The statement is written in the first of ``languages`` that has one in `STATEMENTS`, otherwise in English.

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
    }
    consent = _validated({**fields, "statement": _statement(fields)}, "This consent")
    table = {
        "consent": {**consent.model_dump(), "uses": list(consent.uses), "languages": list(consent.languages)},
        "signature": {"algorithm": "Ed25519", "value": keys.sign(key, consent.canonical())},
    }
    heading = "# A signed consent. Any change to what it says breaks the signature.\n\n"
    text = heading + tomli_w.dumps(table)
    signed = parse(text, str(output))
    _write(output, text, overwrite)
    return signed


def load(path: Path) -> SignedConsent:
    """Read a consent file and verify its signature; `check` says whether it covers a use.

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
    return parse(text, str(path))


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


def parse(text: str, where: str) -> SignedConsent:
    """Read a consent from its text and verify its signature; ``where`` names it in errors.

    Raises:
        AvatarError: As `load`.
    """
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise AvatarError(f"{where} is no TOML: {error}.", _AGAIN) from error
    record, seal = table.get("consent"), table.get("signature")
    if not isinstance(record, dict) or not isinstance(seal, dict) or set(table) != {"consent", "signature"}:
        raise AvatarError(f"{where} is no signed consent.", _AGAIN)
    version = record.get("version")
    if isinstance(version, int) and version > VERSION:
        raise AvatarError(
            f"{where} has version {version}; this engine reads {VERSION}.", "Upgrade avatar-engine."
        )
    consent = _validated(record, where)
    signature = seal.get("value")
    if (
        set(seal) != {"algorithm", "value"}
        or seal["algorithm"] != "Ed25519"
        or not isinstance(signature, str)
    ):
        raise AvatarError(f"{where} has no Ed25519 signature.", _AGAIN)
    if not keys.is_signed(consent.canonical(), signature, consent.technician_key):
        raise AvatarError(f"{where} was changed after it was signed.", _AGAIN)
    return SignedConsent(consent, signature, text)


def check(
    signed: SignedConsent,
    *,
    use: str | None = None,
    language: str | None = None,
    on: date | None = None,
    clip_sha256: str | None = None,
) -> None:
    """Refuse what the presenter did not agree to.

    Args:
        signed: The verified consent.
        use: What the avatar is used for, one of `USES`; not asked when None.
        language: The language that it is to speak, a BCP 47 tag; not asked when None.
        on: The day of use; today when None.
        clip_sha256: The sha256 of the clip that a clone is made of; not asked when None.

    Raises:
        AvatarError: The consent is not yet valid or expired, or does not cover the clip, use or language.
    """
    consent, day = signed.consent, on or date.today()
    name = consent.presenter
    if day < consent.valid_from:
        raise AvatarError(
            f"{name}'s consent is valid from {consent.valid_from} on; it is {day}.",
            "Wait, or ask for a new consent.",
        )
    if day > consent.valid_until:
        raise AvatarError(
            f"{name}'s consent expired on {consent.valid_until}; it is {day}.",
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
        raise AvatarError(
            f"{name} did not agree to the use {use!r}{known}, only to: {', '.join(consent.uses)}.",
            "Choose one of these, or ask the presenter for a wider consent.",
        )
    if language is not None and not any(covers(tag, language) for tag in consent.languages):
        raise AvatarError(
            f"{name} did not agree to the language {language!r}, only to: {', '.join(consent.languages)}.",
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


def _statement(fields: Mapping[str, Any]) -> str:
    spoken = [tag.split("-")[0].lower() for tag in fields["languages"]]
    language = next((tag for tag in spoken if tag in STATEMENTS), "en")
    meanings, last = (_USES_FR, " et ") if language == "fr" else (USES, " and ")
    uses = [meanings.get(use, use) for use in fields["uses"]]
    joined = last.join([", ".join(uses[:-1]), uses[-1]]) if len(uses) > 1 else "".join(uses)
    words = {**fields, "uses": joined, "languages": ", ".join(fields["languages"])}
    return STATEMENTS[language].format(**words)


def _validated(fields: Mapping[str, Any], where: str) -> Consent:
    try:
        return Consent.model_validate(dict(fields))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(step) for step in first["loc"]) or "its dates"
        reason = first["msg"].removeprefix("Value error, ")
        raise AvatarError(f"{where} is wrong at {field}: {reason}.", "Correct that and try again.") from error


def _write(output: Path, text: str, overwrite: bool) -> None:
    """Write whole or not at all; a file that came into being meanwhile is kept unless ``overwrite``."""
    try:
        files.write(output, text.encode(), overwrite)
    except FileExistsError as error:
        raise AvatarError(f"{output} exists already.", "Choose another name, or add --force.") from error
    except OSError as error:
        raise AvatarError(
            f"{output} can't be written: {error.strerror}.", "Choose a folder that exists and is yours."
        ) from error
