"""`avatar-engine studio`: the console in a browser, its backup, and a way in when a password is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from avatar_engine.cli import takeover

console = Console(stderr=True)
out = Console()

Folder = Annotated[
    Path | None,
    typer.Option("--folder", metavar="FOLDER", help="The studio's folder; in the user's state by default."),
]

studio_app = typer.Typer(rich_markup_mode="markdown", invoke_without_command=True)

EXAMPLES = (
    "**Examples**\n\n`avatar-engine studio`\n\n`avatar-engine studio --port 9000`\n\n"
    "`avatar-engine studio --host 0.0.0.0 --name studio.example.com --certificate cert.pem --key key.pem`\n\n"
    "`avatar-engine studio backup studio.zip`"
)


@studio_app.callback(epilog=EXAMPLES)
def studio(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Where it listens; this machine alone by default.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Its port; 0 takes a free one.")] = 8080,
    folder: Folder = None,
    name: Annotated[
        list[str] | None, typer.Option(metavar="HOST", help="A name by which browsers call it; give several.")
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Certificate for HTTPS (PEM)."),
    ] = None,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key (PEM).")] = None,
    plain: Annotated[
        bool,
        typer.Option("--plain", help="Without HTTPS though others can reach it: a proxy before it has it."),
    ] = False,
) -> None:
    """The studio console: clone, rehearse and go on air from a browser, for technicians.

    The first start prints a link, which works once, for the first admin; people, outputs and hosts are then set on the
    page. It serves this machine alone unless --host says more. Ctrl-C ends the console; shows and fits go on, and a
    console that is started again finds them.
    """
    if context.invoked_subcommand:
        return
    from avatar_engine.studio.house import usual_folder
    from avatar_engine.studio.serve import serve

    serve(
        folder or usual_folder(), takeover.launch(),
        lambda line: out.print(line, highlight=False, markup=False, soft_wrap=True),
        host=host, port=port, names=name or (), certificate=certificate, key=key, plain=plain,
    )  # fmt: skip


@studio_app.command(
    "link",
    epilog="**Examples**\n\n`avatar-engine studio link`\n\n`avatar-engine studio link --for Marie`\n\n"
    "`avatar-engine studio link --for Marie --no-factor`",
)
def link(
    person: Annotated[
        str, typer.Option("--for", metavar="NAME", help="Whose password is lost; a new admin by default.")
    ] = "",
    no_factor: Annotated[
        bool,
        typer.Option("--no-factor", help="Take their second factor away, too: phone and codes are lost."),
    ] = False,
    folder: Folder = None,
) -> None:
    """Print the path of a one-time link: for a new admin, or for a new password of somebody."""
    from avatar_engine.errors import AvatarError
    from avatar_engine.studio.backup import DATABASE, VAULT
    from avatar_engine.studio.database import Database
    from avatar_engine.studio.factors import Factors
    from avatar_engine.studio.house import usual_folder
    from avatar_engine.studio.people import People
    from avatar_engine.studio.vault import Vault

    place = folder or usual_folder()
    if not (place / DATABASE).is_file():
        raise AvatarError(f"There is no studio in {place}.", "Start one: avatar-engine studio")
    database = Database(place / DATABASE)
    people = People(database)
    found = next(
        (one for one in people.everybody() if str(one["name"]).casefold() == person.casefold()), None
    )
    if person and found is None:
        known = ", ".join(str(one["name"]) for one in people.everybody())
        raise AvatarError(f"There is nobody called {person!r}.", f"People: {known or 'nobody yet'}.")
    if found and no_factor:
        Factors(database, Vault(place / VAULT)).drop(int(found["id"]))
    role = str(found["role"]) if found else "admin"
    secret = people.invite(role, "the command line", int(found["id"]) if found else None)
    out.print(
        f"Open this path in the studio, within a day, once: /welcome/{secret}",
        highlight=False,
        soft_wrap=True,
    )


@studio_app.command(
    "backup",
    epilog="**Examples**\n\n`avatar-engine studio backup studio.zip`\n\n"
    "`avatar-engine studio backup all.zip --clips --keys`",
)
def backup(
    file: Annotated[Path, typer.Argument(help="The .zip to write.")],
    clips: Annotated[bool, typer.Option("--clips", help="The presenters' clips, too.")] = False,
    keys: Annotated[
        bool,
        typer.Option(
            "--keys", help="The key of the stream keys, too: whoever has the file then has them all."
        ),
    ] = False,
    folder: Folder = None,
) -> None:
    """Put the studio into one file, while it runs: people, outputs, scripts, consents, avatars, the audit log."""
    from avatar_engine.cli.progress import Bars
    from avatar_engine.studio import backup as room
    from avatar_engine.studio.house import usual_folder

    with Bars(console) as progress:
        count = room.write(folder or usual_folder(), file, clips=clips, keys=keys, progress=progress)
    out.print(f"{file}: {count} files.", highlight=False, markup=False, soft_wrap=True)


@studio_app.command("restore", epilog="**Examples**\n\n`avatar-engine studio restore studio.zip`")
def restore(file: Annotated[Path, typer.Argument(help="A backup.")], folder: Folder = None) -> None:
    """Make a studio of a backup, where there is none yet."""
    from avatar_engine.studio import backup as room
    from avatar_engine.studio.house import usual_folder

    place = folder or usual_folder()
    count = room.restore(file, place)
    out.print(f"{place}: {count} files.", highlight=False, markup=False, soft_wrap=True)


__all__ = ["studio_app"]
