"""`avatar-engine verify`: what made a file, with whose consent."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from avatar_engine.cli.words import seconds

EXAMPLES = (
    "**Examples**\n\n"
    "`avatar-engine verify welcome.mp4`\n\n"
    "`avatar-engine verify downloaded.webm --consent consent.toml --consent marie.avatar`\n\n"
    "`avatar-engine verify evening.mp4 --seconds 0 --json`"
)


def verify(
    file: Annotated[
        Path, typer.Argument(help="A video, sound or picture, also one that a platform encoded anew.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    consent: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="A consent (.toml) or avatar to compare with; give several. Those of this machine count.",
        ),
    ] = None,
    length: Annotated[
        Any,
        typer.Option(
            "--seconds",
            parser=seconds,
            metavar="TIME",
            help="Search so much of it for hidden marks; 0 for all of it.",
        ),
    ] = "5m",
) -> None:
    """What made a file, which clone speaks in it, with whose consent, and what isn't there.

    Looks for the signed manifest (C2PA), the record in the stream, the words in the metadata, and the marks that are
    hidden in picture and sound, which outlive another encoding. Nothing is asked of the network.

    Ends with status 0 when there are marks and they are unbroken, 1 when there is none, 2 when the file can't be read,
    and 3 when the file was changed after it was signed, or its marks contradict each other.
    """
    from avatar_engine.cli.progress import Bars
    from avatar_engine.verify import look, words

    with Bars(Console(stderr=True)) as progress:
        found = look.look(file, length, consent or (), progress)
    out = Console()
    out.print_json(words.as_json(found)) if json else out.print(words.describe(found))
    if found.verdict.value:
        raise typer.Exit(found.verdict.value)
