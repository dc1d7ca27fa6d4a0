"""What a file says of its making, gathered and judged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from avatar_engine.contracts import Progress, silent
from avatar_engine.trust import keys
from avatar_engine.trust import manifest as manifests
from avatar_engine.trust.manifest import Manifest
from avatar_engine.trust.marks.carrier import Found
from avatar_engine.trust.marks.code import shown
from avatar_engine.trust.provenance import COMMENTS, SOURCE_TYPE, TAG
from avatar_engine.verify import hidden, known
from avatar_engine.verify.hidden import Hidden
from avatar_engine.verify.known import Known

SECONDS = 300.0
"""How much of a file is looked at where nobody says: what was made here shows both marks in its first seconds."""


class Verdict(Enum):
    """What comes of it; the value is the exit status."""

    MARKED = 0
    NOTHING = 1
    CHANGED = 3


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that was found in a file.

    Attributes:
        path: The file.
        manifest: Its signed manifest; None where there is none.
        holder: Who is known here to hold the signer's key; "" for nobody.
        hidden: What stream, pictures and sound carry.
        tagged: Whether the file's metadata says that it is AI-generated.
        consents: Ids, or their beginnings, of the consents that are named, each with those who name it.
        known: The consents among them that are known here.
        contradictions: What doesn't fit together.
    """

    path: Path
    manifest: Manifest | None
    holder: str
    hidden: Hidden
    tagged: bool
    consents: Mapping[str, tuple[str, ...]]
    known: tuple[Known, ...]
    contradictions: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        """Whether there are marks, and whether they are unbroken."""
        if self.contradictions or (self.manifest is not None and not self.manifest.whole):
            return Verdict.CHANGED
        marked = self.manifest or self.hidden.notes or self.tagged or _there(self.hidden)
        return Verdict.MARKED if marked else Verdict.NOTHING


def look(
    path: Path, seconds: float = SECONDS, files: Iterable[Path] = (), progress: Progress = silent
) -> Look:
    """Look at a file.

    Args:
        path: Any video or sound that FFmpeg reads.
        seconds: How much of it is searched for hidden marks, from its start; 0 for all of it. The search ends
            where both are found.
        files: Consents and avatars to compare with, besides those that this machine knows.
        progress: Told how far it is.

    Raises:
        AvatarError: It can't be read, or one of ``files`` can't.
    """
    listed = known.known(files)
    found = hidden.search(path, seconds, progress)
    manifest = manifests.read(path)
    holder = keys.known_keys().get(keys.key_id(manifest.signer), "") if manifest and manifest.signer else ""
    named = _consents(manifest, found)
    mine = tuple(one for one in listed if any(one.id.startswith(name) for name in named))
    return Look(path, manifest, holder, found, _tagged(found), named, mine, _contradictions(named))


def records(manifest: Manifest | None, found: Hidden) -> list[tuple[str, Mapping[str, Any]]]:
    """The engine's records, each with where it stands."""
    listed: list[tuple[str, Mapping[str, Any]]] = [
        ("the stream", note.record) for note in found.notes if note.record
    ]
    if (tagged := _tagged_record(found)) is not None:
        listed.append(("the metadata", tagged))
    if manifest and manifest.record:
        listed.insert(0, ("the manifest", manifest.record))
    return listed


def _tagged_record(found: Hidden) -> Mapping[str, Any] | None:
    """The record in a file's metadata, as files have it whose stream can hold none."""
    try:
        record = json.loads(found.tags.get(TAG, ""))
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def consent_of(record: Mapping[str, Any]) -> str:
    """The id of the consent that a record names; "" for none."""
    part = record.get("consent")
    name = part.get("id") if isinstance(part, dict) else None
    return name if isinstance(name, str) and len(name) >= 8 and set(name) <= set("0123456789abcdef") else ""


def _consents(manifest: Manifest | None, found: Hidden) -> dict[str, tuple[str, ...]]:
    named: dict[str, list[str]] = {}
    for where, record in records(manifest, found):
        if name := consent_of(record):
            named.setdefault(name, []).append(where)
    for where, mark in (("the picture", found.picture), ("the sound", found.sound)):
        if mark and mark.there and mark.number is not None:
            start = shown(mark.number)
            name = next((one for one in named if one.startswith(start)), start)
            named.setdefault(name, []).append(where)
    return {name: tuple(dict.fromkeys(wheres)) for name, wheres in named.items()}


def _contradictions(named: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    if len(named) < 2:
        return ()
    each = "; ".join(f"{' and '.join(wheres)}: {name[:8]}" for name, wheres in named.items())
    return (f"Its parts name different consents ({each}): it was put together, or marks were copied.",)


def _tagged(found: Hidden) -> bool:
    words = " ".join(found.tags.get(key, "") for key in ("title", "comment", "description"))
    told = [text.partition(":")[0].strip() for text in COMMENTS.values()]
    return SOURCE_TYPE in words or any(words_ in words for words_ in told)


def _there(found: Hidden) -> bool:
    marks: tuple[Found | None, ...] = (found.picture, found.sound)
    return any(mark is not None and mark.there for mark in marks)
