"""`avatar-engine fleet`: shows and clone jobs on many machines, or on this one, from one file."""

from __future__ import annotations

import json as texts
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Column, Table

from avatar_engine.cli import takeover
from avatar_engine.errors import AvatarError
from avatar_engine.timing import clock

console = Console(stderr=True)
out = Console()

fleet_app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Shows and clone jobs on many machines, or on this one, from one file.",
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="What is to run (.toml); see the README.")]

BEGUN = 20.0
"""Seconds that a fleet has to begin."""

SETTLED = 6.0
"""Seconds that `up` waits until everything has a place, before it shows how it stands."""

COLOURS = {
    "running": "green",
    "ready": "green",
    "starting": "yellow",
    "waiting": "yellow",
    "silent": "red",
    "failed": "red",
    "away": "red",
}


@fleet_app.command(
    "up",
    epilog="**Examples**\n\n`avatar-engine fleet up fleet.toml`\n\n`avatar-engine fleet up fleet.toml --foreground`",
)
def up(
    file: File,
    resume: Annotated[
        bool, typer.Option("--resume", help="Shows that `fleet down` has ended go on where they were.")
    ] = False,
    foreground: Annotated[
        bool,
        typer.Option("--foreground", help="Stay, for a service manager; Ctrl-C ends the supervisor alone."),
    ] = False,
) -> None:
    """Start everything in a file, and keep it running: on this machine, or on those of a Ray cluster.

    Every show is placed where there is room by the machine's measured capacity (`avatar-engine capacity`); one that has
    room nowhere waits, and says why. When a machine dies, its shows go on elsewhere, to the same addresses, from where
    their scripts were. Addresses with their keys stay in variables or files of this machine; the fleet's file names
    them.

    The supervisor goes on when the terminal closes; it may be killed, too: what is on air goes on, and is found again.
    """
    from avatar_engine.fleet import plan
    from avatar_engine.fleet import run as room

    fleet = plan.load(file)
    if lacking := plan.missing(fleet):
        raise AvatarError(
            f"{file}: {'; '.join(lacking)}.", "Correct the paths; they are seen from the file's folder."
        )
    _check(fleet)
    program = takeover.launch()[1:]
    with _kept():
        _enter(fleet, file, resume)
        warden = None if foreground else room.launched(program)
    if warden is None:
        raise typer.Exit(room.stay(program))
    try:
        _await(fleet.mode, warden)
    except BaseException:  # nobody would know that it goes on trying
        room.dismiss(warden)
        raise
    _print(_status())


@fleet_app.command("check", epilog="**Examples**\n\n`avatar-engine fleet check fleet.toml`")
def check(file: File) -> None:
    """Read a fleet's file and all that it names, and tell every mistake with its line; nothing is started.

    Scripts are read, and variables and files with addresses are looked for; no address is shown.
    """
    from avatar_engine.fleet import plan

    fleet = plan.load(file)
    told = plan.missing(fleet) + _wrong(fleet)
    for show in fleet.show.values():
        for goal in show.to:
            try:
                plan.address(goal)
            except AvatarError as error:
                told.append(str(error))
    for line in told:
        out.print(line, highlight=False, markup=False, soft_wrap=True)
    if told:
        raise typer.Exit(1)
    count = f"{len(fleet.show)} shows, {len(fleet.clone)} clone jobs"
    out.print(f"{file} is good: {count}, mode {fleet.mode}.", highlight=False, markup=False, soft_wrap=True)


@fleet_app.command(
    "status",
    epilog="**Examples**\n\n`avatar-engine fleet status`\n\n`avatar-engine fleet status --follow`\n\n"
    "`avatar-engine fleet status --json`",
)
def status(
    json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Again every second, until Ctrl-C.")] = False,
) -> None:
    """Which machines there are, and what runs where.

    Ends with status 1 where no fleet runs.
    """
    told = _told()
    if told is None:
        out.print("null" if json else "No fleet runs.", highlight=False)
        raise typer.Exit(1)
    if json:
        out.print(texts.dumps(told), highlight=False, markup=False, soft_wrap=True)
    elif not follow or not out.is_terminal:
        _print(told)
    else:
        try:
            with Live(console=out, auto_refresh=False) as live:
                while told is not None:
                    live.update(drawn(told), refresh=True)
                    time.sleep(1.0)
                    told = _told()
        except KeyboardInterrupt:
            pass


