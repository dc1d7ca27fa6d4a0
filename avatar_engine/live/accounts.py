"""What a show or video leaves in writing for the presenter: what was said in their name, and where all of it lies."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from avatar_engine.broadcast.spec import OutputSpec, redact_url
from avatar_engine.bundle import Bundle
from avatar_engine.trust import manifest, platforms
from avatar_engine.trust.consent import SignedConsent
from avatar_engine.trust.register import Register, pieces
from avatar_engine.trust.said import Said


def hosts_of(outputs: Sequence[OutputSpec]) -> tuple[str, ...]:
    """The servers that outputs go to, and what previews listen on; files have none."""
    return tuple(output.host for output in outputs if output.host)


def of_show(
    signed: SignedConsent,
    bundle: Bundle,
    outputs: Sequence[OutputSpec],
    stack: ExitStack,
    *,
    show: str,
    says: Path | str,
    use: str,
    language: str,
    idles: Sequence[Path],
    folders: Sequence[Path] = (),
    files: Sequence[Path] = (),
) -> Said:
    """Begin the record of a show on air, and note what it derives from the consent; ``stack`` finishes both.

    Args:
        signed: The presenter's consent.
        bundle: The clone.
        outputs: Where it goes.
        stack: Closed when the show is over.
        show: Its id; "" for none.
        says: Its script, or the sound.
        use: What it is for.
        language: Of the show.
        idles: Where its idle pictures lie.
        folders: Where its figures and journal go.
        files: Other files that tell of it.

    Raises:
        AvatarError: It can't be written down; nothing is said then.
    """
    register = Register(signed)
    recordings = [output.path for output in outputs if output.path]
    said = Said(
        signed, "live", avatar=bundle.name, show=show, use=use, language=language, says=_shown(says),
        outputs=[_output(output) for output in outputs],
        hosts=[host for host in hosts_of(outputs) if not platforms.rehearsal(host)],
    )  # fmt: skip

    began = time.time()
    stack.callback(said.close)
    register.note("avatar", bundle.path, whole=True)
    for path in idles:
        register.note("idle", path)
    for path in folders:
        register.note("show", path)
    for path in files:
        register.note("figures", path)
    for path in recordings:
        register.note("recording", path, pieces=True)

    def note() -> None:
        for path in recordings:
            for piece in pieces(path, began):
                register.note("recording", piece, whole=True)
        note_cached(register, bundle)

    stack.callback(note)
    return said


def of_video(
    signed: SignedConsent, bundle: Bundle, what: str, output: Path, stack: ExitStack, notes: Path | None = None,
    **about: str,
) -> Said:  # fmt: skip
    """The same for a video that is made: ``what`` is ``say``, ``rehearse`` or ``replay``.

    Args:
        signed: The presenter's consent.
        bundle: The clone.
        what: What makes it.
        output: Its file.
        stack: Closed when it is made, or was not.
        notes: Its journal; None for none.
        about: What else is known of it.

    Raises:
        AvatarError: It can't be written down; nothing is made then.
    """
    register = Register(signed)
    said = Said(signed, what, avatar=bundle.name, outputs=[output.name], **about)

    def note(whole: bool) -> None:
        register.note("avatar", bundle.path, whole=True)
        for path in (output, manifest.beside(output)):
            if path:
                register.note("video", path, whole=whole)
        for path in (notes, notes.with_suffix(".key")) if notes else ():
            register.note("journal", path, whole=whole)
        note_cached(register, bundle)

    stack.callback(said.close)
    note(False)
    stack.push(lambda kind, *_: note(True) if kind is None else None)
    return said


def note_cached(register: Register, bundle: Bundle) -> None:
    """Note the parts of a bundle that lie unpacked in the cache."""
    for path in bundle.cached():
        register.note("cache", path, whole=True)


def _output(output: OutputSpec) -> str:
    if output.kind == "preview":
        return f"preview on {output.host}"
    return platforms.shown(output.host) if output.network else str(output.path and output.path.name)


def _shown(says: Path | str) -> str:
    if isinstance(says, Path):
        return says.name
    return redact_url(says) if "://" in says else says
