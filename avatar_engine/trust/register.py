"""The register of a consent on this machine: who it is of, and everything that was derived from it.

One folder a consent, ``consents/ID`` in the state folder: ``about.json`` (presenter, clip, keys), ``derived.jsonl`` (a
line for every file and folder, written when it is begun and again when it is finished) and ``said/``
(`avatar_engine.trust.said`). Whoever makes something of a person's likeness notes it here first, so that
`avatar_engine.rights.erasure` finds it again. Lines are appended in one write each, by any number of processes.

The register also remembers which clips were once agreed to with a presenter's own key: a later consent for such a clip
that has not that key is refused, for the presenter's signature can't be stripped by signing anew without it.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from avatar_engine.errors import AvatarError
from avatar_engine.folders import state_folder
from avatar_engine.trust import files, keys
from avatar_engine.trust.consent import SignedConsent

KINDS = {
    "clip": "the presenter's clip",
    "consent": "the signed consent",
    "work": "working folder of a clone",
    "avatar": "the avatar",
    "report": "report on a clone",
    "video": "video that was made",
    "recording": "recording of a show",
    "journal": "journal of a show",
    "show": "folder of a show: log, series, journal, audit, report",
    "figures": "log or figures of a show",
    "idle": "idle pictures",
    "cache": "unpacked part of the avatar",
    "copy": "presenter's copy",
}
"""What is derived from a consent, and what people call it."""

CLOCK = 2.0
"""Seconds by which a file system's times may differ from the system's."""

SOURCES = ("clip", "consent")
"""What was there before the first derived thing."""


@dataclass(frozen=True, slots=True)
class Derived:
    """Something that was made.

    Attributes:
        kind: One of `KINDS`.
        path: Where, absolute and without links.
        size: Bytes when it was finished; -1 while it was not.
        mtime_ns: When it was changed last, then.
        pieces: Whether it may be in several files, numbered.
        at: When this was noted, in seconds since 1970.
    """

    kind: str
    path: Path
    size: int = -1
    mtime_ns: int = 0
    pieces: bool = False
    at: float = 0.0


class Register:
    """The register of one consent; made on first use.

    Args:
        signed: The consent.

    Raises:
        AvatarError: It can't be written: nothing is derived then, for nobody would find it again.
    """

    def __init__(self, signed: SignedConsent) -> None:
        self.folder = folder() / signed.id
        agreed = signed.consent
        about = {
            "presenter": agreed.presenter,
            "clip_sha256": agreed.clip_sha256,
            "presenter_key": agreed.presenter_key,
            "technician_key": agreed.technician_key,
        }
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with suppress(FileExistsError):
                if not (self.folder / "about.json").exists():
                    text = json.dumps(about, indent=1, ensure_ascii=False)
                    files.write(self.folder / "about.json", text.encode(), replace=False)
        except OSError as error:
            raise _unwritten(self.folder, error) from error

    def note(self, kind: str, path: Path, *, whole: bool = False, pieces: bool = False) -> None:
        """Write down that ``path`` is derived, before it is made and again once it is ``whole``.

        Raises:
            AvatarError: It can't be written down.
        """
        note(self.folder.name, kind, path, whole=whole, pieces=pieces)


def note(consent: str, kind: str, path: Path, *, whole: bool = False, pieces: bool = False) -> None:
    """The same in a register that is there, by the consent's id.

    Raises:
        AvatarError: It can't be written down.
    """
    real, file = path.expanduser().resolve(), folder() / consent / "derived.jsonl"
    known: dict[str, Any] = {}
    with suppress(OSError):
        if whole and real.is_file():
            known = {"size": real.stat().st_size, "mtime_ns": real.stat().st_mtime_ns}
    made = Derived(kind, real, pieces=pieces, at=time.time(), **known)
    line = json.dumps({**asdict(made), "path": str(real)}, ensure_ascii=False) + "\n"
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "ab", buffering=0) as out:
            out.write(line.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise _unwritten(file, error) from error


def folder() -> Path:
    """Where the registers of all consents are."""
    return state_folder() / "consents"


def about(consent: str) -> dict[str, Any]:
    """Who a consent is of, by its id; empty where this machine does not know."""
    try:
        read = json.loads((folder() / consent / "about.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def consents() -> list[str]:
    """Ids of all consents of which this machine has a register."""
    with suppress(OSError):
        return sorted(path.name for path in folder().iterdir() if (path / "about.json").is_file())
    return []


def derived(consent: str) -> Iterator[Derived]:
    """What was derived from a consent: each once, as it was noted last."""
    newest: dict[str, Derived] = {}
    with suppress(OSError), (folder() / consent / "derived.jsonl").open("rb") as lines:
        for line in lines:
            try:
                told = json.loads(line)
                made = Derived(
                    str(told["kind"]), Path(told["path"]), int(told["size"]), int(told["mtime_ns"])
                )
                made = replace(made, pieces=bool(told["pieces"]), at=float(told["at"]))
            except (ValueError, KeyError, TypeError):
                continue  # cut off by a crash: what it was about was not begun yet
            if made.kind in KINDS and made.path.is_absolute():
                newest[str(made.path)] = made
    yield from newest.values()


def pieces(path: Path, since: float) -> list[Path]:
    """The files of a recording that were written since then: ``path``, and ``NAME-2``, ``NAME-001`` … beside it."""
    named = re.compile(rf"{re.escape(path.stem)}(-\d{{1,6}})?{re.escape(path.suffix)}")
    try:
        beside = [
            one for one in path.absolute().parent.iterdir() if named.fullmatch(one.name) and one.is_file()
        ]
        return sorted(one for one in beside if one.stat().st_mtime >= since - CLOCK)
    except OSError:
        return []


def check(signed: SignedConsent) -> None:
    """Refuse a consent without the presenter's key for a clip that was agreed to with one.

    Raises:
        AvatarError: It is such a consent.
    """
    agreed = signed.consent
    for one in consents():
        known = about(one)
        before = str(known.get("presenter_key", ""))
        if known.get("clip_sha256") == agreed.clip_sha256 and before and before != agreed.presenter_key:
            own = (
                f"with another key ({keys.key_id(agreed.presenter_key)})"
                if agreed.presenter_key
                else "without it"
            )
            raise AvatarError(
                f"{agreed.presenter} once agreed to the use of this clip with a key of their own "
                f"({keys.key_id(before)}); this consent is {own}.",
                "Use the consent that the presenter signed, or have the presenter sign this one. Where the code was "
                f"lost: avatar-engine forget {one[:12]}, then clone anew.",
            )


def _unwritten(path: Path, error: OSError) -> AvatarError:
    return AvatarError(
        f"The register {path} can't be written: {error.strerror}.",
        "Make room there, or set AVATAR_ENGINE_HOME to a folder that is yours.",
    )