@fleet_app.command(
    "add",
    epilog="**Examples**\n\n`avatar-engine fleet add fleet.toml marie`\n\n`avatar-engine fleet add evening.toml show2`",
)
def add(
    file: File,
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Shows or clone jobs of this file.")],
) -> None:
    """Add shows or clone jobs of a file to the fleet that runs.

    A show for which there is no room on any machine is refused with the reason.
    """
    from avatar_engine.fleet import door, plan

    fleet = plan.load(file)
    for name in names:
        if name not in fleet.plans:
            raise AvatarError(
                f"{file} has no show or clone job {name!r}.", f"It has: {', '.join(fleet.plans)}."
            )
    chosen = fleet.model_copy(
        update={
            kind: {n: p for n, p in getattr(fleet, kind).items() if n in names} for kind in ("show", "clone")
        }
    )
    if lacking := plan.missing(chosen):
        raise AvatarError(
            f"{file}: {'; '.join(lacking)}.", "Correct the paths; they are seen from the file's folder."
        )
    _check(chosen)
    for name, one in chosen.plans.items():
        known = {held: os.environ[held] for held in plan.variables(one) if os.environ.get(held)}
        told = door.ask("add", name=name, kind=one.kind, plan=one.model_dump(mode="json"), known=known)
        out.print(told, highlight=False, markup=False)


@fleet_app.command("remove", epilog="**Examples**\n\n`avatar-engine fleet remove marie`")
def remove(
    name: Annotated[str, typer.Argument(help="A show or a clone job.")],
    wait: Annotated[float, typer.Option(min=1, help="Seconds to wait until it has ended.")] = 90.0,
) -> None:
    """End a show or a clone job in order, and forget it."""
    from avatar_engine.fleet import door

    out.print(door.ask("remove", name=name), highlight=False, markup=False)
    limit = time.monotonic() + wait
    while any(one["name"] == name for one in (_told() or {"tasks": ()})["tasks"]):
        if time.monotonic() > limit:
            raise AvatarError(f"{name} has not ended after {wait:.0f} s.", "See avatar-engine fleet status.")
        time.sleep(0.3)


@fleet_app.command(
    "drain",
    epilog="**Examples**\n\n`avatar-engine fleet drain gpu2`\n\n`avatar-engine fleet drain gpu2 --back`",
)
def drain(
    node: Annotated[str, typer.Argument(metavar="MACHINE", help="Its name, or how its id begins.")],
    back: Annotated[bool, typer.Option("--back", help="Take it in again.")] = False,
) -> None:
    """Let nothing new go to a machine, and move its shows elsewhere, one after the other, where there is room.

    A show that moves is off the air while it starts on the other machine; it goes on in its script where it was.
    """
    from avatar_engine.fleet import door

    out.print(door.ask("drain", node=node, back=back), highlight=False, markup=False)


@fleet_app.command("down", epilog="**Examples**\n\n`avatar-engine fleet down`")
def down(
    wait: Annotated[float, typer.Option(min=1, help="Seconds to wait until all has ended.")] = 90.0,
) -> None:
    """End everything in order: what was made is sent, and files are finished."""
    from avatar_engine.fleet import door

    out.print(door.ask("down"), highlight=False, markup=False)
    limit = time.monotonic() + wait
    while _told() is not None:
        if time.monotonic() > limit:
            raise AvatarError(
                f"The fleet has not ended after {wait:.0f} s.", "See avatar-engine fleet status."
            )
        time.sleep(0.3)
    out.print("The fleet has ended.", highlight=False)


@contextmanager
def _kept() -> Iterator[None]:
    """Say it where a fleet's folder can't be written."""
    from avatar_engine.fleet import ledger

    try:
        yield
    except OSError as error:
        raise AvatarError(
            f"The fleet can't be kept in {ledger.place()}: {error.strerror or error}.",
            "Make room there, or set AVATAR_ENGINE_HOME to a folder that is yours.",
        ) from error


