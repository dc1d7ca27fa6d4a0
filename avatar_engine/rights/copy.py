"""The presenter's copy: all that was said in their name, show by show: a page, JSON, and the records themselves.

It is made from the chained records (`avatar_engine.trust.said`), whose chains are followed first. Viewers are in it as
they are in the shows' journals; the keys of their pseudonyms are not.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from avatar_engine import __version__
from avatar_engine.errors import AvatarError
from avatar_engine.pages import page as pages
from avatar_engine.timing import clock
from avatar_engine.trust import audit, register, said

WHAT = {
    "live": "live show",
    "say": "video of a text",
    "rehearse": "rehearsal, a video",
    "replay": "show played again, a video",
}


@dataclass(slots=True)
class Line:
    """One thing that was said.

    Attributes:
        text: As it was written, with its marks.
        language: BCP 47 tag.
        product: Id of what it was about; "" for nothing.
        source: Where the words came from: ``script:12``, ``host``, ``technician`` …
        at: Seconds on air when it was first heard; None for what is not known to have been.
        until: When its last sentence ended.
    """

    text: str
    language: str
    product: str = ""
    source: str = ""
    at: float | None = None
    until: float | None = None


@dataclass(slots=True)
class Told:
    """One show or video.

    Attributes:
        record: Its record's name.
        what: One of `WHAT`.
        began, until: Times of the record's first and last line.
        about: Avatar, script, use, language, outputs.
        lines: What was said, in order.
        sounds: Recorded or live sounds in place of words.
        microphone: When somebody else's voice was on air: from, and for how many seconds.
        broken: Where its chain is broken, and how; "" for nowhere.
        signed: Whose keys signed it.
        ended: Whether it has its end; a show that was killed has none.
        why: Why it ended before its time.
    """

    record: str
    what: str = ""
    began: str = ""
    until: str = ""
    about: dict[str, Any] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    sounds: list[str] = field(default_factory=list)
    microphone: list[tuple[float, float]] = field(default_factory=list)
    broken: str = ""
    signed: tuple[str, ...] = ()
    ended: bool = False
    why: str = ""

    @property
    def live(self) -> bool:
        """Whether it was on air."""
        return self.what == "live"


def gather(ids: Sequence[str]) -> list[Told]:
    """All shows and videos of these consents, the oldest first.

    Raises:
        AvatarError: There are none, or a record can't be read.
    """
    found = [_read(path) for consent in ids for path in said.records(consent)]
    if not found:
        raise AvatarError(
            "Nothing was said in this presenter's name on this machine, as far as it was written down.",
            "Engines before this one kept journals alone: see `avatar-engine report` of each show.",
        )
    return sorted(found, key=lambda told: told.began)


def write(ids: Sequence[str], output: Path, overwrite: bool = False) -> list[Told]:
    """Write the copy into the folder or .zip ``output``, whole or not at all; what is in it.

    Raises:
        AvatarError: There is nothing to write, or it can't be written.
    """
    told = gather(ids)
    if output.exists() and not (overwrite and output.is_file()):
        raise AvatarError(
            f"{output} exists already.", "Choose another name; a .zip may be replaced with --force."
        )
    try:
        with tempfile.TemporaryDirectory(dir=output.absolute().parent, prefix=f".{output.name}.") as made:
            inside = Path(made) / "copy"
            _fill(inside, ids, told)
            if output.suffix == ".zip":
                _pack(inside, Path(made) / "copy.zip")
                (Path(made) / "copy.zip").replace(output)
            else:
                inside.replace(output)
    except OSError as error:
        raise AvatarError(
            f"{output} can't be written: {error.strerror}.", "Choose a folder that exists and is yours."
        ) from error
    return told


def _fill(folder: Path, ids: Sequence[str], told: Sequence[Told]) -> None:
    records = folder / "records"
    records.mkdir(parents=True)
    for consent in ids:
        for path in said.records(consent):
            for one in (*audit.pieces_of(path), path):
                shutil.copyfile(one, records / one.name)
    presenter = str(register.about(ids[0]).get("presenter", ""))
    whole = {
        "presenter": presenter,
        "consents": list(ids),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "engine": __version__,
        "shows": [asdict(one) for one in told],
    }
    (folder / "said.json").write_text(json.dumps(whole, indent=1, ensure_ascii=False), encoding="utf-8")
    (folder / "index.html").write_text(page(presenter, ids, told), encoding="utf-8")


def page(presenter: str, ids: Sequence[str], told: Sequence[Told]) -> str:
    """The copy as one self-contained page."""
    lines = [line for one in told for line in one.lines]
    return pages.page(
        "avatar_engine.rights",
        "copy.html.j2",
        presenter=presenter,
        consents=ids,
        told=told,
        what=WHAT,
        words=sum(len(line.text.split()) for line in lines),
        lines=len(lines),
        languages=sorted({line.language for line in lines}),
        clock=clock,
        made=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )


def _pack(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder))


def _read(path: Path) -> Told:
    """What a record tells, up to where its chain is whole."""
    entries: list[dict[str, Any]] = []
    found = audit.verify(path, lambda entry: entries.append(dict(entry)))
    told = Told(path.stem, began=found.began, until=found.until)
    told.signed = tuple(f"{name} ({holder})" if holder else name for name, holder in found.signers.items())
    if found.broken:
        told.broken = f"{found.broken.file}, line {found.broken.line}: {found.broken.what}"
    numbered: dict[int, list[Line]] = {}
    for entry in entries:
        _take(told, numbered, entry)
    return told


def _take(told: Told, numbered: dict[int, list[Line]], entry: Mapping[str, Any]) -> None:
    """One entry more."""
    match entry.get("event"):
        case "begun":
            told.what = str(entry.get("what", ""))
            told.about = {name: value for name, value in entry.items() if name not in ("event", "what")}
        case "say":
            words = {name: str(entry.get(name) or "") for name in ("text", "language", "product", "source")}
            line = Line(words["text"], words["language"], words["product"], words["source"])
            told.lines.append(line)
            numbered.setdefault(_number(entry), []).append(line)
        case "heard":
            for line in numbered.get(_number(entry), ()):
                line.at = entry.get("at") if line.at is None else line.at
                line.until = entry.get("until")
        case "taken back":
            back = [line for number in entry.get("numbers", ()) for line in numbered.get(number, ())]
            told.lines[:] = [line for line in told.lines if not any(line is one for one in back)]
        case "sound":
            told.sounds.append(str(entry.get("source", "")))
        case "microphone" if not entry.get("on"):
            told.microphone.append((float(entry.get("at") or 0.0), float(entry.get("seconds") or 0.0)))
        case "ended":
            told.ended, told.why = True, str(entry.get("why", ""))


def _number(entry: Mapping[str, Any]) -> int:
    number = entry.get("number")
    return number if isinstance(number, int) else 0


def rows(told: Sequence[Told]) -> Iterator[str]:
    """What is in a copy, in lines for people."""
    for one in told:
        where = ", ".join(map(str, one.about.get("outputs", ()))) or "nowhere"
        state = f" BROKEN: {one.broken}" if one.broken else ""
        yield f"{one.began[:16]} {WHAT.get(one.what, one.what)}: {len(one.lines)} texts, to {where}.{state}"
