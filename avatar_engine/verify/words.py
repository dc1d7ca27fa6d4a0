"""What was found in a file, in plain words and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from avatar_engine.trust import keys
from avatar_engine.trust.manifest import beside, can_carry
from avatar_engine.trust.marks.carrier import Found
from avatar_engine.trust.marks.code import shown
from avatar_engine.trust.provenance import SOURCE_TYPE
from avatar_engine.verify.look import Look, Verdict, records

SOLE = {
    Verdict.MARKED: "Made with avatar-engine, and nothing contradicts it.",
    Verdict.NOTHING: "No mark of avatar-engine, and no other statement of its making.",
    Verdict.CHANGED: "There are marks, and they are broken: do not rely on what it says.",
}
_SIGNS = {True: ("✓", "green"), False: ("✗", "red"), None: ("–", "dim")}

Row = tuple[bool | None, str, str]
"""Whether it is there and good (None: not there), what, and the words for it."""


def describe(found: Look) -> RenderableType:
    """For a terminal."""
    table = Table(show_header=False, box=None)
    table.add_column(width=1)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for good, what, words in rows(found):
        sign, style = _SIGNS[good]
        table.add_row(Text(sign, style=style), what, Text(words))
    return Group(Text(headline(found), style="bold"), table, *(Text(line) for line in _small_print(found)))


def headline(found: Look) -> str:
    """The verdict in a sentence."""
    made = found.manifest.generator if found.manifest else ""
    if found.verdict is Verdict.MARKED and not (found.consents or records(found.manifest, found.hidden)):
        if found.tagged or (found.manifest and SOURCE_TYPE in found.manifest.source_types):
            return f"It says that it is AI-generated{f' (made by {made})' if made else ''}."
        return (
            f"A signed manifest of {made or 'some program'}, and nothing of avatar-engine."
            if made
            else "It is marked."
        )
    return SOLE[found.verdict]


def rows(found: Look) -> Iterator[Row]:
    """Line by line, what is not there, too."""
    for _, record in records(found.manifest, found.hidden)[:1]:
        parts = record.get("generated")
        generated = " and ".join(map(str, parts)) if isinstance(parts, list) else "?"
        yield (
            True,
            "made by",
            f"{record.get('generator', '?')}: avatar {record.get('avatar', '?')!r}; generated: {generated}",
        )
    yield from _consent_rows(found)
    yield _manifest_row(found)
    yield _stream_row(found)
    yield (True if found.tagged else None), "metadata", _tag_words(found)
    yield _mark_row("picture", found.hidden.picture, found.hidden.cut)
    yield _mark_row("sound", found.hidden.sound, False)
    for words in found.contradictions:
        yield False, "contradiction", words


def _consent_rows(found: Look) -> Iterator[Row]:
    if not found.consents:
        yield None, "consent", "none is named"
    for name, wheres in found.consents.items():
        mine = [one for one in found.known if one.id.startswith(name)]
        said = f"says {' and '.join(wheres)}"
        if not mine:
            yield True, "consent", f"{name} ({said}); not known here: give --consent FILE to compare"
        for one in mine:
            avatars = f", avatar {', '.join(one.avatars)}" if one.avatars else ""
            yield True, "consent", f"{one.id}: {one.presenter}{avatars} ({said}; known from {one.source})"


def _manifest_row(found: Look) -> Row:
    manifest = found.manifest
    if manifest is None:
        there = "none" if can_carry(found.path) else "none: files of this kind carry none"
        if apart := beside(found.path):
            there = f"none: for a file of this kind it would lie beside it, {apart.name}"
        return None, "manifest", f"{there} (C2PA; a platform's own encoding takes it away)"
    if not manifest.whole:
        return (
            False,
            "manifest",
            f"the file or the manifest was changed since: {'; '.join(manifest.problems)}",
        )
    if not manifest.signer:
        return True, "manifest", f"whole; the signer ({manifest.issuer or 'no name'}) is unproven"
    key = keys.key_id(manifest.signer)
    who = found.holder or "whose holder is not known here"
    return True, "manifest", f"whole: nobody changed the file since it was signed with key {key} ({who})"


def _stream_row(found: Look) -> Row:
    notes = found.hidden.notes
    if not notes:
        return None, "stream", "nothing in its keyframes (SEI; another encoding takes it away)"
    return True, "stream", "; ".join(dict.fromkeys(note.words for note in notes))


def _tag_words(found: Look) -> str:
    tags = found.hidden.tags
    if not found.tagged:
        return "does not say that it is AI-generated"
    return tags.get("comment") or tags.get("description") or tags.get("title", "")


def _mark_row(what: str, mark: Found | None, cut: bool) -> Row:
    if mark is None:
        return None, what, f"there is no {what}"
    if not mark.there:
        return None, what, "no hidden mark found"
    number = f"consent {shown(mark.number)}" if mark.number is not None else "too weak to read whose consent"
    size = ", in a picture that was cut, enlarged or framed" if cut else ""
    chance = f"{mark.chance:.0e}" if mark.chance >= 1e-300 else "1e-300"
    return (
        True,
        what,
        f"hidden mark, {number}{size} (strength {mark.strength:.1f}; by chance: below {chance})",
    )


def _small_print(found: Look) -> Iterator[str]:
    hidden = found.hidden
    if hidden.damaged:
        yield f"The file is damaged after {hidden.seconds:.0f} s ({hidden.damaged}): what follows was not seen."
    elif hidden.length > hidden.seconds + 1 and not (hidden.picture and hidden.picture.there):
        yield f"Looked at the first {hidden.seconds:.0f} of {hidden.length:.0f} s: --seconds 0 looks at all of it."
    if found.verdict is Verdict.MARKED and not (found.manifest and found.manifest.signer):
        yield "Hidden marks and words are hints: who has the engine can put them on, too. Only a manifest is a proof."


def as_json(found: Look) -> str:
    """Everything, for programs."""
    hidden = found.hidden
    manifest = asdict(found.manifest) | {"holder": found.holder} if found.manifest else None
    told = {
        "file": str(found.path),
        "verdict": found.verdict.name.lower(),
        "words": headline(found),
        "manifest": manifest,
        "stream": [asdict(note) for note in hidden.notes],
        "metadata": hidden.tags,
        "says_ai_generated": found.tagged,
        "picture": _mark_json(hidden.picture) and {**_mark_json(hidden.picture), "cut": hidden.cut},
        "sound": _mark_json(hidden.sound) or None,
        "consents": [{"id": name, "named_by": wheres} for name, wheres in found.consents.items()],
        "known": [asdict(one) for one in found.known],
        "contradictions": list(found.contradictions),
        "seconds": round(hidden.seconds, 2),
        "length": round(hidden.length, 2),
        "damaged": hidden.damaged,
    }
    return json.dumps(told, indent=1, ensure_ascii=False)


def _mark_json(mark: Found | None) -> dict[str, object]:
    if mark is None:
        return {}
    read = shown(mark.number) if mark.there and mark.number is not None else None
    return {"found": mark.there, "consent": read, "strength": mark.strength, "chance": mark.chance}