def _enter(fleet: Any, file: Path, resume: bool) -> None:
    """Write down what is to run, where no fleet runs.

    Raises:
        AvatarError: One does, or this one can't take its place.
        OSError: It can't be written.
    """
    from avatar_engine.fleet import ledger

    lock = ledger.Lock()
    try:
        if not lock.take():
            raise AvatarError(
                "A fleet runs already.",
                "Add to it (avatar-engine fleet add), or end it first (avatar-engine fleet down).",
            )
        known = ledger.load()
        ledger.save(known.again(fleet, file, resume) if known else ledger.Ledger.of(fleet, file))
    finally:
        lock.release()


def _check(fleet: Any) -> None:
    """Refuse a fleet whose scripts can't be read."""
    if wrong := _wrong(fleet):
        raise AvatarError(f"{wrong[0]}", "avatar-engine fleet check tells all mistakes.")


def _wrong(fleet: Any) -> list[str]:
    """What is wrong in the scripts."""
    from avatar_engine.show import script

    told = []
    for name, show in fleet.show.items():
        if show.script.is_file():
            try:
                script.load(show.script)
            except AvatarError as error:
                told.append(f"show.{name}.script: {error}")
    return told


def _told() -> dict[str, Any] | None:
    from avatar_engine.fleet import door

    return door.told()


def _status() -> dict[str, Any]:
    """How it stands once everything has a place or a reason."""
    limit = time.monotonic() + SETTLED
    while True:
        told = _told()
        if told is None:
            raise AvatarError("The fleet has ended.", "Its log says why: see fleet.log in its folder.")
        if time.monotonic() > limit or (told["nodes"] and all(_settled(one) for one in told["tasks"])):
            return told
        time.sleep(0.2)


def _settled(task: dict[str, Any]) -> bool:
    return task["state"] != "waiting" or bool(task["why"])


def _await(mode: str, warden: subprocess.Popen[bytes]) -> None:
    """Wait until the supervisor answers.

    Raises:
        AvatarError: It does not, or its warden has given up.
    """
    from avatar_engine.figures import folder
    from avatar_engine.fleet import ledger

    limit = time.monotonic() + BEGUN * (3 if mode == "ray" else 1)
    while _told() is None:
        if time.monotonic() > limit or warden.poll() is not None:
            log = ledger.place() / "fleet.log"
            raise AvatarError(f"The fleet does not begin. {folder.last_line(log)}".strip(), f"See {log}.")
        time.sleep(0.2)


def _print(told: dict[str, Any]) -> None:
    out.print(drawn(told))


def drawn(told: dict[str, Any]) -> RenderableType:
    """Machines and what runs on them, for people."""
    machines = Table("machine", "state", "free cores", "free memory", "capacity", "runs", box=None)
    for node in told["nodes"]:
        machines.add_row(
            f"{escape(node['name'])} [dim]{node['id'][:8]}[/]",
            _coloured(node["state"]),
            f"{node['free_cores']:.1f} of {node['cores']:.1f}",
            f"{node['free_memory_mb'] / 1e3:.1f} of {node['memory_mb'] / 1e3:.1f} GB",
            "measured" if node["measured"] else "[yellow]not measured[/]",
            escape(", ".join(node["runs"])),
        )
    tasks = Table(
        Column("name", no_wrap=True), "what", "state", "machine", "on air", "restarts", "", box=None
    )
    for task in told["tasks"]:
        said = task["why"] or task["told"]
        if task["lease_left"] is not None:
            said = f"{said} ({task['lease_left']:.0f} s)"
        tasks.add_row(
            escape(task["name"]), task["kind"], _coloured(task["state"]), escape(task["machine"]),
            clock(task["on_air"]) if task["on_air"] else "", str(task["restarts"] or ""), escape(said),
        )  # fmt: skip
    return Group(machines, "", tasks)


def _coloured(state: str) -> str:
    colour = COLOURS.get(state)
    return f"[{colour}]{escape(state)}[/]" if colour else escape(state)
