"""Actions of a clone on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from avatar_engine.cli.words import Avatar, Worn

out = Console()
console = Console(stderr=True)

action_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Named actions of a clone, such as a wave: short clips that a script or a technician calls for.",
)


@action_app.command(
    "add",
    epilog="**Examples**\n\n"
    "`avatar-engine consent new wave.mp4 -o wave.toml`\n\n"
    "`avatar-engine action add marie.avatar wave wave.mp4 --consent wave.toml`",
)
def add(
    avatar: Annotated[
        Path, typer.Argument(metavar="NAME.avatar", help="The clone; it is replaced at the end.")
    ],
    name: Annotated[str, typer.Argument(help="What it is called for by: wave, point, hold-product.")],
    video: Annotated[
        Path, typer.Argument(help="The clip, 1.5 to 20 s, filmed in the session of the minute.")
    ],
    consent: Annotated[Path, typer.Option(help="The signed consent for this very clip (see `consent new`).")],
    look: Worn = "",
) -> None:
    """Add an action to a clone, or replace one.

    Film it with the same camera, seat and light as the minute; rest for half a second at either end as you sit when you
    rest, and face the camera all through. A clip that fits no moment of the minute is refused, with what is different.
    An action belongs to the look in which it was filmed.
    """
    from avatar_engine.bundle import ORIGINAL
    from avatar_engine.cli.progress import Bars
    from avatar_engine.clone.acting import add_action

    with Bars(console) as progress:
        done = add_action(avatar, name, video, consent, progress, look or ORIGINAL)
    out.print(done, highlight=False, markup=False, soft_wrap=True)


@action_app.command("list", epilog="**Examples**\n\n`avatar-engine action list marie.avatar`")
def listed(avatar: Avatar, look: Worn = "") -> None:
    """Name the actions that a clone has in a look."""
    from avatar_engine.bundle import ORIGINAL, Bundle
    from avatar_engine.stage.action import names

    for name in names(Bundle.open(avatar, verify=False).wearing(look or ORIGINAL)):
        out.print(name, highlight=False, markup=False)
