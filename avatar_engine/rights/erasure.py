"""The right of erasure: everything on this machine that was derived from a presenter is found, shown, and removed.

What is found: what the register has (`avatar_engine.trust.register`), and avatars with their neighbours in folders that
are searched. A thing is removed only where it is still what was noted: an avatar with that consent, a file of that size
and time, a folder in its place. What is not is left and told, and so is every link: none is followed.

First the consent is revoked on this machine, so that no copy that turns up later can be used here. In the end there is
a signed record that says which consent was erased, when, and how many things of which kind: no name, no path. A stop
in the middle loses nothing: the same command goes on.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from avatar_engine import __version__
from avatar_engine.bundle import Bundle, cache_folder
from avatar_engine.contracts import Progress, silent
from avatar_engine.errors import AvatarError
from avatar_engine.figures import door
from avatar_engine.figures.folder import everything
from avatar_engine.folders import state_folder
from avatar_engine.rights.whose import strewn
from avatar_engine.trust import audit, files, keys, platforms, register, revocation, said
from avatar_engine.trust import consent as consents
from avatar_engine.trust.consent import SignedConsent
from avatar_engine.trust.register import CLOCK, KINDS, SOURCES, Derived

REASON = "erased at the presenter's wish"

_ORDER = (
    "avatar",
    "work",
    "video",
    "recording",
    "show",
    "journal",
    "figures",
    "report",
    "idle",
    "cache",
    "copy",
)
_FOLDERS = ("work", "show", "copy")
_DOMAIN = b"avatar-engine erasure\n"


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that was derived, or is where it was.

    Attributes:
        consent: Id of its consent.
        kind: One of `KINDS`.
        path: Where it is.
        size: Bytes.
        left: Why it is left alone; "" for what is removed.
    """

    consent: str
    kind: str
    path: Path
    size: int
    left: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What `erase` will do.

    Attributes:
        consents: Ids of the consents that are erased.
        things: What was found, in the order in which it goes.
        went: Hosts to which shows went, which nobody here can take back.
    """

    consents: tuple[str, ...]
    things: tuple[Thing, ...]
    went: tuple[str, ...]

    @property
    def removed(self) -> list[Thing]:
        """What goes."""
        return [thing for thing in self.things if not thing.left]

    @property
    def left(self) -> list[Thing]:
        """What stays, and why."""
        return [thing for thing in self.things if thing.left]


def find(ids: Sequence[str], search: Sequence[Path] = (), sources: bool = False) -> Plan:
    """Everything that was derived from these consents, as far as this machine knows.

    Args:
        ids: Of the consents (`avatar_engine.rights.whose.meant`).
        search: Folders that are searched for avatars and consents besides.
        sources: The clip and the consent's file go, too.

    Raises:
        AvatarError: A folder can't be searched.
    """
    noted: dict[Path, tuple[str, Derived]] = {}
    for consent in ids:
        for made in register.derived(consent):
            noted.update((one.path, (consent, one)) for one in _pieces(made))
    for path, signed in strewn(search):
        if signed.id in ids:
            for made in _around(path):
                noted.setdefault(made.path, (signed.id, made))
    for consent, made in list(noted.values()):
        for part in _halves(made.path):
            noted.setdefault(part, (consent, Derived(made.kind, part)))
    others = {made.path for one in register.consents() if one not in ids for made in register.derived(one)}
    found = [_judged(consent, made, made.path in others, sources) for consent, made in noted.values()]
    found += _old_shows(ids, set(noted))
    things = [thing for thing in found if thing]
    things.sort(key=lambda thing: ((*_ORDER, *SOURCES).index(thing.kind), str(thing.path)))
    return Plan(tuple(ids), tuple(things), tuple(sorted({host for one in ids for host in _went(one)})))


def refuse_running(plan: Plan) -> None:
    """Refuse while a show of the avatar is on air: it would go on writing.

    Raises:
        AvatarError: One is.
    """
    shows = {thing.path.name for thing in plan.things if thing.kind == "show"}
    if running := [str(one.get("show")) for one in door.running() if one.get("show") in shows]:
        raise AvatarError(
            f"{', '.join(running)} is on air with it.", f"End it first: avatar-engine stop {running[0]}"
        )


def erase(plan: Plan, progress: Progress = silent) -> Path:
    """Remove what the plan removes, and write the record of it; where that is.

    Raises:
        AvatarError: Something can't be removed or written; what was removed is, and the same command goes on.
    """
    key = keys.technician_key()
    for consent in plan.consents:
        revocation.revoke(consent, key, REASON)
    things = plan.removed
    for number, thing in enumerate(things):
        progress("forget", number / max(1, len(things)), thing.path.name)
        _remove(thing)
        _note_removed(thing)
    record = _record(plan, key)
    for consent in plan.consents:
        _remove_folder(register.folder() / consent)
    progress("forget", 1.0, f"{len(things)} removed")
    return record


def _pieces(made: Derived) -> Iterator[Derived]:
    """What was noted, file by file: of a show that was killed nobody noted the pieces of its recording."""
    if made.pieces:
        for path in register.pieces(made.path, made.at):
            yield replace(made, path=path)
    else:
        yield made


def _around(path: Path) -> Iterator[Derived]:
    """An avatar or a consent that was found, and what a clone leaves beside an avatar."""
    if path.suffix == ".toml":
        yield Derived("consent", path)
        return
    yield Derived("avatar", path)
    yield Derived("work", path.with_suffix(".avatar.work"))
    yield Derived("work", path.with_suffix(".avatar.matte"))
    for look in path.parent.glob(f"{path.stem.replace('[', '[[]')}.avatar.look-*"):
        yield Derived("work", look)
    for report in (path.with_suffix(".report.html"), path.with_suffix(".report.json")):
        with suppress(OSError):  # written with the avatar: what is much younger or older is another clone's
            there = report.stat()
            if abs(there.st_mtime - path.stat().st_mtime) < 60:
                yield Derived("report", report, there.st_size, there.st_mtime_ns)


def _halves(path: Path) -> Iterator[Path]:
    """What a stop leaves of a file that was being written: hidden, beside it."""
    with suppress(OSError):
        for pattern in (f".{path.name}.*.partial", f".{path.name}.*.part"):
            yield from path.parent.glob(pattern.replace("[", "[[]"))


def _judged(consent: str, made: Derived, others: bool, sources: bool) -> Thing | None:
    """A thing, and whether it may go; None where nothing is there any more."""
    path = made.path
    try:
        here = path.lstat()
    except OSError:
        return None
    thing = Thing(consent, made.kind, path, _size(path) if path.is_dir() else here.st_size)
    if path.is_symlink() or path.resolve() != path:
        return replace(thing, left="it is a link now, or lies behind one")
    if others:
        return replace(thing, left="another presenter's register has it, too")
    if made.kind in SOURCES and not sources:
        return replace(thing, left="it was there before the clone; --sources removes it, too")
    return replace(thing, left=_strange(consent, made))


def _strange(consent: str, made: Derived) -> str:
    """Why it is not what was noted; "" where it is."""
    path, wrong = made.path, "it is something else now"
    if path.is_dir() != (made.kind in _FOLDERS and not (made.kind == "copy" and path.is_file())):
        return wrong
    if path.name.startswith(".") and path.suffix in (".partial", ".part"):
        return ""
    match made.kind:
        case "avatar" | "consent":
            there = _consent_in(path)
            own = there and (there.id == consent or (made.kind == "consent" and _same_person(there, consent)))
            return "" if own else "it has another consent now"
        case "work":
            with suppress(OSError):  # of a look, whose clip has a consent of its own, or of a matte
                if (path / "consent.id").read_text() == consent:
                    return ""
            with suppress(OSError):
                clip = register.about(consent).get("clip_sha256") or "?"
                return "" if (path / "source.sha256").read_text() == clip else "it is of another clip"
            return wrong
        case "show":
            return "" if path.parent == (state_folder() / "shows").resolve() else wrong
        case "idle" | "cache":
            return "" if path.is_relative_to(cache_folder().parent.resolve()) else wrong
        case "copy" if path.is_dir():
            return "" if (path / "said.json").is_file() else wrong
    now = path.stat()
    if made.size < 0:  # it was never finished: a show that was killed, or a log that others write on
        return "" if now.st_mtime >= made.at - CLOCK else "it was there before"
    return "" if (now.st_size, now.st_mtime_ns) == (made.size, made.mtime_ns) else "it was changed since"


def _consent_in(path: Path) -> SignedConsent | None:
    """The consent in an avatar or a consent's file; None for none."""
    with suppress(AvatarError):
        if path.suffix == ".avatar":
            return consents.from_record(Bundle.open(path, verify=False).consent)
        return consents.load(path, unsigned=True)
    return None


