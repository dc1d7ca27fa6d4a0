"""Looks of a clone on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from avatar_engine.cli.words import Avatar, seconds

out = Console()
console = Console(stderr=True)

look_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Looks of a clone: other footage of the same person, such as another outfit or camera. A show changes from "
    "one to another at a pause.",
)

Changed = Annotated[Path, typer.Argument(metavar="NAME.avatar", help="The clone; it is replaced at the end.")]


@look_app.command(
    "add",
    epilog="**Examples**\n\n"
    "`avatar-engine consent new blue.mp4 -o blue.toml`\n\n"
    "`avatar-engine look add marie.avatar blue.mp4 --look blue-dress --consent blue.toml`\n\n"
    "`avatar-engine look add marie.avatar side.mp4 --look side-camera --consent side.toml --budget 15m --matte`",
)
def add(
    avatar: Changed,
    video: Annotated[
        Path, typer.Argument(help="About a minute of the same person who speaks to the camera.")
    ],
    look: Annotated[
        str, typer.Option(metavar="LOOK", help="What it is called for by: blue-dress, side-camera.")
    ],
    consent: Annotated[Path, typer.Option(help="The signed consent for this very clip (see `consent new`).")],
    budget: Annotated[
        Any,
        typer.Option(
            parser=seconds,
            metavar="TIME",
            help="Time for a painter of the look's own; 0 paints it as the clone is. The rest (check, body, measuring, "
            "matte) comes on top.",
        ),
    ] = "8m",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    matte: Annotated[
        bool | None,
        typer.Option(help="Cut the presenter out of it. By default where the clone itself has a matte."),
    ] = None,
    keep_work: Annotated[bool, typer.Option(help="Keep the working folder NAME.avatar.look-LOOK.")] = False,
) -> None:
    """Add a look to a clone, or replace one.

    Film it as the minute: about a minute of speech to the camera, one person, sound in step; it is checked in the same
    way. Clothes, hair, light, place and camera may be others. Voice and lips stay the clone's: nothing of how the
    person sounds or articulates is learnt again. Its painter begins as the clone's own, and is kept where it paints
    this footage better. A stop loses nothing: the same command goes on where it was.
    """
    from avatar_engine.cli.progress import Bars
    from avatar_engine.clone.looks import LookOptions, add_look

    options = LookOptions(budget, device, matte, keep_work)
    with Bars(console) as progress:
        told = add_look(avatar, look, video, consent, options, progress)
    out.print(told, highlight=False, markup=False, soft_wrap=True)


@look_app.command("list", epilog="**Examples**\n\n`avatar-engine look list marie.avatar`")
def listed(avatar: Avatar) -> None:
    """Name the looks that a clone has, with what is in each; `original` is the one that it was made with."""
    from avatar_engine.clone.looks import described

    for line in described(avatar):
        out.print(line, highlight=False, markup=False, soft_wrap=True)


@look_app.command("remove", epilog="**Examples**\n\n`avatar-engine look remove marie.avatar blue-dress`")
def remove(
    avatar: Changed, look: Annotated[str, typer.Argument(metavar="LOOK", help="One of `look list`.")]
) -> None:
    """Take a look out of a clone, with all that was made for it."""
    from avatar_engine.clone.looks import remove_look

    out.print(remove_look(avatar, look), highlight=False, markup=False, soft_wrap=True)


@look_app.command(
    "rename", epilog="**Examples**\n\n`avatar-engine look rename marie.avatar blue-dress evening`"
)
def rename(
    avatar: Changed,
    look: Annotated[str, typer.Argument(metavar="LOOK", help="One of `look list`.")],
    name: Annotated[
        str, typer.Argument(help="What it is called for by from now on; scripts have to say so, too.")
    ],
) -> None:
    """Call a look something else; scripts that name it want the new name."""
    from avatar_engine.clone.looks import rename_look

    out.print(rename_look(avatar, look, name), highlight=False, markup=False, soft_wrap=True)