def _same_person(there: SignedConsent, consent: str) -> bool:
    """Whether another consent is of the same presenter: an action's clip has one of its own."""
    return there.consent.presenter == register.about(consent).get("presenter")


def _old_shows(ids: Sequence[str], known: set[Path]) -> Iterator[Thing]:
    """Folders of shows that were before there was a register: they have the avatar's file name and nothing else."""
    named = {made.path.name: one for one in ids for made in register.derived(one) if made.kind == "avatar"}
    noted = {made.path for one in register.consents() for made in register.derived(one)}
    for show in everything():
        avatar, path = str(show.about().get("avatar", "")), show.path.resolve()
        if avatar in named and path not in known and path not in noted:
            why = f"it is older than the register: it says only that it showed {avatar}"
            yield Thing(named[avatar], "show", path, _size(path), why)


def _went(consent: str) -> Iterator[str]:
    """Where shows went, besides files and this machine."""
    told: list[dict[str, Any]] = []
    for path in said.records(consent):
        with suppress(AvatarError):
            audit.verify(
                path, lambda entry: told.append(dict(entry)) if entry.get("event") == "begun" else None
            )
    for entry in told:
        yield from (platforms.shown(str(host)) for host in entry.get("hosts", ()))


def _remove(thing: Thing) -> None:
    """Remove one thing.

    Raises:
        AvatarError: It can't be removed.
    """
    if thing.path.is_symlink():
        return
    if thing.path.is_dir():
        _remove_folder(thing.path)
        return
    try:
        thing.path.unlink(missing_ok=True)
    except OSError as error:
        raise _stuck(thing.path, error) from error


def _remove_folder(path: Path) -> None:
    """Remove a folder and all in it; links in it go, what they lead to stays.

    Raises:
        AvatarError: It can't be removed.
    """
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _stuck(path, error) from error


def _stuck(path: Path, error: OSError) -> AvatarError:
    return AvatarError(
        f"{path} can't be removed: {error.strerror}.",
        "Give yourself the right to it; the same command goes on.",
    )


def _note_removed(thing: Thing) -> None:
    """Count it where a stop does not lose it; no name and no path."""
    folder = register.folder() / thing.consent
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (folder / "removed.jsonl").open("a", encoding="utf-8") as out:
            out.write(json.dumps({"kind": thing.kind, "bytes": thing.size}) + "\n")


def _record(plan: Plan, key: Any) -> Path:
    """Write down, signed, that consents were erased.

    Raises:
        AvatarError: It can't be written.
    """
    counts, sizes = Counter[str](), Counter[str]()
    for consent in plan.consents:
        with (
            suppress(OSError),
            (register.folder() / consent / "removed.jsonl").open(encoding="utf-8") as lines,
        ):
            for line in lines:
                with suppress(ValueError, KeyError):
                    told = json.loads(line)
                    counts[str(told["kind"])] += 1
                    sizes[str(told["kind"])] += int(told["bytes"])
        if (register.folder() / consent / "said").is_dir():
            counts["record of what was said"] += len(said.records(consent))
    now = datetime.now(UTC)
    made: dict[str, Any] = {
        "format": "avatar-engine erasure",
        "engine": __version__,
        "at": now.isoformat(timespec="seconds"),
        "consents": sorted(hashlib.sha256(one.encode()).hexdigest() for one in plan.consents),
        "removed": {kind: {"count": count, "bytes": sizes[kind]} for kind, count in sorted(counts.items())},
        "left": dict(Counter(thing.kind for thing in plan.left)),
        "public_key": keys.public_text(key),
    }
    made["signature"] = keys.sign(key, _DOMAIN + _canonical(made))
    path = state_folder() / "erasures" / f"{now:%Y%m%dT%H%M%SZ}-{plan.consents[0][:8]}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        files.write(path, json.dumps(made, indent=1).encode(), replace=True)
    except OSError as error:
        raise AvatarError(
            f"The record {path} can't be written: {error.strerror}.", "Make room; the same command goes on."
        ) from error
    return path


def is_record(path: Path) -> bool:
    """Whether a record of an erasure is as it was signed.

    Raises:
        AvatarError: It can't be read.
    """
    try:
        made = json.loads(path.read_bytes())
        signature = made.pop("signature")
        return keys.is_signed(_DOMAIN + _canonical(made), str(signature), str(made["public_key"]))
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise AvatarError(
            f"{path} is no record of an erasure.", "They lie in the state folder's erasures/."
        ) from error


def _canonical(made: dict[str, Any]) -> bytes:
    return json.dumps(made, sort_keys=True, separators=(",", ":")).encode()


def _size(folder: Path) -> int:
    """Bytes of the files in a folder; links count for nothing."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            if not path.is_symlink() and path.is_file():
                total += path.stat().st_size
    return total


__all__ = ["KINDS", "Plan", "Thing", "erase", "find", "is_record", "refuse_running"]
